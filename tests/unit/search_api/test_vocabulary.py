"""Every code of the record model has a word in both languages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from indexer.text.planner import SEARCHED
from indexer.text.words import KEYWORD_NAMES
from mappings.model import CARRIERS, MATERIALS
from search_api import vocabulary
from search_api.finding import NUMBER_TYPES, WORTH
from search_api.queries import FACETS
from search_api.vocabulary import Words, availability, html_language, words

MODEL = Path(vocabulary.__file__).parents[1] / "mappings" / "model.py"


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("materials", set(MATERIALS)),
        ("carriers", set(CARRIERS)),
        ("identifiers", {*NUMBER_TYPES, "isbn", "issn"}),
        ("bases", set(WORTH)),
        ("filters", set(FACETS)),
        ("fields", {*SEARCHED, *KEYWORD_NAMES}),
    ],
)
def test_lists_are_whole(name: str, known: set[str]) -> None:
    assert known <= set(vocabulary.codes(name))


def test_statuses_are_those_of_the_model() -> None:
    (line,) = re.findall(r'status: str = ""  # (available.+)', MODEL.read_text("utf-8"))
    assert set(re.findall(r"\w+", line.partition(";")[0])) | {""} == set(vocabulary.codes("statuses"))


def test_kinds_of_titles_are_those_of_the_model() -> None:
    (line,) = re.findall(r'kind: str = "variant"  # (.+)', MODEL.read_text("utf-8"))
    assert set(re.findall(r"\w+", line)) == set(vocabulary.codes("titles"))


def test_words() -> None:
    assert words("roles", "trl") == Words("译", "Translator")
    assert words("roles", "口述") == Words("口述", "口述")
    assert words("languages", "chi") == Words("中文", "Chinese")
    assert words("languages", "tib") == Words("藏语", "Tibetan")
    assert words("languages", "xxx") == Words("xxx", "xxx")
    assert words("classes", "TP311") == Words("TP311 自动化、计算机技术", "TP311 Automation and computing")
    assert availability(False).in_language("en") == "Can't supply now"
    assert [html_language(code) for code in ("chi", "ger", "zzz")] == ["zh", "de", ""]


def test_every_entry_has_chinese_and_english() -> None:
    for name in vocabulary._lists():
        for code in vocabulary.codes(name):
            both = words(name, code)
            assert both.zh and both.en, (name, code)
            assert not re.search(r"[\u3400-\u9fff]", both.en), (name, code)
