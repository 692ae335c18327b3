"""The fold: what must meet, what must not, and its invariants."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from indexer.text.fold import fold, fold_with_offsets

# Texts as catalogues have them, and everything that Unicode allows besides.
texts = st.text(max_size=30) | st.text(
    "紅樓夢红楼梦ａＢß ﬁｶﾞが㈱é́ǚĳŉİΐΣς각\u1100\u1161\u11a8\u0301\ufe00·，0９", max_size=30
)


@pytest.mark.parametrize(
    "alike",
    [
        "乾干乹榦", "后後", "里裡裏", "发髮發発", "台臺檯", "緖緒绪", "硏研", "着著", "於于", "戶户戸", "爲為为",
        "敎教", "兪俞", "眞真", "靑青", "么麼麽", "鍾钟鐘锺", "說説说", "衛衞卫", "黒黑", "鄕鄉乡郷", "卽即", "旣既",
        "⻢马馬⾺", "敘叙敍", "裡里", "峯峰", "羣群", "綫線线缐", "强強彊", "国國囯圀", "体體軆", "〇○", "並并竝幷", 
        "餘余馀", "金\uf90a",
    ],
)  # fmt: skip
def test_glyphs_of_one_character_meet(alike: str) -> None:
    assert len({fold(glyph) for glyph in alike}) == 1
    assert len(fold(alike[0])) == 1


@pytest.mark.parametrize("apart", ["欠缺", "弁辨", "喆哲", "堃坤", "后厚", "沈沉", "云雨", "己已巳", "末未"])
def test_characters_of_their_own_stay_apart(apart: str) -> None:
    assert len({fold(character) for character in apart}) == len(apart)


@pytest.mark.parametrize(
    ("written", "folded"),
    [
        ("ＨＯＮＧ　ＬＯＵ　ＭＥＮＧ", "hong lou meng"),
        ("紅樓夢", "红楼梦"),
        ("Müller", "muller"),
        ("Mu\u0308ller", "muller"),
        ("hónglóu lǜ", "honglou lu"),
        ("Łódź, Đà Nẵng, Ørsted, Œuvre", "lodz, da nang, orsted, oeuvre"),
        ("Straße", "strasse"),
        ("Tsʻao Hsüeh-chʻin", "ts'ao hsueh-ch'in"),
        ("ガンダム ｶﾞﾝﾀﾞﾑ", "ガンダム ガンダム"),
        ("Чайковский", "чайковский"),
        ("红\u200b楼\u00ad梦\ufe00", "红楼梦"),
        ("㈱ ⅷ ½", "(株) viii 1⁄2"),
        ("𠮷野家", "𠮷野家"),
    ],
)
def test_spellings_fold(written: str, folded: str) -> None:
    assert fold(written) == folded


@given(texts)
@example("İ")
@example("ŉ\u0301")
def test_folding_twice_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(texts)
def test_offsets_belong_to_the_same_fold(text: str) -> None:
    folded, offsets = fold_with_offsets(text)
    assert folded == fold(text)
    assert len(offsets) == len(folded) + 1
    assert offsets == sorted(offsets)
    assert offsets[-1] == len(text)


@given(st.text("紅樓夢é Ａａ，가", min_size=1, max_size=20), st.data())
def test_offsets_point_at_what_was_folded(text: str, data: st.DataObject) -> None:
    folded, offsets = fold_with_offsets(text)
    start = data.draw(st.integers(0, len(folded) - 1))
    assert fold(text[offsets[start] : offsets[start + 1]]) == folded[start]


def test_offsets_pass_over_marks_and_expansions() -> None:
    assert fold_with_offsets("e\u0301ß红") == ("ess红", [0, 2, 2, 3, 4])


def test_every_han_character_stays_one() -> None:
    for code in (*range(0x3400, 0x4DC0), *range(0x4E00, 0xA000), *range(0x20000, 0x2A6E0)):
        folded = fold(chr(code))
        assert len(folded) == 1
        assert fold(folded) == folded, hex(code)


def test_every_character_alone_folds_for_good() -> None:
    """What the shortcut for plain text takes as plain must be so."""
    for code in range(0x10000):
        if unicodedata.category(chr(code)) not in ("Cn", "Cs", "Co"):
            folded, offsets = fold_with_offsets(chr(code))
            assert fold(folded) == folded, hex(code)
            assert set(offsets) <= {0, 1}
