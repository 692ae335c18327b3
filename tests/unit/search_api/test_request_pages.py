"""Requests by pages: made, told first what must be told, followed, answered, overridden."""

from __future__ import annotations

from datetime import timedelta

import pytest
from api_browser import ORIGIN, Browser
from api_catalogue import book, held, union
from api_people import add_person, signed_in
from fastapi import FastAPI
from request_desk import CAPITAL_ONLY, HONGLOUMENG, NOWHERE_ELSE, RARE, SERIAL, UNIONS, Desk
from request_site import ask, do, fields, parsed, send, steps, texts
from sqlalchemy import func, select

from mappings.model import union_id
from routing.case import Case, fold
from search_api.access.throttle import Throttle
from search_api.request_answers import MatchCandidate
from search_api.routes.request_forms import preselected
from store.audit import entries
from store.database import Database
from store.request_events import events_of
from store.requests import get_request, person_of, request

LOST = 5900
FORM = f"/request?record={union_id(HONGLOUMENG)}"


@pytest.fixture
def desk(database: Database) -> Desk:
    lost = union(LOST, book("散佚录", "某人", "某社", 1999), held("RUC", status="missing"))
    return Desk(database, (*UNIONS, lost))


def officer_of(app: FastAPI, library: str, *roles: str) -> Browser:
    return signed_in(app, f"officer-{library.lower()}", *(roles or ("requester", "supplier")), library=library)


def count(desk: Desk) -> int:
    with desk.database.read() as unit:
        return int(unit.execute(select(func.count()).select_from(request)).scalar_one())


def state(desk: Desk, number: int = 1) -> str:
    with desk.database.read() as unit:
        row = get_request(unit, number)
    assert row is not None
    return row.state


def asked(desk: Desk, number: int = 1) -> str:
    with desk.database.read() as unit:
        row = get_request(unit, number)
    assert row is not None
    return row.supplier


def case_of(desk: Desk, number: int = 1) -> Case:
    with desk.database.read() as unit:
        return fold(events_of(unit, number))


# ---------------------------------------------------------------------------------------------- from a record


def test_a_reader_asks_from_a_record_and_is_told_whom_it_went_to(desk: Desk, app: FastAPI, reader: Browser) -> None:
    record = reader.get(f"/record/{union_id(HONGLOUMENG)}")
    assert f'href="{FORM}"' in record.text
    form = reader.get(FORM)
    lines = parsed(form).xpath('//ol[@class="suppliers"]/li')
    assert len(lines) == 4 and "兜底提供馆" in lines[-1].text_content()
    assert all("个工作日" in line.text_content() and "%" in line.text_content() for line in lines)
    made = send(reader, "/request", fields(form, "/request"), note="请尽快")
    assert made.headers["location"] == "/requests/1?sent=1"
    page = reader.get("/requests/1?sent=1")
    assert "编号 1" in page.text and "已发给" in page.text and "预计" in page.text and "请尽快" in page.text
    assert texts(page, "receipt") == ["申请已提交，编号 1。"]
    assert "红楼梦" in reader.get("/requests").text


def test_two_clicks_make_one_request(desk: Desk, reader: Browser) -> None:
    form = fields(reader.get(FORM), "/request")
    first, second = (send(reader, "/request", form) for _ in range(2))
    assert first.headers["location"] == second.headers["location"]
    assert count(desk) == 1


def test_a_form_that_was_sent_makes_another_request_only_when_it_is_sent_again(desk: Desk, reader: Browser) -> None:
    form = fields(reader.get(FORM), "/request")
    send(reader, "/request", form)
    changed = form | {"service": "copy", "pages": "1-9"}
    refused = send(reader, "/request", changed)
    assert refused.status_code == 422 and "已经提交过" in refused.text and count(desk) == 1
    assert send(reader, "/request", fields(refused, "/request")).status_code == 303
    assert count(desk) == 2


def test_who_has_not_signed_in_comes_back_to_the_form(app: FastAPI) -> None:
    anonymous = Browser(app)
    assert f'href="{FORM}"' in anonymous.get(f"/record/{union_id(HONGLOUMENG)}").text
    answer = anonymous.get(FORM)
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/sign-in?next=%2Frequest%3Frecord%3D{union_id(HONGLOUMENG)}"


