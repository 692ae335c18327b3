"""Crosswalks: from a source record of one dialect to the one normal form, by rules that a cataloguer can edit.

A crosswalk is a YAML file, validated and compiled once, at load, into a table tag → handlers; a record then
costs a look-up for each of its fields, and work only for those that a rule wants. The language stands in
docs/mappings.md; its grammar in selectors.py (expressions), steps.py (steps), rules.py and blocks.py (rules),
members.py (parts of a block).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from mappings.blocks import Handler
from mappings.extract import First, State, Subfields, index
from mappings.fields import Field, SourceRecord
from mappings.model import BibRecord
from mappings.rules import YEARS, compile_rule
from mappings.source_text import CrosswalkError, Node, from_mapping, guess, parse_yaml
from mappings.text import clean, is_clean
from mappings.twins import Twins, find_twins

__all__ = ["DIALECTS", "Crosswalk", "CrosswalkError", "builtin", "dialect_of", "is_whole", "load", "read_text"]

DIALECTS = ("marc21", "cnmarc", "unimarc", "dublin_core")
_FOLDER = Path(__file__).parent
_LEADER = "LDR"
_NO_TAGS: frozenset[str] = frozenset()
_LAST_OLD_YEAR = 1911  # 古籍 are Chinese books from before the end of the Qing

Table = dict[str, tuple[tuple[str | None, Handler], ...]]  # tag → code that is needed, handler


class Crosswalk:
    """Compiled rules. Pickled as its texts, which a worker process compiles again (some 50 ms)."""

    def __init__(self, name: str, layers: tuple[Node, ...]) -> None:
        """`layers`: the file itself, then what replaces its rules, in order. Raises CrosswalkError."""
        self.name = name
        self._layers = layers
        head = _merged(layers)
        self.dialect = head.dialect
        self._alt = head.alt
        table: dict[str, list[tuple[str | None, Handler]]] = {}
        twins: dict[str, list[tuple[str | None, Handler]]] = {}
        for rule, node in head.rules.items():
            for compiled in compile_rule(rule, node, self.dialect == "dublin_core"):
                if compiled.fields:
                    table.setdefault(compiled.tag, []).append((compiled.need, compiled.handler))
                if compiled.twins:
                    twins.setdefault(compiled.tag, []).append((compiled.need, compiled.handler))
        self._of_leader = tuple([handler for _, handler in table.pop(_LEADER, [])])
        self._table: Table = {tag: tuple(handlers) for tag, handlers in table.items()}
        self._of_twins: Table = {tag: tuple(handlers) for tag, handlers in twins.items()}

    def __reduce__(self) -> tuple[type[Crosswalk], tuple[str, tuple[Node, ...]]]:
        return Crosswalk, (self.name, self._layers)

    @property
    def wanted_tags(self) -> frozenset[str]:
        """Tags that some rule reads: what a reader may leave undecoded is all the rest."""
        return frozenset(self._table) | ({self._alt} if self._alt else _NO_TAGS)

    def with_overrides(self, rules: Mapping[str, Any] | str, name: str) -> Crosswalk:
        """The same crosswalk with some rules replaced: a mapping rule → its value (or `{fields: {…}}`), or YAML text.

        `name` is what errors call it: a file name, or the source's name. Raises CrosswalkError.
        """
        node = parse_yaml(rules, name) if isinstance(rules, str) else from_mapping(rules, name)
        table = node.table("")
        if "fields" not in table:
            node = Node({"fields": node}, node.file, node.line)
        return Crosswalk(f"{self.name}+{name}", (*self._layers, node))

    def apply(self, record: SourceRecord) -> BibRecord:
        """The record in the normal form. Pure; never fails, whatever the fields hold."""
        fields = _cleaned(record.fields)
        tags = frozenset([field[0] for field in fields])
        state = State(record.leader, tags)
        if self._of_leader:
            leader = (("", record.leader),)
            for handler in self._of_leader:
                handler(state, "", leader, {"": record.leader})
        if self._alt in tags:
            self._with_twins(state, find_twins(fields, self._alt))
        else:
            table = self._table
            for tag, indicators, subfields in fields:
                handlers = table.get(tag)
                if handlers is not None:
                    first = dict(subfields[::-1])
                    for need, handler in handlers:
                        if need is None or need in first:
                            handler(state, indicators, subfields, first)
        return _record(self.dialect, state, record.flags)

    def _with_twins(self, state: State, twins: Twins) -> None:
        for field in twins.fields:
            tag, indicators, subfields = field
            state.twin = _indexed(twins.partner(field))
            _run(self._table.get(tag, ()), state, indicators, subfields)
        state.twin = None
        for tag, indicators, subfields in twins.partnered:
            # A twin is its own twin, so that one expression serves for both places of a `twin:` rule.
            state.twin = indicators, subfields, index(subfields)
            _run(self._of_twins.get(tag, ()), state, indicators, subfields)
        state.twin = None


def _indexed(field: Field | None) -> tuple[str, Subfields, First] | None:
    return (field[1], field[2], index(field[2])) if field else None


def _run(handlers: tuple[tuple[str | None, Handler], ...], state: State, indicators: str, subfields: Subfields) -> None:
    if handlers:
        first = index(subfields)
        for need, handler in handlers:
            if need is None or need in first:
                handler(state, indicators, subfields, first)


def _cleaned(fields: tuple[Field, ...]) -> tuple[Field, ...]:
    if is_clean("".join([value for field in fields for _, value in field[2]])):
        return fields
    return tuple(
        [
            (tag, indicators, tuple([(code, v if is_clean(v) else clean(v)) for code, v in subfields]))
            for tag, indicators, subfields in fields
        ]
    )


def _record(dialect: str, state: State, flags: tuple[str, ...]) -> BibRecord:
    values: dict[str, Any] = state.values
    for name, value in values.items():
        if type(value) is list:
            values[name] = tuple(dict.fromkeys(value)) if len(value) > 1 else tuple(value)
    years = values.pop(YEARS, "")
    if years:
        first, _, last = years.partition("/")
        values["year"] = int(first)
        if last:
            values["year_end"] = int(last)
        old = int(first) <= _LAST_OLD_YEAR and "chi" in values.get("languages", ())
        if old and values.get("material", "book") == "book":
            values["material"] = "rare_book"
    if "title" not in values and "title_alt" in values:
        values["title"] = values.pop("title_alt")
    if "titles" in values:
        proper = values.get("title")
        values["titles"] = tuple([title for title in values["titles"] if title.value != proper])
    bad = {f"bad_{i.type}": None for i in values.get("identifiers", ()) if i.status == "invalid"}
    if bad or flags:
        values["flags"] = tuple(dict.fromkeys((*flags, *bad)))
    return BibRecord(dialect, **values)


# --------------------------------------------------------------------------------------------------- loading


class _Head:
    """What the layers of a crosswalk say together."""

    __slots__ = ("alt", "dialect", "rules")

    def __init__(self) -> None:
        self.dialect = ""
        self.alt = ""
        self.rules: dict[str, Node] = {}


_KEYS = ("dialect", "extends", "alt", "fields")


def _merged(layers: tuple[Node, ...]) -> _Head:
    head = _Head()
    for layer in layers:
        table = layer.table("")
        for key, node in table.items():
            if key not in _KEYS:
                raise node.fail("", f"a crosswalk has no part '{key}'{guess(key, _KEYS)}; it has {', '.join(_KEYS)}")
        if "dialect" in table:
            head.dialect = table["dialect"].text("dialect")
            if head.dialect not in DIALECTS:
                close = guess(head.dialect, DIALECTS)
                raise table["dialect"].fail("dialect", f"'{head.dialect}' is none of {', '.join(DIALECTS)}{close}")
        if "alt" in table:
            head.alt = table["alt"].text("alt")
        if "fields" in table:
            head.rules |= table["fields"].table("fields")
    if not head.dialect:
        raise layers[0].fail("", f"`dialect:` is missing; it is one of {', '.join(DIALECTS)}")
    if not head.rules:
        raise layers[0].fail("", "`fields:` is missing; without it nothing would be mapped")
    return head


def read_text(path: Path) -> str:
    """The text of a crosswalk's file. Raises CrosswalkError."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise CrosswalkError(f"{path}: there is no such file; a crosswalk is a YAML file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise CrosswalkError(f"{path}: it cannot be read as text in UTF-8: {error}") from None


