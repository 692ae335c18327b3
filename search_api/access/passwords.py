"""Passwords: which are good enough, and how they are kept."""

from __future__ import annotations

import re
import threading
import unicodedata
from itertools import pairwise
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from search_api.vocabulary import Words

SHORTEST = 10
LONGEST = 200
"""Characters. Longer ones only cost time."""

COMMON = frozenset((Path(__file__).parent / "common_passwords.txt").read_text("utf-8").split())
"""The middle of passwords that people choose most: alone, or with figures and signs around it, they are refused."""

_WALKS = ("abcdefghijklmnopqrstuvwxyz", "01234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm", "1qaz2wsx3edc4rfv5tgb")
_AROUND = re.compile(r"^[\W\d_]+|[\W\d_]+$")
_SIGNS = re.compile(r"[\W_]")


class Passwords:
    """Argon2id by OWASP's smallest parameters: 19 MiB, two passes; some 30 ms on two busy cores. Thread-safe.

    At most `at_once` are worked on, so that a flood of sign-ins takes neither the memory nor all cores.
    """

    def __init__(self, at_once: int = 4) -> None:
        self._hasher = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)
        self._room = threading.BoundedSemaphore(at_once)
        self._nobodys = self._hasher.hash("nobody's")

    def hash(self, password: str) -> str:
        with self._room:
            return self._hasher.hash(_as_bytes(password))

    def verify(self, hashed: str, password: str) -> bool:
        """A `hashed` of "" (no such login, or no password) takes as long as a wrong password."""
        with self._room:
            try:
                fits = self._hasher.verify(hashed or self._nobodys, _as_bytes(password))
            except (VerificationError, InvalidHashError):
                return False
        return fits and hashed != ""

    def outdated(self, hashed: str) -> bool:
        """Made by other parameters than today's: to be hashed anew, now that the password is at hand."""
        return self._hasher.check_needs_rehash(hashed)


def complaint(password: str, *known: str) -> Words | None:
    """Why the password can't be taken; None = it can. `known`: login, name and the like, which others know too."""
    if len(password) < SHORTEST:
        return Words(f"密码至少需 {SHORTEST} 个字符。", f"A password needs at least {SHORTEST} characters.")
    if len(password) > LONGEST:
        return Words(f"密码最多 {LONGEST} 个字符。", f"A password has at most {LONGEST} characters.")
    folded = unicodedata.normalize("NFKC", password).casefold()
    if _is_common(folded):
        return Words(
            "这个密码太常见，容易被猜中。请另想一个，例如几个互不相干的词。",
            "This password is a common one and easily guessed. Think of another, such as a few unrelated words.",
        )
    if any(_long_enough(each) and unicodedata.normalize("NFKC", each).casefold() in folded for each in known):
        return Words(
            "密码中不能含有登录名、姓名或证号。",
            "The password must not contain your login, name or card number.",
        )
    return None


def _long_enough(known: str) -> bool:
    """To be more than chance: four letters or figures, or the two characters of a name."""
    return len(known) >= (4 if known.isascii() else 2)


def _is_common(folded: str) -> bool:
    """One of the list whatever figures and signs stand around or in it, few different characters, or a walk over the
    keyboard."""
    if len(set(folded)) < 5:
        return True
    middle = _AROUND.sub("", folded)
    forms = {middle, _SIGNS.sub("", folded), _SIGNS.sub("", middle)}
    return any(form in COMMON or _is_walk(form) for form in forms) or (middle == "" and len(set(folded)) < 7)


def _is_walk(text: str) -> bool:
    """Made of steps to the next key, or of one piece again and again."""
    if len(text) < 6:
        return False
    steps = sum(any(pair in walk or pair[::-1] in walk for walk in _WALKS) for pair in map("".join, pairwise(text)))
    repeated = any(text == (text[:size] * len(text))[: len(text)] for size in range(1, len(text) // 2 + 1))
    return repeated or steps >= 0.8 * (len(text) - 1)


def _as_bytes(password: str) -> bytes:
    """One text, however the keyboard composed it."""
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")
