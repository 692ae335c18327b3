"""A row of the matrix for every route of the application: how it is called on what is one's own, and on another's.

Nothing here is read from search_api/policy.py. `rights` stands where a route is narrower than its action.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import httpx
from authorisation import OTHER, OWN, RIGHTS
from authorisation_world import BRANCH, PASSWORD, SISTER, Me, World
from request_desk import HONGLOUMENG

from mappings.model import union_id
from search_api.access.tokens import code_hash, new_code
from search_api.interop.iso18626 import messages as m
from search_api.interop.iso18626.writing import write
from store.accounts import set_code

Try = Callable[[World, Me, str], tuple[str, dict[str, Any]]]
"""Gives the address and what is sent."""
Refused = Callable[[httpx.Response], bool]


class Row(NamedTuple):
    method: str
    path: str
    action: str
    make: Try
    writes: int = 0  # entries of the audit that a call makes which is allowed
    whose: tuple[str, ...] = ("own", "other")
    rights: Mapping[str, str] | None = None
    refused: Refused | None = None  # of a route that says so in its answer
    of: str = OWN  # library of those who ask

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.action}"

    def allowed(self, role: str, whose: str) -> bool:
        right = (RIGHTS[self.action] if self.rights is None else self.rights).get(role, "")
        return right == "any" or right == whose


ROWS: list[Row] = []
OWN_ONLY = ("own",)
"""A route that has nothing to name somebody else's object by."""


def row(method: str, path: str, action: str, make: Try, writes: int = 0, **more: Any) -> None:
    ROWS.append(Row(method, path, action, make, writes, **more))


def at(address: str, **options: Any) -> Try:
    """The same for everybody; {symbol} is the library's."""
    return lambda _world, _me, whose: (address.format(symbol=OWN if whose == "own" else OTHER), options)


# ---------------------------------------------------------------------------------------------- for everybody

_RECORD = union_id(HONGLOUMENG)

for _path, _action in (
    ("/", "public"), ("/libraries", "public"), ("/robots.txt", "public"), ("/account/erased", "public"),
    ("/api/libraries", "public"), ("/api/health", "public"), ("/api/openapi.json", "public"), ("/metrics", "public"),
    ("/search", "search"), ("/holders", "search"), ("/openurl", "search"), ("/api/search", "search"),
    ("/api/suggest", "search"), ("/api/openurl", "search"),
    ("/sign-in", "sign-in"), ("/set-password", "sign-in"), ("/register", "sign-in"),
):  # fmt: skip
    row("GET", _path, _action, at(_path), whose=OWN_ONLY)
row("GET", "/api/holders", "search", at(f"/api/holders?id={_RECORD}"), whose=OWN_ONLY)
row("GET", "/api/records/{id}", "search", at(f"/api/records/{_RECORD}"), whose=OWN_ONLY)
row("GET", "/record/{record_id}", "search", at(f"/record/{_RECORD}"), whose=OWN_ONLY)
row("POST", "/api/citations/match", "search", at("/api/citations/match", json={"citation": {"title": "红楼梦"}}),
    whose=OWN_ONLY)  # fmt: skip


def _sign_in(world: World, _me: Me, _whose: str) -> tuple[str, dict[str, Any]]:
    return "/sign-in", {"data": {"login": world.person("supplier").login, "password": PASSWORD}}


def _set_password(world: World, _me: Me, _whose: str) -> tuple[str, dict[str, Any]]:
    person, code = world.person(), new_code()
    with world.database.write() as unit:
        set_code(unit, person.id, code_hash(code), world.desk.now.replace(year=2027))
    fields = {"login": person.login, "code": code, "password": PASSWORD, "again": PASSWORD}
    return "/set-password", {"data": fields}


def _register(world: World, _me: Me, _whose: str) -> tuple[str, dict[str, Any]]:
    world.house.app.state.door.throttle.__init__()  # so many from one address would be a flood
    number = world.number()
    fields = {"library": OWN, "login": f"新{number}", "name": "王芳"}
    return "/register", {"data": fields | {"password": PASSWORD, "again": PASSWORD}}


row("POST", "/sign-in", "sign-in", _sign_in, 1, whose=OWN_ONLY)
row("POST", "/set-password", "sign-in", _set_password, 1, whose=OWN_ONLY)
row("POST", "/register", "sign-in", _register, 1, whose=OWN_ONLY)

# ---------------------------------------------------------------------------------------------- one's own account

for _path in ("/account", "/account/export", "/api/account", "/api/account/export"):
    row("GET", _path, "account.own", at(_path), whose=OWN_ONLY)
