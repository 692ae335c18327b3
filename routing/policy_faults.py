"""What is wrong with a library's policy, or with the settings of the routing: the one place that says what may stand in
them. The API, the page, the command line and files of policies all ask here before anything is taken."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from mappings.model import MATERIALS, Library
from mappings.requests import SIDES, Closure, LibraryPolicy
from routing.iso_days import iso_day
from routing.network import EXTERNAL
from routing.settings import RoutingSettings

CHANNELS = ("queue", "email", "iso18626")
VERSIONS = ("1.2", "2021-2")
CONSORTIA = (*SIDES, EXTERNAL)

LONGEST = 500
"""Characters of an address or a reason, and of whatever has no limit of its own."""
LONGEST_OF = {"agency_type": 40, "agency_id": 80, "gateway": 16}
MOST_DAYS = 366.0
MOST_KEPT = 3660
"""Days for which readers' data can be kept, and for which anything is looked back."""
MOST = 1_000_000
MOST_CLOSURES = 250
"""A form of a thousand fields is refused, and each closure has three."""
MOST_OF = {"only_for": 10, "not_materials": 40, "subjects": 40}

_DAYS = ("receipt_days", "action_days", "rush_days")
_COUNTS = ("daily_cap", "max_pages", "accept_cost")


class Fault(Struct, frozen=True):
    name: str  # of the field
    zh: str
    en: str

    @property
    def said(self) -> str:
        """As a sentence in English."""
        return f"{self.name}: {self.en}"


# ---------------------------------------------------------------------------------------------- policies


def policy_faults(symbol: str, policy: LibraryPolicy, libraries: Mapping[str, Library]) -> tuple[Fault, ...]:
    """All that is wrong with the policy of that library, field by field."""
    return (*own_faults(policy), *_faults_among(symbol, policy, libraries))


def own_faults(policy: LibraryPolicy) -> tuple[Fault, ...]:
    """What is wrong with it whosever it is."""
    return tuple(_own_faults(policy))


def _own_faults(policy: LibraryPolicy) -> Iterator[Fault]:
    if policy.channel not in CHANNELS:
        yield _one_of("channel", CHANNELS)
    if policy.iso_version not in VERSIONS:
        yield _one_of("iso_version", VERSIONS)
    if unknown := sorted(set(policy.not_materials) - set(MATERIALS)):
        yield Fault(
            "not_materials", f"没有这种文献类型：{'、'.join(unknown)}。", f"There is no material {', '.join(unknown)}."
        )
    if policy.channel in ("email", "iso18626") and not _address_fits(policy):
        yield Fault(
            "address",
            "电子邮件渠道须填邮箱地址，ISO 18626 渠道须填 http(s) 网址。",
            "email needs an e-mail address, iso18626 the http(s) address of the service.",
        )
    for name in (*_DAYS, "capacity"):
        value, most = getattr(policy, name), MOST if name == "capacity" else MOST_DAYS
        if not (math.isfinite(value) and 0 < value <= most):
            yield Fault(name, f"须大于 0，不超过 {most:g}。", f"More than 0, and not more than {most:g}.")
    for name in _COUNTS:
        yield from _between(name, getattr(policy, name), MOST)
    yield from _between("retention_days", policy.retention_days, MOST_KEPT)
    for name, most_of in MOST_OF.items():
        if len(getattr(policy, name)) > most_of:
            yield _at_most(name, most_of)
    yield from _closure_faults("closures", policy.closures)
    yield from _make_up_faults("make_up_days", policy.make_up_days)
    yield from _text_faults(msgspec.to_builtins(policy))


def _faults_among(symbol: str, policy: LibraryPolicy, libraries: Mapping[str, Library]) -> Iterator[Fault]:
    """A consortium or a library that it names has to be there: nobody would ask a library that serves nobody."""
    known = {*CONSORTIA, *(each.consortium for each in libraries.values() if each.consortium)}
    if unknown := sorted(set(policy.only_for) - known):
        yield Fault(
            "only_for", f"没有这个联盟：{'、'.join(unknown)}。", f"There is no consortium {', '.join(unknown)}."
        )
    if policy.gateway and not _is_neighbour(symbol, policy.gateway, libraries):
        yield Fault(
            "gateway",
            "须是同一联盟的另一家馆。",
            f"{policy.gateway} is no other library of the same consortium.",
        )


