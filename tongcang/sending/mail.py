"""Mail through the site's own server: plain text in base64, nothing attached.

A repeat has the same Message-ID and Date, so that mail programs, and people, know it for one. All mails of a request
refer to one id, by which programs show them together.

Invariant: a subject arrives as the text that it is. Titles come from anywhere, and one that holds an encoded word
(RFC 2047) would be decoded as the header is written, line breaks and further headers included.
"""

from __future__ import annotations

import re
import smtplib
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from email.header import Header
from email.headerregistry import BaseHeader, HeaderRegistry
from email.message import EmailMessage
from email.policy import SMTP, Policy
from email.utils import format_datetime, parseaddr
from hashlib import sha256
from typing import Any

import msgspec

from routing.mails import compose
from routing.messages import Body
from store.database import Unit
from store.outbox import Message
from tongcang.sending.outcome import Dead, Outcome, Retry, Sent
from tongcang.sending.recipients import Find, Recipients, is_address
from tongcang.sending.settings import DispatchSettings
from tongcang.sending.telling import tell_officers

Link = Callable[[str, int], str]
"""Where a person acts on it: by kind of the message and id of the request."""


class _Subject(BaseHeader):
    """A subject that is not read before it is written: all of its text is encoded, and means nothing but itself."""

    max_count = 1

    @classmethod
    def parse(cls, value: str, kwds: dict[str, Any]) -> None:
        kwds["decoded"], kwds["parse_tree"] = value, None

    def fold(self, *, policy: Policy) -> str:
        text = Header(str(self), "utf-8", header_name=self.name).encode(linesep=policy.linesep)
        return f"{self.name}: {text}{policy.linesep}"


_HEADERS = HeaderRegistry()
_HEADERS.map_to_type("subject", _Subject)
_POLICY = SMTP.clone(header_factory=_HEADERS)


class MailSender:
    def __init__(self, settings: DispatchSettings, find: Find, link: Link) -> None:
        """Raises ValueError where mail_from or mail_reply_to is no address."""
        for name, value in (("mail_from", settings.mail_from), ("mail_reply_to", settings.mail_reply_to)):
            if (value or name == "mail_from") and not _is_mailbox(value):
                raise ValueError(f"{name} is {value!r}, which is no mail address.")
        self._settings, self._find, self._link = settings, find, link

    def send(self, message: Message) -> Outcome:
        recipients = self._find(message)
        if isinstance(recipients, Dead):
            return recipients
        mail = self._written(message, recipients)
        try:
            with self._line() as line:
                line.send_message(mail, to_addrs=list(recipients.addresses))
        except smtplib.SMTPRecipientsRefused as error:
            return _refused(error)
        except smtplib.SMTPSenderRefused as error:
            return Retry(f"the mail server does not take mail from us: {_said(error)}", "channel")
        except (smtplib.SMTPAuthenticationError, smtplib.SMTPHeloError, smtplib.SMTPConnectError) as error:
            return Retry(f"the mail server does not let us in: {_said(error)}", "channel")
        except smtplib.SMTPDataError as error:
            if error.smtp_code >= 500:
                return Dead(f"the mail server refuses it: {_said(error)}")
            return Retry(f"the mail server does not take it now: {_said(error)}", "message")
        except (smtplib.SMTPException, OSError) as error:  # ssl.SSLError is an OSError
            return Retry(f"the mail server is not there: {error}", "channel")
        return Sent()

    def gave_up(self, unit: Unit, message: Message, reason: str, now: datetime) -> None:
        tell_officers(unit, message, reason, now)

    @contextmanager
    def _line(self) -> Iterator[smtplib.SMTP]:
        settings = self._settings
        context = ssl.create_default_context(cafile=settings.smtp_ca or None)
        line: smtplib.SMTP
        if settings.smtp_security == "ssl":
            line = smtplib.SMTP_SSL(settings.smtp_host, settings.port, timeout=settings.smtp_timeout, context=context)
        else:
            line = smtplib.SMTP(settings.smtp_host, settings.port, timeout=settings.smtp_timeout)
        try:
            if settings.smtp_security == "starttls":
                line.starttls(context=context)
            if settings.smtp_user:
                line.login(settings.smtp_user, settings.smtp_password)
            yield line
            # What is accepted is accepted, however the server takes its leave.
            _leave(line)
        finally:
            line.close()

    def _written(self, message: Message, recipients: Recipients) -> EmailMessage:
        settings = self._settings
        words = compose(
            message.kind,
            msgspec.json.decode(message.body, type=Body),
            recipients.languages,
            link=self._link(message.kind, message.request_id),
            zone=settings.zone(),
            salutation=recipients.salutation,
        )
        domain = parseaddr(settings.mail_from)[1].rpartition("@")[2]
        mail = EmailMessage(policy=_POLICY)
        mail["From"] = settings.mail_from
        mail["To"] = ", ".join(recipients.addresses)
        if settings.mail_reply_to:
            mail["Reply-To"] = settings.mail_reply_to
        mail["Subject"] = words.subject
        mail["Date"] = format_datetime(message.created)
        mail["Message-ID"] = message_id(message.key, domain)
        if message.request_id:
            mail["References"] = f"<request-{message.request_id}@{domain}>"
        mail["Auto-Submitted"] = "auto-generated"  # no out-of-office answer, please (RFC 3834)
        mail.set_content(words.text, charset="utf-8", cte="base64")
        return mail


def message_id(key: str, domain: str) -> str:
    """The same for every attempt at one message."""
    return f"<{sha256(key.encode()).hexdigest()[:32]}@{domain}>"


def _is_mailbox(text: str) -> bool:
    """Whether it is one, also as it is written: encoded words in the name are read then."""
    try:
        written = str(SMTP.header_factory("From", text))
    except ValueError:
        return False
    return text.isprintable() and written.isprintable() and is_address(parseaddr(text)[1])


def _leave(line: smtplib.SMTP) -> None:
    try:
        line.quit()
    except (smtplib.SMTPException, OSError):
        return


def _refused(error: smtplib.SMTPRecipientsRefused) -> Outcome:
    """Every address was. One that may be taken later (grey-listing) is reason enough to come again."""
    codes = [code for code, _ in error.recipients.values()]
    said = "; ".join(f"{code} {_text(words)}" for code, words in error.recipients.values())
    if any(code < 500 for code in codes):
        return Retry(f"the mail server does not take the address now: {said}", "message")
    return Dead(f"the mail server refuses the address: {said}")


def _said(error: smtplib.SMTPResponseException) -> str:
    return f"{error.smtp_code} {_text(error.smtp_error)}"


def _text(words: bytes | str) -> str:
    """What a server has said, without the addresses in it: reasons go into the log."""
    text = words.decode(errors="replace") if isinstance(words, bytes) else words
    return re.sub(r"[^\s<>\"]+@[^\s<>\"]+", "…", text)
