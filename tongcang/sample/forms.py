"""Chinese text in its three forms: simplified, traditional, pinyin.

The forms of every run of Chinese characters in this package stand in forms.tsv, so that making samples needs no
converter. `python -m tongcang.sample.forms` makes that table anew with pypinyin and OpenCC (development extras).
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from msgspec import Struct

HERE = Path(__file__).parent
_HAN = re.compile(r"[㐀-鿿豈-﫿]+")

# Readings that the converter gets wrong, most of them surnames.
READINGS = {
    "曾谨言": "zeng jin yan",
    "曾国藩": "zeng guo fan",
    "仇兆鳌": "qiu zhao ao",
    "长恨歌": "chang hen ge",
    "长生殿": "chang sheng dian",
    "尉缭": "wei liao",
    "贾思勰": "jia si xie",
    "阎石": "yan shi",
    "於崇华": "yu chong hua",
    "柏树令": "bai shu ling",
    "翦伯赞": "jian bo zan",
    "衡平": "heng ping",
    "行政管理": "xing zheng guan li",
    "乐": "le",
}


class Text(Struct, frozen=True, gc=False):
    simple: str
    traditional: str
    pinyin: str  # syllables in lower case with a blank between; what is not Chinese stays as it is

    def __add__(self, other: Text) -> Text:
        return join((self, other))

    def __bool__(self) -> bool:
        return bool(self.simple)


NOTHING = Text("", "", "")


def join(parts: Iterable[Text]) -> Text:
    """The texts without anything between them; their pinyin with a blank between."""
    simple, traditional, pinyin = [], [], []
    for part in parts:
        simple.append(part.simple)
        traditional.append(part.traditional)
        if part.pinyin:
            pinyin.append(part.pinyin)
    return Text("".join(simple), "".join(traditional), " ".join(pinyin))


def western(value: str) -> Text:
    return Text(value, value, value)


@cache
def text(value: str) -> Text:
    """The forms of a string that is made of runs in the table, of their characters, and of anything not Chinese."""
    table = _table()
    traditional, pinyin, position = [], [], 0
    for run in _HAN.finditer(value):
        if between := value[position : run.start()]:
            traditional.append(between)
            pinyin.append(between.strip())
        for piece in (run[0],) if run[0] in table else run[0]:
            forms = table.get(piece, (piece, ""))
            traditional.append(forms[0])
            pinyin.append(forms[1])
        position = run.end()
    traditional.append(value[position:])
    pinyin.append(value[position:].strip())
    return Text(value, "".join(traditional), " ".join(filter(None, pinyin)))


@cache
def _table() -> dict[str, tuple[str, str]]:
    lines = (HERE / "forms.tsv").read_text("utf-8").splitlines()
    rows = (line.split("\t") for line in lines if not line.startswith("#"))
    return {row[0]: (row[1], row[2]) for row in rows}


def runs() -> set[str]:
    """Every run of Chinese characters in this package's data and code, and every character in them."""
    found: set[str] = set()
    for path in sorted(HERE.iterdir()):
        if path.suffix in (".tsv", ".py") and path.name != "forms.tsv":
            found.update(_HAN.findall(path.read_text("utf-8")))
    return found | {character for run in found for character in run}


def _remake() -> None:
    from opencc import OpenCC
    from pypinyin import lazy_pinyin

    convert = OpenCC("s2t").convert
    lines = [
        "# Made by tongcang/sample/forms.py: a run of Chinese characters, the same in traditional script, its pinyin."
    ]
    for run in sorted(runs()):
        pinyin = READINGS.get(run) or " ".join(lazy_pinyin(run, v_to_u=True))
        lines.append(f"{run}\t{convert(run)}\t{pinyin}")
    (HERE / "forms.tsv").write_text("\n".join(lines) + "\n", "utf-8")
    sys.stdout.write(f"{len(lines) - 1} forms written\n")


if __name__ == "__main__":
    _remake()
