"""Readers' payments, from the quote to the refund, with a provider that fails when it is told to."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ledger_cases import record
from sqlalchemy import select

from routing.gateway import BadNotice, GatewayError, GatewayTimeout, Order, read_notice, sign
from routing.payment import TEXTS, NoPayments, PaymentPort, Result
from routing.prepaid import PrepaidAccounts
from routing.sandbox import SandboxGateway
from routing.tariffs import Reward, Tariff, TopUpBonus, parse
from store import ledger, payments
from store.database import Database, Unit
from store.ledger_months import problems

NOW = datetime(2026, 11, 2, 4, tzinfo=UTC)
SECRET = b"sandbox secret"
READER, OTHER = 4711, 4712

BONUSES = (
    TopUpBonus("small", 5000, 300, "BALIS"),
    TopUpBonus("large", 10000, 1000, "BALIS", "2026-11-01", "2026-11-30"),
)
REWARDS = (Reward("first", 100, "CAPITAL", at_most=2),)


class Undone(Exception):  # noqa: N818 — it says what has become of the transaction
    """Raised at the end of a transaction that is to leave nothing."""


def accounts(gateway: SandboxGateway | None = None, **allowances: int) -> PrepaidAccounts:
    given = {int(name[1:]): fen for name, fen in allowances.items()}
    return PrepaidAccounts(Tariff((), BONUSES, REWARDS), gateway or SandboxGateway(SECRET), SECRET, given)


def pay_in(unit: Unit, port: PrepaidAccounts, amount: int, reader: int = READER) -> None:
    """Without a bonus: as money that the provider tells of."""
    key = f"in/{reader}/{amount}/{len(payments.of_reader(unit, reader))}"
    assert port.top_up(unit, key, reader=reader, amount=amount, at=NOW - timedelta(days=400)).code == "waiting"
    told = port.settle_order(unit, Order(key, "paid", amount, "R"), NOW)
    assert told.ok


def test_by_default_nobody_pays_and_nothing_is_written(database: Database) -> None:
    port: PaymentPort = NoPayments()
    with database.write() as unit:
        assert port.quote(unit, reader=READER, price=600).payable == 0
        assert port.hold(unit, "1", reader=READER, amount=600, at=NOW).ok
        assert port.capture(unit, "1", amount=600, at=NOW).amount == 0
        assert port.release(unit, "1", at=NOW).ok
        assert port.refund(unit, "1", "1", amount=5, at=NOW).ok
        assert not port.top_up(unit, "1", reader=READER, amount=600, at=NOW).ok
        assert ledger.transactions(unit) == []
        assert unit.execute(select(payments.payment)).all() == []


def test_a_price_is_held_captured_and_given_back(database: Database) -> None:
    port: PaymentPort = accounts()
    with database.write() as unit:
        pay_in(unit, accounts(), 2000)
        assert port.hold(unit, "甲", reader=READER, amount=1600, at=NOW, request_id=7, library="THU") == Result(
            "done", 1600
        )
        assert port.quote(unit, reader=READER, price=500).enough is False
        assert port.quote(unit, reader=READER, price=400).enough is True
        assert port.hold(unit, "乙", reader=READER, amount=401, at=NOW).code == "insufficient"
        assert port.capture(unit, "甲", amount=1601, at=NOW).code == "too_much"
        assert port.capture(unit, "甲", amount=600, at=NOW) == Result("done", 600)
        assert ledger.balances(unit) == {"fees:THU": 600, "provider:sandbox": -2000, f"reader:{READER}": 1400}
        assert port.refund(unit, "甲", "坏", amount=601, at=NOW) == Result("too_much", 600)
        assert port.refund(unit, "甲", "坏", amount=250, at=NOW) == Result("done", 250)
        assert port.refund(unit, "甲", "坏", amount=250, at=NOW) == Result("again", 250)
        assert port.refund(unit, "甲", "坏", amount=251, at=NOW).code == "conflict"
        assert port.refund(unit, "甲", "又", amount=351, at=NOW) == Result("too_much", 350)
        assert ledger.balances(unit)[f"reader:{READER}"] == 1650
        assert list(problems(unit)) == []


def test_each_step_is_taken_once_and_none_after_the_end(database: Database) -> None:
    port = accounts()
    with database.write() as unit:
        pay_in(unit, port, 2000)
        for _ in range(2):
            assert port.hold(unit, "甲", reader=READER, amount=600, at=NOW).ok
            assert port.hold(unit, "乙", reader=READER, amount=300, at=NOW).ok
        assert payments.held(unit, READER) == 900
        assert port.hold(unit, "甲", reader=READER, amount=601, at=NOW).code == "conflict"
        assert port.hold(unit, "甲", reader=OTHER, amount=600, at=NOW).code == "conflict"
        assert [port.capture(unit, "甲", amount=600, at=NOW).code for _ in range(2)] == ["done", "again"]
        assert port.capture(unit, "甲", amount=500, at=NOW).code == "conflict"
        assert port.release(unit, "甲", at=NOW).code == "ended"
        assert [port.release(unit, "乙", at=NOW).code for _ in range(2)] == ["done", "again"]
        assert port.capture(unit, "乙", amount=300, at=NOW).code == "ended"
        assert port.refund(unit, "乙", "1", amount=1, at=NOW).code == "ended"
        for key in ("没有", "in/4711/2000/0"):
            assert port.capture(unit, key, amount=1, at=NOW).code == "unknown"
            assert port.release(unit, key, at=NOW).code == "unknown"
            assert port.refund(unit, key, "1", amount=1, at=NOW).code == "unknown"
        assert port.available(unit, READER) == port.balance(unit, READER) == 1400
        with pytest.raises(ValueError, match="can't be paid"):
            port.hold(unit, "丙", reader=READER, amount=-1, at=NOW)


def test_an_allowance_lets_a_balance_go_below_zero_and_no_further(database: Database) -> None:
    port = accounts(_4711=500)
    with database.write() as unit:
        assert port.hold(unit, "甲", reader=READER, amount=501, at=NOW).code == "insufficient"
        assert port.hold(unit, "甲", reader=READER, amount=500, at=NOW).ok
        assert port.capture(unit, "甲", amount=500, at=NOW).ok
        assert port.balance(unit, READER) == -500
        assert port.hold(unit, "乙", reader=READER, amount=1, at=NOW).code == "insufficient"
        assert port.hold(unit, "丙", reader=OTHER, amount=1, at=NOW).code == "insufficient"


def test_what_a_reader_pays_meets_what_readers_owe(database: Database) -> None:
    """The ledger's side of a fill names no reader; the capture closes it."""
    paid = parse(
        "rules:\n"
        "  - {name: copy, service: copy, prices: {page: 0.3}, assumption: 测试}\n"
        "  - {name: loan, service: loan, prices: {article: 0}, assumption: 测试}\n"
        "  - {name: search, charge: search, prices: {search: 2}, assumption: 测试}\n"
        "  - {name: reader, charge: reader, prices: {page: 0.1}, assumption: 测试}\n",
        "paid.yaml",
    )
    port = accounts()
    with database.write() as unit:
        pay_in(unit, port, 2000)
        assert port.hold(unit, "甲", reader=READER, amount=300, at=NOW, library="THU").ok
        record(unit, 1, tariff=paid)
        assert ledger.balance(unit, "fees:THU") == -200
        assert port.capture(unit, "甲", amount=200, at=NOW).ok
        assert ledger.balance(unit, "fees:THU") == 0
        assert ledger.balance(unit, "subsidy:BALIS") == -400
        assert not any(
            "reader:" in line.account for one in ledger.of_request(unit, 1) for line in one.transaction.postings
        )


