"""Making a request (申请文献): from a record, from an OpenURL, or as free text. What must be told first is told on the
form, before anything is stored."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import urlencode

import msgspec
from fastapi import APIRouter, Form, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from indexer.engine.protocol import EngineError
from mappings.requests import Citation, Wish
from routing.calendar import CHINA
from routing.case import NotAllowed
from routing.citations import kind_of, missing
from search_api.access.door import Door
from search_api.access.guard import require
from search_api.access.principal import Principal
from search_api.answers import RecordAnswer
from search_api.catalogue import Catalogue, Deleted, Merged
from search_api.interop.openurl import ODD_WORDS, parse_openurl
from search_api.interop.query_string import decode_query
from search_api.looking_ahead import Ahead, look_ahead, reader_named
from search_api.pages.rendering import Pages
from search_api.problems import ProblemError, deleted_record, unknown_record
from search_api.request_answers import MatchAnswer, MatchCandidate
from search_api.requesting import Asked, Requesting
from search_api.routes.access import CatalogueOf, PagesOf, RequestingOf
from search_api.routes.forms import form_page, see
from search_api.routes.returning import FormRoute
from search_api.tracing import request_id_of
from search_api.vocabulary import Words
from search_api.wish_form import SOURCES, WishForm, form_of, lacking
from store.accounts import Account, get_account

router = APIRouter(include_in_schema=False, route_class=FormRoute)

Asker = Annotated[Principal, require("request.create")]
Anybody = Annotated[Principal, require("search")]
Filled = Annotated[WishForm, Form()]
Told = Annotated[WishForm, Query()]

NO_READER = Words("本馆没有这个证号或登录名的读者。", "No reader of your library has this card or login.")
SENT_BEFORE = Words(
    "这份申请单已经提交过。如确要另提一件，请再次提交；否则请查看“我的申请”。",
    "This form was sent before. Send it again to make another request, or look at your requests.",
)
_NEVER_LENT = ("rare_book", "manuscript", "rubbing", "serial", "article", "thesis")


# ---------------------------------------------------------------------------------------------- the form


@router.get("/request")
def request_page(
    request: Request, pages: PagesOf, catalogue: CatalogueOf, requesting: RequestingOf, who: Asker, form: Told
) -> Response:
    found = _record(catalogue, form.record)
    if isinstance(found, Merged):
        told = form.filled() | {"record": found.id}
        return RedirectResponse(f"/request?{urlencode(told)}", 303)
    # What a link says may be longer than a field takes, and stand where nobody can shorten it.
    filled_in = form.shortened().model_copy(update={"token": _token()})
    return _Desk(request, pages, requesting, who).show(found, filled_in, {})


@router.post("/request")
def make(
    request: Request, pages: PagesOf, catalogue: CatalogueOf, requesting: RequestingOf, who: Asker, form: Filled
) -> Response:
    found = _record(catalogue, form.record)
    while isinstance(found, Merged):  # since the form was opened
        form = form.model_copy(update={"record": found.id})
        found = _record(catalogue, found.id)
    desk = _Desk(request, pages, requesting, who)
    if form.step == "look":
        return desk.show(found, form, desk.wrong(form))
    return desk.send(found, form)


class _Desk:
    """What is done with one filled-in form."""

    def __init__(self, request: Request, pages: Pages, requesting: Requesting, who: Principal) -> None:
        self.request = request
        self.door: Door = request.app.state.door
        self.pages = pages
        self.requesting = requesting
        self.who = who
        self.for_others = "requester" in who.roles

    def wrong(self, form: WishForm) -> dict[str, Words]:
        today = self.requesting.service.clock().astimezone(CHINA).date()
        complaints = form.complaints(today)
        if self.for_others and self.reader(form) is None:
            complaints["reader"] = NO_READER
        return complaints

    def reader(self, form: WishForm) -> Account | None:
        """Whose request it is to be."""
        if self.for_others:
            return reader_named(self.requesting, self.who, form.reader)
        with self.requesting.database.read() as unit:
            return get_account(unit, self.who.account_id)

    def send(self, record: RecordAnswer | None, form: WishForm) -> Response:
        complaints = self.wrong(form)
        reader, wish = self.reader(form), form.wish(usual_service(record, form.citation()))
        library = reader.library if reader else self.who.library
        ahead = look_ahead(self.requesting, wish, library, reader.id if reader else 0)
        asked = self.asked(form, wish, reader)
        try:
            made = self.requesting.made_before(self.who, asked, form.token) if reader else None
        except ProblemError as error:
            return self.show(record, form.model_copy(update={"token": _token()}), {"token": _told(error)}, ahead)
        if made is not None:  # a second click, which would else be told that it repeats the first
            return see(f"/requests/{made.id}?sent=1")
        complaints |= {field: told for field, told in lacking(ahead.missing).items() if field not in complaints}
        if complaints or (ahead.held_up and not form.insist.strip()):
            return self.show(record, form, complaints, ahead)
        try:
            self.door.admit_asking(self.who)
        except ProblemError as error:
            return self.show(record, form, {"token": _told(error)}, ahead, error)
        try:
            made = self.requesting.create(self.who, asked, form.token, request_id_of(self.request))
        except NotAllowed as error:
            return self.show(record, form, {error.code: Words(error.zh, error.en)}, ahead)
        return see(f"/requests/{made.id}?sent=1")

    def asked(self, form: WishForm, wish: Wish, reader: Account | None) -> Asked:
        return Asked(
            wish,
            form.note.strip(),
            form.delivery.strip(),
            form.source if form.source in SOURCES else "form",
            reader.id if reader and self.for_others else 0,
            form.insist.strip(),
        )

    def show(
        self,
        record: RecordAnswer | None,
        form: WishForm,
        complaints: dict[str, Words],
        ahead: Ahead | None = None,
        problem: ProblemError | None = None,
    ) -> Response:
        reader = self.reader(form)
        library = reader.library if reader else self.who.library
        if ahead is None:
            wish = form.wish(usual_service(record, form.citation()))
            ahead = look_ahead(self.requesting, wish, library, reader.id if reader else 0)
        shown = form.model_copy(update={"service": ahead.wish.service, "level": ahead.wish.level})
        return form_page(
            self.pages,
            self.request,
            "request_form.html",
            complaints,
            problem=problem,
            form=shown,
            record=record,
            ahead=ahead,
            fields=fields_for(record),
            for_others=self.for_others,
            reader=reader if self.for_others else None,
            today=self.requesting.service.clock().astimezone(CHINA).date().isoformat(),
        )


def fields_for(record: RecordAnswer | None) -> tuple[str, ...]:
    """The elements of the citation that are asked for beside what the record says."""
    if record is None:
        return ()
    if record.description.material == "serial":
        return ("date", "volume", "issue", "pages", "article_title", "article_author")
    if record.description.material in ("article", "thesis"):
        return ("pages",)
    return ("part", "article_title", "pages")


def usual_service(record: RecordAnswer | None, cited: Citation) -> str:
    """What people mostly want of such a thing, before they have said: a part as a copy, a whole book on loan."""
    if cited.article_title or cited.pages:
        return "copy"
    if record is None:
        return "loan" if kind_of(cited) == "book" else "copy"
    described = record.description
    return "copy" if described.material in _NEVER_LENT or described.carrier == "online" else "loan"


def _told(error: ProblemError) -> Words:
    return SENT_BEFORE if error.code == "idempotency-key-used" else Words(error.zh, error.en)


def _token() -> str:
    return secrets.token_hex(16)


def _record(catalogue: Catalogue, record_id: str) -> RecordAnswer | Merged | None:
    """None = the request is for something that is not in the catalogue, as far as is known."""
    if not record_id.strip():
        return None
    found = catalogue.record(record_id.strip())
    if isinstance(found, Deleted):
        raise deleted_record(found.id)
    if found is None:
        raise unknown_record(record_id[:64])
    return found


# ---------------------------------------------------------------------------------------------- what may be meant


@router.get("/request/new")
def blank(request: Request, pages: PagesOf, who: Asker, form: Told) -> Response:
    """A free form: nothing was searched for, or nothing was found."""
    return form_page(pages, request, "request_blank.html", form=form)


@router.get("/request/match")
def match(request: Request, pages: PagesOf, requesting: RequestingOf, who: Asker, form: Told) -> Response:
    """Which records it may be. Nothing is stored, so that it is a page that can be loaded again."""
    wish = form.wish(usual_service(None, form.citation()))
    complaints = form.too_long() or ({} if _says_something(wish.citation) else lacking(("title",)))
    if complaints:
        return form_page(pages, request, "request_blank.html", complaints, form=form)
    return _choose(request, pages, requesting, wish, form, ())


@router.get("/openurl")
def openurl(request: Request, pages: PagesOf, requesting: RequestingOf, who: Anybody) -> Response:
    """A link resolver's link: OpenURL 1.0 (KEV) or 0.1."""
    parsed = parse_openurl(decode_query(request.scope.get("query_string", b"")))
    form = form_of(parsed.citation, source="openurl")
    odd = tuple(Words(*ODD_WORDS[code]) for code in parsed.odd if code in ODD_WORDS)
    wish = Wish(parsed.citation, usual_service(None, parsed.citation))
    return _choose(request, pages, requesting, wish, form, odd)


