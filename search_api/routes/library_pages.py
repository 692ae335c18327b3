"""How one's library takes part (传递规则): its policy, the holiday switch, and holdings that it is said not to have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Form, Path, Query
from msgspec import structs
from starlette.requests import Request
from starlette.responses import Response

from mappings.model import Library
from mappings.requests import LibraryPolicy
from routing.correcting import RESULTS
from search_api.access.guard import require
from search_api.access.principal import Principal
from search_api.catalogue import Catalogue
from search_api.house import House
from search_api.pages.rendering import Pages
from search_api.policy import Facts, allowed
from search_api.policy_form import PolicyForm, form_of_policy
from search_api.problems import ProblemError
from search_api.requesting import Requesting
from search_api.routes.access import CatalogueOf, PagesOf, RequestingOf
from search_api.routes.forms import Flag, form_page, see
from search_api.routes.returning import FormRoute
from search_api.tracing import request_id_of
from search_api.vocabulary import Words
from store.performance import LISTED

router = APIRouter(include_in_schema=False, route_class=FormRoute)

Symbol = Annotated[str, Query(max_length=16)]
Chosen = Annotated[str, Form(max_length=16)]
PolicyReader = Annotated[Principal, require("policy.read")]
PolicyWriter = Annotated[Principal, require("policy.write")]
Reader = Annotated[Principal, require("correction.read")]
Closer = Annotated[Principal, require("correction.close")]

NO_RESULT = Words("请选择核对结果。", "Say what you have found.")


def _libraries(catalogue: Catalogue, who: Principal) -> list[Library]:
    """To choose from, for those who have none of their own."""
    if who.library:
        return []
    return sorted(catalogue.known_libraries().values(), key=lambda each: each.symbol)


# ---------------------------------------------------------------------------------------------- policy


@router.get("/library/policy")
def policy_page(
    request: Request,
    pages: PagesOf,
    catalogue: CatalogueOf,
    requesting: RequestingOf,
    who: PolicyReader,
    library: Symbol = "",
    moved: Annotated[int, Query(ge=0)] = 0,
    saved: Flag = False,
) -> Response:
    symbol = who.library or library
    policy = House(requesting).policy(who, symbol).policy if symbol else LibraryPolicy()
    form = form_of_policy(symbol, policy)
    return _policy_page(request, pages, catalogue, who, policy, form, {}, moved=moved, saved=saved)


@router.post("/library/policy")
def change_policy(
    request: Request,
    pages: PagesOf,
    catalogue: CatalogueOf,
    requesting: RequestingOf,
    who: PolicyWriter,
    form: Annotated[PolicyForm, Form()],
) -> Response:
    before = House(requesting).policy(who, form.library).policy
    policy, complaints = form.policy(before)
    if not complaints:
        try:
            answer = House(requesting).put_policy(who, form.library, policy, request_id_of(request))
            return see(f"/library/policy?library={form.library}&saved=1&moved={answer.rerouted}")
        except ProblemError as error:
            if error.status != 422:
                raise
            complaints = {each.parameter: Words(each.zh, each.en) for each in error.parameters}
    return _policy_page(request, pages, catalogue, who, before, form, complaints)


@router.post("/library/pause")
def pause(
    request: Request,
    requesting: RequestingOf,
    who: PolicyWriter,
    library: Chosen = "",
    paused: Annotated[str, Form(max_length=1)] = "",
) -> Response:
    """The holiday switch (假期开关): what lies here unseen goes on to other libraries at once."""
    house = House(requesting)
    policy = structs.replace(house.policy(who, library).policy, paused=bool(paused))
    answer = house.put_policy(who, library, policy, request_id_of(request))
    return see(f"/library/policy?library={library}&moved={answer.rerouted}")


def _policy_page(
    request: Request,
    pages: Pages,
    catalogue: Catalogue,
    who: Principal,
    policy: LibraryPolicy,
    form: PolicyForm,
    complaints: dict[str, Words],
    *,
    moved: int = 0,
    saved: bool = False,
) -> Response:
    known = catalogue.known_libraries()
    return form_page(
        pages,
        request,
        "policy.html",
        complaints,
        policy=policy,
        form=form,
        library=known.get(form.library),
        libraries=_libraries(catalogue, who),
        known=sorted(known.values(), key=lambda each: each.symbol),
        may_write=allowed(who, "policy.write", Facts(library=form.library)),
        may_gateway=allowed(who, "policy.gateway", Facts(library=form.library)),
        moved=moved,
        saved=saved,
    )


# ---------------------------------------------------------------------------------------------- corrections


@router.get("/library/corrections")
def corrections_page(
    request: Request,
    pages: PagesOf,
    catalogue: CatalogueOf,
    requesting: RequestingOf,
    who: Reader,
    library: Symbol = "",
    closed: Flag = False,
) -> Response:
    return _corrections(request, pages, catalogue, requesting, who, who.library or library, {}, closed=closed)


@router.post("/library/corrections/{number}")
def close(
    request: Request,
    number: Annotated[int, Path(ge=1, le=2**31 - 1)],
    pages: PagesOf,
    catalogue: CatalogueOf,
    requesting: RequestingOf,
    who: Closer,
    library: Chosen = "",
    result: Annotated[str, Form(max_length=20)] = "",
    note: Annotated[str, Form(max_length=500)] = "",
) -> Response:
    house = House(requesting)
    try:
        if result in RESULTS:
            done = house.close_correction(who, number, result, note.strip(), request_id_of(request))
            return see(f"/library/corrections?library={done.library}")
        complaint = NO_RESULT
    except ProblemError as error:
        if error.status != 409:
            raise
        complaint = Words(error.zh, error.en)
    told, typed = {str(number): complaint}, {str(number): note}
    return _corrections(request, pages, catalogue, requesting, who, who.library or library, told, typed)


def _corrections(
    request: Request,
    pages: Pages,
    catalogue: Catalogue,
    requesting: Requesting,
    who: Principal,
    symbol: str,
    complaints: dict[str, Words],
    typed: Mapping[str, str] | None = None,
    *,
    closed: bool = False,
) -> Response:
    rows = House(requesting).corrections(who, symbol, closed=closed).corrections if symbol else ()
    return form_page(
        pages,
        request,
        "corrections.html",
        complaints,
        rows=rows,
        most=LISTED,
        closed=closed,
        chosen=symbol,
        library=catalogue.known_libraries().get(symbol),
        libraries=_libraries(catalogue, who),
        results=RESULTS,
        typed=typed or {},
        may_close=allowed(who, "correction.close", Facts(library=symbol)),
        may_open=allowed(who, "request.read", Facts(asked=frozenset((symbol,)))),
    )
