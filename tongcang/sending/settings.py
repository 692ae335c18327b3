"""What the dispatcher is set to."""

from __future__ import annotations

import ipaddress
from datetime import tzinfo
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from msgspec import Meta, Struct

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_PORTS = {"none": 25, "starttls": 587, "ssl": 465}


class DispatchSettings(Struct, frozen=True):
    base_url: str = "http://127.0.0.1:8000"  # as readers see it: mails link there
    time_zone: str = "Asia/Shanghai"  # in which mails tell days
    smtp_host: str = ""  # "" = no mail is sent: to people it waits, up to stale_days; to libraries it is given up
    smtp_port: Annotated[int, Meta(ge=0, le=65535)] = 0  # 0 = 587 for starttls, 465 for ssl, 25 for none
    smtp_user: str = ""  # "" = without signing in
    smtp_password: str = ""
    smtp_security: Literal["starttls", "ssl", "none"] = "starttls"  # none: only to a relay on the same machine
    smtp_ca: str = ""  # file of the certificates that sign the server's; "" = the system's
    smtp_timeout: Annotated[float, Meta(gt=0)] = 30.0  # seconds of one step
    mail_from: str = ""  # address, or 通藏 <tongcang@example.edu.cn>; needed where smtp_host is set
    mail_reply_to: str = ""  # "" = mail_from
    webhook_allow: str = ""  # networks off the public internet that webhooks may reach (10.8.0.0/16), by blank or comma
    peer_allow: str = ""  # the same for ISO 18626 services of libraries: those of a campus
    http_ca: str = ""  # file of the certificates that sign peers'; "" = the usual ones
    http_timeout: Annotated[float, Meta(gt=0)] = 10.0  # seconds to connect, and between two bytes
    http_deadline: Annotated[float, Meta(gt=0)] = 30.0  # seconds of one message as a whole
    http_max_bytes: Annotated[int, Meta(gt=0)] = 1_000_000  # of an answer
    parallel: Annotated[int, Meta(ge=1)] = 8  # targets that are sent to at the same time
    per_target: Annotated[int, Meta(ge=1)] = 5  # messages taken for one target at a time
    poll: Annotated[float, Meta(gt=0)] = 1.0  # seconds between two looks for what is due
    lease_seconds: Annotated[float, Meta(gt=0)] = 120.0  # of a message being sent; longer than http_deadline
    attempts: Annotated[int, Meta(ge=1)] = 20  # then a message is dead: some three days
    keep_days: Annotated[int, Meta(ge=0)] = 30  # what was sent is deleted after them, with its body
    keep_dead_days: Annotated[int, Meta(ge=0)] = 90
    stale_days: Annotated[int, Meta(ge=1)] = 30  # what has waited so long is dead
    call_hours: Annotated[int, Meta(ge=24)] = 48  # for which an idempotency key holds
    incoming_days: Annotated[int, Meta(ge=1)] = 90  # for which a message of a library is known again

    @property
    def port(self) -> int:
        return self.smtp_port or _PORTS[self.smtp_security]

    def zone(self) -> tzinfo:
        return ZoneInfo(self.time_zone)


def networks(text: str) -> tuple[Network, ...]:
    """The networks that a setting names. Raises ValueError with one sentence for what is none."""
    found = []
    for word in text.replace(",", " ").split():
        try:
            found.append(ipaddress.ip_network(word))
        except ValueError as error:
            raise ValueError(f"{word!r} is no network ({error}): write it as 10.8.0.0/16 or fd00:1::/64.") from error
    return tuple(found)
