"""Readers' prepaid accounts (预付款账户), kept in the ledger, with a payment provider behind them.

Invariant: balance + allowance ≥ what is held, for every reader: what was promised can be taken.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from mappings.settlement import BEIJING, Posting, Transaction
from routing.gateway import BadNotice, Gateway, GatewayError, Order, read_notice
from routing.payment import Quote, Result
from routing.tariffs import Reward, Tariff, TopUpBonus
from store import ledger, payments
from store.database import Database, Unit
from store.ledger import Entry
from store.payments import Payment


class PrepaidAccounts:
    """The payment port on the ledger. Discounts and rewards are those of the tariff."""

    name = "prepaid"

    def __init__(
        self, tariff: Tariff, gateway: Gateway, secret: bytes, allowances: Mapping[int, int] | None = None
    ) -> None:
        """`secret` is what the provider signs its notices with; `allowances` are fen below zero, by reader."""
        self._tariff = tariff
        self._gateway = gateway
        self._secret = secret
        self._allowances = allowances or {}

    # ------------------------------------------------------------------------------------------ spending

    def balance(self, unit: Unit, reader: int) -> int:
        return ledger.balance(unit, f"reader:{reader}")

    def available(self, unit: Unit, reader: int) -> int:
        """What he can promise: less than the balance where something is held, more where he has an allowance."""
        return self.balance(unit, reader) + self._allowances.get(reader, 0) - payments.held(unit, reader)

    def quote(self, unit: Unit, *, reader: int, price: int) -> Quote:
        available = self.available(unit, reader)
        return Quote(price, price, available, available >= price)

    def hold(
        self, unit: Unit, key: str, *, reader: int, amount: int, at: datetime, request_id: int = 0, library: str = ""
    ) -> Result:
        _require_amount(amount)
        payments.lock_reader(unit, reader)
        known = payments.get(unit, key)
        if known is not None:
            same = (known.kind, known.reader, known.amount) == ("hold", reader, amount)
            return Result("again" if same else "conflict", known.amount)
        if self.available(unit, reader) < amount:
            return Result("insufficient", amount)
        payments.add(unit, key, "hold", "held", reader, amount, at, request_id=request_id, library=library)
        return Result("done", amount)

    def capture(self, unit: Unit, key: str, *, amount: int, at: datetime) -> Result:
        _require_amount(amount)
        its = _hold(unit, key)
        if its is None:
            return Result("unknown")
        if its.state == "captured":
            return Result("again" if its.taken == amount else "conflict", its.taken)
        if its.state != "held":
            return Result("ended")
        if amount > its.amount:
            return Result("too_much", its.amount)
        _move(unit, its, "capture", "capture", f"fees:{its.library}", -amount, at)
        payments.change(unit, its, state="captured", taken=amount, ended=at)
        return Result("done", amount)

    def release(self, unit: Unit, key: str, *, at: datetime) -> Result:
        its = _hold(unit, key)
        if its is None:
            return Result("unknown")
        if its.state == "released":
            return Result("again", its.amount)
        if its.state != "held":
            return Result("ended", its.taken)
        payments.change(unit, its, state="released", ended=at)
        return Result("done", its.amount)

    def refund(self, unit: Unit, key: str, refund_key: str, *, amount: int, at: datetime) -> Result:
        _require_amount(amount)
        its = _hold(unit, key)
        if its is None:
            return Result("unknown")
        done = ledger.get(unit, f"payment/{its.id}/refund/{refund_key}")
        if done is not None:
            returned = done.transaction.postings[0].amount
            return Result("again" if returned == amount else "conflict", returned)
        if its.state != "captured":
            return Result("ended")
        if its.returned + amount > its.taken:
            return Result("too_much", its.taken - its.returned)
        _move(unit, its, "refund", f"refund/{refund_key}", f"fees:{its.library}", amount, at)
        payments.change(unit, its, returned=its.returned + amount)
        return Result("done", amount)

    # ------------------------------------------------------------------------------------------ paying in

    def top_up(self, unit: Unit, key: str, *, reader: int, amount: int, at: datetime) -> Result:
        _require_amount(amount)
        if amount == 0:
            return Result("too_much")
        if not payments.add(unit, key, "top_up", "waiting", reader, amount, at, provider=self._gateway.name):
            known = payments.get(unit, key)
            same = known is not None and (known.kind, known.reader, known.amount) == ("top_up", reader, amount)
            return Result("again" if same else "conflict", amount)
        return Result("waiting", amount)

    def pay_page(self, key: str, amount: int) -> str:
        """Where the person pays; asked of the provider after the top-up is stored, and as often as one likes.

        Raises GatewayError; GatewayTimeout says that the order may be there nevertheless.
        """
        return self._gateway.create(key, amount)

    def notified(self, unit: Unit, body: bytes, signature: str, at: datetime) -> Result:
        """Take a notice of the provider."""
        try:
            order = read_notice(self._secret, body, signature, at)
        except BadNotice:
            return Result("signature")
        return self.settle_order(unit, order, at)

    def settle_order(self, unit: Unit, order: Order, at: datetime) -> Result:
        """Do what has become of an order: money that came in is there, once, however often that is told."""
        its = payments.get(unit, order.order)
        if its is None or its.kind != "top_up" or its.provider != self._gateway.name:
            return Result("unknown")
        if order.amount != its.amount:
            return Result("amount", its.amount)
        if its.state == "paid":
            return Result("again", its.amount)
        if order.state == "failed":
            payments.change(unit, its, state="failed", reference=order.reference, ended=at)
            return Result("failed")
        if order.state != "paid":
            return Result("waiting", its.amount)
        # Also after it was told to have failed: the money is there.
        _move(unit, its, "top_up", "top_up", f"provider:{its.provider}", its.amount, at)
        bonus = best_bonus(self._tariff.bonuses, its.amount, its.created)
        if bonus is not None:
            _move(unit, its, "bonus", "bonus", f"subsidy:{bonus.paid_by}", bonus.bonus, at, bonus.name)
        values = {"state": "paid", "reference": order.reference, "ended": at, "rule": bonus.name if bonus else ""}
        payments.change(unit, its, **values)
        return Result("done", its.amount + (bonus.bonus if bonus else 0))

    def reconcile(self, database: Database, now: datetime, before: datetime) -> int:
        """Ask the provider for orders begun before a time whose end it has not told. Returns how many it knew of."""
        with database.read() as unit:
            open_ = payments.waiting(unit, self._gateway.name, before)
        ended = 0
        for its in open_:
            try:
                order = self._gateway.query(its.key)
            except GatewayError:
                continue  # the next time, then
            if order is None or order.state == "open":
                continue
            with database.write() as unit:
                self.settle_order(unit, order, now)
            ended += 1
        return ended

    # ------------------------------------------------------------------------------------------ rewards

    def reward(self, unit: Unit, *, reader: int, request_id: int, at: datetime) -> Result:
        """提交申请有奖: what the reader gets for a request, once for each."""
        payments.lock_reader(unit, reader)
        given = 0
        for rule in _in_force(self._tariff.rewards, at):
            if rule.at_most and payments.rewards(unit, reader, rule.name) >= rule.at_most:
                continue
            key = f"reward/{rule.name}/{request_id}"
            if payments.add(
                unit, key, "reward", "paid", reader, rule.amount, at, request_id=request_id, rule=rule.name
            ):
                its = payments.get(unit, key)
                assert its is not None
                _move(unit, its, "reward", "reward", f"subsidy:{rule.paid_by}", rule.amount, at, rule.name)
                given += rule.amount
        return Result("done" if given else "again", given)


def best_bonus(bonuses: tuple[TopUpBonus, ...], amount: int, at: datetime) -> TopUpBonus | None:
    """The greatest that the amount reaches on that day."""
    day = at.astimezone(BEIJING).date().isoformat()
    fitting = [rule for rule in bonuses if rule.first <= day <= rule.last and amount >= rule.at_least and rule.bonus]
    return max(fitting, key=lambda rule: (rule.bonus, rule.name), default=None)


def _in_force(rewards: tuple[Reward, ...], at: datetime) -> list[Reward]:
    day = at.astimezone(BEIJING).date().isoformat()
    return [rule for rule in rewards if rule.first <= day <= rule.last and rule.amount]


def _require_amount(amount: int) -> None:
    if amount < 0:
        raise ValueError(f"{amount} fen can't be paid")


def _hold(unit: Unit, key: str) -> Payment | None:
    """Of one reader at a time: what is available is added up of several tables, which must be of one moment."""
    reader = payments.reader_of(unit, key)
    if reader is None:
        return None
    payments.lock_reader(unit, reader)  # first, as `hold` does
    its = payments.get(unit, key)
    return its if its is not None and its.kind == "hold" else None


def _move(
    unit: Unit, its: Payment, kind: str, step: str, other: str, amount: int, at: datetime, rule: str = ""
) -> None:
    """Move so much to the reader's account from the other one; the ledger does it once for each step of a payment."""
    postings = (
        Posting(f"reader:{its.reader}", amount, kind, rule, 1, amount),
        Posting(other, -amount, kind, rule, 1, -amount),
    )
    ledger.post(unit, [Entry(f"payment/{its.id}/{step}", Transaction(kind, postings))], at)