def is_whole(path: Path) -> bool:
    """Whether a file holds a whole crosswalk, or only rules that replace others. Raises CrosswalkError."""
    table = parse_yaml(read_text(path), path.name).table("")
    return "dialect" in table or "extends" in table


def _layers(path: Path) -> tuple[Node, ...]:
    node = parse_yaml(read_text(path), path.name)
    extends = node.table("").get("extends")
    if extends is None:
        return (node,)
    name = extends.text("extends")
    if name not in DIALECTS or name == path.stem:
        raise extends.fail("extends", f"'{name}' is none of {', '.join(DIALECTS)}{guess(name, DIALECTS)}")
    return (*_layers(_FOLDER / f"{name}.yaml"), node)


def load(path: Path) -> Crosswalk:
    """The crosswalk in a file. Raises CrosswalkError, whose message names file, line and rule."""
    return Crosswalk(path.stem, _layers(path))


@cache
def builtin(name: str) -> Crosswalk:
    """One of ours: marc21, cnmarc, unimarc or dublin_core. Raises CrosswalkError."""
    if name not in DIALECTS:
        raise CrosswalkError(
            f"{name}: there is no such crosswalk; there are {', '.join(DIALECTS)}{guess(name, DIALECTS)}"
        )
    return load(_FOLDER / f"{name}.yaml")


