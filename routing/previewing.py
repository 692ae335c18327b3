"""What would become of a request if it were made now: what its reader must be told first, and who would be asked.

Nothing is written. The checks and the rota are those of routing/steps.py, on a request that has no number; who is
asked first may yet be another one when it is made, since experiments draw by the number.
"""

from __future__ import annotations

from datetime import date

from msgspec import Struct, structs

from mappings.model import Holder
from mappings.requests import Wish
from routing.calendar import EVERYBODY
from routing.candidates import Rota
from routing.case import Case
from routing.citations import missing
from routing.prediction import Prediction, predict
from routing.requestable import requestable
from routing.rota import build_rota
from routing.sourcing import clock_of, find_candidates
from routing.steps import days_left_of, own_holder, repeated_before, seed_of
from routing.work import Surroundings, Work
from store.database import Unit
from store.requests import Person

NO_ROTA = Rota((), ())


class Preview(Struct, frozen=True):
    wish: Wish  # with what the union record says of it
    missing: tuple[str, ...]  # codes of routing.citations.FIELD_WORDS
    own: Holder | None  # the requesting library, or the reader's branch, where it holds it
    owned: bool  # and has what is wanted, and can give it: to be told first
    other: int  # the reader's request for the same; 0 = none
    restricted: tuple[str, ...]  # codes of routing.requestable.WORDS, advice too
    rota: Rota = NO_ROTA
    expected: Prediction | None = None  # None: nobody would be asked


def preview(unit: Unit, around: Surroundings, wish: Wish, library: str, reader: int = 0) -> Preview:
    """`wish` is completed already (routing.service.completed); `library`: the reader's; `reader`: account, 0 = nobody
    in particular."""
    requester, branch = around.network.requesting(library)
    wish = wish if _dated(wish) else _undated(wish)
    case = Case(0, requester=requester, branch=branch, wish=wish, state="routing", created=around.now)
    work = Work(unit, around, case, Person(reader) if reader else None)
    union = work.union
    having = own_holder(union, wish, (branch, requester)) if union else None
    own = having or next(
        (each for each in (union.holders if union else ()) if each.library in (branch, requester)), None
    )
    rota = NO_ROTA
    if union is not None:
        rota = build_rota(
            wish,
            find_candidates(work),
            around.settings.rota,
            chain=[requester, branch],
            now=around.now,
            seed=seed_of(case),
            days_left=days_left_of(work),
        )
    return Preview(
        wish,
        missing(wish),
        own,
        having is not None,
        repeated_before(work),
        requestable(union, wish) if union else (),
        rota,
        _expected(work, rota) if rota.entries else None,
    )


def _expected(work: Work, rota: Rota) -> Prediction:
    asked = [place.candidate.library for place in rota.entries]
    calendars = {symbol: work.around.calendar(symbol) for symbol in (EVERYBODY, *asked)}
    return predict(rota, calendars, work.now, {symbol: clock_of(work, symbol) for symbol in asked})


def _dated(wish: Wish) -> bool:
    try:
        return not wish.need_before or bool(date.fromisoformat(wish.need_before))
    except ValueError:
        return False


def _undated(wish: Wish) -> Wish:
    """A day that can't be read is complained of elsewhere, and orders nothing."""
    return structs.replace(wish, need_before="")
