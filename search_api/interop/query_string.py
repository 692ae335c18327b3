"""Query strings of unknown charset: bytes to names and values. Pure; never raises."""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import unquote_to_bytes

MOST_PAIRS = 200
LONGEST_QUERY = 32_768  # bytes


def decode_query(raw: bytes) -> list[tuple[str, str]]:
    """Names and values of a query string, in UTF-8 or in GB18030, as Chinese vendors send it, or in Windows-1252; also
    %uXXXX, as the escape() of old pages writes it. What is in none of them gets U+FFFD."""
    if len(raw) > LONGEST_QUERY:
        raw = raw[:LONGEST_QUERY].rpartition(b"&")[0]
    parts = [part.partition(b"=") for part in raw.split(b"&") if part][: MOST_PAIRS + 1]
    pairs = [(_bytes(name), _bytes(value)) for name, _, value in parts]
    chinese = any(map(_looks_gb, (value for _, value in pairs))) or _declared_gb(pairs)
    return [(_text(name, chinese).removeprefix("amp;"), _text(value, chinese)) for name, value in pairs]


def _bytes(piece: bytes) -> bytes:
    return unquote_to_bytes(piece.replace(b"+", b" "))


def _declared_gb(pairs: Sequence[tuple[bytes, bytes]]) -> bool:
    """ctx_enc=info:ofi/enc:GB18030, where all of it can be read so."""
    declared = any(name == b"ctx_enc" and re.search(rb"gb[k\d]", value.lower()) for name, value in pairs)
    return declared and all(_decoded(value, "gb18030") is not None for _, value in pairs)


def _looks_gb(data: bytes) -> bool:
    """No UTF-8, and high bytes in pairs; single ones are those of western letters."""
    if data.isascii() or _decoded(data, "utf-8") is not None:
        return False
    return _PAIR.search(data) is not None and _decoded(data, "gb18030") is not None


_PAIR = re.compile(rb"[\x81-\xfe]{2}")


def _decoded(data: bytes, charset: str) -> str | None:
    try:
        return data.decode(charset)
    except UnicodeDecodeError:
        return None


def _text(data: bytes, chinese: bool) -> str:
    """Beside values in GB18030, short ones in it may pass for UTF-8 of two bytes a character; its Chinese has three."""
    text = _decoded(data, "utf-8")
    if text is None and not _PAIR.search(data):
        text = _decoded(data, "cp1252")
    if text is None or (chinese and not text.isascii() and max(text) < "\u0800"):
        text = _decoded(data, "gb18030") or text
    text = data.decode("utf-8", "replace") if text is None else text
    return _ESCAPED.sub(_unescaped, text) if "%u" in text else text


_ESCAPED = re.compile(r"(?:%u[0-9A-Fa-f]{4})+")


def _unescaped(found: re.Match[str]) -> str:
    return bytes.fromhex(found.group().replace("%u", "")).decode("utf-16-be", "replace")
