"""Languages as people and other systems write them → the MARC code by which they are counted. Pure."""

from __future__ import annotations

import re
from functools import lru_cache

from mappings.translation_maps import load_map, look_up

_CODE = re.compile(r"[a-z]{3}")
_SUBTAGS = re.compile(r"[-_ ]")


@lru_cache(maxsize=5_000)
def language_code(text: str) -> str:
    """zh, zho, CHI and 中文 are all chi; a tag goes by its language (en-AU). "" where it tells no language; what is
    neither a code nor known stays as written."""
    word = text.strip().lower()
    if found := look_up(load_map("languages"), word):
        return found[0]
    if _CODE.fullmatch(word):
        return word
    base = _SUBTAGS.split(word, maxsplit=1)[0]
    return language_code(base) if base != word and len(base) in (2, 3) else text.strip()
