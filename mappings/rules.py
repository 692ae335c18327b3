"""The rules of a crosswalk, each for one field of BibRecord, compiled to handlers of single fields.

A scalar (title, edition …) takes the first alternative that gives something: alternatives are the parts of an
expression, and the items of a list. A list of texts (languages, places …) takes all. Lists of structs are made
by `each` blocks. `years` is the one rule that fills two fields: year and year_end, always out of the same statement.
"""

from __future__ import annotations

import typing
from collections.abc import Iterator
from functools import cache
from typing import Any

from msgspec import Struct

from mappings.blocks import Compiled, Handler, compile_block, only_indicators, only_when
from mappings.conditions import Condition, compile_condition
from mappings.extract import First, Source, State, Subfields, many, one
from mappings.members import VOCABULARIES
from mappings.model import BibRecord
from mappings.selectors import expand_tag, parse_expression
from mappings.source_text import Node, guess

_SET_BY_US = frozenset({"dialect", "flags", "year", "year_end"})
YEARS = "years"


@cache
def rule_types() -> dict[str, Any]:
    """What a crosswalk may have rules for, and the type of each."""
    hints = typing.get_type_hints(BibRecord)
    known = {name: hints[name] for name in BibRecord.__struct_fields__ if name not in _SET_BY_US}
    return known | {YEARS: str}


def struct_of(hint: Any) -> type[Struct] | None:
    """The struct that a field holds a list of, if it does."""
    arguments = typing.get_args(hint)
    if arguments and isinstance(arguments[0], type) and issubclass(arguments[0], Struct):
        return arguments[0]
    return None


def compile_rule(name: str, node: Node, element: bool) -> Iterator[Compiled]:
    """The handlers of a rule. Raises CrosswalkError."""
    types = rule_types()
    if name not in types:
        if name in ("year", "year_end"):
            raise node.fail(name, f"write `{YEARS}:`, which sets the first and the last year together")
        raise node.fail(name, f"the record has no field of that name{guess(name, types)}")
    hint = types[name]
    kind = struct_of(hint)
    if kind is not None:
        for block in node.items():
            if block.value:
                yield from compile_block(block, name, kind, element)
        return
    rank = 0
    for item in node.items():
        for compiled in _entry(name, item, hint, element, rank):
            rank += 1
            yield from compiled


class _Entry(Struct, frozen=True):
    expression: Node
    condition: Condition | None
    twin: bool


def _entry(name: str, node: Node, hint: Any, element: bool, rank: int) -> Iterator[list[Compiled]]:
    entry = _read_entry(name, node)
    expression = parse_expression(entry.expression, name, "element" if element else "marc")
    listed = hint == tuple[str, ...]
    if not listed:
        _check_constants(name, entry.expression, [s.argument for s in expression.steps if s.name == "const"])
    sources = (many if listed else one)(expression, entry.expression, name)
    for i, source in enumerate(sources):
        keep = _gather(name, source) if listed else _keep(name, source, rank + i, hint is int)
        yield _placed(source, keep, entry, listed)


def _read_entry(name: str, node: Node) -> _Entry:
    if not isinstance(node.value, dict):
        return _Entry(node, None, False)
    table = node.value
    known = ("from", "when", "twin")
    for key, value in table.items():
        if key not in known:
            raise value.fail(name, f"'{key}' is none of {', '.join(known)}{guess(key, known)}")
    if ("from" in table) == ("twin" in table):
        raise node.fail(name, "either `from:` or `twin:` is wanted here, with an expression")
    condition = compile_condition(table["when"], f"{name}.when") if "when" in table else None
    return _Entry(table["twin"] if "twin" in table else table["from"], condition, "twin" in table)


def _check_constants(name: str, node: Node, constants: list[str | None]) -> None:
    known = VOCABULARIES.get(f"BibRecord.{name}")
    for word in constants:
        if known is not None and word not in known:
            raise node.fail(name, f"'{word}' is none of {', '.join(sorted(known))}{guess(word or '', known)}")


def _placed(source: Source, handler: Handler, entry: _Entry, listed: bool) -> list[Compiled]:
    selector = source.selector
    if selector.indicators.strip("."):
        handler = only_indicators(handler, selector.indicators)
    if entry.condition is not None:
        handler = only_when(handler, entry.condition)
    # An 880 with a partner is one more value of a list, and never the value of a scalar: that one is in `twin:`.
    return [
        Compiled(tag, handler, source.need, not entry.twin, entry.twin or listed) for tag in expand_tag(selector.tag)
    ]


def _keep(name: str, source: Source, rank: int, number: bool) -> Handler:
    extract, direct, need = source.extract, source.direct, source.need

    def handle(state: State, indicators: str, subfields: Subfields, d: First) -> None:
        if state.ranked.get(name, 99) <= rank:
            return
        if direct is not None and len(d) == len(subfields):
            value = direct(d[need])  # type: ignore[index]
        else:
            value = extract(state, indicators, subfields, d)
        if not value:
            return
        if number:
            if not value.isdecimal():
                return
            state.values[name] = int(value)
        else:
            state.values[name] = value
        state.ranked[name] = rank

    return handle


def _gather(name: str, source: Source) -> Handler:
    extract, direct, need = source.extract, source.direct, source.need

    def handle(state: State, indicators: str, subfields: Subfields, d: First) -> None:
        if direct is not None and len(d) == len(subfields):
            values = direct(d[need])  # type: ignore[index]
        else:
            values = extract(state, indicators, subfields, d)
        if values:
            made = state.values.get(name)
            if made is None:
                made = state.values[name] = []
            made.extend(values)  # type: ignore[attr-defined]

    return handle