def test_what_nobody_has_any_longer_has_no_button(app: FastAPI, reader: Browser) -> None:
    assert "/request?record=" not in reader.get(f"/record/{union_id(LOST)}").text


def test_who_may_ask_for_nothing_sees_no_button(app: FastAPI) -> None:
    supplier = officer_of(app, "RUC", "supplier")
    assert "/request?record=" not in supplier.get(f"/record/{union_id(HONGLOUMENG)}").text
    assert supplier.get(FORM).status_code == 403


# ---------------------------------------------------------------------------------------------- told first


def test_that_the_library_has_it_is_told_first(desk: Desk, reader: Browser) -> None:
    address = f"/request?record={union_id(CAPITAL_ONLY)}"
    page = reader.get(address)
    assert "本馆已有" in page.text and "I242.4/1" in " ".join(texts(page, "told"))
    again = ask(reader, address)
    assert again.status_code == 200 and "本馆已有" in again.text and count(desk) == 0
    assert ask(reader, address, insist="复本已借出").status_code == 303
    assert state(desk) != "owned"


def test_a_repetition_is_told_first_with_the_way_to_the_earlier_one(desk: Desk, reader: Browser) -> None:
    assert ask(reader, FORM).status_code == 303
    assert 'href="/requests/1"' in reader.get(FORM).text
    assert ask(reader, FORM).status_code == 200 and count(desk) == 1
    assert ask(reader, FORM, insist="要第二本").status_code == 303
    assert state(desk, 2) == "asking"


def test_what_is_not_sent_out_is_told_first(desk: Desk, app: FastAPI) -> None:
    reader = signed_in(app, "li", library="PPSUC")
    page = ask(reader, f"/request?record={union_id(RARE)}", service="loan")
    assert "一般不外传" in page.text and "古籍" in page.text and count(desk) == 0


def test_what_is_missing_is_asked_for_beside_its_field(desk: Desk, reader: Browser) -> None:
    page = ask(reader, FORM, service="copy")
    assert page.status_code == 422 and count(desk) == 0
    assert parsed(page).get_element_by_id("pages-wrong").text_content() == "请注明需复制的章节或页码。"
    assert ask(reader, FORM, service="copy", pages="12-30").status_code == 303
    serial = ask(reader, f"/request?record={union_id(SERIAL)}")
    assert parsed(serial).get_element_by_id("date-wrong").text_content() == "缺少年份或卷号。"


@pytest.mark.parametrize(
    ("field", "typed"), [("need_before", "2026-02-30"), ("need_before", "2026-01-01"), ("max_cost", "viel")]
)
def test_what_is_typed_wrong_is_said_and_kept(desk: Desk, reader: Browser, field: str, typed: str) -> None:
    page = ask(reader, FORM, **{field: typed})
    assert page.status_code == 422 and count(desk) == 0
    wrong = parsed(page).get_element_by_id(field)
    assert wrong.get("value") == typed and wrong.get("aria-invalid") == "true"


def test_estimating_again_stores_nothing(desk: Desk, reader: Browser) -> None:
    page = ask(reader, FORM, service="copy", step="look", pages="1-2")
    assert page.status_code == 200 and count(desk) == 0
    assert fields(page, "/request")["service"] == "copy" and fields(page, "/request")["pages"] == "1-2"


# ---------------------------------------------------------------------------------------------- for a reader


def test_an_officer_asks_for_a_reader_of_his_library(desk: Desk, app: FastAPI, reader: Browser) -> None:
    officer = officer_of(app, "CLCN")
    assert ask(officer, FORM).status_code == 422
    assert ask(officer, FORM, reader="0012").status_code == 303
    assert "王芳" in officer.get("/requests/1").text
    assert "红楼梦" in reader.get("/requests").text


def test_an_officer_asks_for_a_reader_of_a_branch_behind_his_library(desk: Desk, app: FastAPI) -> None:
    branch = add_person(app, "xi", library="XCLIB", card="9")
    assert ask(officer_of(app, "CLCN"), FORM, reader="9").status_code == 303
    with desk.database.read() as unit:
        row, person = get_request(unit, 1), person_of(unit, 1)
    assert row is not None and person is not None
    assert (row.requester, row.branch, person.account) == ("CLCN", "XCLIB", branch.id)


