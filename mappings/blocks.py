"""`each` blocks: one struct of the model (agent, subject, holding …) for every field of some tags.

agents:
  - each: "700 701"            # tags, with indicators where they matter: 264|.1|
    when: {not: ['200']}       # only in such records
    without: t                  # not a field that has this code
    group: a                   # a field that repeats this code is several, each beginning there
    embedded: "1"              # fields stand inside $1 (CNMARC 4XX)
    twins: only                # only fields of the other script (MARC21 880) that have a partner; `no`: never those
    attach: last               # holdings: what is found belongs to the holding before
    name: "a | trim"           # members of the struct: see members.py
"""

from __future__ import annotations

import re
import typing
from collections.abc import Callable
from typing import Any

from msgspec import Struct

from mappings.conditions import Condition, compile_condition
from mappings.extract import Extractor, First, State, Subfields, index
from mappings.holdings import attach_holding
from mappings.identifiers import READINGS, parse
from mappings.members import Member, compile_members, member_types
from mappings.model import Agent, Classification, Identifier, Item, Link, Note, Series, Subject, Title
from mappings.selectors import expand_tag
from mappings.source_text import Node, guess

Handler = Callable[[State, str, Subfields, First], None]
Kwargs = dict[str, Any]


class Compiled(Struct, frozen=True):
    """A handler and the fields it wants."""

    tag: str
    handler: Handler
    need: str | None = None  # a code without which the handler does nothing
    fields: bool = True  # ordinary ones
    twins: bool = True  # those of the other script that have a partner


MAIN: dict[type[Struct], str] = {
    Title: "value",
    Series: "title",
    Agent: "name",
    Identifier: "value",
    Subject: "value",
    Classification: "value",
    Note: "value",
    Link: "url",
    Item: "barcode",
}
"""The member without which there is no struct; where it gives several values, there are several structs. A
relation and a holding need any member that the record itself fills."""

_KEYS = ("each", "when", "without", "group", "embedded", "twins", "attach")
_EACH = re.compile(r"([0-9A-Za-z_]+)(?:\|([0-9a-z. #]{2})\|)?")


def compile_block(node: Node, field: str, kind: type[Struct], element: bool) -> list[Compiled]:
    """The handlers of one block, one for each tag. Raises CrosswalkError.

    `field` is the field of BibRecord that the structs of `kind` go to; `element`: tags are element names (Dublin Core).
    """
    table = node.table(field)
    if "each" not in table:
        raise node.fail(field, "a block needs `each:` with the tags it is for")
    condition = compile_condition(table["when"], f"{field}.when") if "when" in table else None
    embedded = _one_code(table, "embedded", field)
    group = _one_code(table, "group", field)
    without = _one_code(table, "without", field)
    twins = _choice(table, "twins", field, ("only", "no", "yes"))
    attach = _choice(table, "attach", field, ("last",))
    if attach and field != "holdings":
        raise table["attach"].fail(field, "only blocks of holdings can be attached")
    members = {key: value for key, value in table.items() if key not in _KEYS}
    _check_names(members, field, kind)
    has_twin = any(isinstance(m.value, dict) and "twin" in m.value for m in members.values())
    compiled = []
    for tag, indicators in _tags(table["each"], field, element):
        parts = compile_members(members, field, kind, tag, "embedded" if embedded else "local", MAIN.get(kind))
        handler = _handler(field, kind, parts, bool(attach))
        handler = _wrapped(handler, condition, indicators, group, embedded)
        if without:
            handler = _without_code(handler, without)
        need = next((part.need for part in parts if part.name == MAIN.get(kind)), None)
        compiled.append(Compiled(tag, handler, need, twins != "only", twins != "no" and not (has_twin and not twins)))
    return compiled


def _check_names(members: dict[str, Node], field: str, kind: type[Struct]) -> None:
    known = member_types(kind)
    for name, value in members.items():
        if name not in known:
            close = guess(name, (*known, *_KEYS))
            raise value.fail(field, f"{kind.__name__} has no member '{name}'{close}; it has {', '.join(known)}")
        if kind is Identifier and name == "type" and isinstance(value.value, str):
            literal = value.value.removeprefix("=")
            if value.value.startswith("=") and literal not in READINGS:
                raise value.fail(f"{field}.type", f"no type of number is called '{literal}'{guess(literal, READINGS)}")
    main = MAIN.get(kind)
    if main and main not in members and kind is not Item:
        node = next(iter(members.values()), None)
        if node is not None:
            raise node.fail(field, f"the block says nothing of `{main}`, without which there is no {kind.__name__}")


def _one_code(table: dict[str, Node], key: str, field: str) -> str:
    if key not in table:
        return ""
    code = table[key].text(f"{field}.{key}")
    if len(code) != 1:
        raise table[key].fail(f"{field}.{key}", f"one subfield code is wanted, not {code!r}")
    return code


def _choice(table: dict[str, Node], key: str, field: str, choices: tuple[str, ...]) -> str:
    if key not in table:
        return ""
    word = table[key].text(f"{field}.{key}")
    if word not in choices:
        raise table[key].fail(f"{field}.{key}", f"'{word}' is none of {', '.join(choices)}{guess(word, choices)}")
    return word


def _tags(node: Node, field: str, element: bool) -> list[tuple[str, str]]:
    tags = []
    text = node.text(f"{field}.each") if isinstance(node.value, str) else " ".join(node.texts(f"{field}.each"))
    for word in text.replace("| |", "|##|").split():
        found = _EACH.fullmatch(word)
        if found is None or (not element and len(found.group(1)) != 3):
            raise node.fail(f"{field}.each", f"'{word}' is no tag; write tags such as 700 or 4XX or 264|.1|")
        indicators = (found.group(2) or "").replace("#", " ")
        tags += [
            (tag, indicators) for tag in (expand_tag(word) if found.group(2) is None else expand_tag(found.group(1)))
        ]
    return tags