def _is_neighbour(symbol: str, other: str, libraries: Mapping[str, Library]) -> bool:
    own, gateway = libraries.get(symbol), libraries.get(other)
    return symbol != other and own is not None and gateway is not None and own.consortium == gateway.consortium


def _address_fits(policy: LibraryPolicy) -> bool:
    if policy.channel == "email":
        return policy.address.count("@") == 1 and not policy.address.startswith("@") and " " not in policy.address
    try:
        parts = urlsplit(policy.address)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc
    except ValueError:
        return False


# ---------------------------------------------------------------------------------------------- settings


def settings_faults(settings: RoutingSettings) -> tuple[Fault, ...]:
    """Where the routing could not work with them."""
    return tuple(_settings_faults(settings))


def _settings_faults(settings: RoutingSettings) -> Iterator[Fault]:
    yield from _closure_faults("days.holidays", settings.days.holidays)
    yield from _make_up_faults("days.make_up_days", settings.days.make_up_days)
    told = msgspec.to_builtins(settings, enc_hook=str)
    yield from _text_faults(told, "settings")
    yield from _number_faults(told)
    clocks = settings.clocks
    for name in clocks.__struct_fields__:
        value = getattr(clocks, name)
        if not 0 <= value <= MOST_DAYS or (value == 0 and name != "grace"):
            yield Fault(f"clocks.{name}", "须大于 0，不超过 366。", "More than 0, and not more than 366.")
    for name in ("repeat_days", "fairness_days"):
        yield from _between(name, getattr(settings, name), MOST_KEPT)
    if not 0 < settings.match_at_least <= 1:
        yield Fault("match_at_least", "须大于 0，不超过 1。", "More than 0, and not more than 1.")


def _number_faults(told: Any, name: str = "") -> Iterator[Fault]:
    if isinstance(told, dict):
        for key, value in told.items():
            yield from _number_faults(value, f"{name}.{key}" if name else str(key))
    elif isinstance(told, list | tuple):
        for value in told:
            yield from _number_faults(value, name)
    elif isinstance(told, int | float) and not isinstance(told, bool) and not -MOST <= told <= MOST:
        yield Fault(name, "数值过大或过小，或不是数字。", "The number is too great or too small, or is none.")


# ---------------------------------------------------------------------------------------------- parts of both


def _closure_faults(name: str, closures: tuple[Closure, ...]) -> Iterator[Fault]:
    if len(closures) > MOST_CLOSURES:
        yield _at_most(name, MOST_CLOSURES)
    try:
        backwards = any(iso_day(each.last) < iso_day(each.first) for each in closures)
    except ValueError:
        yield _no_day(name)
        return
    if backwards:
        yield Fault(name, "结束日期早于开始日期。", "It ends before it begins.")


def _make_up_faults(name: str, days: tuple[str, ...]) -> Iterator[Fault]:
    if len(days) > MOST_CLOSURES:
        yield _at_most(name, MOST_CLOSURES)
    try:
        for day in days:
            iso_day(day)
    except ValueError:
        yield _no_day(name)


def _text_faults(told: Any, name: str = "policy") -> Iterator[Fault]:
    """Whatever is too long, or has characters that no database and no page takes."""
    if isinstance(told, str):
        longest = LONGEST_OF.get(name, LONGEST)
        if len(told) > longest or not (told.isprintable() or not told):
            yield Fault(
                name, f"最多 {longest} 个字符，不含控制字符。", f"At most {longest} characters, none of them a control."
            )
    elif isinstance(told, dict):
        for key, value in told.items():
            yield from _text_faults(value, str(key))
    elif isinstance(told, list | tuple):
        for value in told:
            yield from _text_faults(value, name)


def _one_of(name: str, known: Collection[str]) -> Fault:
    return Fault(name, f"只能是 {'、'.join(known)} 之一。", f"One of {', '.join(known)}.")


def _between(name: str, value: int, most: int) -> Iterator[Fault]:
    if not 0 <= value <= most:
        yield Fault(name, f"须在 0 与 {most} 之间。", f"Between 0 and {most}.")


def _at_most(name: str, most: int) -> Fault:
    return Fault(name, f"最多 {most} 项。", f"At most {most}.")


def _no_day(name: str) -> Fault:
    return Fault(name, "日期应写作 2026-12-31。", "Write a day as 2026-12-31.")
