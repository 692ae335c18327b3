"""`tongcang serve`: the API and the reader's pages."""

from __future__ import annotations

import errno
import socket

import structlog
import typer
import uvicorn

from indexer.engine.circuit import CircuitBreaker
from search_api.app import create_app
from search_api.settings import ApiSettings, Sample
from tongcang.output import messages
from tongcang.settings import SettingsError
from tongcang.system import System

log = structlog.get_logger("tongcang.serve")


def serve(context: typer.Context) -> None:
    """Serve the page and the API until stopped. 提供检索服务。"""
    system: System = context.obj
    with listening(system.settings.host, system.settings.port) as listener:
        run(system, listener)


def listening(host: str, port: int) -> socket.socket:
    """A bound socket. Raises SettingsError where the port can't be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol told, asyncio sets TCP_NODELAY; without it every answer waits some 40 ms (measured).
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        # Listening now, so that a second server is refused here and not after minutes of work.
        listener.listen(128)
    except OSError as error:
        listener.close()
        reason = (
            "is in use by another program" if error.errno == errno.EADDRINUSE else f"can't be used ({error.strerror})"
        )
        raise SettingsError(
            f"Port {port} on {host} {reason}. Choose another: set TONGCANG_PORT, such as TONGCANG_PORT={port + 1}."
        ) from error
    return listener


def run(system: System, listener: socket.socket, samples: tuple[Sample, ...] = ()) -> None:
    """Serve on the socket until SIGINT or SIGTERM."""
    settings = system.settings
    app = create_app(
        system.database,
        CircuitBreaker(system.engine),
        settings=ApiSettings(
            base_url=settings.public_url,
            notice_zh=settings.notice_zh,
            notice_en=settings.notice_en,
            samples=samples,
            metrics_token=settings.metrics_token,
            data_folder=settings.data,
            self_registration=settings.self_registration,
            session_idle=settings.session_idle,
            session_lasting=settings.session_lasting,
            requests_per_hour=settings.requests_per_hour,
            requests_at_once=settings.requests_at_once,
        ),
    )
    if settings.log_format == "text":
        messages.print(f"通藏 Tongcang: {settings.public_url}  (Ctrl-C ends it)", markup=False)
    else:
        log.info("serving", url=settings.public_url)
    uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False)).run(sockets=[listener])
