"""A library's policy as a form: fields to a LibraryPolicy and back. What may stand in them is checked elsewhere
(routing/policy_faults.py)."""

from __future__ import annotations

import math
from itertools import zip_longest
from typing import Any

from msgspec import structs
from pydantic import BaseModel, ConfigDict, Field

from mappings.requests import Closure, LibraryPolicy
from routing.policy_faults import LONGEST, LONGEST_OF, MOST_CLOSURES, MOST_OF
from search_api.vocabulary import Words
from search_api.wish_form import BAD_MONEY, fen

BLANK = {"daily_cap": "0", "max_pages": "0", "retention_days": str(LibraryPolicy().retention_days)}
"""What a field that is left empty stands for: no limit, and days as they are by default, since 0 days would have
readers' data forgotten at once."""
NUMBERS = tuple(BLANK)
DAYS = ("capacity", "receipt_days", "action_days", "rush_days")
TEXTS = ("channel", "address", "iso_version", "agency_type", "agency_id", "gateway")
LISTS = ("only_for", "not_materials", "subjects")
TICKS = ("lends", "copies", "gateway_automatic")

BAD_NUMBER = Words("请写整数。", "Write a whole number.")
BAD_DAYS = Words("请写数字，例如 1 或 0.5。", "Write a number, 1 or 0.5.")

MORE_ROWS = 2
"""Empty rows behind the closures that there are."""


class PolicyForm(BaseModel):
    """All fields are texts, so that what was typed in is shown again as it was. The holiday switch is a form of its
    own."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    library: str = Field(default="", max_length=16)
    channel: str = Field(default="queue", max_length=20)
    address: str = Field(default="", max_length=LONGEST)
    iso_version: str = Field(default="1.2", max_length=10)
    agency_type: str = Field(default="", max_length=LONGEST_OF["agency_type"])
    agency_id: str = Field(default="", max_length=LONGEST_OF["agency_id"])
    gateway: str = Field(default="", max_length=LONGEST_OF["gateway"])
    gateway_automatic: str = Field(default="", max_length=1)
    lends: str = Field(default="", max_length=1)
    copies: str = Field(default="", max_length=1)
    only_for: list[str] = Field(default=[], max_length=MOST_OF["only_for"])
    not_materials: list[str] = Field(default=[], max_length=MOST_OF["not_materials"])
    subjects: list[str] = Field(default=[], max_length=MOST_OF["subjects"])
    daily_cap: str = Field(default="", max_length=10)
    max_pages: str = Field(default="", max_length=10)
    retention_days: str = Field(default="", max_length=10)
    capacity: str = Field(default="", max_length=30)
    receipt_days: str = Field(default="", max_length=30)
    action_days: str = Field(default="", max_length=30)
    rush_days: str = Field(default="", max_length=30)
    accept_cost: str = Field(default="", max_length=12, description="Yuan.")
    closure_first: list[str] = Field(default=[], max_length=MOST_CLOSURES + MORE_ROWS)
    closure_last: list[str] = Field(default=[], max_length=MOST_CLOSURES + MORE_ROWS)
    closure_reason: list[str] = Field(default=[], max_length=MOST_CLOSURES + MORE_ROWS)
    make_up_days: str = Field(default="", max_length=5000, description="ISO dates, apart by blanks.")

    def rows(self) -> list[tuple[str, str, str]]:
        """Closures as they are shown, with some empty ones to fill in."""
        told = [row for row in self._closures() if any(row)]
        return [*told, *[("", "", "")] * MORE_ROWS]

    def _closures(self) -> list[tuple[str, str, str]]:
        columns = (self.closure_first, self.closure_last, self.closure_reason)
        return [(a.strip(), b.strip(), c.strip()) for a, b, c in zip_longest(*columns, fillvalue="")]

    def policy(self, before: LibraryPolicy) -> tuple[LibraryPolicy, dict[str, Words]]:
        """(the policy, what can't be read of it by field): a field that can't be read stays as it was."""
        complaints: dict[str, Words] = {}
        changed: dict[str, object] = {name: getattr(self, name).strip() for name in TEXTS}
        changed |= {name: tuple(dict.fromkeys(getattr(self, name))) for name in LISTS}
        changed |= {name: bool(getattr(self, name)) for name in TICKS}
        for name in NUMBERS:
            text = getattr(self, name).strip() or BLANK[name]
            if text.isascii() and text.isdigit():
                changed[name] = int(text)
            else:
                complaints[name] = BAD_NUMBER
        for name in DAYS:
            number = _number(getattr(self, name))
            if number is None:
                complaints[name] = BAD_DAYS
            else:
                changed[name] = number
        if (cost := fen(self.accept_cost)) is None:
            complaints["accept_cost"] = BAD_MONEY
        else:
            changed["accept_cost"] = cost
        changed["closures"] = tuple(
            Closure(first or last, last or first, reason) for first, last, reason in self._closures() if first or last
        )
        changed["make_up_days"] = tuple(self.make_up_days.split())
        return structs.replace(before, **changed), complaints


def form_of_policy(symbol: str, policy: LibraryPolicy) -> PolicyForm:
    """Whatever it has: a policy of before may have more than would be taken today, and is shown to be mended."""
    told: dict[str, Any] = {name: getattr(policy, name) for name in TEXTS}
    told |= {name: list(getattr(policy, name)) for name in LISTS}
    told |= {name: "1" if getattr(policy, name) else "" for name in TICKS}
    told |= {name: _shown(name, getattr(policy, name)) for name in NUMBERS}
    told |= {name: repr(getattr(policy, name)).removesuffix(".0") for name in DAYS}
    told["accept_cost"] = f"{policy.accept_cost / 100:.2f}".removesuffix(".00") if policy.accept_cost else ""
    told |= {
        "closure_first": [each.first for each in policy.closures],
        "closure_last": [each.last for each in policy.closures],
        "closure_reason": [each.reason for each in policy.closures],
        "make_up_days": " ".join(policy.make_up_days),
    }
    return PolicyForm.model_construct(library=symbol, **told)


def _shown(name: str, value: int) -> str:
    """0 is an empty field where that means the same."""
    return "" if value == 0 and BLANK[name] == "0" else str(value)


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