def test_another_librarys_reader_is_nobody(desk: Desk, app: FastAPI) -> None:
    add_person(app, "foreign", library="RUC", card="77")
    officer = officer_of(app, "CLCN")
    for told in ("77", "foreign", "nobody"):
        page = ask(officer, FORM, reader=told)
        assert page.status_code == 422 and "没有这个证号" in page.text
    assert count(desk) == 0


# ---------------------------------------------------------------------------------------------- by citation


def test_an_openurl_is_understood_and_leads_to_the_form(app: FastAPI, reader: Browser) -> None:
    link = (
        "/openurl?url_ver=Z39.88-2004&rft_val_fmt=info:ofi/fmt:kev:mtx:journal&rft.genre=article&rft.jtitle=%E5%AD%A6"
        "%E5%88%8A&rft.volume=3"
    )
    page = Browser(app).get(link)
    assert "期刊文章" in page.text and "缺少文章题名或页码" in page.text and "检索暂时不可用" in page.text
    form = parsed(page).xpath('//form[@action="/request"]')[0]
    told = dict(form.form_values())
    assert {name: told[name] for name in ("genre", "title", "volume", "source")} == {
        "genre": "article", "title": "学刊", "volume": "3", "source": "openurl",
    }  # fmt: skip
    assert form.xpath('.//input[@name="record"]/@value') == [""]
    assert Browser(app).get("/openurl").status_code == 200


@pytest.mark.parametrize(("inside", "service"), [("", "loan"), ("&rft.pages=3-9", "copy"), ("&rft.atitle=甲", "copy")])
def test_a_whole_book_is_lent_and_a_part_of_it_copied(reader: Browser, inside: str, service: str) -> None:
    """Nobody who asks for a book by its link is asked which pages he wants."""
    told = f"rft.genre=book&rft.btitle=天书{inside}"
    assert "还缺少" not in reader.get(f"/openurl?url_ver=Z39.88-2004&rft_val_fmt=info:ofi/fmt:kev:mtx:book&{told}").text
    form = f"/request?genre=book&title=天书{inside.replace('rft.', '').replace('atitle', 'article_title')}"
    chosen = '//select[@name="service"]/option[@selected]/@value | //input[@name="service"][@checked]/@value'
    assert parsed(reader.get(form)).xpath(chosen) == [service]


@pytest.mark.parametrize(
    ("confidences", "chosen"),
    [((), ""), ((0.4, 0.4), ""), ((0.6,), "0"), ((0.9, 0.6), "0"), ((0.6, 0.6, 0.4), None)],
)
def test_what_fits_best_is_chosen_unless_another_fits_as_well(
    confidences: tuple[float, ...], chosen: str | None
) -> None:
    told = [MatchCandidate(str(at), "", each, "", "", "", "", "", 0, 0) for at, each in enumerate(confidences)]
    assert preselected(told) == chosen


def test_what_is_not_in_the_catalogue_goes_to_the_desk_and_on_when_it_is_found(
    desk: Desk, app: FastAPI, reader: Browser
) -> None:
    assert ask(reader, "/request?genre=book&title=天书&pages=1-3").status_code == 303
    assert state(desk) == "blank"
    officer = officer_of(app, "CLCN")
    assert "天书" in officer.get("/desk").text
    assert do(officer, 1, "resolve", other=union_id(NOWHERE_ELSE)).status_code == 303
    assert (state(desk), asked(desk)) == ("asking", "PPSUC")
    assert "天书" not in officer.get("/desk").text


def test_a_node_searches_for_its_own_side_and_passes_on_what_it_does_not_find(desk: Desk, app: FastAPI) -> None:
    reader = signed_in(app, "police", library="PPSUC")
    ask(reader, "/request?genre=book&title=天书&pages=1-3")
    first, second = officer_of(app, "BNU"), officer_of(app, "BUPT")
    assert "天书" in first.get("/desk").text and "天书" not in second.get("/desk").text
    assert second.get("/requests/1").status_code == 403
    assert do(first, 1, "escalate").status_code == 303
    assert "天书" not in first.get("/desk").text and "天书" in second.get("/desk").text
    assert do(second, 1, "resolve", other=union_id(HONGLOUMENG)).status_code == 303
    assert state(desk) == "asking"


