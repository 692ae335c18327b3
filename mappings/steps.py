"""The named steps of a rule. A value step makes one text of one (or none, or several); a list step sees all at once."""

from __future__ import annotations

import html
import re
import sys
from collections.abc import Callable
from functools import lru_cache

from msgspec import Struct

from mappings import dates, responsibility, text
from mappings.identifiers import qualifier_of
from mappings.selectors import Step
from mappings.source_text import Node, guess
from mappings.translation_maps import load_map, look_up, map_names

ValueStep = Callable[[str], "str | tuple[str, ...]"]
ListStep = Callable[[list[str]], list[str]]


class CompiledStep(Struct, frozen=True):
    of_list: ListStep | None = None
    of_value: ValueStep | None = None
    fans: bool = False  # the value step gives a tuple of texts, none of them empty or with a blank at an end
    strips: bool = False  # the value step leaves no blank at an end
    keeps_single: bool = True  # the list step leaves a list of one alone


# ------------------------------------------------------------------------------------------------ value steps

_NUMBER = re.compile(r"(\d{1,4}) ?[册冊本部套]?")
_ALMA_RANGE = re.compile(r"from:(\S*) until:(\S*)")


def _pinyin(value: str) -> str:
    return " ".join(value.split()).strip(" ,;:/=")


def _parallel(value: str) -> str:
    return text.trim(value.lstrip("= "))


def _name(value: str) -> str:
    """Asimov, , Isaac → Asimov, Isaac; the comma that ends a heading goes."""
    if ", ," in value or " ," in value:
        value = re.sub(r"(?:\s*,)+\s*", ", ", value)
    return text.trim(value)


@lru_cache(maxsize=20_000)
def _language(value: str) -> tuple[str, ...]:
    """Codes or names of languages → MARC codes; engfre is two of them."""
    word = value.strip().lower()
    table = load_map("languages")
    found = look_up(table, word)
    if found:
        return tuple(code for code in found if code)
    if word.isascii() and word.isalpha() and len(word) % 3 == 0:
        codes = (word[i : i + 3] for i in range(0, len(word), 3))
        known = (look_up(table, code) or (code,) for code in codes)
        return tuple(code for several in known for code in several if code)
    base = re.split(r"[-_ ]", word, maxsplit=1)[0]
    return _language(base) if base != word and len(base) in (2, 3) else ()


@lru_cache(maxsize=5_000)
def _country(value: str) -> str:
    """A country code of MARC21 or ISO 3166 → two capitals; an unknown one as given, `xx` (unknown place) as nothing."""
    code = value.strip(" |#^-").lower()
    found = look_up(load_map("countries"), code)
    return found[0] if found else value.strip(" |#^-")


@lru_cache(maxsize=5_000)
def _country_iso(value: str) -> str:
    code = value.strip(" |#^-")
    return code.upper() if len(code) == 2 and code.isalpha() and code.isascii() else code


def _url(value: str) -> str:
    """Only http and https: a catalogue page must not carry javascript: or file: addresses."""
    address = value.strip()
    lower = address[:8].lower()
    if not lower.startswith(("http://", "https://")) or any(c in address for c in " <>\"'\\`"):
        return ""
    return address


def _number(value: str) -> str:
    """The number in "2" or "2册"; what is longer than four digits counts no copies."""
    found = _NUMBER.fullmatch(value.strip())
    return str(int(found.group(1))) if found else ""


def _not_number(value: str) -> str:
    return "" if value.strip().isdigit() else value.strip()


def _alma_range(value: str) -> str:
    """The years of an Alma range "from:1995 until:1995" → 1995; "from:1995 until:1998" → 1995-1998."""
    found = _ALMA_RANGE.fullmatch(value.strip())
    if found is None:
        return value.strip()
    first, last = found.groups()
    return first if first == last else f"{first}-{last}"


def _nlc_old_books(value: str) -> str:
    """001 of the National Library: kind, language, year, serial. Kinds 3 (古籍) and 4 (善本) are old editions."""
    if len(value) == 12 and value.isdigit() and value[0] in "34" and value[1] in "12345":
        return value if value[2:4] in ("19", "20") else ""
    return ""


def _subtitle(value: str) -> str:
    """Other title information without the parallel title behind it: b : c = d → b : c."""
    head, equals, _ = value.partition(" = ")
    return text.trim(head if equals else value)


def _parallel_in(value: str) -> str:
    """The parallel title that 245$b holds behind "="."""
    _, equals, tail = value.partition(" = ")
    return text.trim(tail.partition(" : ")[0]) if equals else ""


_TITLE_TOLD = re.compile(r"[题題]名\s*[:：]\s*(.+?)[。.]?$")


def _titles_told(value: str) -> str:
    """The title in a note of CNMARC: 封面英文题名:China Development Report."""
    found = _TITLE_TOLD.search(value)
    return text.trim(found.group(1)) if found else ""


_LCC = re.compile(r"[A-HJ-NP-VZ][A-Z]{0,2} ?\d.*")


def _lcc(value: str) -> str:
    code = text.trim(value)
    return code if _LCC.fullmatch(code) else ""


_CLC_CODE = re.compile(r"[A-KN-VXZ][A-Z]?\d[\d.]*(?:-\d+)?")


def _clc_code(value: str) -> str:
    """A class of the 中图法 that stands alone among subjects (TP391.1), and nothing that may be a word."""
    return value.strip() if _CLC_CODE.fullmatch(value.strip()) else ""


_MARKUP = re.compile(r"<[^<>]{1,200}>")


