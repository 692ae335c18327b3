"""The text of a crosswalk as a tree that knows where each thing stands, and the error that tells it to a person."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import yaml


class CrosswalkError(Exception):
    """A crosswalk is wrong. The message names file, line and rule: `cnmarc.yaml:14: agents.name: no step named
    'trimm'`."""


@dataclass(frozen=True, slots=True)
class Node:
    """One thing in a crosswalk: a text, a list of nodes, or a table of nodes. `line` counts from 1; 0 = no file."""

    value: str | list[Node] | dict[str, Node]
    file: str
    line: int

    def fail(self, rule: str, text: str) -> CrosswalkError:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return CrosswalkError(f"{place}: {rule}: {text}" if rule else f"{place}: {text}")

    def text(self, rule: str) -> str:
        if not isinstance(self.value, str):
            raise self.fail(rule, "a text is wanted here, not a list or a table")
        return self.value

    def table(self, rule: str) -> dict[str, Node]:
        if not isinstance(self.value, dict):
            raise self.fail(rule, "a table (key: value) is wanted here")
        return self.value

    def items(self) -> list[Node]:
        """The parts of a list; anything else is a list of itself."""
        return self.value if isinstance(self.value, list) else [self]

    def texts(self, rule: str) -> list[str]:
        """A list of texts; a single text is cut at blanks."""
        if isinstance(self.value, str):
            return self.value.split()
        return [item.text(rule) for item in self.items()]


def parse_yaml(text: str, file: str) -> Node:
    """The tree of a YAML text. Raises CrosswalkError with the line where it is no YAML."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise CrosswalkError(f"{file}:{line}: not YAML: {error.problem or error.context}") from None
    except yaml.YAMLError as error:
        raise CrosswalkError(f"{file}: not YAML: {error}") from None
    if root is None:
        raise CrosswalkError(f"{file}:1: the file is empty; it needs at least `fields:`")
    return _node(root, file)


_DEEPEST = 12  # a table within itself (YAML anchors) never ends


def _node(raw: yaml.Node, file: str, depth: int = 0) -> Node:
    line = raw.start_mark.line + 1
    if depth > _DEEPEST:
        raise CrosswalkError(f"{file}:{line}: lists and tables stand too deep within each other")
    if isinstance(raw, yaml.MappingNode):
        table: dict[str, Node] = {}
        for key, value in raw.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else ""
            if name in table:
                place = key.start_mark.line + 1
                raise CrosswalkError(f"{file}:{place}: {name}: stands here a second time; write both as one list")
            table[name] = _node(value, file, depth + 1)
        return Node(table, file, line)
    if isinstance(raw, yaml.SequenceNode):
        return Node([_node(item, file, depth + 1) for item in raw.value], file, line)
    return Node(raw.value, file, line)


def from_mapping(value: Any, name: str) -> Node:
    """The tree of a Python mapping (an override that a source keeps in the database): it has no lines."""
    if isinstance(value, Mapping):
        return Node({str(key): from_mapping(item, name) for key, item in value.items()}, name, 0)
    if isinstance(value, (list, tuple)):
        return Node([from_mapping(item, name) for item in value], name, 0)
    return Node("" if value is None else str(value), name, 0)


def guess(word: str, known: Iterable[str]) -> str:
    """(did you mean …?), or nothing."""
    close = difflib.get_close_matches(word, sorted(known), n=1, cutoff=0.6)
    return f" (did you mean '{close[0]}'?)" if close else ""
