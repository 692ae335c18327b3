"""Languages as people write them are counted by one code each."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.requests import Citation
from mappings.translation_maps import load_map
from routing.citations import clean
from routing.language_codes import language_code


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("zho", "chi"), ("zh", "chi"), ("CHI", "chi"), ("中文", "chi"), (" zh_CN ", "chi"), ("fra", "fre"),
        ("fre", "fre"), ("Deutsch", "ger"), ("en-AU", "eng"), ("chv", "chv"), ("und", ""), ("", ""),
        ("火星文", "火星文"), ("Klingon", "Klingon"),
    ],
)  # fmt: skip
def test_every_spelling_is_one_code(written: str, code: str) -> None:
    assert language_code(written) == code
    assert clean(Citation(title="史记", language=written)).language == code


@given(st.sampled_from([*load_map("languages"), "x", "zh-"]) | st.text(max_size=12))
def test_a_code_stays_what_it_is(written: str) -> None:
    code = language_code(written)
    assert language_code(code) == code