def _plain_text(value: str) -> str:
    """Without the HTML that repositories send, once or twice escaped."""
    if "&" not in value and "<" not in value:
        return value.strip()
    for _ in range(3):
        unescaped = html.unescape(value)
        if unescaped == value:
            break
        value = unescaped
    return " ".join(text.clean(_MARKUP.sub(" ", value)).split())


def _plain_date(value: str) -> str:
    return "" if "T" in value and ":" in value else value.strip()


def _not_url(value: str) -> str:
    return "" if "://" in value else value.strip()


_PLAIN: dict[str, Callable[[str], str]] = {
    "trim": text.trim,
    "unbracket": text.unbracket,
    "unparenthesis": text.unparenthesis,
    "original_name": text.original_name,
    "name": _name,
    "pinyin": _pinyin,
    "parallel": _parallel,
    "pages": text.pages,
    "clc": text.clc,
    "country": _country,
    "country_iso": _country_iso,
    "printed": dates.printed_span,
    "vague": dates.vague_span,
    "url": _url,
    "number": _number,
    "not_number": _not_number,
    "range": _alma_range,
    "qualifier": qualifier_of,
    "nlc_old_book": _nlc_old_books,
    "subtitle": _subtitle,
    "parallel_in": _parallel_in,
    "titles_told": _titles_told,
    "lcc": _lcc,
    "clc_code": _clc_code,
    "plain": _plain_text,
    "plain_date": _plain_date,
    "not_url": _not_url,
}

_FANNING: dict[str, Callable[[str], tuple[str, ...]]] = {
    "role": responsibility.role,
    "language": _language,
    "subject": text.subject_headings,
    "split_joined": text.split_joined,
    "barcodes": text.barcodes,
    "persons": responsibility.persons,
    "bodies": responsibility.bodies,
    "roles_of_statement": responsibility.roles,
}

# ------------------------------------------------------------------------------------ steps with an argument


def _map(argument: str) -> CompiledStep:
    table = load_map(argument)
    if all(len(values) == 1 for values in table.values()):

        def one(value: str) -> str:
            found = look_up(table, value.strip())
            return found[0] if found else ""

        return CompiledStep(of_value=one)
    return CompiledStep(of_value=lambda value: tuple(filter(None, look_up(table, value.strip()))), fans=True)


def _const(argument: str) -> CompiledStep:
    constant = sys.intern(argument)  # so that a model's default is known by identity, and left out when stored
    return CompiledStep(of_value=lambda value: constant if value else "")


def _says(argument: str) -> CompiledStep:
    """Lets a text through that holds one of the words, without regard to case."""
    words = tuple(word.strip().lower() for word in argument.split("|"))

    def check(value: str) -> str:
        lower = value.lower()
        return value if any(word in lower for word in words) else ""

    return CompiledStep(of_value=check)


def _is(argument: str) -> CompiledStep:
    words = frozenset(argument.split("|"))
    return CompiledStep(of_value=lambda value: value if value.strip() in words else "")


def _coded(argument: str) -> CompiledStep:
    """A coded date; the argument names the types whose second date counts, and behind a comma those still published."""
    ranges, _, open_ = argument.partition(",")
    return CompiledStep(of_value=lambda value: dates.coded_span(value, ranges.strip(), open_.strip()))


def _split(argument: str) -> CompiledStep:
    return CompiledStep(
        of_value=lambda value: tuple(filter(None, (part.strip() for part in value.split(argument)))), fans=True
    )


def _without(argument: str) -> CompiledStep:
    """Without each of the characters."""
    table = str.maketrans("", "", argument)
    return CompiledStep(of_value=lambda value: value.translate(table))


def _join(argument: str) -> CompiledStep:
    return CompiledStep(of_list=lambda values: [argument.join(values)] if values else values)


_WITH_ARGUMENT: dict[str, Callable[[str], CompiledStep]] = {
    "map": _map,
    "const": _const,
    "says": _says,
    "is": _is,
    "coded": _coded,
    "split": _split,
    "without": _without,
    "join": _join,
}


def _same_script(values: list[str]) -> list[str]:
    """Those in the script of the first: 200$e behind a parallel title belongs to that one."""
    chinese = bool(values) and text.has_cjk(values[0])
    return [value for value in values if text.has_cjk(value) == chinese]


_LISTS: dict[str, ListStep] = {
    "first": lambda values: values[:1],
    "last": lambda values: values[-1:],
    "same_script": _same_script,
    "rest": lambda values: values[1:],
    "all": lambda values: values,
}

STEP_NAMES = frozenset(_PLAIN) | frozenset(_FANNING) | frozenset(_WITH_ARGUMENT) | frozenset(_LISTS)


def compile_step(step: Step, node: Node, rule: str) -> CompiledStep:
    """The function of a step. Raises CrosswalkError where no step has that name or its argument is wrong."""
    name, argument = step.name, step.argument
    if name in _WITH_ARGUMENT:
        if argument is None:
            raise node.fail(rule, f"step '{name}' wants an argument: {name}(…)")
        if name == "map" and argument not in map_names():
            raise node.fail(rule, f"no translation map named '{argument}'{guess(argument, map_names())}")
        return _WITH_ARGUMENT[name](argument)
    if name not in STEP_NAMES:
        raise node.fail(rule, f"no step named '{name}'{guess(name, STEP_NAMES)}")
    if argument is not None:
        raise node.fail(rule, f"step '{name}' takes no argument")
    if name in _LISTS:
        return CompiledStep(of_list=_LISTS[name], keeps_single=name != "rest")
    if name in _FANNING:
        return CompiledStep(of_value=_FANNING[name], fans=True)
    return CompiledStep(of_value=_PLAIN[name], strips=True)
