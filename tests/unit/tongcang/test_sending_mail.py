"""Mail to a real SMTP server: what arrives, whom it goes to, and what comes of each refusal."""

from __future__ import annotations

import asyncio
import email
import ssl
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from hypothesis import given
from hypothesis import settings as settings_of_tests
from hypothesis import strategies as st

from mappings.model import Library
from mappings.requests import Citation, LibraryPolicy, Wish
from routing.mails import compose
from routing.messages import Body, Party
from store import outbox
from store.accounts import NewAccount, add_account, erase_account, set_active
from store.database import Database
from store.libraries import put_library
from store.outbox import Message
from store.policies import put_policy
from tongcang.sending.mail import MailSender, message_id
from tongcang.sending.outcome import IN_QUEUE, Dead, Outcome, Retry, Sent
from tongcang.sending.recipients import NOBODY, Recipients, find_recipients, is_address
from tongcang.sending.settings import DispatchSettings

NOW = datetime(2026, 3, 2, 1, tzinfo=UTC)


class Box:
    """What the server has taken, and what it answers to which step."""

    def __init__(self, **answers: str) -> None:
        self.answers = answers
        self.mails: list[EmailMessage] = []
        self.envelopes: list[Envelope] = []
        self.logins: list[bytes] = []
        self.secured: list[bool] = []

    async def handle_MAIL(  # noqa: N802 — the server's own name for it
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.mail_from = address
        return self.answers.get("mail", "250 OK")

    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        answer = self.answers.get(address, self.answers.get("rcpt", "250 OK"))
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, _server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        answer = self.answers.get("data", "250 taken")
        if answer.startswith("250"):
            content = envelope.content
            assert isinstance(content, bytes)
            self.mails.append(email.message_from_bytes(content, policy=default))  # type: ignore[arg-type]
            self.envelopes.append(envelope)
            self.secured.append(session.ssl is not None)
        return answer

    def authenticate(self, _server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        self.logins.append(data.password)
        return AuthResult(success=data.password == b"geheim")


class Server(Controller):
    """On a port that the system chooses."""

    def __init__(self, box: Box, **given: Any) -> None:
        super().__init__(box, hostname="127.0.0.1", port=0, **given)

    def _trigger_server(self) -> None:
        assert isinstance(self.server, asyncio.base_events.Server)
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@pytest.fixture
def box() -> Box:
    return Box()


@pytest.fixture
def port(box: Box) -> Iterator[int]:
    server = Server(box)
    server.start()
    yield server.port
    server.stop()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Certificate of 127.0.0.1 and its key."""
    folder = tmp_path_factory.mktemp("tls")
    pem, key = folder / "own.pem", folder / "own.key"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(pem)]
    subprocess.run(command, check=True, capture_output=True)
    return str(pem), str(key)


def settings(port: int, **given: Any) -> DispatchSettings:
    values: dict[str, Any] = {
        "smtp_host": "127.0.0.1", "smtp_port": port, "smtp_security": "none", "mail_from": "通藏 <tongcang@lib.test>",
        "smtp_timeout": 5.0,
    }  # fmt: skip
    return DispatchSettings(**values | given)


def message(kind: str = "supplier.request", key: str = "7/4/email/THU/supplier.request", **given: Any) -> Message:
    body = Body(
        "send", NOW, 7, "asking", Party("CLCN", "首都图书馆", "Capital Library"),
        wish=Wish(Citation(title=given.pop("title", "红楼梦\r\nBcc: evil@x.test"), volume="2")),
        supplier=Party("THU", "清华大学图书馆", "Tsinghua University Library"),
    )  # fmt: skip
    text = msgspec.json.encode(body).decode()
    values: dict[str, Any] = {"target": "THU", "attempts": 1}
    values |= given
    return Message(
        1, key, "email", values["target"], kind, text, 7, 1, "", NOW, NOW, values["attempts"], "sending", "", None,
        None, "",
    )  # fmt: skip


def send(port: int, told: Message | None = None, to: Recipients | None = None, **given: Any) -> Outcome:
    sender = MailSender(
        settings(port, **given),
        lambda _: to or Recipients(("ill@lib.thu.test",), ("zh", "en")),
        lambda kind, request: f"https://t.test/{kind}/{request}",
    )
    return sender.send(told or message())


def test_a_mail_arrives_as_it_was_meant(box: Box, port: int) -> None:
    assert isinstance(send(port, mail_reply_to="desk@lib.test"), Sent)
    [mail] = box.mails
    assert mail["From"] == "通藏 <tongcang@lib.test>"
    assert mail["To"] == "ill@lib.thu.test"
    assert mail["Reply-To"] == "desk@lib.test"
    assert "红楼梦" in mail["Subject"] and "Bcc" not in [name for name, _ in mail.items()]
    assert mail["Message-ID"] == message_id("7/4/email/THU/supplier.request", "lib.test")
    assert mail["References"] == "<request-7@lib.test>"
    assert mail["Auto-Submitted"] == "auto-generated"
    text = mail.get_content()
    assert "清华大学图书馆" in text and "Capital Library" in text and "https://t.test/supplier.request/7" in text
    assert list(mail.iter_attachments()) == []
    assert box.envelopes[0].rcpt_tos == ["ill@lib.thu.test"]
    assert box.envelopes[0].mail_from == "tongcang@lib.test"


def test_a_repeat_can_be_known_by_its_id_and_is_the_same_mail(box: Box, port: int) -> None:
    send(port)
    send(port, message(attempts=2))
    send(port, message(key="7/5/email/THU/supplier.request"))
    first, repeat, other = box.mails
    assert first.as_bytes() == repeat.as_bytes()
    assert other["Message-ID"] != first["Message-ID"]


@pytest.mark.parametrize(
    ("answers", "outcome", "away"),
    [
        ({"rcpt": "550 <ill@lib.thu.test> unknown"}, Dead, ""),
        ({"rcpt": "450 grey-listed"}, Retry, "message"),
        ({"data": "554 looks like spam"}, Dead, ""),
        ({"data": "451 later"}, Retry, "message"),
        ({"mail": "553 not from you"}, Retry, "channel"),
        ({"mail": "421 closing"}, Retry, "channel"),
    ],
)
def test_what_comes_of_a_refusal(
    box: Box, port: int, answers: dict[str, str], outcome: type[Outcome], away: str
) -> None:
    box.answers = answers
    found = send(port)
    assert isinstance(found, outcome)
    assert getattr(found, "away", "") == away
    assert isinstance(found, Dead | Retry)
    assert "thu.test" not in found.reason
    assert box.mails == []


def test_a_mail_to_several_goes_to_those_who_are_there(box: Box, port: int) -> None:
    box.answers = {"gone@lib.test": "550 gone"}
    assert isinstance(send(port, to=Recipients(("gone@lib.test", "here@lib.test"), ("zh",))), Sent)
    assert box.envelopes[0].rcpt_tos == ["here@lib.test"]
    box.answers = {"gone@lib.test": "550 gone", "here@lib.test": "450 later"}
    assert isinstance(send(port, to=Recipients(("gone@lib.test", "here@lib.test"), ("zh",))), Retry)


def test_a_server_that_is_not_there_stops_the_channel_and_no_message() -> None:
    found = send(1)
    assert isinstance(found, Retry)
    assert found.away == "channel"


def test_by_starttls_with_a_password(box: Box, certificate: tuple[str, str]) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*certificate)
    server = Server(box, tls_context=context, require_starttls=True, auth_required=True, authenticator=box.authenticate)
    server.start()
    try:
        given = {"smtp_security": "starttls", "smtp_user": "tongcang", "smtp_password": "geheim"}
        assert isinstance(send(server.port, smtp_ca=certificate[0], **given), Sent)
        assert box.secured == [True]
        wrong = send(server.port, smtp_ca=certificate[0], **given | {"smtp_password": "falsch"})
        assert isinstance(wrong, Retry) and wrong.away == "channel"
        strange = send(server.port, **given)  # a certificate that nobody vouches for
        assert isinstance(strange, Retry) and strange.away == "channel"
        assert box.logins == [b"geheim", b"falsch"] and len(box.mails) == 1
    finally:
        server.stop()


def test_by_tls_from_the_first_byte(box: Box, certificate: tuple[str, str]) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*certificate)
    server = Server(box, ssl_context=context)
    server.start()
    try:
        assert isinstance(send(server.port, smtp_security="ssl", smtp_ca=certificate[0]), Sent)
    finally:
        server.stop()


ENCODED = "=?utf-8?q?a=0D=0ABcc:_evil@x.test=0D=0A=0D=0A<h1>?="
"""Line breaks that nobody sees before the word is decoded (RFC 2047)."""

HEADERS = [
    "From", "To", "Reply-To", "Subject", "Date", "Message-ID", "References", "Auto-Submitted", "Content-Type",
    "Content-Transfer-Encoding", "MIME-Version",
]  # fmt: skip


def arrived(box: Box, port: int, **given: Any) -> EmailMessage:
    """The mail as whoever gets its bytes reads it."""
    box.mails.clear()
    assert isinstance(send(port, message(**given), mail_reply_to="desk@lib.test"), Sent)
    [mail] = box.mails
    assert mail.keys() == HEADERS
    return mail


@pytest.mark.parametrize(
    "title", [f"红楼梦 {ENCODED} 第二册", f"x {ENCODED} y", "A =?utf-8?b?57qi?= B", "A =?nosuch?q?zz?= B", "=?="]
)
def test_a_title_is_read_as_it_is_written(box: Box, port: int, title: str) -> None:
    mail = arrived(box, port, title=title)
    assert f"文献申请：{title[:60]}" in mail["Subject"]
    assert title in mail.get_content()


HOSTILE = st.one_of(
    st.text(max_size=8),
    st.sampled_from(
        [ENCODED, "\r\nBcc: evil@x.test\r\n\r\n", "=?utf-8?b?", "DQpCY2M6IGV2aWw=?=", "\x85", "\u2028", ": "]
    ),
)


def test_no_title_begins_a_header_or_a_body(box: Box, port: int) -> None:
    @given(st.lists(HOSTILE, max_size=6).map("".join))
    @settings_of_tests(max_examples=60, deadline=None)
    def holds(title: str) -> None:
        mail = arrived(box, port, title=title)
        told = compose(
            "supplier.request", msgspec.json.decode(message(title=title).body, type=Body), ("zh", "en"),
            link="https://t.test/supplier.request/7", zone=settings(port).zone(),
        )  # fmt: skip
        assert mail["Subject"] == told.subject
        assert mail.get_content().splitlines() == told.text.splitlines()

    holds()


def test_addresses_arrive_as_they_are(box: Box, port: int) -> None:
    @given(st.from_regex(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,40}@x\.test", fullmatch=True))
    @settings_of_tests(max_examples=40, deadline=None)
    def holds(address: str) -> None:
        box.mails.clear()
        if not is_address(address):
            assert "=?" in address
            return
        assert isinstance(send(port, to=Recipients((address, "b@x.test"), ("zh",))), Sent)
        assert box.mails[0]["To"] == f"{address}, b@x.test"

    holds()


@pytest.mark.parametrize(
    "address",
    ["", "通藏", "通藏 <tongcang>", "a@b.test\r\nBcc: c@d.test", f"{ENCODED} <a@b.test>", "=?utf-8?q?=07?= <a@b.test>"],
)
def test_a_sender_without_an_address_is_refused_at_once(address: str) -> None:
    nobody = Dead(NOBODY)
    with pytest.raises(ValueError, match="mail_from"):
        MailSender(settings(25, mail_from=address), lambda _: nobody, lambda _kind, _id: "")
    if address:
        with pytest.raises(ValueError, match="mail_reply_to"):
            MailSender(settings(25, mail_reply_to=address), lambda _: nobody, lambda _kind, _id: "")


def test_where_nobody_is_left_to_write_to_no_mail_goes_out() -> None:
    for nobody in (Dead(NOBODY, told=False), Dead(NOBODY)):
        sender = MailSender(settings(1), lambda _, found=nobody: found, lambda _kind, _id: "")
        assert sender.send(message("reader.sent")) == nobody


# ---------------------------------------------------------------------------------------------- recipients


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("ill@lib.thu.edu.cn", True),
        ("a.b+c@x.test", True),
        ("", False),
        ("ill", False),
        ("a@b.test\nBcc: c@d.test", False),
        ("a@b.test, c@d.test", False),
        ("王@图书馆.中国", False),
        ("<a@b.test>", False),
        ("a@-b.test", False),
        (f"{'a' * 65}@b.test", False),
        ("=?utf-8?q?a=0D=0ABcc=3A_c=40d.test?=@b.test", False),
    ],
)
def test_addresses(text: str, good: bool) -> None:
    assert is_address(text) is good


def test_whom_a_mail_goes_to(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'state.db'}")
    database.migrate()
    with database.write() as unit:
        for symbol in ("CLCN", "THU", "RUC", "BNU"):
            put_library(unit, Library(symbol, symbol, symbol))
        put_policy(unit, "THU", LibraryPolicy(channel="email", address="ill@thu.test"), NOW)
        put_policy(unit, "CLCN", LibraryPolicy(channel="email", address="a@b.test\r\nBcc: c@d.test"), NOW)
        put_policy(unit, "RUC", LibraryPolicy(channel="queue", address="ill@ruc.test"), NOW)
        put_policy(unit, "BNU", LibraryPolicy(channel="iso18626", address="https://bnu.test/iso"), NOW)

        def made(login: str, role: str, **given: str) -> int:
            return add_account(unit, NewAccount(login, (role,), "CLCN", email=f"{login}@cl.test", **given), NOW).id

        reader = made("zhang", "reader", name="张三", language="en")
        erased = made("li", "reader")
        erase_account(unit, erased, NOW)
        made("first", "requester")
        made("second", "requester", language="en")
        set_active(unit, made("left", "requester"), False)
        made("other", "supplier")
    find = find_recipients(database)
    assert find(message("reader.sent", target=str(reader))) == Recipients(("zhang@cl.test",), ("en",), "张三")
    unread = Dead(NOBODY, told=False)
    assert find(message("reader.sent", target=str(erased))) == unread
    assert find(message("reader.sent", target="CLCN")) == unread
    officers = Recipients(("first@cl.test", "second@cl.test"), ("zh", "en"))
    assert find(message("officer.condition", target="CLCN")) == officers
    assert find(message("officer.condition", target="THU")) == unread
    assert find(message("supplier.request", target="THU")) == Recipients(("ill@thu.test",), ("zh", "en"))
    for unreachable in ("CLCN", "BNU"):
        assert find(message("supplier.request", target=unreachable)) == Dead(NOBODY)
    # It finds the request in the queue: nobody has to hear that it was not reached.
    assert find(message("supplier.request", target="RUC")) == Dead(IN_QUEUE, told=False)
    database.close()


def test_officers_are_told_when_a_library_can_not_be_reached(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'state.db'}")
    database.migrate()
    sender = MailSender(settings(1), lambda _: Dead(NOBODY), lambda _kind, _id: "")
    with database.write() as unit:
        for _ in range(2):
            sender.gave_up(unit, message(), NOBODY, NOW)
        sender.gave_up(unit, message("reader.sent"), NOBODY, NOW)
        [notice] = outbox.messages_of(unit, 7)
    assert (notice.channel, notice.target, notice.kind) == ("email", "CLCN", "officer.undeliverable")
    database.close()
