"""A payment provider as the prepaid account sees it: orders, signed notices of what became of them, and questions.

A notice proves itself by HMAC-SHA256 over its time and its body, and is good for five minutes, so that nobody can make
one or send an old one again. A notice may come twice, late or never: then the provider is asked.
"""

from __future__ import annotations

import hmac
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Protocol

import msgspec
from msgspec import Struct

GOOD_FOR = timedelta(minutes=5)

ORDER_STATES = ("open", "paid", "failed")


class GatewayError(Exception):
    """The provider said no, or something that nobody understands."""


class GatewayTimeout(GatewayError):  # noqa: N818 — it says what has happened
    """The provider said nothing in time: whether it did what it was asked is not known."""


class BadNotice(GatewayError):  # noqa: N818
    """A notice that the provider didn't send, or sent long ago."""


class Order(Struct, frozen=True, forbid_unknown_fields=True):
    """What the provider knows of an order: the body of a notice, and the answer to a question."""

    order: str  # our key
    state: str  # one of ORDER_STATES
    amount: int  # fen
    reference: str = ""  # the provider's own


class Gateway(Protocol):
    name: str

    def create(self, order: str, amount: int) -> str:
        """Open an order, or find the one that is there; the address at which a person pays. Raises GatewayError."""

    def query(self, order: str) -> Order | None:
        """What has become of the order; None = the provider has none. Raises GatewayError."""


def sign(secret: bytes, body: bytes, at: datetime) -> str:
    """`t=<seconds since 1970>,v1=<hex>`"""
    seconds = int(at.timestamp())
    return f"t={seconds},v1={_hash(secret, seconds, body)}"


def read_notice(secret: bytes, body: bytes, signature: str, at: datetime) -> Order:
    """The order that a notice tells of. Raises BadNotice."""
    parts = dict(part.partition("=")[::2] for part in signature.split(","))
    told, given = parts.get("t", ""), parts.get("v1", "")
    if not (told.isascii() and told.isdecimal() and len(told) < 13):
        raise BadNotice("the signature has no time")
    if not hmac.compare_digest(_hash(secret, int(told), body).encode(), given.encode("utf-8", "replace")):
        raise BadNotice("the signature is wrong")
    if abs(at - datetime.fromtimestamp(int(told), UTC)) > GOOD_FOR:
        raise BadNotice("the notice is of another time")
    try:
        order = msgspec.json.decode(body, type=Order)
    except msgspec.DecodeError as error:
        raise BadNotice(f"the notice can't be read: {error}") from None
    if order.state not in ORDER_STATES:
        raise BadNotice(f"there is no state {order.state!r}")
    return order


def _hash(secret: bytes, seconds: int, body: bytes) -> str:
    return hmac.new(secret, f"{seconds}.".encode() + body, sha256).hexdigest()
