"""What programs and forms send about requests."""

from __future__ import annotations

from datetime import date
from typing import Any, Literal

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from mappings.requests import Citation, Wish

SHORT, LONG = 200, 2000

Genre = Literal[
    "book", "chapter", "journal", "issue", "article", "proceeding", "conference", "dissertation", "report", "preprint",
    "document", "unknown",
]  # fmt: skip
Service = Literal["copy", "loan", "copy_or_loan"]


class CitationBody(BaseModel):
    """What is asked for, as far as it is known."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    genre: Genre = Field(default="unknown", description="Of OpenURL 1.0; `chapter` is its bookitem.")
    title: str = Field(default="", max_length=LONG, description="Of the book, journal or dissertation.")
    author: str = Field(default="", max_length=SHORT)
    article_title: str = Field(default="", max_length=LONG, description="Of the article or chapter.")
    article_author: str = Field(default="", max_length=SHORT)
    isbn: str = Field(default="", max_length=40)
    issn: str = Field(default="", max_length=40)
    doi: str = Field(default="", max_length=SHORT)
    number: str = Field(default="", max_length=SHORT, description="Any other, bare or with its type: cn:11-1234.")
    date: str = Field(default="", max_length=40, description="Begins with the year where it is known.")
    volume: str = Field(default="", max_length=40)
    issue: str = Field(default="", max_length=40)
    pages: str = Field(default="", max_length=60, description="A range, 117-134; never a count.")
    part: str = Field(default="", max_length=SHORT)
    edition: str = Field(default="", max_length=SHORT)
    publisher: str = Field(default="", max_length=SHORT)
    place: str = Field(default="", max_length=SHORT)
    series: str = Field(default="", max_length=SHORT)
    degree_body: str = Field(default="", max_length=SHORT, description="University of a dissertation.")
    degree: str = Field(default="", max_length=SHORT)
    language: str = Field(default="", max_length=8, description="MARC code: chi, eng.")
    record_id: str = Field(default="", max_length=8, description="Id of the union record, where it is known.")

    def citation(self) -> Citation:
        return Citation(**self.model_dump())


class WishBody(BaseModel):
    """What is asked for and how it is to be had."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    citation: CitationBody
    service: Service = "copy"
    level: Literal["standard", "rush"] = "standard"
    need_before: date | None = Field(default=None, description="The last day on which it is of use.")
    max_cost: int = Field(default=0, ge=0, le=10_000_000, description="Fen that are paid without asking.")

    def wish(self) -> Wish:
        return Wish(
            self.citation.citation(),
            self.service,
            self.level,
            self.need_before.isoformat() if self.need_before else "",
            self.max_cost,
        )


class RequestBody(WishBody):
    """A request that is to be made."""

    note: str = Field(default="", max_length=LONG, description="To the libraries. Erased with the reader's data.")
    delivery: str = Field(default="", max_length=SHORT, description="Where to: a pick-up point, an e-mail address.")
    for_reader: str = Field(
        default="", pattern="^[0-9]{0,19}$", description="Account of a reader of one's library. Empty: for oneself."
    )
    match: bool = Field(
        default=True, description="Take the union record that the citation surely means, where it names none."
    )
    insist: str = Field(
        default="", max_length=SHORT, description="Why, where it is asked for although the library has it itself …"
    )


class EventBody(BaseModel):
    """Something that is done to a request."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(max_length=24, description="One of the request's or the entry's `actions`.")
    entry: int = Field(default=0, ge=0, le=10_000, description="Number of the rota entry; 0: the request itself.")
    seq: int = Field(default=0, ge=0, description="Number of the last event that was seen; 0: whatever came since.")
    code: str = Field(default="", max_length=24, description="Of refuse: the reason. Of condition: what is asked for.")
    reason: str = Field(default="", max_length=LONG, description="In one's own words.")
    note: str = Field(default="", max_length=LONG, description="To the other library.")
    to: str = Field(default="", max_length=16, description="Of forward: symbol of the library.")
    until: str = Field(default="", max_length=40, description="Of retry_later: ISO date or time.")
    pages: int = Field(default=0, ge=0, le=100_000, description="Of fill: pages of the copy.")
    cost: int | None = Field(
        default=None, ge=0, le=10_000_000,
        description="Of fill, condition: fen beside the tariff. Of a fill without it, what was agreed to.",
    )  # fmt: skip
    loan_due: date | None = Field(default=None, description="Of fill: the last day of a loan.")
    order: tuple[int, ...] = Field(default=(), max_length=200, description="Of reorder: all planned entries.")
    wish: WishBody | None = Field(default=None, description="Of amend, resolve, extend: what is asked for.")

    def data(self) -> dict[str, Any]:
        """What the event tells: that which was told."""
        told: dict[str, Any] = {
            name: value for name in ("code", "reason", "note", "to", "until", "pages") if (value := getattr(self, name))
        }
        if self.cost is not None:
            told["cost"] = self.cost
        if self.loan_due is not None:
            told["loan_due"] = self.loan_due.isoformat()
        if self.name == "reorder":
            told["order"] = list(self.order)
        if self.wish is not None:
            told["wish"] = msgspec.to_builtins(self.wish.wish())
        return told


class MatchBody(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    citation: CitationBody
    service: Service = "copy"