row("POST", "/sign-out", "account.own", at("/sign-out"), whose=OWN_ONLY)


def _contact(world: World, _me: Me, _whose: str) -> tuple[str, dict[str, Any]]:
    return "/account", {"data": {"name": f"王{world.number()}", "language": "zh"}}


_NEW = "七只鸟停在电线 2026"
row("POST", "/account", "account.own", _contact, 1, whose=OWN_ONLY)
row(
    "POST",
    "/account/password",
    "account.own",
    at("/account/password", data={"current": PASSWORD, "password": _NEW, "again": _NEW}),
    1,
    whose=OWN_ONLY,
)
row(
    "POST",
    "/account/erase",
    "account.own",
    at("/account/erase", data={"confirm": "1", "erase_password": PASSWORD}),
    1,
    whose=OWN_ONLY,
)
row("DELETE", "/api/account", "account.own", at("/api/account", json={"password": PASSWORD}), 1,
    whose=OWN_ONLY)  # fmt: skip

# ---------------------------------------------------------------------------------------------- readers, keys, accounts


def _new_reader(path: str, form: str) -> Try:
    def make(world: World, _me: Me, _whose: str) -> tuple[str, dict[str, Any]]:
        return path, {form: {"name": "王芳", "card": f"K{world.number()}"}}

    return make


def _new_code(world: World, _me: Me, whose: str) -> tuple[str, dict[str, Any]]:
    return "/readers/code", {"data": {"reader": world.person("reader", OWN if whose == "own" else OTHER).card}}


def _without(text: str) -> Refused:
    return lambda response: response.status_code == 422 and text in response.text


row("GET", "/readers/new", "reader.register", at("/readers/new"), whose=OWN_ONLY)
row("POST", "/readers/new", "reader.register", _new_reader("/readers/new", "data"), 1, whose=OWN_ONLY)
row("POST", "/readers/code", "reader.register", _new_code, 1, refused=_without("本馆没有这个证号"))
row("POST", "/api/readers", "reader.register", _new_reader("/api/readers", "json"), 1, whose=OWN_ONLY)


def _nothing_in(name: str) -> Refused:
    return lambda response: response.status_code == 200 and not response.json()[name]


def _listed(path: str, prepare: Callable[[World, str], object]) -> Try:
    def make(world: World, _me: Me, whose: str) -> tuple[str, dict[str, Any]]:
        library = OWN if whose == "own" else OTHER
        prepare(world, library)
        return f"{path}?library={library}", {}

    return make


def _a_key(world: World, library: str) -> int:
    return world.key(library, "supplier", world.person("system").id)[1]


def _one(path: str, prepare: Callable[[World, str], object], **options: Any) -> Try:
    def make(world: World, _me: Me, whose: str) -> tuple[str, dict[str, Any]]:
        return path.format(id=prepare(world, OWN if whose == "own" else OTHER)), options

    return make


def _new_key(_world: World, _me: Me, whose: str) -> tuple[str, dict[str, Any]]:
    body = {"label": "门户", "library": OWN if whose == "own" else OTHER, "roles": ["supplier"], "scopes": ["queue"]}
    return "/api/keys", {"json": body}


def _new_person(world: World, _me: Me, whose: str) -> tuple[str, dict[str, Any]]:
    library = OWN if whose == "own" else OTHER
    return "/api/accounts", {"json": {"login": f"u{world.number()}", "library": library, "roles": ["supplier"]}}


row("GET", "/api/keys", "key.manage", _listed("/api/keys", _a_key), refused=_nothing_in("keys"))
row("POST", "/api/keys", "key.manage", _new_key, 1)
row("GET", "/api/keys/{id}", "key.manage", _one("/api/keys/{id}", _a_key))
row("DELETE", "/api/keys/{id}", "key.manage", _one("/api/keys/{id}", _a_key), 1)
row(
    "GET",
    "/api/accounts",
    "account.manage",
    _listed("/api/accounts", lambda world, library: world.person("supplier", library)),
    refused=_nothing_in("accounts"),
)
row("POST", "/api/accounts", "account.manage", _new_person, 1)
row("PATCH", "/api/accounts/{id}", "account.manage",
    _one("/api/accounts/{id}", lambda world, library: world.person("supplier", library).id, json={"active": False}),
    1)  # fmt: skip

# ---------------------------------------------------------------------------------------------- requests


def _asking(world: World, me: Me, whose: str) -> tuple[str, dict[str, Any]]:
    """A reader for himself or for another; an officer for a reader of his library or of another."""
    body: dict[str, Any] = {"citation": {"record_id": _RECORD}, "service": "loan"}
    if me.role == "reader" and whose == "own":
        return "/api/requests", {"json": body}
    return "/api/requests", {"json": body | {"for_reader": str(world.reader(me, whose))}}


