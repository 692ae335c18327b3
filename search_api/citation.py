"""How a publication is cited: GB/T 7714-2015 as text, and COinS (OpenURL 1.0) for reference managers. Pure.

A record that lacks an element gives a shorter citation, never an invented one (no [S.l.], no [s.n.]).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import urlencode

from mappings.model import Agent, BibRecord
from search_api.answers import SearchHit

_MARKS = {
    "book": "M", "serial": "J", "article": "J", "thesis": "D", "rare_book": "M", "manuscript": "M", "score": "M",
    "map": "CM", "electronic": "EB",
}  # fmt: skip
"""Type letters of GB/T 7714-2015, table A.1; everything else is Z."""

_CARRIER_MARKS = {"online": "/OL", "electronic": "/CD", "microform": "/MT"}
_MAKERS = ("aut", "cre", "cmp", "art", "com", "edt", "ctb")
_HAN = re.compile(r"[\u3400-\u9fff\U00020000-\U0003ffff]")


def gbt7714(bib: BibRecord) -> str:
    """张三, 李四. 题名: 副题名[M]. 译者, 译. 2版. 北京: 出版社, 2019: 320."""
    named = [agent for agent in bib.agents if agent.kind != "meeting"]
    makers = _makers(named)
    title = ": ".join(part for part in (_whole_title(bib), bib.subtitle) if part)
    mark = _MARKS.get(bib.material, "Z") + _CARRIER_MARKS.get(bib.carrier, "")
    pieces = [_people(makers), f"{title}[{mark}]"]
    translators = [agent for agent in named if "trl" in agent.roles and agent not in makers]
    if translators:
        pieces.append(_people(translators) + (", 译" if _HAN.search(translators[0].name) else ", trans"))
    pieces.append(_edition(bib.edition))
    pieces.append(_imprint(bib))
    return ". ".join(piece.rstrip(". ") for piece in pieces if piece) + "."


def _makers(named: Sequence[Agent]) -> list[Agent]:
    """The authors; where there are none, those who compiled or edited it."""
    primary = [agent for agent in named if agent.primary or not agent.roles or set(agent.roles) & set(_MAKERS[:4])]
    return primary or [agent for agent in named if set(agent.roles) & set(_MAKERS)]


def _people(agents: Sequence[Agent]) -> str:
    """Three of them, then "等" or "et al"."""
    names = [_name(agent) for agent in agents[:3]]
    if len(agents) > 3:
        names.append("等" if _HAN.search(agents[0].name) else "et al")
    return ", ".join(names)


def _name(agent: Agent) -> str:
    """Western names as the standard has them: "Knuth, Donald E." becomes KNUTH D E; Chinese names stay."""
    family, comma, given = agent.name.partition(",")
    if agent.kind != "person" or not comma or _HAN.search(agent.name):
        return agent.name.replace(",", "") if _HAN.search(agent.name) and agent.kind == "person" else agent.name
    initials = [word[0].upper() for word in re.split(r"[\s.\-]+", given) if word and word[0].isalpha()]
    return " ".join([family.strip().upper(), *initials])


def _whole_title(bib: BibRecord) -> str:
    return ": ".join(
        part for part in (bib.title, " ".join(each for each in (bib.part_number, bib.part_name) if each)) if part
    )


def _edition(text: str) -> str:
    """第2版 is written 2版; the first edition is not mentioned."""
    plain = text.strip()
    if plain in ("第1版", "第一版", "1版", "1st ed.", "1st ed", "First edition"):
        return ""
    return plain.removeprefix("第")


def _imprint(bib: BibRecord) -> str:
    maker = ": ".join(part for part in (bib.places[0] if bib.places else "", _first(bib.publishers)) if part)
    years = str(bib.year) if bib.year else ""
    if bib.material == "serial" and bib.year:
        years += "-" + (str(bib.year_end) if 0 < bib.year_end < 9999 else "")
    imprint = ", ".join(part for part in (maker, years) if part)
    return f"{imprint}: {bib.pages}" if imprint and bib.pages and bib.material != "serial" else imprint


def _first(values: Sequence[str]) -> str:
    return values[0] if values else ""


def coins(hit: SearchHit) -> str:
    """The title attribute of a COinS span: a ContextObject in KEV form (Z39.88-2004)."""
    serial, thesis = hit.material == "serial", hit.material == "thesis"
    kind = "journal" if serial else "dissertation" if thesis else "book"
    pairs = [
        ("ctx_ver", "Z39.88-2004"),
        ("rft_val_fmt", f"info:ofi/fmt:kev:mtx:{kind}"),
        ("rfr_id", "info:sid/tongcang"),
        ("rft_id", hit.url),
    ]
    if not thesis:
        pairs.append(
            ("rft.genre", "journal" if serial else "book" if hit.material in ("book", "rare_book") else "unknown")
        )
    title = " ".join(part for part in (hit.title, hit.part_number, hit.part_name) if part)
    title = f"{title}: {hit.subtitle}" if hit.subtitle else title
    pairs.append(("rft.jtitle" if serial else "rft.title" if thesis else "rft.btitle", title))
    pairs += [("rft.au", author) for author in hit.authors]
    pairs.append(("rft.inst" if thesis else "rft.pub", "" if serial else hit.publisher))
    pairs.append(("rft.place", "" if serial or thesis else hit.place))
    pairs.append(("rft.date", str(hit.year) if hit.year else ""))
    pairs.append(("rft.edition", "" if serial or thesis else hit.edition))
    pairs += [("rft.isbn", isbn) for isbn in hit.isbns[:1]]
    pairs += [("rft.issn", issn) for issn in hit.issns[:1] if serial]
    return urlencode([(name, value) for name, value in pairs if value])
