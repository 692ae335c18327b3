"""Erasing a person (删除个人信息), so that no backup brings him back.

Invariant: an account's id stands in the data folder's `erasures.txt`, on the disk, before anything of it is erased; the
file is only ever added to. A backup that is older than the erasure brings the data back with it: whoever opens a state
re-applies the file, so they are gone again before anybody reads them.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import delete, text

from store import outbox, payments, requests
from store.accounts import Account, erase_account, erased_accounts, get_account
from store.api_keys import revoke_keys_of
from store.audit import SYSTEM, Actor, record
from store.database import Database, Unit
from store.idempotency import answered_call
from store.personal_data import MOST
from store.remarks import erase_remarks
from store.sessions import end_sessions_of

FILE = "erasures.txt"

Eraser = Callable[[Unit, int, datetime], object]

ERASERS: tuple[Eraser, ...] = (
    lambda unit, account_id, _now: _erase_requests(unit, account_id),
    lambda unit, account_id, _now: outbox.erase_messages(unit, "email", str(account_id)),
    lambda unit, account_id, _now: _forget_calls(unit, account_id),
    lambda unit, account_id, _now: end_sessions_of(unit, account_id),
    revoke_keys_of,
    erase_account,
)
"""One for every subject that keeps data of persons. Each takes the account's id, and may be called twice."""


def erase_person(database: Database, folder: Path | None, account_id: int, actor: Actor, now: datetime) -> bool:
    """Erase an account and all that is kept of its person. False = there is none, or it was erased before.

    `folder`: the data folder; None = a state that is never backed up.
    """
    with database.read() as unit:
        if not _is_there(get_account(unit, account_id)):
            return False
    if folder is not None:
        _append(folder / FILE, [(account_id, now)])
    with database.write() as unit:
        done = _erase(unit, account_id, actor, now)
    _wipe(database)
    return done


def reapply_erasures(
    database: Database, folder: Path, now: datetime, withdraw: Callable[[int], object] = lambda _account_id: None
) -> int:
    """Erase whoever was erased before this state was restored; how many they were. To be called at every start.

    `withdraw` is called first, to cancel what the account has open. Erasures that this folder doesn't know of yet
    (another machine's) are noted in it.
    """
    path = folder / FILE
    noted = _noted(path)
    with database.read() as unit:
        done = erased_accounts(unit)
        back = [
            account_id for account_id in noted if account_id not in done and _is_there(get_account(unit, account_id))
        ]
    _append(path, [(account_id, at) for account_id, at in sorted(done.items()) if account_id not in noted])
    for account_id in back:
        withdraw(account_id)
    if back:
        with database.write() as unit:
            for account_id in back:
                _erase(unit, account_id, SYSTEM, now)
        _wipe(database)
    return len(back)


def _erase_requests(unit: Unit, account_id: int) -> None:
    """The requests stay, and nothing says whose they were: not what was paid for them, or what anybody said of them,
    either."""
    his = [row.id for row in requests.requests_of_reader(unit, account_id, limit=MOST)]
    payments.forget_requests(unit, his)
    erase_remarks(unit, his)
    outbox.erase_words(unit, his)
    requests.erase_person(unit, account_id)


def _forget_calls(unit: Unit, account_id: int) -> None:
    """Answers that are kept for a day in case a call is repeated."""
    unit.execute(delete(answered_call).where(answered_call.c.caller == f"account {account_id}"))


def _is_there(found: Account | None) -> bool:
    return found is not None and found.erased is None


def _erase(unit: Unit, account_id: int, actor: Actor, now: datetime) -> bool:
    if unit.dialect.name == "sqlite":
        unit.execute(text("PRAGMA secure_delete = ON"))  # what is freed in the file is overwritten
    found = get_account(unit, account_id)
    if found is None or found.erased is not None:
        return False
    for erase in ERASERS:
        erase(unit, account_id, now)
    record(unit, actor, "account.erase", f"account {account_id}", now, {"roles": found.roles}, {"erased": True})
    return True


def _wipe(database: Database) -> None:
    """SQLite keeps what was before in its WAL until that is written over. A reader at work puts it off to the next
    checkpoint. PostgreSQL does this by its own vacuum."""
    if database.is_sqlite:
        with database.engine.connect() as connection:
            connection.connection.driver_connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # type: ignore[union-attr]


def _noted(path: Path) -> dict[int, str]:
    """A line that a crash has cut off was never acknowledged."""
    if not path.exists():
        return {}
    lines = [line.split() for line in path.read_text("ascii", "replace").splitlines()]
    return {int(line[0]): line[1] for line in lines if len(line) == 2 and line[0].isdigit()}


def _append(path: Path, rows: list[tuple[int, datetime]]) -> None:
    if not rows:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    new = not path.exists()
    handle = os.open(path, os.O_CREAT | os.O_APPEND | os.O_RDWR, 0o600)
    try:
        told = "".join(f"{account_id} {at.astimezone(UTC).isoformat()}\n" for account_id, at in rows)
        size = os.fstat(handle).st_size
        cut_off = size > 0 and os.pread(handle, 1, size - 1) != b"\n"
        os.write(handle, (("\n" if cut_off else "") + told).encode())
        os.fsync(handle)
    finally:
        os.close(handle)
    if new:
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
