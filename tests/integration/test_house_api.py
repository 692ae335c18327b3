"""Policies, corrections, statistics, settlement, webhooks, outbox and settings by the API, on real requests."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from api_desk import ApiDesk
from openpyxl import load_workbook
from request_desk import CAPITAL_ONLY, HONGLOUMENG, wish
from standardwebhooks.webhooks import Webhook, WebhookVerificationError
from web_servers import Answer, serving

from indexer.engine.protocol import EngineError
from mappings.model import union_id
from search_api.access.throttle import Throttle
from store import outbox
from store.accounts import NewAccount, add_account
from store.database import Database
from store.requests import get_request
from tongcang.commands.dispatch import make_senders
from tongcang.dispatch import Dispatcher
from tongcang.sending.settings import DispatchSettings


@pytest.fixture
def house(database: Database, tmp_path: Path) -> Iterator[ApiDesk]:
    made = ApiDesk(database, tmp_path)
    yield made
    made.close()


def told(response: httpx.Response, status: int = 200) -> Any:
    assert response.status_code == status, response.text
    return response.json()


def problem(response: httpx.Response, status: int) -> Any:
    answer = told(response, status)
    assert response.headers["content-type"] == "application/problem+json"
    assert answer["detail"] and answer["detail_zh"]
    return answer


def dispatch(house: ApiDesk, hours: float = 0) -> None:
    settings = DispatchSettings(webhook_allow="127.0.0.1", http_timeout=5, poll=0.05)
    senders = {"webhook": make_senders(house.database, settings)["webhook"]}
    at = house.desk.now + timedelta(hours=hours)
    Dispatcher(house.database, senders, lambda _: 0, lambda: at, settings).run_once()


# ---------------------------------------------------------------------------------------------- policies


def test_a_library_that_pauses_lets_go_of_what_it_has_not_seen(house: ApiDesk) -> None:
    house.desk.policy("RUC", paused=True)
    house.desk.policy("THU", paused=True)
    case = house.desk.ask(wish(HONGLOUMENG))
    assert case.active is not None and case.active.supplier == "BNU"
    house.desk.policy("RUC", paused=False)
    house.desk.policy("THU", paused=False)
    admin = house.key("BNU", "admin")
    before = told(house.call(admin, "GET", "/api/libraries/BNU/policy"))
    assert before["policy"] == {} and before["rerouted"] == 0
    body = {"paused": True, "channel": "email", "address": "ill@bnu.example.cn"}
    changed = told(house.call(admin, "PUT", "/api/libraries/BNU/policy", json=body))
    assert changed["policy"] == body and changed["rerouted"] == 1
    with house.database.read() as unit:
        row = get_request(unit, case.request_id)
    # It was asked to stop, and another is asked once it has answered, or its clock has run out.
    assert row is not None and "closed" in row.folded
    [entry] = [each for each in house.audited() if each.action == "policy.write"]
    assert entry.after["paused"] is True and entry.after["rerouted"] == 1
    assert "ill@" not in repr(entry), "an address may be a person's"
    assert (entry.after["address_host"], entry.after["address_changed"]) == ("bnu.example.cn", True)
    again = told(house.call(admin, "PUT", "/api/libraries/BNU/policy", json=body | {"daily_cap": 5}))
    assert again["rerouted"] == 0
    told(house.call(admin, "PUT", "/api/libraries/BNU/policy", json=body | {"address": "thief@bnu.example.cn"}))
    diverted = [each for each in house.audited() if each.action == "policy.write"][-1]
    assert diverted.after["address_changed"] is True and "thief" not in repr(diverted)


def test_through_whom_a_library_asks_is_for_the_house_to_say(house: ApiDesk) -> None:
    """Who pays for it is the gateway."""
    admin, system = house.key("XCLIB", "admin"), house.key("", "system")
    address = "/api/libraries/XCLIB/policy"
    assert told(house.call(admin, "PUT", address, json={"gateway": "CLCN", "daily_cap": 7}))["policy"]["daily_cap"] == 7
    for body in ({"gateway": "RUC"}, {"gateway": "XCLIB"}, {"gateway": "NOWHERE"}):
        refused = problem(house.call(system, "PUT", address, json=body), 422)
        assert refused["parameters"][0]["parameter"] == "gateway"
    for body in ({}, {"gateway": "CLCN", "gateway_automatic": False}):
        problem(house.call(admin, "PUT", address, json=body), 403)
        told(house.call(system, "PUT", address, json=body))
    assert len([each for each in house.audited() if each.action == "policy.write"]) == 3


def test_a_closure_that_has_begun_is_as_good_as_the_switch(house: ApiDesk) -> None:
    house.desk.policy("RUC", paused=True)
    house.desk.policy("THU", paused=True)
    house.desk.ask(wish(HONGLOUMENG))
    admin = house.key("BNU", "admin")
    later = {"closures": [{"first": "2026-07-20", "last": "2026-08-20"}]}
    assert told(house.call(admin, "PUT", "/api/libraries/BNU/policy", json=later))["rerouted"] == 0
    now = {"closures": [{"first": "2026-03-02", "last": "2026-03-02", "reason": "停电"}]}
    assert told(house.call(admin, "PUT", "/api/libraries/BNU/policy", json=now))["rerouted"] == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"channel": "fax"}, "channel"),
        ({"channel": "email", "address": "nobody"}, "address"),
        ({"channel": "iso18626", "address": "ftp://a.example/"}, "address"),
        ({"channel": "iso18626", "address": "https://a:b@c.example/"}, "address"),
        ({"iso_version": "3"}, "iso_version"),
        ({"receipt_days": 0}, "receipt_days"),
        ({"action_days": 1e300}, "action_days"),
        ({"capacity": -1}, "capacity"),
        ({"daily_cap": -1}, "daily_cap"),
        ({"not_materials": ["papyrus"]}, "not_materials"),
        ({"gateway": "BNU"}, "gateway"),
        ({"gateway": "NOWHERE"}, "gateway"),
        ({"closures": [{"first": "2026-13-01", "last": "2026-13-02"}]}, "closures"),
        ({"closures": [{"first": "2026-03-02", "last": "2026-03-01"}]}, "closures"),
        ({"agency_id": "a\u0000b"}, "agency_id"),
        ({"paused": "yes"}, "paused"),
        ({"pausd": True}, "body"),
        ([], "body"),
    ],
)
def test_what_no_policy_can_be_is_told_field_by_field(house: ApiDesk, body: Any, field: str) -> None:
    answer = problem(house.call(house.key("BNU", "admin"), "PUT", "/api/libraries/BNU/policy", json=body), 422)
    assert [each["parameter"] for each in answer["parameters"]] == [field]
    assert not [each for each in house.audited() if each.action == "policy.write"]


def test_settings_that_would_stop_the_routing_are_refused(house: ApiDesk) -> None:
    system = house.key("", "system")
    assert told(house.call(system, "PUT", "/api/routing/settings", json={"repeat_days": 7})) == {
        "settings": {"repeat_days": 7}
    }
    assert told(house.call(system, "GET", "/api/routing/settings"))["settings"] == {"repeat_days": 7}
    for body in (
        {"rota": {"explore": 2}}, {"rota": {"estimates": {"k": 0}}}, {"clocks": {"cancel": 0}}, {"repeat_days": -1},
        {"hours": {"opens": 18, "closes": 9}}, {"match_at_least": 0}, {"rota": {"fairness": 1e30}}, {"unknown": 1},
        {"days": {"make_up_days": ["yesterday"]}}, {"fairness_days": 10**9},
    ):  # fmt: skip
        problem(house.call(system, "PUT", "/api/routing/settings", json=body), 422)
    assert told(house.call(system, "GET", "/api/routing/settings"))["settings"] == {"repeat_days": 7}
    [entry] = [each for each in house.audited() if each.action == "routing.write"]
    assert entry.after["repeat_days"] == 7


# ---------------------------------------------------------------------------------------------- corrections


def test_a_correction_is_opened_by_a_refusal_and_closed_once(house: ApiDesk) -> None:
    case = house.desk.ask(wish(HONGLOUMENG))
    assert case.active is not None
    library = case.active.supplier
    house.desk.answers(case, "refuse", code="NotHeld")
    key = house.key(library, "supplier")
    [found] = told(house.call(key, "GET", "/api/corrections"))["corrections"]
    assert (found["library"], found["code"], found["request"]) == (library, "NotHeld", case.request_id)
    assert found["code_zh"] and found["code_en"] and found["record_url"].endswith(found["record"])
    path, body = f"/api/corrections/{found['id']}/close", {"result": "holding_wrong", "note": "已剔除"}
    assert told(house.call(key, "POST", path, json=body))["note"] == "已剔除"
    problem(house.call(key, "POST", path, json=body), 409)
    other = "PPSUC"
    problem(house.call(house.key(other, "supplier"), "POST", path, json=body), 404)
    problem(house.call(key, "POST", "/api/corrections/999/close", json=body), 404)
    assert told(house.call(key, "GET", "/api/corrections"))["corrections"] == []
    assert len(told(house.call(key, "GET", "/api/corrections?closed=1"))["corrections"]) == 1


# ---------------------------------------------------------------------------------------------- reports


def supplied(house: ApiDesk) -> None:
    """One copy of ten pages goes from the Capital Library to PPSUC, and is closed."""
    case = house.desk.ask(
        wish(CAPITAL_ONLY, service="copy", article_title="第一章", pages="1-10"), library="PPSUC", reader=73
    )
    house.desk.wait(hours=30)
    house.desk.answers(case, "fill", pages=10)


def test_statistics_come_in_every_form(house: ApiDesk) -> None:
    supplied(house)
    system = house.key("", "system")
    answer = told(house.call(system, "GET", "/api/statistics?from=2026-03-01&to=2026-03-31&tables=totals,outcomes"))
    assert [table["code"] for table in answer["tables"]] == ["totals", "outcomes"]
    sheet = house.call(system, "GET", "/api/statistics?format=csv&tables=months&from=2026-03-01&to=2026-03-31&lang=en")
    assert sheet.headers["content-type"].startswith("text/csv") and "2026-03" in sheet.text
    assert "attachment" in sheet.headers["content-disposition"]
    book = house.call(system, "GET", "/api/statistics?format=xlsx&from=2026-03-01&to=2026-03-31")
    assert len(load_workbook(io.BytesIO(book.content)).sheetnames) > 3
    chart = house.call(system, "GET", "/api/statistics?format=svg&tables=months&from=2026-03-01&to=2026-03-31")
    assert chart.headers["content-type"] == "image/svg+xml" and chart.content.startswith(b"<svg")
    for query in (
        "format=csv", "format=svg&tables=totals", "tables=nothing", "from=2026-03-02&to=2026-03-01", "partner=CLCN",
        "from=0001-01-01", "to=0001-06-30", "to=9999-12-31", "library=NOWHERE", "side=X", "from=today",
    ):  # fmt: skip
        problem(house.call(system, "GET", f"/api/statistics?{query}"), 422)


def test_officers_see_the_statistics_of_their_own_library(house: ApiDesk) -> None:
    supplied(house)
    officer = house.key("PPSUC", "requester")
    assert told(house.call(officer, "GET", "/api/statistics"))["library"] == "PPSUC"
    assert told(house.call(officer, "GET", "/api/statistics?library=ppsuc&partner=CLCN"))["partner"] == "CLCN"
    problem(house.call(officer, "GET", "/api/statistics?library=CLCN&partner=PPSUC"), 403)


def test_promises_are_scored(house: ApiDesk) -> None:
    supplied(house)
    house.desk.wait(hours=1)
    answer = told(house.call(house.key("", "auditor"), "GET", "/api/statistics/predictions"))
    assert answer["assessment"]["n"] == 1 and answer["assessment"]["filled"] == 1
    [found] = answer["assessment"]["bins"]
    assert found["n"] == 1 and found["filled"] == 1.0


def test_settlement_of_a_month_and_its_closing(house: ApiDesk) -> None:
    supplied(house)
    system, admin = house.key("", "system"), house.key("CLCN", "admin")
    whole = told(house.call(system, "GET", "/api/ledger/statements?period=2026-03"))
    assert whole["libraries"] and whole["consortia"] and not whole["closed"]
    own = told(house.call(admin, "GET", "/api/ledger/statements?period=2026-03"))
    assert own["library"] == "CLCN" and own["consortia"] == []
    assert own["libraries"] and all("CLCN" in (pair["a"], pair["b"]) for pair in own["libraries"])
    problem(house.call(admin, "GET", "/api/ledger/statements?period=2026-03&library=RUC"), 403)
    sheet = house.call(system, "GET", "/api/ledger/statements?period=2026-03&format=csv")
    assert "净额" in sheet.text
    book = house.call(system, "GET", "/api/ledger/statements?period=2026-03&format=xlsx")
    assert load_workbook(io.BytesIO(book.content)).sheetnames
    unknown = problem(house.call(system, "GET", "/api/ledger/statements?period=2026-03&library=nosuch"), 422)
    assert unknown["parameters"][0]["parameter"] == "library"
    problem(house.call(system, "POST", "/api/ledger/periods/2026-03/close"), 409)
    house.desk.wait(days=40)
    problem(house.call(house.key("CLCN", "admin"), "POST", "/api/ledger/periods/2026-03/close"), 403)
    closed = told(house.call(system, "POST", "/api/ledger/periods/2026-03/close"))
    assert closed["transactions"] > 0 and len(closed["digest"]) == 64
    assert told(house.call(system, "GET", "/api/ledger/statements?period=2026-03"))["closed"]
    problem(house.call(system, "POST", "/api/ledger/periods/2026-03/close"), 409)
    problem(house.call(system, "GET", "/api/ledger/statements?period=2026-13"), 422)
    problem(house.call(system, "GET", "/api/ledger/statements"), 422)


# ---------------------------------------------------------------------------------------------- webhooks


def test_a_program_is_told_of_a_request_and_knows_that_we_told_it(house: ApiDesk) -> None:
    """From the subscription by the API to a real receiver that verifies with the reference library."""
    admin = house.key("CLCN", "admin")
    with serving(Answer(204)) as server:
        made = told(house.call(admin, "POST", "/api/webhooks", json={"url": server.url()}), 201)
        secret, hook = made["secret"], made["webhook"]
        assert secret not in house.call(admin, "GET", "/api/webhooks").text, "it is shown once"
        assert secret not in repr(house.audited())
        told(house.call(admin, "POST", f"/api/webhooks/{hook['id']}/test"), 202)
        case = house.desk.ask(wish(HONGLOUMENG))
        house.desk.answers(case, "fill")
        sent_to_it = house.desk.ask(wish(CAPITAL_ONLY), library="PPSUC", reader=73)
        house.desk.answers(sent_to_it, "fill")
        house.desk.ask(wish(HONGLOUMENG), library="PPSUC", reader=73)  # of nobody's whom CLCN has to do with
        dispatch(house)
        got = list(server.got)
    receiver = Webhook(secret)
    messages = [receiver.verify(each.body, each.headers) for each in got]
    assert messages[0]["type"] == "webhook.test"
    changes = [each["data"] for each in messages[1:]]
    assert {each["requester"] for each in changes} == {"CLCN", "PPSUC"}
    assert {each["supplier"] for each in changes if each["requester"] == "PPSUC"} == {"CLCN"}
    mine = [(each["previous"], each["status"]) for each in changes if each["request"] == case.request_id]
    assert mine[-1] == ("asking", "delivered")
    assert len({each.headers["webhook-id"] for each in got}) == len(got)
    with pytest.raises(WebhookVerificationError):
        Webhook("whsec_" + "A" * 43 + "=").verify(got[0].body, got[0].headers)
    told_of = told(house.call(admin, "GET", "/api/webhooks"))["webhooks"]
    assert [each["failures"] for each in told_of] == [0]
    assert house.call(admin, "DELETE", f"/api/webhooks/{hook['id']}").status_code == 204
    problem(house.call(admin, "DELETE", f"/api/webhooks/{hook['id']}"), 404)
    actions = [each.action for each in house.audited() if each.action.startswith("webhook.")]
    assert actions == ["webhook.make", "webhook.test", "webhook.remove"]


@pytest.mark.parametrize(
    "url",
    ["ftp://a.example/", "https://", "https://u:p@a.example/", "http://a.example:22/", "https://a b/", "javascript:1"],
)
def test_no_webhook_leads_anywhere_but_to_the_web(house: ApiDesk, url: str) -> None:
    problem(house.call(house.key("CLCN", "admin"), "POST", "/api/webhooks", json={"url": url}), 422)


def test_webhooks_have_a_limit_and_their_library(house: ApiDesk) -> None:
    admin, system = house.key("CLCN", "admin"), house.key("", "system")
    body = {"url": "https://a.example/in"}
    for _ in range(20):
        told(house.call(admin, "POST", "/api/webhooks", json=body), 201)
    problem(house.call(admin, "POST", "/api/webhooks", json=body), 409)
    problem(house.call(admin, "POST", "/api/webhooks", json=body | {"library": "RUC"}), 403)
    everything = told(house.call(system, "POST", "/api/webhooks", json=body), 201)["webhook"]
    assert everything["library"] == ""
    problem(house.call(admin, "POST", f"/api/webhooks/{everything['id']}/test"), 404)
    problem(house.call(system, "POST", "/api/webhooks", json=body | {"library": "NOWHERE"}), 422)
    problem(house.call(system, "POST", "/api/webhooks", json=body | {"kinds": ["all"]}), 422)


# ---------------------------------------------------------------------------------------------- outbox, audit


def test_a_message_that_was_given_up_is_sent_again(house: ApiDesk) -> None:
    system, admin = house.key("", "system"), house.key("CLCN", "admin")
    with serving(Answer(410)) as server:
        hook = told(house.call(admin, "POST", "/api/webhooks", json={"url": server.url()}), 201)["webhook"]
        told(house.call(admin, "POST", f"/api/webhooks/{hook['id']}/test"), 202)
        dispatch(house)
    found = told(house.call(system, "GET", "/api/outbox"))
    assert {each["channel"] for each in found["channels"]} == set(outbox.CHANNELS)
    [dead] = found["dead"]
    assert dead["kind"] == "webhook.test" and "410" in dead["error"] and server.url() not in str(found)
    assert told(house.call(system, "POST", f"/api/outbox/{dead['id']}/revive"))["state"] == "waiting"
    problem(house.call(system, "POST", f"/api/outbox/{dead['id']}/revive"), 409)
    problem(house.call(system, "POST", "/api/outbox/999999/revive"), 404)
    problem(house.call(admin, "POST", f"/api/webhooks/{hook['id']}/test"), 409)


def test_the_audit_is_read_page_by_page(house: ApiDesk) -> None:
    admin, auditor = house.key("CLCN", "admin"), house.key("", "auditor")
    for cap in range(1, 106):
        told(house.call(admin, "PUT", "/api/libraries/CLCN/policy", json={"daily_cap": cap}))
    first = told(house.call(auditor, "GET", "/api/audit?action=policy.write&library=CLCN"))
    assert len(first["entries"]) == 100 and first["entries"][0]["after"] == {"daily_cap": 105}
    rest = told(house.call(auditor, "GET", f"/api/audit?action=policy.write&library=CLCN&before={first['next']}"))
    assert len(rest["entries"]) == 5 and rest["next"] == ""
    assert told(house.call(auditor, "GET", "/api/audit?object=library%20CLCN&action=none"))["entries"] == []


# ---------------------------------------------------------------------------------------------- making requests


def _reader(house: ApiDesk) -> int:
    with house.database.write() as unit:
        return add_account(unit, NewAccount("wang", ("reader",), "CLCN", card="0012"), house.desk.now).id


def test_a_repeated_call_is_known_by_what_was_sent(house: ApiDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its citation may mean another record by now, or none can be looked up."""
    key = house.key("CLCN", "requester")
    cited = {"title": "红楼梦", "author": "曹雪芹", "genre": "book"}
    body = {"citation": cited, "service": "loan", "for_reader": str(_reader(house))}
    named = {"Idempotency-Key": "a"}
    made = told(house.call(key, "POST", "/api/requests", json=body, headers=named), 201)
    assert made["wish"]["citation"]["record_id"], "it was matched"

    def away(*_: object) -> None:
        raise EngineError("away")

    monkeypatch.setattr(house.app.state.requesting, "matched", away)
    assert told(house.call(key, "POST", "/api/requests", json=body, headers=named))["id"] == made["id"]
    for other in ({"match": False}, {"note": "急"}):
        problem(house.call(key, "POST", "/api/requests", json=body | other, headers=named), 409)
    assert [each.action for each in house.audited()].count("request.create") == 1