def test_what_can_not_be_found_is_given_up_with_a_reason(desk: Desk, app: FastAPI, reader: Browser) -> None:
    ask(reader, "/request?genre=book&title=天书&pages=1-3")
    officer = officer_of(app, "CLCN")
    assert do(officer, 1, "give_up", reason="").status_code == 422
    assert do(officer, 1, "give_up", reason="各库均无").status_code == 303
    assert state(desk) == "closed_unfilled" and "各库均无" in reader.get("/requests/1").text


def test_a_blank_form_asks_for_a_title(reader: Browser) -> None:
    assert "title" in fields_of_get(reader, "/request/new")
    assert reader.get("/request/match?volume=3").status_code == 422
    assert reader.get("/request/match?title=天书").status_code == 200


def fields_of_get(browser: Browser, address: str) -> set[str]:
    return set(parsed(browser.get(address)).xpath('//form[@action="/request/match"]//*[@name]/@name'))


# ---------------------------------------------------------------------------------------------- answering


def answering(desk: Desk, app: FastAPI, reader: Browser, **told: str) -> Browser:
    """An officer of the library that is asked."""
    ask(reader, FORM, **told)
    return officer_of(app, asked(desk))


def test_the_queue_shows_what_is_asked_and_what_is_overdue(desk: Desk, app: FastAPI, reader: Browser) -> None:
    officer = answering(desk, app, reader)
    page = officer.get("/queue")
    assert "红楼梦" in page.text and "首都图书馆" in page.text and "王芳" not in page.text and "已逾期" not in page.text
    desk.wait(days=3)
    late = officer_again(app, asked(desk)).get("/queue")
    assert "已逾期" in late.text


def officer_again(app: FastAPI, library: str) -> Browser:
    """The session of before has run out by now."""
    return signed_in(app, f"later-{library.lower()}", "requester", "supplier", library=library)


def test_many_are_confirmed_at_once(desk: Desk, app: FastAPI, reader: Browser) -> None:
    officer = answering(desk, app, reader)
    form = fields(officer.get("/queue"), "/queue")
    assert send(officer, "/queue", form, step="ack").status_code == 422
    assert send(officer, "/queue", form, step="ack", ticked=["1.1"]).status_code == 303
    assert "已收到" in officer.get("/queue").text
    page = send(officer, "/queue", form, step="ack", ticked=["1.1", "x", "9.9.9"])
    assert page.status_code == 422 and "申请 1" in page.text


def test_a_ticked_number_that_no_store_has_is_passed_over(app: FastAPI) -> None:
    officer = officer_of(app, "RUC", "supplier")
    for ticked in ("9999999999.1", f"{2**31}.1", "1.99999999999999", "١.1"):
        form = {"step": "ack", "ticked": ticked, "csrf": officer.csrf()}
        assert send(officer, "/queue", form).status_code == 303


def test_who_asks_too_fast_is_told_when_to_go_on(desk: Desk, app: FastAPI, reader: Browser) -> None:
    app.state.door.throttle = Throttle((30, 1))
    form = fields(reader.get(FORM), "/request")
    assert send(reader, "/request", form).headers["location"] == "/requests/1?sent=1"
    other = fields(reader.get(FORM), "/request") | {"service": "copy", "pages": "1-9", "insist": "另一部分"}
    refused = send(reader, "/request", other)
    assert refused.status_code == 429 and "分钟后再试" in refused.text and refused.headers["retry-after"]
    assert count(desk) == 1


def test_a_refusal_needs_its_reason_and_goes_on_to_the_next(desk: Desk, app: FastAPI, reader: Browser) -> None:
    officer, first = answering(desk, app, reader), asked(desk)
    refused = do(officer, 1, "refuse", code="")
    assert refused.status_code == 422 and "请选择拒绝原因" in refused.text and asked(desk) == first
    assert do(officer, 1, "refuse", code="NotHeld", note="已剔除").status_code == 303
    assert state(desk) == "asking" and asked(desk) != first
    page = reader.get("/requests/1")
    assert "无馆藏" in page.text and "已剔除" in page.text


