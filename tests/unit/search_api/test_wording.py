"""Every sentence of the pages has its English; the language of a page is chosen as the reader wants."""

from __future__ import annotations

import re

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from search_api.pages.rendering import FOLDER
from search_api.pages.wording import TRANSLATIONS, choose_language, load_sentences

HAN = re.compile(r"[\u3400-\u9fff]")
PLACEHOLDER = re.compile(r"%\(\w+\)s")


def sentences() -> set[str]:
    found = set()
    for _file, _line, message, _comments, _context in extract_from_dir(FOLDER / "templates", [("**.html", "jinja2")]):
        assert isinstance(message, str)
        found.add(message)
    return found


def test_the_sentences_are_found_at_all() -> None:
    assert {"检索", "馆藏 %(count)s 家"} <= sentences()


def test_every_sentence_is_translated_and_no_translation_is_left_over() -> None:
    with (TRANSLATIONS / "en.po").open("rb") as file:
        entries = [entry for entry in read_po(file, locale="en") if entry.id]
    assert {str(entry.id) for entry in entries} == sentences()
    for entry in entries:
        assert entry.string and not entry.fuzzy, entry.id
        assert not HAN.search(str(entry.string)), entry.id
        assert PLACEHOLDER.findall(str(entry.string)) == PLACEHOLDER.findall(str(entry.id))


def test_templates_have_no_chinese_outside_of_sentences() -> None:
    for template in (FOLDER / "templates").glob("*.html"):
        text = re.sub(r'_\("[^"]*"', "", template.read_text("utf-8"))
        # The name of the other language stands in that language.
        assert HAN.findall(text.replace(">中文<", "").replace("中文{% endif %}", "")) == [], template.name


def test_chinese_is_the_sentence_itself() -> None:
    assert load_sentences("zh").gettext("检索") == "检索"
    assert load_sentences("en").gettext("检索") == "Search"


@pytest.mark.parametrize(
    ("asked", "remembered", "accept", "language"),
    [
        (None, None, "", "zh"),
        (None, None, "fr", "zh"),
        (None, None, "en-US,en;q=0.9,zh;q=0.8", "en"),
        (None, None, "en;q=0.5, zh-CN", "zh"),
        (None, None, "en;q=x,,;", "zh"),
        (None, "en", "zh-CN", "en"),
        ("zh", "en", "en", "zh"),
        ("xx", None, "en", "en"),
    ],
)
def test_language(asked: str | None, remembered: str | None, accept: str, language: str) -> None:
    assert choose_language(asked, remembered, accept) == language
