import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from rota_candidates import build, make, pools

from mappings.model import Library
from mappings.requests import Citation, LibraryPolicy, Wish
from routing.candidates import Candidate, Place
from routing.estimates import LEVELS, Estimate
from routing.explaining import CHOSEN, PASSED, SCOPES, explain_choice, explain_passed_over, wanted
from routing.network import Network
from routing.rota import RotaSettings
from routing.sourcing import excluded
from routing.wording import vocabulary

LIBRARIES = {
    "USTB": Library("USTB", "北京科技大学图书馆", "University of Science and Technology Beijing Library"),
    "CLCN": Library("CLCN", "首都图书馆", "Capital Library"),
}
WISH = Wish(Citation(genre="article", volume="12"))
USTB = Candidate(
    "USTB",
    ("USTB",),
    estimate=Estimate(n=48.2, fills=40.9, mean_days=1.6, basis="similar"),
    queue=2,
    coverage="yes",
)


def chosen(**more: Any) -> tuple[str, str]:
    told = explain_choice(build([replace(USTB, **more)]).entries[0], WISH, LIBRARIES)
    return told.zh, told.en


def test_the_lines_of_the_field_notes() -> None:
    assert chosen() == (
        "选择北京科技大学图书馆：藏有第12卷；同类请求48件满足41件；平均1.6个工作日；排队2件。",
        "USTB: holds volume 12; filled 41 of 48 similar requests; 1.6 working days on average; queue 2.",
    )


def test_who_is_hardly_known_is_not_praised_with_numbers_of_others() -> None:
    zh, en = chosen(estimate=Estimate(n=310, fills=200, mean_days=2.0, basis="type"), queue=0)
    assert zh == "选择北京科技大学图书馆：藏有第12卷；该馆暂无足够记录，按同类型成员馆310件请求满足200件估计。"
    assert en == (
        "USTB: holds volume 12; too few requests of its own, judged by libraries of its kind (200 of 310 filled)."
    )


def test_the_second_is_told_as_the_second() -> None:
    told = explain_choice(build([USTB]).entries[0], WISH, LIBRARIES, number=2)
    assert told.zh.startswith("第2位北京科技大学图书馆：")


def test_hops_are_named() -> None:
    zh, en = chosen(path=("CLCN", "USTB"), manual_hops=1)
    assert "经首都图书馆人工转接" in zh
    assert "through CLCN, where people pass it on" in en
    assert "经首都图书馆自动转接" in chosen(path=("CLCN", "USTB"))[0]


@pytest.mark.parametrize(
    ("more", "zh", "en"),
    [
        ({"excluded": "paused"}, "未选北京科技大学图书馆：该馆暂停受理。",
         "USTB not asked: it takes no requests for the time being."),
        ({"coverage": "no"}, "未选北京科技大学图书馆：所藏不含第12卷。",
         "USTB not asked: its holdings don't include volume 12."),
        ({"coverage": "no", "excluded": "material"},
         "未选北京科技大学图书馆：该馆不传递此类文献；所藏不含第12卷。",
         "USTB not asked: it doesn't send out such material; its holdings don't include volume 12."),
    ],
)  # fmt: skip
def test_who_is_passed_over_and_why(more: dict[str, Any], zh: str, en: str) -> None:
    told = explain_passed_over(build([replace(USTB, **more)]).passed_over[0], WISH, LIBRARIES)
    assert (told.zh, told.en) == (zh, en)


@pytest.mark.parametrize(
    ("citation", "zh", "en"),
    [
        (Citation(volume="12", issue="3", date="2015"), "第12卷第3期", "volume 12, issue 3"),
        (Citation(issue="3", date="2015-06"), "2015年第3期", "issue 3, 2015"),
        (Citation(genre="article", date="2015"), "2015年", "the year 2015"),
        (Citation(genre="book", date="2015"), "该文献", "it"),
        (Citation(genre="article"), "该文献", "it"),
    ],
)
def test_what_is_wanted(citation: Citation, zh: str, en: str) -> None:
    assert (wanted(citation).zh, wanted(citation).en) == (zh, en)


def test_a_rule_without_words_is_told_by_its_code() -> None:
    place = replace(build([USTB]).entries[0], reasons=("covers", "new_rule"))
    assert explain_choice(place, WISH, LIBRARIES).zh == "选择北京科技大学图书馆：藏有第12卷；new_rule。"
    gone = Place(USTB, 1e9, 0.5, 1, 1, ("new_rule",))
    assert explain_passed_over(gone, WISH, {}).en == "USTB not asked: new_rule."


CHINESE, SENTENCE_EN = re.compile(r"[一-鿿]"), re.compile(r"^[A-Z]+( not asked)?: [^{}一-鿿]+\.$")


@settings(deadline=None)
@given(pools(), st.integers(0, 500), st.sampled_from([None, 2.0]), st.booleans())
def test_every_reason_that_a_rota_gives_has_words_in_both_languages(
    pool: list[Candidate], seed: int, days_left: float | None, bold: bool
) -> None:
    options = RotaSettings(explore=1.0, compare=0.5, max_asks=3) if bold else RotaSettings()
    pool += [make("ZA", path=("CLCN", "ZA"), manual_hops=1), make("ZA", path=("CLCN", "ZA")), make("ZB")]
    rota = build(pool, seed, options, days_left=days_left, tried=["ZB"], chain=["AB"])
    for place in rota.entries:
        assert set(place.reasons) <= set(CHOSEN)
        check(explain_choice(place, WISH, {}))
    for place in rota.passed_over:
        assert set(place.reasons) <= set(PASSED)
        check(explain_passed_over(place, WISH, {}))


def check(told: Any) -> None:
    assert CHINESE.search(told.zh)
    assert "{" not in told.zh
    assert told.zh.endswith("。")
    assert SENTENCE_EN.match(told.en), told.en


def test_every_template_can_be_filled() -> None:
    for basis in (*LEVELS, "prior"):
        assert basis in SCOPES
        candidate = replace(USTB, estimate=replace(USTB.estimate, basis=basis))
        check(explain_choice(Place(candidate, 1, 0.5, 1, 1, tuple(CHOSEN)), WISH, {}))
        check(explain_passed_over(Place(candidate, 1, 0.5, 1, 1, tuple(PASSED)), WISH, {}))


@pytest.mark.parametrize(
    ("policy", "service"),
    [
        (LibraryPolicy(paused=True), "copy"),
        (LibraryPolicy(lends=False), "loan"),
        (LibraryPolicy(copies=False), "copy"),
        (LibraryPolicy(copies=False, lends=False), "copy_or_loan"),
        (LibraryPolicy(max_pages=19), "copy"),
        (LibraryPolicy(only_for=("CAPITAL",)), "copy"),
        (LibraryPolicy(not_materials=("book",)), "copy"),
        (None, "copy"),
    ],
)
def test_what_a_library_s_policy_forbids_has_words(policy: LibraryPolicy | None, service: str) -> None:
    known = {"USTB": Library("USTB", "北京科技大学图书馆", "USTB", "BALIS")}
    network = Network(known if policy else {}, {"USTB": policy} if policy else {})
    code = excluded(network, "RUC", "USTB", Wish(Citation(pages="1-20"), service=service))
    assert code in PASSED and code in vocabulary().causes
