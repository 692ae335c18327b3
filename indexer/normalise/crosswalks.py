"""The crosswalks of one source: the built-in ones, with the rules that the source replaces."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mappings.crosswalk import DIALECTS, Crosswalk, builtin, is_whole, load, read_text

_MARC = ("marc21", "cnmarc", "unimarc")


class Crosswalks:
    """One crosswalk for each dialect. Pickled as the rules it was made of."""

    def __init__(self, rules: Mapping[str, Any] | None = None, name: str = "mapping") -> None:
        """`rules`: what replaces rules of the built-in crosswalks, as the source keeps it: rule → value, for all
        dialects of MARC; or dialect → rules, for that one. `name` is what errors call it. Raises CrosswalkError.
        """
        self._rules = dict(rules or {})
        self._name = name
        self._file: Path | None = None
        self._by_dialect: dict[str, Crosswalk] = {dialect: builtin(dialect) for dialect in DIALECTS}
        for dialect, replaced in _by_dialect(self._rules).items():
            self._by_dialect[dialect] = builtin(dialect).with_overrides(replaced, name)

    def __reduce__(self) -> tuple[Any, ...]:
        if self._file is not None:
            return Crosswalks.with_file, (self._file,)
        return Crosswalks, (self._rules, self._name)

    @classmethod
    def with_file(cls, path: Path) -> Crosswalks:
        """With what a file says: a whole crosswalk (it names `dialect` or `extends`), or rules that replace those of
        all dialects of MARC. Raises CrosswalkError, with the line."""
        made = cls(name=path.name)
        made._file = path
        if is_whole(path):
            crosswalk = load(path)
            made._by_dialect[crosswalk.dialect] = crosswalk
        else:
            for dialect in _MARC:
                made._by_dialect[dialect] = builtin(dialect).with_overrides(read_text(path), path.name)
        return made

    def __getitem__(self, dialect: str) -> Crosswalk:
        """The crosswalk of one of DIALECTS."""
        return self._by_dialect[dialect]


def _by_dialect(rules: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What is replaced in each dialect: rules named for one come after those for all."""
    general = {key: value for key, value in rules.items() if key not in DIALECTS}
    if set(general) == {"fields"} and isinstance(general["fields"], Mapping):
        general = dict(general["fields"])
    replaced: dict[str, dict[str, Any]] = {dialect: dict(general) for dialect in _MARC if general}
    for dialect in DIALECTS:
        own = rules.get(dialect)
        if isinstance(own, Mapping):
            replaced.setdefault(dialect, {}).update(own.get("fields", own))
    return replaced
