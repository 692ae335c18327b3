"""How often somebody may be wrong, or ask for something, before he has to wait.

Counts stand in the memory of this process: with n processes behind one address a guesser has n times as many attempts,
which is still far too few to guess a password that passes the rules.
"""

from __future__ import annotations

import math
import threading
import time
from collections import Counter

from limits import RateLimitItem, RateLimitItemPerHour, RateLimitItemPerMinute, RateLimitItemPerSecond
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from search_api.access.principal import Principal
from search_api.access.tokens import token_hash

LOGIN_FROM_NETWORK = RateLimitItemPerMinute(10, 15, namespace="login-network")
LOGIN = RateLimitItemPerHour(30, 1, namespace="login")
"""From wherever it is tried: a stranger can lock a reader out for an hour at most, and only by going on."""

NETWORK = RateLimitItemPerMinute(100, 15, namespace="network")
"""A library's reading room is one network: what is counted are failures, not sign-ins."""


REGISTRATIONS = RateLimitItemPerHour(20, 1, namespace="registrations")
"""Accounts that readers of one network make for themselves."""


OFFICERS = 10
"""Times as much as a reader an officer, or a program, may ask for: they ask for all readers of their library."""


class Throttle:
    """Failures by login and by network (/24, or /48 of IPv6), and what an account or a key asks for. Thread-safe.

    An attempt counts from when it begins until it is known how it ended: of forty at once, no more get through than of
    forty one after the other.
    """

    def __init__(self, asking: tuple[int, int] = (30, 10), tests: int = 10) -> None:
        """`asking`: requests of a reader an hour, and at once. `tests`: messages of webhooks that are tried an hour."""
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._lock = threading.Lock()
        self._trying: Counter[str] = Counter()
        self._asking, self._tests = asking, tests

    def begin(self, login: str, network: str) -> int:
        """0 = go on, and `end` it; else the seconds to wait."""
        with self._lock:
            full = [
                0.0 if self._limiter.test(item, *key) else self._limiter.get_window_stats(item, *key).reset_time
                for item, key in _counted(login, network)
                if not self._limiter.test(item, *key, cost=1 + self._trying[item.key_for(*key)])
            ]
            if not full:
                self._trying.update(item.key_for(*key) for item, key in _counted(login, network))
        return max(1, math.ceil(max(full) - time.time())) if full else 0

    def end(self, login: str, network: str, right: bool | None) -> None:
        """`right`: login and password were; None = nobody knows, since something failed on our side. Whoever has
        mistyped his password twice begins anew; what others tried from elsewhere stays counted."""
        with self._lock:
            for item, key in _counted(login, network):
                name = item.key_for(*key)
                self._trying[name] -= 1
                if self._trying[name] <= 0:
                    del self._trying[name]
                if right is False:
                    self._limiter.hit(item, *key)
            if right:
                self._limiter.clear(LOGIN_FROM_NETWORK, _short(login), network)

    def admits_registration(self, network: str) -> bool:
        """It is counted."""
        return self._limiter.hit(REGISTRATIONS, network)

    def seconds_to_ask(self, who: Principal) -> int:
        """Until he may make another request; 0 = now, and it is counted."""
        hourly, burst = self._asking
        more = OFFICERS if who.way == "key" or who.roles != ("reader",) else 1
        # So many at once, and in the time in which as many come back.
        item = RateLimitItemPerSecond(burst * more, max(1, 3600 * burst // hourly), namespace="asking")
        return self._seconds(item, who)

    def seconds_to_test(self, who: Principal) -> int:
        """Until he may try a webhook again; 0 = now, and it is counted."""
        return self._seconds(RateLimitItemPerHour(self._tests, 1, namespace="webhook-tests"), who)

    def _seconds(self, item: RateLimitItem, who: Principal) -> int:
        name = f"key {who.key_id}" if who.key_id else f"account {who.account_id}"
        if self._limiter.hit(item, name):
            return 0
        return max(1, math.ceil(self._limiter.get_window_stats(item, name).reset_time - time.time()))


def _counted(login: str, network: str) -> tuple[tuple[RateLimitItem, tuple[str, ...]], ...]:
    return (
        (LOGIN_FROM_NETWORK, (_short(login), network)),
        (LOGIN, (_short(login),)),
        (NETWORK, (network,)),
    )


def _short(login: str) -> str:
    """Of one length, whatever is typed in."""
    return token_hash(login.strip().casefold())[:32]
