"""A payment provider to try everything with (沙箱): it moves no money, and fails when it is told to.

It has books of its own, as a real provider has: they know what happened also where the answer got lost.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable
from datetime import datetime

import msgspec

from routing.gateway import GatewayError, GatewayTimeout, Order, sign

FAULTS = ("refuse", "timeout_before", "timeout_after")
"""What may happen to a call: it is refused; it never arrives; it is done, and the answer gets lost."""

NOTICES = ("ok", "lost", "twice", "forged", "wrong_amount")
"""What may happen to a notice."""


class SandboxGateway:
    """Thread-safe. `pay` and `cancel` are what a person does at the provider's page."""

    name = "sandbox"

    def __init__(self, secret: bytes, faults: Iterable[str] = (), notices: Iterable[str] = ()) -> None:
        """Calls and notices meet these fates in their order, then all goes well."""
        self.secret = secret
        self.faults = deque(faults)
        self.notices = deque(notices)
        self.sent: list[tuple[bytes, str]] = []  # notices on their way: body and signature
        self._orders: dict[str, Order] = {}
        self._lock = threading.Lock()

    def create(self, order: str, amount: int) -> str:
        with self._lock:
            fate = self.faults.popleft() if self.faults else ""
            self._meet(fate, before=True)
            known = self._orders.get(order)
            if known is not None and known.amount != amount:
                raise GatewayError(f"the order {order} is of {known.amount} fen")
            if known is None:
                self._orders[order] = Order(order, "open", amount, f"SB{len(self._orders) + 1:08}")
            self._meet(fate, before=False)
            return f"https://sandbox.invalid/pay/{self._orders[order].reference}"

    def query(self, order: str) -> Order | None:
        with self._lock:
            fate = self.faults.popleft() if self.faults else ""
            self._meet(fate, before=True)
            self._meet(fate, before=False)
            return self._orders.get(order)

    def pay(self, order: str, at: datetime) -> None:
        self._end(order, "paid", at)

    def cancel(self, order: str, at: datetime) -> None:
        self._end(order, "failed", at)

    def _meet(self, fate: str, before: bool) -> None:
        if fate == "refuse" and before:
            raise GatewayError("the sandbox was told to refuse")
        if fate == ("timeout_before" if before else "timeout_after"):
            raise GatewayTimeout("the sandbox was told to say nothing")

    def _end(self, order: str, state: str, at: datetime) -> None:
        with self._lock:
            its = self._orders[order]
            if its.state == "open":
                its = self._orders[order] = msgspec.structs.replace(its, state=state)
            fate = self.notices.popleft() if self.notices else "ok"
            if fate == "wrong_amount":
                its = msgspec.structs.replace(its, amount=its.amount + 1)
            body = msgspec.json.encode(its)
            signature = sign(b"forged" if fate == "forged" else self.secret, body, at)
            self.sent += [(body, signature)] * {"lost": 0, "twice": 2}.get(fate, 1)
