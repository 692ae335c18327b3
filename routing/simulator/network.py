"""What happens to the requests of a world when a policy routes them: asks, answers, clocks, queues.

A library works on one request after the other, at its capacity; then its drawn days pass. Clocks are those of DOCLINE
(routing.md §3), in the library's working days: one until it acknowledges, then three until it answers, one each for a
rush request; they end where it closes for long. When one runs out the request is cancelled there, and the next is
asked: at once where the library is only slow, since it is taken to agree; after a day more where it is silent to that
as well.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Sequence
from heapq import heappop, heappush
from math import inf
from typing import Protocol

from msgspec import Struct

from mappings.requests import LibraryPolicy
from routing.calendar import Calendar
from routing.closures import open_until
from routing.simulator.experience import Experience
from routing.simulator.world import Request, World

_CLOCKS = LibraryPolicy()
CANCEL_DAYS = 1.0  # these two as the live system has them; a test compares (they stand beside SQL, which isn't needed)
FAIRNESS_DAYS = 180
UNHEEDED_DAYS = 30  # a request that nobody follows and nobody answers ends after so many working days
OFFICE = Calendar()  # of those who pass requests on, and of everybody else who has no vacation


class Outcome(Struct, frozen=True):
    """What became of a request."""

    way: str
    filled: bool
    days: float  # calendar days until it was filled; of an unfilled one, until it ended
    asked: tuple[int, ...]  # libraries, in the order of asking
    first: str  # what the library asked first did: filled, refused (also by silence), forwarded, none


class Policy(Protocol):
    name: str
    follows: bool
    """Somebody watches the request and asks the next; else it ends with the first answer, or with that of the library
    to which it was forwarded."""

    def order(self, request: Request, network: Network, tried: Collection[int] = ()) -> Sequence[int]:
        """Indexes of the libraries to ask, one after the other, without those that were asked before."""
        ...

    def forward(self, request: Request, asked: int, network: Network) -> int | None:
        """Where the library asked forwards it to."""
        ...


class Case:
    """A request on its way."""

    def __init__(self, request: Request, order: Sequence[int]) -> None:
        self.request = request
        self.order = list(order)
        self.reviews = 0
        self.asked: list[int] = []
        self.arrived = 0.0  # at the library asked last
        self.first = ""


class Network:
    """Libraries at work, as one policy uses them."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.now = world.first
        self.experience = Experience(world.libraries)
        count = len(world.libraries)
        self._busy = [0.0] * count  # until when it works on what lies there
        self._open: list[dict[int, float]] = [{} for _ in range(count)]  # by request, when it came: see _worked
        self._sent: dict[tuple[int, int], int] = {}  # by library and day
        self._supplied: list[list[float]] = [[] for _ in range(count)]  # when
        self._received: list[list[float]] = [[] for _ in range(count)]
        self.loans, self.borrowed = [0] * count, [0] * count
        self._index = {library.symbol: at for at, library in enumerate(world.libraries)}
        self._events: list[tuple[float, int, Case | Request, str]] = []
        self._pushed = 0
        self.outcomes: dict[int, Outcome] = {}

    def index(self, symbol: str) -> int:
        return self._index[symbol]

    def queue(self, library: int) -> int:
        """Requests that lie there unanswered."""
        return len(self._open[library])

    def open_days(self, library: int) -> list[float]:
        """For how many working days they do."""
        if not self._open[library]:
            return []
        now = self._worked(library, self.now)
        return [now - came for came in self._open[library].values() if came < now]

    def _worked(self, library: int, moment: float) -> float:
        """Its working days since the beginning: one look at the calendar then does for all that lies there."""
        return self.world.calendars[library].worked(self.world.first, moment)

    def sent_today(self, library: int) -> int:
        return self._sent.get((library, int(self.now)), 0)

    def supplied(self, library: int) -> int:
        """In the period that fairness looks at."""
        return self._of_late(self._supplied[library])

    def received(self, library: int) -> int:
        return self._of_late(self._received[library])

    def _of_late(self, moments: list[float]) -> int:
        return len(moments) - bisect_left(moments, self.now - FAIRNESS_DAYS)

    def holders(self, request: Request) -> list[int]:
        """Libraries that the catalogue lists, without the one that asks."""
        return [at for at, holding in enumerate(request.holdings)
                if holding.listed and self.world.libraries[at].symbol != request.requester]  # fmt: skip

    def partners(self) -> list[int]:
        """Those whose holdings aren't harvested: asked after all holders."""
        return [at for at, library in enumerate(self.world.libraries) if not library.listed]

    def run(self, policy: Policy) -> list[Outcome]:
        """Every request of the world to its end, in the order of the world's requests."""
        for request in self.world.requests:
            self._push(request.at, request, "arrives")
        while self._events:
            self.now, _, subject, what = heappop(self._events)
            if isinstance(subject, Request):
                self._next(Case(subject, self._rota(policy, subject, ())), policy)
            elif what == "review":
                subject.reviews += 1
                subject.order = [*subject.asked, *self._rota(policy, subject.request, subject.asked)]
                self._next(subject, policy)
            else:
                self._answered(subject, what, policy)
        return [self.outcomes[request.number] for request in self.world.requests]

    def _push(self, at: float, subject: Case | Request, what: str) -> None:
        self._pushed += 1
        heappush(self._events, (at, self._pushed, subject, what))

    def _rota(self, policy: Policy, request: Request, tried: Collection[int]) -> list[int]:
        return list(policy.order(request, self, tried))[: int(self.world.assumptions.asks)]

    def _next(self, case: Case, policy: Policy) -> None:
        """Ask the next; at the end of the rota an officer sees whether anybody is left that can be asked now."""
        a = self.world.assumptions
        if len(case.asked) < len(case.order):
            self._ask(case, case.order[len(case.asked)], policy.follows)
        elif case.reviews < a.reviews and self._rota(policy, case.request, case.asked):
            self._push(OFFICE.after(self.now, a.review_days), case, "review")
        else:
            self._close(case, filled=False)

    def _ask(self, case: Case, library: int, clocks: bool) -> None:
        request, calendar = case.request, self.world.calendars[library]
        pair = request.pairs[library]
        case.asked.append(library)
        case.arrived = OFFICE.after(self.now, pair.hop) if pair.hop else self.now
        self._open[library][request.number] = self._worked(library, case.arrived)
        self._sent[library, int(self.now)] = self.sent_today(library) + 1
        gives_up, unanswered = self._gives_up(case, library) if clocks else (inf, "silence")
        if pair.answer == "silence":
            ends = min(each.after(gives_up, CANCEL_DAYS) for each in (calendar, OFFICE)) if clocks else None
            self._push(ends or calendar.after(self.now, UNHEEDED_DAYS), case, unanswered)
            return
        begins = max(case.arrived, self._busy[library])
        if begins < gives_up:
            self._busy[library] = calendar.after(begins, 1 / self.world.libraries[library].capacity)
        answers = calendar.after(max(begins, self._busy[library]), pair.days)
        self._push(*((answers, case, pair.answer) if answers <= gives_up else (gives_up, case, unanswered)))

    def _gives_up(self, case: Case, library: int) -> tuple[float, str]:
        """When the clock runs out: the receipt's, or that of the action, which begins with the receipt. And whether
        that is silence, or the library has closed."""
        rush = case.request.level == "rush"
        calendar, pair = self.world.calendars[library], case.request.pairs[library]
        receipt = _CLOCKS.rush_days if rush else _CLOCKS.receipt_days
        action = _CLOCKS.rush_days if rush else _CLOCKS.action_days
        days = receipt if pair.seen > receipt else pair.seen + action
        end = open_until(calendar, OFFICE, case.arrived, days)
        return calendar.after(case.arrived, end), "silence" if end == days else "closed"

    def _answered(self, case: Case, answer: str, policy: Policy) -> None:
        request, library = case.request, case.asked[-1]
        days = self._worked(library, self.now) - self._open[library].pop(request.number)
        if answer != "closed":  # who is away can't be blamed for it
            self.experience.learn(library, request, answer, days, self.now)
        forwards = not policy.follows and len(case.asked) == 1 and request.pairs[library].forwards
        onward = policy.forward(request, library, self) if forwards and answer not in ("fill", "silence") else None
        case.first = case.first or ("filled" if answer == "fill" else "refused" if onward is None else "forwarded")
        if answer == "fill":
            self._close(case, filled=True)
        elif onward is not None:
            self._ask(case, onward, policy.follows)
        elif policy.follows:
            self._next(case, policy)
        else:
            self._close(case, filled=False)

    def _close(self, case: Case, filled: bool) -> None:
        request = case.request
        if filled:
            supplier, requester = case.asked[-1], self._index[request.requester]
            loan = request.service == "loan"
            self._supplied[supplier].append(self.now)
            self._received[requester].append(self.now)
            self.loans[supplier] += loan
            self.borrowed[requester] += loan
        self.outcomes[request.number] = Outcome(
            request.way, filled, self.now - request.at, tuple(case.asked), case.first or "none"
        )
