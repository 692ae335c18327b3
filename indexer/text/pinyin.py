"""Pinyin: syllables of Chinese text, and the syllables that a reader may have meant by Latin letters.

One reading a character, but for the phrases that are read otherwise (重庆 chong qing), of which the longest counts.
Tones are left out. In tokens ü is u, since readers write lü, lv and lu, and records do too: `token`.
"""

from __future__ import annotations

import re
from functools import cache
from itertools import pairwise

from indexer.text import tables
from indexer.text.fold import fold
from indexer.text.tokens import RUN

MOST_READINGS = 8  # ways to cut unspaced pinyin: xianguo is xian guo, xi an guo, xi ang uo is none

# Surnames that are read otherwise than the word.
SURNAMES = {
    "单": "shan", "解": "xie", "曾": "zeng", "仇": "qiu", "朴": "piao", "查": "zha", "区": "ou", "盖": "ge",
    "翟": "zhai", "缪": "miao", "员": "yun", "乐": "yue", "折": "she", "黑": "he", "秘": "bi", "冼": "xian",
    "召": "shao", "繁": "po",
}  # fmt: skip
_SPELLED = {"lv": "lu", "nv": "nu", "lve": "lue", "nve": "nue", "lyu": "lu", "nyu": "nu"}
_TONE_DIGITS = re.compile("(?:[a-z]+[1-5])+")
_LONGEST = 6  # zhuang, chuang, shuang


def token(syllable: str) -> str:
    """The syllable as it is indexed."""
    return syllable.replace("ü", "u")


def syllables(text: str, *, name: bool = False) -> list[str]:
    """The syllables of a text; other words in it stay whole (C语言 → c yu yan).

    `name`: of a person; a name in one piece of up to four characters is Chinese and begins with a surname.
    """
    return read(fold(text), name)


def read(folded: str, name: bool = False) -> list[str]:
    """`syllables` of folded text."""
    found: list[str] = []
    runs = RUN.findall(folded)
    for run in runs:
        if run.isascii():
            found.append(run)
        else:
            found += _read(run)
    if name and len(runs) == 1 and len(runs[0]) <= 4 and runs[0][0] in SURNAMES:
        found[0] = SURNAMES[runs[0][0]]
    return found


def sounds(folded: str) -> list[tuple[int, int, str]]:
    """(start, end, token) of each syllable or other word of a folded text."""
    found: list[tuple[int, int, str]] = []
    for match in RUN.finditer(folded):
        at = match.start()
        if match.group().isascii():
            found.append((at, match.end(), match.group()))
        else:
            found += ((at + i, at + i + 1, token(syllable)) for i, syllable in enumerate(_read(match.group())))
    return found


def initials(text: str, *, name: bool = False) -> str:
    """The first letters of the syllables and words: 红楼梦 → hlm."""
    return "".join(syllable[0] for syllable in syllables(text, name=name))


def _read(run: str) -> list[str]:
    readings, phrases = tables.readings(), tables.phrases()
    if phrases.keys().isdisjoint(a + b for a, b in pairwise(run)):
        return [readings.get(character, character) for character in run]
    found: list[str] = []
    at = 0
    while at < len(run):
        for phrase, reading in phrases.get(run[at : at + 2], ()):
            if run.startswith(phrase, at):
                found += reading
                at += len(phrase)
                break
        else:
            found.append(readings.get(run[at], run[at]))
            at += 1
    return found


@cache
def _known() -> dict[str, str]:
    """Every spelling of a syllable → its token. Interjections without a vowel (hm, ng) are none."""
    real = {token(syllable) for syllable in tables.readings().values()}
    return {syllable: syllable for syllable in real if re.search("[aeiou]", syllable)} | _SPELLED


def split_pinyin(text: str) -> list[list[str]]:
    """The ways to read Latin letters as pinyin, likeliest (fewest syllables) first; [] where they are none.

    Spaces, apostrophes and tone digits are syllable borders: xi'an is only xi an, xian may be both.
    """
    ways: list[list[str]] = [[]]
    for word in RUN.findall(fold(text)):
        parts = re.split("[1-5]", word)[:-1] if _TONE_DIGITS.fullmatch(word) else [word]
        for part in parts:
            cuts = _cut(part)
            ways = [way + cut for way in ways for cut in cuts][:MOST_READINGS]
    return sorted((way for way in ways if way), key=len)


def _cut(word: str) -> list[list[str]]:
    if len(word) > 48 or not word.isascii():
        return []
    known = _known()
    ends: list[list[list[str]]] = [[] for _ in range(len(word) + 1)]
    ends[0] = [[]]
    for end in range(1, len(word) + 1):
        for start in range(max(0, end - _LONGEST), end):
            syllable = known.get(word[start:end])
            if syllable and ends[start]:
                ends[end] += [[*way, syllable] for way in ends[start]]
        ends[end] = sorted(ends[end], key=len)[:MOST_READINGS]
    return ends[-1]
