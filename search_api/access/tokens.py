"""Secrets that we hand out: tokens of sessions, API keys, one-time codes. Only their SHA-256 is kept.

Each has at least 80 random bits, so a plain hash is enough: there is nothing to guess from a list.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets

KEY_START = "tck_"

_KEY = re.compile(r"tck_([a-z0-9]{10})_[A-Za-z0-9_-]{43}")
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's: no I, L, O, U, so that a code can be read out over the telephone."""

_READ_AS = str.maketrans("ILO", "110", " -‐–—")


def new_token() -> str:
    """Of a session: 256 bits."""
    return secrets.token_urlsafe(32)


def new_key() -> tuple[str, str]:
    """(API key, its prefix): tck_, a prefix to look it up by, 256 bits."""
    prefix = "".join(secrets.choice("abcdefghijklmnopqrstuvwxyz0123456789") for _ in range(10))
    return f"{KEY_START}{prefix}_{secrets.token_urlsafe(32)}", prefix


def key_prefix(key: str) -> str | None:
    """None = it is none of ours."""
    found = _KEY.fullmatch(key)
    return found[1] if found else None


def new_code() -> str:
    """One-time code for setting a password: 80 bits, as a person types it from a slip of paper."""
    drawn = "".join(secrets.choice(_ALPHABET) for _ in range(16))
    return "-".join(drawn[start : start + 4] for start in range(0, 16, 4))


def code_hash(code: str) -> str:
    """Case, blanks and hyphens are no matter, and I, L, O are read as 1, 1, 0."""
    return token_hash(code.upper().translate(_READ_AS))


def token_hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def csrf_of(token: str) -> str:
    """What the forms of a session show: it can be made of the session's token, and tells nothing of that."""
    return hmac.new(token.encode(), b"csrf", hashlib.sha256).hexdigest()


def same(one: str, other: str) -> bool:
    """In a time that says nothing of where they differ."""
    return hmac.compare_digest(one.encode("utf-8", "surrogatepass"), other.encode("utf-8", "surrogatepass"))
