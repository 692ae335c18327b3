"""The one place where a code becomes a word that a reader sees, in Chinese and in English.

Hits, records, filters and the API all ask `words(list, code)`, so that one thing has one name everywhere. The lists
stand in vocabulary.yaml, those of document delivery in routing/words.yaml. Names of languages come from Unicode's CLDR
through Babel.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import yaml
from babel import Locale
from msgspec import Struct

from routing.wording import Pair, vocabulary

UI_LANGUAGES = ("zh", "en")


class Words(Struct, frozen=True):
    zh: str
    en: str

    def in_language(self, language: str) -> str:
        return self.en if language == "en" else self.zh


# MARC language codes are those of ISO 639-2/B; CLDR wants the two-letter code where there is one.
MARC_LANGUAGES = {
    "afr": "af", "alb": "sq", "amh": "am", "ara": "ar", "arm": "hy", "asm": "as", "aze": "az", "baq": "eu", "bel": "be",
    "ben": "bn", "bod": "bo", "bos": "bs", "bul": "bg", "bur": "my", "cat": "ca", "chi": "zh", "cze": "cs", "dan": "da",
    "deu": "de", "dut": "nl", "eng": "en", "epo": "eo", "est": "et", "fao": "fo", "fin": "fi", "fra": "fr", "fre": "fr",
    "geo": "ka", "ger": "de", "gle": "ga", "glg": "gl", "gre": "el", "guj": "gu", "hau": "ha", "heb": "he", "hin": "hi",
    "hrv": "hr", "hun": "hu", "ice": "is", "ind": "id", "ita": "it", "jav": "jv", "jpn": "ja", "kan": "kn", "kaz": "kk",
    "khm": "km", "kir": "ky", "kor": "ko", "kur": "ku", "lao": "lo", "lat": "la", "lav": "lv", "lit": "lt", "mac": "mk",
    "mal": "ml", "mao": "mi", "mar": "mr", "may": "ms", "mlt": "mt", "mon": "mn", "nep": "ne", "nob": "nb", "nor": "no",
    "ori": "or", "pan": "pa", "per": "fa", "pol": "pl", "por": "pt", "pus": "ps", "rum": "ro", "rus": "ru", "san": "sa",
    "scr": "hr", "sin": "si", "slo": "sk", "slv": "sl", "som": "so", "spa": "es", "srp": "sr", "swa": "sw", "swe": "sv",
    "tam": "ta", "tat": "tt", "tel": "te", "tgk": "tg", "tgl": "tl", "tha": "th", "tib": "bo", "tuk": "tk", "tur": "tr",
    "uig": "ug", "ukr": "uk", "urd": "ur", "uzb": "uz", "vie": "vi", "wel": "cy", "yid": "yi", "zho": "zh", "zul": "zu",
}  # fmt: skip


@cache
def _lists() -> dict[str, dict[str, Words]]:
    text = (Path(__file__).parent / "vocabulary.yaml").read_text("utf-8")
    own = {
        name: {str(code): Words(*pair) for code, pair in entries.items()}
        for name, entries in yaml.safe_load(text).items()
    }
    routed = vocabulary()
    common = {
        "services": routed.services,
        "levels": routed.levels,
        "reasons": routed.reasons,
        "causes": routed.causes,  # reasons, and whatever else ends the asking of a library
        "conditions": routed.conditions,
        "citation": routed.fields,
    }
    return own | {name: {code: Words(*pair) for code, pair in _pairs(shared)} for name, shared in common.items()}


def _pairs(shared: Mapping[str, Pair]) -> list[tuple[str, tuple[str, str]]]:
    return [(code, (pair.zh, pair.en)) for code, pair in shared.items()]


def codes(name: str) -> tuple[str, ...]:
    """All codes of a list, in its order."""
    return tuple(_lists()[name])


def words(name: str, code: str) -> Words:
    """The words for a code of the list `name`; a code that the list lacks stands for itself."""
    if name == "languages":
        return language_name(code)
    if name == "classes":
        return class_name(code)
    return _lists()[name].get(code) or Words(code, code)


def availability(available: bool) -> Words:
    """Of a holder: can the library supply the publication now?"""
    return words("availability", "yes" if available else "no")


@cache
def language_name(code: str) -> Words:
    """Of a MARC language code: chi → 中文, Chinese."""
    known = MARC_LANGUAGES.get(code, code)
    zh = Locale.parse("zh_Hans").languages.get(known, code)
    en = Locale.parse("en").languages.get(known, code)
    return Words(zh, en)


def class_name(code: str) -> Words:
    """Of a class of the Chinese Library Classification: I247 → I247 文学, I247 Literature."""
    main = _lists()["classes"]
    known = main.get(code[:2]) or main.get(code[:1])
    return Words(f"{code} {known.zh}", f"{code} {known.en}") if known else Words(code, code)


def html_language(code: str) -> str:
    """The HTML lang attribute for a MARC language code; "" where it is unknown."""
    return MARC_LANGUAGES.get(code, "")
