"""Whatever goes wrong with a form, what was typed into it is shown again."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import pytest
from api_browser import Browser
from api_people import signed_in
from fastapi import FastAPI
from request_desk import HONGLOUMENG, SERIAL, Desk, wish
from request_site import ask, do, fields, parsed, send, steps

from mappings.model import union_id
from routing.case import Case, fold
from search_api.access.throttle import Throttle
from search_api.routes.request_pages import StepForm
from search_api.wish_form import WishForm
from store import clusters
from store.request_events import events_of
from store.requests import person_of

FORM = f"/request?record={union_id(HONGLOUMENG)}"
SAID = "很重要的话"
MERGED = 5999


@pytest.fixture
def merged(desk: Desk) -> str:
    """A record that was merged into the first."""
    with desk.database.write() as unit:
        clusters.add_nodes(unit, [clusters.Node(1, HONGLOUMENG, 1, b"")])
        clusters.add_members(unit, [clusters.Member(1, 1, 1)])
        clusters.retire_keys(unit, {MERGED: 1})
    return union_id(MERGED)


def asked_of(app: FastAPI, desk: Desk, **told: str) -> tuple[Case, Browser]:
    """A request, and an officer of the library that it went to."""
    case = desk.ask(wish(HONGLOUMENG, **told))
    assert case.active is not None
    return case, signed_in(app, "officer", "requester", "supplier", library=case.active.supplier)


# ---------------------------------------------------------------------------------------------- of a request


@pytest.mark.parametrize("field", ["isbn", "issn", "date", "volume", "issue", "pages", "title"])
def test_browsers_are_told_how_much_a_field_takes(reader: Browser, field: str) -> None:
    page = parsed(reader.get("/request?title=天书"))
    assert page.get_element_by_id(field).get("maxlength") == str(WishForm.longest(field))


@pytest.mark.parametrize("field", ["isbn", "pages", "volume", "title", "note", "delivery"])
def test_a_field_with_too_much_in_it_is_told_and_kept(reader: Browser, field: str) -> None:
    form = fields(reader.get("/request?genre=book&title=天书&pages=1-3"), "/request")
    most = WishForm.longest(field)
    page = send(reader, "/request", form, **{"author": "某人", field: "九" * (most + 1)})
    assert page.status_code == 422
    wrong = parsed(page).get_element_by_id(field)
    assert wrong.get("aria-invalid") == "true" and "九" * (most + 1) in (wrong.get("value") or wrong.text)
    assert parsed(page).get_element_by_id(f"{field}-wrong").text == f"此项最多 {most} 个字符，现有 {most + 1} 个。"
    assert parsed(page).get_element_by_id("author").get("value") == "某人"
    again = send(reader, "/request", fields(page, "/request"), **{field: "九" * most})
    assert again.status_code == 303


def test_the_search_for_it_keeps_what_is_too_long_as_well(reader: Browser) -> None:
    page = reader.get(f"/request/match?title=天书&author=某人&isbn={'9' * 41}")
    assert page.status_code == 422 and parsed(page).get_element_by_id("author").get("value") == "某人"
    assert parsed(page).get_element_by_id("isbn").get("value") == "9" * 41


def test_a_link_that_says_too_much_fills_in_what_there_is_room_for(reader: Browser) -> None:
    form = fields(reader.get(f"{FORM}&isbn={'9' * 50}&pages=1-3"), "/request")
    assert (form["isbn"], form["pages"]) == ("9" * 40, "1-3")


def test_the_end_of_a_line_counts_once(desk: Desk, reader: Browser) -> None:
    """As browsers count it, who then send two characters."""
    note = ("一二三四五六七八九\n" * 200)[:1999] + "。"
    page = ask(reader, FORM, note=note.replace("\n", "\r\n"))
    assert page.headers.get("location") == "/requests/1?sent=1", page.status_code
    with desk.database.read() as unit:
        person = person_of(unit, 1)
    assert person is not None and person.note == note
    assert ask(reader, FORM, insist="另一本", note=f"{note}。").status_code == 422


def test_who_asks_too_fast_keeps_his_form(app: FastAPI, reader: Browser) -> None:
    app.state.door.throttle = Throttle((30, 1))
    assert ask(reader, FORM).status_code == 303
    told = {"service": "copy", "pages": "7-9", "note": SAID}
    page = ask(reader, FORM, **told)
    assert page.status_code == 429 and page.headers["retry-after"] and "分钟后再试" in page.text
    kept = fields(page, "/request")
    assert {name: kept[name] for name in told} == told
    app.state.door.throttle = Throttle((30, 1))
    assert send(reader, "/request", kept).status_code == 303


def test_a_record_that_is_merged_while_the_form_is_open_is_followed(desk: Desk, reader: Browser, merged: str) -> None:
    form = fields(reader.get(FORM), "/request") | {"record": merged, "service": "copy"}
    missing = send(reader, "/request", form, note=SAID)
    assert missing.status_code == 422 and fields(missing, "/request")["note"] == SAID
    assert fields(missing, "/request")["record"] == union_id(HONGLOUMENG)
    assert send(reader, "/request", form, note=SAID, pages="1-5").status_code == 303
    assert reader.get("/api/requests/1").json()["record"] == union_id(HONGLOUMENG)


def test_the_form_of_a_merged_record_takes_all_that_was_told_with_it(reader: Browser, merged: str) -> None:
    told = {"pages": "3-9", "service": "loan", "level": "rush", "need_before": "2026-12-01", "max_cost": "5",
            "note": SAID, "delivery": "三层", "source": "openurl"}  # fmt: skip
    query = "&".join(f"{name}={value}" for name, value in told.items())
    led = reader.get(f"/request?record={merged}&{query}")
    assert led.status_code == 303
    there = urlsplit(led.headers["location"])
    assert dict(parse_qsl(there.query)) == told | {"record": union_id(HONGLOUMENG)}
    form = fields(reader.get(led.headers["location"]), "/request")
    assert {name: form[name] for name in told} == told


@pytest.mark.parametrize("day", ["2026-W53-4", "20261201", "2026-12-1", "2026-335"])
def test_a_day_is_written_in_one_way(reader: Browser, day: str) -> None:
    page = ask(reader, FORM, need_before=day)
    assert page.status_code == 422 and "日期应写作 2026-12-31。" in page.text
    assert parsed(page).get_element_by_id("need_before").get("value") == day


# ---------------------------------------------------------------------------------------------- of a step


@pytest.mark.parametrize(
    ("step", "told"),
    [
        ("refuse", {"code": "", "note": SAID}),
        ("refuse", {"code": "NotHeld", "note": "长" * 2001}),
        ("condition", {"code": "LibraryUseOnly", "cost": "abc", "note": SAID}),
        ("fill", {"sheets": "zwölf", "cost": "2", "via": "物流"}),
        ("fill", {"sheets": "12", "cost": "-5", "via": "物流"}),
        ("forward", {"to": "", "note": SAID}),
    ],
)
def test_a_step_that_can_not_be_taken_keeps_what_was_typed(
    app: FastAPI, desk: Desk, step: str, told: dict[str, str]
) -> None:
    case, officer = asked_of(app, desk, service="copy", pages="1-20")
    page = do(officer, case.request_id, step, **told)
    assert page.status_code == 422
    kept = fields(page, f"/requests/{case.request_id}", step)
    assert {name: kept[name] for name in told} == told
    opened = parsed(page).xpath("//details[@open]//input[@name='name']/@value")
    assert opened == ([] if step == "fill" else [step]), "its form is not folded away, and no other is opened"
    other = fields(page, f"/requests/{case.request_id}", "note")
    assert other["note"] == ""


def test_new_places_and_the_chosen_record_are_kept(app: FastAPI, desk: Desk) -> None:
    case, _ = asked_of(app, desk)
    home = signed_in(app, "home", "requester", library="CLCN")
    page = do(home, case.request_id, "reorder", places=["3", "1", "2"], reason="")
    assert page.status_code == 422
    assert fields(page, f"/requests/{case.request_id}", "reorder")["places"] == ["3", "1", "2"]


def test_words_of_a_step_that_is_no_longer_there_are_shown(app: FastAPI, desk: Desk) -> None:
    case, officer = asked_of(app, desk)
    action = f"/requests/{case.request_id}"
    stale = fields(officer.get(action), action, "condition")
    assert do(officer, case.request_id, "fill").status_code == 303
    page = send(officer, action, stale, note=SAID)
    assert page.status_code == 422 and "condition" not in steps(page) and SAID in page.text


def test_a_draft_with_too_much_in_a_field_is_kept(app: FastAPI, desk: Desk, reader: Browser) -> None:
    serial = f"/request?record={union_id(SERIAL)}"
    assert ask(reader, serial, date="1998", article_title="论大观园", insist="要电子版").status_code == 303
    case = desk.answers(_case(desk, 1), "refuse", code="Incomplete")
    assert case.state == "draft"
    told = {"isbn": "9" * 41, "article_title": "长长的题名", "service": "copy"}
    page = send(reader, "/requests/1", fields(reader.get("/requests/1"), "/requests/1", "submit"), **told)
    assert page.status_code == 422 and parsed(page).get_element_by_id("isbn-wrong").text
    kept = fields(page, "/requests/1", "submit")
    assert {name: kept[name] for name in told} == told
    assert send(reader, "/requests/1", kept, isbn="").status_code == 303


def _case(desk: Desk, number: int) -> Case:
    with desk.database.read() as unit:
        return fold(events_of(unit, number))


def test_what_is_said_of_a_holding_is_kept(app: FastAPI, desk: Desk) -> None:
    case, officer = asked_of(app, desk)
    do(officer, case.request_id, "refuse", code="NotHeld")
    action = "/library/corrections/1"
    page = send(officer, action, fields(officer.get("/library/corrections"), action), note=SAID)
    assert page.status_code == 422 and fields(page, action)["note"] == SAID


# ---------------------------------------------------------------------------------------------- numbers


def test_blanks_around_a_number_are_no_matter() -> None:
    assert StepForm(name="fill", sheets=" 12 ", cost=" 2.50 ").told() == {"pages": 12, "cost": 250}
    assert StepForm(name="fill", sheets="  ", cost=" ").told() == {}


def test_a_cost_of_nothing_is_told_where_it_was_typed(app: FastAPI, desk: Desk) -> None:
    """An empty one is what was agreed to."""
    case, officer = asked_of(app, desk, service="copy", pages="1-20")
    home = signed_in(app, "home", "requester", library="CLCN")
    do(officer, case.request_id, "condition", cost="12")
    assert do(home, case.request_id, "accept").status_code == 303
    assert do(officer, case.request_id, "fill", sheets="20", cost="0").status_code == 303
    filled = next(each for each in _case(desk, case.request_id).entries if each.supplied)
    assert (filled.agreed, filled.cost) == (1200, 0)
