"""People and bodies out of a Chinese statement of responsibility, for records without any name heading (7XX).

"(法)安托万·德·圣·埃克苏佩里著" names one person, "马月坤，陈昊主编" two. Only what has a word of role at an end, or is
nothing but Chinese names between blanks, is read; a doubtful statement gives no name.
"""

from __future__ import annotations

import re
from functools import lru_cache

from mappings.text import has_cjk
from mappings.translation_maps import load_map, look_up

_ROLES = load_map("roles")
_WORDS = "|".join(sorted((w for w in _ROLES if has_cjk(w)), key=lambda w: (-len(w), w)))
_ROLE_AT_END = re.compile(rf"(?:等)?\s*[\[\]]*({_WORDS})[\]]?$")
_ROLE_AT_START = re.compile(rf"^({_WORDS})[:：\s]*(?=\S)")
_AND_OTHERS = re.compile(r"\s*(?:\.{2,}|…+)?\s*[\[［(（]?\s*等\s*[\]］)）]?$|\s*(?:\.{3}|…+)$")
_NATION = re.compile(r"[\[［(（〔【][^\])）〕】］]{1,6}[\]］)）〕】]")
_LATIN_FORM = re.compile(r"[(（][^()（）]*[)）]")
_SEPARATORS = re.compile(r"[,，、]|(?<=[\u4e00-\u9fff])\s+(?=[\u4e00-\u9fff])")
_BODY = re.compile(
    r"(?:局|部|社|会|會|院|所|中心|大学|大學|学校|學校|公司|组|組|馆|館|系|室|厅|廳|司|处|處|委|团|團|办|集团|集團|联盟)$"
)


def persons(text: str) -> tuple[str, ...]:
    return tuple(name for name in _names(text) if not _BODY.search(name))


def bodies(text: str) -> tuple[str, ...]:
    return tuple(name for name in _names(text) if _BODY.search(name))


def roles(text: str) -> tuple[str, ...]:
    """Relator codes of the first role in the statement; () where there is none."""
    for part in _parts(text):
        found = _ROLE_AT_END.search(part) or _ROLE_AT_START.search(part)
        if found:
            return look_up(_ROLES, found.group(1))
    return ()


@lru_cache(maxsize=20_000)
def role(text: str) -> tuple[str, ...]:
    """The relator codes of a role as cataloguers write it ( 主编, 着, ed., 070); an unknown one stays as written."""
    word = text.strip(" .,;:()[]（）［］").replace("着", "著")
    found = _known(word)
    return found or ((word,) if word else ())


def _known(word: str) -> tuple[str, ...]:
    found = look_up(_ROLES, word.lower())
    if not found and word.startswith(("http://", "https://")):  # id.loc.gov/vocabulary/relators/aut
        found = (word.rstrip("/").rsplit("/", 1)[-1].lower(),)
    return found


def _parts(text: str) -> list[str]:
    parts = (part.strip() for part in re.split(r"[;；]", text))
    return [part.replace("着", "著") if part.endswith("着") else part for part in parts if part]


@lru_cache(maxsize=10_000)
def _names(text: str) -> tuple[str, ...]:
    if not has_cjk(text):
        return ()
    names: dict[str, None] = {}
    for part in _parts(text):
        for name in _names_of_part(part):
            names[name] = None
    return tuple(names)


def _names_of_part(part: str) -> list[str]:
    bare = _LATIN_FORM.sub(" ", _NATION.sub(" ", part)).strip()
    told = _ROLE_AT_END.search(bare)
    if told:
        bare = bare[: told.start()]
    else:
        told = _ROLE_AT_START.search(bare)
        if told:
            bare = bare[told.end() :]
    bare = _AND_OTHERS.sub("", bare.strip())
    names = [_AND_OTHERS.sub("", name).strip(" .[]") for name in _SEPARATORS.split(bare)]
    names = [name for name in names if name]
    if not told and not all(has_cjk(name) and 2 <= len(name) <= 4 for name in names):
        return []
    return [name for name in names if 2 <= len(name) <= 40 and not any(map(str.isdigit, name))]
