"""Expressions as functions of one field. These run some fifty times a record: plain closures, chosen at load.

Every function gets the state of the record, the field's indicators, its subfields, and `d`: the first value of
each code.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from msgspec import Struct

from mappings.fields import Subfield
from mappings.selectors import Expression, Selector
from mappings.source_text import Node
from mappings.steps import CompiledStep, compile_step
from mappings.text import trim

Subfields = tuple[Subfield, ...]
First = dict[str, str]  # code → first value
Indexed = tuple[str, Subfields, First]  # indicators, subfields, first values
T = TypeVar("T")


class State:
    """What is known of a record while its fields pass by."""

    __slots__ = ("answers", "embedded", "leader", "ranked", "tags", "twin", "values")

    def __init__(self, leader: str, tags: frozenset[str]) -> None:
        self.values: dict[str, object] = {}  # of the model's fields
        self.ranked: dict[str, int] = {}  # scalar → rank of the alternative that gave its value
        self.twin: Indexed | None = None  # the 880 of the field at hand
        self.embedded: list[tuple[str, Subfields]] = []  # fields in $1 of the field at hand
        self.answers: dict[object, bool] = {}  # of conditions
        self.tags = tags
        self.leader = leader


Extractor = Callable[[State, str, Subfields, First], T]


def index(subfields: Subfields) -> First:
    return dict(subfields[::-1])


def _pick(selector: Selector, inside: bool) -> Callable[[State, Subfields], list[str]]:
    """All texts that a selector takes from a field, empty ones left out; `inside`: from the field of its tag in $1."""
    codes, start, stop, tag = frozenset(selector.codes or ("",)), selector.start, selector.stop, selector.tag

    def plain(state: State, subfields: Subfields) -> list[str]:
        return [value for code, value in subfields if code in codes and value]

    def cut(state: State, subfields: Subfields) -> list[str]:
        values = [value[start:stop] for code, value in subfields if code in codes]
        return [value for value in values if value]

    divisions = frozenset(selector.divided)

    def divided(state: State, subfields: Subfields) -> list[str]:
        head = trim(" ".join([value for code, value in subfields if code in codes and value]))
        if not head:
            return []
        return ["--".join([head, *[trim(value) for code, value in subfields if code in divisions and value.strip()]])]

    pick = divided if divisions else plain if start < 0 else cut
    if not inside or not tag:
        return pick

    def embedded(state: State, subfields: Subfields) -> list[str]:
        return [v for name, inner in state.embedded if name == tag for v in pick(state, inner)]

    return embedded


def _composed(steps: list[CompiledStep]) -> Callable[[str], str]:
    """The value steps one behind the other, as long as there is text; no blank at the ends."""
    functions = [cast("Callable[[str], str]", step.of_value) for step in steps if step.of_value is not None]
    if not functions:
        return str.strip
    if len(functions) == 1:
        only = functions[0]
        if any(step.strips for step in steps):
            return only
        return lambda value: only(value).strip()

    def composed(value: str) -> str:
        for function in functions:
            if not value:
                return ""
            value = function(value)
        return value.strip()

    return composed


def _pipeline(steps: list[CompiledStep]) -> Callable[[list[str]], list[str]]:
    """The steps as one function of a list; nothing empty and no blank at an end leaves it."""
    if any(step.fans for step in steps):
        return _fanning_pipeline(steps)
    composed = _composed(steps)
    keeps_single = all(step.keeps_single for step in steps)

    def run(values: list[str]) -> list[str]:
        if len(values) == 1 and keeps_single:  # list steps have nothing to do
            text = composed(values[0])
            return [text] if text else []
        for step in steps:
            if step.of_list is not None:
                values = step.of_list(values)
            else:
                values = [text for value in values if (text := cast(str, step.of_value(value)))]  # type: ignore[misc]
        return [text for value in values if (text := value.strip())]

    return run


def _fanning_pipeline(steps: list[CompiledStep]) -> Callable[[list[str]], list[str]]:
    def run(values: list[str]) -> list[str]:
        for step in steps:
            if step.of_list is not None:
                values = step.of_list(values)
            elif step.fans:
                values = [text for value in values for text in step.of_value(value) if text]  # type: ignore[misc]
            else:
                values = [text for value in values if (text := cast(str, step.of_value(value)))]  # type: ignore[misc]
        return [text for value in values if (text := value.strip())]

    return run


class Source(Struct, frozen=True):
    """One selector of an expression, compiled. `need` is the code without which it gives nothing, None where any
    may do: the hot loop asks for it before it calls."""

    selector: Selector
    extract: Extractor[Any]
    need: str | None
    direct: Callable[[str], Any] | None = None  # of the one value of `need`, where no code of the field is repeated


def _need(selector: Selector, inside: bool) -> str | None:
    return selector.codes if len(selector.codes) <= 1 and not (inside and selector.tag) else None


def many(expression: Expression, node: Node, rule: str, inside: bool = False) -> list[Source]:
    """For each selector of the expression a function that gives the list of its values.

    Codes that no step joins stay apart where several values are wanted: $4 twice is two roles.
    """
    steps = [compile_step(step, node, rule) for step in expression.steps]
    only = steps[0].of_value if len(steps) == 1 and steps[0].fans else _listed(steps) if _is_direct(steps) else None
    sources = []
    for s in expression.selectors:
        direct = only if _is_simple(s, inside) and s.start < 0 else None
        sources.append(Source(s, _many_of(s, steps, inside), _need(s, inside), direct))
    return sources


def _listed(steps: list[CompiledStep]) -> Callable[[str], tuple[str, ...]]:
    composed = _composed(steps)

    def listed(value: str) -> tuple[str, ...]:
        text = composed(value)
        return (text,) if text else ()

    return listed


def _many_of(selector: Selector, steps: list[CompiledStep], inside: bool) -> Extractor[list[str]]:
    pick = _pick(selector, inside)
    run = _pipeline(steps)

    def extract(state: State, indicators: str, subfields: Subfields, d: First) -> list[str]:
        values = pick(state, subfields)
        return run(values) if values else values

    if not _is_simple(selector, inside) or selector.start >= 0:
        return extract
    code = selector.codes

    def simple(state: State, indicators: str, subfields: Subfields, d: First) -> list[str]:
        if len(d) != len(subfields):  # some code is repeated; perhaps this one
            return extract(state, indicators, subfields, d)
        value = d.get(code)
        return run([value]) if value else []

    return simple


def _is_simple(selector: Selector, inside: bool) -> bool:
    """One code of the field itself."""
    return len(selector.codes) <= 1 and not selector.divided and not (inside and bool(selector.tag))


def one(expression: Expression, node: Node, rule: str, inside: bool = False) -> list[Source]:
    """For each selector of the expression a function that gives one text, "" where there is none.

    Several codes, and one that is repeated, are joined with a blank before the first step, unless a list step stands
    in the expression, which then decides.
    """
    steps = [compile_step(step, node, rule) for step in expression.steps]
    direct = _composed(steps) if _is_direct(steps) else None
    sources = []
    for s in expression.selectors:
        simple = direct if _is_simple(s, inside) and s.start < 0 else None
        sources.append(Source(s, _one_of(s, steps, inside), _need(s, inside), simple))
    return sources


def _is_direct(steps: list[CompiledStep]) -> bool:
    """A single text goes through value steps only, and stays one."""
    return not any(step.fans or not step.keeps_single for step in steps)


def _one_of(selector: Selector, steps: list[CompiledStep], inside: bool) -> Extractor[str]:
    listed = any(step.of_list is not None for step in steps)
    pick = _pick(selector, inside)
    run = _pipeline(steps)

    def extract(state: State, indicators: str, subfields: Subfields, d: First) -> str:
        values = pick(state, subfields)
        if not values:
            return ""
        if not listed and len(values) > 1:
            values = [" ".join(values)]
        values = run(values)
        return values[0] if values else ""

    if inside or selector.divided or not _is_direct(steps):
        return extract
    if selector.start >= 0:
        return _positions(selector, _composed(steps)) if len(selector.codes) <= 1 else extract
    return _plain_one(frozenset(selector.codes or ("",)), _composed(steps), extract)


def _plain_one(codes: frozenset[str], composed: Callable[[str], str], slow: Extractor[str]) -> Extractor[str]:
    """Several codes of which a field mostly has one: then list steps have nothing to do."""

    def plain(state: State, indicators: str, subfields: Subfields, d: First) -> str:
        values = [value for code, value in subfields if code in codes and value]
        if len(values) == 1:
            return composed(values[0])
        return slow(state, indicators, subfields, d) if values else ""

    return plain


_REMEMBERED = 4096


def _positions(selector: Selector, composed: Callable[[str], str]) -> Extractor[str]:
    """Coded data: few different values, so what they come to is remembered."""
    code, start, stop = selector.codes, selector.start, selector.stop
    known: dict[str, str] = {}

    def positions(state: State, indicators: str, subfields: Subfields, d: First) -> str:
        coded = d.get(code, "")[start:stop]
        found = known.get(coded)
        if found is None:
            found = composed(coded) if coded else ""
            if len(known) < _REMEMBERED:
                known[coded] = found
        return found

    return positions
