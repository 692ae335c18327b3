"""Contact data that people type in: what each may be, and what must not be asked for."""

from __future__ import annotations

import re
from collections.abc import Mapping

from search_api.vocabulary import Words

LONGEST = {"login": 100, "name": 100, "email": 200, "phone": 30, "card": 40}
"""Characters."""

_EMAIL = re.compile(r"[^\s@<>,;:\"()\\]+@[^\s@<>,;:\"()\\]+\.[^\s@<>,;:\"()\\.]+")
_PHONE = re.compile(r"\+?[0-9][0-9 ()-]{4,}")
_IDENTITY = re.compile(r"[1-9][0-9]{16}[0-9Xx]")

TOO_LONG = Words("内容太长。", "This is too long.")
UNPRINTABLE = Words("含有无法显示的字符。", "There are characters in it that can't be shown.")
BAD_EMAIL = Words("电子邮箱的格式不对。", "This is not an e-mail address.")
BAD_PHONE = Words(
    "电话号码只能含数字、空格、括号和连字符。", "A telephone number has figures, blanks, brackets and hyphens."
)
IDENTITY = Words(
    "请不要填写身份证号：本系统不收集身份证号。请填写读者证上的证号。",
    "Don't give an identity-card number: we don't keep any. Give the number of the library card.",
)


def complaints(told: Mapping[str, str]) -> dict[str, Words]:
    """What is wrong, by field. Empty fields are for the caller to miss."""
    found: dict[str, Words] = {}
    for field, value in told.items():
        text = value.strip()
        if len(text) > LONGEST[field]:
            found[field] = TOO_LONG
        elif not text.isprintable():
            found[field] = UNPRINTABLE
        elif is_identity_number(text):
            found[field] = IDENTITY
        elif field == "email" and text and not _EMAIL.fullmatch(text):
            found[field] = BAD_EMAIL
        elif field == "phone" and text and not _PHONE.fullmatch(text):
            found[field] = BAD_PHONE
    return found


def is_identity_number(text: str) -> bool:
    """An identity-card number of the People's Republic: 18 figures of which the last checks (GB 11643, ISO 7064)."""
    if not _IDENTITY.fullmatch(text):
        return False
    total = sum(int(figure) * pow(2, 17 - place, 11) for place, figure in enumerate(text[:17]))
    return "10X98765432"[total % 11] == text[17].upper()
