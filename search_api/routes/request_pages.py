"""A request and the lists of one's own (我的申请): how it stands, what happens next, and what can be done about it."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Form, Path, Query
from msgspec import Struct
from pydantic import Field as Rule
from starlette.requests import Request
from starlette.responses import Response

from indexer.engine.protocol import EngineError
from mappings.requests import Wish
from routing.calendar import CHINA
from routing.case import NotAllowed
from routing.service import Incomplete
from search_api import request_problems
from search_api.access.guard import require
from search_api.access.principal import Principal
from search_api.charges_shown import charges_of
from search_api.pages.rendering import Pages
from search_api.problems import ProblemError
from search_api.request_answers import EntryAnswer, MatchCandidate, RequestAnswer
from search_api.requesting import Requesting
from search_api.routes.access import CatalogueOf, PagesOf, RequestingOf
from search_api.routes.forms import Flag, form_page, see
from search_api.routes.returning import FormRoute
from search_api.tracing import request_id_of
from search_api.vocabulary import Words
from search_api.wish_form import LONG, WishForm, day_of, fen, form_of, lacking, text

router = APIRouter(include_in_schema=False, route_class=FormRoute)

Follower = Annotated[Principal, require("request.read")]
Number = Annotated[int, Path(ge=1, le=2**31 - 1)]

STALE = frozenset(("request-moved-on", "not-now", "already-asking"))
"""Problems that are told on the page itself, beside how the request stands by now."""

BAD_AMOUNT = Words("费用请写金额，例如 20 或 20.50。", "Write the cost as an amount, 20 or 20.50.")
BAD_DUE = Words("应还日期请写作 2026-12-31。", "Write the day by which it is due as 2026-12-31.")
BAD_PAGES = Words("页数请写整数。", "Write the number of pages in digits.")


class StepForm(WishForm):
    """Something that is done to a request, as its small forms send it."""

    name: str = Rule(max_length=24)
    entry: int = Rule(default=0, ge=0, le=10_000)
    seq: int = Rule(default=0, ge=0)
    code: str = text(24)
    reason: str = text(LONG)
    to: str = text(16)
    until: str = text(20)
    sheets: str = text(6, "Pages of a copy.")
    cost: str = text(20, "Yuan.")
    via: str = text(40)
    loan_due: str = text(20)
    other: str = text(20, "Record that no candidate was: by its id.")
    planned: list[int] = Rule(default=[], max_length=200)
    places: list[str] = Rule(default=[], max_length=200, description="New places of `planned`, in its order.")

    def told(self) -> dict[str, Any]:
        """What the event tells beside the wish. Raises NotAllowed where a number or a day is none."""
        texts = ("code", "reason", "note", "to", "until", "via", "loan_due")
        found: dict[str, Any] = {name: value for name in texts if (value := getattr(self, name).strip())}
        cost, sheets = fen(self.cost), self.sheets.strip()
        if cost is None:
            raise NotAllowed("bad-data", BAD_AMOUNT.zh, BAD_AMOUNT.en)
        if sheets and not (sheets.isascii() and sheets.isdigit()):
            raise NotAllowed("bad-data", BAD_PAGES.zh, BAD_PAGES.en)
        if "loan_due" in found and day_of(found["loan_due"]) is None:
            raise NotAllowed("bad-data", BAD_DUE.zh, BAD_DUE.en)
        if self.cost.strip():  # 0 says that nothing comes on top; nothing said is what was agreed to
            found["cost"] = cost
        if sheets:
            found["pages"] = int(sheets)
        if self.name == "recall":
            found["why"] = "officer"
        if self.name == "reorder":
            found["order"] = self.order()
        return found

    def new_place(self, entry: int) -> str:
        """What was typed as the new place of the entry; "" = nothing."""
        return dict(zip(self.planned, self.places, strict=False)).get(entry, "")

    def order(self) -> list[int]:
        """By the places that were typed in; who has none that can be read comes last, equals as they stood."""
        wanted = [int(text) if text.isascii() and text.isdigit() else 10**6 for text in self.places]
        wanted += [10**6] * (len(self.planned) - len(wanted))
        return [entry for _, _, entry in sorted(zip(wanted, range(len(self.planned)), self.planned, strict=False))]


Step = Annotated[StepForm, Form()]


# ---------------------------------------------------------------------------------------------- my requests


@router.get("/requests")
def mine(
    request: Request,
    pages: PagesOf,
    requesting: RequestingOf,
    who: Follower,
    closed: Flag = False,
    before: Annotated[int, Query(ge=0, le=2**31 - 1)] = 0,
) -> Response:
    found = requesting.mine(who, closed=closed, before=before)
    return form_page(pages, request, "requests.html", found=found, closed=closed)


# ---------------------------------------------------------------------------------------------- one


@router.get("/requests/{number}")
def one(
    request: Request,
    number: Number,
    pages: PagesOf,
    catalogue: CatalogueOf,
    requesting: RequestingOf,
    who: Follower,
    sent: Flag = False,
) -> Response:
    return _page(request, pages, requesting, who, number, just_sent=sent)


@router.post("/requests/{number}")
def act(
    request: Request, number: Number, pages: PagesOf, requesting: RequestingOf, who: Follower, step: Step
) -> Response:
    """What can be done is told by the life cycle; what can't is said on the page, and nothing has happened."""
    if wrong := step.too_long():
        return _page(request, pages, requesting, who, number, wrong, step)
    try:
        data = step.told()
        if step.name in ("submit", "resolve", "extend"):
            wish = _wish(requesting, who, number, step)
            if wish is not None:
                data["wish"] = msgspec.to_builtins(wish)
        requesting.fire(
            who, number, step.name, entry=step.entry, data=data, request_id=request_id_of(request), seq=step.seq
        )
    except Incomplete as error:
        return _page(request, pages, requesting, who, number, lacking(error.fields), step)
    except NotAllowed as error:
        problem = request_problems.not_allowed(error)
        if problem.status not in (409, 422):
            raise problem from error
        beside = "other" if error.code == "unknown-record" else ""
        return _page(request, pages, requesting, who, number, {beside: Words(error.zh, error.en)}, step)
    except ProblemError as error:
        if error.code not in STALE:
            raise
        return _page(request, pages, requesting, who, number, {"": Words(error.zh, error.en)}, step)
    if requesting.still_seen(who, number) is None:  # it went to another desk: the next one is looked for in the list
        return see("/queue" if step.entry else "/desk")
    return see(f"/requests/{number}")