def test_what_is_supplied_is_received_and_leaves_the_list(desk: Desk, app: FastAPI, reader: Browser) -> None:
    officer = answering(desk, app, reader, service="copy", pages="1-20", max_cost="5")
    assert do(officer, 1, "fill", sheets="zwanzig").status_code == 422
    assert do(officer, 1, "fill", cost="x").status_code == 422
    assert do(officer, 1, "fill", sheets="20", cost="2.50", via="电子邮件").status_code == 303
    with desk.database.read() as unit:
        filled = next(event for event in events_of(unit, 1) if event.name == "fill")
    assert (filled.data["pages"], filled.data["cost"], filled.data["via"]) == (20, 250, "电子邮件")
    assert {"receive", "bad_copy"} <= steps(reader.get("/requests/1"))
    assert do(reader, 1, "receive").status_code == 303
    assert "红楼梦" not in reader.get("/requests").text and "红楼梦" in reader.get("/requests?closed=1").text


def test_what_it_cost_is_shown_to_who_reads_the_ledger(desk: Desk, app: FastAPI, reader: Browser) -> None:
    officer = answering(desk, app, reader, service="copy", pages="1-20", max_cost="5")
    assert do(officer, 1, "fill", sheets="20", cost="7").status_code == 422  # nobody has agreed to it
    do(officer, 1, "fill", sheets="20", cost="2.50")
    admin = signed_in(app, "admin", "admin", "requester", library="CLCN")
    charges = texts(admin.get("/requests/1"), "charges")
    assert len(charges) == 1 and "首都图书馆 → " in charges[0] and "¥8.50" in charges[0]  # 20 × 0.30 + 2.50
    assert "馆际结算" not in reader.get("/requests/1").text


def test_a_condition_is_accepted_by_the_requesting_library(desk: Desk, app: FastAPI, reader: Browser) -> None:
    officer, home = answering(desk, app, reader), officer_of(app, "CLCN")
    do(officer, 1, "condition", code="LibraryUseOnly", cost="12")
    assert state(desk) == "condition"
    page = home.get("/requests/1")
    assert "只供馆内阅览" in page.text and "¥12.00" in page.text and {"accept", "reject"} <= steps(page)
    assert "accept" not in steps(reader.get("/requests/1"))
    assert do(home, 1, "accept").status_code == 303
    assert "将提供" in officer.get("/requests/1").text


def test_a_request_is_passed_on_and_put_off(desk: Desk, app: FastAPI, reader: Browser) -> None:
    officer, first = answering(desk, app, reader), asked(desk)
    assert do(officer, 1, "forward", to="").status_code == 422
    assert do(officer, 1, "forward", to="PPSUC").status_code == 303
    assert asked(desk) == "PPSUC" != first
    later = officer_of(app, "PPSUC")
    assert do(later, 1, "retry_later", until="2026-03-09").status_code == 303
    assert "稍后再询" in later.get("/requests/1").text


def test_what_a_library_can_not_find_comes_back_to_be_completed(desk: Desk, app: FastAPI, reader: Browser) -> None:
    serial = f"/request?record={union_id(SERIAL)}"
    ask(reader, serial, date="1998", article_title="论大观园", insist="要电子版")
    officer = officer_of(app, asked(desk))
    do(officer, 1, "refuse", code="Incomplete", note="缺期号")
    page = reader.get("/requests/1")
    assert state(desk) == "draft" and "待补充" in page.text and "缺期号" in page.text
    form = fields(page, "/requests/1", "submit")
    assert (form["date"], form["article_title"]) == ("1998", "论大观园")
    emptied = send(reader, "/requests/1", form, date="", volume="")
    assert emptied.status_code == 422 and "缺少年份或卷号" in emptied.text and state(desk) == "draft"
    assert (
        send(reader, "/requests/1", fields(emptied, "/requests/1", "submit"), date="1998", issue="3").status_code == 303
    )
    wish = case_of(desk).wish
    assert wish is not None and wish.citation.issue == "3" and state(desk) == "asking"


def test_what_a_library_has_been_asked_for_already_is_for_the_reader_to_say(
    desk: Desk, app: FastAPI, reader: Browser
) -> None:
    officer = answering(desk, app, reader)
    do(officer, 1, "refuse", code="Duplicate")
    assert state(desk) == "dup_hold" and {"link", "separate"} <= steps(reader.get("/requests/1"))
    assert do(reader, 1, "separate", reason="").status_code == 422
    assert do(reader, 1, "separate", reason="另一位读者").status_code == 303
    assert state(desk) == "asking"