def _behind(path: str, form: str) -> Try:
    """An officer of a branch for a reader of the library that it asks through, or of another branch behind it."""

    def make(world: World, me: Me, whose: str) -> tuple[str, dict[str, Any]]:
        reader = world.person("reader", OWN if whose == "own" else SISTER)
        if form == "json":
            citation = {"record_id": _RECORD}
            return path, {form: {"citation": citation, "service": "loan", "for_reader": str(reader.id)}}
        told = {"record": _RECORD, "service": "loan", "token": f"t{world.number()}", "reader": reader.card}
        return path, {form: told}

    return make


def _on(path: str, **options: Any) -> Try:
    return lambda world, me, whose: (path.format(number=world.request(me, whose).request_id), options)


def _on_entry(path: str, form: str, name: str) -> Try:
    def make(world: World, _me: Me, whose: str) -> tuple[str, dict[str, Any]]:
        case = world.sent_to(whose)
        assert case.active is not None
        return path.format(number=case.request_id), {form: {"name": name, "entry": case.active.number}}

    return make


def _override(path: str, form: str) -> Try:
    def make(world: World, me: Me, whose: str) -> tuple[str, dict[str, Any]]:
        case = world.request(me, whose)
        assert case.active is not None
        body = {"name": "recall", "entry": case.active.number}
        return path.format(number=case.request_id), {form: body}

    return make


def _at_desk(path: str, form: str) -> Try:
    body = {"name": "give_up", "reason": "查无此书"}
    return lambda world, _me, whose: (path.format(number=world.at_desk(whose).request_id), {form: body})


def _list_of(path: str) -> Try:
    """A reader's own, or what a library asks."""

    def make(_world: World, me: Me, whose: str) -> tuple[str, dict[str, Any]]:
        symbol = OWN if whose == "own" else OTHER
        return (path if (me.role, whose) == ("reader", "own") else f"{path}?library={symbol}"), {}

    return make


_LISTS = {"reader": "own", "requester": "own", "system": "any", "auditor": "any"}
_CANCEL = {"name": "cancel"}
row("GET", "/api/requests", "request.read", _list_of("/api/requests"), rights=_LISTS)
row("POST", "/api/requests", "request.create", _asking, 1)
row("POST", "/api/requests", "request.create", _behind("/api/requests", "json"), 1, rights={}, of=BRANCH)
row("GET", "/api/requests/{number}", "request.read", _on("/api/requests/{number}"))
row("POST", "/api/requests/{number}/events", "request.act", _on("/api/requests/{number}/events", json=_CANCEL), 1)
row("POST", "/api/requests/{number}/events", "entry.act", _on_entry("/api/requests/{number}/events", "json", "ack"), 1)
row("POST", "/api/requests/{number}/events", "rota.override", _override("/api/requests/{number}/events", "json"), 1)
row("POST", "/api/requests/{number}/events", "desk.act", _at_desk("/api/requests/{number}/events", "json"), 1)
row("GET", "/api/queue", "queue.read", at("/api/queue?library={symbol}"))
row("GET", "/api/desk", "desk.read", at("/api/desk?library={symbol}"))


def _iso(world: World, me: Me, whose: str) -> tuple[str, dict[str, Any]]:
    """A supplier answers what was sent to its library, a requester asks: as their library, or as another."""
    side, symbol = ("CAPITAL", OWN) if whose == "own" else ("BALIS", OTHER)
    agency, now = m.AgencyId(m.Code(side), symbol), world.desk.now
    message: m.Message
    if me.role == "requester":
        head = m.Header(timestamp=now, requesting_agency_id=agency, requesting_agency_request_id=f"n{world.number()}")
        bib = m.BibliographicInfo(title="清华旧影", author="某人")
        message = m.Request(header=head, bibliographic_info=bib, service_info=m.ServiceInfo(service_type="Loan"))
    else:
        number = f"R{world.sent_to('own').request_id}-1"
        head = m.Header(timestamp=now, supplying_agency_id=agency, requesting_agency_request_id=number)
        message = m.SupplyingAgencyMessage(
            header=head,
            message_info=m.MessageInfo(reason_for_message="RequestResponse"),
            status_info=m.StatusInfo(status="RequestReceived", last_change=now),
        )
    return "/api/iso18626", {"content": write(message, "2021-2"), "headers": {"Content-Type": "application/xml"}}


