"""What a library's statement of holdings says of the volume, issue, year or part that is wanted."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mappings.model import BibRecord, Holder, Holding, Item, UnionRecord
from mappings.requests import Citation, LibraryPolicy, Wish
from routing import requestable as nature
from routing.coverage import WORDS, covers
from routing.held import LONGEST, read
from routing.requestable import requestable


def asked(what: str) -> Citation:
    """ "1995 v5 n3 m2", in any selection; "t12" is an issue counted through, "p上" a part of a set."""
    told = {word[0] if word[0].isalpha() else "y": word.lstrip("vntmp") for word in what.split()}
    date = told.get("y", "") + (f"-{told['m']:0>2}" if "m" in told else "")
    issue = f"总{told['t']}" if "t" in told else told.get("n", "")
    return Citation(date=date, volume=told.get("v", ""), issue=issue, part=told.get("p", ""))


def of_serial(statement: str, what: str) -> str:
    return covers([Holding(coverage=statement)], asked(what), "serial").answer


SERIALS = {
    "years, open": ("1979-", "1985", "yes", "1978", "no"),
    "years and issues counted through, open": ("1979- 总1期-", "1985 n3", "yes", "t40", "yes"),
    "volumes with their years": ("v.1(1990)-v.12(2001)", "v5", "yes", "v13", "no"),
    "volumes with their years, asked by year": ("v.1(1990)-v.12(2001)", "1995", "yes", "2002", "no"),
    "issues of one year": ("1990,no.1-12", "1990 n5", "yes", "1990 n13", "no"),
    "issues of two years": ("1985:1-6;1986:2", "1986 n2", "yes", "1986 n3", "no"),
    "a year that lacks": ("1979-2005（缺1983）", "1984", "yes", "1983", "no"),
    "an issue that lacks": ("1979-2005，缺1983年第2期、1990年", "1983 n3", "yes", "1983 n2", "no"),
    "all that lacks, told last": ("1979-2005;所缺：1983，1985", "1986", "yes", "1985", "no"),
    "from an issue within a volume": ("Vol.1 no.3 (Mar. 1999)-", "1999 v1 n4", "yes", "1999 v1 n2", "no"),
    "Chinese labels": ("2010年第1期-第6期", "2010 n6", "yes", "2010 n7", "no"),
    "Chinese labels, first number without one": ("第1-12卷", "v12", "yes", "v13", "no"),
    "two runs of volumes": ("v.1-3,5-7", "v6", "yes", "v4", "no"),
    "bare volumes with years": ("1-4 (1990-1993)", "v4", "yes", "1994", "no"),
    "Chinese volume and issue": ("第1卷第1期(1957)-", "1957", "yes", "1956", "no"),
    "a year of the Republic": ("民国二十三年", "1934", "yes", "1935", "no"),
    "years of the Republic": ("民國二十一年-民國二十六年", "1936", "yes", "1938", "no"),
    "Chinese numerals": ("第三卷第二期－第五卷第六期", "v4 n1", "yes", "v3 n1", "no"),
    "years in Chinese numerals": ("一九八五年－一九九〇年", "1987", "yes", "1991", "no"),
    "issues in parentheses": ("1999(1-12)-2010(1-12);2012(1-12)-2024(1-6)", "2024 n6", "yes", "2024 n7", "no"),
    "years of a run with a hole": ("1999(1-12)-2010(1-12);2012(1-12)-2024(1-6)", "2005", "yes", "2011", "no"),
    "single issues in parentheses": ("1999(1-3,5,7-12)", "1999 n5", "yes", "1999 n6", "no"),
    "issues after a comma": ("1957年第1-3期,第5期", "1957 n5", "yes", "1957 n4", "no"),
    "three ways of counting": ("2009,no.1-12=总.101-112=v.20*12;2010,no.1=总.113=v.21*1", "t105", "yes", "t114", "no"),
    "runs parted by blanks": ("1959-1966 1972-2020", "1972", "yes", "1970", "no"),
    "numbers counted through the years": ("no.1(1979)-no.11(1984),no.13(1984)-no.40(1992)", "t20", "yes", "t12", "no"),
    "volume and year with a full stop": ("1.1903 - 27.1939; 28.1969 -", "1970", "yes", "1950", "no"),
    "volume, year and issue in German": ("2.1964,7 - 38.2000", "1999 v37", "yes", "1963 v1", "no"),
    "months only": ("Nov./Dec. 1979-July/Aug. 1986", "1985", "yes", "1987", "no"),
    "an end alone": ("-1976/77.", "1977", "yes", "1978", "no"),
    "a sentence": ("Began with v. 1, 1966; ceased with v. 10, 1976.", "v10", "yes", "1977", "no"),
    "a label in front": ("LIBRARY HAS: 1983-1984 1989-1991", "1990", "yes", "1986", "no"),
    "a double issue": ("1990,no.1-6", "1990 n5-6", "yes", "1990 n7-8", "no"),
    "a month": ("1999.3-2001.6", "1999 m4", "yes", "1999 m2", "no"),
    "first issue till now": ("1979年-至今", "2020", "yes", "1970", "no"),
    "ends in parentheses": ("(May/Nov. 2000)-(May/Nov. 2009)", "2005", "yes", "2010", "no"),
    "a bound part of a year": ("2014年合订本-2016年合订本上", "2015", "yes", "2017", "no"),
    "an open end told in two ways": ("v. 1- 1970-", "v3", "yes", "1969", "no"),
    "an open end told in two ways, in Chinese": ("1979- 总5期-", "1980 n3", "yes", "1978", "no"),
    "issues counted twice": ("årg.8:nr.1-4=nr.29-32(1977-1978)", "v8 n3", "yes", "t33", "no"),
    "volumes called years": ("ano 10(1961:57-62)", "v10 n58", "yes", "1962", "no"),
    "a gap within one year": ("1990:1-12；1991:1-6(缺3)", "1991 n4", "yes", "1991 n3", "no"),
    "a gap among volumes": ("第1-12卷（缺3）", "v4", "yes", "v3", "no"),
    "months of whole years": ("1990年1月-1992年12月", "1992", "yes", "1993", "no"),
    "single issues with one label": ("1990年第1,3,5期", "1990 n3", "yes", "1990 n4", "no"),
    "seasons": ("No. 1 (Aug. 1993)-no. 41 (spring 2007)", "2000", "yes", "2008", "no"),
}  # fmt: skip


@pytest.mark.parametrize("name", SERIALS)
def test_serial(name: str) -> None:
    statement, one, first, other, second = SERIALS[name]
    assert read(statement).whole
    assert (of_serial(statement, one), of_serial(statement, other)) == (first, second)


@pytest.mark.parametrize(
    ("statement", "what", "reason"),
    [
        ("", "1990", "no_statement"),
        ("见书库", "1990", "not_understood"),
        ("1979-2005 不全", "1990", "incomplete"),
        ("1979-2005（有缺期）", "1990", "incomplete"),
        ("1990,no.1-6", "1990", "partly"),  # a year that is not held whole
        ("1990,no.3-6", "1990 v3", "partly"),
        ("v.1-12", "1990", "not_comparable"),  # volumes held, a year asked for
        ("1979-2005（缺第3期）", "1990 n3", "incomplete"),  # of which year is not told
        ("1985:A-F", "1985", "not_understood"),
        ("1985:A-F", "1999", "not_understood"),  # never "no" from what was not understood whole
        ("v.1(1990)-v.12(2001)", "1995 v20", "partly"),  # volume and year contradict each other
        ("1-6", "v9", "not_understood"),  # bare numbers may be issues
        ("Bd. 1 (1884)-48 (1931); n.F., Bd. 1 (1932)-", "v60", "not_understood"),  # counted anew
        ("2002=2001(2002) - 2004=2003(2004)", "2010", "not_understood"),
        ("1990-1995 缺1993; 1998", "2000", "not_understood"),  # are the gaps at an end?
        ("1979-2005", "", "nothing_asked"),
    ],
)
def test_what_is_not_told_stays_unknown(statement: str, what: str, reason: str) -> None:
    found = covers([Holding(coverage=statement)], asked(what), "serial")
    assert (found.answer, found.reason) == ("unknown", reason)


def test_yes_of_what_was_understood_within_a_statement_that_was_not() -> None:
    statement = "1990-1995; 特藏另计XYZ"
    assert not read(statement).whole
    assert of_serial(statement, "1993") == "yes"
    assert of_serial(statement, "1999") == "unknown"


def test_all_is_held() -> None:
    assert covers([Holding(coverage="全")], asked("1990"), "serial") == ("yes", "everything", "全")
    assert of_serial("全，缺1983", "1983") == "no"


def test_of_several_holdings_one_that_has_it_is_enough_and_all_must_deny_it() -> None:
    north, south, silent = Holding("北馆", coverage="1979-1990"), Holding("南馆", coverage="1991-"), Holding("分馆")
    assert covers([north, south], asked("1995"), "serial").answer == "yes"
    assert covers([north, south], asked("1970"), "serial").answer == "no"
    assert covers([north, south, silent], asked("1970"), "serial").answer == "unknown"
    assert covers([], asked("1970"), "serial") == ("unknown", "no_statement", "")


def test_a_withdrawn_holding_has_nothing() -> None:
    gone = Holding(coverage="1979-", status="withdrawn")
    assert covers([gone, Holding(coverage="1990-")], asked("1985"), "serial").answer == "no"


def test_bound_volumes_tell_what_a_library_has() -> None:
    bound = Holding(items=tuple(Item(volume=f"{year}年合订本") for year in (1990, 1991, 1993)))
    assert covers([bound], asked("1991"), "serial").answer == "yes"
    assert covers([bound], asked("1992"), "serial").answer == "no"
    # What is newer than the newest bound volume may lie there unbound.
    assert covers([bound], asked("1994"), "serial") == ("unknown", "no_statement", "")


def test_items_add_to_the_statement() -> None:
    holding = Holding(coverage="1990-1995", items=(Item(volume="v.1(1968)"),))
    assert covers([holding], asked("1968"), "serial").answer == "yes"
    assert covers([holding], asked("1970"), "serial").answer == "no"


def test_items_of_which_one_tells_nothing_prove_nothing() -> None:
    holding = Holding(items=(Item(volume="1990"), Item(barcode="1")))
    assert covers([holding], asked("1985"), "serial").answer == "unknown"


@pytest.mark.parametrize(
    ("items", "part", "answer"),
    [
        (("第1册", "第2册", "第3册"), "第2册", "yes"),
        (("第1册", "第2册"), "第3册", "no"),
        (("上册", "下册"), "下", "yes"),
        (("上",), "下册", "no"),
        (("上册",), "第2册", "unknown"),  # 上 may be 1; what 2 is depends on the set
        (("v.1", "v.2:pt.1"), "vol. 1", "yes"),
        (("v.2:pt.1",), "2", "unknown"),
        (("第一卷", "第二卷"), "第二卷", "yes"),
        (("1-3",), "2", "unknown"),  # a bare number may be anything
        (("第1-3册",), "第2册", "yes"),
        (("第1册", ""), "第3册", "unknown"),
        (("Bd.1", "Bd.2"), "Bd. 2", "yes"),
    ],
)
def test_part_of_a_set(items: tuple[str, ...], part: str, answer: str) -> None:
    holding = Holding(items=tuple(Item(volume=volume) for volume in items))
    assert covers([holding], Citation(genre="book", part=part), "book").answer == answer


def test_a_book_of_which_no_part_is_asked_for_is_held() -> None:
    assert covers([Holding()], Citation(title="红楼梦"), "book") == ("yes", "no_part_asked", "")


def test_a_record_of_one_part_is_that_part() -> None:
    assert covers([Holding()], Citation(part="第2册"), "book", part="第二册").answer == "yes"
    assert covers([Holding()], Citation(part="第3册"), "book", part="第二册") == ("no", "other_parts", "第二册")


WORDS_OF_STATEMENTS = (
    "1990 1995 3 12 - – ( ) ; , . : / = v. 卷 第 期 no. 总 缺 全 不全 年 月 Mar. spring 上 册 合订本 pt. ? [ ] "
    "民国二十三年 began with ceased in lacks to 九 十"
)
STATEMENTS = st.one_of(
    st.text(max_size=60),
    st.lists(st.sampled_from(WORDS_OF_STATEMENTS.split()), max_size=25).map(" ".join),
    st.lists(st.sampled_from(list("19902-();,.:/=v卷第期总缺全年月上册pn一十"))).map("".join),
)


@settings(max_examples=1500, deadline=None)
@given(STATEMENTS, st.integers(0, 2100), st.integers(0, 99), st.text("0123456789-/总期A", max_size=6), st.booleans())
def test_any_statement_and_citation_have_an_answer(text: str, year: int, volume: int, issue: str, serial: bool) -> None:
    citation = Citation(date=str(year), volume=str(volume), issue=issue, part=issue)
    holdings = [Holding(coverage=text), Holding(items=(Item(volume=text),))]
    found = covers(holdings, citation, "serial" if serial else "book")
    assert found.answer in ("yes", "no", "unknown")
    assert found.reason in WORDS
    if found.answer == "no":
        assert read(text).whole or not serial


YEARS = st.integers(1850, 2024)


@settings(max_examples=400, deadline=None)
@given(YEARS, st.integers(1, 40), st.integers(1, 39), st.integers(-5, 50))
def test_a_run_cut_in_two_covers_the_same(first: int, length: int, cut: int, offset: int) -> None:
    last, middle, wanted = first + length, first + min(cut, length - 1), first + offset
    whole = f"{first}-{last}"
    assert of_serial(whole, str(wanted)) == ("yes" if first <= wanted <= last else "no")
    for join in (";", ",", " ", "；", "，"):
        parts = f"{first}-{middle}{join}{middle + 1}-{last}"
        assert of_serial(parts, str(wanted)) == of_serial(whole, str(wanted))


@settings(max_examples=400, deadline=None)
@given(st.integers(1, 50), st.integers(1, 40), st.integers(1, 39), st.integers(-5, 50), st.integers(1850, 1950))
def test_a_run_of_volumes_cut_in_two_covers_the_same(first: int, length: int, cut: int, offset: int, year: int) -> None:
    last, middle, wanted = first + length, first + min(cut, length - 1), first + offset
    if wanted < 1:
        return

    def run(low: int, high: int) -> str:
        return f"v.{low}({year + low})-v.{high}({year + high})"

    expected = "yes" if first <= wanted <= last else "no"
    assert of_serial(run(first, last), f"v{wanted}") == expected
    assert of_serial(f"{run(first, middle)}, {run(middle + 1, last)}", f"v{wanted}") == expected
    assert of_serial(f"第{first}卷-第{last}卷", f"v{wanted}") == expected


@settings(max_examples=300, deadline=None)
@given(YEARS, st.integers(0, 30), st.integers(1, 12), st.integers(1, 12), st.integers(-2, 32), st.integers(1, 12))
def test_issues_of_years_are_compared_in_order(
    first: int, length: int, issue: int, until: int, offset: int, wanted: int
) -> None:
    last, year = first + length, first + offset
    if (first, issue) > (last, until):
        return
    statement = f"{first}年第{issue}期-{last}年第{until}期"
    inside = (first, issue) <= (year, wanted) <= (last, until)
    assert of_serial(statement, f"{year} n{wanted}") == ("yes" if inside else "no")


@settings(max_examples=200, deadline=None)
@given(YEARS, st.integers(2, 30), st.integers(0, 30))
def test_a_gap_takes_away_just_itself(first: int, length: int, offset: int) -> None:
    gap = first + min(offset, length)
    statement = f"{first}-{first + length}（缺{gap}）"
    for year in range(first, first + length + 1):
        assert of_serial(statement, str(year)) == ("no" if year == gap else "yes")


Run = tuple[int, int, int, int]
"""First year and issue, last year and issue; twelve issues a year, a volume a year."""


def _volume(year: int) -> int:
    return year - 1939


STYLES = {
    "Chinese": lambda y, n, z, m: f"{y}年第{n}期-{z}年第{m}期",
    "Chinese volumes": lambda y, n, z, m: f"第{_volume(y)}卷第{n}期({y})-第{_volume(z)}卷第{m}期({z})",
    "dp2": lambda y, n, z, m: f"{y}({n}-12)-{z}(1-{m})" if z > y else f"{y}({n}-{m})",
    "MARC 21": lambda y, n, z, m: f"v.{_volume(y)}:no.{n}({y})-v.{_volume(z)}:no.{m}({z})",
    "written out": lambda y, n, z, m: f"Vol. {_volume(y)}, no. {n} ({y})-v. {_volume(z)}, no. {m} ({z})",
    "German": lambda y, n, z, m: f"{_volume(y)}.{y},{n} - {_volume(z)}.{z},{m}",
    "years and issues": lambda y, n, z, m: f"{y},no.{n}-{z},no.{m}",
}


@st.composite
def runs(draw: st.DrawFn) -> list[Run]:
    """Runs in order, with holes between them."""
    months = sorted(draw(st.lists(st.integers(0, 12 * 70), min_size=2, max_size=8, unique=True)))
    ends = list(zip(months[::2], months[1::2], strict=False))
    return [(1940 + a // 12, a % 12 + 1, 1940 + b // 12, b % 12 + 1) for a, b in ends]


JOINS = st.sampled_from(["; ", ", ", "；"])


@settings(max_examples=600, deadline=None)
@given(runs(), st.sampled_from(sorted(STYLES)), JOINS, st.integers(1938, 2012), st.integers(0, 12), st.booleans())
def test_no_answer_is_ever_wrong(held: list[Run], style: str, join: str, year: int, issue: int, volumes: bool) -> None:
    """However a library writes down what it has, "yes" and "no" are true, and an issue told in full is decided."""
    statement = ("; " if style == "German" else join).join(STYLES[style](*run) for run in held)
    volume = f"v{_volume(year)}" if volumes and year > 1939 else ""
    answer = of_serial(statement, f"{year} {volume} " + (f"n{issue}" if issue else ""))
    wanted = [(year, issue)] if issue else [(year, number) for number in range(1, 13)]
    had = [any((y, n) <= each <= (z, m) for y, n, z, m in held) for each in wanted]
    assert answer in {(True, True): ("yes", "unknown"), (False, False): ("no", "unknown")}.get(
        (all(had), any(had)), ("unknown",)
    ), statement
    if issue and (volume or style in ("Chinese", "dp2", "years and issues")):
        assert answer != "unknown", statement


@pytest.mark.parametrize(
    "piece",
    ["(", "1990(", "1990-", "缺", "1,", "9", "some issues ", "一", "第", "1(1990", ")", "v.1=", "1/"],
)
def test_a_senseless_statement_is_read_fast_and_denies_nothing(piece: str) -> None:
    text = (piece * LONGEST)[:LONGEST]
    start = time.process_time()
    assert of_serial(text, "1871") == "unknown"
    assert time.process_time() - start < 0.5


def test_the_longest_statement_is_read_in_part_and_denies_nothing() -> None:
    text = "1990-1995;" * (LONGEST // 5)
    assert of_serial(text, "1993") == "yes"
    assert of_serial(text, "1999") == "unknown"


def test_a_hundred_rotas_of_a_hundred_holders_take_less_than_a_second() -> None:
    """Holders of different titles often say the same, so that a fifth of the statements is new to the reader."""
    statements = [f"{1900 + n % 100}(1-12)-{2000 + n % 24}(1-{1 + n // 100})" for n in range(2_000)]
    rotas = [
        (Citation("article", date=str(1920 + rota), volume=str(rota + 1), issue="3"), statements[20 * rota :][:100])
        for rota in range(100)
    ]
    rotas = [(citation, (held * 5)[:100]) for citation, held in rotas]
    taken = []
    for _ in range(3):
        read.cache_clear()
        start = time.process_time()
        answers = [
            covers([Holding(coverage=text)], citation, "serial").answer for citation, held in rotas for text in held
        ]
        taken.append(time.process_time() - start)
    assert len(answers) == 10_000
    assert {"yes", "no"} <= set(answers)
    assert read.cache_info().misses == len(statements)
    assert min(taken) < 1.0, f"{min(taken):.2f} s"


# ---- what can't be requested by its nature


def union(material: str = "book", carrier: str = "print", *holdings: Holding) -> UnionRecord:
    bib = BibRecord("cnmarc", title="红楼梦", material=material, carrier=carrier)
    return UnionRecord("3K7M2Q9V", bib, holders=(Holder("RUC", holdings or (Holding(),)),))


LOST = Holding(items=(Item(status="missing"), Item(status="withdrawn")))


@pytest.mark.parametrize(
    ("record", "service", "codes"),
    [
        (union(), "loan", ()),
        (union("rare_book"), "loan", ("rare_book_loan",)),
        (union("rare_book"), "copy", ()),
        (union("rare_book"), "copy_or_loan", ()),
        (union("book", "online"), "loan", ("online_loan",)),
        (union("book", "online"), "copy", ("online_licence",)),
        (union("object"), "copy", ("object_copy",)),
        (union("book", "print", Holding(status="reference")), "loan", ("reference_only_loan",)),
        (union("book", "print", Holding(status="reference"), Holding(status="on_loan")), "loan", ()),
        (union("book", "print", LOST), "copy", ("gone_only",)),
        (union("book", "print", Holding(items=(Item(status="missing"), Item()))), "loan", ()),
    ],
)
def test_what_cannot_be_requested(record: UnionRecord, service: str, codes: tuple[str, ...]) -> None:
    assert requestable(record, Wish(Citation(), service)) == codes
    assert set(codes) <= nature.WORDS.keys()


def test_what_a_library_does_not_do() -> None:
    policy = LibraryPolicy(lends=False, not_materials=("map",))
    assert requestable(union(), Wish(Citation(), "loan"), (), policy) == ("no_loans",)
    assert requestable(union(), Wish(Citation(), "copy_or_loan"), (), policy) == ()
    assert requestable(union("map"), Wish(Citation(), "copy"), (), policy) == ("material_not_sent",)


def test_every_reason_is_told_in_both_languages() -> None:
    for words in (WORDS, nature.WORDS):
        for chinese, english in words.values():
            assert not chinese.isascii()
            assert english.isascii()
