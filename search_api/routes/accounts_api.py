"""Managing accounts as JSON: a library's admin those of his library, the system librarian all."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request

from search_api import answers, examples
from search_api.access.guard import DoorOf, require
from search_api.access.principal import Principal
from search_api.accounts import CODE_DAYS, RefusedError, add_person, manage
from search_api.answers import BadParameter
from search_api.openapi import JsonAnswer, documented
from search_api.personal import PRIVATE, person_entry
from search_api.policy import Facts, allowed, demand, ever_allowed, sees_all
from search_api.problems import bad_parameter, bad_parameters, forbidden, unknown_thing
from search_api.routes.access import CatalogueOf
from search_api.tracing import request_id_of
from store.accounts import NewAccount, accounts_page, get_account

router = APIRouter(prefix="/api/accounts", tags=["accounts"])

PAGE = 200

Manager = Annotated[Principal, require("account.manage")]


class PersonBody(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    login: str = Field(min_length=1, max_length=100)
    roles: tuple[str, ...] = Field(min_length=1, max_length=6)
    library: str = Field(default="", max_length=16, description="Symbol. Empty: one's own.")
    name: str = Field(default="", max_length=100, description="Of the person, or of the desk.")
    email: str = Field(default="", max_length=200)
    language: str = Field(default="zh", pattern="^(zh|en)$")


class ChangeBody(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    roles: tuple[str, ...] | None = Field(default=None, min_length=1, max_length=6, description="In place of the old.")
    active: bool | None = Field(default=None, description="false: shut, at once.")


@router.get(
    "",
    summary="The accounts of one's library",
    response_class=JsonAnswer,
    responses=documented(answers.PeopleAnswer, examples.PEOPLE, 401, 403, 422, 503),
)
def people(
    door: DoorOf,
    who: Manager,
    library: Annotated[str, Query(max_length=16, description="Symbol. Empty: all that one may see.")] = "",
    after: Annotated[str, Query(pattern="^[0-9]{0,19}$", description="`next` of the page before.")] = "",
) -> JsonAnswer:
    """In the order in which they were made; what is left of erased ones too."""
    wanted = library or (None if sees_all(who, "account.manage") else who.library)
    with door.database.read() as unit:
        found = accounts_page(unit, wanted, min(int(after or 0), 2**63 - 1), PAGE + 1)
    rows = found[:PAGE]
    seen = [each for each in rows if allowed(who, "account.manage", Facts(library=each.library, roles=each.roles))]
    following = str(seen[-1].id) if seen and len(found) > PAGE else ""
    return JsonAnswer(answers.PeopleAnswer(tuple(map(person_entry, seen)), following), headers=PRIVATE)


@router.post(
    "",
    summary="Make an account",
    status_code=201,
    response_class=JsonAnswer,
    responses=documented(answers.NewPersonAnswer, examples.NEW_PERSON, 401, 403, 422, 503, status=201),
)
def new_person(
    body: PersonBody, request: Request, door: DoorOf, catalogue: CatalogueOf, who: Manager
) -> JsonAnswer:  # fmt: skip
    """Nobody makes an account with more than his own library's roles. The code is shown once."""
    library = body.library or who.library
    demand(who, "account.manage", Facts(library=library, roles=body.roles))
    _refuse_to_outlive(who, body.roles)
    if library and library not in catalogue.known_libraries():
        raise bad_parameter("library", "没有这家成员馆。", "There is no such member library.")
    told = NewAccount(body.login, body.roles, library, "", body.name, body.email, language=body.language)
    try:
        made, code = add_person(door, who.actor(request_id_of(request)), told)
    except RefusedError as error:
        raise bad_parameters(_told(error)) from error
    return JsonAnswer(answers.NewPersonAnswer(person_entry(made), code, CODE_DAYS), 201, PRIVATE)


@router.patch(
    "/{id}",
    summary="Change roles, shut or open an account",
    response_class=JsonAnswer,
    responses=documented(answers.PersonEntry, examples.PERSON, 401, 403, 404, 422, 503),
)
def change_person(
    id: Annotated[str, Path(pattern="^[0-9]{1,19}$", description="Id of the account.")],
    body: ChangeBody,
    request: Request,
    door: DoorOf,
    who: Manager,
) -> JsonAnswer:
    """Its sessions end when it is shut; its keys are worth nothing while it is so."""
    with door.database.read() as unit:
        found = get_account(unit, int(id)) if int(id) < 2**63 else None
    # Another library's account is as unknown as one that there isn't.
    if found is None or not allowed(who, "account.manage", Facts(library=found.library, roles=found.roles)):
        raise unknown_thing()
    if body.roles is not None:
        demand(who, "account.manage", Facts(library=found.library, roles=body.roles))
        _refuse_to_outlive(who, body.roles)
    try:
        changed = manage(door, who.actor(request_id_of(request)), found, body.roles, body.active)
    except RefusedError as error:
        raise bad_parameters(_told(error)) from error
    return JsonAnswer(person_entry(changed), headers=PRIVATE)


def _refuse_to_outlive(who: Principal, roles: Collection[str]) -> None:
    """Raises a problem where a program makes somebody who manages accounts: by him it would go on when its key was
    revoked."""
    if who.way == "key" and any(ever_allowed(Principal(1, (role,), way="session"), "account.manage") for role in roles):
        raise forbidden()


def _told(error: RefusedError) -> tuple[BadParameter, ...]:
    return tuple(BadParameter(field, words.zh, words.en) for field, words in error.fields.items())
