"""The one decision about who may do what. Whatever this table doesn't allow is refused.

A route names its action (search_api/access/guard.py), which refuses those who may do it to nothing at all. A route that
does something to an object then asks `demand` with what matters of the object. Every page and every answer that shows
less to some asks `allowed`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from msgspec import Struct

from search_api.access.principal import Principal
from search_api.problems import ProblemError, forbidden, sign_in_first
from search_api.vocabulary import Words
from store.accounts import ROLES

ROLE_NAMES: Mapping[str, Words] = {
    "reader": Words("读者", "reader"),
    "requester": Words("请求馆员", "requesting officer"),
    "supplier": Words("提供馆员", "supplying officer"),
    "admin": Words("馆管理员", "library admin"),
    "system": Words("系统馆员", "system librarian"),
    "auditor": Words("审计员", "auditor"),
}


class Facts(Struct, frozen=True):
    """What matters of an object, as far as it is known. "" and 0 fit nobody."""

    library: str = ""  # that it belongs to: of an account, a key, a policy, a correction, a report …
    reader: int = 0  # account that it is of, or for
    requester: str = ""  # library that requests
    supplier: str = ""  # library that a rota entry asks
    asked: frozenset[str] = frozenset()  # libraries that a request has been sent to
    desk: str = ""  # node or library at whose desk it lies
    roles: tuple[str, ...] = ()  # that the account or key has or is to have


WHOSE: Mapping[str, Callable[[Principal, Facts], bool]] = {
    "any": lambda _who, _what: True,
    "self": lambda who, what: what.reader == who.account_id != 0,
    "library": lambda who, what: what.library == who.library != "",
    "requester": lambda who, what: what.requester == who.library != "",
    # For a reader of his own library: another library's are that library's to ask for.
    "own reader": lambda who, what: what.requester == what.library == who.library != "",
    "supplier": lambda who, what: what.supplier == who.library != "",
    "asked": lambda who, what: who.library != "" and who.library in what.asked,
    "desk": lambda who, what: what.desk == who.library != "",
}
"""How an object can belong to somebody."""


class Rule(Struct, frozen=True):
    """A role may do it to objects that are `whose`."""

    role: str
    whose: str
    over: frozenset[str] = frozenset(ROLES)  # accounts and keys with no other roles than these
    scope: str = ""  # by which a key may do it to these, beside that of the action


class Action(Struct, frozen=True):
    """Something that can be done."""

    rules: tuple[Rule, ...] = ()
    anybody: bool = False  # also who has not signed in
    scope: str = ""  # that an API key needs for it; "" = no key may
    keys_only: bool = False  # programs do it, people don't


def _staff(whose: str, scope: str = "") -> tuple[Rule, ...]:
    """The officers of a library's desk."""
    return (Rule("requester", whose, scope=scope), Rule("supplier", whose, scope=scope))


def _local(role: str) -> tuple[Rule, ...]:
    """A role for its own library, and the system librarian for all."""
    return (Rule(role, "library"), Rule("system", "any"))


_READERS = frozenset(("reader",))
_STAFF = frozenset(("requester", "supplier", "admin"))
_AUDITOR = Rule("auditor", "any")
_SYSTEM = Rule("system", "any")