# ---------------------------------------------------------------------------------------------- paying in


def test_money_is_there_when_the_provider_says_so_with_the_bonus_of_the_day(database: Database) -> None:
    gateway = SandboxGateway(SECRET)
    port = accounts(gateway)
    with database.write() as unit:
        assert [port.top_up(unit, "甲", reader=READER, amount=10000, at=NOW).code for _ in range(2)] == [
            "waiting", "again",
        ]  # fmt: skip
        assert port.top_up(unit, "甲", reader=READER, amount=1, at=NOW).code == "conflict"
        assert port.top_up(unit, "乙", reader=READER, amount=0, at=NOW).code == "too_much"
    assert port.pay_page("甲", 10000) == port.pay_page("甲", 10000) == "https://sandbox.invalid/pay/SB00000001"
    gateway.pay("甲", NOW)
    ((body, signature),) = gateway.sent
    with database.write() as unit:
        assert port.balance(unit, READER) == 0
        assert port.notified(unit, body, signature, NOW) == Result("done", 11000)
        assert port.notified(unit, body, signature, NOW) == Result("again", 10000)
        assert ledger.balances(unit) == {
            "provider:sandbox": -10000, f"reader:{READER}": 11000, "subsidy:BALIS": -1000,
        }  # fmt: skip
        (its,) = payments.of_reader(unit, READER)
    assert (its.state, its.reference, its.rule, its.ended) == ("paid", "SB00000001", "large", NOW)


