"""What is wrong with a library's policy, or with the settings of the routing, as a problem that names every field. What
may stand in them is said in routing/policy_faults.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mappings.model import Library
from mappings.requests import LibraryPolicy
from routing.policy_faults import Fault, policy_faults, settings_faults
from routing.settings import RoutingSettings
from search_api.answers import BadParameter
from search_api.problems import ProblemError, bad_parameter, bad_parameters


def require_policy(symbol: str, policy: LibraryPolicy, libraries: Mapping[str, Library]) -> None:
    """Raises a problem that names every field that can't be taken."""
    _require(policy_faults(symbol, policy, libraries))


def require_settings(settings: RoutingSettings) -> None:
    """Raises a problem where the routing could not work with them."""
    _require(settings_faults(settings))


def _require(found: Sequence[Fault]) -> None:
    if found:
        raise bad_parameters(tuple(BadParameter(each.name, each.zh, each.en) for each in found))


def body_problem(error: Exception) -> ProblemError:
    """Of JSON that is none, or not of its schema."""
    text = str(error)
    place = text.rpartition(" - at `$")[2].rstrip("`").lstrip(".") if " - at `$" in text else ""
    return bad_parameter(
        (place or "body")[:64], "内容不是有效的 JSON，或与接口文档不符。", f"The JSON is not valid: {text[:300]}."
    )
