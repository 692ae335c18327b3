"""Who asks: nobody known, a person who has signed in, or a program with an API key."""

from __future__ import annotations

from msgspec import Struct

from store.audit import Actor


class Principal(Struct, frozen=True):
    """On whose behalf a request is done. What he may do is told by search_api/policy.py alone."""

    account_id: int = 0  # of a key: the account that made it; 0 = nobody known
    roles: tuple[str, ...] = ()
    library: str = ""  # symbol; "" of system librarians, auditors and nobody
    way: str = ""  # session, key; "" = nobody known
    scopes: frozenset[str] = frozenset()  # of a key
    language: str = ""  # that he has chosen: zh, en; "" = none
    name: str = ""  # as the pages greet him
    csrf: str = ""  # of a session: what each of its forms shows
    session: str = ""  # of a session: SHA-256 of its token
    key_id: int = 0

    @property
    def known(self) -> bool:
        return self.way != ""

    def is_one_of(self, *roles: str) -> bool:
        return any(role in self.roles for role in roles)

    def actor(self, request_id: str = "") -> Actor:
        """As the audit names him."""
        return Actor(self.account_id, self.way or "system", self.roles, self.library, request_id, self.key_id)


ANONYMOUS = Principal()