def _choose(
    request: Request, pages: Pages, requesting: Requesting, wish: Wish, form: WishForm, odd: tuple[Words, ...]
) -> Response:
    found, away = _candidates(requesting, wish)
    lacks = missing(msgspec.structs.replace(wish, citation=msgspec.structs.replace(wish.citation, record_id="")))
    chosen = preselected(found.candidates if found else ())
    context: dict[str, Any] = {"found": found, "away": away, "form": form, "odd": odd, "chosen": chosen}
    return form_page(
        pages, request, "request_match.html", citation=wish.citation, lacks=tuple(lacking(lacks).values()), **context
    )


def preselected(candidates: Sequence[MatchCandidate]) -> str | None:
    """Id of the record that is chosen at first; "" = none of them, a desk searches. None = nothing is: volumes and
    editions of one title fit alike, and nobody but the reader can say which he wants."""
    fit = [each for each in candidates if each.confidence >= 0.5]
    if len(fit) > 1 and fit[0].confidence == fit[1].confidence:
        return None
    return fit[0].id if fit else ""


def _candidates(requesting: Requesting, wish: Wish) -> tuple[MatchAnswer | None, bool]:
    """(what it may be, whether the search engine is away)"""
    if not _says_something(wish.citation):
        return None, False
    try:
        return requesting.match(wish.citation, wish.service), False
    except EngineError:
        return None, True


def _says_something(cited: Citation) -> bool:
    told = (cited.title, cited.article_title, cited.isbn, cited.issn, cited.doi, cited.number, cited.record_id)
    return any(told)
