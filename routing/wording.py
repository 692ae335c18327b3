"""The words for the codes of document delivery, in Chinese and English: routing/words.yaml, for mails, pages and
statistics alike."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files

import msgspec
import yaml
from msgspec import Struct

FILE = "words.yaml"


class WordsError(ValueError):
    """The file can't be used. The message says what is wrong."""


class Pair(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A word in both languages."""

    zh: str
    en: str


class Vocabulary(Struct, frozen=True, forbid_unknown_fields=True):
    fields: dict[str, Pair]  # of a citation
    services: dict[str, Pair]
    levels: dict[str, Pair]
    reasons: dict[str, Pair]  # of refusals
    endings: dict[str, Pair]  # why a library is asked no longer, or never was
    conditions: dict[str, Pair]
    messages: dict[str, Pair]

    @property
    def causes(self) -> Mapping[str, Pair]:
        """Whatever can have ended the asking of a library: its refusal, or something else."""
        return self.reasons | self.endings


@cache
def vocabulary() -> Vocabulary:
    text = files("routing").joinpath(FILE).read_text(encoding="utf-8")
    try:
        return msgspec.convert(yaml.safe_load(text), Vocabulary)
    except (yaml.YAMLError, msgspec.ValidationError) as error:
        raise WordsError(f"routing/{FILE}: {error}") from error
