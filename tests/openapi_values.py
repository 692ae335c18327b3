"""Values for the parameters and bodies of an OpenAPI document: some as it says, some as nobody would send them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote, quote_from_bytes

from hypothesis import strategies as st

Schema = dict[str, Any]

ODD_TEXTS = (
    "", " ", "0", "1", "-1", "2", "99999999999999999999", "1e400", "NaN", "null", "true", "CLCN", "RUC", "PKU", "clcn",
    "红楼梦", "曹雪芹", "𠮷野家", "\x00", "a\x00b", "\u202e", "\ufffe", "<script>alert(1)</script>", "' OR 1=1 --",
    "../..", "%00", "{}", "2026-03-02", "2026-13-45", "0001-01-01", "9999-12-31", "2026-03", "2026-00", "https://a.example/x",
    "http://[", "//", "ftp://a", "7020002207", "978-7-02-000220-7", "1000-0000", "x" * 3000, "cancel", "ack", "fill",
    "refuse", "recall", "forward", "condition", "give_up", "reorder", "extend", "NotHeld", "outcomes,refusals",
    "months", "R1-1", "queue", "supplier", "system", "holding_wrong", "iso18626", "\u0661", "１２",
)  # fmt: skip

TEXT = st.one_of(st.sampled_from(ODD_TEXTS), st.text(max_size=40))
NUMBER = st.one_of(
    st.sampled_from([0, 1, 2, 3, -1, 2**31 - 1, 2**31, 2**63 - 1, 2**63, 10**30, 0.5, -0.0, 1e308]),
    st.integers(-5, 50),
    st.floats(allow_nan=False, allow_infinity=False),
)
ANYTHING = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBER, TEXT, st.just("\ud800")),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXT, inner, max_size=4)),
    max_leaves=8,
)

UNKEEPABLE = ("a\x00b", "\ud800")
"""What PostgreSQL can't keep, and what no database can."""


class Values:
    """Of one document."""

    def __init__(self, document: Schema) -> None:
        self.document = document

    def of(self, schema: Schema, depth: int = 0) -> st.SearchStrategy[Any]:
        """As the schema says, more or less."""
        if "$ref" in schema:
            return self.of(self.document["components"]["schemas"][schema["$ref"].rpartition("/")[2]], depth + 1)
        for name in ("anyOf", "oneOf"):
            if name in schema:
                return st.one_of([self.of(each, depth) for each in schema[name]])
        if "enum" in schema:
            return st.sampled_from(schema["enum"])
        if "const" in schema:
            return st.just(schema["const"])
        return self._plain(schema, depth)

    def _plain(self, schema: Schema, depth: int) -> st.SearchStrategy[Any]:
        kind = schema.get("type")
        if kind == "object":
            return self._object(schema, depth)
        if kind == "array":
            if depth > 6:
                return st.just([])
            items = schema.get("items")
            return st.lists(self.of(items, depth + 1) if isinstance(items, dict) else ANYTHING, max_size=4)
        if kind == "integer":
            return st.integers(schema.get("minimum", -3), schema.get("maximum", 60))
        if kind == "number":
            return st.floats(schema.get("minimum", -3), schema.get("maximum", 60), allow_nan=False)
        if kind == "boolean":
            return st.booleans()
        if kind == "null":
            return st.none()
        return TEXT

    def _object(self, schema: Schema, depth: int) -> st.SearchStrategy[Any]:
        known, needed = schema.get("properties", {}), set(schema.get("required", ()))
        if not known:
            return st.dictionaries(TEXT, ANYTHING, max_size=3)
        told = {name: self.of(each, depth + 1) for name, each in known.items()}
        optional = {name: each for name, each in told.items() if name not in needed}
        return st.fixed_dictionaries({name: told[name] for name in told if name in needed}, optional=optional)

    def body(self, schema: Schema, good: Sequence[Any] = ()) -> st.SearchStrategy[bytes]:
        """JSON: as the schema says, or one of the `good` bodies with a field or two changed; now and then of something
        else, or no JSON at all."""
        fits = self.of(schema).map(_json)
        near = [self._changed(each, schema).map(_json) for each in good]
        odd = st.one_of(ANYTHING.map(_json), st.binary(max_size=30), st.sampled_from(_NO_JSON))
        return st.one_of(fits, *near, *near, *near, odd)

    def _changed(self, good: Any, schema: Schema) -> st.SearchStrategy[Any]:
        if "$ref" in schema:
            schema = self.document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        known = {name: self.of(each, 1) for name, each in schema.get("properties", {}).items()}
        changes = st.lists(st.sampled_from(sorted(known)), max_size=2, unique=True).flatmap(
            lambda names: st.fixed_dictionaries({name: known[name] for name in names})
        )
        return changes.map(lambda told: good | told)

    def texts(self, schema: Schema, depth: int = 0) -> Iterator[tuple[str | int, ...]]:
        """Where texts stand in a body of that schema: the way to each."""
        if "$ref" in schema:
            schema = self.document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        for each in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
            yield from self.texts(each, depth)
        if schema.get("type") == "string":
            yield ()
        elif depth < 5:
            inner = dict(schema.get("properties", {}))
            if isinstance(schema.get("items"), dict):
                inner[0] = schema["items"]
            for name, each in inner.items():
                yield from ((name, *rest) for rest in self.texts(each, depth + 1))

    def query(self, parameters: list[Schema]) -> st.SearchStrategy[str]:
        """Some of the parameters, in any order, with values that they take and others."""
        pairs = [
            st.tuples(st.just(each["name"]), st.one_of(self.of(each["schema"]).map(_in_url), TEXT))
            for each in parameters
        ]
        extra = st.tuples(TEXT, TEXT)
        chosen = st.lists(st.one_of(*pairs, *pairs, extra) if pairs else extra, max_size=4)
        return chosen.map(lambda told: "&".join(f"{_quoted(name)}={_quoted(value)}" for name, value in told))

    def path(self, template: str, parameters: list[Schema]) -> st.SearchStrategy[str]:
        named = {
            each["name"]: st.one_of(_LIKELY, _LIKELY, _LIKELY, self.of(each["schema"]).map(_in_url), TEXT).map(_quoted)
            for each in parameters
        }
        return st.fixed_dictionaries(named).map(lambda values: template.format(**values))


def put(body: Any, way: Sequence[str | int], value: Any) -> Any:
    """The body with that value there."""
    if not way:
        return value
    name, rest = way[0], way[1:]
    if isinstance(name, int):
        return [put(body[0] if isinstance(body, list) and body else None, rest, value)]
    known = body if isinstance(body, dict) else {}
    return known | {name: put(known.get(name), rest, value)}


def in_url(text: str) -> str:
    return _quoted(text)


_LIKELY = st.sampled_from(["1", "2", "3", "4", "CLCN", "RUC", "2001-01", "2002-02"])
_NO_JSON = (b"", b"{", b"[" * 5000, b'{"a":1,"a":2}', b"\xff\xfe", b'"\\ud800"', b"1e999", b"nul")


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()


def _in_url(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _quoted(text: str) -> str:
    """Half a surrogate pair becomes what is no UTF-8."""
    try:
        return quote(text, safe="")
    except UnicodeEncodeError:
        return quote_from_bytes(text.encode("utf-8", "surrogatepass"), safe="")