TABLE: Mapping[str, Action] = {
    "public": Action(anybody=True),
    "search": Action(anybody=True),
    "sign-in": Action(anybody=True),
    # ------------------------------------------------------------------ accounts
    # A key acts for its library: the account of whoever made it is not its own.
    "account.own": Action(tuple(Rule(role, "self") for role in ROLES)),
    "reader.register": Action(
        (Rule("requester", "library", _READERS), Rule("admin", "library", _READERS)), scope="readers"
    ),
    "account.manage": Action((Rule("admin", "library", _READERS | _STAFF), _SYSTEM), scope="accounts"),
    # A key can't make keys: one that was stolen would outlive its being revoked.
    "key.manage": Action((Rule("admin", "library", _STAFF), _SYSTEM)),
    # ------------------------------------------------------------------ requests
    "request.create": Action((Rule("reader", "self"), Rule("requester", "own reader")), scope="requests"),
    # Who answers what his library is asked, or what lies at its desk, reads that request too, and no other.
    "request.read": Action(
        (Rule("reader", "self"), Rule("requester", "requester"), Rule("supplier", "asked", scope="queue"),
         *_staff("desk", scope="desk"), _SYSTEM, _AUDITOR), scope="requests",
    ),
    "request.act": Action((Rule("reader", "self"), Rule("requester", "requester")), scope="requests"),
    "queue.read": Action((Rule("supplier", "library"), _SYSTEM, _AUDITOR), scope="queue"),
    "entry.act": Action((Rule("supplier", "supplier"),), scope="queue"),
    "rota.override": Action((Rule("requester", "requester"), _SYSTEM), scope="requests"),
    "desk.read": Action((*_staff("desk"), _SYSTEM, _AUDITOR), scope="desk"),
    "desk.act": Action(_staff("desk"), scope="desk"),
    "iso18626.receive": Action((*_staff("library"),), scope="iso18626", keys_only=True),
    # ------------------------------------------------------------------ the library and the house
    "policy.read": Action((*_local("admin"), *_staff("library"), _AUDITOR), scope="policy"),
    "policy.write": Action(_local("admin"), scope="policy"),
    # Through whom a library asks, who then pays: no library says so of another.
    "policy.gateway": Action((_SYSTEM,), scope="policy"),
    "correction.read": Action((*_local("admin"), Rule("supplier", "library"), _AUDITOR), scope="corrections"),
    "correction.close": Action((*_local("admin"), Rule("supplier", "library")), scope="corrections"),
    "ledger.read": Action((*_local("admin"), _AUDITOR), scope="ledger"),
    "ledger.write": Action((_SYSTEM,), scope="ledger"),
    "statistics.read": Action((Rule("admin", "any"), _SYSTEM, _AUDITOR, *_staff("library")), scope="statistics"),
    "webhook.manage": Action(_local("admin"), scope="webhooks"),
    "audit.read": Action((_SYSTEM, _AUDITOR), scope="audit"),
    # Why a message could not be sent may name whom it was for: the auditor sees no contact details.
    "outbox.read": Action((_SYSTEM,), scope="outbox"),
    "outbox.revive": Action((_SYSTEM,), scope="outbox"),
    "routing.read": Action((_SYSTEM, _AUDITOR), scope="routing"),
    "routing.write": Action((_SYSTEM,), scope="routing"),
}  # fmt: skip

SCOPES = tuple(sorted({action.scope for action in TABLE.values() if action.scope}))
"""What an API key can be made for."""

NOTHING_KNOWN = Facts()


def allowed(principal: Principal, action: str, facts: Facts = NOTHING_KNOWN) -> bool:
    """May he do it to this? An action that is not in the table is allowed to nobody."""
    row = TABLE.get(action)
    if row is None:
        return False
    if row.anybody:
        return True
    return any(
        set(facts.roles) <= rule.over and WHOSE[rule.whose](principal, facts) for rule in _his_rules(principal, row)
    )


def ever_allowed(principal: Principal, action: str) -> bool:
    """Is there anything to which he may do it?"""
    row = TABLE.get(action)
    if row is None:
        return False
    return row.anybody or any(True for _ in _his_rules(principal, row))


def demand(principal: Principal, action: str, facts: Facts = NOTHING_KNOWN) -> None:
    """Raises a problem where it isn't allowed: 401 to nobody known, 403 to everybody else."""
    if not allowed(principal, action, facts):
        raise refusal(principal)


def refusal(principal: Principal) -> ProblemError:
    return forbidden() if principal.known else sign_in_first()


def sees_all(principal: Principal, action: str) -> bool:
    """May he do it whoever's it is? (A list is then not narrowed to his library.)"""
    return allowed(principal, action, NOTHING_KNOWN)


def has_scope(principal: Principal, action: str) -> bool:
    """Of a key: whether it is for the action as a whole, and not for a part of it by a scope of another. True of
    people."""
    return principal.way != "key" or TABLE[action].scope in principal.scopes


def _his_rules(principal: Principal, row: Action) -> Iterator[Rule]:
    """Those that are for his roles and for the way by which he comes."""
    for rule in row.rules:
        if rule.role in principal.roles and _by_this_way(principal, row, rule):
            yield rule


def _by_this_way(principal: Principal, row: Action, rule: Rule) -> bool:
    if principal.way == "key":
        return not principal.scopes.isdisjoint({row.scope, rule.scope} - {""})
    return principal.way == "session" and not row.keys_only
