"""`when`: a rule that holds only for some records.

    when: {has: ['200'], not: ['245'], leader: {6: ab, 7: s}}

All tags of `has` must be there, none of `not`, and the leader must have one of the letters at each place.
"""

from __future__ import annotations

from functools import lru_cache

from mappings.selectors import expand_tag
from mappings.source_text import Node, guess


class Condition:
    """Compared by identity, so that its answer for a record can be kept; `compile_condition` makes equal ones once."""

    __slots__ = ("has", "lacks", "leader")

    def __init__(
        self, has: tuple[frozenset[str], ...], lacks: frozenset[str], leader: tuple[tuple[int, str], ...]
    ) -> None:
        self.has = has  # of each set one tag at least
        self.lacks = lacks
        self.leader = leader

    def holds(self, tags: frozenset[str], leader: str) -> bool:
        if not self.lacks.isdisjoint(tags):
            return False
        for wanted in self.has:
            if wanted.isdisjoint(tags):
                return False
        return all(leader[place : place + 1] in letters and len(leader) > place for place, letters in self.leader)


@lru_cache(maxsize=1000)
def _condition(
    has: tuple[frozenset[str], ...], lacks: frozenset[str], leader: tuple[tuple[int, str], ...]
) -> Condition:
    return Condition(has, lacks, leader)


_KEYS = ("has", "not", "leader")


def compile_condition(node: Node, rule: str) -> Condition:
    """Raises CrosswalkError."""
    table = node.table(rule)
    for key, value in table.items():
        if key not in _KEYS:
            raise value.fail(rule, f"`when` knows no '{key}'{guess(key, _KEYS)}; it knows has, not, leader")
    has = tuple(frozenset(expand_tag(tag)) for tag in table["has"].texts(rule)) if "has" in table else ()
    lacks: set[str] = set()
    if "not" in table:
        for tag in table["not"].texts(rule):
            lacks.update(expand_tag(tag))
    leader = []
    if "leader" in table:
        for place, letters in table["leader"].table(rule).items():
            if not place.isdecimal() or int(place) > 23:
                raise letters.fail(rule, f"a place in the leader is a number from 0 to 23, not '{place}'")
            leader.append((int(place), letters.text(rule)))
    return _condition(has, frozenset(lacks), tuple(leader))