@pytest.mark.parametrize(
    ("day", "amount", "bonus"),
    [("2026-10-31", 10000, 300), ("2026-11-30", 10000, 1000), ("2026-12-01", 10000, 300), ("2026-11-30", 4999, 0)],
)
def test_a_bonus_is_for_its_days_and_from_its_amount(database: Database, day: str, amount: int, bonus: int) -> None:
    port = accounts()
    at = datetime.fromisoformat(f"{day}T12:00:00+08:00")
    with database.write() as unit:
        port.top_up(unit, "甲", reader=READER, amount=amount, at=at)
        assert port.settle_order(unit, Order("甲", "paid", amount), at + timedelta(days=9)).amount == amount + bonus


def test_a_notice_that_the_provider_did_not_send_moves_nothing(database: Database) -> None:
    gateway = SandboxGateway(SECRET, notices=["forged", "wrong_amount", "ok"])
    port = accounts(gateway)
    with database.write() as unit:
        port.top_up(unit, "甲", reader=READER, amount=5000, at=NOW)
        gateway.create("甲", 5000)
        gateway.create("别的系统的订单", 5000)
        for _ in range(2):
            gateway.pay("甲", NOW)
        gateway.pay("别的系统的订单", NOW)
        codes = [port.notified(unit, body, signature, NOW).code for body, signature in gateway.sent]
        assert codes == ["signature", "amount", "unknown"]
        body, signature = msgspec.json.encode(Order("甲", "paid", 5000)), ""
        for wrong in ("", "t=,v1=", "t=5", "v1=ab", "t=²,v1=a", sign(b"x", body, NOW), sign(SECRET, body + b" ", NOW)):
            assert port.notified(unit, body, wrong, NOW).code == "signature"
        signature = sign(SECRET, body, NOW - timedelta(minutes=6))
        assert port.notified(unit, body, signature, NOW).code == "signature"
        assert ledger.transactions(unit) == []
        assert port.notified(unit, body, sign(SECRET, body, NOW - timedelta(minutes=4)), NOW).ok


@pytest.mark.parametrize("body", [b"", b"[]", b'{"order": "x"}', b'{"order":"x","state":"rich","amount":1}', b"\xff"])
def test_a_signed_notice_that_is_none_is_refused(body: bytes) -> None:
    with pytest.raises(BadNotice):
        read_notice(SECRET, body, sign(SECRET, body, NOW), NOW)


@given(body=st.binary(max_size=60), signature=st.text(max_size=80))
def test_nobody_makes_a_notice_without_the_secret(body: bytes, signature: str) -> None:
    with pytest.raises(BadNotice):
        read_notice(SECRET, body, signature, NOW)


def test_an_order_that_failed_can_still_be_paid_and_one_that_is_paid_stays_so(database: Database) -> None:
    port = accounts()
    with database.write() as unit:
        port.top_up(unit, "甲", reader=READER, amount=4000, at=NOW)
        assert port.settle_order(unit, Order("甲", "open", 4000), NOW).code == "waiting"
        assert port.settle_order(unit, Order("甲", "failed", 4000), NOW).code == "failed"
        assert port.settle_order(unit, Order("甲", "paid", 4000), NOW) == Result("done", 4000)
        assert port.settle_order(unit, Order("甲", "failed", 4000), NOW).code == "again"
        assert port.balance(unit, READER) == 4000


@pytest.mark.parametrize("fault", ["refuse", "timeout_before", "timeout_after"])
@pytest.mark.parametrize("notice", ["lost", "twice"])
def test_whatever_the_provider_does_the_money_is_there_once_in_the_end(
    database: Database, fault: str, notice: str
) -> None:
    gateway = SandboxGateway(SECRET, faults=[fault], notices=[notice])
    port = accounts(gateway)
    with database.write() as unit:
        port.top_up(unit, "甲", reader=READER, amount=4000, at=NOW)
        port.top_up(unit, "没有付", reader=READER, amount=4000, at=NOW)
    with pytest.raises(GatewayTimeout if "timeout" in fault else GatewayError):
        port.pay_page("甲", 4000)
    port.pay_page("甲", 4000)
    gateway.pay("甲", NOW)
    for body, signature in gateway.sent:
        with database.write() as unit:
            assert port.notified(unit, body, signature, NOW).ok
    later = NOW + timedelta(hours=1)
    gateway.faults.extend([fault, fault])
    assert port.reconcile(database, later, before=later) == 0  # nobody there, or nothing new
    ended = port.reconcile(database, later, before=later)
    assert ended == (1 if notice == "lost" else 0)
    assert port.reconcile(database, later, before=later) == 0
    with database.read() as unit:
        assert port.balance(unit, READER) == 4000
        assert {its.key: its.state for its in payments.of_reader(unit, READER)} == {"甲": "paid", "没有付": "waiting"}
    gateway.create("取消", 4000)
    gateway.cancel("取消", NOW)
    with pytest.raises(GatewayError, match="is of 4000 fen"):
        gateway.create("取消", 1)