def test_a_bad_copy_is_asked_for_again(desk: Desk, app: FastAPI, reader: Browser) -> None:
    officer, library = answering(desk, app, reader, service="copy", pages="1-20"), asked(desk)
    do(officer, 1, "fill", sheets="20")
    assert do(reader, 1, "bad_copy", reason="缺第3页").status_code == 303
    assert (state(desk), asked(desk)) == ("asking", library)
    assert "缺第3页" in officer.get("/requests/1").text
    do(officer, 1, "refuse", code="PoorCondition")
    following = officer_of(app, asked(desk), "supplier")
    page = following.get("/requests/1")
    assert page.status_code == 200 and "缺第3页" not in page.text, "of another's copy it has nothing to know"


def test_a_loan_is_lent_and_given_back(desk: Desk, app: FastAPI, reader: Browser) -> None:
    officer, home = answering(desk, app, reader), officer_of(app, "CLCN")
    for odd in ("五月一日", "2026-04-31", "20260430", "2026-04-30T09:00"):
        page = do(officer, 1, "fill", loan_due=odd)
        assert page.status_code == 422 and "应还日期请写作 2026-12-31。" in page.text and state(desk) == "asking"
    do(officer, 1, "fill", loan_due="2026-04-30")
    assert "lend" not in steps(reader.get("/requests/1"))
    assert do(home, 1, "lend").status_code == 303 and state(desk) == "on_loan"
    assert do(home, 1, "returned").status_code == 303 and state(desk) == "closed_filled"


# ---------------------------------------------------------------------------------------------- overriding


def test_the_rota_is_overridden_with_a_reason(desk: Desk, app: FastAPI, reader: Browser) -> None:
    ask(reader, FORM)
    home = officer_of(app, "CLCN")
    order = [entry.number for entry in case_of(desk).planned]
    form = fields(home.get("/requests/1"), "/requests/1", "reorder")
    assert form["planned"] == [str(number) for number in order] and form["places"] == ["1", "2", "3"]
    backwards = {"places": ["3", "2", "1"]}
    assert send(home, "/requests/1", form, **backwards, reason="").status_code == 422
    assert send(home, "/requests/1", form, **backwards, reason="近").status_code == 303
    assert [entry.number for entry in case_of(desk).planned] == order[::-1]
    assert do(home, 1, "skip", reason="在装修").status_code == 303
    assert do(home, 1, "recall").status_code == 303
    assert "reorder" not in steps(reader.get("/requests/1"))


def test_the_end_of_the_rota_is_an_officers_to_decide(desk: Desk, app: FastAPI) -> None:
    reader = signed_in(app, "ruc-reader", library="RUC")
    ask(reader, f"/request?record={union_id(NOWHERE_ELSE)}")
    officer = officer_of(app, "PPSUC")
    do(officer, 1, "refuse", code="NotOnShelf")
    home = officer_of(app, "RUC")
    if state(desk) == "asking":  # a partner is asked after all holders
        do(officer_of(app, asked(desk)), 1, "refuse", code="NotHeld")
    assert state(desk) == "review"
    first = parsed(home.get("/library/requests?state=review")).xpath('//ol[@class="request-list"]/li')
    assert len(first) == 1
    assert do(home, 1, "extend").status_code == 303 and state(desk) == "review"  # nobody is left
    assert do(home, 1, "extend", other=union_id(HONGLOUMENG)).status_code == 303 and state(desk) == "asking"
    for _ in range(5):
        if state(desk) == "asking":
            do(signed_in(app, f"no-{asked(desk)}", "supplier", library=asked(desk)), 1, "refuse", code="NotHeld")
    assert do(home, 1, "close", reason="各馆均无").status_code == 303
    assert "公安学导论" in home.get("/library/requests?closed=1").text


def test_what_has_moved_on_is_told_and_nothing_done(desk: Desk, app: FastAPI, reader: Browser) -> None:
    officer = answering(desk, app, reader)
    stale = fields(officer.get("/requests/1"), "/requests/1", "fill")
    do(officer, 1, "ack")
    answer = send(officer, "/requests/1", stale)
    assert answer.status_code == 422 and "刚刚有了变化" in answer.text and state(desk) == "asking"


def test_a_reader_cancels_and_asks_again(desk: Desk, app: FastAPI, reader: Browser) -> None:
    officer = answering(desk, app, reader)
    assert do(reader, 1, "cancel", reason="买到了").status_code == 303
    assert state(desk) == "cancelling"
    assert do(officer, 1, "cancel_yes").status_code == 303
    page = reader.get("/requests/1")
    assert state(desk) == "closed_cancelled" and "买到了" in page.text
    (again,) = parsed(page).xpath('//a[starts-with(@href, "/request?")]/@href')
    assert ask(reader, again).headers["location"] == "/requests/2?sent=1"
    assert state(desk, 2) == "asking"


