"""The small language inside a rule: what to take from which field, and through which steps.

    expression  = selector {"," selector} {"|" step}
    selector    = TAG ["|" i1 i2 "|"] CODES ["--" CODES] ["[" from ["-" to] "]"]      in a MARC crosswalk
                = element ["[" from ["-" to] "]"]                         in one of Dublin Core
    step        = name ["(" argument ")"]

In a tag X stands for any digit, in indicators `.` for any. Without codes, or with `*`, a selector takes the text of a
control field or element. Codes behind `--` are subdivisions: a--xyz gives 经济--概况--中国. Positions count from
0, both ends belong to it: 008[7-10] is four characters. Inside an `each` block a selector has no tag, since the
field is given; there `200a` means field 200 embedded in $1.
"""

from __future__ import annotations

import re

from msgspec import Struct

from mappings.source_text import Node


class Selector(Struct, frozen=True):
    tag: str  # "" = the field at hand
    indicators: str  # "" = any; else two characters, "." for any
    codes: str  # "" = text of a control field or element
    start: int = -1  # -1 = the whole text
    stop: int = -1  # behind the last character
    divided: str = ""  # codes of subdivisions


class Step(Struct, frozen=True):
    name: str
    argument: str | None


class Expression(Struct, frozen=True):
    selectors: tuple[Selector, ...]
    steps: tuple[Step, ...]


_POSITIONS = r"(?:\[(?P<start>\d+)(?:-(?P<stop>\d+))?\])?"
_DIVIDED = r"(?:--(?P<divided>[0-9A-Za-z]+))?"
_MARC = re.compile(
    r"(?P<tag>[0-9A-Z][0-9A-Z]{2})(?:\|(?P<indicators>[0-9a-z. #]{2})\|)?(?P<codes>\*|[0-9A-Za-z]*)"
    + _DIVIDED
    + _POSITIONS
)
_LOCAL = re.compile(r"(?P<tag>)(?P<codes>\*|[0-9A-Za-z]+)" + _DIVIDED + _POSITIONS)
_EMBEDDED = re.compile(r"(?P<tag>[0-9]{3})(?P<codes>\*|[0-9A-Za-z]*)" + _DIVIDED + _POSITIONS)
_ELEMENT = re.compile(r"(?P<tag>[A-Za-z][A-Za-z_]+)(?P<codes>)" + _POSITIONS)
_STEP = re.compile(r"\s*(?P<name>[a-z_][a-z_0-9]*)\s*(?:\((?P<argument>[^()]*(?:\([^()]*\)[^()]*)*)\))?\s*")

GRAMMARS = {"marc": _MARC, "local": _LOCAL, "embedded": _EMBEDDED, "element": _ELEMENT}


def parse_expression(node: Node, rule: str, grammar: str) -> Expression:
    """The expression in a node's text. Raises CrosswalkError."""
    text = node.text(rule)
    selectors = []
    position = 0
    while True:
        position = _skip(text, position)
        selector, position = _selector(node, rule, text, position, grammar)
        selectors.append(selector)
        position = _skip(text, position)
        if text[position : position + 1] != ",":
            break
        position += 1
    return Expression(tuple(selectors), _steps(node, rule, text, position))


def _skip(text: str, position: int) -> int:
    while text[position : position + 1] == " ":
        position += 1
    return position


def _selector(node: Node, rule: str, text: str, position: int, grammar: str) -> tuple[Selector, int]:
    found = None
    if grammar == "embedded":
        found = _EMBEDDED.match(text, position) or _LOCAL.match(text, position)
    else:
        found = GRAMMARS[grammar].match(text, position)
    if found is None:
        raise node.fail(rule, f"no selector at {text[position:]!r}; {_EXAMPLES[grammar]}")
    parts = found.groupdict()
    start, stop = -1, -1
    if parts["start"] is not None:
        start = int(parts["start"])
        stop = int(parts["stop"]) + 1 if parts["stop"] is not None else start + 1
        if stop <= start:
            raise node.fail(rule, f"the positions [{parts['start']}-{parts['stop']}] run backwards")
    behind = text[found.end() : found.end() + 1]
    if behind not in ("", " ", ",", "|"):
        raise node.fail(rule, f"cannot read {text[position:]!r}; {_EXAMPLES[grammar]}")
    codes = parts["codes"].replace("*", "")
    indicators = (parts.get("indicators") or "").replace("#", " ")
    return Selector(parts["tag"], indicators, codes, start, stop, parts.get("divided") or ""), found.end()


_EXAMPLES = {
    "marc": "write a tag and codes, such as 200a or 264|.1|b or 008[7-10]",
    "local": "write subfield codes, such as a or abcq or * for the whole text",
    "embedded": "write the embedded tag and codes, such as 200a, or codes outside $1, such as t",
    "element": "write the name of an element, such as title",
}


def _steps(node: Node, rule: str, text: str, position: int) -> tuple[Step, ...]:
    steps = []
    while position < len(text):
        if text[position] != "|":
            raise node.fail(rule, f"',' or '|' is wanted before {text[position:]!r}")
        found = _STEP.match(text, position + 1)
        if found is None:
            raise node.fail(rule, f"a step is wanted behind '|', not {text[position + 1 :].strip()!r}")
        steps.append(Step(found.group("name"), found.group("argument")))
        position = found.end()
    return tuple(steps)


def expand_tag(tag: str) -> tuple[str, ...]:
    """The tags that a pattern stands for: 4X1 → 401, 411 … 491."""
    tags = [""]
    for character in tag:
        choice = "0123456789" if character == "X" else character
        tags = [head + tail for head in tags for tail in choice]
    return tuple(tags)