# ---------------------------------------------------------------------------------------------- rewards, data, races


def test_a_request_is_rewarded_once_and_a_reader_so_often(database: Database) -> None:
    port = accounts()
    with database.write() as unit:
        given = [port.reward(unit, reader=READER, request_id=number, at=NOW).amount for number in (1, 1, 2, 3)]
        assert given == [100, 0, 100, 0]
        assert port.reward(unit, reader=OTHER, request_id=4, at=NOW).amount == 100
        assert ledger.balances(unit) == {f"reader:{READER}": 200, f"reader:{OTHER}": 100, "subsidy:CAPITAL": -300}


def test_what_a_reader_paid_for_is_forgotten_and_the_money_is_not(database: Database) -> None:
    port = accounts()
    with database.write() as unit:
        pay_in(unit, port, 2000)
        for number in (7, 8):
            port.hold(unit, f"r/{number}", reader=READER, amount=600, at=NOW, request_id=number, library="THU")
        port.capture(unit, "r/7", amount=600, at=NOW)
        assert ledger.of_request(unit, 7) == []
        assert payments.forget_requests(unit, [7, 8, 9]) == 1  # what is held is not over yet
        assert {its.request_id for its in payments.of_reader(unit, READER)} == {0, 8}
        assert not any("r/7" in its.key for its in payments.of_reader(unit, READER))
        assert port.balance(unit, READER) == 1400


def test_of_many_that_spend_at_once_only_so_many_get_it_as_there_is_money(database: Database) -> None:
    port = accounts()
    with database.write() as unit:
        pay_in(unit, port, 1000)
    begin, codes = threading.Barrier(8), list[str]()

    def work(number: int) -> None:
        own = Database(database.url.render_as_string(hide_password=False))
        begin.wait()
        with own.write() as unit:
            codes.append(port.hold(unit, f"r/{number}", reader=READER, amount=300, at=NOW).code)
        with own.write() as unit:
            port.capture(unit, f"r/{number}", amount=300, at=NOW)
        own.close()

    workers = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(codes) == ["done"] * 3 + ["insufficient"] * 5
    with database.read() as unit:
        assert port.balance(unit, READER) == 100


KEYS = st.sampled_from(("a", "b", "c"))
FEN = st.integers(0, 1500)
ACTS = st.one_of(
    st.tuples(st.just("top_up"), KEYS, FEN),
    st.tuples(st.just("hold"), KEYS, FEN),
    st.tuples(st.just("capture"), KEYS, FEN),
    st.tuples(st.just("release"), KEYS),
    st.tuples(st.just("refund"), KEYS, KEYS, FEN),
    st.tuples(st.just("reward"), st.integers(1, 3)),
)


def act(unit: Unit, port: PrepaidAccounts, one: Any) -> None:
    name, *rest = one
    if name == "top_up":
        if port.top_up(unit, f"in/{rest[0]}", reader=READER, amount=rest[1], at=NOW).ok:
            port.settle_order(unit, Order(f"in/{rest[0]}", "paid", rest[1]), NOW)
    elif name == "hold":
        port.hold(unit, rest[0], reader=READER, amount=rest[1], at=NOW, library="THU")
    elif name == "capture":
        port.capture(unit, rest[0], amount=rest[1], at=NOW)
    elif name == "release":
        port.release(unit, rest[0], at=NOW)
    elif name == "refund":
        port.refund(unit, rest[0], rest[1], amount=rest[2], at=NOW)
    else:
        port.reward(unit, reader=READER, request_id=rest[0], at=NOW)


@given(acts=st.lists(ACTS, max_size=20), allowance=st.sampled_from((0, 400)))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_done_what_was_promised_can_be_taken(database: Database, acts: list[Any], allowance: int) -> None:
    port = accounts(_4711=allowance)
    with pytest.raises(Undone), database.write() as unit:
        for one in acts:
            act(unit, port, one)
            balance, held = port.balance(unit, READER), payments.held(unit, READER)
            assert balance + allowance >= held >= 0
            act(unit, port, one)  # the same again changes nothing
            assert (port.balance(unit, READER), payments.held(unit, READER)) == (balance, held)
        assert list(problems(unit)) == []
        assert sum(ledger.balances(unit).values()) == 0
        taken = sum(its.taken - its.returned for its in payments.of_reader(unit, READER))
        assert ledger.balance(unit, "fees:THU") == taken
        raise Undone


def test_every_result_is_told_in_both_languages() -> None:
    for code in TEXTS:
        result = Result(code)
        assert result.zh != result.en
        assert result.zh
        assert result.en.endswith(".")
