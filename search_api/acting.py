"""As whom somebody acts on a request, and what he may do to it: from the table of search_api/policy.py and from how the
request stands. Reads nothing, changes nothing.
"""

from __future__ import annotations

from collections.abc import Container

import msgspec

from routing.case import Case, possible
from routing.states import ACTIVE
from routing.work import Actor
from search_api.access.principal import Principal
from search_api.policy import Facts, allowed
from store.requests import Person

OVERRIDES = frozenset(("reorder", "skip", "recall", "extend", "close"))
"""Events by which an officer overrides the rota: a system librarian may fire them too, in the library's place."""


def facts_of(case: Case, person: Person | None) -> Facts:
    """What matters of a request to who may see it."""
    return Facts(
        library=case.requester,
        reader=person.account if person else 0,
        requester=case.requester,
        asked=frozenset(entry.supplier for entry in case.entries if entry.asked),
        desk=case.desk,
    )


def as_branch(who: Principal, case: Case, facts: Facts) -> Facts:
    """The officers of a branch see what was asked for its readers."""
    if case.branch and who.library == case.branch:
        return msgspec.structs.replace(facts, requester=case.branch)
    return facts


def may_read(who: Principal, case: Case, person: Person | None) -> bool:
    return allowed(who, "request.read", as_branch(who, case, facts_of(case, person)))


def sees_all_of_it(who: Principal, case: Case, person: Person | None) -> bool:
    """A library that is asked to supply it sees its own part alone: not whom else it was sent to, and what they
    said."""
    facts = as_branch(who, case, facts_of(case, person))
    return allowed(who, "request.read", msgspec.structs.replace(facts, asked=frozenset()))


def offered(case: Case, entry: int) -> dict[str, list[str]]:
    """The events that people may fire now, on the request or on an entry of it, each with the actors whom it is for."""
    found: dict[str, list[str]] = {}
    for kind in ("reader", "officer", "supplier", "node"):
        for name in possible(case, kind, entry):
            found.setdefault(name, []).append(kind)
    return found


def actions(who: Principal, case: Case, person: Person | None, entry: int = 0) -> tuple[str, ...]:
    """The events that he may fire now, on the request or on an entry of it."""
    found = offered(case, entry)
    return tuple(sorted(name for name, kinds in found.items() if acting(who, case, person, name, entry, kinds)))


def acting(
    who: Principal, case: Case, person: Person | None, name: str, entry: int, kinds: Container[str]
) -> Actor | None:
    """As which actor he may fire the event, which is for such `kinds` of them now; None = as none."""
    facts = as_branch(who, case, facts_of(case, person))
    supplier = case.entry(entry).supplier if entry else ""
    if "supplier" in kinds and entry:
        if name == "note" and case.entry(entry).state not in (*ACTIVE, "filled"):
            return None  # who is asked no longer has nothing to add; what comes by ISO 18626 is kept all the same
        if allowed(who, "entry.act", Facts(supplier=supplier)):
            return Actor("supplier", who.account_id, supplier)
        return None
    if "reader" in kinds and person is not None and person.account == who.account_id:
        return Actor("reader", 0, case.requester) if allowed(who, "request.act", facts) else None
    if "officer" in kinds:
        action = "rota.override" if name in OVERRIDES else "request.act"
        # As an officer of the library that requests: that it is his own request makes nobody an officer.
        if allowed(who, action, msgspec.structs.replace(facts, reader=0)):
            library = who.library or case.requester
            return Actor("officer", who.account_id, library, "" if who.library else library)
    if "node" in kinds and not entry and allowed(who, "desk.act", Facts(desk=case.desk)):
        return Actor("node", who.account_id, case.desk)
    return None
