"""The libraries of the sample consortium and how each of them catalogues and tells its holdings."""

from __future__ import annotations

from random import Random

from msgspec import Struct

from mappings.model import Library
from tongcang.sample.publications import Publication


class Habit(Struct, frozen=True):
    """How one library works. Rates are probabilities per record."""

    library: Library
    place: int  # stable number of the library: part of every seed
    chinese: str = "cnmarc"  # dialect of records for Chinese publications
    western: str = "cnmarc"
    pinyin: str = "A"  # subfield of CNMARC pinyin: "9", "A" or "" (none)
    capitals: bool = False  # pinyin as Hong Lou Meng
    romanised: bool = False  # MARC21: pinyin in the field, the characters in its 880 twin
    holdings: str = "905"  # 905 (dp2), 905f, alma, 852, 876
    agency: str = "CALIS"
    charset_code: str = "50  "  # CNMARC 100/26-29
    traditional_old: bool = False  # old printings (古籍) in traditional script
    traditional: float = 0.0
    sloppy: float = 0.02  # rate of each quirk
    brief: float = 0.12
    branches: tuple[tuple[str, str], ...] = (("ZG", "总馆"),)
    strong: str = ""  # CLC classes that it collects most
    weak: str = ""
    size: float = 1.0
    online: bool = True  # online publications are in its catalogue


def _library(symbol: str, zh: str, en: str, role: str, consortium: str = "BALIS") -> Library:
    return Library(symbol=symbol, name_zh=zh, name_en=en, consortium=consortium, role=role)


HABITS = (
    Habit(
        library=_library("RUC", "中国人民大学图书馆", "Renmin University of China Library", "node"),
        place=1, western="marc21", holdings="905", agency="RUC", charset_code="0120", strong="DFCBKGA", weak="TROQU",
        branches=(("RUC", "中文图书借阅区"), ("RUC", "外文图书借阅区"), ("RUC", "密集书库")), size=1.2,
    ),
    Habit(
        library=_library("PKUHSC", "北京大学医学部图书馆", "Peking University Health Science Library", "node"),
        place=2, western="marc21", pinyin="9", holdings="905f", agency="BMU", strong="RQB", weak="DFTUKIE",
        branches=(("医学部图书馆", "医学中文书库"), ("医学部图书馆", "医学外文书库")), size=0.7, brief=0.2,
    ),
    Habit(
        library=_library("BNU", "北京师范大学图书馆", "Beijing Normal University Library", "node"),
        place=3, western="marc21", capitals=True, holdings="alma", agency="BNU", charset_code="0120",
        strong="GBIKHOC", weak="TRU", traditional_old=True, size=1.2, sloppy=0.03,
        branches=(("MDMP", "中文书(主馆四层)"), ("MDMP", "中文库本书(主馆六层)"), ("SDEP", "院系资料室")),
    ),
    Habit(
        library=_library("BJTU", "北京交通大学图书馆", "Beijing Jiaotong University Library", "node"),
        place=4, pinyin="9", holdings="905f", agency="91MARC", strong="UTFO", weak="RIKJ", sloppy=0.05,
        branches=(("BJTU", "主校区书库"), ("BJTU", "东校区书库")), size=0.9, brief=0.2,
    ),
    Habit(
        library=_library(
            "USTB", "北京科技大学图书馆", "University of Science and Technology Beijing Library", "node"
        ),
        place=5, pinyin="", holdings="905", agency="北京人天书店", charset_code="0110", strong="TOXF", weak="RIKJD",
        branches=(("USTB", "流通书库"), ("USTB", "保存本书库")), size=0.9, sloppy=0.06, brief=0.25,
    ),
    Habit(
        library=_library(
            "BUPT", "北京邮电大学图书馆", "Beijing University of Posts and Telecommunications Library", "node"
        ),
        place=6, chinese="marc21", western="marc21", holdings="852", agency="BUPT", strong="TFO", weak="RKIUS",
        branches=(("BUPT", "沙河校区"), ("BUPT", "西土城校区")), size=0.8, brief=0.15,
    ),
    Habit(
        library=_library("THU", "清华大学图书馆", "Tsinghua University Library", "member"),
        place=7, chinese="marc21", western="marc21", romanised=True, holdings="876", agency="QHU", strong="TOQPKF",
        branches=(("THU", "北馆"), ("THU", "西馆"), ("THU", "人文社科馆")),
        traditional=0.15, traditional_old=True, size=1.4,
    ),
    Habit(
        library=_library("CLCN", "首都图书馆", "Capital Library of China", "capital", "CAPITAL"),
        place=8, pinyin="9", holdings="905", agency="NLC", charset_code="0110", strong="IKGJRZSD", weak="OT",
        branches=(("CLCN", "中文图书外借"), ("CLCN", "北京地方文献"), ("CLCN", "历史文献")),
        traditional_old=True, size=1.3,
    ),
)  # fmt: skip


def holders(publication: Publication, rng: Random) -> list[Habit]:
    """Which libraries have it: the famous nearly all, the rest one to a few, each by what it collects."""
    random = rng.random
    fame = publication.fame
    wanted = 1 + int(8 * min(0.999, max(0.0, fame + 0.03 + 0.5 * (random() - 0.5))))
    if publication.kind == "thesis":
        wanted = 1 if random() < 0.7 else 2
    letter = publication.clc[:1]
    ranked = []
    for habit in HABITS:
        weight = habit.size * (3.0 if letter in habit.strong else 0.35 if letter in habit.weak else 1.0)
        if publication.kind == "rare_book":
            weight *= 3.0 if habit.traditional_old else 0.3
        # Efraimidis and Spirakis: the largest random()**(1/weight) are a weighted sample without replacement.
        ranked.append((random() ** (1 / weight), habit.place))
    ranked.sort(reverse=True)
    chosen = sorted(place for _, place in ranked[: min(wanted, 8)])
    return [HABITS[place - 1] for place in chosen]


def local_id(habit: Habit, publication: Publication, copy: int) -> str:
    """The record's 001, in the manner of the library's system; `copy` tells a library's own second record apart."""
    number = publication.number * 2 + copy
    symbol = habit.library.symbol
    if symbol == "BNU":
        return f"990{number:09d}0203961"
    if symbol == "CLCN":
        kind = {"serial": "1", "rare_book": "3"}.get(publication.kind, "0")
        return f"{kind}{'1' if publication.language == 'chi' else '2'}{max(1990, publication.year)}{number:07d}"
    if symbol == "USTB":
        return f"人天{number // 10_000}-{number % 10_000:04d}"
    if symbol == "THU":
        return f"ths{number:09d}"
    return f"{number:09d}"
