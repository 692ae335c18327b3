"""The standard's open lists in our words and back. Codes are those of the lists of 2017 and 2021.

What our life cycle knows and a list has not goes out under a scheme of our own (naming.SCHEME) and is understood by its
value whatever its scheme, since peers hand codes on without it.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal

from mappings.requests import REASONS, Citation
from search_api.interop.iso18626.messages import Code, Costs
from search_api.interop.iso18626.naming import own_code
from search_api.interop.iso18626.reading import BEIJING

SERVICE_TYPES = {"copy": "Copy", "loan": "Loan", "copy_or_loan": "CopyOrLoan"}
SERVICES = {iso: ours for ours, iso in SERVICE_TYPES.items()}

_REASONS_UNFILLED = REASONS[:6]  # the standard's
_REASONS = {reason.casefold(): reason for reason in REASONS}
UNKNOWN_REASON = "NotAvailableForILL"
"""A refusal without a reason, or with one that nobody knows: it says nothing against the holding."""

RUSH = ("rush", "urgent", "express")

LOAN_CONDITIONS = (
    "LibraryUseOnly", "NoReproduction", "SignatureRequired", "SpecCollSupervReq", "WatchLibraryUseOnly",
)  # fmt: skip

LATER = {
    "AtBindery": "NotOnShelf",
    "NotCurrentAvailableForILL": "NotAvailableForILL",
    "OnLoan": "NotOnShelf",
    "OnOrder": "NotAvailableForILL",
}
"""reasonRetry that time mends, and our reason for the refusal that it is where no date is told: the next is asked."""

NOT_CITED = "NotFoundAsCited"
"""reasonRetry that only the reader can mend: our reason Incomplete."""

CHANGES = (
    "CostExceedsMaxCost", "MustMeetLoanCondition", "LoanCondition", "LoanPossible", "MultiVolAvail",
    "ReqServTypeNotPossible", "ReqFormatNotPossible", "ReqEditionNotPossible", "ReqDelMethodNotSupp",
    "ReqDelDateNotPossible", "ReqServLevelNotSupp", "ReqPayMethodNotSupported", "CourierNotSupp",
)  # fmt: skip
"""reasonRetry that another request of ours would mend: conditions. LoanCondition is what some peers say in 1.2."""

_KINDS_OF_PUBLICATION = {  # publicationType: our genre, our material
    "ArchiveMaterial": ("document", "manuscript"),
    "Article": ("article", "article"),
    "AudioBook": ("unknown", "audio"),
    "Book": ("book", "book"),
    "Chapter": ("chapter", "book"),
    "ConferenceProc": ("conference", "book"),
    "Game": ("unknown", "object"),
    "GovernmentPubl": ("document", "book"),
    "Image": ("unknown", "image"),
    "Journal": ("journal", "serial"),
    "Manuscript": ("document", "manuscript"),
    "Map": ("unknown", "map"),
    "Movie": ("unknown", "video"),
    "MusicRecording": ("unknown", "audio"),
    "MusicScore": ("unknown", "score"),
    "Newspaper": ("journal", "serial"),
    "Patent": ("document", "other"),
    "Report": ("report", "book"),
    "SoundRecording": ("unknown", "audio"),
    "Thesis": ("dissertation", "thesis"),
}
_BY_NAME = {name.casefold(): kinds for name, kinds in _KINDS_OF_PUBLICATION.items()}
_BY_GENRE = {
    "book": "Book", "chapter": "Chapter", "journal": "Journal", "issue": "Journal", "article": "Article",
    "proceeding": "ConferenceProc", "conference": "ConferenceProc", "dissertation": "Thesis", "report": "Report",
}  # fmt: skip
_BY_MATERIAL = {
    "audio": "SoundRecording", "image": "Image", "manuscript": "Manuscript", "map": "Map", "score": "MusicScore",
    "serial": "Journal", "thesis": "Thesis", "video": "Movie", "article": "Article",
}  # fmt: skip


def publication_type(genre: str, material: str) -> Code | None:
    """None where nothing is known of it."""
    if found := _BY_GENRE.get(genre) or _BY_MATERIAL.get(material):
        return Code(found)
    return None if genre == "unknown" else own_code("publicationType", genre)


def genre_and_material(type_: Code | None, citation: Citation) -> tuple[str, str]:
    """What kind of thing is asked for: as told, else as far as its numbers and titles show."""
    part = bool(citation.article_title or citation.article_author)
    genre, material = _BY_NAME.get(type_.value.casefold(), ("", "")) if type_ else ("", "")
    if genre in ("journal", "conference", "book") and part:
        genre = {"journal": "article", "conference": "proceeding", "book": "chapter"}[genre]
        material = "article" if genre == "article" else material
    elif genre == "journal" and citation.issue:
        genre = "issue"
    if genre:
        return genre, material
    if type_ and type_.value in ("preprint", "document"):
        return type_.value, "other"
    if citation.issn:
        return ("article", "article") if part else ("journal", "serial")
    if citation.isbn:
        return ("chapter" if part else "book"), "book"
    return "unknown", "book"


def reason_unfilled(code: str) -> Code:
    return Code(code) if code in _REASONS_UNFILLED else own_code("reasonUnfilled", code)


def reason_of(code: Code | None) -> str:
    """One of REASONS."""
    return _REASONS.get(code.value.strip().casefold(), UNKNOWN_REASON) if code else UNKNOWN_REASON


def is_unknown(code: Code | None) -> bool:
    return code is not None and code.value.strip().casefold() not in _REASONS


def level_of(code: Code | None) -> str:
    return "rush" if code and code.value.strip().casefold() in RUSH else "standard"


MOST_YUAN = 1_000_000


def yuan(fen: int) -> Costs:
    return Costs(Code("CNY"), Decimal(fen) / 100)


def fen(costs: Costs | None) -> int | None:
    """None where it is no price in yuan: another currency, or an absurd sum, is a person's business."""
    if costs is None or costs.currency_code.value.strip().upper() not in ("CNY", "RMB"):
        return None
    if not 0 <= costs.monetary_value <= MOST_YUAN:
        return None
    return int((costs.monetary_value * 100).to_integral_value())


def money(costs: Costs) -> str:
    return f"{costs.monetary_value:f} {costs.currency_code.value}".strip()


def end_of_day(day: str) -> datetime | None:
    """The last second of the day here; None where the text is no ISO date."""
    try:
        return datetime.combine(date.fromisoformat(day), time(23, 59, 59), BEIJING).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def moment_of(text: str) -> datetime | None:
    """Of an ISO time, which is Beijing's where it has no zone, or of the beginning of an ISO date; None where it is
    neither."""
    try:
        at = datetime.fromisoformat(text)
        return (at if at.tzinfo else at.replace(tzinfo=BEIJING)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def due_of(text: str) -> datetime | None:
    """When that is over which lasts until an ISO date, its day included, or until an ISO time."""
    return end_of_day(text) or moment_of(text)


def day_of(at: datetime | None) -> str:
    """The day here on which that is; "" = not told."""
    if at is None:
        return ""
    try:
        return at.astimezone(BEIJING).date().isoformat()
    except OverflowError:  # the last hours of the year 9999
        return at.date().isoformat()
