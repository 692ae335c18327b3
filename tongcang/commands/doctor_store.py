"""What `tongcang doctor` finds in the state database and the work that is recorded there."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from indexer.engine.elastic_diagnosis import COMMON_PASSWORDS
from indexer.engine.protocol import Finding
from store import measures, tasks
from store.database import Database, StoreError, clock, newest_revision
from store.server import describe_server
from tongcang.logs import SHORTEST_SECRET

CLOCK_SECONDS = 5.0
FULL_SHARE = 0.8
"""Of the server's connections: a worker or a page more, and somebody is refused."""

FEW_CONNECTIONS = 50
"""An API process takes up to 50 under load, a worker 3; PostgreSQL's default is 100."""


def schema(database: Database) -> Finding:
    """Looks only: every other command would bring the schema up to date first."""
    what = "state database"
    if database.is_sqlite and not Path(database.url.database or "").exists():
        return Finding(what, "warning", f"{database.place} is not there yet. Begin: tongcang library add --help")
    try:
        revision = database.revision()
    except StoreError as error:
        return Finding(what, "failed", str(error))
    wanted = newest_revision()
    if revision is None:
        return Finding(what, "warning", f"{database.place} has no tables yet. Make them: tongcang store migrate")
    if revision < wanted:
        told = f"{database.place} has the schema {revision}, this version wants {wanted}. Run: tongcang store migrate"
        return Finding(what, "warning", told)
    if revision > wanted:
        told = f"{database.place} has the schema {revision} of a newer version, and this one wants {wanted}. Use that."
        return Finding(what, "failed", told)
    return Finding(what, "ok", f"{database.place}, schema {revision}")


def server(database: Database) -> Iterator[Finding]:
    found = describe_server(database)
    yield Finding(found.product, "ok", found.version)
    if found.most_connections is not None and found.connections is not None:
        yield _connections(found.connections, found.most_connections)
    if found.stale_collation:
        yield Finding(
            "collation",
            "warning",
            "The system's sorting rules have changed since the database was made, and indexes may be wrong. Run "
            "REINDEX DATABASE, then ALTER DATABASE … REFRESH COLLATION VERSION.",
        )
    password = database.url.password or ""
    if 0 < len(password) < SHORTEST_SECRET or password.lower() in COMMON_PASSWORDS:
        told = f"The password of {database.url.username} is too short, or one that everybody tries. Change it."
        yield Finding("password", "warning", told)
    yield _clock(database)


def _connections(used: int, most: int) -> Finding:
    told = f"{used} of {most} in use"
    if used > FULL_SHARE * most:
        return Finding("connections", "warning", f"{told}. Raise max_connections, or run fewer processes.")
    if most < FEW_CONNECTIONS:
        return Finding("connections", "warning", f"{told}: few for several processes. Raise max_connections.")
    return Finding("connections", "ok", told)


def _clock(database: Database) -> Finding:
    with database.read() as unit:
        asked = time.time()
        told = clock(unit)
        answered = time.time()
    off = told - answered if told > answered else min(0.0, told - asked)
    if abs(off) > CLOCK_SECONDS:
        where = "ahead of" if off > 0 else "behind"
        return Finding(
            "clock", "warning", f"The database's is {abs(off):.0f} s {where} this machine's. Set both by NTP."
        )
    return Finding("clock", "ok", f"{abs(off):.1f} s between the database's and this machine's")


def work(database: Database) -> Iterator[Finding]:
    """Leases of the dead, the last queued night and its failed tasks."""
    with database.read() as unit:
        lapsed = measures.lapsed_leases(unit)
        queue = measures.queue(unit)
        night = tasks.open_night(unit) or next(iter(tasks.last_nights(unit, 1)), None)
        failed = [task for task in tasks.tasks_of(unit, night.id) if task.state == "failed"] if night else []
    for lease in lapsed:
        told = f"{lease.owner} held it and is silent for {_ago(lease.seconds)}: it died. The next one goes on."
        yield Finding(f"lease {lease.name!r}", "warning", told)
    if queue.lost_tasks:
        told = f"{queue.lost_tasks} tasks of workers that died wait for another one. Start: tongcang work"
        yield Finding("workers", "warning", told)
    elif queue.oldest_waiting > 0 and not queue.busy_workers:
        told = f"Tasks have waited for {_ago(queue.oldest_waiting)} and nobody works. Start: tongcang work"
        yield Finding("workers", "warning", told)
    if night is None:
        return
    began = datetime.fromtimestamp(night.begun, UTC).isoformat(" ", "seconds")
    what, told = f"night {night.id}", f"{night.state}, begun {began}"
    if night.state == "failed":
        yield Finding(what, "failed", f"{told}: {night.message or 'see the log'} Mend it, then: tongcang night")
    else:
        yield Finding(
            what, "ok" if night.state in ("open", "complete") else "warning", f"{told}. {night.message}".strip()
        )
    for task in failed[:5]:
        yield Finding(f"task {task.id} ({task.phase})", "warning", task.error)


def _ago(seconds: float) -> str:
    for unit, size in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
