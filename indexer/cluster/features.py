"""What clustering knows of a record: the elements that comparison reads, folded, and its match keys.

Made from the normal form, so the dialect of the source record plays no part. Pure; runs in the worker processes of the
normalise stage.
"""

from __future__ import annotations

import re
from functools import lru_cache
from hashlib import blake2b

import msgspec
from msgspec import Struct

from indexer.cluster.keys import match_keys
from indexer.cluster.numbering import edition_code, split_volume, volume_code
from indexer.text.fold import fold
from indexer.text.pinyin import syllables
from mappings.model import Agent, BibRecord, Identifier, Title

FEATURES_VERSION = 1
"""To be raised with every change of what the features of a record are: normalising then makes all of them anew."""


class Features(Struct, array_like=True, frozen=True, gc=False):
    """Absent text is "", an absent number 0, an absent list empty: absence is no evidence."""

    title: str  # title proper, letters and digits only, Chinese form where there is one
    full: str  # the same with its subtitle; = title where there is none
    alts: tuple[str, ...]  # the title in the other script, sorted
    variants: tuple[str, ...]  # parallel, cover, spine … titles, sorted
    reading: str  # toneless pinyin of the title; of a Latin title its letters
    volume: str  # see numbering.volume_code
    part: str  # name of the part
    edition: int
    revision: str  # "r" revised, "e" enlarged
    imprint: str  # rare books: statement of edition or date as written, folded
    year: int
    year_end: int
    authors: tuple[str, ...]  # names as given, folded; sorted
    author_readings: tuple[str, ...]  # sorted
    publisher: str
    pages: int
    kind: str  # class of material, see KINDS
    carrier: str
    level: str  # m, s, a; "c" counts as m
    language: str
    isbns: tuple[int, ...]
    issns: tuple[str, ...]
    numbers: tuple[str, ...]  # type:value
    host: str  # of a component part: title of its host
    keys: tuple[int, ...]


KINDS = {
    "book": "text", "rare_book": "text", "serial": "serial", "article": "article", "thesis": "thesis",
    "manuscript": "manuscript", "score": "score", "map": "map", "audio": "audio", "video": "video", "image": "image",
    "rubbing": "rubbing", "kit": "kit", "object": "object",
}  # fmt: skip
"""Class of material; a material that isn't here (electronic, other) says nothing of the content: ""."""

_NUMBER_TYPES = frozenset(("tyshuhao", "cn", "oclc", "lccn", "calis", "nlc", "control", "doi", "ismn", "standard"))
_EXACT_TITLES = ("parallel", "cover", "spine", "variant", "uniform", "key")
MAX_VARIANTS = 6
SEPARATOR = "\x1f"  # is in no value: MARC delimits subfields with it, XML forbids it

_NOISE = re.compile(r"[\W_]+")
_BRACKETED = re.compile(r"[(\[〔【<〈][^)\]〕】>〉]*[)\]〕】>〉]")
_SUBTITLE = re.compile(r"\s*[:：;]\s*|——|--|—")
_TAIL = re.compile(r"\s[/=]\s.*\Z", re.DOTALL)
_ARTICLE = re.compile(r"(?:the|an?|l[ea]s?|der|die|das)\s+(?=\w)")
_HAN = re.compile(r"[㐀-鿿𠀀-𳿿]")
_ROLES = re.compile(
    r"(?:等|主编|副主编|编著|编写|编译|编辑|编纂|合著|原著|著者|译注|校注|点校|译者|整理|绘画|改编|著|编|译|撰|校|注|辑|绘|续)+\Z"
)
_RARE_EXTENT = re.compile(r"[\W_]*[一二三四五六七八九十百千〇零\d]+[卷回折](?:首.{0,3}卷|末.{0,3}卷|附.{0,8})?[\W_]*\Z")
_PUBLISHER = re.compile(
    r"出版(?:社|公司|集团|局|发行)|有限(?:责任)?公司|股份|集团|"
    r"\b(?:press|publish\w*|pub|verlag|inc|ltd|co|corp|company|limited|llc|gmbh|and|the|of)\b"
)


def features_of(bib: BibRecord) -> Features:
    """The features of a record."""
    rare = bib.material in ("rare_book", "rubbing", "manuscript")
    title, alt, subtitle, number, part, publisher, edition, imprint, host = _fold_all(bib, rare)
    if alt and _HAN.search(alt) and not _HAN.search(title):
        title, alt = alt, title
    core, rest, tail = _title_parts(title, subtitle, rare)
    reading = _reading(core)
    full = core + rest
    alts = {_title_parts(alt, "", rare)[0]} - {core, ""}
    authors, readings, first = _authors(bib)
    isbns, issns, numbers = _identifiers(bib.identifiers, bib.level)
    number_of_edition, revision = edition_code(edition) if edition else (0, "")
    level = "m" if bib.level == "c" else bib.level
    when = "s" if level == "s" else str(bib.year or "")
    return Features(
        title=core,
        full=full,
        alts=tuple(sorted(alts)),
        variants=_variants(bib.titles, core) if bib.titles else (),
        reading=reading,
        volume=volume_code(number) if number else tail,
        part=_NOISE.sub("", part),
        edition=number_of_edition,
        revision=revision,
        imprint=_NOISE.sub("", imprint),
        year=bib.year,
        year_end=(bib.year_end or bib.year) if bib.year else 0,
        authors=authors,
        author_readings=readings,
        publisher=publisher,
        pages=bib.pages,
        kind=KINDS.get(bib.material, ""),
        carrier=bib.carrier,
        level=level,
        language=bib.languages[0] if bib.languages else "",
        isbns=isbns,
        issns=issns,
        numbers=numbers,
        host=_NOISE.sub("", host),
        keys=match_keys((reading, _reading(full) if rest else ""), first, when, isbns, issns, numbers),
    )


