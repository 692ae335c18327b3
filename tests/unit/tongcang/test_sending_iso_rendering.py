"""What libraries are told in ISO 18626, read back by the codec, in both versions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from web_servers import Answer, Got, serving

from mappings.model import Library
from mappings.requests import Citation, Event, LibraryPolicy, Wish
from routing.case import Case, apply
from routing.messages import Facts, Party, messages_for
from search_api.interop.iso18626.confirming import confirm
from search_api.interop.iso18626.messages import (
    VERSIONS,
    AgencyId,
    Code,
    Request,
    RequestingAgencyMessage,
    SupplyingAgencyMessage,
    Version,
)
from search_api.interop.iso18626.messages import Message as IsoMessage
from search_api.interop.iso18626.naming import Thread
from search_api.interop.iso18626.reading import read
from search_api.interop.iso18626.writing import write
from store import outbox
from store.database import Database
from store.libraries import put_library
from store.policies import put_policy
from store.request_events import add_events
from store.requests import new_request
from tongcang.dispatch import Dispatcher, Passed
from tongcang.sending.http import Client
from tongcang.sending.iso18626 import IsoSender
from tongcang.sending.iso_rendering import reading, rendering
from tongcang.sending.settings import DispatchSettings, networks

NOW = datetime(2026, 3, 2, 1, tzinfo=UTC)
WISH = Wish(Citation(title="红楼梦", author="曹雪芹", volume="2", isbn="9787020002207"), max_cost=1000)
PEER = Thread(AgencyId(Code("ISIL"), "CN-PEER"), AgencyId(Code("ISIL"), "CN-US"), "peer-17")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(f"sqlite:///{tmp_path / 'state.db'}")
    opened.migrate()
    with opened.write() as unit:
        put_library(unit, Library("CLCN", "首都图书馆", "Capital Library", "CAPITAL"))
        put_library(unit, Library("RUC", "中国人民大学图书馆", "Renmin University Library", "BALIS"))
    yield opened
    opened.close()


class Story:
    """A request in the store, whose messages are put as they are in earnest."""

    def __init__(self, database: Database, source: str = "record", **peer: Any) -> None:
        self.database = database
        with database.write() as unit:
            self.case = Case(new_request(unit, NOW))
        submitted = {"requester": "CLCN", "wish": msgspec.to_builtins(WISH), "source": source} | peer
        self.channels = {"RUC": "iso18626"} | ({"CLCN": "iso18626"} if peer else {})
        self.then("submit", "reader", **submitted)
        self.then("holders", record="X")
        self.then("rota", entries=[{"entry": 1, "supplier": "RUC", "path": ["RUC"]}])
        self.then("send", entry=1)

    def then(self, name: str, actor: str = "system", entry: int = 0, **data: Any) -> None:
        library = {"supplier": "RUC", "officer": "CLCN", "reader": "CLCN"}.get(actor, "")
        at = NOW + timedelta(hours=self.case.seq)
        event = Event(self.case.request_id, self.case.seq + 1, at, name, actor, 0, library, "", entry, data)
        before, self.case = self.case, apply(self.case, event)
        names = {"CLCN": Party("CLCN", "首都图书馆", "Capital Library"), "RUC": Party("RUC", "人大", "RUC")}
        with self.database.write() as unit:
            add_events(unit, [event])
            for made in messages_for(before, self.case, event, Facts(names, self.channels, officers=False)):
                outbox.put_message(unit, at=at, **msgspec.structs.asdict(made))

    def told(self, version: Version = "1.2") -> list[IsoMessage]:
        """All that was put, as the other side reads it; each twice, and the same both times."""
        found = []
        policy = LibraryPolicy(channel="iso18626", iso_version=version)
        render = rendering(self.database)
        with self.database.read() as unit:
            messages = outbox.messages_of(unit, self.case.request_id)
        for message in messages:
            xml = render(message, policy)
            assert xml is not None and xml == render(message, policy)
            found.append(read(xml))
        return found


@pytest.mark.parametrize("version", VERSIONS)
def test_a_request_is_asked_for_recalled_and_thanked_for(database: Database, version: Version) -> None:
    story = Story(database)
    story.then("ack", "supplier", 1, supplier_number="SUP-9")
    story.then("fill", "supplier", 1)
    story.then("receive", "reader")
    request, received = story.told(version)
    assert isinstance(request, Request) and isinstance(received, RequestingAgencyMessage)
    assert request.header.requesting_agency_request_id == f"R{story.case.request_id}-1"
    assert request.bibliographic_info.title == "红楼梦"
    assert request.header.timestamp == NOW + timedelta(hours=3)
    assert received.action == "Received"
    assert received.header.requesting_agency_request_id == request.header.requesting_agency_request_id
    if version == "1.2":
        assert received.header.supplying_agency_request_id == "SUP-9"
    late = Story(database)
    late.then("recall", "timer", 1, why="receipt")
    recall = late.told(version)[1]
    assert isinstance(recall, RequestingAgencyMessage) and recall.action == "Cancel"


@pytest.mark.parametrize("version", VERSIONS)
def test_conditions_are_answered_and_asking_again_counts_on(database: Database, version: Version) -> None:
    for accepted in (True, False):
        story = Story(database)
        story.then("condition", "supplier", 1, code="Cost", cost=500)
        story.then("accept" if accepted else "reject", "officer", 1)
        answer = story.told(version)[1]
        assert isinstance(answer, RequestingAgencyMessage)
        assert answer.action == ("Notification" if accepted else "Cancel")
    again = Story(database)
    again.then("condition", "supplier", 1, code="Cost", cost=5000, by="retry")
    again.then("accept", "officer", 1)
    again.then("fill", "supplier", 1)
    again.then("bad_copy", "reader", reason="缺第3页")
    again.then("retry", "system", 1)
    again.then("recall", "officer", 1, why="officer")
    told = again.told(version)
    number = f"R{again.case.request_id}-1"
    numbers = [each.header.requesting_agency_request_id for each in told if isinstance(each, Request)]
    assert numbers == [number, f"{number}.2", f"{number}.3"]
    last = told[-1]
    assert isinstance(last, RequestingAgencyMessage)
    assert last.header.requesting_agency_request_id == f"{number}.3"


@pytest.mark.parametrize("version", VERSIONS)
def test_a_library_that_asked_us_hears_under_its_own_number(database: Database, version: Version) -> None:
    story = Story(database, "iso18626", iso18626=msgspec.to_builtins(PEER))
    story.then("will_supply", "supplier", 1)
    story.then("fill", "supplier", 1)
    told = [each for each in story.told(version) if isinstance(each, SupplyingAgencyMessage)]
    assert [each.status_info.status for each in told] == ["WillSupply", "CopyCompleted"]
    assert {each.header.requesting_agency_request_id for each in told} == {"peer-17"}
    assert [each.message_info.reason_for_message for each in told] == ["RequestResponse", "StatusChange"]
    unknown = Story(database, "iso18626", other=1)
    unknown.then("will_supply", "supplier", 1)
    with pytest.raises(ValueError, match="number"):
        unknown.told(version)


def test_what_can_not_be_rendered_is_told(database: Database) -> None:
    story = Story(database)
    with database.read() as unit:
        [message] = outbox.messages_of(unit, story.case.request_id)
    with pytest.raises(ValueError, match="version"):
        rendering(database)(message, LibraryPolicy(iso_version="3.0"))
    with pytest.raises(ValueError, match="no library is told"):
        rendering(database)(msgspec.structs.replace(message, kind="supplier.greeting"), LibraryPolicy())


@pytest.mark.parametrize("version", VERSIONS)
def test_from_the_outbox_over_the_line_to_its_confirmation(database: Database, version: Version) -> None:
    def answer(got: Got, _line: object) -> Answer:
        return Answer(200, write(confirm(read(got.body), NOW), version))

    story = Story(database)
    with serving(answer) as server:
        with database.write() as unit:
            policy = LibraryPolicy(channel="iso18626", address=server.url(), iso_version=version)
            put_policy(unit, "RUC", policy, NOW)
        client = Client(networks("127.0.0.1"), timeout=5, deadline=9)
        sender = IsoSender(database, client, rendering(database), reading(), lambda: NOW)
        settings = DispatchSettings(poll=0.05)
        its = Dispatcher(database, {"iso18626": sender}, lambda _: 0, lambda: NOW + timedelta(days=1), settings)
        assert its.run_once() == Passed(sent=1)
        assert isinstance(read(server.got[0].body), Request)
    with database.read() as unit:
        assert [each.state for each in outbox.messages_of(unit, story.case.request_id)] == ["sent"]