# ---------------------------------------------------------------------------------------------- whose it is


def test_a_request_is_nobody_elses_business(desk: Desk, app: FastAPI, reader: Browser) -> None:
    ask(reader, FORM)
    others = (
        signed_in(app, "other", library="CLCN"),
        officer_of(app, "PPSUC"),
        signed_in(app, "thu", "requester", library="XCLIB"),
    )
    for other in others:
        assert other.get("/requests/1").status_code == 403
        assert "红楼梦" not in other.get("/requests").text
    assert others[0].get("/requests/77").status_code == 404
    assert others[1].get("/library/requests?library=CLCN").status_code == 200  # his own library's all the same
    assert "红楼梦" not in others[1].get("/library/requests?library=CLCN").text


@pytest.mark.parametrize("address", ["/request", "/requests/1", "/queue", "/library/policy", "/library/pause"])
def test_nothing_is_done_by_a_form_of_another_site(desk: Desk, app: FastAPI, reader: Browser, address: str) -> None:
    ask(reader, FORM)
    staff = signed_in(app, "all", "requester", "supplier", "admin", library="RUC")
    browser = reader if address in ("/request", "/requests/1") else staff
    good = {"csrf": browser.csrf(), "record": union_id(HONGLOUMENG), "name": "cancel", "library": "RUC", "paused": "1"}
    own = {"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin"}
    foreign = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    assert browser.send("POST", address, data=good | {"csrf": ""}, headers=own).status_code == 403
    assert browser.send("POST", address, data=good, headers=foreign).status_code == 403
    assert (count(desk), state(desk)) == (1, "asking")


def test_hostile_words_stay_words(desk: Desk, app: FastAPI, reader: Browser) -> None:
    payload = '"><script>window.hostile=1</script>{{ 7 * 7 }}\u202e'
    address = "/request?genre=book&pages=1&title=" + "%22%3E%3Cscript%3Ewindow.hostile=1%3C/script%3E"
    assert ask(reader, address, note=payload, delivery=payload, author=payload).status_code == 303
    officer = officer_of(app, "CLCN")
    do(officer, 1, "give_up", reason=payload)
    for browser, path in (
        (reader, "/requests/1"), (reader, "/requests?closed=1"), (officer, "/library/requests?closed=1"),
        (reader, address), (reader, f"/request/match?title={payload}"), (reader, f"/openurl?rft.title={payload}"),
    ):  # fmt: skip
        page = browser.get(path)
        assert page.status_code == 200 and "<script>window" not in page.text and "window.hostile" in page.text
        assert "49" not in " ".join(texts(page, "slip"))


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_pages_speak_both_languages(desk: Desk, app: FastAPI, reader: Browser, language: str) -> None:
    officer = answering(desk, app, reader)
    said = {"zh": ("申请 1", "本馆的答复"), "en": ("Request 1", "Your library&#39;s answer")}[language]
    page = officer.get(f"/requests/1?lang={language}")
    assert said[0] in page.text and (said[1] in page.text or said[1].replace("&#39;", "'") in page.text)


# ---------------------------------------------------------------------------------------------- policy, corrections


def test_an_admin_changes_his_librarys_policy(desk: Desk, app: FastAPI) -> None:
    admin = signed_in(app, "admin", "admin", library="RUC")
    form = fields(admin.get("/library/policy"), "/library/policy")
    assert (form["channel"], form["receipt_days"], form["lends"]) == ("queue", "1", "1")
    changed = form | {
        "channel": "email", "address": "ill@ruc.example", "daily_cap": "20", "accept_cost": "12.50", "lends": "",
        "closure_first": ["2026-07-10", ""], "closure_last": ["2026-08-20", ""], "closure_reason": ["暑假", ""],
        "make_up_days": "2026-02-28 2026-05-09",
    }  # fmt: skip
    assert send(admin, "/library/policy", changed).status_code == 303
    shown = fields(admin.get("/library/policy"), "/library/policy")
    for name in ("channel", "address", "daily_cap", "accept_cost", "make_up_days"):
        assert shown[name] == changed[name]
    assert shown["closure_first"] == ["2026-07-10", "", ""] and "lends" not in shown
    with desk.database.read() as unit:
        noted = entries(unit, action="policy.write")
    assert len(noted) == 1 and noted[0].after["daily_cap"] == 20 and noted[0].after["address_set"] is True
    assert "ill@ruc.example" not in str(noted)


