"""How alike two folded titles are: the same, a slip of the hand, or others. Symmetric, counted in characters."""

from __future__ import annotations

from msgspec import Struct

from indexer.cluster.features import Features
from indexer.cluster.numbering import HAN_NUMERAL

_NUMBERS = frozenset("0123456789上中下" + HAN_NUMERAL)

# Titles that many publications have (folded, without blanks).
_GENERIC = """
年报 年鉴 统计年鉴 论文集 文集 选集 全集 诗集 诗选 文选 作品选 作品集 小说选 散文选 散文集 论文选
资料汇编 汇编 简报 通讯 学报 会议论文集 目录 索引 前言 序言 绪论 导论 概论 引言 后记 附录 封面 讲义 教程
习题集 工作报告 研究报告 学术论文集 书信集 日记 自传 回忆录 作文选 frontmatter backmatter introduction
preface foreword index contents tableofcontents editorial abstracts papers poems works collectedworks
selectedworks completeworks selectedpoems collectedpoems essays stories proceedings annualreport report
reports yearbook bulletin newsletter journal transactions bookreview bookreviews letters plays selections
"""
GENERIC = frozenset(_GENERIC.split())

SHORT = 5  # characters; below it a title weighs less
SHORT_LATIN = 10


class TitleMatch(Struct, frozen=True, gc=False):
    code: str  # name of a weight
    subtitle: str = ""  # name of a weight, "" = nothing to say


def compare_titles(a: Features, b: Features) -> TitleMatch:
    """What two titles have in common, with their other forms (other script, parallel, cover …)."""
    if a.title == b.title:
        return TitleMatch(_exact(a.title), _subtitles(a, b))
    if a.full == b.full or a.full == b.title or a.title == b.full:
        return TitleMatch(_exact(min(a.title, b.title, key=len)))
    if (a.alts or b.alts) and (code := _other_script(a, b)):
        return TitleMatch(code)
    if similar(a.title, b.title):
        return TitleMatch("title_near", _subtitles(a, b))
    if (a.variants or b.variants) and not {a.title, a.full, *a.variants}.isdisjoint((b.title, b.full, *b.variants)):
        return TitleMatch("title_variant")
    if a.reading and a.reading == b.reading:
        return TitleMatch("title_reading")
    if a.title.startswith(b.title) or b.title.startswith(a.title):
        return TitleMatch("title_begin")
    return TitleMatch("title_differs")


def is_generic(a: Features, b: Features) -> bool:
    return a.full in GENERIC or b.full in GENERIC


def _other_script(a: Features, b: Features) -> str:
    """A form that both have, unless it is only a romanisation: that many titles share."""
    common = {a.title, *a.alts} & {b.title, *b.alts}
    if not common - {a.reading, b.reading}:
        return ""
    return "title" if _exact(a.title) == _exact(b.title) == "title" else "title_short"


def _exact(title: str) -> str:
    short = SHORT_LATIN if title.isascii() else SHORT
    return "title" if len(title) >= short else "title_short"


def _subtitles(a: Features, b: Features) -> str:
    rest_a, rest_b = a.full[len(a.title) :], b.full[len(b.title) :]
    if not rest_a or not rest_b:
        return ""
    if rest_a == rest_b:
        return "subtitle"
    if rest_a in rest_b or rest_b in rest_a or similar(rest_a, rest_b):
        return ""
    return "subtitle_differs"


def tolerance(length: int, latin: bool) -> int:
    """How many characters of a title of that length may be mistyped.

    None in a short one: 中国古代文学史 and 中国古代哲学史 differ in one character of seven.
    """
    if latin:
        return 0 if length < 16 else 1 if length < 30 else 2 if length < 50 else 3
    return 0 if length < 9 else 1 if length < 16 else 2 if length < 28 else 3


def similar(a: str, b: str) -> bool:
    """Whether one may be a slip of the other. A differing number is never a slip."""
    if a == b:
        return True
    shorter, longer = (a, b) if len(a) <= len(b) else (b, a)
    allowed = tolerance(len(shorter), shorter.isascii())
    if len(longer) - len(shorter) > allowed:
        return False
    start, end = 0, len(shorter)
    while start < end and shorter[start] == longer[start]:
        start += 1
    offset = len(longer) - end
    while end > start and shorter[end - 1] == longer[end - 1 + offset]:
        end -= 1
    x, y = shorter[start:end], longer[start : end + offset]
    if len(set(y) - set(x)) > allowed or not _within(x, y, allowed):
        return False
    return [c for c in x if c in _NUMBERS] == [c for c in y if c in _NUMBERS]


def _within(x: str, y: str, limit: int) -> bool:
    """Whether the Levenshtein distance of x and y (len(x) ≤ len(y)) is at most `limit`."""
    if len(y) <= limit:
        return True
    before = list(range(len(y) + 1))
    for i, c in enumerate(x, 1):
        row = [i]
        for j, d in enumerate(y, 1):
            row.append(before[j - 1] if c == d else 1 + min(before[j - 1], before[j], row[j - 1]))
        if min(row) > limit:
            return False
        before = row
    return before[-1] <= limit
