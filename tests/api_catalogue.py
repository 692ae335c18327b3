"""A small catalogue, in the real store and the real embedded engine, for tests of the API and the pages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from indexer.build import index_changes
from indexer.cluster.uniting import union_write
from indexer.engine.protocol import Engine
from mappings.model import (
    Agent,
    BibRecord,
    Classification,
    Holder,
    Holding,
    Identifier,
    Item,
    Library,
    Link,
    Member,
    Note,
    Relation,
    Series,
    Subject,
    Title,
    UnionRecord,
    union_id,
    union_key,
)
from search_api.settings import ApiSettings, Sample
from store import clusters
from store.database import Database
from store.libraries import put_library
from store.progress import take_numbers
from store.unions import UnionWrite, bury_unions, put_unions

LIBRARIES = (
    Library("BFU", "北京林业大学图书馆", "Beijing Forestry University Library", "BALIS", "node"),
    Library("BNU", "北京师范大学图书馆", "Beijing Normal University Library", "BALIS", "node"),
    Library("CLCN", "首都图书馆", "Capital Library of China", "CAPITAL", "capital"),
    Library("RUC", "中国人民大学图书馆", "Renmin University of China Library", "BALIS", "node"),
    Library("THU", "清华大学图书馆", "Tsinghua University Library", "BALIS", "member"),
)

HONGLOUMENG, SHISHUO, HONGXUE, STONE, TRADITIONAL, XUEKAN, DEUTSCH, WHOLE_SET = range(1001, 1009)
HOSTILE = 1900
MERGED, DELETED = 2001, 2002
TEXTBOOKS = range(3001, 3026)


def held(*symbols: str, status: str = "available", coverage: str = "", copies: int = 0) -> tuple[Holder, ...]:
    return tuple(
        Holder(
            symbol,
            (
                Holding(
                    location="中文图书借阅区",
                    call_number=f"I242.4/{place}",
                    coverage=coverage,
                    copies=copies,
                    status=status,
                ),
            ),
            status in ("available", "reference", ""),
            (f"{symbol}-{place}",),
        )
        for place, symbol in enumerate(symbols, start=1)
    )


def union(key: int, bib: BibRecord, holders: tuple[Holder, ...]) -> UnionRecord:
    members = tuple(Member(1, holder.library, record) for holder in holders for record in holder.records)
    return UnionRecord(union_id(key), bib, members, holders)


def book(title: str, author: str, publisher: str, year: int, **more: object) -> BibRecord:
    fields: dict[str, object] = {
        "dialect": "cnmarc",
        "title": title,
        "responsibility": f"{author}著",
        "agents": (Agent(author, roles=("aut",), primary=True),),
        "places": ("北京",),
        "publishers": (publisher,),
        "year": year,
        "languages": ("chi",),
        "classes": (Classification("clc", "I242.4"),),
    }
    return BibRecord(**{**fields, **more})  # type: ignore[arg-type]


UNIONS: tuple[UnionRecord, ...] = (
    union(
        HONGLOUMENG,
        book(
            "红楼梦",
            "曹雪芹",
            "人民文学出版社",
            2008,
            agents=(
                Agent("曹雪芹", roles=("aut",), primary=True, alt="Cao, Xueqin", dates="约1715-约1763"),
                Agent("无名氏", roles=("ctb",)),
            ),
            title_alt="紅樓夢",
            titles=(Title("石头记"), Title("Dream of the red chamber", "parallel")),
            identifiers=(Identifier("isbn", "9787020002207", "精装"), Identifier("calis", "CAL 012003123456")),
            edition="第3版",
            extent="2册 (1606页) : 图 ; 20cm",
            pages=1606,
            subjects=(Subject("章回小说--中国--清代"), Subject("红学")),
            series=(Series("中国古典文学读本丛书", "3"),),
            notes=(Note("本书以程乙本为底本，参校各脂评本，加以注释。", "abstract"), Note("附录：主要人物表")),
            links=(Link("https://example.org/hlm", "在线阅读"), Link("javascript:alert(1)", "坏链接")),
        ),
        (
            *held("BNU", "CLCN", "RUC"),
            Holder(
                "THU",
                (
                    Holding(location="密集书库", call_number="I242.4/9", status="on_loan", items=(Item(), Item())),
                    Holding(branch="法学分馆", location="阅览室", status="on_loan"),
                ),
                False,
                ("THU-1",),
            ),
        ),
    ),
    union(SHISHUO, book("世说新语", "刘义庆", "中华书局", 1984), held("RUC", status="on_loan")),
    union(
        HONGXUE,
        book("红楼梦大辞典", "冯其庸", "文化艺术出版社", 1990, subjects=(Subject("红学"),)),
        held("CLCN"),
    ),
    union(
        STONE,
        book(
            "The story of the stone",
            "Cao, Xueqin",
            "Penguin",
            1973,
            subtitle="a Chinese novel in five volumes",
            responsibility="Cao Xueqin ; translated by David Hawkes",
            places=("Harmondsworth",),
            languages=("eng",),
            identifiers=(Identifier("isbn", "9780140442939"),),
        ),
        held("THU", "RUC"),
    ),
    union(TRADITIONAL, book("紅樓夢新證", "周汝昌", "棠棣出版社", 1953, places=("上海",)), held("BNU", "THU")),
    union(
        XUEKAN,
        book(
            "红楼梦学刊",
            "中国艺术研究院",
            "红楼梦学刊杂志社",
            1979,
            agents=(Agent("中国艺术研究院", "body", ("isb",)),),
            year_end=9999,
            material="serial",
            level="s",
            identifiers=(Identifier("issn", "1001-7917"), Identifier("cn", "11-1676")),
        ),
        held("BNU", coverage="1979- 总1期-", copies=3),
    ),
    union(
        DEUTSCH,
        book(
            "Die Traumdeutung und die sehr lange Überschrift eines alten Buches",
            "Freud, Sigmund",
            "Deuticke",
            1900,
            places=("Leipzig",),
            languages=("ger",),
            subtitle="Donaudampfschifffahrtsgesellschaftskapitänswitwenrentenauszahlungsstelle",
        ),
        held("THU", status="reference"),
    ),
    union(
        WHOLE_SET,
        book(
            "二十四史",
            "司马迁",
            "中华书局",
            1997,
            identifiers=(
                Identifier("isbn", "9787101008470", "全套", whole_set=True),
                Identifier("isbn", "9787020002207", status="cancelled"),
            ),
        ),
        held("CLCN"),
    ),
    *(
        union(
            key,
            book(f"数据结构教程第{key - 3000}册", "严蔚敏", "清华大学出版社", 1990 + (key - 3000), classes=()),
            held("THU"),
        )
        for key in TEXTBOOKS
    ),
)

PAYLOADS = (
    "<script>window.hostile=1</script>",
    '"><img src=x onerror="window.hostile=1">',
    "'><svg onload=window.hostile=1>",
    '" autofocus onfocus="window.hostile=1',
    '<iframe src="javascript:parent.hostile=1"></iframe>',
    "</title></textarea></style><script>window.hostile=1</script>",
    "javascript:window.hostile=1",
    "<a href=javascript:window.hostile=1>红楼梦</a>",
    "<style>body{display:none}</style><base href=//evil.example>",
    "{{ 7 * 7 }}{% raw %}%(count)s",
    "&lt;script&gt;window.hostile=1&lt;/script&gt;",
    "<!--\u202e]]>红楼梦",
)

_FULL = UnionRecord(
    id="",
    bib=BibRecord(
        dialect="cnmarc",
        title="a",
        title_alt="a",
        subtitle="a",
        part_number="a",
        part_name="a",
        responsibility="a",
        titles=(Title("a", "a"),),
        series=(Series("a", "a", "a"),),
        agents=(Agent("a", "a", ("a",), True, "a", "a"),),
        identifiers=(Identifier("a", "a", "a", "a"), Identifier("isbn", "a"), Identifier("doi", "a")),
        year=1999,
        date_text="a",
        languages=("a",),
        original_languages=("a",),
        places=("a",),
        publishers=("a",),
        edition="a",
        extent="a",
        subjects=(Subject("a", "a", "a"),),
        classes=(Classification("a", "a"), Classification("clc", "a")),
        notes=(Note("a", "a"), Note("a", "abstract"), Note("a", "contents")),
        material="a",
        carrier="a",
        coverage="a",
        links=(Link("a", "a"), Link("a")),
        relations=(Relation("a", "a", "a", "a"),),
    ),
    members=(Member(1, "RUC", "a"),),
    holders=(Holder("RUC", (Holding("a", "a", "a", "a", 1, "a", (Item("a", "a", "a", "a", "a"),)),), True, ("a",)),),
)


def hostile_union(key: int, payload: str) -> UnionRecord:
    """A union record with the payload in every text that it has."""

    def spoiled(value: Any) -> Any:
        if isinstance(value, str):
            return f"hostile {payload}" if value == "a" else value
        if isinstance(value, dict):
            return {name: spoiled(each) for name, each in value.items()}
        return [spoiled(each) for each in value] if isinstance(value, (list, tuple)) else value

    return msgspec.convert({**spoiled(msgspec.to_builtins(_FULL)), "id": union_id(key)}, UnionRecord)


HOSTILE_UNIONS = tuple(hostile_union(HOSTILE + place, payload) for place, payload in enumerate(PAYLOADS))

SETTINGS = ApiSettings(
    base_url="http://tongcang.test",
    notice_zh="这里是样例数据，不是各馆的真实馆藏。",
    notice_en="These are sample data, not the real holdings of any library.",
    page_size=10,
    samples=(
        Sample("红楼梦", "四大名著", "a classic novel"),
        Sample("紅樓夢", "繁体", "traditional characters"),
        Sample("hong lou meng", "拼音", "pinyin"),
        Sample("hlm", "拼音首字母", "initials"),
        Sample("Freud", "西文作者", "a western author", "author"),
    ),
)


def fill(database: Database, engine: Engine, unions: Sequence[UnionRecord] = UNIONS) -> None:
    """Store the libraries and the unions, one that was merged and one that was deleted, and index them."""
    writes = [_write(each) for each in [*unions, union(DELETED, book("已删除的书", "某人", "某社", 2000), held("RUC"))]]
    with database.write() as unit:
        for library in LIBRARIES:
            put_library(unit, library)
        put_unions(unit, list(zip(take_numbers(unit, "union", len(writes)), writes, strict=True)), [])
        bury_unions(unit, [(take_numbers(unit, "union", 1)[0], DELETED)])
        # Record 1, of which MERGED was once made, is in HONGLOUMENG now.
        clusters.add_nodes(unit, [clusters.Node(1, HONGLOUMENG, 1, b"")])
        clusters.add_members(unit, [clusters.Member(1, 1, 1)])
        clusters.retire_keys(unit, {MERGED: 1})
    index_changes(database, engine)


def _write(record: UnionRecord) -> UnionWrite:
    key = union_key(record.id)
    assert key is not None
    return union_write(key, record)
