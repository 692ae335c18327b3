"""Tables from the words and codes of cataloguers to ours, one YAML file each: a key, and one value or a list.

`__default__` stands for every key that is missing; `__lower__: yes` says that keys are looked up in lower case. Several
keys of one value are separated by "|". All keys and values are text, so `no` is Norwegian.
"""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path

import yaml

_FOLDER = Path(__file__).parent


def map_names() -> tuple[str, ...]:
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.yaml")))


@cache
def load_map(name: str) -> dict[str, tuple[str, ...]]:
    """The table of that name. Raises KeyError where there is none, ValueError where a value is no text or list."""
    path = _FOLDER / f"{name}.yaml"
    if name not in map_names():
        raise KeyError(name)
    table: dict[str, tuple[str, ...]] = {}
    for key, value in yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader).items():
        values = value if isinstance(value, list) else [value]
        if not all(isinstance(v, str) for v in values):
            raise ValueError(f"{path.name}: the value of {key!r} must be text or a list of texts")
        for word in key.split("|"):  # several keys of one value
            table[word.strip()] = tuple(map(sys.intern, values))
    return table


def look_up(table: dict[str, tuple[str, ...]], key: str) -> tuple[str, ...]:
    """What the table says of a key; () where it says nothing."""
    found = table.get(key.lower() if "__lower__" in table else key)
    if found is not None:
        return found
    return table.get("__default__", ())
