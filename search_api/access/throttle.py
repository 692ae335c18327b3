"""How often somebody may be wrong before he has to wait.

Counts stand in the memory of this process: with n processes behind one address a guesser has n times as many attempts,
which is still far too few to guess a password that passes the rules.
"""

from __future__ import annotations

import math
import time

from limits import RateLimitItem, RateLimitItemPerHour, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from search_api.access.tokens import token_hash

LOGIN_FROM_NETWORK = RateLimitItemPerMinute(10, 15, namespace="login-network")
LOGIN = RateLimitItemPerHour(30, 1, namespace="login")
"""From wherever it is tried: a stranger can lock a reader out for an hour at most, and only by going on."""

NETWORK = RateLimitItemPerMinute(100, 15, namespace="network")
"""A library's reading room is one network: what is counted are failures, not sign-ins."""


REGISTRATIONS = RateLimitItemPerHour(20, 1, namespace="registrations")
"""Accounts that readers of one network make for themselves."""


class Throttle:
    """Failures by login and by network (/24, or /48 of IPv6). Thread-safe."""

    def __init__(self) -> None:
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    def seconds_to_wait(self, login: str, network: str) -> int:
        """0 = go on."""
        waits = [
            self._limiter.get_window_stats(item, *key).reset_time - time.time()
            for item, key in _counted(login, network)
            if not self._limiter.test(item, *key)
        ]
        return max(1, math.ceil(max(waits))) if waits else 0

    def failed(self, login: str, network: str) -> None:
        for item, key in _counted(login, network):
            self._limiter.hit(item, *key)

    def admits_registration(self, network: str) -> bool:
        """It is counted."""
        return self._limiter.hit(REGISTRATIONS, network)

    def succeeded(self, login: str, network: str) -> None:
        """Whoever has mistyped his password twice begins anew; what others tried from elsewhere stays counted."""
        self._limiter.clear(LOGIN_FROM_NETWORK, _short(login), network)


def _counted(login: str, network: str) -> tuple[tuple[RateLimitItem, tuple[str, ...]], ...]:
    return (
        (LOGIN_FROM_NETWORK, (_short(login), network)),
        (LOGIN, (_short(login),)),
        (NETWORK, (network,)),
    )


def _short(login: str) -> str:
    """Of one length, whatever is typed in."""
    return token_hash(login.strip().casefold())[:32]