row("POST", "/api/iso18626", "iso18626.receive", _iso, 1, rights={"requester": "own", "supplier": "own"},
    refused=lambda response: response.status_code == 200 and b">ERROR<" in response.content)  # fmt: skip

# ---------------------------------------------------------------------------------------------- libraries and the house


def _policy(world: World, _me: Me, whose: str) -> tuple[str, dict[str, Any]]:
    return f"/api/libraries/{OWN if whose == 'own' else OTHER}/policy", {"json": {"daily_cap": 1000 + world.number()}}


def _on_correction(path: str, **options: Any) -> Try:
    return lambda world, _me, whose: (path.format(id=world.correction(whose)), options)


def _on_webhook(path: str) -> Try:
    return lambda world, _me, whose: (path.format(id=world.webhook(whose)), {})


def _subscription(world: World, _me: Me, whose: str) -> tuple[str, dict[str, Any]]:
    world.webhook(whose)  # which lets old ones go
    return "/api/webhooks", {"json": {"url": "https://a.example/in", "library": OWN if whose == "own" else OTHER}}


def _closing(world: World, _me: Me, _whose: str) -> tuple[str, dict[str, Any]]:
    world.months += 1
    return f"/api/ledger/periods/{2000 + world.months // 12}-{world.months % 12 + 1:02}/close", {}


def _tuned(world: World, _me: Me, _whose: str) -> tuple[str, dict[str, Any]]:
    quiet = {"explore": 0.0, "compare": 0.0}
    return "/api/routing/settings", {"json": {"rota": quiet, "fairness_days": 1 + world.number() % 3000}}


def _revived(world: World, _me: Me, _whose: str) -> tuple[str, dict[str, Any]]:
    return f"/api/outbox/{world.dead_message()}/revive", {}


row("GET", "/api/libraries/{symbol}/policy", "policy.read", at("/api/libraries/{symbol}/policy"))
row("PUT", "/api/libraries/{symbol}/policy", "policy.write", _policy, 1)
row("GET", "/api/corrections", "correction.read", at("/api/corrections?library={symbol}"))
row(
    "POST",
    "/api/corrections/{id}/close",
    "correction.close",
    _on_correction("/api/corrections/{id}/close", json={"result": "holding_wrong"}),
    1,
)
row("GET", "/api/statistics", "statistics.read", at("/api/statistics?library={symbol}"))
row("GET", "/api/statistics/predictions", "statistics.read", at("/api/statistics/predictions?library={symbol}"))
row("GET", "/api/ledger/statements", "ledger.read", at("/api/ledger/statements?period=2026-03&library={symbol}"))
row("POST", "/api/ledger/periods/{month}/close", "ledger.write", _closing, 1, whose=OWN_ONLY)
row("GET", "/api/webhooks", "webhook.manage", at("/api/webhooks?library={symbol}"))
row("POST", "/api/webhooks", "webhook.manage", _subscription, 1)
row("DELETE", "/api/webhooks/{id}", "webhook.manage", _on_webhook("/api/webhooks/{id}"), 1)
row("POST", "/api/webhooks/{id}/test", "webhook.manage", _on_webhook("/api/webhooks/{id}/test"), 1)
row("GET", "/api/audit", "audit.read", at("/api/audit?library={symbol}"))
row("GET", "/api/outbox", "outbox.read", at("/api/outbox"), whose=OWN_ONLY)
row("POST", "/api/outbox/{id}/revive", "outbox.revive", _revived, 1, whose=OWN_ONLY)
row("GET", "/api/routing/settings", "routing.read", at("/api/routing/settings"), whose=OWN_ONLY)
row("PUT", "/api/routing/settings", "routing.write", _tuned, 1, whose=OWN_ONLY)

# ---------------------------------------------------------------------------------------------- pages of requests


def _form(world: World, me: Me, _whose: str) -> tuple[str, dict[str, Any]]:
    card = world.person("reader", OWN)
    return "/request", {
        "data": {"record": _RECORD, "service": "loan", "token": f"t{world.number()}", "reader": card.card}
    }


def _ticked(world: World, _me: Me, whose: str) -> tuple[str, dict[str, Any]]:
    return "/queue", {"data": {"step": "ack", "ticked": f"{world.sent_to(whose).request_id}.1"}}


row("GET", "/request", "request.create", at(f"/request?record={_RECORD}"), whose=OWN_ONLY)
row("POST", "/request", "request.create", _form, 1, whose=OWN_ONLY)
# A reader asks for himself, whomever he names.
row("POST", "/request", "request.create", _behind("/request", "data"), 1, rights={"reader": "any"}, of=BRANCH,
    refused=_without("本馆没有这个证号"))  # fmt: skip
