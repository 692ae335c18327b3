from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.responsibility import bodies, persons, role, roles


@pytest.mark.parametrize(
    ("word", "codes"),
    [
        ("著", ("aut",)),
        ("着", ("aut",)),  # 著, as simplified by machine
        (" 主编", ("edt",)),
        ("主編", ("edt",)),
        ("编着", ("aut", "edt")),
        ("译", ("trl",)),
        ("译注", ("trl", "cwt")),
        ("author.", ("aut",)),
        ("Translator", ("trl",)),
        ("070", ("aut",)),
        ("http://id.loc.gov/vocabulary/relators/ill", ("ill",)),
        ("aut", ("aut",)),
        ("题签", ("题签",)),  # unknown: as written
        (" ", ()),
    ],
)
def test_roles_become_relator_codes(word: str, codes: tuple[str, ...]) -> None:
    assert role(word) == codes


@pytest.mark.parametrize(
    ("statement", "people", "codes"),
    [
        ("(法)安托万·德·圣·埃克苏佩里著", ("安托万·德·圣·埃克苏佩里",), ("aut",)),
        ("马月坤，陈昊主编", ("马月坤", "陈昊"), ("edt",)),
        ("郝小礼等编著", ("郝小礼",), ("aut", "edt")),
        ("主编季野, 张西明, 张弢...[等]", ("季野", "张西明", "张弢"), ("edt",)),
        ("李智民 刘璐 张健杰", ("李智民", "刘璐", "张健杰"), ()),
        ("(英)J.K.罗琳着", ("J.K.罗琳",), ("aut",)),
        (
            "乔尔·D. 威斯纳(Joel D.Wisner), 琳达·L. 斯坦利(Linda L. Stanley)著",
            ("乔尔·D. 威斯纳", "琳达·L. 斯坦利"),
            ("aut",),
        ),
        ("〔清〕曹雪芹撰", ("曹雪芹",), ("aut",)),
        ("Shalom Ratsabi", (), ()),
        ("根据同名电影整理而成的普及读本", (), ()),
    ],
)
def test_people_out_of_a_statement(statement: str, people: tuple[str, ...], codes: tuple[str, ...]) -> None:
    assert persons(statement) == people
    assert roles(statement) == codes


def test_bodies_are_told_from_people() -> None:
    assert bodies("国家统计局编") == ("国家统计局",)
    assert persons("国家统计局编") == ()


@given(st.text(alphabet="著编主译等，、;； [](法)王小明Aa1", max_size=30))
def test_no_statement_breaks_it(statement: str) -> None:
    for name in (*persons(statement), *bodies(statement)):
        assert name == name.strip() != ""
    assert all(roles(statement))
