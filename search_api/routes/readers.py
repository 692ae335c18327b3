"""The officer's pages: registering readers (读者登记) of the own library, and new one-time codes."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from search_api.access.guard import DoorOf, require
from search_api.access.principal import Principal
from search_api.accounts import CODE_DAYS, NewReader, RefusedError, register_reader, renew_code
from search_api.policy import Facts, allowed, demand
from search_api.routes.access import CatalogueOf, PagesOf
from search_api.routes.forms import Field, form_page
from search_api.tracing import request_id_of
from search_api.vocabulary import UI_LANGUAGES, Words
from store.accounts import Account, find_known, find_reader
from store.database import Unit

router = APIRouter(include_in_schema=False)

Officer = Annotated[Principal, require("reader.register")]

READER = ("reader",)
NO_READER = Words("本馆没有这个证号或登录名的读者。", "No reader of your library has this card or login.")


@router.get("/readers/new")
def new_reader_page(request: Request, pages: PagesOf, catalogue: CatalogueOf, who: Officer) -> Response:
    return _form(request, pages, catalogue, who)


@router.post("/readers/new")
def new_reader(
    request: Request,
    pages: PagesOf,
    door: DoorOf,
    catalogue: CatalogueOf,
    who: Officer,
    name: Field = "",
    card: Field = "",
    login: Field = "",
    email: Field = "",
    phone: Field = "",
    language: Field = "zh",
) -> Response:
    demand(who, "reader.register", Facts(library=who.library, roles=READER))
    chosen = language if language in UI_LANGUAGES else UI_LANGUAGES[0]
    told = NewReader(who.library, login, name, email, phone, card, chosen)
    try:
        account, code = register_reader(door, who.actor(request_id_of(request)), told)
    except RefusedError as error:
        return _form(request, pages, catalogue, who, error.fields, told)
    return form_page(pages, request, "reader_code.html", account=account, code=code, days=CODE_DAYS)


@router.post("/readers/code")
def new_code(
    request: Request, pages: PagesOf, door: DoorOf, catalogue: CatalogueOf, who: Officer, reader: Field = ""
) -> Response:
    with door.database.read() as unit:
        account = _reader(unit, who.library, reader)
    # Of another library's reader nothing is said, not even that there is one.
    if account is None or not allowed(who, "reader.register", Facts(library=account.library, roles=account.roles)):
        return _form(request, pages, catalogue, who, {"reader": NO_READER})
    code = renew_code(door, who.actor(request_id_of(request)), account)
    return form_page(pages, request, "reader_code.html", account=account, code=code, days=CODE_DAYS)


def _reader(unit: Unit, library: str, told: str) -> Account | None:
    return find_reader(unit, library, told.strip()) or find_known(unit, told)


def _form(
    request: Request,
    pages: PagesOf,
    catalogue: CatalogueOf,
    who: Principal,
    complaints: dict[str, Words] | None = None,
    told: NewReader | None = None,
) -> Response:
    library = catalogue.known_libraries().get(who.library)
    return form_page(
        pages, request, "reader_new.html", complaints, library=library, told=told or NewReader(who.library)
    )  # fmt: skip
