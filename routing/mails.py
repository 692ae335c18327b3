"""The words of mails, in Chinese and English: templates are data (routing/templates/*.yaml), checked at loading.

Invariant: a subject is one line, and neither subject nor text holds a control character, whatever stands in a title or
a name: nothing that came from outside can begin a header, where it is written as the text that it is
(tongcang/sending/mail.py).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import date, datetime, tzinfo
from functools import cache
from importlib.resources import files
from typing import Any, Literal, TypeVar

import jinja2
import msgspec
import yaml
from msgspec import Struct

from mappings.requests import Citation
from routing.citations import FIELD_WORDS as _MISSING
from routing.messages import MAIL_KINDS, Body, Party
from routing.wording import Pair, Vocabulary, vocabulary

T = TypeVar("T")

Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = ("zh", "en")

LONGEST_SUBJECT = 150
LONGEST_VALUE = 500
"""Characters of a title or of somebody's note that a mail shows."""

RULE = "\n\n———\n\n"
"""Between the two languages of a mail to a library."""

_FILES = ("reader.yaml", "officer.yaml", "supplier.yaml")
_SHOWN = (
    "title", "author", "article_title", "article_author", "isbn", "issn", "doi", "number", "date", "volume", "issue",
    "pages", "part", "edition", "publisher", "place", "series", "degree_body", "degree",
)  # fmt: skip


class MailError(ValueError):
    """A file of templates can't be used. The message says which one and what is wrong."""


class Mail(Struct, frozen=True):
    """One mail's words."""

    subject: str
    text: str


class _Words(Struct, frozen=True, forbid_unknown_fields=True):
    subject: str
    body: str


class _Template(Struct, frozen=True, forbid_unknown_fields=True):
    zh: _Words
    en: _Words


class _Compiled(Struct, frozen=True):
    subject: jinja2.Template
    body: jinja2.Template


def compose(
    kind: str, body: Body, languages: tuple[Language, ...], *, link: str, zone: tzinfo, salutation: str = ""
) -> Mail:
    """The mail of that kind, in one language or in both, one after the other.

    `link`: where it can be acted on. `zone`: in which days are told. `salutation`: a reader's name; "" = none.
    """
    templates = _templates()
    parts = []
    for language in languages:
        words = templates[kind, language]
        context = _context(body, language, zone) | {"link": link, "salutation": one_line(salutation)}
        parts.append((one_line(words.subject.render(context)), plain(words.body.render(context)).strip()))
    subject = one_line(" / ".join(subject for subject, _ in parts))
    return Mail(subject[:LONGEST_SUBJECT], RULE.join(text for _, text in parts) + "\n")


def plain(text: str) -> str:
    """Without control characters, marks that turn the direction of writing, and halves of characters; lines stay."""
    return "".join(character for character in text.replace("\r\n", "\n") if _is_harmless(character))


def one_line(text: str) -> str:
    return re.sub(r"\s+", " ", plain(re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", " ", text))).strip()


def _is_harmless(character: str) -> bool:
    if character in "\n\t":
        return True
    category = unicodedata.category(character)
    return (
        category not in ("Cc", "Cs", "Zl", "Zp")
        and not "\u202a" <= character <= "\u202e"
        and (not "\u2066" <= character <= "\u2069")
    )


# ---------------------------------------------------------------------------------------------- what templates see


def _context(body: Body, language: Language, zone: tzinfo) -> dict[str, Any]:
    words = vocabulary()

    def told(table: Mapping[str, Pair], code: str) -> str:
        return getattr(table[code], language) if code in table else one_line(code)[:LONGEST_VALUE]

    def day(name: str) -> str:
        return _day(str(body.data.get(name, "")), language, zone)

    citation = body.wish.citation if body.wish else Citation()
    return {
        "number": body.request,
        "title": one_line(citation.article_title or citation.title)[:LONGEST_VALUE],
        "citation": _lines(citation, words, language),
        "service": told(words.services, body.wish.service if body.wish else ""),
        "level": told(words.levels, body.level),
        "rush": body.level == "rush",
        "need_before": one_line(body.wish.need_before) if body.wish else "",
        "requester": _named(body.requester, language),
        "supplier": _named(body.supplier, language),
        "toward": _named(body.toward, language),
        "asked": body.asked,
        "expected": _day(body.expected, language, zone),
        "reason": told({**words.causes, **words.messages, **words.conditions}, body.reason),
        "missing": [_MISSING[code][LANGUAGES.index(language)] for code in body.missing if code in _MISSING],
        "error": one_line(body.error)[:LONGEST_VALUE],
        "cost": _yuan(body.data.get("cost")),
        "note": one_line(str(body.data.get("text") or body.data.get("note") or ""))[:LONGEST_VALUE],
        "action_due": day("action_due"),
        "until": day("until"),
        "loan_due": day("loan_due"),
        "is_loan": bool(body.data.get("loan_due")),
    }


def _lines(citation: Citation, words: Vocabulary, language: Language) -> list[str]:
    """What is asked for, a line for each field that is known."""
    colon = "：" if language == "zh" else ": "
    found = []
    for field in _SHOWN:
        value = one_line(getattr(citation, field))[:LONGEST_VALUE]
        if value:
            found.append(f"{getattr(words.fields[field], language)}{colon}{value}")
    return found


def _named(party: Party | None, language: Language) -> str:
    if party is None:
        return ""
    return one_line(getattr(party, f"name_{language}") or party.name_zh or party.symbol)


def _day(text: str, language: Language, zone: tzinfo) -> str:
    """An ISO date, or the day of an ISO time, for people; "" where it is neither."""
    try:
        if len(text) > 10:
            moment = datetime.fromisoformat(text)
            day = (moment.astimezone(zone) if moment.tzinfo else moment).date()
        else:
            day = date.fromisoformat(text)
    except ValueError:
        return ""
    return f"{day.year}年{day.month}月{day.day}日" if language == "zh" else f"{day.day} {day:%B} {day.year}"


def _yuan(fen: object) -> str:
    return f"¥{fen // 100}.{fen % 100:02}" if isinstance(fen, int) and fen > 0 else ""


# ---------------------------------------------------------------------------------------------- loading


@cache
def _templates() -> dict[tuple[str, str], _Compiled]:
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False
    )
    found: dict[tuple[str, str], _Compiled] = {}
    for name in _FILES:
        for kind, template in _load(name, dict[str, _Template]).items():
            for language in LANGUAGES:
                words: _Words = getattr(template, language)
                found[kind, language] = _compiled(environment, words, f"{name}: {kind}.{language}")
    lacking = [kind for kind in MAIL_KINDS if (kind, "zh") not in found]
    if lacking:
        raise MailError(f"routing/templates has no mail {', '.join(lacking)}.")
    return found


def _compiled(environment: jinja2.Environment, words: _Words, where: str) -> _Compiled:
    if "\n" in words.subject.strip():
        raise MailError(f"routing/templates/{where}: the subject has more than one line.")
    try:
        return _Compiled(environment.from_string(words.subject), environment.from_string(words.body))
    except jinja2.TemplateSyntaxError as error:
        raise MailError(f"routing/templates/{where}, line {error.lineno}: {error.message}.") from error


def _load(name: str, kind: type[T]) -> T:
    text = files("routing").joinpath("templates", name).read_text(encoding="utf-8")
    try:
        return msgspec.convert(yaml.safe_load(text), kind)
    except (yaml.YAMLError, msgspec.ValidationError) as error:
        raise MailError(f"routing/templates/{name}: {error}") from error
