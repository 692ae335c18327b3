"""ISO 2709 records built in code, sound ones: tests damage them themselves."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from pymarc.marc8_mapping import CODESETS

Content = tuple[str, str]  # tag, content with $ before each subfield code: "1 $a红楼梦"

CNMARC = "nam0 22{base:05}   450 "
MARC21 = "nam  22{base:05} a 4500"


def iso2709(fields: Sequence[Content], charset: str = "utf-8", leader: str = CNMARC) -> bytes:
    """The record; `leader` is all of it but the length."""
    bodies = [encoded(content.replace("$", "\x1f"), charset) for _, content in fields]
    return assembled([tag for tag, _ in fields], bodies, leader)


def assembled(tags: Sequence[str], bodies: Sequence[bytes], leader: str = CNMARC) -> bytes:
    directory, at = "", 0
    for tag, body in zip(tags, bodies, strict=True):
        directory += f"{tag}{len(body) + 1:04}{at:05}"
        at += len(body) + 1
    base = 25 + len(directory)
    head = f"{base + at + 1:05}{leader.format(base=base)}{directory}\x1e".encode()
    return head + b"".join(body + b"\x1e" for body in bodies) + b"\x1d"


def chinese(number: int, title: str = "红楼梦", charset: str = "utf-8") -> bytes:
    """A small CNMARC record with 001 = twelve digits of the number."""
    return iso2709(
        [
            ("001", f"{number:012}"),
            ("005", "20240101000000.0"),
            ("010", "  $a978-7-02-000220-7$dCNY59.70"),
            ("100", "  $a20200101d2019    em y0chiy0110    ea"),
            ("101", "0 $achi"),
            ("200", f"1 $a{title}$9hong lou meng$f曹雪芹著$g高鹗续"),
            ("210", "  $a北京$c人民文学出版社$d2019"),
            ("606", "0 $a章回小说$y中国$z清代"),
            ("690", "  $aI242.4$v5"),
            ("701", " 0$a曹雪芹$4著"),
            ("905", "  $aRUC$dI242.4$e123"),
        ],
        charset,
    )


def western(number: int, title: str = "Les Misérables", charset: str = "utf-8") -> bytes:
    """A small MARC21 record."""
    return iso2709(
        [
            ("001", f"w{number}"),
            ("008", "200101s2019    fr            000 1 fre  "),
            ("020", "  $a9782070409228"),
            ("100", "1 $aHugo, Victor,$d1802-1885."),
            ("245", f"10$a{title} /$cVictor Hugo ; préface de Jérôme Bédier."),
            ("260", "  $aParis :$bÉditions du Chêne,$c2019."),
            ("852", "  $aCLCN$hPQ2286$p31234"),
        ],
        charset,
        MARC21,
    )


def marcxml(number: int, title: str = "红楼梦", prefix: str = "") -> str:
    """A record element without a declared namespace; `prefix` as in "marc:"."""
    p = prefix
    return (
        f"<{p}record><{p}leader>00000nam0 2200000   450 </{p}leader>"
        f'<{p}controlfield tag="001">{number:012}</{p}controlfield>'
        f'<{p}datafield tag="200" ind1="1" ind2=" "><{p}subfield code="a">{title}</{p}subfield>'
        f'<{p}subfield code="f">曹雪芹著</{p}subfield></{p}datafield></{p}record>'
    )


_ANSEL = {chr(code): byte for byte, (code, _) in reversed(CODESETS[0x45].items())}


def encoded(text: str, charset: str) -> bytes:
    """The text in a charset of ours; raises UnicodeEncodeError where it has no such characters."""
    return _marc8(text) if charset == "marc-8" else text.encode(charset)


def _marc8(text: str) -> bytes:
    out = bytearray()
    letters: list[list[str]] = []
    for character in unicodedata.normalize("NFD", text):
        if unicodedata.combining(character) and letters:
            letters[-1].append(character)
        else:
            letters.append([character])
    for letter, *marks in letters:
        for character in [*marks, letter]:
            if ord(character) < 0x80:
                out += character.encode()
            elif character in _ANSEL:
                out.append(_ANSEL[character])
            else:
                raise UnicodeEncodeError("marc-8", character, 0, 1, "not in ANSEL")
    return bytes(out)
