"""Signing in and out, and recognising who asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import structlog
from starlette.requests import Request
from starlette.responses import Response

from search_api.access.passwords import Passwords, complaint
from search_api.access.principal import ANONYMOUS, Principal
from search_api.access.throttle import Throttle
from search_api.access.tokens import (
    KEY_START,
    code_hash,
    csrf_of,
    key_prefix,
    new_token,
    same,
    token_hash,
)
from search_api.problems import bad_key, too_many_attempts, too_many_requests
from search_api.settings import ApiSettings
from search_api.tracing import network_of, request_id_of
from search_api.vocabulary import Words
from store import accounts, api_keys, sessions
from store.accounts import HOUSE_ROLES, Account
from store.audit import record
from store.database import Database, StoreError, Unit

log = structlog.get_logger("search_api.access")

_BEARER = f"Bearer {KEY_START}"


class PasswordRefusedError(Exception):
    """Login and code are right; the password has something of its owner in it."""

    def __init__(self, words: Words) -> None:
        super().__init__(words.en)
        self.words = words


class _Attempt:
    """To sign in."""

    right: bool | None = None  # None = it isn't known yet


class Door:
    """Thread-safe. Keeps how often somebody was wrong; everything else is in the database."""

    def __init__(
        self, database: Database, settings: ApiSettings, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self.database = database
        self.settings = settings
        self.now = now
        self.passwords = Passwords()
        self.throttle = Throttle((settings.requests_per_hour, settings.requests_at_once), settings.webhook_tests)
        self.secure = settings.base_url.startswith("https:")
        # Browsers take a __Host- cookie over https only; the demo is served over http on the machine itself.
        self.cookie = "__Host-session" if self.secure else "session"

    # ------------------------------------------------------------------------------------------------ recognising

    def recognise(self, request: Request) -> Principal:
        """Who asks. An API key goes before a cookie. Raises a problem where a key is shown that is not good."""
        shown = request.headers.get("authorization", "")
        if shown.startswith(_BEARER):
            return self._by_key(shown.removeprefix("Bearer "))
        token = request.cookies.get(self.cookie, "")
        return self._by_session(token) if token else ANONYMOUS

    def shows_something(self, request: Request) -> bool:
        """Cheap: whether there is anything to recognise him by."""
        return self.cookie in request.cookies or request.headers.get("authorization", "").startswith(_BEARER)

    def _by_session(self, token: str) -> Principal:
        now, hashed = self.now(), token_hash(token)
        with self.database.read() as unit:
            found = sessions.get_session(unit, hashed, now, timedelta(seconds=self.settings.session_idle))
        if found is None:
            return ANONYMOUS
        if found.to_be_noted(now):
            self._note(lambda unit: sessions.note_use(unit, hashed, now))
        its = found.account
        return Principal(
            its.id,
            its.roles,
            its.library,
            "session",
            language=its.language,
            name=its.name or its.login,
            csrf=csrf_of(token),
            session=hashed,
        )

    def _by_key(self, shown: str) -> Principal:
        now, prefix = self.now(), key_prefix(shown)
        if prefix is None:
            raise bad_key()
        with self.database.read() as unit:
            found = api_keys.find_key(unit, prefix)
            maker = accounts.get_account(unit, found[0].account_id) if found else None
        if found is None or maker is None:
            raise bad_key()
        key, hashed = found
        if not same(hashed, token_hash(shown)) or not key.good(now) or not stands_for(maker, key.library, key.roles):
            raise bad_key()
        if key.to_be_noted(now):
            self._note(lambda unit: api_keys.note_key_use(unit, key.id, now))
        scopes = frozenset(key.scopes)
        return Principal(maker.id, key.roles, key.library, "key", scopes, language=maker.language, key_id=key.id)

    def _note(self, write: Callable[[Unit], None]) -> None:
        try:
            with self.database.write() as unit:
                write(unit)
        except StoreError as error:  # a page is not kept back for it
            log.warning("the use of a session or key could not be noted", error=str(error))

    # ------------------------------------------------------------------------------------------------ signing in

    def sign_in(self, request: Request, login: str, password: str) -> tuple[str, Account] | None:
        """(token of a new session, account); None = login or password is wrong. Raises a problem where he has to wait.

        The session that the browser came with is ended: nobody signs in to one that somebody else may know.
        """
        with self._attempt(request, login) as attempt:
            with self.database.read() as unit:
                found = accounts.credentials(unit, login)
            account, hashed = found or (None, "")
            attempt.right = self.passwords.verify(hashed, password) and account is not None
        if not attempt.right or account is None:
            return None
        now = self.now()
        anew = self.passwords.hash(password) if self.passwords.outdated(hashed) else ""
        with self.database.write() as unit:
            if anew:
                accounts.replace_hash(unit, account.id, hashed, anew)
            token = self._begin(unit, request, account, now)
            if "reader" not in account.roles:  # when a reader comes and goes is nobody's business
                self._record(unit, request, account, "session.begin", now)
        return token, account

    def _begin(self, unit: Unit, request: Request, account: Account, now: datetime) -> str:
        """A new session; its token. Whatever session the browser came with is ended."""
        sessions.end_session(unit, token_hash(request.cookies.get(self.cookie, "")))
        token = new_token()
        lasting = timedelta(seconds=self.settings.session_lasting)
        sessions.begin_session(unit, token_hash(token), account.id, now, lasting)
        return token

    def use_code(self, request: Request, login: str, code: str, password: str) -> tuple[str, Account] | None:
        """Set a password by a one-time code, and sign in; None = no such code, or it has run out.

        Raises PasswordRefusedError where name or card is in the password: only who has the right code learns that of
        them, and the code stays good, since nothing is written.
        """
        with self._attempt(request, login) as attempt:
            hashed, now = self.passwords.hash(password), self.now()
            with self.database.write() as unit:
                account = accounts.use_code(unit, login, code_hash(code), hashed, now)
                if account is not None:
                    attempt.right = True
                    if words := complaint(password, account.login, account.name, account.card):
                        raise PasswordRefusedError(words)
                    sessions.end_sessions_of(unit, account.id)
                    self._record(unit, request, account, "account.password", now)
                    token = self._begin(unit, request, account, now)
            attempt.right = account is not None
        return None if account is None else (token, account)

    def confirms(self, request: Request, principal: Principal, password: str) -> bool:
        """Whether he who has signed in knows the account's password. Raises a problem where he has to wait."""
        with self._attempt(request, f"account {principal.account_id}") as attempt:
            with self.database.read() as unit:
                hashed = accounts.password_of(unit, principal.account_id)
            attempt.right = self.passwords.verify(hashed, password)
        return attempt.right

    def _record(self, unit: Unit, request: Request, account: Account, action: str, now: datetime) -> None:
        himself = Principal(account.id, account.roles, account.library, "session")
        record(unit, himself.actor(request_id_of(request)), action, f"account {account.id}", now)

    @contextmanager
    def _attempt(self, request: Request, login: str) -> Iterator[_Attempt]:
        """Raises a problem where he has to wait."""
        network = network_of(request.client.host if request.client else "")
        if seconds := self.throttle.begin(login, network):
            log.warning("too many failed sign-ins", network=network)
            raise too_many_attempts(seconds)
        attempt = _Attempt()
        try:
            yield attempt
        finally:
            self.throttle.end(login, network, attempt.right)
        if not attempt.right:
            log.info("a sign-in failed", network=network)  # and nothing of what was typed: it may be a password

    # ------------------------------------------------------------------------------------------------ how much

    def admit_asking(self, who: Principal) -> None:
        """He makes a request. Raises a problem where he has to wait."""
        if seconds := self.throttle.seconds_to_ask(who):
            raise too_many_requests(seconds)

    def admit_webhook_test(self, who: Principal) -> None:
        if seconds := self.throttle.seconds_to_test(who):
            raise too_many_requests(seconds)

    # ------------------------------------------------------------------------------------------------ the cookie

    def hand_over(self, response: Response, token: str) -> None:
        """Without Max-Age: it is gone with the browser, which in a reading room is many people's."""
        response.set_cookie(self.cookie, token, path="/", secure=self.secure, httponly=True, samesite="lax")

    def take_back(self, response: Response) -> None:
        response.delete_cookie(self.cookie, path="/", secure=self.secure, httponly=True, samesite="lax")


def stands_for(maker: Account, library: str, roles: Sequence[str]) -> bool:
    """Whether whoever made a key could still make it: else an admin who has left would go on through it."""
    if not maker.active:
        return False
    if "system" in maker.roles:
        return True
    own = library == maker.library and not HOUSE_ROLES & set(roles)
    return own and ("admin" in maker.roles or set(roles) <= set(maker.roles))
