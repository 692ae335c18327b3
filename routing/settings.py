"""What the routing as a whole is set to, as one value. It stands in the database as JSON (store/policies.py) and is
read by whoever routes; docs/routing.md tells how to tune it.
"""

from __future__ import annotations

from datetime import datetime

import msgspec
from msgspec import Struct

from routing.calendar import OfficeHours, SiteDays
from routing.clocks import ClockSettings
from routing.network import Network
from routing.rota import RotaSettings
from store import libraries, policies
from store.database import Unit

NAME = "routing"


class RoutingSettings(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    rota: RotaSettings = RotaSettings()
    clocks: ClockSettings = ClockSettings()
    days: SiteDays = SiteDays()
    hours: OfficeHours = OfficeHours()
    partners_automatic: bool = True  # partners that are not harvested are asked after all holders, without an officer
    repeat_days: int = 30  # a reader's request for the same within so many days is told to be one
    fairness_days: int = 180  # over which supplied and received are compared
    match_at_least: float = 0.8  # confidence from which a citation is taken to be that union record


def load_settings(unit: Unit) -> RoutingSettings:
    """The defaults where nothing is set. Raises msgspec.ValidationError where another version has set what this one
    doesn't know."""
    text = policies.get_setting(unit, NAME)
    return msgspec.json.decode(text, type=RoutingSettings) if text else RoutingSettings()


def save_settings(unit: Unit, value: RoutingSettings, now: datetime) -> None:
    """Raises ValueError where they could not be read again."""
    policies.put_setting(unit, NAME, policies.as_json(value), now)


def load_network(unit: Unit) -> Network:
    known = {each.symbol: each for each in libraries.all_libraries(unit)}
    return Network(known, policies.all_policies(unit))
