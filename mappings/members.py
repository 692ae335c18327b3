"""The members of an `each` block: how each field of a struct gets its value.

name: "a | trim"                            an expression
kind: "=person"                             a literal
roles: ["4 | role", "e | role"]             the first that gives something
primary: {tags: "700"}                      true for these tags
scheme: {by_tag: {690: clc, 692: las}}      a literal by tag; * = any other
kind: {ind1: {"3": family, "*": person}}    a literal by indicator
alt: {twin: "a | trim"}                     the expression, on the partner in the other script (880)
items: {barcode: "p", call_number: "h"}     of a holding: its items, one for each barcode
"""

from __future__ import annotations

import sys
import typing
from collections.abc import Callable
from functools import cache
from typing import Any

from msgspec import Struct

from mappings.extract import Extractor, First, Source, State, Subfields, many, one
from mappings.model import CARRIERS, MATERIALS, Item
from mappings.selectors import parse_expression
from mappings.source_text import Node, guess
from mappings.steps import compile_step

VOCABULARIES: dict[str, frozenset[str]] = {
    "Agent.kind": frozenset({"person", "body", "meeting", "family"}),
    "Identifier.status": frozenset({"valid", "cancelled", "invalid"}),
    "Subject.kind": frozenset({"topic", "person", "body", "place", "title", "form", "keyword"}),
    "Classification.scheme": frozenset({"clc", "las", "lcc", "ddc", "udc", "other"}),
    "Note.kind": frozenset({"general", "abstract", "contents", "thesis", "bibliography", "frequency", "audience"}),
    "Title.kind": frozenset(
        ["parallel", "variant", "cover", "spine", "uniform", "former", "later", "key", "abbreviated", "contents"]
    ),
    "Relation.kind": frozenset(
        {"host", "set", "series", "supplement", "parent", "preceding", "succeeding", "translation", "other"}
        | {"other_edition", "other_format"}
    ),
    "BibRecord.material": frozenset(MATERIALS),
    "BibRecord.carrier": frozenset(CARRIERS),
}
"""What literals of the model may say; a wrong word is an error at load."""


class Member(Struct, frozen=True):
    name: str
    constant: Any = None
    extract: Extractor[Any] | None = None
    many: bool = False  # gives a list of texts, not one
    need: str | None = None  # a code without which it gives nothing; None = not known
    direct: Callable[[str], Any] | None = None  # see Source


class Place(Struct, frozen=True):
    """Where a member stands: what it is for, and how its selectors are written."""

    rule: str  # agents.name
    owner: str  # Agent
    name: str
    hint: Any  # its type
    tag: str
    grammar: str
    main: bool = False


@cache
def member_types(kind: type[Struct]) -> dict[str, Any]:
    hints = typing.get_type_hints(kind)
    return {name: hints[name] for name in kind.__struct_fields__}


def compile_members(
    members: dict[str, Node], field: str, kind: type[Struct], tag: str, grammar: str, main: str | None
) -> list[Member]:
    """The members of a struct of that kind, for fields of that tag. Raises CrosswalkError."""
    types = member_types(kind)
    compiled = []
    for name, node in members.items():
        place = Place(f"{field}.{name}", kind.__name__, name, types[name], tag, grammar, name == main)
        compiled.append(compile_member(node, place))
    return compiled


def compile_member(node: Node, place: Place) -> Member:
    if place.hint == tuple[Item, ...]:
        return Member(place.name, extract=_items(node, place), many=True)
    if isinstance(node.value, dict):
        return _table(node, place)
    alternatives = [_alternative(item, place) for item in node.items()]
    if len(alternatives) == 1:
        return alternatives[0]
    if any(a.extract is None for a in alternatives[:-1]):
        raise node.fail(place.rule, "a literal must stand last, since what follows it is never asked")
    return Member(place.name, extract=_first_of(alternatives), many=any(a.many for a in alternatives))


def _alternative(node: Node, place: Place) -> Member:
    if isinstance(node.value, dict):
        return _table(node, place)
    text = node.text(place.rule)
    if text.startswith("="):
        return Member(place.name, constant=_literal(node, text[1:], place))
    if place.hint is bool:
        raise node.fail(place.rule, "this is yes or no: write {tags: …}, =yes or =no")
    return _expression(node, place)


def _literal(node: Node, text: str, place: Place) -> Any:
    if place.hint is bool:
        if text not in ("yes", "no", "true", "false"):
            raise node.fail(place.rule, f"this is yes or no, not '{text}'")
        return text in ("yes", "true")
    if place.hint is int:
        if not text.isdecimal():
            raise node.fail(place.rule, f"this is a number, not '{text}'")
        return int(text)
    known = VOCABULARIES.get(f"{place.owner}.{place.name}")
    if known is not None and text not in known:
        raise node.fail(place.rule, f"'{text}' is none of {', '.join(sorted(known))}{guess(text, known)}")
    text = sys.intern(text)  # a default of the model is known by identity, and left out when stored
    return (text,) if place.hint == tuple[str, ...] else text


def _expression(node: Node, place: Place) -> Member:
    expression = parse_expression(node, place.rule, place.grammar)
    inside = place.grammar == "embedded"
    steps = [compile_step(step, node, place.rule) for step in expression.steps]
    if place.hint == tuple[str, ...]:
        texts = many(expression, node, place.rule, inside)
        single = len(texts) == 1
        need, direct = (texts[0].need, texts[0].direct) if single else (None, None)
        return Member(place.name, extract=_texts(texts), need=need, direct=direct)
    several = place.main and any(step.of_list is not None or step.fans for step in steps)
    sources = (many if several else one)(expression, node, place.rule, inside)
    need = sources[0].need if len(sources) == 1 else None
    extract = sources[0].extract
    if len(sources) > 1:
        extract = _first_of([Member("", extract=source.extract, many=several, need=source.need) for source in sources])
    if place.hint is int:
        return Member(place.name, extract=_as_number(extract), need=need)
    direct = sources[0].direct if len(sources) == 1 else None
    return Member(place.name, extract=extract, many=several, need=need, direct=direct)


