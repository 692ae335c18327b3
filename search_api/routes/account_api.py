"""Accounts and API keys as JSON. People come with their session's cookie and X-CSRF-Token, programs with a key."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from search_api import answers, examples
from search_api.access.door import Door
from search_api.access.guard import DoorOf, require
from search_api.access.principal import Principal
from search_api.accounts import (
    CODE_DAYS,
    KEY_DAYS,
    NewReader,
    RefusedError,
    WantedKey,
    erase_own,
    make_key,
    register_reader,
    revoke_key,
)
from search_api.answers import BadParameter
from search_api.openapi import JsonAnswer, documented, documented_empty
from search_api.personal import PRIVATE, account_answer, export_answer, key_entry
from search_api.policy import SCOPES, Facts, allowed, demand, sees_all
from search_api.problems import ProblemError, bad_parameter, bad_parameters, unknown_thing
from search_api.routes.access import CatalogueOf
from search_api.tracing import request_id_of
from store.accounts import require_account
from store.api_keys import ApiKey, get_key, keys_of
from store.personal_data import export_person

router = APIRouter(prefix="/api", tags=["accounts"])

Own = Annotated[Principal, require("account.own")]
Officer = Annotated[Principal, require("reader.register")]
KeyKeeper = Annotated[Principal, require("key.manage")]
KeyId = Annotated[str, Path(pattern="^[0-9]{1,19}$", description="Id of the key.")]


class ErasureBody(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    password: str = Field(max_length=500, description="Of the account: an open session is not enough to erase it.")


class ReaderBody(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(max_length=100, description="As on the library card.")
    card: str = Field(max_length=40, description="Number of the library card; never an identity-card number.")
    login: str = Field(default="", max_length=100, description="Empty: made of library and card.")
    email: str = Field(default="", max_length=200)
    phone: str = Field(default="", max_length=30)
    language: str = Field(default="zh", pattern="^(zh|en)$")


class KeyBody(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    label: str = Field(min_length=1, max_length=100, description="What the key is for; no person's name.")
    library: str = Field(default="", max_length=16, description="Symbol. Empty: one's own.")
    roles: tuple[str, ...] = Field(min_length=1, max_length=6)
    scopes: tuple[str, ...] = Field(min_length=1, max_length=len(SCOPES), description=", ".join(SCOPES))
    days: int = Field(default=KEY_DAYS, ge=1, le=KEY_DAYS, description="How long it is good.")


@router.get(
    "/account",
    summary="My account",
    response_class=JsonAnswer,
    responses=documented(answers.AccountAnswer, examples.ACCOUNT, 401, 403, 503),
)
def account(door: DoorOf, who: Own) -> JsonAnswer:
    """`csrf` is what a page sends as X-CSRF-Token with whatever changes something."""
    demand(who, "account.own", Facts(reader=who.account_id))
    with door.database.read() as unit:
        found = require_account(unit, who.account_id)
    return JsonAnswer(account_answer(found, who.csrf), headers=PRIVATE)


@router.get(
    "/account/export",
    summary="Everything that is kept of me",
    response_class=JsonAnswer,
    responses=documented(answers.ExportAnswer, examples.EXPORT, 401, 403, 503),
)
def export(door: DoorOf, who: Own) -> JsonAnswer:
    """Account, sessions, keys, and the requests that are still known to be mine."""
    demand(who, "account.own", Facts(reader=who.account_id))
    with door.database.read() as unit:
        data = export_person(unit, who.account_id)
    return JsonAnswer(export_answer(data, door.now()), headers=PRIVATE)


@router.delete(
    "/account",
    summary="Erase me",
    status_code=204,
    responses=documented_empty("Erased", 401, 403, 422, 429, 503),
)
def erase(body: ErasureBody, request: Request, door: DoorOf, who: Own) -> Response:
    """Contact data, sessions and keys are gone for good, and stay so when a backup is restored."""
    demand(who, "account.own", Facts(reader=who.account_id))
    if not door.confirms(request, who, body.password):
        raise bad_parameter("password", "密码不对。", "The password is wrong.")
    erase_own(door, who.actor(request_id_of(request)))
    response = Response(status_code=204)
    door.take_back(response)
    return response


@router.post(
    "/readers",
    summary="Register a reader of one's own library",
    status_code=201,
    response_class=JsonAnswer,
    responses=documented(answers.ReaderAnswer, examples.READER, 401, 403, 422, 503, status=201),
)
def new_reader(body: ReaderBody, request: Request, door: DoorOf, who: Officer) -> JsonAnswer:
    """The code in the answer is shown once; with it the reader sets a password at /set-password."""
    demand(who, "reader.register", Facts(library=who.library, roles=("reader",)))
    told = NewReader(who.library, body.login, body.name, body.email, body.phone, body.card, body.language)
    try:
        made, code = register_reader(door, who.actor(request_id_of(request)), told)
    except RefusedError as error:
        raise _problem(error) from error
    answer = answers.ReaderAnswer(str(made.id), made.login, made.library, code, CODE_DAYS)
    return JsonAnswer(answer, 201, PRIVATE)


# ---------------------------------------------------------------------------------------------- keys


@router.get(
    "/keys",
    summary="The API keys of one's library",
    response_class=JsonAnswer,
    responses=documented(answers.KeysAnswer, examples.KEYS, 401, 403, 422, 503),
)
def keys(
    door: DoorOf,
    who: KeyKeeper,
    library: Annotated[str, Query(max_length=16, description="Symbol. Empty: all that one may see.")] = "",
) -> JsonAnswer:
    """Revoked and expired ones too."""
    wanted = library or (None if sees_all(who, "key.manage") else who.library)
    with door.database.read() as unit:
        found = [key for key in keys_of(unit, wanted) if allowed(who, "key.manage", _facts(key))]
    return JsonAnswer(answers.KeysAnswer(tuple(key_entry(key, door.now()) for key in found)), headers=PRIVATE)


@router.post(
    "/keys",
    summary="Make an API key",
    status_code=201,
    response_class=JsonAnswer,
    responses=documented(answers.NewKeyAnswer, examples.NEW_KEY, 401, 403, 422, 503, status=201),
)
def new_key(body: KeyBody, request: Request, door: DoorOf, catalogue: CatalogueOf, who: KeyKeeper) -> JsonAnswer:
    """The key is shown once. It may do what its roles and its scopes both allow, for its library."""
    library = body.library or who.library
    demand(who, "key.manage", Facts(library=library, roles=body.roles))
    if not set(body.scopes) <= set(SCOPES):
        raise bad_parameter(
            "scopes",
            f"可用的有 {'、'.join(SCOPES)}。",
            f"Only {', '.join(SCOPES)} are known.",
        )
    if library and library not in catalogue.known_libraries():
        raise bad_parameter("library", "没有这家成员馆。", "There is no such member library.")
    wanted = WantedKey(body.label, library, body.roles, body.scopes, body.days)
    try:
        made, shown = make_key(door, who.actor(request_id_of(request)), who.account_id, wanted)
    except RefusedError as error:
        raise _problem(error) from error
    return JsonAnswer(answers.NewKeyAnswer(shown, key_entry(made, door.now())), 201, PRIVATE)


@router.get(
    "/keys/{id}",
    summary="An API key",
    response_class=JsonAnswer,
    responses=documented(answers.KeyEntry, examples.KEY, 401, 403, 404, 422, 503),
)
def key(id: KeyId, door: DoorOf, who: KeyKeeper) -> JsonAnswer:
    return JsonAnswer(key_entry(_key(door, who, id), door.now()), headers=PRIVATE)


@router.delete(
    "/keys/{id}",
    summary="Revoke an API key",
    status_code=204,
    responses=documented_empty("Revoked", 401, 403, 404, 422, 503),
)
def delete_key(id: KeyId, request: Request, door: DoorOf, who: KeyKeeper) -> Response:
    """At once and for good. One that is revoked already stays so."""
    revoke_key(door, who.actor(request_id_of(request)), _key(door, who, id))
    return Response(status_code=204)


def _key(door: Door, who: Principal, key_id: str) -> ApiKey:
    """Another library's key is as unknown as one that there isn't."""
    with door.database.read() as unit:
        found = get_key(unit, int(key_id)) if int(key_id) < 2**63 else None
    if found is None or not allowed(who, "key.manage", _facts(found)):
        raise unknown_thing()
    return found


def _facts(key: ApiKey) -> Facts:
    return Facts(library=key.library, roles=key.roles)


def _problem(error: RefusedError) -> ProblemError:
    found = tuple(BadParameter(field, words.zh, words.en) for field, words in error.fields.items())
    return bad_parameters(found)
