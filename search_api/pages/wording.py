"""The sentences of the pages. They are written in Chinese in the templates; translations/en.po has the English.

The .po file is read at start-up, so that there is nothing to compile and nothing to forget.
"""

from __future__ import annotations

import gettext
from collections.abc import Mapping
from pathlib import Path

from babel.messages.pofile import read_po

from search_api.vocabulary import UI_LANGUAGES

TRANSLATIONS = Path(__file__).parent / "translations"
COOKIE = "lang"
COOKIE_SECONDS = 365 * 24 * 3600


class Sentences(gettext.NullTranslations):
    """The sentences in one language. What has no translation stays Chinese (a test sees to it that all have one)."""

    def __init__(self, known: Mapping[str, str]) -> None:
        super().__init__()
        self._known = known

    def gettext(self, message: str) -> str:
        return self._known.get(message, message)


def load_sentences(language: str) -> Sentences:
    if language == "zh":
        return Sentences({})
    with (TRANSLATIONS / f"{language}.po").open("rb") as file:
        catalog = read_po(file, locale=language)
    return Sentences({str(entry.id): str(entry.string) for entry in catalog if entry.id and entry.string})


def choose_language(asked: str | None, remembered: str | None, accept: str) -> str:
    """The language of a page: as asked by ?lang=, else as remembered by the cookie, else as the browser likes best."""
    for told in (asked, remembered):
        if told in UI_LANGUAGES:
            return told
    liked: list[tuple[float, str]] = []
    for part in accept.split(","):
        tag, _, rest = part.strip().partition(";")
        weight = rest.strip().removeprefix("q=") if rest else "1"
        language = tag[:2].lower()
        if language in UI_LANGUAGES and weight.replace(".", "", 1).isdigit():
            liked.append((-float(weight), language))
    # sorted() is stable: of equal weights the one that was said first.
    return sorted(liked, key=lambda each: each[0])[0][1] if liked else UI_LANGUAGES[0]
