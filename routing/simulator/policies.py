"""In which order a request's holders are asked: the study's way, the simple rules of other systems, ours.

Every rule but the study's is given the same: holders as the catalogue lists them, then the partners outside; six asks;
the same clocks; and, where it goes by experience, the same estimates from its own answers.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from random import Random

from routing.simulator.assumptions import CAPITAL_ASKS
from routing.simulator.libraries import CAPITAL, FAVOURITES
from routing.simulator.network import Network
from routing.simulator.world import Request


class Study:
    """By hand, as the study found it: what the Capital Library's officers don't send to their two favourites goes to
    a holder that they see; BALIS's nodes send everything to the Capital Library, whose holdings they can't see. Nobody
    follows a request: a refusal ends it, and a forward ends the study's record of it. Here a forwarded request gets one
    more answer, from a library that the catalogue lists: that is kind to the study."""

    name = "study"
    follows = False

    def order(self, request: Request, network: Network, tried: Collection[int] = ()) -> Sequence[int]:
        world = network.world
        if request.way != CAPITAL_ASKS:
            return [world.index(CAPITAL)]
        habit, choice, _ = request.officer
        if habit < world.assumptions.favoured:
            return [world.index(FAVOURITES[choice < 0.5])]
        seen = [at for at in network.holders(request) if world.libraries[at].symbol not in FAVOURITES]
        members = seen or [at for at, library in enumerate(world.libraries) if library.type == "member"]
        return [members[int(choice * len(members))]]

    def forward(self, request: Request, asked: int, network: Network) -> int | None:
        others = [at for at in network.holders(request) if at != asked] or [
            at for at in network.partners() if at != asked
        ]
        return others[int(request.officer[2] * len(others))] if others else None


class Rule:
    """Ascending by a key; who is equal is asked in a random order, never by name."""

    follows = True

    def __init__(self, name: str, key: Callable[[int, Request, Network], float]) -> None:
        self.name = name
        self._key = key

    def order(self, request: Request, network: Network, tried: Collection[int] = ()) -> Sequence[int]:
        rng = Random(f"{network.world.seed}/order/{request.number}")
        found: list[int] = []
        for group in (network.holders(request), network.partners()):
            rng.shuffle(group)
            able = [library for library in group if library not in tried]
            found += sorted(able, key=lambda library: self._key(library, request, network))
        return found

    def forward(self, request: Request, asked: int, network: Network) -> int | None:
        return None


def _by_name(library: int, request: Request, network: Network) -> float:
    return library  # they stand in the order of their symbols


def _by_loan_ratio(library: int, request: Request, network: Network) -> float:
    """Whoever lends least for what it borrows is asked first; copies don't count, and the last key is the name."""
    return network.loans[library] / max(1, network.borrowed[library]) + library * 1e-9


def _by_turnaround(library: int, request: Request, network: Network) -> float:
    return network.experience.expect(library, request, network.now, network.open_days(library)).t


def _by_turnaround_and_queue(library: int, request: Request, network: Network) -> float:
    waiting = network.queue(library) / network.world.libraries[library].capacity
    return _by_turnaround(library, request, network) + waiting


def _by_chance(library: int, request: Request, network: Network) -> float:
    return 0.0


RULES: dict[str, Callable[[int, Request, Network], float]] = {
    "random": _by_chance,
    "alphabet": _by_name,
    "loan_ratio": _by_loan_ratio,
    "turnaround": _by_turnaround,
    "turnaround_queue": _by_turnaround_and_queue,
}
