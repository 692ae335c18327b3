"""The tables of clustering, by themselves."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from bib_store import Shelf, empty_database
from sqlalchemy.event import listen

from mappings.model import BibRecord
from store import clusters, judgements
from store.clusters import Cluster, Edge, Member, Node
from store.database import Database


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    opened = empty_database()
    yield Shelf(opened)
    opened.close()


@pytest.fixture
def database(shelf: Shelf) -> Database:
    return shelf.database


BIG = 2**63 - 1


def test_members_and_nodes_hold_63_bits(database: Database) -> None:
    with database.write() as unit:
        clusters.add_members(unit, [Member(1, BIG, BIG), Member(2, BIG, 7), Member(3, 5, 9)])
        clusters.add_nodes(unit, [Node(BIG, 11, 7, b"x"), Node(5, 12, 9, b"")])
        clusters.move_nodes(unit, [(5, 11, 8)])
    with database.read() as unit:
        assert clusters.members(unit, [1, 3, 4]) == {1: Member(1, BIG, BIG), 3: Member(3, 5, 9)}
        assert {m.record_id for m in clusters.members_of_nodes(unit, [BIG])} == {1, 2}
        assert clusters.nodes(unit, [BIG, 6]) == {BIG: Node(BIG, 11, 7, b"x")}
        assert sorted(node.node for node in clusters.nodes_of_clusters(unit, [11])) == [5, BIG]
        assert {key: sorted(ids) for key, ids in clusters.records_of(unit, [11, 12]).items()} == {11: [1, 2, 3]}
    with database.write() as unit:
        clusters.drop_members(unit, [1])
        clusters.drop_nodes(unit, [BIG])
        assert clusters.members(unit, [1]) == {}
        assert clusters.nodes(unit, [BIG]) == {}


def test_more_values_than_a_statement_takes(database: Database) -> None:
    many = list(range(1, 5001))
    with database.write() as unit:
        clusters.add_members(unit, [Member(n, n, n) for n in many])
        clusters.add_keys(unit, [(n, n % 3, n) for n in many])
        assert len(clusters.members(unit, many)) == 5000
        assert len(clusters.blocks(unit, many)) == 5000
        assert len(clusters.sub_blocks(unit, [(n, n % 3) for n in many])) == 5000
        assert clusters.sub_blocks(unit, [(n, 9) for n in many]) == []


def test_every_look_up_uses_an_index(database: Database) -> None:
    """A scan here would make every batch cost as much as the whole catalogue."""
    asked: list[tuple[str, object]] = []
    listen(database.engine, "before_cursor_execute", lambda *told: asked.append((told[2], told[3])))
    with database.write() as unit:
        clusters.set_split_sizes(unit, {1: 101}, {}, ())
        asked.clear()
        clusters.members(unit, [1])
        clusters.members_of_nodes(unit, [1])
        clusters.nodes(unit, [1])
        clusters.nodes_of_clusters(unit, [1])
        clusters.blocks(unit, [1, 2])
        clusters.sub_blocks(unit, [(1, 2), (3, 4)])
        clusters.edges_of(unit, [1, 2], 1)
        clusters.drop_edges_of(unit, [1, 2])
        clusters.clusters(unit, [1])
        clusters.retired_by(unit, [1])
        clusters.redirect(unit, 1)
        clusters.records_of(unit, [1])
        statements = list(asked)
        for statement, parameters in statements:
            plan = unit.exec_driver_sql(f"explain query plan {statement}", parameters).all()  # type: ignore[arg-type]
            scanned = [row[3] for row in plan if row[3].startswith("SCAN") and "CONSTANT" not in row[3]]
            assert all(step.startswith("SCAN wanted") for step in scanned), (statement, scanned)
    assert len(statements) >= 12


def test_keys_come_and_go(database: Database) -> None:
    with database.write() as unit:
        clusters.add_keys(unit, [(1, 0, 10), (1, 0, 11), (1, 5, 12), (2, 0, 10)])
        clusters.drop_keys(unit, [(1, 0, 10)])
        assert sorted(clusters.blocks(unit, [1, 2])) == [(1, 0, 11), (1, 5, 12), (2, 0, 10)]
        assert clusters.sub_blocks(unit, [(1, 5)]) == [(1, 5, 12)]
        clusters.set_split_sizes(unit, {1: 101, 2: 200}, {}, ())
        clusters.set_split_sizes(unit, {}, {1: 102}, [2])
        assert clusters.split_sizes(unit, [1, 2, 3]) == {1: 102}


def test_edges_are_found_from_either_end_and_once(database: Database) -> None:
    one, two = Edge(1, 2, 70, 2, 1), Edge(2, 3, 50, 1, 1)
    with database.write() as unit:
        clusters.add_edges(unit, [two, one])
        assert sorted(clusters.edges_of(unit, [1, 2, 3], 1), key=lambda e: e.a) == [one, two]
        assert clusters.edges_of(unit, [2], 2) == [one]
        clusters.add_nodes(unit, [Node(1, 7, 1, b""), Node(2, 7, 2, b""), Node(3, 8, 3, b"")])
        assert clusters.review_pairs(unit) == [two]
        clusters.move_nodes(unit, [(3, 7, 3)])
        assert clusters.review_pairs(unit) == [], "who is together needs no review"
        clusters.drop_edges_of(unit, [3])
        assert clusters.edges_of(unit, [1, 2, 3], 1) == [one]


def test_a_retired_key_follows_its_record(database: Database) -> None:
    with database.write() as unit:
        clusters.add_members(unit, [Member(1, 5, 5)])
        clusters.add_nodes(unit, [Node(5, 30, 5, b"")])
        clusters.retire_keys(unit, {20: 1, 10: 1})
        assert [clusters.redirect(unit, key) for key in (10, 20, 30)] == [30, 30, None]
        clusters.move_nodes(unit, [(5, 40, 5)])
        assert clusters.redirect(unit, 10) == 40, "no chain: it asks where the record is now"
        assert sorted(clusters.retired_by(unit, [1])) == [(10, 1), (20, 1)]
        clusters.unretire_keys(unit, [10])
        assert clusters.redirect(unit, 10) is None
        clusters.drop_members(unit, [1])
        assert clusters.redirect(unit, 20) is None


def test_clusters_in_the_order_of_their_numbers(database: Database) -> None:
    with database.write() as unit:
        clusters.put_clusters(unit, [Cluster(7, 1, 2, 2, True), Cluster(3, 2, 5, 5, True)], [])
        clusters.put_clusters(unit, [], [Cluster(7, 1, 9, 2, False)])
        assert [each.key for each in clusters.changed_clusters(unit, 0, 10)] == [3, 7]
        assert [each.key for each in clusters.changed_clusters(unit, 5, 10)] == [7]
        assert clusters.count_clusters(unit) == 1
        clusters.drop_clusters(unit, [3])
        assert list(clusters.clusters(unit, [3, 7])) == [7]


def test_a_judgement_made_anew_keeps_the_former(shelf: Shelf) -> None:
    shelf.put(("BNU", "1", BibRecord("cnmarc", title="呐喊")), ("CLCN", "a", BibRecord("cnmarc", title="吶喊")))
    one, other = shelf.name("BNU", "1"), shelf.name("CLCN", "a")
    with shelf.database.write() as unit:
        judgements.judge(unit, one, other, same=True, who="甲", reason="同书", now="2026-01-01")
        judgements.judge(unit, other, one, same=False, who="乙", reason="不同版", now="2026-01-02")
        first, second = judgements.judgements_of(unit, other)
        assert (first.same, first.withdrawn, second.same, second.withdrawn) == (True, "2026-01-02", False, "")
        (link,) = judgements.links(unit)
        assert (link.same, {link.a, link.b}) == (False, set(shelf.ids.values()))
        seq, records = judgements.changed_judgements(unit, 0)
        assert records == set(shelf.ids.values())
        assert judgements.changed_judgements(unit, seq) == (seq, set())
        with pytest.raises(ValueError, match="itself"):
            judgements.judge(unit, one, one, same=True, who="甲", reason="", now="2026-01-03")
