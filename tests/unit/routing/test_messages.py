"""Which messages follow from an event, and what they say and do not say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.requests import REASONS, Citation, Event, Wish
from routing.case import Case, apply
from routing.mails import LANGUAGES, MailError, _load, compose, one_line, plain
from routing.messages import (
    MAIL_KINDS,
    SUPPLIER_EVENTS,
    Body,
    Facts,
    OutgoingMessage,
    Party,
    messages_for,
    undeliverable,
)
from routing.wording import vocabulary

NOW = datetime(2026, 3, 2, 1, tzinfo=UTC)
ZONE = UTC
WISH = Wish(Citation(title="红楼梦", author="曹雪芹", volume="2", record_id="3K7M2Q9V"))
LIBRARIES = {
    "CLCN": Party("CLCN", "首都图书馆", "Capital Library"),
    "RUC": Party("RUC", "中国人民大学图书馆", "Renmin University Library"),
    "THU": Party("THU", "清华大学图书馆", "Tsinghua University Library"),
}
CHANNELS = {"RUC": "iso18626", "THU": "email"}


class Story:
    """A request, with the messages of its last event."""

    def __init__(self, source: str = "record", **facts: Any) -> None:
        self.facts = Facts(LIBRARIES, CHANNELS, **{"reader": "4711", "webhooks": (3,)} | facts)
        self.case = Case(7)
        self.source = source

    def then(self, name: str, actor: str = "system", entry: int = 0, **data: Any) -> list[OutgoingMessage]:
        library = {"supplier": self.case.entry(entry).supplier if entry else "", "officer": "CLCN", "reader": "CLCN"}
        at = NOW + timedelta(hours=self.case.seq)
        event = Event(7, self.case.seq + 1, at, name, actor, 0, library.get(actor, ""), "", entry, data)
        before, self.case = self.case, apply(self.case, event)
        made = messages_for(before, self.case, event, self.facts)
        assert made == messages_for(before, self.case, event, self.facts)
        assert len({message.key for message in made}) == len(made)
        return made

    def asking(self, *suppliers: str) -> list[OutgoingMessage]:
        """Up to the first `send`, whose messages are returned."""
        self.then("submit", "reader", requester="CLCN", wish=msgspec.to_builtins(WISH), source=self.source)
        self.then("holders", record="3K7M2Q9V")
        entries = [{"entry": n, "supplier": each, "path": [each]} for n, each in enumerate(suppliers, start=1)]
        self.then("rota", entries=entries)
        return self.then("send", entry=1, supplier=suppliers[0], action_due="2026-03-05T09:00:00Z")


def kinds(messages: list[OutgoingMessage]) -> list[tuple[str, str, str]]:
    return [(message.channel, message.target, message.kind) for message in messages]


def body(messages: list[OutgoingMessage], kind: str) -> Body:
    [found] = [message for message in messages if message.kind == kind]
    return msgspec.json.decode(found.body, type=Body)


def test_a_request_goes_out_by_the_channel_that_the_library_has() -> None:
    for supplier, channel in (("RUC", "iso18626"), ("THU", "email")):
        sent = Story(webhooks=()).asking(supplier)
        assert kinds(sent) == [(channel, supplier, "supplier.request"), ("email", "4711", "reader.sent")]
        told = body(sent, "supplier.request")
        assert (told.request, told.entry, told.event, told.asked) == (7, 1, "send", 1)
        assert (told.wish, told.requester, told.supplier) == (WISH, LIBRARIES["CLCN"], LIBRARIES[supplier])
        assert sent[0].key == f"7/4/{channel}/{supplier}/supplier.request"
        assert (sent[0].request_id, sent[0].entry, sent[1].entry) == (7, 1, 0)
    assert kinds(Story(reader="", webhooks=()).asking("BNU")) == []  # works in the queue, and nobody wants mail


def test_a_library_that_is_not_known_is_named_by_its_symbol() -> None:
    assert body(Story(webhooks=()).asking("BNU"), "reader.sent").supplier == Party("BNU")


def test_the_reader_is_told_at_once_and_of_each_library() -> None:
    story = Story(expected="2026-03-06")
    made = story.then("submit", "reader", requester="CLCN", wish=msgspec.to_builtins(WISH))
    assert ("email", "4711", "reader.receipt") in kinds(made)
    assert body(made, "reader.receipt").expected == "2026-03-06"
    assert "email" not in [channel for channel, _, _ in kinds(Story(reader="").asking("RUC"))]


@pytest.mark.parametrize("event", sorted(SUPPLIER_EVENTS))
def test_what_concerns_the_library_goes_to_it_in_order(event: str) -> None:
    story = Story()
    story.asking("RUC", "BNU")
    steps: dict[str, list[tuple[str, str, dict[str, Any]]]] = {
        "send": [],
        "due": [("retry_later", "supplier", {"until": "2026-03-09"}), ("due", "timer", {})],
        "retry": [("fill", "supplier", {}), ("bad_copy", "reader", {"reason": "缺页"}), ("retry", "system", {})],
        "recall": [("recall", "timer", {"why": "receipt"})],
        "accept": [("condition", "supplier", {"cost": 500}), ("accept", "officer", {})],
        "reject": [("condition", "supplier", {"cost": 500}), ("reject", "officer", {})],
    }
    made: list[OutgoingMessage] = []
    for name, actor, data in steps[event]:
        made = story.then(name, actor, 0 if name == "bad_copy" else 1, **data)
    if event != "send":
        to_library = [message for message in made if message.target == "RUC"]
        assert kinds(to_library) == [("iso18626", "RUC", SUPPLIER_EVENTS[event])]
        assert to_library[0].entry == 1
    if event == "retry":
        assert body(made, "supplier.retry").reason == "缺页"


def test_whoever_supplied_it_hears_that_it_came_and_went_back() -> None:
    story = Story()
    story.asking("RUC")
    delivered = story.then("fill", "supplier", 1, loan_due="2026-04-01")
    assert kinds(delivered) == [("email", "4711", "reader.delivered"), ("webhook", "3", "request.status_changed")]
    assert body(delivered, "reader.delivered").supplier == LIBRARIES["RUC"]
    story.then("lend", "officer")
    returned = story.then("returned", "officer")
    assert kinds(returned)[0] == ("iso18626", "RUC", "supplier.returned")
    assert returned[0].entry == 1


def test_officers_are_asked_to_decide_and_told_what_goes_wrong() -> None:
    story = Story(webhooks=(), reader="")
    story.asking("RUC")
    made = story.then("condition", "supplier", 1, code="Cost", cost=1250, text="彩色")
    assert kinds(made) == [("email", "CLCN", "officer.condition")]
    story.then("reject", "officer", 1)
    assert kinds(story.then("exhausted")) == [("email", "CLCN", "officer.exhausted")]
    late = Story(webhooks=(), reader="")
    late.asking("RUC")
    assert kinds(late.then("recall", "timer", 1, why="action"))[1:] == [("email", "CLCN", "officer.overdue")]
    cancelled = Story(webhooks=(), reader="")
    cancelled.asking("RUC")
    assert kinds(cancelled.then("recall", "officer", 1, why="officer")) == [("iso18626", "RUC", "supplier.cancel")]
    silent = Story(webhooks=(), reader="", officers=False)
    silent.asking("RUC")
    assert kinds(silent.then("recall", "timer", 1, why="action")) == [("iso18626", "RUC", "supplier.cancel")]


def test_the_reader_hears_how_it_ended_and_what_is_missing() -> None:
    story = Story(webhooks=(), missing=("year_or_volume", "article"))
    story.asking("RUC")
    story.then("refuse", "supplier", 1, code="Incomplete")
    made = story.then("incomplete")
    assert body(made, "reader.question").missing == ("year_or_volume", "article")
    assert kinds(story.then("submit", "reader", wish=msgspec.to_builtins(WISH))) == []  # a receipt is given once
    unfilled = Story(webhooks=())
    unfilled.asking("RUC")
    unfilled.then("refuse", "supplier", 1, code="NotHeld")
    unfilled.then("exhausted")
    closed = unfilled.then("close", "officer", reason="各馆均无")
    assert kinds(closed) == [("email", "4711", "reader.unfilled")]
    assert body(closed, "reader.unfilled").reason == "各馆均无"
    expired = Story(webhooks=())
    expired.asking("RUC")
    assert body(expired.then("expire", "timer"), "reader.unfilled").reason == "expired"
    gone = Story(webhooks=())
    gone.asking("RUC")
    gone.then("cancel", "reader")
    gone.then("recall", "system", 1, why="cancelled")
    assert kinds(gone.then("cancel_done")) == [("email", "4711", "reader.cancelled")]


def test_a_delay_is_told_where_a_new_day_is_known() -> None:
    for expected, told in (("2026-03-12", True), ("", False)):
        story = Story(webhooks=(), expected=expected)
        story.asking("RUC")
        made = story.then("retry_later", "supplier", 1, until="2026-03-09")
        assert (kinds(made) == [("email", "4711", "reader.expected")]) is told


def test_a_program_hears_of_each_new_status_and_nothing_personal() -> None:
    story = Story(webhooks=(3, 5))
    story.asking("RUC")
    assert kinds(story.then("ack", "supplier", 1)) == []  # the entry moves, the request's status doesn't
    made = [message for message in story.then("fill", "supplier", 1) if message.channel == "webhook"]
    assert [message.target for message in made] == ["3", "5"]
    told = msgspec.json.decode(made[0].body)
    assert told == {
        "type": "request.status_changed",
        "timestamp": "2026-03-02T06:00:00Z",
        "data": {
            "request": 7, "sequence": 6, "status": "delivered", "previous": "asking", "at": "2026-03-02T06:00:00Z",
            "requester": "CLCN", "supplier": "RUC",
        },
    }  # fmt: skip
    assert "红楼梦" not in made[0].body and "4711" not in made[0].body


def test_no_body_names_the_reader() -> None:
    story = Story()
    made = [*story.asking("THU", "RUC"), *story.then("fill", "supplier", 1)]
    assert made
    assert not [message for message in made if "4711" in message.body]


def test_a_library_that_asked_by_iso18626_hears_how_its_request_gets_on() -> None:
    story = Story(source="iso18626", reader="", webhooks=())
    story.facts = msgspec.structs.replace(story.facts, channels=CHANNELS | {"CLCN": "iso18626"})
    story.asking("BNU", "NLC")
    assert kinds(story.then("will_supply", "supplier", 1)) == [("iso18626", "CLCN", "peer.status")]
    assert kinds(story.then("refuse", "supplier", 1, code="NotOnShelf")) == []
    story.then("send", entry=2)
    assert kinds(story.then("fill", "supplier", 2)) == [("iso18626", "CLCN", "peer.status")]
    other = Story(source="iso18626", reader="", webhooks=())  # the library has no such service any more
    other.asking("BNU")
    assert kinds(other.then("fill", "supplier", 1)) == []


def test_officers_hear_of_a_message_to_a_library_that_was_given_up() -> None:
    [request, readers] = Story().asking("RUC")
    told = undeliverable(request.key, request.channel, request.kind, request.body, "403")
    assert told is not None
    assert (told.channel, told.target, told.kind) == ("email", "CLCN", "officer.undeliverable")
    assert body([told], told.kind).error == "iso18626: 403"
    assert undeliverable(readers.key, readers.channel, readers.kind, readers.body, "") is None
    assert undeliverable(told.key, told.channel, told.kind, told.body, "") is None  # no notice of a notice


# ---------------------------------------------------------------------------------------------- their words


def full(**given: Any) -> Body:
    values: dict[str, Any] = {
        "wish": WISH, "supplier": LIBRARIES["RUC"], "toward": LIBRARIES["THU"], "asked": 2, "expected": "2026-03-06",
        "reason": "NotHeld", "missing": ("year_or_volume", "a code of tomorrow"), "error": "403",
        "data": {"cost": 1250, "text": "彩色", "action_due": "2026-03-05T18:00:00Z", "until": "2026-03-09",
                 "loan_due": "2026-04-01"},
    }  # fmt: skip
    return Body("send", NOW, 7, "asking", LIBRARIES["CLCN"], **values | given)


@pytest.mark.parametrize("kind", MAIL_KINDS)
def test_every_mail_has_its_words_in_both_languages(kind: str) -> None:
    zh, en = (
        compose(kind, full(), (language,), link="https://t/7", zone=ZONE, salutation="张三") for language in LANGUAGES
    )
    both = compose(kind, full(), LANGUAGES, link="https://t/7", zone=ZONE, salutation="张三")
    bare = compose(kind, Body("send", NOW, 7, "asking", Party("X")), LANGUAGES, link="", zone=ZONE)
    assert zh.subject and en.subject and "7" in zh.subject and "7" in en.subject
    assert zh.text != en.text
    assert both.text.startswith(zh.text.rstrip()) and both.text.endswith(en.text)
    for mail in (zh, en, both, bare):
        assert "None" not in mail.text and "{" not in mail.text and "{" not in mail.subject
    if kind.startswith("reader."):
        assert "张三" in zh.text and "张三" in en.text
    if kind not in ("supplier.received", "supplier.returned"):
        assert "https://t/7" in zh.text and "https://t/7" in en.text


def test_days_are_told_where_the_library_is() -> None:
    from zoneinfo import ZoneInfo

    for zone, day in ((ZONE, "5 March 2026"), (ZoneInfo("Asia/Shanghai"), "6 March 2026")):
        assert day in compose("supplier.request", full(), ("en",), link="", zone=zone).text
    told = compose("officer.condition", full(), ("zh",), link="", zone=ZONE).text
    assert "¥12.50" in told and "彩色" in told


def test_what_is_missing_is_asked_for_in_whole_sentences() -> None:
    told = compose("reader.question", full(), LANGUAGES, link="", zone=ZONE).text
    assert "· 缺少年份或卷号" in told and "· The year or volume is missing" in told


def test_every_reason_and_field_has_its_word() -> None:
    words = vocabulary()
    assert set(REASONS) == set(words.reasons)
    assert {"receipt", "action", "cancelled", "late_fill", "expired", "officer", "closed"} <= set(words.endings)
    assert set(Citation.__struct_fields__) - {"language", "record_id"} == set(words.fields)
    assert {kind for kind in MAIL_KINDS if kind.startswith("supplier.")} == set(words.messages)


@given(st.text(max_size=80), st.text(max_size=80))
def test_nothing_that_came_from_outside_can_begin_a_header(title: str, name: str) -> None:
    hostile = full(
        wish=Wish(Citation(title=f"{title}\r\nBcc: a@b.test")),
        supplier=Party("X", name, name),
        reason=f"{name}\n{title}",
    )
    for kind in ("supplier.request", "reader.unfilled", "officer.undeliverable"):
        mail = compose(kind, hostile, LANGUAGES, link="", zone=ZONE, salutation=f"{name}\nX: y")
        assert not {c for c in mail.subject if c in "\r\n\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029" or ord(c) < 32}
        assert "\r" not in mail.text and "\x00" not in mail.text and "\u202e" not in mail.text
        assert not any(line.startswith("Bcc:") for line in mail.text.splitlines())


@given(st.text())
def test_plain_text_stays_and_marks_that_hide_or_turn_text_go(text: str) -> None:
    assert plain(plain(text)) == plain(text)
    assert one_line(one_line(text)) == one_line(text)
    assert "\u202e" not in plain(text + "\u202e") and "\x1b" not in plain(text + "\x1b")
    assert plain("沈從文 café\n二行") == "沈從文 café\n二行"


def test_a_file_of_words_that_is_wrong_is_told_by_name() -> None:
    with pytest.raises(MailError, match=r"reader\.yaml"):
        _load("reader.yaml", dict[str, int])
