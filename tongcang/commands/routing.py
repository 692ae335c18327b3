"""`tongcang routing`: who takes part in document delivery, how requests are routed, and what is kept of readers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
import yaml

from mappings.requests import LibraryPolicy
from routing.joining import change_for_audit, join, read_joining, yaml_value
from routing.learning import relearn
from routing.policy_faults import Fault, policy_faults, settings_faults
from routing.retention import forget_due
from routing.service import RequestService
from routing.settings import RoutingSettings, load_network, load_settings, save_settings
from store import audit, request_events
from store.libraries import all_libraries, get_library
from store.policies import policy_of
from tongcang.commands.harvest import AsJson
from tongcang.output import messages, print_json, print_table
from tongcang.settings import SettingsError
from tongcang.system import System

app = typer.Typer(help="Document delivery: who takes part, how it is routed. 文献传递。", no_args_is_help=True)

Symbol = Annotated[str, typer.Argument(help="Symbol of the library.")]
Changes = Annotated[
    list[str] | None, typer.Option("--set", help="NAME=VALUE, the value as YAML: --set daily_cap=20. Repeatable.")
]


@app.command("load")
def load(
    context: typer.Context,
    file: Annotated[Path | None, typer.Argument(help="YAML of libraries and policies; none: ours.")] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Policies that are set already, too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Add partners and branches, and set policies, from a file. 从文件载入参与馆与政策。"""
    system: System = context.obj
    now = datetime.now(UTC)
    told = read_joining(file)
    with system.database.write() as unit:
        done = join(unit, told, now, replace=replace)
        counted = msgspec.to_builtins(done)
        audit.record(unit, audit.COMMAND, "policy.load", str(file or "network.yaml"), now, after=counted)
    if as_json:
        print_json(done)
        return
    messages.print(f"{done.libraries} libraries added, {done.policies} policies set.")
    if done.kept:
        messages.print(f"Kept as they are (--replace sets them): {', '.join(done.kept)}.", markup=False)
    if done.unknown:
        messages.print(f"Not set, since there is no such library here: {', '.join(done.unknown)}.", markup=False)


@app.command("policy")
def policy(context: typer.Context, symbol: Symbol, changes: Changes = None, as_json: AsJson = False) -> None:
    """How a library takes part; with --set, change it. A library that closes by it hands on what it has not seen.
    成员馆政策。"""
    system: System = context.obj
    symbol = symbol.upper()
    now = datetime.now(UTC)
    with system.database.read() as unit:
        if get_library(unit, symbol) is None:
            raise typer.BadParameter(f"There is no library {symbol}: tongcang library list.")
        before, libraries = policy_of(unit, symbol), {each.symbol: each for each in all_libraries(unit)}
    after = _changed(before, changes or [], LibraryPolicy)
    moved = 0
    if after != before:
        _require(policy_faults(symbol, after, libraries))
        service = RequestService(lambda: now)
        with system.database.write() as unit:
            moved = service.change_policy(unit, symbol, after)
            audit.record(
                unit, audit.COMMAND, "policy.write", f"policy {symbol}", now,
                *change_for_audit(before, after),
            )  # fmt: skip
    if as_json:
        print_json(after)
        return
    _print(f"{symbol}: 政策 policy", after)
    if moved:
        messages.print(f"{moved} requests that it had not seen are being recalled, and go on to the next library.")


@app.command("settings")
def settings(context: typer.Context, changes: Changes = None, as_json: AsJson = False) -> None:
    """What the routing is set to; with --set rota.explore=0.1, change it. 选馆规则的各项参数。"""
    system: System = context.obj
    now = datetime.now(UTC)
    with system.database.read() as unit:
        before = load_settings(unit)
    after = _changed(before, changes or [], RoutingSettings)
    if after != before:
        _require(settings_faults(after))
        with system.database.write() as unit:
            save_settings(unit, after, now)
            audit.record(
                unit, audit.COMMAND, "routing.settings", "routing settings", now,
                msgspec.to_builtins(before), msgspec.to_builtins(after),
            )  # fmt: skip
    if as_json:
        print_json(after)
        return
    for part in ("rota", "clocks", "hours"):
        _print(part, getattr(after, part))
    told = msgspec.structs.asdict(after).items()
    rest = [(name, str(value)) for name, value in told if not isinstance(value, msgspec.Struct)]
    print_table("routing", ("名称 name", "值 value"), rest)


@app.command("relearn")
def relearn_(context: typer.Context, as_json: AsJson = False) -> None:
    """Count again from all events what libraries have done with what they were asked. 由事件重新统计各馆表现。"""
    system: System = context.obj
    service = RequestService(lambda: datetime.now(UTC))
    with system.database.write() as unit:
        around = service.around(unit)
        network = load_network(unit)
        calendars = {symbol: around.calendar(symbol) for symbol in network.libraries}
        half_life = around.settings.rota.estimates.half_life
        counted = relearn(unit, network, calendars, list(request_events.histories(unit)), half_life)
        audit.record(unit, audit.COMMAND, "routing.relearn", "tallies", service.clock(), after={"answers": counted})
    if as_json:
        print_json({"answers": counted})
        return
    messages.print(f"{counted} answers of libraries were counted.")


@app.command("forget")
def forget(context: typer.Context, as_json: AsJson = False) -> None:
    """Forget whose requests those were that have been closed for long enough. The scheduler does it every day.
    清除读者信息。"""
    system: System = context.obj
    done = forget_due(system.database, datetime.now(UTC))
    if as_json:
        print_json({"forgotten": done})
        return
    messages.print(f"Of {done} requests it is no longer known whose they were.")


def _changed(before: Any, changes: list[str], kind: type[Any]) -> Any:
    """With `a.b=value` put in."""
    told = msgspec.to_builtins(before)
    whole = {name: msgspec.to_builtins(getattr(before, name)) for name in before.__struct_fields__} | told
    for change in changes:
        name, equals, text = change.partition("=")
        if not equals:
            raise typer.BadParameter(f"{change!r} is not NAME=VALUE.")
        at, parts = whole, name.split(".")
        for part in parts[:-1]:
            at = at.setdefault(part, {})
            if not isinstance(at, dict):
                raise typer.BadParameter(f"{name}: {part} has no parts.")
        try:
            at[parts[-1]] = yaml_value(text)
        except yaml.YAMLError as error:
            raise typer.BadParameter(f"{change!r}: the value is no YAML.") from error
    try:
        return msgspec.convert(whole, kind)
    except (msgspec.ValidationError, ValueError) as error:
        raise SettingsError(f"That can't be set: {error}") from error


def _require(faults: Sequence[Fault]) -> None:
    if faults:
        raise typer.BadParameter(" ".join(f"{each.said} {each.zh}" for each in faults))


def _print(title: str, value: Any) -> None:
    rows = [(name, str(getattr(value, name))) for name in value.__struct_fields__]
    print_table(title, ("名称 name", "值 value"), rows)
