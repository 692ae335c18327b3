"""How fast clustering is: python -m bench.clustering [RECORDS …]

Generated BibRecords, four source records of each publication, in a mixed order: copies and variant cataloguing (other
script, other dialect, brief, without ISBN, typo, subtitle elsewhere), and neighbours that must stay apart (volumes,
editions). Prints records a second of each step, pairs compared per record, and how well the known publications were
found; the set is synthetic, so the last shows only that the speed is that of working clustering.
"""

from __future__ import annotations

import random
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from indexer.cluster.features import features_of, pack_features, signature
from indexer.cluster.score import compare
from indexer.cluster.stage import build_unions, cluster_changes
from mappings.model import Agent, BibRecord, Classification, Holding, Identifier, Item, Note, Series, Subject, encode
from store.clusters import members
from store.database import Database, metadata
from store.libraries import library, source
from store.packing import pack
from store.progress import take_numbers
from store.records import bib_record, raw_record
from store.unions import count_unions

LIBRARIES = 40
COPIES = 4
SURNAMES = "王李张刘陈杨黄赵周吴徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾萧田董袁潘蒋蔡余杜叶程苏魏吕丁任沈姚"
GIVEN = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉兰志国建文斌宇浩凯健俊帆雪梅琳晨阳鹏飞龙云海山林森"
_WORDS = """
中国 世界 现代 当代 古代 近代 经济 社会 文化 历史 文学 哲学 艺术 教育 法律 政治 科学 技术 工程 数学 物理
化学 生物 医学 环境 能源 管理 金融 贸易 农业 工业 城市 农村 民族 宗教 语言 翻译 新闻 传播 信息 网络 计算机
软件 数据 系统 控制 材料 机械 电子 通信 建筑 设计 理论 方法 实践 应用 发展 改革 制度 思想 批评 比较 结构
功能 分析 模型 实验 统计 评价 政策 战略 创新 关系 问题 传统 转型
"""
WORDS = _WORDS.split()
_ENDS = """
研究 概论 导论 史 教程 论稿 新论 纲要 通论 原理 基础 探索 述评 考论 手册
"""
ENDS = _ENDS.split()
_PUBLISHERS = """
人民出版社 商务印书馆 中华书局 高等教育出版社 科学出版社 清华大学出版社 北京大学出版社 三联书店
上海古籍出版社 机械工业出版社
"""
PUBLISHERS = _PUBLISHERS.split()
TRADITIONAL = str.maketrans(
    "国现当经济会历学艺术教农业语网计机软数据统论实践应发证传关问题转创结构态书东长门马车见",
    "國現當經濟會歷學藝術教農業語網計機軟數據統論實踐應發證傳關問題轉創結構態書東長門馬車見",
)


def publications(count: int, seed: int = 20260101) -> Iterator[list[BibRecord]]:
    """The source records of each publication."""
    chance = random.Random(seed)
    first = BibRecord("cnmarc")
    for number in range(count):
        if number % 20 == 1:  # the next edition of the one before
            first = replace(first, edition="第2版", year=first.year + 4, identifiers=(_isbn(number),))
        elif number % 20 == 3:  # a volume of what others have whole
            first = replace(first, part_number="下册", identifiers=())
        else:
            first = _publication(chance, number)
        yield [first, *(_variant(chance, first) for _ in range(COPIES - 1))]


def _isbn(number: int) -> Identifier:
    body = f"9787{number:08d}"
    check = -sum(int(d) * (1 if i % 2 == 0 else 3) for i, d in enumerate(body)) % 10
    return Identifier("isbn", f"{body}{check}")