def _texts(sources: list[Source]) -> Extractor[tuple[str, ...]]:
    """All values of all selectors, each once."""
    if len(sources) == 1:
        only = sources[0].extract

        def texts_of_one(state: State, indicators: str, subfields: Subfields, d: First) -> tuple[str, ...]:
            found: list[str] = only(state, indicators, subfields, d)
            return tuple(found) if len(found) < 2 else tuple(dict.fromkeys(found))

        return texts_of_one

    def texts(state: State, indicators: str, subfields: Subfields, d: First) -> tuple[str, ...]:
        found: dict[str, None] = {}
        for source in sources:
            if source.need is None or source.need in d:
                for value in source.extract(state, indicators, subfields, d):
                    found[value] = None
        return tuple(found)

    return texts


def _as_number(extract: Extractor[Any] | None) -> Extractor[int]:
    assert extract is not None

    def number(state: State, indicators: str, subfields: Subfields, d: First) -> int:
        text = extract(state, indicators, subfields, d)
        return int(text) if text.isdecimal() else 0

    return number


def _first_of(alternatives: list[Member]) -> Extractor[Any]:
    """The first that gives something; a list where one of them can give several."""
    wants_list = any(a.many for a in alternatives)

    def extract(state: State, indicators: str, subfields: Subfields, d: First) -> Any:
        for alternative in alternatives:
            if alternative.extract is None:
                return [alternative.constant] if wants_list else alternative.constant
            if alternative.need is not None and alternative.need not in d:
                continue
            got = alternative.extract(state, indicators, subfields, d)
            if got:
                return [got] if wants_list and not alternative.many else got
        return [] if wants_list else ""

    return extract


_TABLE_KEYS = ("tags", "by_tag", "ind1", "ind2", "twin")


def _table(node: Node, place: Place) -> Member:
    table = node.table(place.rule)
    if len(table) != 1:
        raise node.fail(place.rule, f"exactly one of {', '.join(_TABLE_KEYS)} is wanted here")
    key, value = next(iter(table.items()))
    if key == "tags":
        if place.hint is not bool:
            raise value.fail(place.rule, "`tags` gives yes or no, and this is neither; use by_tag")
        return Member(place.name, constant=place.tag in value.texts(place.rule))
    if key == "by_tag":
        return _by_tag(value, place)
    if key in ("ind1", "ind2"):
        return _by_indicator(value, place, 0 if key == "ind1" else 1)
    if key == "twin":
        return _of_twin(_alternative(value, place))
    raise value.fail(place.rule, f"'{key}' is none of {', '.join(_TABLE_KEYS)}{guess(key, _TABLE_KEYS)}")


def _by_tag(node: Node, place: Place) -> Member:
    for tags, literal in node.table(place.rule).items():
        if place.tag in tags.split() or tags == "*":
            text = literal.text(place.rule).removeprefix("=")
            return Member(place.name, constant=_literal(literal, text, place))
    raise node.fail(place.rule, f"nothing is said of tag {place.tag}; add it, or * for any other")


def _by_indicator(node: Node, place: Place, position: int) -> Member:
    literals = {}
    default: Any = "" if place.hint is str else ()
    for indicator, literal in node.table(place.rule).items():
        value = _literal(literal, literal.text(place.rule).removeprefix("="), place) if literal.value else ""
        if indicator == "*":
            default = value
        elif len(indicator) == 1:
            literals[indicator.replace("#", " ")] = value
        else:
            raise literal.fail(place.rule, f"an indicator is one character, not '{indicator}'")

    def extract(state: State, indicators: str, subfields: Subfields, d: First) -> Any:
        return literals.get(indicators[position : position + 1], default)

    return Member(place.name, extract=extract)


def _of_twin(inner: Member) -> Member:
    extract = inner.extract

    def of_twin(state: State, indicators: str, subfields: Subfields, d: First) -> Any:
        if state.twin is None or extract is None:
            return ""
        return extract(state, *state.twin)

    return Member(inner.name, extract=of_twin, many=inner.many)


def _items(node: Node, place: Place) -> Extractor[tuple[Item, ...]]:
    members = node.table(place.rule)
    for name, value in members.items():
        if name not in Item.__struct_fields__:
            raise value.fail(place.rule, f"Item has no member '{name}'{guess(name, Item.__struct_fields__)}")
    if "barcode" not in members:
        raise node.fail(place.rule, "items need `barcode`: there is one item for each")
    parts = compile_members(members, place.rule, Item, place.tag, place.grammar, "barcode")
    constants = {part.name: part.constant for part in parts if part.extract is None}
    dynamic = [part for part in parts if part.extract is not None]

    def items(state: State, indicators: str, subfields: Subfields, d: First) -> tuple[Item, ...]:
        kwargs: dict[str, Any] = dict(constants)
        barcodes: list[str] = []
        for part in dynamic:
            assert part.extract is not None
            got = part.extract(state, indicators, subfields, d)
            if part.name == "barcode":
                barcodes = got if part.many else [got] if got else []
                if not barcodes:
                    return ()
            elif got:
                kwargs[part.name] = got
        return tuple(Item(barcode=barcode, **kwargs) for barcode in dict.fromkeys(barcodes))

    return items
