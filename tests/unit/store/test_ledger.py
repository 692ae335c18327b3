"""The ledger: what is not balanced, not new or not in an open month can't get in; what is in can't be changed."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ledger_cases import DAY, START, STEPS, record, take
from sqlalchemy import delete, insert, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from mappings.settlement import Posting, Transaction
from routing import ledger as settlement
from store import ledger, ledger_months
from store.copying import copy_state
from store.database import Database, StoreError, Unit
from store.ledger_months import ClosedError, problems

PLAIN = Transaction("hop", (Posting("library:THU", -600, "page"), Posting("clearing:BALIS→BALIS", 600, "page")))


class Undone(Exception):  # noqa: N818 — it says what has become of the transaction
    """Raised at the end of a transaction that is to leave nothing."""


def ring(*amounts: int, txn_id: int = 1, **changes: Any) -> list[dict[str, Any]]:
    """Rows of postings as the ledger writes them, of amounts that need not sum to zero."""
    rows: list[dict[str, Any]] = []
    total = 0
    for line, amount in enumerate(amounts, 1):
        rows.append(
            {"txn_id": txn_id, "line": line, "account": "library:THU", "amount": amount, "item": "page", "rule": "",
             "quantity": 1, "price": 1, "before": total, "after": total + amount, "following": line % len(amounts) + 1}
            | changes
        )  # fmt: skip
        total += amount
    return rows


def add_txn(unit: Unit, txn_id: int = 1, period: str = "2026-09") -> None:
    unit.execute(
        insert(ledger.txn).values(
            id=txn_id, key=f"x/{txn_id}", kind="hop", request_id=0, entry=0, hop=0, payer="", payee="", from_side="",
            to_side="", service_at=START, posted_at=START, period=period, note="",
        )
    )  # fmt: skip


def require_whole(unit: Unit) -> None:
    """Raises where a deferred constraint would stop the commit."""
    if unit.dialect.name == "postgresql":
        unit.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
    else:
        assert unit.execute(text("PRAGMA foreign_key_check")).all() == []


def test_what_was_posted_is_read_back(database: Database) -> None:
    with database.write() as unit:
        assert ledger.post(unit, [ledger.Entry("甲", PLAIN)], START, request_id=7, entry=2, note="备注") == 1
    with database.read() as unit:
        (found,) = ledger.transactions(unit)
        assert ledger.get(unit, "甲") == found
        assert ledger.get(unit, "乙") is None
        assert ledger.of_request(unit, 7) == [found]
        assert ledger.balances(unit) == {"clearing:BALIS→BALIS": 600, "library:THU": -600}
        assert ledger.balances(unit, "library") == {"library:THU": -600}
        assert ledger.balance(unit, "library:NOBODY") == 0
        assert list(problems(unit)) == []
    assert found.transaction == PLAIN
    assert (found.period, found.service_at, found.note) == ("2026-09", START, "备注")
    assert abs((found.posted_at - datetime.now(UTC)).total_seconds()) < 5


def test_a_key_is_posted_once(database: Database) -> None:
    with database.write() as unit:
        assert ledger.post(unit, [ledger.Entry("甲", PLAIN), ledger.Entry("甲", PLAIN)], START) == 1
        assert ledger.post(unit, [ledger.Entry("甲", PLAIN)], START) == 0
    with database.write() as unit:
        assert ledger.post(unit, [ledger.Entry("甲", PLAIN)], START + DAY) == 0
        assert len(ledger.transactions(unit)) == 1


@pytest.mark.parametrize("amounts", [(600, -599), (0,), (), (600,)])
def test_the_program_posts_nothing_that_is_not_balanced(database: Database, amounts: tuple[int, ...]) -> None:
    lines = tuple(Posting("library:THU", amount) for amount in amounts)
    with pytest.raises(ValueError, match="not to zero"), database.write() as unit:
        ledger.post(unit, [ledger.Entry("甲", msgspec.structs.replace(PLAIN, postings=lines))], START)
    with database.read() as unit:
        assert ledger.transactions(unit) == []


@pytest.mark.parametrize(
    "rows",
    [
        ring(600, -599),
        ring(600),
        [{**ring(600, -600)[0]}],
        [ring(600, -600)[0], {**ring(600, -600)[1], "before": 0, "after": -600}],
        [*ring(600, -600), {**ring(5)[0], "line": 3, "before": -5, "after": 0, "following": 1}],
        [*ring(600, -600), {**ring(5)[0], "line": 3, "before": 0, "after": 5, "following": 3}],
        [{**ring(600)[0], "after": 0}],
    ],
    ids=["a_fen_too_few", "one_line", "half_of_it", "chain_broken", "hung_on", "ring_of_one", "wrong_total"],
)
def test_the_database_commits_nothing_that_is_not_balanced(database: Database, rows: list[dict[str, Any]]) -> None:
    """Whoever writes past the program."""
    with pytest.raises(IntegrityError), database.write() as unit:
        add_txn(unit)
        unit.execute(insert(ledger.posting), rows)
    with database.read() as unit:
        assert ledger.transactions(unit) == []


@given(amounts=st.lists(st.integers(-1000, 1000), min_size=1, max_size=5), closing=st.booleans())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_database_commits_what_sums_to_zero_and_nothing_else(
    database: Database, amounts: list[int], closing: bool
) -> None:
    if closing:
        amounts = [*amounts, -sum(amounts)]
    try:
        with database.write() as unit:
            add_txn(unit)
            unit.execute(insert(ledger.posting), ring(*amounts))
            if unit.dialect.name == "postgresql":
                unit.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
            whole = unit.dialect.name != "sqlite" or not unit.execute(text("PRAGMA foreign_key_check")).all()
            raise Undone
    except IntegrityError:
        whole = False
    except Undone:
        pass
    assert whole == (sum(amounts) == 0)


@pytest.mark.parametrize("table", [ledger.supply, ledger.txn, ledger.posting, ledger.period], ids=lambda it: it.name)
@pytest.mark.parametrize("change", ["update", "delete"])
def test_nothing_is_changed_or_taken_away(database: Database, table: Any, change: str) -> None:
    with database.write() as unit:
        record(unit)
        settlement.close_month(unit, "2026-09", START + 60 * DAY)
    column = next(iter(table.primary_key.columns))
    statement = update(table).values({column: column}) if change == "update" else delete(table)
    with pytest.raises(DBAPIError, match="only added to"), database.write() as unit:
        unit.execute(statement)
    with database.read() as unit:
        assert unit.execute(select(table)).first() is not None


def test_a_closed_month_takes_nothing_and_none_before_it(database: Database) -> None:
    with database.write() as unit:
        record(unit, at=START + 35 * DAY)
        settlement.close_month(unit, "2026-10", START + 90 * DAY)
    for period in ("2026-09", "2026-10"):
        with pytest.raises(DBAPIError, match="month is closed"), database.write() as unit:
            add_txn(unit, 99, period)
    with database.read() as unit:
        first = ledger.transactions(unit)[0].id
    with pytest.raises(DBAPIError, match="month is closed"), database.write() as unit:
        unit.execute(insert(ledger.posting), [row | {"line": row["line"] + 50, "following": 103 - row["line"]}
                                              for row in ring(5, -5, txn_id=first)])  # fmt: skip
    with database.write() as unit:
        add_txn(unit, 99, "2026-11")
        unit.execute(insert(ledger.posting), ring(1, -1, txn_id=99))


def test_what_comes_late_stands_in_the_month_after_with_its_own_day(database: Database) -> None:
    with database.write() as unit:
        record(unit, 1)
        settlement.close_month(unit, "2026-09", START + 60 * DAY)
        record(unit, 2)
        late = ledger.of_request(unit, 2)
    assert {one.period for one in late} == {"2026-10"}
    assert {one.service_at for one in late} == {START}


def test_months_are_closed_in_their_order_and_once(database: Database) -> None:
    later = START + 200 * DAY
    with database.write() as unit:
        record(unit, 1)
        record(unit, 2, at=START + 40 * DAY)
        with pytest.raises(ClosedError, match="2026-09 comes before 2026-10"):
            settlement.close_month(unit, "2026-10", later)
        with pytest.raises(ClosedError, match="not over yet"):
            settlement.close_month(unit, "2026-09", START + DAY)
        with pytest.raises(ClosedError, match="not settled"):
            ledger_months.close_period(unit, "2026-09", later, 0)
        closed = settlement.close_month(unit, "2026-09", later, who=5)
        with pytest.raises(ClosedError, match="2026-09 is closed"):
            settlement.close_month(unit, "2026-09", later)
        with pytest.raises(ClosedError, match="closed and settled"):
            settlement.settle_month(unit, "2026-09", later)
        october = settlement.close_month(unit, "2026-10", later)
        empty = settlement.close_month(unit, "2026-12", later)
        assert ledger_months.closed_periods(unit) == [closed, october, empty]
    assert (closed.closed_by, closed.transactions) == (5, 5)  # two hops, the reader's, two settlements
    assert empty.transactions == 0


def test_the_check_sees_what_somebody_did_past_the_triggers(database: Database) -> None:
    with database.write() as unit:
        record(unit, 1)
        record(unit, 2, at=START + DAY)
        settlement.reverse_supply(unit, request_id=2, entry=1, at=START + 2 * DAY, reason="复印不清")
        settlement.close_month(unit, "2026-09", START + 60 * DAY)
        assert list(problems(unit)) == []
    with pytest.raises(Undone), database.write() as unit:
        for one in _triggers(unit):
            unit.execute(text(one))
        back = unit.execute(select(ledger.txn.c.id).where(ledger.txn.c.reverses.is_not(None))).scalars().first()
        unit.execute(update(ledger.posting).where(ledger.posting.c.txn_id == back).values(rule="别的"))
        unit.execute(insert(ledger.supply).values(request_id=9, entry=1, round=0, at=START, facts="{}"))
        add_txn(unit, 77, "2026-09")
        found = {(one.what, one.name) for one in problems(unit)}
        assert {what for what, _ in found} == {"transaction", "reversal", "supply", "month"}
        assert ("transaction", "x/77") in found
        assert ("supply", "9/1") in found
        assert ("month", "2026-09") in found
        raise Undone


def _triggers(unit: Unit) -> list[str]:
    if unit.dialect.name == "sqlite":
        names = unit.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name LIKE 'ledger%'"))
        return [f"DROP TRIGGER {name}" for name in names.scalars().all()]
    return [f"ALTER TABLE {table} DISABLE TRIGGER USER" for table in ("ledger_txn", "ledger_posting", "ledger_supply")]


def test_two_that_post_the_same_post_it_once(database: Database) -> None:
    begin = threading.Barrier(4)

    def work() -> None:
        own = Database(database.url.render_as_string(hide_password=False))
        begin.wait()
        with own.write() as unit:
            record(unit)
        own.close()

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    with database.read() as unit:
        assert len(ledger.transactions(unit)) == 3
        assert list(problems(unit)) == []


def test_nothing_slips_into_a_month_that_is_being_closed(database: Database) -> None:
    """Closing waits for who is posting; who comes after it posts to the next month."""
    with database.write() as unit:
        record(unit, 1)
    posting, closed = threading.Event(), threading.Event()

    def close() -> None:
        own = Database(database.url.render_as_string(hide_password=False))
        posting.wait(10)
        with own.write() as unit:
            settlement.close_month(unit, "2026-09", START + 60 * DAY)
        closed.set()
        own.close()

    closing = threading.Thread(target=close)
    closing.start()
    with database.write() as unit:
        record(unit, 2)
        posting.set()
        assert not closed.wait(0.5)
    closing.join()
    with database.write() as unit:
        record(unit, 3)
        assert {one.period for one in ledger.of_request(unit, 2)} == {"2026-09"}
        assert {one.period for one in ledger.of_request(unit, 3)} == {"2026-10"}
        assert list(problems(unit)) == []


def test_a_ledger_with_closed_months_can_be_copied(
    database: Database, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with database.write() as unit:
        record(unit, 1)
        record(unit, 2, at=START + 40 * DAY)
        settlement.reverse_supply(unit, request_id=1, entry=1, at=START + 3 * DAY, reason="复印不清")
        settlement.close_month(unit, "2026-09", START + 60 * DAY)
    other = Database(f"sqlite:///{tmp_path_factory.mktemp('other') / 'state.db'}")
    counts = copy_state(database, other)
    assert counts["ledger_txn"] == 9
    with database.read() as unit, other.read() as copied:
        assert ledger.transactions(copied) == ledger.transactions(unit)
        assert list(problems(copied)) == []
    with pytest.raises(StoreError, match="not empty"):
        copy_state(database, other)
    other.close()


@given(steps=st.lists(STEPS, max_size=14))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_happens_the_ledger_is_right(database: Database, steps: list[Any]) -> None:
    with pytest.raises(Undone), database.write() as unit:
        for step in steps:
            take(unit, step)
            assert list(problems(unit)) == []
        require_whole(unit)
        assert sum(ledger.balances(unit).values()) == 0
        before = ledger.transactions(unit)
        for step in steps:
            if step[0] in ("supply", "reverse"):
                take(unit, step)
        again = ledger.transactions(unit)
        assert again[: len(before)] == before
        assert list(problems(unit)) == []
        raise Undone