def _publication(chance: random.Random, number: int) -> BibRecord:
    words = chance.sample(WORDS, chance.choice((2, 2, 3, 3, 4)))
    names = [chance.choice(SURNAMES) + "".join(chance.sample(GIVEN, chance.choice((1, 2)))) for _ in range(2)]
    agents = tuple(
        Agent(name, roles=("aut",), primary=at == 0) for at, name in enumerate(names[: chance.choice((1, 2))])
    )
    topic = "--".join(words[:2])
    return BibRecord(
        dialect="cnmarc",
        local_id=f"{number:09d}",
        title="".join(words) + chance.choice(ENDS),
        subtitle="".join(chance.sample(WORDS, 3)) if chance.random() < 0.3 else "",
        responsibility="，".join(agent.name for agent in agents) + "著",
        agents=agents,
        identifiers=(_isbn(number),) if chance.random() < 0.8 else (),
        year=chance.randrange(1975, 2025),
        languages=("chi",),
        country="CN",
        places=("北京",),
        publishers=(chance.choice(PUBLISHERS),),
        extent=f"{number % 700 + 80}页",
        pages=number % 700 + 80,
        series=(Series("当代学术丛书", str(number % 90)),) if chance.random() < 0.2 else (),
        subjects=(Subject(topic), Subject(words[0])),
        classes=(Classification("clc", f"{chance.choice('ABCDFGHIKNOPQRSTUVX')}{number % 900}"),),
        notes=(Note("本书论述" + "".join(words) + "的基本问题。", "abstract"),),
    )


def _variant(chance: random.Random, bib: BibRecord) -> BibRecord:
    kind = chance.random()
    if kind < 0.5:
        return bib
    if kind < 0.62:
        return replace(bib, dialect="marc21", title=bib.title.translate(TRADITIONAL))
    if kind < 0.72:
        return replace(bib, identifiers=(), pages=bib.pages + chance.choice((0, 1, 2)))
    if kind < 0.82:
        return replace(bib, dialect="dublin_core", subjects=(), pages=0, subtitle="", extent="")
    if kind < 0.9 and bib.subtitle:
        return replace(bib, title=f"{bib.title} : {bib.subtitle}", subtitle="")
    return replace(bib, responsibility="", agents=bib.agents[:1], notes=())


def main() -> None:
    sizes = [int(size) for size in sys.argv[1:]] or [20_000, 200_000]
    print("generated source records, four of each publication; 1 process unless said otherwise")
    pure()
    with ProcessPoolExecutor(2) as executor:
        executor.submit(int).result()
        for size in sizes:
            stages(size, executor)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory of the main process: {peak:.0f} MB")


def pure() -> None:
    groups = list(publications(2000))
    bibs = [bib for group in groups for bib in group]
    _, seconds = _timed(lambda: [features_of(bib) for bib in bibs])
    print(f"features_of: {seconds / len(bibs) * 1e6:.1f} µs a record")
    features = [[features_of(bib) for bib in group] for group in groups]
    pairs = [(group[0], other) for group in features for other in group[1:]]
    pairs += [(one[0], other[0]) for one, other in pairwise(features)]
    _, seconds = _timed(lambda: [compare(a, b) for a, b in pairs])
    print(f"compare: {seconds / len(pairs) * 1e6:.1f} µs a pair")


def stages(size: int, executor: Executor) -> None:
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'state.db'}"
        publication = executor.submit(fill, url, size).result()  # elsewhere, as normalising is: it leaves full caches
        database = Database(url)
        counts, seconds = _timed(lambda: cluster_changes(database))
        print(
            f"{size:>8,} records: cluster {size / seconds:,.0f} records/s, {counts.pairs / size:.2f} pairs/record, "
            f"{counts.nodes:,} nodes, {counts.clusters:,} cluster changes"
        )
        _, seconds = _timed(lambda: build_unions(database))
        alone = size / seconds
        with database.write() as unit:
            for table in ("union_identifier", "union_record", "watermark"):
                where = " where stage = 'union'" if table == "watermark" else ""
                unit.exec_driver_sql(f"delete from {table}{where}")
        unions, seconds = _timed(lambda: build_unions(database, executor=executor))
        print(
            f"{'':>8}  unions {alone:,.0f} records/s; with 2 workers {size / seconds:,.0f}; {unions.written:,} written"
        )
        quality(database, publication)
        nightly(database, size)
        database.close()


