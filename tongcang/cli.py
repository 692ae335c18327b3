"""`tongcang`: the front door. Exit codes: 0 complete, 1 failed, 2 wrong usage, 3 partial, 4 stopped by the brake."""

from __future__ import annotations

import errno
import os
import sys
from concurrent.futures.process import BrokenProcessPool
from typing import Annotated, Any

import typer

from harvester.sources.protocol import SourceError
from indexer.engine.protocol import EngineError
from indexer.gate import GateError
from mappings.crosswalk import CrosswalkError
from routing.joining import JoiningError
from routing.mails import MailError
from routing.simulator.assumptions import AssumptionError
from routing.tariffs import TariffError
from store.database import StoreError
from store.leases import LeaseLost
from tongcang import settings as settings_module
from tongcang.commands import (
    account,
    demo,
    dispatch,
    doctor,
    harvest,
    index,
    ledger,
    library,
    mapping,
    routing,
    serve,
    simulate,
    statistics,
    store,
    work,
)
from tongcang.logs import configure_logs
from tongcang.output import messages
from tongcang.settings import SettingsError
from tongcang.system import BusyError, System

TOLD = (
    StoreError,
    EngineError,
    SourceError,
    SettingsError,
    CrosswalkError,
    BusyError,
    GateError,
    LeaseLost,
    JoiningError,
    MailError,
    AssumptionError,
    TariffError,
)
"""Errors whose message tells a person what, where and what to do."""

MENDABLE = (
    errno.ENOSPC, errno.EDQUOT, errno.EFBIG,  # no room
    errno.EACCES, errno.EPERM, errno.EROFS,  # not allowed
    errno.ENOENT, errno.EISDIR, errno.EEXIST, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP,  # no such place
)  # fmt: skip
"""What a person can mend of files and folders, many of which are named on the command line."""

SERVICES = ("serve", "schedule", "work", "dispatch")
"""Commands that run until they are stopped."""

app = typer.Typer(
    name="tongcang",
    help="通藏: one catalogue of what the member libraries hold. 采集、合并、检索成员馆的馆藏。",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


@app.callback()
def _open(
    context: typer.Context,
    data: Annotated[str | None, typer.Option(help="Folder of the state database and the index.")] = None,
) -> None:
    settings = settings_module.load(os.environ, data=data)
    # Where a person waits for a receipt, lines of a log would only be in its way.
    configure_logs(settings, quiet=settings.log_format == "text" and context.invoked_subcommand not in SERVICES)
    system = System(settings)
    context.obj = system
    context.call_on_close(system.close)


app.add_typer(library.app, name="library")
app.add_typer(mapping.app, name="mapping")
app.add_typer(index.app, name="index")
app.add_typer(store.app, name="store")
app.add_typer(account.app, name="account")
app.add_typer(routing.app, name="routing")
app.add_typer(ledger.app, name="ledger")
app.command("harvest")(harvest.harvest)
app.command("night")(harvest.night)
app.command("work")(work.work)
app.command("nights")(work.nights)
app.command("rejects")(harvest.rejects)
app.command("schedule")(harvest.schedule)
app.command("serve")(serve.serve)
app.command("demo")(demo.demo)
app.command("dispatch")(dispatch.dispatch)
app.command("outbox")(dispatch.outbox_command)
app.command("statistics")(statistics.statistics)
app.command("simulate")(simulate.simulate)
app.command("doctor")(doctor.doctor)


def main() -> Any:
    """Run the command line. Whatever goes wrong is one sentence on standard error, never a trace back."""
    try:
        return app()
    except TOLD as error:
        _say(str(error))
    except BrokenProcessPool:
        _say("A worker process died, perhaps for lack of memory. Set TONGCANG_WORKERS=1 and run the command again.")
    except OSError as error:
        if error.errno not in MENDABLE:
            raise
        where = f" at {error.filename}" if error.filename else ""
        _say(f"{error.strerror}{where}. Nothing was half written: mend it and run the command again.")
    except KeyboardInterrupt:
        _say("Stopped. What was committed stays; run the command again to go on.")
        sys.exit(130)
    sys.exit(1)


def _say(text: str) -> None:
    messages.print(text, style="bold red", markup=False, soft_wrap=True)


if __name__ == "__main__":
    main()
