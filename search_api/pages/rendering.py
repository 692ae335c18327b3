"""Templates to answers: one Jinja environment for each language, built at start-up."""

from __future__ import annotations

from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

from babel.dates import format_date
from babel.numbers import format_decimal
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from routing.calendar import CHINA
from search_api.access.guard import recognised
from search_api.citation import coins
from search_api.describing import material_words, publication, text_language, years
from search_api.pages.tones import tone
from search_api.pages.wording import COOKIE, COOKIE_SECONDS, choose_language, load_sentences
from search_api.policy import ROLE_NAMES, ever_allowed
from search_api.request_answers import Said
from search_api.settings import ApiSettings
from search_api.vocabulary import UI_LANGUAGES, Words, codes, words

FOLDER = Path(__file__).parent
HTML_LANG = {"zh": "zh-Hans", "en": "en"}


def environment(language: str, settings: ApiSettings) -> Environment:
    """Autoescape always, and an error for a name that a template misspells."""
    env = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    env.install_gettext_translations(load_sentences(language), newstyle=True)  # type: ignore[attr-defined]

    def say(value: Words | Said | None) -> str:
        return str(getattr(value, language)) if value else ""

    def number(value: int) -> str:
        return format_decimal(value, locale=language)

    def own(found: Any, name: str) -> str:
        """The field `<name>_zh` or `<name>_en` of an answer."""
        return str(getattr(found, f"{name}_{language}"))

    def day(value: datetime | date) -> str:
        """In Chinese time, with its year."""
        told = value.astimezone(CHINA).date() if isinstance(value, datetime) else value
        return str(format_date(told, "medium", locale=language))

    def moment(value: datetime) -> str:
        return f"{day(value)} {value.astimezone(CHINA):%H:%M}"

    def yuan(value: int) -> str:
        """Of fen."""
        return f"{'−' if value < 0 else ''}¥{abs(value) / 100:,.2f}"

    env.filters.update(say=say, number=number, own=own, day=day, moment=moment, yuan=yuan)
    env.globals.update(
        language=language,
        html_lang=HTML_LANG[language],
        settings=settings,
        notice=settings.notice_en if language == "en" else settings.notice_zh,
        codes=codes,
        words=words,
        role_names=ROLE_NAMES,
        coins=coins,
        years=years,
        material_words=material_words,
        publication=publication,
        text_language=text_language,
        tone=tone,
    )
    return env


class Pages:
    """Thread-safe."""

    def __init__(self, settings: ApiSettings) -> None:
        self._environments = {language: environment(language, settings) for language in UI_LANGUAGES}

    def language_of(self, request: Request) -> str:
        return choose_language(
            request.query_params.get("lang"),
            request.cookies.get(COOKIE),
            request.headers.get("accept-language", ""),
        )

    def render(self, request: Request, template: str, status: int = 200, **context: Any) -> HTMLResponse:
        """The page in the reader's language. A language asked for by ?lang= is remembered.

        Templates know `principal`, who asks, and `may(action)`. What is shown to somebody who has signed in is kept by
        no cache.
        """
        language = self.language_of(request)
        principal = recognised(request)
        body = (
            self._environments[language]
            .get_template(template)
            .render(
                **context,
                path=request.url.path,
                principal=principal,
                may=partial(ever_allowed, principal),
                other_language_url=_in_language(request, "zh" if language == "en" else "en"),
            )
        )
        response = HTMLResponse(
            body,
            status,
            {
                "Content-Language": HTML_LANG[language],
                "Vary": "Accept-Language, Cookie",
                "Cache-Control": "private, no-store" if principal.known else "no-cache",
            },
        )
        if request.query_params.get("lang") in UI_LANGUAGES:
            remember_language(response, language)
        return response


def remember_language(response: Response, language: str) -> None:
    response.set_cookie(COOKIE, language, max_age=COOKIE_SECONDS, httponly=True, samesite="lax")


def _in_language(request: Request, language: str) -> str:
    """This page in another language."""
    pairs = [(name, value) for name, value in parse_qsl(request.url.query) if name != "lang"]
    return f"{request.url.path}?{urlencode([*pairs, ('lang', language)])}"
