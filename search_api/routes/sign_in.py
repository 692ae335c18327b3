"""Signing in and out, setting a password by a one-time code, and a reader's own registration."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Query
from starlette.requests import Request
from starlette.responses import Response

from search_api.access.door import Door, PasswordRefusedError
from search_api.access.guard import DoorOf, require
from search_api.access.passwords import complaint
from search_api.access.principal import Principal
from search_api.accounts import NewReader, RefusedError, about_password, register_self
from search_api.pages.rendering import remember_language
from search_api.pages.wording import COOKIE
from search_api.problems import no_such_page, too_many_attempts
from search_api.routes.access import CatalogueOf, PagesOf
from search_api.routes.forms import Field, form_page, see, way_back
from search_api.tracing import network_of, request_id_of
from search_api.vocabulary import Words
from store.accounts import Account
from store.sessions import end_session

router = APIRouter(include_in_schema=False)

WRONG = Words("登录名或密码不对。", "Login or password is wrong.")
WRONG_CODE = Words(
    "登录名或一次性代码不对，或代码已过期、已用过。请向登记您的图书馆索取新代码。",
    "Login or code is wrong, or the code has run out or was used. Ask the library that registered you for a new one.",
)


@router.get("/sign-in")
def sign_in_page(
    request: Request,
    pages: PagesOf,
    who: Annotated[Principal, require("sign-in")],
    next: Annotated[str, Query()] = "",
) -> Response:
    if who.known:
        return see(way_back(next, "/account"))
    return form_page(pages, request, "sign_in.html", next=way_back(next, ""), login="", over=None, left=())


@router.post("/sign-in", dependencies=[require("sign-in")])
def sign_in(
    request: Request,
    pages: PagesOf,
    door: DoorOf,
    login: Field = "",
    password: Field = "",
    next: Annotated[str, Form()] = "",
) -> Response:
    signed_in = door.sign_in(request, login, password)
    if signed_in is None:
        wrong, back = {"login": WRONG}, way_back(next, "")
        return form_page(pages, request, "sign_in.html", wrong, next=back, login=login[:100], over=None, left=())
    return _welcome(request, door, signed_in, way_back(next, "/account"))


@router.post("/sign-out")
def sign_out(door: DoorOf, who: Annotated[Principal, require("account.own")]) -> Response:
    with door.database.write() as unit:
        end_session(unit, who.session)
    response = see("/")
    door.take_back(response)
    return response


@router.get("/set-password", dependencies=[require("sign-in")])
def set_password_page(request: Request, pages: PagesOf) -> Response:
    return form_page(pages, request, "set_password.html", login="")


@router.post("/set-password", dependencies=[require("sign-in")])
def set_password(
    request: Request,
    pages: PagesOf,
    door: DoorOf,
    login: Field = "",
    code: Field = "",
    password: Field = "",
    again: Field = "",
) -> Response:
    complaints = about_password(password, again)
    if words := complaint(password, login.strip()):  # what he calls himself, whoever that is
        complaints = {"password": words}
    if not complaints:
        try:
            if signed_in := door.use_code(request, login, code, password):
                return _welcome(request, door, signed_in, "/account")
            complaints = {"code": WRONG_CODE}
        except PasswordRefusedError as error:
            complaints = {"password": error.words}
    return form_page(pages, request, "set_password.html", complaints, login=login[:100])


@router.get("/register", dependencies=[require("sign-in")])
def register_page(request: Request, pages: PagesOf, door: DoorOf, catalogue: CatalogueOf) -> Response:
    if not door.settings.self_registration:
        raise no_such_page()
    libraries = catalogue.libraries().libraries
    return form_page(pages, request, "register.html", libraries=libraries, told=NewReader(""))


@router.post("/register", dependencies=[require("sign-in")])
def register(
    request: Request,
    pages: PagesOf,
    door: DoorOf,
    catalogue: CatalogueOf,
    library: Field = "",
    login: Field = "",
    name: Field = "",
    email: Field = "",
    password: Field = "",
    again: Field = "",
) -> Response:
    if not door.settings.self_registration:
        raise no_such_page()
    if not door.throttle.admits_registration(network_of(request.client.host if request.client else "")):
        raise too_many_attempts(3600)
    libraries = catalogue.libraries().libraries
    known = library if any(each.symbol == library for each in libraries) else ""
    told = NewReader(known, login, name, email, language=pages.language_of(request))
    try:
        register_self(door, request_id_of(request), told, password, again)
    except RefusedError as error:
        return form_page(pages, request, "register.html", error.fields, libraries=libraries, told=told)
    signed_in = door.sign_in(request, login, password)
    return _welcome(request, door, signed_in, "/account") if signed_in else see("/sign-in")


def _welcome(request: Request, door: Door, signed_in: tuple[str, Account], path: str) -> Response:
    token, account = signed_in
    response = see(path)
    door.hand_over(response, token)
    if COOKIE not in request.cookies:  # what was chosen on this page stays
        remember_language(response, account.language)
    return response
