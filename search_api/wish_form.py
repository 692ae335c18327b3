"""The form of a wish (申请单) as people fill it in: fields to a citation and a wish, and what is wrong with them."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from typing import Any, Self

import msgspec
from pydantic import BaseModel, ConfigDict, Field, field_validator

from mappings.requests import GENRES, LEVELS, SERVICES, Citation, Wish
from routing.citations import FIELD_WORDS
from routing.iso_days import iso_day
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

UNTOLD = ("token", "step")
"""What a form has of its own, beside what is told in it."""

BAD_DATE = Words("日期应写作 2026-12-31。", "Write the date as 2026-12-31.")
PAST_DATE = Words("所需日期已过。", "That day is over.")
BAD_MONEY = Words("请写金额，例如 20 或 20.50。", "Write an amount, 20 or 20.50.")


def text(longest: int, description: str = "") -> Any:
    """A field of a form, with the characters that it takes: the pages say so to the browser, and `too_long` to people.
    One that is longer is read all the same, lest everything else that was typed be lost with it."""
    return Field(default="", description=description, json_schema_extra={"maxLength": longest})


class WishForm(BaseModel):
    """All fields are texts, and one that is missing is empty: what was typed in is shown again as it was."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    record: str = text(40)
    genre: str = text(20)
    title: str = text(LONG)
    author: str = text(SHORT)
    article_title: str = text(LONG)
    article_author: str = text(SHORT)
    isbn: str = text(40)
    issn: str = text(40)
    doi: str = text(SHORT)
    number: str = text(SHORT)
    date: str = text(40)
    volume: str = text(40)
    issue: str = text(40)
    pages: str = text(60)
    part: str = text(SHORT)
    edition: str = text(SHORT)
    publisher: str = text(SHORT)
    place: str = text(SHORT)
    series: str = text(SHORT)
    degree_body: str = text(SHORT)
    degree: str = text(SHORT)
    service: str = text(20)
    level: str = text(20)
    need_before: str = text(20)
    max_cost: str = text(20, "Yuan.")
    note: str = text(LONG)
    delivery: str = text(SHORT)
    reader: str = text(100, "For whom an officer asks: card number or login.")
    insist: str = text(SHORT)
    token: str = text(64, "Names this form: sent twice, it makes one request.")
    source: str = text(10, "One of SOURCES.")
    step: str = text(10, "Which button: look = show who could supply it.")

    @field_validator("*", mode="before")
    @classmethod
    def _one_for_a_line(cls, value: Any) -> Any:
        """Browsers count the end of a line as one character, and send two."""
        return value.replace("\r\n", "\n") if isinstance(value, str) else value

    @classmethod
    def longest(cls, name: str) -> int:
        """Characters that the field takes; 0 = it is no text of people's own."""
        extra = cls.model_fields[name].json_schema_extra
        told = extra.get("maxLength", 0) if isinstance(extra, dict) else 0
        return told if isinstance(told, int) else 0

    def too_long(self) -> dict[str, Words]:
        """What is said of fields with more in them than they take."""
        sizes = {name: len(getattr(self, name).strip()) for name in type(self).model_fields if self.longest(name)}
        return {name: _too_long(self.longest(name), size) for name, size in sizes.items() if size > self.longest(name)}

    def shortened(self) -> Self:
        """With as much of each field as it takes."""
        return self.model_copy(update={name: getattr(self, name)[: self.longest(name)] for name in self.too_long()})

    def citation(self) -> Citation:
        kept = self.shortened()
        told = {name: getattr(kept, name).strip() for name in CITED}
        told["genre"] = told["genre"] if told["genre"] in GENRES else "unknown"
        return Citation(**told, record_id=kept.record.strip())

    def wish(self, service: str = "copy") -> Wish:
        """`service`: what is taken where none is chosen. What can't be read is left out; `complaints` tells of it."""
        last = self.need_before.strip()
        return Wish(
            self.citation(),
            self.service if self.service in SERVICES else service,
            self.level if self.level in LEVELS else "standard",
            last if day_of(last) else "",
            fen(self.max_cost) or 0,
        )

    def complaints(self, today: datetime.date) -> dict[str, Words]:
        """What is wrong, by field."""
        found = self.too_long()
        if last := self.need_before.strip():
            day = day_of(last)
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

    def filled(self) -> dict[str, str]:
        """All that is told in it, for the address at which the form stands filled in like this one."""
        names = [name for name in WishForm.model_fields if name not in UNTOLD]
        return {name: value for name in names if (value := getattr(self, name)).strip()}


def form_of(citation: Citation, **more: str) -> WishForm:
    """A form that is filled in already. What is longer than a field takes is cut."""
    told = {name: value for name, value in msgspec.to_builtins(citation).items() if name in CITED and value}
    if told.get("genre") == "unknown":
        del told["genre"]
    return WishForm(**told, record=citation.record_id, **more).shortened()


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


def day_of(text: str) -> datetime.date | None:
    try:
        return iso_day(text)
    except ValueError:
        return None


def _too_long(longest: int, size: int) -> Words:
    return Words(
        f"此项最多 {longest} 个字符，现有 {size} 个。", f"At most {longest} characters go here; there are {size}."
    )


def _sentence(zh: str, en: str) -> Words:
    return Words(f"{zh}。", en if en.endswith("?") else f"{en}.")