def fill(url: str, size: int) -> dict[int, int]:
    """Write normal records as the normalise stage does. Returns the publication of each record id."""
    database = Database(url)
    metadata.create_all(database.engine)
    libraries = [f"L{number:02d}" for number in range(LIBRARIES)]
    chance = random.Random(7)
    with database.write() as unit:
        unit.execute(library.insert(), [_row_of_library(symbol) for symbol in libraries])
        unit.execute(source.insert(), [_row_of_source(n + 1, symbol) for n, symbol in enumerate(libraries)])
    rows = [
        (number, chance.randrange(LIBRARIES) + 1, bib)
        for number, group in enumerate(publications(size // COPIES))
        for bib in group
    ]
    chance.shuffle(rows)
    for start in range(0, len(rows), 10_000):
        some = rows[start : start + 10_000]
        with database.write() as unit:
            numbers = take_numbers(unit, "bib", len(some))
            raw = [_raw(start + i + 1, of, seq) for i, ((_, of, _), seq) in enumerate(zip(some, numbers, strict=True))]
            unit.execute(raw_record.insert(), raw)
            bibs = [
                _bib(start + i + 1, of, seq, bib)
                for i, ((_, of, bib), seq) in enumerate(zip(some, numbers, strict=True))
            ]
            unit.execute(bib_record.insert(), bibs)
    database.close()
    return {at + 1: number for at, (number, _, _) in enumerate(rows)}


def _row_of_library(symbol: str) -> dict[str, Any]:
    return {
        "symbol": symbol,
        "name_zh": f"{symbol}图书馆",
        "name_en": symbol,
        "consortium": "BALIS",
        "role": "member",
        "isil": "",
    }


def _row_of_source(number: int, symbol: str) -> dict[str, Any]:
    return {
        "id": number,
        "slug": f"{symbol}/files",
        "library": symbol,
        "kind": "marc_files",
        "config": "{}",
        "active": True,
    }


def _raw(record_id: int, of: int, seq: int) -> dict[str, Any]:
    return {
        "id": record_id, "source_id": of, "identifier": f"{record_id:09d}", "seq": seq, "deleted": False,
        "format": "iso2709", "charset": "utf-8", "datestamp": "", "sets": "[]", "flags": "[]", "digest": b"",
        "data": b"", "changed_run": 1, "seen_run": 1, "changed_as": "added",
    }  # fmt: skip


def _bib(record_id: int, of: int, seq: int, bib: BibRecord) -> dict[str, Any]:
    item = Item(barcode=f"B{record_id}", call_number=bib.classes[0].value, status="available")
    held = replace(bib, holdings=(Holding(call_number=bib.classes[0].value, items=(item,)),))
    features = pack_features(features_of(held))
    return {
        "record_id": record_id, "source_id": of, "seq": seq, "raw_seq": seq, "deleted": False,
        "signature": signature(features), "features": features, "data": pack(encode(held)),
    }  # fmt: skip


def quality(database: Database, publication: dict[int, int]) -> None:
    """Pairwise precision and recall over the final clusters."""
    with database.read() as unit:
        found = members(unit, publication)
        rows = unit.exec_driver_sql("select node, cluster from cluster_node")
        cluster_of = dict(tuple(row) for row in rows)
        total = count_unions(unit)
    both: dict[tuple[int, int], int] = {}
    for record_id, member in found.items():
        pair = (cluster_of[member.node], publication[record_id])
        both[pair] = both.get(pair, 0) + 1
    right = sum(n * (n - 1) // 2 for n in both.values())
    sizes: dict[int, int] = {}
    for (key, _), n in both.items():
        sizes[key] = sizes.get(key, 0) + n
    joined = sum(n * (n - 1) // 2 for n in sizes.values())
    wanted = len(publication) // COPIES * (COPIES * (COPIES - 1) // 2)
    print(f"{'':>8}  {total:,} union records of {len(publication) // COPIES:,}; "
          f"pairwise precision {right / joined:.4f}, recall {right / wanted:.4f} (synthetic by variation)")  # fmt: skip


def nightly(database: Database, size: int) -> None:
    """One per cent of the records come again with another title."""
    count = size // 100
    with database.write() as unit:
        numbers = take_numbers(unit, "bib", count)
        for at, seq in enumerate(numbers):
            record_id = at * 97 % size + 1
            features = pack_features(
                features_of(BibRecord("cnmarc", title=f"改题名的记录{at}", year=2024, pages=at + 1))
            )
            unit.execute(
                bib_record.update()
                .where(bib_record.c.record_id == record_id)
                .values(seq=seq, features=features, signature=signature(features))
            )
    _, seconds = _timed(lambda: cluster_changes(database))
    _, more = _timed(lambda: build_unions(database))
    print(f"{'':>8}  nightly change of {count:,} records: cluster {seconds:.2f} s, unions {more:.2f} s")


def _timed(work: Any) -> tuple[Any, float]:
    began = time.perf_counter()
    result = work()
    return result, time.perf_counter() - began


if __name__ == "__main__":
    main()