# ------------------------------------------------------------------------------------------------ making structs


def _handler(field: str, kind: type[Struct], parts: list[Member], attach: bool) -> Handler:
    constants: Kwargs = {part.name: part.constant for part in parts if part.extract is None}
    main_name = MAIN.get(kind, "")
    main = next((part.extract for part in parts if part.name == main_name), None)
    dynamic = [(p.name, p.need, p.direct, p.extract) for p in parts if p.extract and p.name != main_name]
    make = _make_identifier if kind is Identifier else kind
    if main is None:
        return _without_main(field, kind, constants, dynamic, attach)
    many = next(part.many for part in parts if part.name == main_name)

    def handle(state: State, indicators: str, subfields: Subfields, d: First) -> None:
        plain = len(d) == len(subfields)
        value = main(state, indicators, subfields, d)
        if not value:
            return
        kwargs = constants.copy()
        for name, need, direct, extract in dynamic:
            if need is None or need in d:
                if plain and direct is not None:
                    got = direct(d[need])  # type: ignore[index]
                else:
                    got = extract(state, indicators, subfields, d)
                if got:
                    kwargs[name] = got
        made = state.values.get(field)
        if made is None:
            made = state.values[field] = []
        for single in value if many else (value,):
            struct = make(**{main_name: single}, **kwargs)
            if struct is not None:
                made.append(struct)  # type: ignore[attr-defined]

    return handle


def _make_identifier(value: str, type: str = "other", qualifier: str = "", status: str = "valid") -> Identifier | None:
    return parse(type, value, qualifier, status)


def _without_main(
    field: str,
    kind: type[Struct],
    constants: Kwargs,
    dynamic: list[tuple[str, str | None, Callable[[str], Any] | None, Extractor[Any]]],
    attach: bool,
) -> Handler:
    def handle(state: State, indicators: str, subfields: Subfields, d: First) -> None:
        kwargs: Kwargs = {}
        plain = len(d) == len(subfields)
        for name, need, direct, extract in dynamic:
            if need is None or need in d:
                if plain and direct is not None:
                    got = direct(d[need])  # type: ignore[index]
                else:
                    got = extract(state, indicators, subfields, d)
                if got:
                    kwargs[name] = got
        if not kwargs:
            return
        made = typing.cast("list[Any]", state.values.setdefault(field, []))
        struct = kind(**(constants | kwargs))
        if attach:
            attach_holding(made, struct)  # type: ignore[arg-type]
        else:
            made.append(struct)

    return handle


# -------------------------------------------------------------------------------------- which fields get through


def _wrapped(handler: Handler, condition: Condition | None, indicators: str, group: str, embedded: str) -> Handler:
    if embedded:
        handler = _over_embedded(handler, embedded)
    if group:
        handler = _over_groups(handler, group)
    if indicators.strip("."):
        handler = only_indicators(handler, indicators)
    return only_when(handler, condition) if condition else handler


def only_when(handler: Handler, condition: Condition) -> Handler:
    def handle(state: State, indicators: str, subfields: Subfields, d: First) -> None:
        holds = state.answers.get(condition)
        if holds is None:
            holds = state.answers[condition] = condition.holds(state.tags, state.leader)
        if holds:
            handler(state, indicators, subfields, d)

    return handle


def _without_code(handler: Handler, code: str) -> Handler:
    def handle(state: State, indicators: str, subfields: Subfields, d: First) -> None:
        if code not in d:
            handler(state, indicators, subfields, d)

    return handle


def only_indicators(handler: Handler, pattern: str) -> Handler:
    first, second = pattern[0], pattern[1]

    def handle(state: State, indicators: str, subfields: Subfields, d: First) -> None:
        found = indicators if len(indicators) == 2 else "  "
        if first in (".", found[0]) and second in (".", found[1]):
            handler(state, indicators, subfields, d)

    return handle


def _over_groups(handler: Handler, code: str) -> Handler:
    """One field that holds several: a new one begins at each repeated code; what stands before the first is its own."""

    def handle(state: State, indicators: str, subfields: Subfields, d: First) -> None:
        starts = [i for i, (c, _) in enumerate(subfields) if c == code] if len(d) != len(subfields) else []
        if len(starts) < 2:
            handler(state, indicators, subfields, d)
            return
        starts[0] = 0
        for start, stop in zip(starts, [*starts[1:], len(subfields)], strict=True):
            part = subfields[start:stop]
            handler(state, indicators, part, index(part))

    return handle


def _over_embedded(handler: Handler, code: str) -> Handler:
    """Fields in $1: `$12001 $aTitle` is field 200 with the indicators "1 ", up to the next $1. What stands before the
    first $1 is the field's own."""

    def handle(state: State, indicators: str, subfields: Subfields, d: First) -> None:
        own: list[tuple[str, str]] = []
        inside: list[tuple[str, list[tuple[str, str]]]] = []
        for subfield in subfields:
            if subfield[0] == code:
                tag, rest = subfield[1][:3], subfield[1][3:]
                inside.append((tag, [("", rest.strip())] if tag < "010" else []))
            elif inside:
                inside[-1][1].append(subfield)
            else:
                own.append(subfield)
        state.embedded = [(tag, tuple(parts)) for tag, parts in inside]
        outside = tuple(own)
        handler(state, indicators, outside, index(outside))
        state.embedded = []

    return handle
