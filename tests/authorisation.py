"""The authorisation matrix: every action × who asks × whose it is, with what the rules of the house say.

The expectation is written here by hand from the table of roles in the field notes, and knows nothing of
search_api/policy.py. `cases()` gives the whole matrix. `drive` runs it against real routes: a test gives a `Try` for an
action, which does it as somebody to an object that is his own or another library's, and says how it ended.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from search_api.access.principal import ANONYMOUS, Principal
from search_api.policy import Facts

OWN, OTHER = "CLCN", "PKU"
ME, SOMEBODY = 4711, 4712

LOCAL = ("reader", "requester", "supplier", "admin")
HOUSE = ("system", "auditor")
ASKERS = ("anonymous", *LOCAL, *HOUSE)

WHOSE = ("own", "other")
"""Own: of the asker's account, or library. Other: of somebody else, at another library."""

RIGHTS: dict[str, dict[str, str]] = {
    # action: {asker: "own" (only what is his, or his library's) or "any"}; whoever is not named may not at all
    "public": dict.fromkeys(ASKERS, "any"),
    "search": dict.fromkeys(ASKERS, "any"),
    "sign-in": dict.fromkeys(ASKERS, "any"),
    "account.own": dict.fromkeys((*LOCAL, *HOUSE), "own"),
    "reader.register": {"requester": "own", "admin": "own"},
    "account.manage": {"admin": "own", "system": "any"},
    "key.manage": {"admin": "own", "system": "any"},
    "request.create": {"reader": "own", "requester": "own"},
    "request.read": {"reader": "own", "requester": "own", "supplier": "own", "system": "any", "auditor": "any"},
    "request.act": {"reader": "own", "requester": "own"},
    "queue.read": {"supplier": "own", "system": "any", "auditor": "any"},
    "entry.act": {"supplier": "own"},
    "rota.override": {"requester": "own", "system": "any"},
    "desk.read": {"requester": "own", "supplier": "own", "system": "any", "auditor": "any"},
    "desk.act": {"requester": "own", "supplier": "own"},
    "iso18626.receive": {},  # programs only: see test_policy.py
    "policy.read": {"requester": "own", "supplier": "own", "admin": "own", "system": "any", "auditor": "any"},
    "policy.write": {"admin": "own", "system": "any"},
    "policy.gateway": {"system": "any"},
    "correction.read": {"supplier": "own", "admin": "own", "system": "any", "auditor": "any"},
    "correction.close": {"supplier": "own", "admin": "own", "system": "any"},
    "ledger.read": {"admin": "own", "system": "any", "auditor": "any"},
    "ledger.write": {"system": "any"},
    "statistics.read": {
        "requester": "own", "supplier": "own", "admin": "any", "system": "any", "auditor": "any",
    },
    "webhook.manage": {"admin": "own", "system": "any"},
    "audit.read": {"system": "any", "auditor": "any"},
    "outbox.read": {"system": "any"},
    "outbox.revive": {"system": "any"},
    "routing.read": {"system": "any", "auditor": "any"},
    "routing.write": {"system": "any"},
}  # fmt: skip

CHANGES_NOTHING = {
    "public", "search", "sign-in", "request.read", "queue.read", "desk.read", "policy.read", "correction.read",
    "ledger.read", "statistics.read", "audit.read", "outbox.read", "routing.read",
}  # fmt: skip


class Case(NamedTuple):
    action: str
    asker: str
    whose: str
    allowed: bool

    def __str__(self) -> str:
        return f"{self.asker} {self.action} {self.whose}"


def cases() -> Iterator[Case]:
    for action, rights in RIGHTS.items():
        for asker in ASKERS:
            for whose in WHOSE:
                right = rights.get(asker, "")
                yield Case(action, asker, whose, right == "any" or right == whose)


def principal(asker: str) -> Principal:
    if asker == "anonymous":
        return ANONYMOUS
    return Principal(ME, (asker,), OWN if asker in LOCAL else "", "session")


def facts(whose: str) -> Facts:
    """An object that is the asker's own in every way that there is, or in none."""
    symbol = OWN if whose == "own" else OTHER
    return Facts(
        library=symbol,
        reader=ME if whose == "own" else SOMEBODY,
        requester=symbol,
        supplier=symbol,
        asked=frozenset((symbol,)),
        desk=symbol,
        roles=(),
    )


Try = Callable[[Case], int]
"""Does the action as `case.asker` to an object that is `case.whose`, through a real route; the HTTP status."""

REFUSED = frozenset((401, 403, 404))
"""404: an object of somebody else may be as unknown as one that there isn't."""


def drive(tries: dict[str, Try]) -> list[str]:
    """What did not end as the table says, over all cases of the actions that there are tries for. Always empty.

    A page that sends somebody unknown to sign in (303 to /sign-in) counts as 401: let the try say so.
    """
    wrong = []
    for case in cases():
        if case.action not in tries:
            continue
        status = tries[case.action](case)
        if (status in REFUSED) == case.allowed or status >= 500:
            wrong.append(f"{case}: {status}, and it is {'allowed' if case.allowed else 'not allowed'}")
    return wrong
