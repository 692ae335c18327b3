"""What is wrong with a library's policy, or with the settings of the routing, before they are taken."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from datetime import date
from typing import Any
from urllib.parse import urlsplit

import msgspec

from mappings.model import MATERIALS, Library
from mappings.requests import Closure, LibraryPolicy
from routing.joining import CHANNELS, VERSIONS, gateway_fault, policy_fault
from routing.settings import RoutingSettings
from search_api.answers import BadParameter
from search_api.problems import ProblemError, bad_parameter, bad_parameters

LONGEST = 500
"""Characters of an address or a reason."""
MOST_DAYS = 366.0
MOST = 1_000_000

_DAYS = ("receipt_days", "action_days", "rush_days")
_COUNTS = ("daily_cap", "max_pages", "accept_cost", "retention_days")


def require_policy(symbol: str, policy: LibraryPolicy, libraries: Mapping[str, Library]) -> None:
    """Raises a problem that names every field that can't be taken."""
    found = tuple(_policy_faults(symbol, policy, libraries))
    if found:
        raise bad_parameters(found)
    if fault := policy_fault(policy):
        raise bad_parameter("policy", f"此项设置不可用：{fault}", fault)


def _policy_faults(symbol: str, policy: LibraryPolicy, libraries: Mapping[str, Library]) -> Iterator[BadParameter]:
    if policy.channel not in CHANNELS:
        yield _one_of("channel", CHANNELS)
    if policy.iso_version not in VERSIONS:
        yield _one_of("iso_version", VERSIONS)
    if unknown := sorted(set(policy.not_materials) - set(MATERIALS)):
        yield BadParameter(
            "not_materials", f"没有这种文献类型：{'、'.join(unknown)}。", f"There is no material {', '.join(unknown)}."
        )
    if policy.channel in ("email", "iso18626") and not _address_fits(policy):
        yield BadParameter(
            "address",
            "电子邮件渠道须填邮箱地址，ISO 18626 渠道须填 http(s) 网址。",
            "email needs an e-mail address, iso18626 the http(s) address of the service.",
        )
    for name in (*_DAYS, "capacity"):
        value, most = getattr(policy, name), MOST if name == "capacity" else MOST_DAYS
        if not (math.isfinite(value) and 0 < value <= most):
            yield BadParameter(name, f"须大于 0，不超过 {most:g}。", f"More than 0, and not more than {most:g}.")
    for name in _COUNTS:
        if not 0 <= getattr(policy, name) <= MOST:
            yield BadParameter(name, f"须在 0 与 {MOST} 之间。", f"Between 0 and {MOST}.")
    if gateway_fault(symbol, policy, libraries):
        yield BadParameter("gateway", "须是同一联盟的另一家馆。", "It is another library, and of the same consortium.")
    yield from _day_faults("closures", policy.closures, policy.make_up_days)
    yield from _text_faults(msgspec.to_builtins(policy))


def _address_fits(policy: LibraryPolicy) -> bool:
    if policy.channel == "email":
        return policy.address.count("@") == 1 and not policy.address.startswith("@") and " " not in policy.address
    try:
        parts = urlsplit(policy.address)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc
    except ValueError:
        return False


def _day_faults(name: str, closures: tuple[Closure, ...], make_up: tuple[str, ...]) -> Iterator[BadParameter]:
    if len(closures) > 400 or len(make_up) > 400:
        yield BadParameter(name, "最多 400 项。", "At most 400.")
    try:
        backwards = [each for each in closures if date.fromisoformat(each.last) < date.fromisoformat(each.first)]
        for day in make_up:
            date.fromisoformat(day)
    except ValueError:
        yield BadParameter(name, "日期应写作 2026-12-31。", "Write a day as 2026-12-31.")
        return
    if backwards:
        yield BadParameter(name, "结束日期早于开始日期。", "It ends before it begins.")


def _text_faults(told: Any, name: str = "policy") -> Iterator[BadParameter]:
    """Whatever is too long, or has characters that no database and no page takes."""
    if isinstance(told, str):
        if len(told) > LONGEST or not (told.isprintable() or not told):
            yield BadParameter(
                name, f"最多 {LONGEST} 个字符，不含控制字符。", f"At most {LONGEST} characters, none of them a control."
            )
    elif isinstance(told, dict):
        for key, value in told.items():
            yield from _text_faults(value, str(key))
    elif isinstance(told, list | tuple):
        for value in told:
            yield from _text_faults(value, name)


def _one_of(name: str, known: Collection[str]) -> BadParameter:
    return BadParameter(name, f"只能是 {'、'.join(known)} 之一。", f"One of {', '.join(known)}.")


def require_settings(settings: RoutingSettings) -> None:
    """Raises a problem where the routing could not work with them."""
    found = list(_day_faults("days", settings.days.holidays, settings.days.make_up_days))
    found += _number_faults(msgspec.to_builtins(settings, enc_hook=str))
    clocks = settings.clocks
    for name in clocks.__struct_fields__:
        if not 0 < getattr(clocks, name) <= MOST_DAYS:
            found.append(
                BadParameter(f"clocks.{name}", "须大于 0，不超过 366。", "More than 0, and not more than 366.")
            )
    for name in ("repeat_days", "fairness_days"):
        if not 0 <= getattr(settings, name) <= 3660:
            found.append(BadParameter(name, "须在 0 与 3660 之间。", "Between 0 and 3660."))
    if not 0 < settings.match_at_least <= 1:
        found.append(BadParameter("match_at_least", "须大于 0，不超过 1。", "More than 0, and not more than 1."))
    if found:
        raise bad_parameters(tuple(found))


def _number_faults(told: Any, name: str = "settings") -> Iterator[BadParameter]:
    if isinstance(told, dict):
        for key, value in told.items():
            yield from _number_faults(value, f"{name}.{key}" if name != "settings" else str(key))
    elif isinstance(told, list | tuple):
        for value in told:
            yield from _number_faults(value, name)
    elif isinstance(told, int | float) and not isinstance(told, bool) and not -MOST <= told <= MOST:
        yield BadParameter(name, "数值过大或过小。", "The number is too great or too small.")


def body_problem(error: Exception) -> ProblemError:
    """Of JSON that is none, or not of its schema."""
    text = str(error)
    place = text.rpartition(" - at `$")[2].rstrip("`").lstrip(".") if " - at `$" in text else ""
    return bad_parameter(
        (place or "body")[:64], "内容不是有效的 JSON，或与接口文档不符。", f"The JSON is not valid: {text[:300]}."
    )