row("GET", "/request/new", "request.create", at("/request/new"), whose=OWN_ONLY)
row("GET", "/request/match", "request.create", at("/request/match?title=红楼梦"), whose=OWN_ONLY)
row("GET", "/requests", "request.read", at("/requests"), whose=OWN_ONLY)
row("GET", "/requests/{number}", "request.read", _on("/requests/{number}"))
row("POST", "/requests/{number}", "request.act", _on("/requests/{number}", data=_CANCEL), 1)
row("POST", "/requests/{number}", "entry.act", _on_entry("/requests/{number}", "data", "ack"), 1)
row("POST", "/requests/{number}", "rota.override", _override("/requests/{number}", "data"), 1)
row("POST", "/requests/{number}", "desk.act", _at_desk("/requests/{number}", "data"), 1)
row("GET", "/queue", "queue.read", at("/queue"), whose=OWN_ONLY)
row("POST", "/queue", "entry.act", _ticked, 1, refused=lambda response: response.status_code == 422)
row("GET", "/library/requests", "request.read", at("/library/requests"), whose=OWN_ONLY,
    rights={"requester": "own", "system": "any", "auditor": "any"})  # fmt: skip
row("GET", "/desk", "desk.read", at("/desk"), whose=OWN_ONLY)


def _policy_form(world: World, _me: Me, whose: str) -> tuple[str, dict[str, Any]]:
    fields = {
        "channel": "queue",
        "iso_version": "1.2",
        "capacity": "10",
        "receipt_days": "1",
        "action_days": "3",
        "rush_days": "1",
        "lends": "1",
        "copies": "1",
        "gateway_automatic": "1",
        "retention_days": "90",
    }
    changed = {"library": OWN if whose == "own" else OTHER, "daily_cap": str(1000 + world.number())}
    return "/library/policy", {"data": fields | changed}  # fmt: skip


def _switch(world: World, _me: Me, whose: str) -> tuple[str, dict[str, Any]]:
    """From on to off."""
    library = OWN if whose == "own" else OTHER
    world.desk.policy(library, paused=True)
    return "/library/pause", {"data": {"library": library, "paused": ""}}


row("GET", "/library/policy", "policy.read", at("/library/policy"), whose=OWN_ONLY)
row("POST", "/library/policy", "policy.write", _policy_form, 1)
row("POST", "/library/pause", "policy.write", _switch, 1)


def _gateway(by: str) -> Try:
    """Of a library that has the default: by its page, or as JSON."""

    def make(world: World, _me: Me, whose: str) -> tuple[str, dict[str, Any]]:
        library, gateway = (OWN, "XCLIB") if whose == "own" else (OTHER, "RUC")
        world.desk.policy(library, gateway="", gateway_automatic=True)
        if by == "json":
            return f"/api/libraries/{library}/policy", {"json": {"gateway": gateway}}
        fields = {"gateway": gateway, "gateway_automatic": "1", "capacity": "10", "receipt_days": "1"}
        more = {"action_days": "3", "rush_days": "1", "lends": "1", "copies": "1", "library": library}
        return "/library/policy", {"data": fields | more}

    return make


row("PUT", "/api/libraries/{symbol}/policy", "policy.gateway", _gateway("json"), 1)
row("POST", "/library/policy", "policy.gateway", _gateway("form"), 1)
row("GET", "/library/corrections", "correction.read", at("/library/corrections"), whose=OWN_ONLY)
row(
    "POST",
    "/library/corrections/{number}",
    "correction.close",
    _on_correction("/library/corrections/{id}", data={"result": "holding_wrong"}),
    1,
)

NARROWER = {
    # A route whose guard lets more in than one action, each of which has rows: who may do what is asked inside.
    ("POST", "/api/requests/{number}/events"): {"request.act", "entry.act", "rota.override", "desk.act"},
    ("POST", "/requests/{number}"): {"request.act", "entry.act", "rota.override", "desk.act"},
    ("PUT", "/api/libraries/{symbol}/policy"): {"policy.write", "policy.gateway"},
    ("POST", "/library/policy"): {"policy.write", "policy.gateway"},
}
NO_KEY = {"account.own", "key.manage"}
"""Actions that no API key may do."""
ONLY_KEY = {"iso18626.receive"}
"""Actions that no person may do."""


def expected(row: Row, me: Me, whose: str) -> bool:
    """Whether he may, by the rules of the house."""
    if me.way == "key" and row.action in NO_KEY:
        return False
    if me.way != "key" and row.action in ONLY_KEY:
        return False
    return row.allowed(me.role, whose)
