"""Libraries and their policies from a YAML file: who takes part, as an operator writes it down."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import yaml
from msgspec import Struct

from mappings.model import MATERIALS, Library
from mappings.requests import LibraryPolicy
from store.database import Unit
from store.libraries import all_libraries, get_library, put_library
from store.policies import all_policies, put_policy

CHANNELS = ("queue", "email", "iso18626")
VERSIONS = ("1.2", "2021-2")


class _Loader(yaml.SafeLoader):
    """A day stays the text that it is."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in found if tag != "tag:yaml.org,2002:timestamp"]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def yaml_value(text: str) -> Any:
    """What the YAML says, with days as text. Raises yaml.YAMLError."""
    return yaml.load(text, _Loader)


class JoiningError(Exception):
    """The file can't be used. The message says where and what is wrong."""


class Joining(Struct, frozen=True, forbid_unknown_fields=True):
    """What such a file has."""

    libraries: tuple[Library, ...] = ()
    policies: dict[str, LibraryPolicy] = {}


class Joined(Struct, frozen=True):
    libraries: int
    policies: int
    kept: tuple[str, ...]  # symbols of those that have a policy already, which stays
    unknown: tuple[str, ...]  # symbols with a policy, of which there is no library here


def read_joining(path: Path | None = None) -> Joining:
    """Of the file, or (None) what comes with the program. Raises JoiningError."""
    name = str(path) if path else "network.yaml"
    try:
        text = path.read_text("utf-8") if path else files("routing").joinpath("network.yaml").read_text("utf-8")
        found = msgspec.convert(yaml_value(text) or {}, Joining)
    except (OSError, UnicodeDecodeError) as error:
        raise JoiningError(f"{name} can't be read: {error}.") from error
    except (yaml.YAMLError, msgspec.ValidationError) as error:
        raise JoiningError(f"{name} can't be used: {error}") from error
    for symbol, policy in found.policies.items():
        if wrong := policy_fault(policy):
            raise JoiningError(f"{name}: policies.{symbol}: {wrong}")
    return found


def policy_fault(policy: LibraryPolicy) -> str:
    """What is wrong with a policy, as a sentence in English; "" = nothing."""
    if policy.channel not in CHANNELS:
        return f"channel is one of {', '.join(CHANNELS)}."
    if policy.iso_version not in VERSIONS:
        return f"iso_version is one of {', '.join(VERSIONS)}."
    if policy.channel != "queue" and not policy.address:
        return f"channel {policy.channel} needs an address."
    if policy.channel == "iso18626" and not policy.address.startswith(("http://", "https://")):
        return "the address of an ISO 18626 service begins with https:// (or http://)."
    if unknown := set(policy.not_materials) - set(MATERIALS):
        return f"there is no material {', '.join(sorted(unknown))}."
    if min(policy.receipt_days, policy.action_days, policy.rush_days, policy.capacity) <= 0:
        return "receipt_days, action_days, rush_days and capacity are more than 0."
    if min(policy.daily_cap, policy.max_pages, policy.accept_cost, policy.retention_days) < 0:
        return "daily_cap, max_pages, accept_cost and retention_days are not less than 0."
    try:
        for closure in policy.closures:
            if date.fromisoformat(closure.last) < date.fromisoformat(closure.first):
                return f"a closure ends on {closure.last}, before it begins on {closure.first}."
        for day in policy.make_up_days:
            date.fromisoformat(day)
    except ValueError as error:
        return f"a day is not written as 2026-12-31: {error}."
    return ""


def gateway_fault(symbol: str, policy: LibraryPolicy, libraries: Mapping[str, Library]) -> str:
    """What is wrong with the library that it asks through, as a sentence in English; "" = nothing."""
    if not policy.gateway:
        return ""
    own, gateway = libraries.get(symbol), libraries.get(policy.gateway)
    if policy.gateway == symbol or gateway is None or own is None or own.consortium != gateway.consortium:
        return f"gateway {policy.gateway} is no other library of the same consortium."
    return ""


def for_audit(policy: LibraryPolicy) -> dict[str, Any]:
    """The policy as the audit notes it: an address may be that of a person, and of it only the host is told."""
    told: dict[str, Any] = msgspec.to_builtins(policy)
    address = told.pop("address", "")
    return told | {"address_set": True, "address_host": _host(address)} if address else told


def change_for_audit(before: LibraryPolicy, after: LibraryPolicy) -> tuple[dict[str, Any], dict[str, Any]]:
    """Both, and that the address is another one even where its host stayed: what is sent there was diverted."""
    changed = {"address_changed": True} if before.address != after.address else {}
    return for_audit(before), for_audit(after) | changed


def _host(address: str) -> str:
    """Of a URL or of an e-mail address."""
    try:
        return (urlsplit(address).hostname or "") if "://" in address else address.partition("@")[2]
    except ValueError:
        return ""


def join(unit: Unit, joining: Joining, now: datetime, *, replace: bool = False) -> Joined:
    """Put its libraries and policies. A library that is there already stays as it is; so does a policy that its own
    admin may have changed since, unless it is to be replaced. Raises JoiningError."""
    kept = () if replace else tuple(sorted(set(all_policies(unit)) & set(joining.policies)))
    wanted = {symbol: policy for symbol, policy in joining.policies.items() if symbol not in kept}
    added = sum(put_library(unit, each) for each in joining.libraries if get_library(unit, each.symbol) is None)
    libraries = {each.symbol: each for each in all_libraries(unit)}
    unknown = []
    for symbol, policy in wanted.items():
        if symbol not in libraries:
            unknown.append(symbol)
        elif wrong := gateway_fault(symbol, policy, libraries):
            raise JoiningError(f"policies.{symbol}: {wrong}")
        else:
            put_policy(unit, symbol, policy, now)
    return Joined(added, len(wanted) - len(unknown), kept, tuple(unknown))
