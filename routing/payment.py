"""What readers pay (支付接口): a port, and the adapter that is there by default and charges nothing.

The price is held when a request is made, captured when it is filled, released when it is not, and refunded when what
came was no good. Whoever calls names each of these by a key of his own: the same key does the same thing once. All of
it happens in the transaction that is handed in, so that a request and its payment are made together or not at all.
"""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from msgspec import Struct

from store.database import Unit

TEXTS = {
    "done": ("已完成", "Done."),
    "again": ("此前已完成", "It was done already."),
    "free": ("读者免费", "Readers pay nothing."),
    "waiting": ("等待支付", "It waits for the payment."),
    "insufficient": ("余额不足，请先充值", "The balance is not enough: top up first."),
    "unknown": ("没有这笔支付", "There is no such payment."),
    "conflict": ("同一编号已用于另一笔支付", "That key stands for another payment."),
    "ended": ("该笔支付已结束", "That payment has ended."),
    "too_much": ("金额超出", "The amount is more than there is."),
    "not_offered": ("未开通充值", "Nothing can be paid in here."),
    "signature": ("通知签名无效", "The signature of the notice is wrong."),
    "amount": ("通知金额与订单不符", "The amount is not that of the order."),
    "failed": ("支付未成功", "The payment was not made."),
}
"""Codes of results in Chinese and English."""

GOOD = frozenset(("done", "again", "free", "waiting"))


class Result(Struct, frozen=True):
    """What became of it."""

    code: str  # one of TEXTS
    amount: int = 0  # fen that were held, moved or given back by this payment

    @property
    def ok(self) -> bool:
        return self.code in GOOD

    @property
    def zh(self) -> str:
        return TEXTS[self.code][0]

    @property
    def en(self) -> str:
        return TEXTS[self.code][1]


class Quote(Struct, frozen=True):
    """What a reader will pay."""

    price: int  # by the tariff
    payable: int  # after what is not charged
    balance: int = 0  # that he has for it
    enough: bool = True


class PaymentPort(Protocol):
    """How a reader's money is dealt with. Amounts are fen, `at` is when, keys are the caller's."""

    name: str

    def quote(self, unit: Unit, *, reader: int, price: int) -> Quote:
        """What the reader would pay for something of that price, and whether he can."""

    def hold(
        self, unit: Unit, key: str, *, reader: int, amount: int, at: datetime, request_id: int = 0, library: str = ""
    ) -> Result:
        """Promise the amount to the library whose reader it is; he can't spend it otherwise meanwhile."""

    def capture(self, unit: Unit, key: str, *, amount: int, at: datetime) -> Result:
        """Take what was held, or less of it; the rest is free again."""

    def release(self, unit: Unit, key: str, *, at: datetime) -> Result:
        """Give up what was held."""

    def refund(self, unit: Unit, key: str, refund_key: str, *, amount: int, at: datetime) -> Result:
        """Give back what was captured, or a part of it."""

    def top_up(self, unit: Unit, key: str, *, reader: int, amount: int, at: datetime) -> Result:
        """Begin to pay in; it is there when the provider says so."""


class NoPayments:
    """Readers pay nothing (§2.2.2 of the study): the default."""

    name = "none"

    def quote(self, unit: Unit, *, reader: int, price: int) -> Quote:
        return Quote(price, 0)

    def hold(
        self, unit: Unit, key: str, *, reader: int, amount: int, at: datetime, request_id: int = 0, library: str = ""
    ) -> Result:
        return Result("free")

    def capture(self, unit: Unit, key: str, *, amount: int, at: datetime) -> Result:
        return Result("free")

    def release(self, unit: Unit, key: str, *, at: datetime) -> Result:
        return Result("free")

    def refund(self, unit: Unit, key: str, refund_key: str, *, amount: int, at: datetime) -> Result:
        return Result("free")

    def top_up(self, unit: Unit, key: str, *, reader: int, amount: int, at: datetime) -> Result:
        return Result("not_offered")
