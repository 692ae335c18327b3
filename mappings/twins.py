"""880 of MARC21: the same field in the other script, tied to its partner by $6.

`880 $6 245-02/$1 …` is the twin of `245 $6 880-02 …`. Number 00 says that there is no partner: such a field
stands for a field of its own. So does one whose partner is missing, since its text is all there is; but there is
one title only, so a 245 finds its partner whatever the numbers say.
"""

from __future__ import annotations

from msgspec import Struct

from mappings.fields import Field

_Key = tuple[str, str]  # tag, number of the link
_TITLE = "245"


class Twins(Struct, frozen=True):
    fields: tuple[Field, ...]  # ordinary ones, and twins without a partner under the tag that they stand for
    partnered: tuple[Field, ...]  # twins that have one, under the tag of their partner
    by_link: dict[_Key, Field]

    def partner(self, field: Field) -> Field | None:
        """The twin of an ordinary field."""
        link = _link(field)
        return self.by_link.get((field[0], link[1])) if link else None


def _link(field: Field) -> _Key | None:
    """Tag and number in $6: 880-02 or 245-02/$1."""
    for code, value in field[2]:
        if code == "6":
            tag, dash, number = value.strip()[:6].partition("-")
            return (tag, number) if dash and len(tag) == 3 and len(number) == 2 else None
    return None


def find_twins(fields: tuple[Field, ...], alt: str) -> Twins:
    ordinary = [field for field in fields if field[0] != alt]
    wanted = set()
    for field in ordinary:
        link = _link(field)
        if link is not None and link[0] == alt:
            wanted.add((field[0], link[1]))
    has_title = any(field[0] == _TITLE for field in ordinary)
    alone: list[Field] = []
    partnered: list[Field] = []
    by_link: dict[_Key, Field] = {}
    for field in fields:
        if field[0] != alt:
            continue
        link = _link(field)
        if link is None:
            continue
        meant = (link[0], field[1], field[2])
        if (link in wanted and link[1] != "00") or (link[0] == _TITLE and has_title):
            by_link.setdefault(link, meant)
            partnered.append(meant)
        else:
            alone.append(meant)
    return Twins((*ordinary, *alone), tuple(partnered), by_link)
