"""Libraries and their policies from a YAML file: who takes part, as an operator writes it down."""

from __future__ import annotations

import re
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import yaml
from msgspec import Struct

from mappings.model import Library
from mappings.requests import LibraryPolicy
from routing.policy_faults import CONSORTIA, own_faults, policy_faults
from store.database import Unit
from store.libraries import all_libraries, get_library, put_library
from store.policies import all_policies, put_policy

SYMBOL = re.compile(r"[A-Z0-9][A-Z0-9-]{0,15}")
ROLES = ("member", "node", "capital", "branch", "partner")


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
    for library in found.libraries:
        if wrong := library_fault(library):
            raise JoiningError(f"{name}: libraries: {wrong}")
    for symbol, policy in found.policies.items():
        for fault in own_faults(policy):
            raise JoiningError(f"{name}: policies.{symbol}.{fault.said}")
    return found


def library_fault(library: Library) -> str:
    """What is wrong with a library that is to be added, as a sentence in English; "" = nothing."""
    if not SYMBOL.fullmatch(library.symbol):
        return f"{library.symbol!r} is no symbol: use at most 16 capital letters, digits and -."
    if library.consortium and library.consortium not in CONSORTIA:
        return f"{library.consortium!r} is no consortium: use {', '.join(CONSORTIA)}."
    if library.role not in ROLES:
        return f"{library.role!r} is no role: use {', '.join(ROLES)}."
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
    for library in joining.libraries:
        if wrong := library_fault(library):
            raise JoiningError(f"libraries: {wrong}")
    added = sum(put_library(unit, each) for each in joining.libraries if get_library(unit, each.symbol) is None)
    libraries = {each.symbol: each for each in all_libraries(unit)}
    unknown = []
    for symbol, policy in wanted.items():
        if symbol not in libraries:
            unknown.append(symbol)
            continue
        for fault in policy_faults(symbol, policy, libraries):
            raise JoiningError(f"policies.{symbol}.{fault.said}")
        put_policy(unit, symbol, policy, now)
    return Joined(added, len(wanted) - len(unknown), kept, tuple(unknown))
