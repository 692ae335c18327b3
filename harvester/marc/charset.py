"""Which charset a record is in. Neither leader/09 nor 100/26-29 can be believed, so the bytes are asked.

Escapes mean MARC-8; what is strictly UTF-8 is UTF-8; the rest is scored. The share of lone high bytes parts western
from Chinese text. Chinese candidates are decoded and judged by how common their characters are; western ones by whether
high bytes go with the letters beside them. What a source or the rest of its file says is worth a small bonus.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import lru_cache

from pymarc.marc8_mapping import CODESETS

from harvester.marc import marc8
from harvester.marc.iso2709 import base_address

CHARSETS = ("utf-8", "gb18030", "big5hkscs", "marc-8", "cp1252", "ascii")
VOTERS = 500
BONUS = 0.1
VOTE_BONUS = 0.25
SUSPECT_BELOW = 0.45
"""A winner with a lower score is taken, and flagged."""

ENOUGH = 4000
"""So many bytes of text are judged; more would not change the verdict."""

_ALIASES = {
    "utf8": "utf-8", "gbk": "gb18030", "gb2312": "gb18030", "big5": "big5hkscs", "big5-hkscs": "big5hkscs",
    "marc8": "marc-8", "latin-1": "cp1252", "latin1": "cp1252", "iso-8859-1": "cp1252", "windows-1252": "cp1252",
    "us-ascii": "ascii",
}  # fmt: skip


def canonical(name: str) -> str:
    """The name that we use for a charset. Raises ValueError with the known ones for any other."""
    known = name.strip().lower().replace("_", "-")
    known = _ALIASES.get(known, known)
    if known not in CHARSETS:
        raise ValueError(f"no charset named {name!r} is known; there are {', '.join(CHARSETS)}")
    return known


class Detector:
    """Tells the charset of each record of one file.

    `setting` is the source's: "" = detect, "gb18030" = a bonus for it, "force:gb18030" = always that one. Raises
    ValueError where it names no charset.
    """

    def __init__(self, setting: str = "") -> None:
        forced, _, name = setting.rpartition(":")
        if forced not in ("", "force"):
            raise ValueError(f"the charset setting {setting!r} should be a charset, or force: and a charset")
        charset = canonical(name) if name else ""
        self.forced = charset if forced else ""
        self.bonus: dict[str, float] = {charset: BONUS} if charset else {}

    def vote(self, records: Iterable[bytes]) -> None:
        """Let the first records of the file that are not UTF-8 say which charset the others are likely to be in."""
        if self.forced:
            return
        sums: Counter[str] = Counter()
        voters = 0
        for data in records:
            if _certain(data):
                continue
            sums.update(_scores(data, self.bonus))
            voters += 1
            if voters == VOTERS:
                break
        if voters >= 3:
            winner, _ = sums.most_common(1)[0]
            self.bonus[winner] = self.bonus.get(winner, 0.0) + VOTE_BONUS

    def detect(self, data: bytes) -> tuple[str, bool]:
        """(charset, whether it is doubtful) of one record."""
        if self.forced:
            return self.forced, not _decodes(data, self.forced)
        return detect(data, self.bonus)


def detect(data: bytes, bonus: Mapping[str, float] | None = None) -> tuple[str, bool]:
    """(charset, whether it is doubtful) of one ISO 2709 record."""
    certain = _certain(data)
    if certain:
        return certain, False
    if _is_damaged_utf8(data):
        return "utf-8", True
    bonus = bonus or {}
    # Most Chinese files are GB 2312 throughout, and no western text is.
    if bonus.get("gb18030", 0) > BONUS and _decodes(data, "gb2312"):
        return "gb18030", False
    scores = _scores(data, bonus)
    best = max(scores, key=scores.__getitem__)
    return best, scores[best] < SUSPECT_BELOW or not _decodes(data, best)


def _certain(data: bytes) -> str:
    """The charset, where no scoring is needed; else ""."""
    if data.isascii():
        return "marc-8" if marc8.ESCAPE.search(data) else "ascii"
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return "marc-8" if marc8.ESCAPE.search(data) else ""
    return "utf-8"


def _decodes(data: bytes, charset: str) -> bool:
    if charset == "marc-8":
        return all(marc8.decode(part)[1] for part in _SEPARATORS.split(data[_start(data) :]) if not part.isascii())
    try:
        data.decode(charset)
    except UnicodeDecodeError:
        return False
    return True


def _is_damaged_utf8(data: bytes) -> bool:
    """At least three sound characters beyond ASCII, and of four sequences three sound."""
    text = data.decode("utf-8", "replace")
    damaged = text.count("�") - data.count("�".encode())
    beyond = len(text) - len(text.encode("ascii", "ignore"))
    sound = beyond - damaged
    return sound >= 3 and damaged < 0.25 * beyond


def _scores(data: bytes, bonus: Mapping[str, float]) -> dict[str, float]:
    text = _text(data)
    lone = _lone_share(text)
    scores = {
        "gb18030": _chinese(text, "gb18030") - lone,
        "big5hkscs": _chinese(text, "big5hkscs") - 0.7 * lone,
    }
    if lone > 0.2:
        scores["marc-8"], scores["cp1252"] = _western(text)
    if text_charset := _declared(data):
        scores[text_charset] = scores.get(text_charset, 0.0) + BONUS
    for charset, more in bonus.items():
        if charset in scores:
            scores[charset] += more
    return scores


# ------------------------------------------------------------------------------------------------ the text judged

_SEPARATORS = re.compile(rb"[\x1d-\x1f]")
_HIGH = re.compile(rb"[\x80-\xff]")
_RUN = re.compile(rb"[\x80-\xff]+")
_GB_FIELD = re.compile(rb"\x1fa.{26}(01|10|50)(..)", re.DOTALL)


def _start(data: bytes) -> int:
    return base_address(data) or 24


def _text(data: bytes) -> bytes:
    """The subfields that are not ASCII, up to `ENOUGH` bytes, each with the separator that ends it."""
    parts = []
    size = 0
    for part in _SEPARATORS.split(data[_start(data) :]):
        if not part.isascii():
            parts.append(part[1:] if part[0] < 0x80 else part)
            size += len(part)
            if size > ENOUGH:
                break
    return b"\x1f".join(parts) + b"\x1f"


def _lone_share(text: bytes) -> float:
    """How many of the high bytes stand alone between ASCII. In Chinese text hardly any does, but for Big5, whose
    second bytes may be ASCII: there they alternate."""
    runs = _RUN.findall(text)
    total = sum(map(len, runs))
    return sum(1 for run in runs if len(run) == 1) / total if total else 0.0


def _declared(data: bytes) -> str:
    """What UNIMARC 100/26-29 says: 10 is GB 2312."""
    found = _GB_FIELD.search(data, _start(data))
    return "gb18030" if found and b"10" in (found[1], found[2]) else ""


# ------------------------------------------------------------------------------------------------ Chinese

_CLASSES = {"1": 1.0, "2": 0.55, "3": 0.15, "s": 0.4, "x": -2.0}


@lru_cache(1)
def _levels() -> dict[int, str]:
    """Code point to class: 1 and 2 the levels of GB 2312 and Big5, 3 rare, s signs, x what no text holds."""
    levels: dict[int, str] = {}
    for code in range(0x4E00, 0xA000):
        levels[code] = "3"
    for first, last in ((0x3400, 0x4DC0), (0xF900, 0xFB00), (0x20000, 0x32000)):
        levels.update(dict.fromkeys(range(first, last), "3"))
    levels.update(dict.fromkeys(range(0xE000, 0xF900), "x"))
    levels[0xFFFD] = "x"
    levels.update(dict.fromkeys(range(0x80, 0xA0), "x"))
    for class_, codec, leads in (
        ("s", "gb2312", range(0xA1, 0xAA)),
        ("s", "big5", range(0xA1, 0xA4)),
        ("2", "big5", range(0xC9, 0xFA)),
        ("2", "gb2312", range(0xD8, 0xF8)),
        ("1", "big5", range(0xA4, 0xC7)),
        ("1", "gb2312", range(0xB0, 0xD8)),
    ):
        for lead in leads:
            for trail in range(0x40, 0xFF):
                character = bytes((lead, trail)).decode(codec, "ignore")
                if len(character) == 1 and ord(character) > 0x7F:
                    levels[ord(character)] = class_
    for code in range(0x80):
        levels[code] = ""
    return levels


def _chinese(text: bytes, charset: str) -> float:
    """Mean plausibility of the characters beyond ASCII."""
    classes = Counter(text.decode(charset, "replace").translate(_levels()))
    total = sum(classes.values())
    if not total:
        return -2.0
    return sum(_CLASSES.get(class_, 0.1) * count for class_, count in classes.items()) / total


# ------------------------------------------------------------------------------------------------ western

_VOWELS = frozenset(b"aeiouyAEIOUY")
_LETTERS = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_DIGITS = frozenset(b"0123456789")
_EDGES = frozenset(b" \x1f([")
_CAPITALS = range(0xC0, 0xE0)
# Quotation marks, dashes and signs that western texts in cp1252 really hold.
_PUNCTUATION = frozenset(b"\x85\x91\x92\x93\x94\x95\x96\x97\xab\xbb")
_SIGNS = frozenset(b"\x80\x9c\xa0\xa1\xa3\xa7\xa9\xae\xb0\xb2\xb3\xb4\xb7\xba\xbd\xbf\xd7")


@lru_cache(1)
def _ansel() -> tuple[dict[tuple[int, int], float], frozenset[int]]:
    """How likely a mark goes with the letter behind it (well if they make one letter), and all that is no mark."""
    pairs: dict[tuple[int, int], float] = {}
    signs = set()
    for byte, (code, combines) in CODESETS[marc8.ANSEL].items():
        if not combines:
            signs.add(byte)
            continue
        for letter in _LETTERS:
            composed = unicodedata.normalize("NFC", chr(letter) + chr(code))
            if len(composed) > 1:
                pairs[byte, letter] = 0.3
            else:
                pairs[byte, letter] = 1.0 if ord(composed) < 0x180 else 0.7
    return pairs, frozenset(signs)


def _western(text: bytes) -> tuple[float, float]:
    """Scores as (MARC-8, cp1252): how well each high byte goes with its neighbours."""
    ansel = latin = 0.0
    count = 0
    for found in _HIGH.finditer(text):
        at = found.start()
        byte, after, before = text[at], text[at + 1], text[at - 1] if at else 0x1F
        count += 1
        ansel += _as_ansel(byte, before, after)
        latin += _as_latin(byte, before, after)
    return (ansel / count, latin / count) if count else (0.0, 0.0)


def _as_ansel(byte: int, before: int, after: int) -> float:
    pairs, signs = _ansel()
    if byte >= 0xE0:
        return 0.5 if after >= 0xE0 else pairs.get((byte, after), -0.6)
    if byte not in signs:
        return -1.0
    if byte in (0xC2, 0xC3):  # ℗ and ©, never inside a word
        return 0.9 if after in _DIGITS or after == 0x20 or before in _EDGES else -0.2
    if byte in (0xA9, 0xC4):  # ♭ and ♯, behind a note
        return 0.3 if before in b"ABCDEFG" else -0.3
    if byte < 0xC0:  # letters, and the signs of transliteration
        return 0.7 if before in _LETTERS or after in _LETTERS else 0.0
    return 0.4


def _as_latin(byte: int, before: int, after: int) -> float:
    beside = (before in _LETTERS) + (after in _LETTERS)
    if byte in _PUNCTUATION:
        return 0.6
    if byte in _SIGNS:
        if byte == 0xA9:
            return 0.9 if after in _DIGITS or after == 0x20 or before in _EDGES else 0.0
        if byte == 0xB0:
            return 0.8 if before in _DIGITS else 0.1
        return -0.3 if beside == 2 else 0.5
    if byte < 0xC0 or byte == 0xF7:
        return -0.6
    if not beside:
        return -0.2 if after in _DIGITS else 0.3
    if byte in _CAPITALS and byte != 0xDF and (before in _LETTERS or byte in (0xC2, 0xC3)):
        return 0.1  # a capital inside a word; Â and Ã begin none
    if byte in (0xE7, 0xF1):  # ç and ñ stand before vowels
        return 0.9 if after in _VOWELS else 0.1
    return 0.35 if after in _VOWELS else 0.9