@pytest.mark.parametrize(
    ("field", "typed"),
    [("daily_cap", "-1"), ("capacity", "nan"), ("receipt_days", "0"), ("accept_cost", "x"), ("address", "nirgends")],
)
def test_a_policy_that_makes_no_sense_is_not_taken(desk: Desk, app: FastAPI, field: str, typed: str) -> None:
    admin = signed_in(app, "admin", "admin", library="RUC")
    form = fields(admin.get("/library/policy"), "/library/policy") | {"channel": "email", "address": "a@b.example"}
    page = send(admin, "/library/policy", form, **{field: typed})
    assert page.status_code == 422 and parsed(page).get_element_by_id(field).get("value") == typed
    with desk.database.read() as unit:
        assert entries(unit, action="policy.write") == []


def test_the_holiday_switch_sends_on_what_nobody_has_seen(desk: Desk, app: FastAPI, reader: Browser) -> None:
    ask(reader, FORM)
    first = asked(desk)
    admin = signed_in(app, "admin", "admin", library=first)
    done = send(admin, "/library/pause", fields(admin.get("/library/policy"), "/library/pause"))
    assert done.headers["location"].endswith("&moved=1")
    assert asked(desk) in ("", first) or asked(desk) != first
    assert "暂停中" in admin.get("/library/policy").text
    with desk.database.read() as unit:
        noted = entries(unit, action="policy.write")
    assert noted[0].after == {"paused": True, "rerouted": 1}
    send(admin, "/library/pause", fields(admin.get("/library/policy"), "/library/pause"))
    assert "正常受理" in admin.get("/library/policy").text


def test_staff_read_the_policy_and_other_libraries_don_t(app: FastAPI) -> None:
    officer = officer_of(app, "RUC")
    page = officer.get("/library/policy?library=CLCN")
    assert "中国人民大学图书馆" in page.text and "/library/pause" not in page.text
    own = {"csrf": officer.csrf(), "library": "RUC"}
    assert send(officer, "/library/policy", own).status_code == 403
    admin = signed_in(app, "admin", "admin", library="RUC")
    assert send(admin, "/library/policy", {"csrf": admin.csrf(), "library": "CLCN"}).status_code == 403
    assert send(admin, "/library/pause", {"csrf": admin.csrf(), "library": "CLCN"}).status_code == 403
    system = signed_in(app, "root", "system")
    assert "中国人民大学图书馆" in system.get("/library/policy").text  # to be chosen
    assert 'value="CLCN"' in system.get("/library/policy?library=CLCN").text


def test_a_holding_said_to_be_wrong_is_looked_at(desk: Desk, app: FastAPI, reader: Browser) -> None:
    officer, library = answering(desk, app, reader), asked(desk)
    do(officer, 1, "refuse", code="NotHeld")
    page = officer.get("/library/corrections")
    assert "红楼梦" in page.text and "无馆藏" in page.text
    action = "/library/corrections/1"
    form = fields(page, action)
    assert send(officer, action, form).status_code == 422
    stranger = officer_of(app, "PPSUC")
    assert send(stranger, action, {"csrf": stranger.csrf(), "result": "holding_right"}).status_code == 404
    assert send(officer, action, form, result="holding_wrong", note="已剔除").status_code == 303
    assert "没有待核对的馆藏" in officer.get("/library/corrections").text
    assert "已剔除" in officer.get("/library/corrections?closed=1").text
    with desk.database.read() as unit:
        noted = entries(unit, action="correction.close")
    assert [each.library for each in noted] == [library]
    assert send(officer, action, form, result="holding_right").status_code == 422


def test_time_is_told_in_chinese_time(desk: Desk, app: FastAPI, reader: Browser) -> None:
    desk.now += timedelta(hours=14, minutes=59)  # 23:59 in Beijing
    browser = signed_in(app, "late", library="CLCN")
    ask(browser, FORM)
    assert "2026年3月2日 23:59" in " ".join(texts(browser.get("/requests/1"), "timeline"))
