"""My account (我的账户): what is kept of me, changing it, taking a copy, being erased."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from search_api.access.door import Door
from search_api.access.guard import DoorOf, require
from search_api.access.principal import Principal
from search_api.accounts import RefusedError, change_own, change_password, erase_own
from search_api.pages.rendering import Pages, remember_language
from search_api.personal import as_file, export_answer
from search_api.policy import Facts, demand
from search_api.routes.access import CatalogueOf, PagesOf
from search_api.routes.forms import Field, form_page, see
from search_api.tracing import request_id_of
from search_api.vocabulary import Words
from store.accounts import require_account
from store.personal_data import export_person, open_requests

router = APIRouter(include_in_schema=False)

Own = Annotated[Principal, require("account.own")]

WRONG_PASSWORD = Words("密码不对。", "The password is wrong.")
NOT_TICKED = Words("请先勾选确认。", "Tick the box first.")


@router.get("/account")
def account_page(request: Request, pages: PagesOf, door: DoorOf, catalogue: CatalogueOf, who: Own) -> Response:
    return _page(request, pages, door, catalogue, who)


@router.post("/account")
def change(
    request: Request,
    pages: PagesOf,
    door: DoorOf,
    catalogue: CatalogueOf,
    who: Own,
    language: Field = "",
    name: Field = "",
    email: Field = "",
    phone: Field = "",
) -> Response:
    _demand(who)
    actor = who.actor(request_id_of(request))
    try:
        account = change_own(door, actor, language=language, name=name, email=email, phone=phone)
    except RefusedError as error:
        typed = {"name": name, "email": email, "phone": phone}
        return _page(request, pages, door, catalogue, who, error.fields, typed)
    response = see("/account")
    remember_language(response, account.language)
    return response


@router.post("/account/password")
def password(
    request: Request,
    pages: PagesOf,
    door: DoorOf,
    catalogue: CatalogueOf,
    who: Own,
    current: Field = "",
    password: Field = "",
    again: Field = "",
) -> Response:
    _demand(who)
    if not door.confirms(request, who, current):
        return _page(request, pages, door, catalogue, who, {"current": WRONG_PASSWORD})
    try:
        change_password(door, who.actor(request_id_of(request)), password, again)
    except RefusedError as error:
        return _page(request, pages, door, catalogue, who, error.fields)
    response = see("/sign-in?next=/account")
    door.take_back(response)  # all sessions have ended, this one too
    return response


@router.get("/account/export")
def export(door: DoorOf, who: Own) -> Response:
    _demand(who)
    with door.database.read() as unit:
        data = export_person(unit, who.account_id)
    return as_file(export_answer(data, door.now()))


@router.post("/account/erase")
def erase(
    request: Request,
    pages: PagesOf,
    door: DoorOf,
    catalogue: CatalogueOf,
    who: Own,
    confirm: Field = "",
    erase_password: Field = "",
) -> Response:
    _demand(who)
    if not confirm:
        return _page(request, pages, door, catalogue, who, {"confirm": NOT_TICKED})
    if not door.confirms(request, who, erase_password):
        return _page(request, pages, door, catalogue, who, {"erase_password": WRONG_PASSWORD})
    erase_own(door, who.actor(request_id_of(request)))
    response = see("/account/erased")
    door.take_back(response)
    return response


@router.get("/account/erased", dependencies=[require("public")])
def erased(request: Request, pages: PagesOf) -> Response:
    return form_page(pages, request, "erased.html")


def _demand(who: Principal) -> None:
    demand(who, "account.own", Facts(reader=who.account_id))


def _page(
    request: Request,
    pages: Pages,
    door: Door,
    catalogue: CatalogueOf,
    who: Principal,
    complaints: dict[str, Words] | None = None,
    typed: dict[str, str] | None = None,
) -> Response:
    _demand(who)
    with door.database.read() as unit:
        account = require_account(unit, who.account_id)
        under_way = open_requests(unit, who.account_id)
    shown = {"name": account.name, "email": account.email, "phone": account.phone} | (typed or {})
    library = catalogue.known_libraries().get(account.library)
    return form_page(
        pages, request, "account.html", complaints, account=account, shown=shown, library=library, under_way=under_way
    )
