"""Logs: one line an event, with the ids of the run, the night, the task or the request that it belongs to.

Every process sets them up once, at its front door. Our own events and those of the libraries (uvicorn, Alembic, the
scheduler) take one way: time in UTC, level, logger, event, whatever `structlog.contextvars` has bound, and the event's
own fields; as text for people or as JSON for machines, on standard error. A secret of the settings never gets out,
whatever message it is part of.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterable
from typing import TextIO
from urllib.parse import quote, unquote

import msgspec
import structlog
from structlog.stdlib import ProcessorFormatter
from structlog.typing import EventDict, Processor, WrappedLogger

from tongcang.settings import Settings

CHATTY = ("alembic", "apscheduler", "elastic_transport", "elasticsearch", "urllib3")
"""Libraries whose everyday events are of no use here; their warnings are."""

SHORTEST_SECRET = 4
"""A password of three letters would blot out half of every line; `tongcang doctor` complains of such a one."""

HIDDEN = "***"

_LOGIN = re.compile(r"(?<=://)[^\s/@:'\"]*:[^\s/@'\"]+(?=@)")
"""User and password of a URL."""

_PASSWORD = re.compile(r"://[^:/]*:([^@]*)@|[?&]password=([^&]*)")
"""The password of a database's address as SQLAlchemy finds it: it may hold what _LOGIN stops at, such as a slash."""


def configure_logs(settings: Settings, *, quiet: bool = False) -> None:
    """Set up the logs of this process. `quiet`: warnings only, where a person reads a receipt and no log."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_common(),
            ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    handler = _StandardError()
    handler.setFormatter(_formatter(settings))
    root = logging.getLogger()
    for old in root.handlers[:]:
        if isinstance(old, _StandardError):
            root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(logging.WARNING if quiet else logging.INFO)
    for name in CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)


def secrets_of(settings: Settings) -> tuple[str, ...]:
    """What must stand in no log, in every form in which it may turn up; the longest first."""
    plain = {settings.elastic_api_key, settings.elastic_password, settings.metrics_token, settings.smtp_password}
    passwords = [login.partition(":")[2] for login in logins(f"{settings.database} {settings.elastic_urls}")]
    passwords += [password for found in _PASSWORD.findall(settings.database) for password in found]
    plain |= {form for password in passwords for form in (password, unquote(password))}
    forms = {form for secret in plain for form in (secret, quote(secret, safe=""), _escaped(secret))}
    return tuple(sorted((form for form in forms if len(form) >= SHORTEST_SECRET), key=lambda form: (-len(form), form)))


def logins(text: str) -> list[str]:
    """user:password of every URL in the text."""
    return _LOGIN.findall(text)


def hide(line: str, secrets: Iterable[str]) -> str:
    """The line without the secrets, and without anybody's password in a URL."""
    for secret in secrets:
        line = line.replace(secret, HIDDEN)
    return _LOGIN.sub(HIDDEN, line)


def _common() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        # As text: a renderer of exceptions might show the variables of each frame, secrets among them.
        structlog.processors.format_exc_info,
    ]


def _formatter(settings: Settings) -> ProcessorFormatter:
    renderer: Processor
    if settings.log_format == "json":
        renderer = structlog.processors.JSONRenderer(serializer=_json)
    else:
        renderer = structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    secrets = secrets_of(settings)

    def hide_secrets(_logger: WrappedLogger, _method: str, line: str) -> str:
        return hide(line, secrets)

    return ProcessorFormatter(
        foreign_pre_chain=_common(),
        processors=[ProcessorFormatter.remove_processors_meta, _drop_twins, renderer, hide_secrets],  # type: ignore[list-item]
    )


def _drop_twins(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """uvicorn hands the same message over a second time, in colours."""
    event.pop("color_message", None)
    return event


def _json(value: object, **_: object) -> str:
    return msgspec.json.encode(value, enc_hook=str).decode()


def _escaped(secret: str) -> str:
    """As it stands in a JSON string."""
    return msgspec.json.encode(secret).decode()[1:-1]


class _StandardError(logging.StreamHandler[TextIO]):
    """Writes to whatever standard error is at the time: a progress bar may have taken its place."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]
        return sys.stderr
