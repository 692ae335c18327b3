"""The service and its dispatcher in one process that kills itself: python doomed_house.py '{"url": …, "point": …}'

`point` is where it dies, at the `nth` time that it comes there: in a transaction before it is committed, after the
commit and before anybody is told (`created`: of a request), at any statement at all, while a clock rings, between
sending a message and noting that it was sent. "" = it lives until somebody else kills it. It dies by SIGKILL, so
nothing is tidied up.

Its clock is as far ahead of the real one as the file `ahead` says, in days.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import msgspec
import uvicorn
from msgspec import Struct
from sqlalchemy import event

from indexer.engine.embedded import EmbeddedEngine
from routing.case import Case
from routing.service import RequestService
from search_api.app import create_app
from search_api.settings import ApiSettings
from store.database import Database, Unit
from store.outbox import Message
from store.timers import Timer
from tongcang import dispatch
from tongcang.dispatch import Dispatcher
from tongcang.sending.http import Client
from tongcang.sending.iso18626 import IsoSender
from tongcang.sending.iso_rendering import reading, rendering
from tongcang.sending.outcome import Outcome
from tongcang.sending.settings import DispatchSettings

POINTS = ("before commit", "after commit", "created", "statement", "clock", "sent")


class Fate(Struct, frozen=True):
    url: str
    folder: str
    port: int
    point: str = ""
    nth: int = 0


class Death:
    """Comes at the nth time that its point is reached."""

    def __init__(self, fate: Fate) -> None:
        self.point, self.left = fate.point, fate.nth
        self.lock = threading.Lock()

    def at(self, point: str) -> None:
        if point != self.point:
            return
        with self.lock:
            self.left -= 1
            if self.left <= 0:
                os.kill(os.getpid(), signal.SIGKILL)


class DoomedDatabase(Database):
    death: Death

    @contextmanager
    def write(self) -> Iterator[Unit]:
        with super().write() as unit:
            yield unit
            self.death.at("before commit")
        self.death.at("after commit")
        if getattr(_HERE, "created", False):
            _HERE.created = False
            self.death.at("created")


_HERE = threading.local()
"""Whether this thread's transaction creates a request."""


class DoomedService(RequestService):
    death: Death

    def create(self, *given: Any, **more: Any) -> Case:
        case = super().create(*given, **more)
        _HERE.created = True
        return case

    def _ring(self, unit: Unit, timer: Timer) -> bool:
        rung = super()._ring(unit, timer)
        self.death.at("clock")
        return rung


class DoomedSender(IsoSender):
    death: Death

    def send(self, message: Message) -> Outcome:
        outcome = super().send(message)
        self.death.at("sent")
        return outcome


def main() -> None:
    fate = msgspec.json.decode(sys.argv[1], type=Fate)
    folder = Path(fate.folder)
    DoomedDatabase.death = DoomedService.death = DoomedSender.death = death = Death(fate)
    database = DoomedDatabase(fate.url)
    service = DoomedService(lambda: ahead(folder))
    serve(database, service, fate, folder)
    if fate.point == "statement":
        event.listen(database.engine, "before_cursor_execute", lambda *_: death.at("statement"))
    dispatch.FIRST_PAUSE, dispatch.LONGEST_PAUSE = 0.2, 0.5  # whoever was away is there again at once
    # Nothing is forgotten, though the clock runs for months: the test reads it all in the end.
    settings = DispatchSettings(
        poll=0.05, lease_seconds=1, call_hours=9600, incoming_days=400, keep_days=400, stale_days=400
    )
    client = Client((ip_network("127.0.0.0/8"),), timeout=5.0, deadline=10.0, max_bytes=10**6)
    senders = {"iso18626": DoomedSender(database, client, rendering(database), reading(), lambda: ahead(folder))}
    Dispatcher(database, senders, lambda _: service.run_timers(database), lambda: ahead(folder), settings).run()


def ahead(folder: Path) -> datetime:
    return datetime.now(UTC) + timedelta(days=float((folder / "ahead").read_text()))


def serve(database: Database, service: RequestService, fate: Fate, folder: Path) -> None:
    engine = EmbeddedEngine(folder / "index", heap_mb=30)
    settings = ApiSettings(base_url=f"http://127.0.0.1:{fate.port}")
    app = create_app(database, engine, settings=settings, clock=lambda: ahead(folder))
    app.state.requesting.service = service
    config: Any = uvicorn.Config(app, port=fate.port, log_config=None, access_log=False)
    server = uvicorn.Server(config)
    threading.Thread(target=server.run, daemon=True).start()


if __name__ == "__main__":
    main()
