"""A small state with a little in almost every table."""

from __future__ import annotations

from datetime import UTC, datetime

from bib_store import Shelf

from indexer.cluster.stage import build_unions, cluster_changes
from mappings.model import Agent, BibRecord, Identifier
from store import harvests
from store.database import Database
from store.judgements import judge

NOW = datetime(2024, 2, 29, 1, 2, 3, 456789, tzinfo=UTC)


def fill(database: Database) -> Shelf:
    """A little of everything: a cluster, what people decided, a run with rejections."""
    shelf = Shelf(database)
    for symbol, identifier, title in (
        ("RUC", "甲", "红楼梦"), ("PKU", "乙", "红楼梦"), ("BNU", "丙", "三国演义"), ("RUC", "z\U00020000", "水浒传"),
    ):  # fmt: skip
        bib = BibRecord(
            "cnmarc", title=title, agents=(Agent("曹雪芹"),), year=1982, pages=300,
            identifiers=(Identifier("isbn", "9787020002207"),),
        )  # fmt: skip
        shelf.put((symbol, identifier, bib))
    cluster_changes(database)
    build_unions(database)
    shelf.remove("BNU", "丙")
    with database.write() as unit:
        judge(
            unit, shelf.name("RUC", "甲"), shelf.name("PKU", "乙"), same=True, who="馆员", reason="同一种书", now="2024"
        )
        run = harvests.begin_run(unit, shelf.sources["RUC"], "", NOW)
        rejection = {
            "run_id": run.id, "source_id": shelf.sources["RUC"], "record_id": shelf.ids["RUC", "甲"],
            "code": "no_title", "identifier": "丁", "position": "@1", "detail": "无题名", "data": b"\x00\xff",
        }  # fmt: skip
        harvests.add_rejections(unit, [rejection])
        harvests.keep_mended_page(unit, run.id, b"<OAI-PMH/>")
        harvests.end_run(unit, run.id, "partial", NOW, message="断了")
    cluster_changes(database)
    build_unions(database)
    return shelf
