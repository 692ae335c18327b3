"""Messages that a library's system sends to the whole application, and what has come of them there."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx
import msgspec
from api_desk import ApiDesk

from routing.case import Case
from search_api.interop.iso18626 import messages as m
from search_api.interop.iso18626.reading import read
from search_api.interop.iso18626.writing import write
from store import outbox
from store.policies import policy_of
from store.request_events import events_of
from store.requests import get_request
from tongcang.sending.iso_rendering import rendering


def header(number: str, own: str = "PPSUC", other: str = "RUC", **more: Any) -> m.Header:
    told: dict[str, Any] = {
        "timestamp": datetime(2026, 3, 2, 1, tzinfo=UTC),
        "requesting_agency_id": m.AgencyId(m.Code("BALIS"), own),
        "supplying_agency_id": m.AgencyId(m.Code("BALIS"), other),
        "requesting_agency_request_id": number,
    }
    return m.Header(**told | more)


def request(number: str, title: str = "红楼梦", kind: str = "New", previous: str = "", **more: Any) -> m.Request:
    service = m.ServiceInfo(
        service_type=more.pop("service", "Loan"), request_type=kind, requesting_agency_previous_request_id=previous
    )
    part = {"title_of_component": "第一章", "pages_requested": "1-3"} if service.service_type == "Copy" else {}
    bib = m.BibliographicInfo(title=title, author=more.pop("author", "曹雪芹"), **part)
    return m.Request(header=more.pop("header", header(number)), bibliographic_info=bib, service_info=service, **more)


def says(number: str, status: str, reason: str = "StatusChange", own: str = "RUC", **more: Any) -> Any:
    """What the library `own` says of our request."""
    head = header(number, "CLCN", own, requesting_agency_id=m.AgencyId(m.Code("CAPITAL"), "CLCN"))
    return m.SupplyingAgencyMessage(
        header=more.pop("header", head),
        message_info=m.MessageInfo(reason_for_message=reason, **more.pop("info", {})),
        status_info=m.StatusInfo(status=status, last_change=datetime(2026, 3, 2, 2, tzinfo=UTC)),
        **more,
    )


def acts(number: str, action: str, note: str = "", **more: Any) -> m.RequestingAgencyMessage:
    return m.RequestingAgencyMessage(header=header(number, **more), action=action, note=note)


def post(house: ApiDesk, key: str, message: m.Message | bytes, version: m.Version = "2021-2") -> httpx.Response:
    data = message if isinstance(message, bytes) else write(message, version)
    return house.call(key, "POST", "/api/iso18626", content=data, headers={"Content-Type": "application/xml"})


def confirmed(response: httpx.Response) -> tuple[str, str]:
    """(messageStatus, error)"""
    assert response.status_code == 200, response.text
    assert response.headers["content-type"].startswith("application/xml")
    found = read(response.content)
    assert isinstance(
        found,
        m.RequestConfirmation | m.SupplyingAgencyMessageConfirmation | m.RequestingAgencyMessageConfirmation,
    )
    return found.confirmation_header.message_status, " ".join(each.error_value for each in found.error_data)


def made(house: ApiDesk, number: int = 1) -> Case:
    with house.database.read() as unit:
        row = get_request(unit, number)
    assert row is not None
    return msgspec.json.decode(row.folded, type=Case)


def history(house: ApiDesk, number: int = 1) -> list[str]:
    with house.database.read() as unit:
        return [event.name for event in events_of(unit, number)]


def outgoing(house: ApiDesk, number: int = 1) -> list[tuple[str, str]]:
    with house.database.read() as unit:
        return [(each.kind, msgspec.json.decode(each.body)["event"]) for each in outbox.messages_of(unit, number)]


def told_to(house: ApiDesk, kind: str, number: int = 1) -> list[m.Message]:
    """Messages of that kind about the request, as whoever they go to reads them."""
    render = rendering(house.database)
    with house.database.read() as unit:
        sent = [each for each in outbox.messages_of(unit, number) if each.kind == kind]
        policies = [policy_of(unit, each.target) for each in sent]
    written = [render(message, policy) for message, policy in zip(sent, policies, strict=True)]
    return [read(each) for each in written if each is not None]