def pack_features(features: Features) -> bytes:
    return _encoder.encode(features)


def unpack_features(data: bytes) -> Features:
    """Raises msgspec.ValidationError where the bytes are of other features."""
    return _decoder.decode(data)


def signature(features: bytes) -> bytes:
    """16 bytes over packed features: equal where everything that comparison reads is equal."""
    return blake2b(features, digest_size=16).digest()


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Features)


def _fold_all(bib: BibRecord, rare: bool) -> list[str]:
    """Title, alternative title, subtitle, part number, part name, publisher, edition, imprint, host: folded.

    The long ones in one call, since a call costs as much as thirty characters.
    """
    imprint = (bib.edition or bib.date_text) if rare else ""
    host = next((r.title or r.identifier for r in bib.relations if r.kind == "host"), "") if bib.level == "a" else ""
    given = (bib.title, bib.title_alt, bib.subtitle, bib.part_number, bib.part_name, imprint, host)
    folded = fold(SEPARATOR.join(given)).split(SEPARATOR)
    publisher = _publisher(bib.publishers[0]) if bib.publishers else ""
    edition = _folded(bib.edition) if bib.edition else ""
    return [*folded[:5], publisher, edition, *folded[5:]]


@lru_cache(maxsize=65536)
def _folded(text: str) -> str:
    return fold(text)


@lru_cache(maxsize=65536)
def _publisher(name: str) -> str:
    """Folded, without the words that say only that it publishes; the whole where nothing would be left."""
    folded = fold(name)
    return _NOISE.sub("", _PUBLISHER.sub("", folded)) or _NOISE.sub("", folded)


def _title_parts(title: str, subtitle: str, rare: bool) -> tuple[str, str, str]:
    """(core, rest, volume) of a folded title. A subtitle counts alike, whether in its own element or behind a colon."""
    title = _TAIL.sub("", title)
    if _ARTICLE.match(title):
        title = _ARTICLE.sub("", title, count=1)
    parts = _SUBTITLE.split(title, maxsplit=1)
    core, volume = split_volume(parts[0])
    rest = " ".join((*parts[1:], subtitle)).strip()
    if rest and not volume:
        # A rest that is nothing but a volume ("红楼梦 : 第三册") is seen as one by its leading blank.
        rest, volume = split_volume(" " + rest) if rest[0] in "第上中下(v" else split_volume(rest)
    if rare:
        # 史记一百三十卷 = 史记: the number of 卷 is an extent that cataloguers may write behind the title.
        core = _RARE_EXTENT.sub("", core) or core
    core = _NOISE.sub("", core)
    if not core:
        return _NOISE.sub("", title), "", volume
    return core, _NOISE.sub("", rest), volume


@lru_cache(maxsize=65536)
def _reading(text: str) -> str:
    """Toneless pinyin without blanks; Latin letters and digits stay."""
    return "".join(syllables(text)) if _HAN.search(text) else text


def _variants(titles: tuple[Title, ...], core: str) -> tuple[str, ...]:
    found = {_title_parts(_folded(t.value), "", False)[0] for t in titles[:MAX_VARIANTS] if t.kind in _EXACT_TITLES}
    return tuple(sorted(found - {core, ""}))


@lru_cache(maxsize=131072)
def _name(name: str) -> tuple[str, str]:
    """(folded name, its reading). A western name is its words, sorted; a Chinese one loses its dynasty and its role."""
    folded = _BRACKETED.sub(" ", fold(name))
    if _HAN.search(folded):
        han = _NOISE.sub("", folded)
        bare = _ROLES.sub("", han)
        if len(bare) >= 2:
            han = bare
        return han, "".join(syllables(han, name=True))
    words = [word for word in _NOISE.split(folded) if word]
    return " ".join(sorted(words)), "".join(words)


def _authors(bib: BibRecord) -> tuple[tuple[str, ...], tuple[str, ...], str]:
    """(names, readings, reading of the first). Without agents, the statement of responsibility up to its first role."""
    agents = bib.agents
    if not agents and bib.responsibility:
        first = re.split(r"[,;，；、。]| and | et ", bib.responsibility, maxsplit=1)[0]
        agents = (Agent(name=re.sub(r"^(?:by|\[?ed\w*\.? by)\s+", "", first.strip(), flags=re.IGNORECASE)),)
    names: set[str] = set()
    readings: set[str] = set()
    leading = ""
    for agent in agents:
        for written in (agent.name, agent.alt):
            if not written:
                continue
            name, reading = _name(written)
            if name:
                names.add(name)
                readings.add(reading)
                if not leading or (agent.primary and written is agent.name and agent is not agents[0]):
                    leading = reading
    return tuple(sorted(names)), tuple(sorted(readings)), leading


def _identifiers(
    identifiers: tuple[Identifier, ...], level: str
) -> tuple[tuple[int, ...], tuple[str, ...], tuple[str, ...]]:
    """(ISBNs, ISSNs, others), sorted. Those of a set, cancelled and wrong ones are no evidence; nor are a host's."""
    isbns: set[int] = set()
    issns: set[str] = set()
    numbers: set[str] = set()
    for identifier in identifiers:
        if identifier.status != "valid" or identifier.whole_set:
            continue
        kind, value = identifier.type, identifier.value
        if kind == "isbn":
            if value.isdigit() and level != "a":
                isbns.add(int(value))
        elif kind == "issn":
            if level == "s":
                issns.add(value)
        elif kind in _NUMBER_TYPES:
            numbers.add(f"{kind}:{value}")
    return tuple(sorted(isbns)), tuple(sorted(issns)), tuple(sorted(numbers))