def test_requests_and_tries_of_webhooks_have_a_pace(house: ApiDesk) -> None:
    house.app.state.door.throttle = Throttle((300, 1), tests=1)
    keys = house.key("CLCN", "requester"), house.key("CLCN", "admin")
    body = {"citation": {"record_id": union_id(HONGLOUMENG)}, "service": "loan", "for_reader": str(_reader(house))}
    named = {"Idempotency-Key": "a"}
    told(house.call(keys[0], "POST", "/api/requests", json=body, headers=named), 201)
    for _ in range(9):
        problem(house.call(keys[0], "POST", "/api/requests", json=body | {"citation": {}}), 422)
    refused = house.call(keys[0], "POST", "/api/requests", json=body)
    assert problem(refused, 429)["type"] == "urn:tongcang:problem:too-many-requests"
    assert 0 < int(refused.headers["retry-after"]) <= 12
    assert told(house.call(keys[0], "POST", "/api/requests", json=body, headers=named)), "a repeat costs nothing"
    hook = told(house.call(keys[1], "POST", "/api/webhooks", json={"url": "https://a.example/"}), 201)["webhook"]["id"]
    told(house.call(keys[1], "POST", f"/api/webhooks/{hook}/test"), 202)
    assert "retry-after" in house.call(keys[1], "POST", f"/api/webhooks/{hook}/test").headers


def test_an_account_of_more_digits_than_there_are_is_no_reader(house: ApiDesk) -> None:
    body = {"citation": {"record_id": union_id(HONGLOUMENG)}, "service": "loan", "for_reader": str(2**63)}
    key = house.key("CLCN", "requester")
    assert problem(house.call(key, "POST", "/api/requests", json=body), 422)["type"].endswith("unknown-reader")
    problem(house.call(key, "GET", f"/api/requests?library=CLCN&before={2**31}"), 422)
