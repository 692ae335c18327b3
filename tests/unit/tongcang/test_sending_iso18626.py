"""ISO 18626 by POST: what is sent where, and what follows from each answer."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest
from web_servers import Answer, serving

from mappings.model import Library
from mappings.requests import Citation, LibraryPolicy, Wish
from routing.messages import Body, Party
from store import outbox
from store.database import Database
from store.libraries import put_library
from store.outbox import Message
from store.policies import put_policy
from tongcang.sending.http import Client
from tongcang.sending.iso18626 import IsoSender
from tongcang.sending.outcome import Dead, Outcome, Retry, Sent
from tongcang.sending.settings import networks

NOW = datetime(2026, 3, 2, 1, tzinfo=UTC)


class Verdict(NamedTuple):
    ok: bool
    understood: bool
    why: str = ""


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(f"sqlite:///{tmp_path / 'state.db'}")
    opened.migrate()
    with opened.write() as unit:
        put_library(unit, Library("RUC", "中国人民大学图书馆", "Renmin University Library"))
    yield opened
    opened.close()


def message() -> Message:
    body = Body("send", NOW, 7, "asking", Party("CLCN"), wish=Wish(Citation(title="红楼梦")), supplier=Party("RUC"))
    return Message(
        1, "7/4/iso18626/RUC/supplier.request", "iso18626", "RUC", "supplier.request",
        msgspec.json.encode(body).decode(), 7, 1, "", NOW, NOW, 1, "sending", "", None, None, "",
    )  # fmt: skip


def render(told: Message, policy: LibraryPolicy) -> bytes | None:
    body = msgspec.json.decode(told.body, type=Body)
    if policy.iso_version == "none":
        raise ValueError("no such version")
    if policy.iso_version == "silent":
        return None
    assert body.wish is not None
    return f"<msg v='{policy.iso_version}'>{body.wish.citation.title}</msg>".encode()


def read(answer: bytes, sent: bytes) -> Verdict:
    assert "红楼梦" in sent.decode()
    words = {b"<OK/>": Verdict(True, True), b"<ERROR/>": Verdict(False, True, "BadlyFormedMessage")}
    return words.get(answer, Verdict(False, False, "no XML"))


def send(database: Database, policy: LibraryPolicy) -> Outcome:
    with database.write() as unit:
        put_policy(unit, "RUC", policy, NOW)
    client = Client(networks("127.0.0.1"), timeout=3, deadline=5)
    return IsoSender(database, client, render, read, lambda: NOW).send(message())


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (200, b"<OK/>", Sent()),
        (400, b"<OK/>", Sent()),
        (200, b"<ERROR/>", Dead("the library does not accept it: BadlyFormedMessage")),
        (400, b"<ERROR/>", Dead("the library does not accept it: BadlyFormedMessage")),
        (200, b"<html>", Retry("it answers with status 200 and no confirmation: no XML", "message")),
        (404, b"", Retry("it answers with status 404 and no confirmation: no XML", "message")),
        (302, b"", Retry("it answers with status 302 and no confirmation: no XML", "message")),
        (500, b"<ERROR/>", Retry("it answers with status 500", "target", 9.0)),
        (503, b"<OK/>", Retry("it answers with status 503", "target", 9.0)),
        (429, b"", Retry("it answers with status 429", "target", 9.0)),
    ],
)
def test_what_follows_from_an_answer(database: Database, status: int, body: bytes, outcome: Outcome) -> None:
    with serving(Answer(status, body, (("Retry-After", "9"),))) as server:
        found = send(database, LibraryPolicy(channel="iso18626", address=server.url(path="/iso18626")))
        [got] = server.got
    assert found == outcome
    assert got.headers["content-type"] == "application/xml; charset=utf-8"
    assert (got.path, got.body.decode()) == ("/iso18626", "<msg v='1.2'>红楼梦</msg>")


def test_the_version_and_address_are_those_of_now(database: Database) -> None:
    with serving(Answer(200, b"<OK/>")) as server:
        policy = LibraryPolicy(channel="iso18626", address=server.url(), iso_version="2021-2")
        assert send(database, policy) == Sent()
        assert b"2021-2" in server.got[0].body


def test_a_library_that_takes_part_in_another_way_by_now(database: Database) -> None:
    queue = send(database, LibraryPolicy(channel="queue"))
    mail = send(database, LibraryPolicy(channel="email", address="ill@ruc.test"))
    assert isinstance(queue, Dead) and not queue.told
    assert isinstance(mail, Dead) and mail.told


def test_what_can_not_be_said_is_given_up_and_what_need_not_be_is_not_sent(database: Database) -> None:
    with serving(Answer(200, b"<OK/>")) as server:
        unsaid = send(database, LibraryPolicy(channel="iso18626", address=server.url(), iso_version="none"))
        nothing = send(database, LibraryPolicy(channel="iso18626", address=server.url(), iso_version="silent"))
        assert server.got == []
    assert isinstance(unsaid, Dead) and "no such version" in unsaid.reason
    assert isinstance(nothing, Dead) and not nothing.told


def test_addresses_that_are_not_there_or_not_allowed(database: Database) -> None:
    with serving(Answer()) as server:
        url = server.url()
    away = send(database, LibraryPolicy(channel="iso18626", address=url))
    assert isinstance(away, Retry) and away.away == "target"
    forbidden = send(database, LibraryPolicy(channel="iso18626", address="http://169.254.169.254/latest/meta-data"))
    assert isinstance(forbidden, Dead) and forbidden.told


def test_officers_are_told_when_it_is_given_up(database: Database) -> None:
    client = Client()
    with database.write() as unit:
        IsoSender(database, client, render, read, lambda: NOW).gave_up(unit, message(), "ERROR", NOW)
        [notice] = outbox.messages_of(unit, 7)
    assert (notice.channel, notice.target, notice.kind) == ("email", "CLCN", "officer.undeliverable")
    assert "iso18626: ERROR" in notice.body
