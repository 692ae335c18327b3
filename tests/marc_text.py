"""Source records written the way cataloguers read them, for tests."""

from __future__ import annotations

from mappings.fields import Field, SourceRecord

CNMARC_LEADER = "00000nam0 2200000   450 "
MARC21_LEADER = "00000nam a2200000 a 4500"


def field(line: str) -> Field:
    """`200 1  $a红楼梦$f曹雪芹著` or `001 01234`; # in indicators is a blank."""
    tag, rest = line[:3], line[4:]
    if "$" not in rest:
        return tag, "", (("", rest),)
    head, *parts = rest.split("$")
    indicators = (head + "  ")[:2].replace("#", " ")
    return tag, indicators, tuple((part[0], part[1:]) for part in parts if part)


def record(text: str, leader: str = CNMARC_LEADER) -> SourceRecord:
    lines = [line.strip() for line in text.strip().splitlines()]
    return SourceRecord(leader, tuple(field(line) for line in lines if line))