def _wish(requesting: Requesting, who: Principal, number: int, step: StepForm) -> Wish | None:
    """The wish as it was, with what is told of it now; None = nothing is."""
    before = requesting.request(who, number).wish
    if step.name == "submit":
        cited = msgspec.structs.replace(step.citation(), record_id=before.citation.record_id)
        return msgspec.structs.replace(before, citation=cited, service=step.wish(before.service).service)
    record = step.other.strip() or step.record.strip()
    if not record:
        return None
    return msgspec.structs.replace(before, citation=msgspec.structs.replace(before.citation, record_id=record))


class View(Struct, frozen=True):
    """What the page shows beside the answer of the API."""

    asked: EntryAnswer | None  # who is being asked, or has supplied it
    planned: tuple[EntryAnswer, ...]
    mine: tuple[EntryAnswer, ...]  # entries by which the library of who looks is asked, newest first
    seq: int
    today: str
    typed: StepForm | None  # what was sent and could not be done
    unsaid: str  # his words in it, where there is no such step any longer

    def told(self, name: str, entry: int = 0) -> StepForm:
        """What stands in the form of that step: what was typed there, or nothing."""
        if self.typed is not None and (self.typed.name, self.typed.entry) == (name, entry):
            return self.typed
        return StepForm(name=name, entry=entry)


_ASKED = ("sent", "received", "accepted", "conditional", "deferred", "cancel_sent", "filled")


def _view(answer: RequestAnswer, who: Principal, today: str, typed: StepForm | None) -> View:
    asked = [each for each in answer.entries if each.state in _ASKED]
    supplied = [each for each in asked if each.state == "filled"]
    return View(
        next(iter(supplied or asked[-1:]), None),
        tuple(each for each in answer.entries if each.state == "planned"),
        tuple(each for each in reversed(answer.entries) if who.library and each.library == who.library and each.asked),
        answer.events[-1].seq if answer.events else 0,
        today,
        typed,
        "" if typed is None or typed.name in _offered(answer, typed.entry) else typed.note or typed.reason,
    )


def _offered(answer: RequestAnswer, entry: int) -> tuple[str, ...]:
    """What can be done to the request, or to that entry of it."""
    if not entry:
        return answer.actions
    return next((each.actions for each in answer.entries if each.number == entry), ())


def _page(
    request: Request,
    pages: Pages,
    requesting: Requesting,
    who: Principal,
    number: int,
    complaints: dict[str, Words] | None = None,
    typed: StepForm | None = None,
    *,
    just_sent: bool = False,
) -> Response:
    answer = requesting.request(who, number)
    today = requesting.service.clock().astimezone(CHINA).date().isoformat()
    again = form_of(answer.wish.citation)
    sent = typed if typed is not None and typed.name == "submit" else None
    beside = {field: words for field, words in (complaints or {}).items() if field and sent}
    return form_page(
        pages,
        request,
        "request.html",
        complaints,
        case=answer,
        view=_view(answer, who, today, typed),
        form=sent or again,
        candidates=_candidates(requesting, answer.wish) if "resolve" in answer.actions else (),
        libraries=sorted(requesting.catalogue.known_libraries().values(), key=lambda each: each.symbol),
        crumb=_crumb(answer, who),
        again=again.cited() | {"record": again.record, "service": answer.wish.service},
        charges=charges_of(requesting, who, number),
        just_sent=just_sent,
        lacks=lacking(answer.missing) | beside,
    )


def _crumb(answer: RequestAnswer, who: Principal) -> str:
    """The list in which he has found it."""
    if "reader" in who.roles:
        return "/requests"
    if not who.library:
        return ""
    if "requester" in who.roles and who.library in (answer.requester, answer.branch):
        return "/library/requests"
    return "/desk" if answer.state == "blank" and answer.desk == who.library else "/queue"


def _candidates(requesting: Requesting, wish: Wish) -> tuple[MatchCandidate, ...]:
    """Whom the desk may choose from; none while the search engine is away."""
    try:
        return requesting.match(wish.citation, wish.service).candidates
    except EngineError:
        return ()
