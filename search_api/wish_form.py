"""The form of a wish (申请单) as people fill it in: fields to a citation and a wish, and what is wrong with them."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from mappings.requests import GENRES, LEVELS, SERVICES, Citation, Wish
from routing.citations import FIELD_WORDS
from search_api.vocabulary import Words

SHORT, LONG = 200, 2000
MOST_YUAN = 100_000

CITED = (
    "genre", "title", "author", "article_title", "article_author", "isbn", "issn", "doi", "number", "date", "volume",
    "issue", "pages", "part", "edition", "publisher", "place", "series", "degree_body", "degree",
)  # fmt: skip
"""Elements of a citation that people tell; its language and record come with the record."""

AT = {
    "journal_title": "title", "article": "article_title", "year_or_volume": "date", "book_title": "title",
    "chapter": "article_title", "pages_of_book": "pages", "proceedings_title": "title", "thesis_title": "title",
    "thesis_author": "author", "patent_number": "number", "standard_number": "number", "title": "title",
}  # fmt: skip
"""The field beside which it is said what is missing, by the codes of FIELD_WORDS."""

SOURCES = ("record", "openurl", "form")
"""Where a form was begun."""

BAD_DATE = Words("日期应写作 2026-12-31。", "Write the date as 2026-12-31.")
PAST_DATE = Words("所需日期已过。", "That day is over.")
BAD_MONEY = Words("请写金额，例如 20 或 20.50。", "Write an amount, 20 or 20.50.")


class WishForm(BaseModel):
    """All fields are texts, and one that is missing is empty: what was typed in is shown again as it was."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    record: str = Field(default="", max_length=40)
    genre: str = Field(default="", max_length=20)
    title: str = Field(default="", max_length=LONG)
    author: str = Field(default="", max_length=SHORT)
    article_title: str = Field(default="", max_length=LONG)
    article_author: str = Field(default="", max_length=SHORT)
    isbn: str = Field(default="", max_length=40)
    issn: str = Field(default="", max_length=40)
    doi: str = Field(default="", max_length=SHORT)
    number: str = Field(default="", max_length=SHORT)
    date: str = Field(default="", max_length=40)
    volume: str = Field(default="", max_length=40)
    issue: str = Field(default="", max_length=40)
    pages: str = Field(default="", max_length=60)
    part: str = Field(default="", max_length=SHORT)
    edition: str = Field(default="", max_length=SHORT)
    publisher: str = Field(default="", max_length=SHORT)
    place: str = Field(default="", max_length=SHORT)
    series: str = Field(default="", max_length=SHORT)
    degree_body: str = Field(default="", max_length=SHORT)
    degree: str = Field(default="", max_length=SHORT)
    service: str = Field(default="", max_length=20)
    level: str = Field(default="", max_length=20)
    need_before: str = Field(default="", max_length=20)
    max_cost: str = Field(default="", max_length=20, description="Yuan.")
    note: str = Field(default="", max_length=LONG)
    delivery: str = Field(default="", max_length=SHORT)
    reader: str = Field(default="", max_length=100, description="For whom an officer asks: card number or login.")
    insist: str = Field(default="", max_length=SHORT)
    token: str = Field(default="", max_length=64, description="Names this form: sent twice, it makes one request.")
    source: str = Field(default="", max_length=10, description="One of SOURCES.")
    step: str = Field(default="", max_length=10, description="Which button: look = show who could supply it.")

    def citation(self) -> Citation:
        told = {name: getattr(self, name).strip() for name in CITED}
        told["genre"] = told["genre"] if told["genre"] in GENRES else "unknown"
        return Citation(**told, record_id=self.record.strip())

    def wish(self, service: str = "copy") -> Wish:
        """`service`: what is taken where none is chosen. What can't be read is left out; `complaints` tells of it."""
        last = self.need_before.strip()
        return Wish(
            self.citation(),
            self.service if self.service in SERVICES else service,
            self.level if self.level in LEVELS else "standard",
            last if _day(last) else "",
            fen(self.max_cost) or 0,
        )

    def complaints(self, today: datetime.date) -> dict[str, Words]:
        """What is wrong, by field."""
        found: dict[str, Words] = {}
        if last := self.need_before.strip():
            day = _day(last)
            if day is None:
                found["need_before"] = BAD_DATE
            elif day < today:
                found["need_before"] = PAST_DATE
        if fen(self.max_cost) is None:
            found["max_cost"] = BAD_MONEY
        return found

    def cited(self) -> dict[str, str]:
        """What is told of the citation, for links and hidden fields."""
        return {name: value for name in CITED if (value := getattr(self, name).strip())}


def form_of(citation: Citation, **more: str) -> WishForm:
    """A form that is filled in already. What is longer than a field takes is cut."""
    told = {name: value for name, value in msgspec.to_builtins(citation).items() if name in CITED and value}
    if told.get("genre") == "unknown":
        del told["genre"]
    longest = {name: _longest(name) for name in told}
    return WishForm(**{name: value[: longest[name]] for name, value in told.items()}, record=citation.record_id, **more)


def _longest(name: str) -> int:
    rules = WishForm.model_fields[name].metadata
    return next(int(rule.max_length) for rule in rules if hasattr(rule, "max_length"))


def lacking(fields: Iterable[str]) -> dict[str, Words]:
    """What is missing, by the field that tells it."""
    return {AT.get(code, "title"): _sentence(*FIELD_WORDS[code]) for code in fields}


def fen(text: str) -> int | None:
    """Yuan as written, in fen; "" is nothing. None = it is no amount."""
    told = text.strip().lstrip("¥￥").strip()
    if not told:
        return 0
    try:
        value = Decimal(told)
    except InvalidOperation:
        return None
    exact = value.is_finite() and 0 <= value <= MOST_YUAN and value == round(value, 2)
    return int(value * 100) if exact else None


def _day(text: str) -> datetime.date | None:
    try:
        return datetime.date.fromisoformat(text) if len(text) == 10 else None
    except ValueError:
        return None


def _sentence(zh: str, en: str) -> Words:
    return Words(f"{zh}。", en if en.endswith("?") else f"{en}.")