# --------------------------------------------------------------------------------------------------- dialects


def dialect_of(record: SourceRecord) -> str:
    """The dialect a record is written in, "" where nothing tells it.

    dp2's rule: 200 is UNIMARC or CNMARC, else 008 is MARC21. A title in 245 or 200 comes before that. CNMARC
    differs from UNIMARC by Chinese cataloguing: language of cataloguing (100/22-24), agency (801$a), or country
    (102$a).
    """
    if not record.leader and record.fields and not any(tag.isdigit() for tag, _, _ in record.fields):
        return "dublin_core"
    tags = {tag for tag, _, _ in record.fields}
    if "245" in tags:
        return "marc21"
    if "200" in tags or ("100" in tags and "008" not in tags and _has_unimarc_100(record)):
        return "cnmarc" if _catalogued_in_chinese(record) else "unimarc"
    entry_map = record.leader[20:24]
    if "008" in tags or entry_map == "4500":
        return "marc21"
    return "cnmarc" if entry_map.startswith("450") else ""


def _has_unimarc_100(record: SourceRecord) -> bool:
    """100$a of UNIMARC holds 36 coded characters; that of MARC21 is a name."""
    for tag, _, subfields in record.fields:
        if tag == "100":
            return any(code == "a" and len(value) >= 30 and value[:8].isdigit() for code, value in subfields)
    return False


def _catalogued_in_chinese(record: SourceRecord) -> bool:
    for tag, _, subfields in record.fields:
        for code, value in subfields:
            if code != "a":
                continue
            if (tag == "100" and value[22:25] == "chi") or (
                tag in ("801", "102") and value.strip() in ("CN", "TW", "HK")
            ):
                return True
            if tag == "101" and value.strip() == "chi":
                return True
            if tag == "200" and any("\u4e00" <= character <= "\u9fff" for character in value):
                return True
    return False
