"""What is learnt from an answer: the library's tallies, the trust in the holding, and a correction where it was wrong.

Everything here follows from events alone, so it can be counted again (`relearn`), to the same figures.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import msgspec

from mappings.requests import Event
from routing.calendar import Calendar
from routing.case import Case, Entry, NotAllowed, apply
from routing.citations import display, wanted_part
from routing.correcting import void_until
from routing.estimates import HALF_LIFE, HoldingPast, Tally, filled, found_out, keys_of, refused, silent
from routing.network import Network
from store import performance
from store.database import Unit
from store.performance import Correction

ANSWERS = ("fill", "refuse", "silence", "cancel_yes", "reject")
"""Events of an entry that end what a library was asked."""

ALL = 1_000_000
"""Corrections."""

CORRECTED = ("NotHeld", "NotOnShelf")

_EPOCH_SECONDS = 86400.0

tally_decoder = msgspec.json.Decoder(Tally)
past_decoder = msgspec.json.Decoder(HoldingPast)


def day_of(at: datetime) -> float:
    """Days since 1970-01-01."""
    return at.timestamp() / _EPOCH_SECONDS


def tally_keys(network: Network, case: Case, supplier: str) -> tuple[str, ...]:
    """The keys to which the supplier's answer counts, finest first."""
    wish = case.wish
    assert wish is not None
    library = network.libraries.get(supplier)
    kind, side = (library.role, library.consortium) if library else ("", "")
    return keys_of(supplier, kind, side, wish.material, wish.subject, wish.service, wish.level)


def counted(tally: Tally, entry: Entry, event: Event, calendar: Calendar, half_life: float = HALF_LIFE) -> Tally:
    """The tally with the answer in it. A request that was taken back from the library by its reader counts for
    nothing."""
    days = calendar.working_days(entry.sent, event.at) if entry.sent else 0.0
    day = day_of(event.at)
    if event.name == "fill":
        return filled(tally, days, day, half_life)
    if event.name == "refuse":
        return refused(tally, days, str(event.data["code"]), day, half_life)
    if event.name == "reject":
        return refused(tally, days, "Cost" if entry.cost else "PolicyProblem", day, half_life)
    return silent(tally, days, day, half_life) if entry.code in ("receipt", "action") else tally


def is_counted(entry: Entry, event: Event) -> bool:
    """Whether the answer says anything of the library: a better copy is no second supply, and a condition that nobody
    at the requesting library has decided in time is not the supplier's doing."""
    return not (entry.supplied or (event.name == "reject" and event.actor == "timer"))


def learn(
    unit: Unit,
    network: Network,
    calendar: Calendar,
    before: Case,
    event: Event,
    half_life: float = HALF_LIFE,
) -> None:
    """Count an answer in, and open a correction where the library says that its own catalogue is wrong. Of a holding
    that no catalogue tells of, as that of a partner, nothing is learnt."""
    if event.name not in ANSWERS:
        return
    entry = before.entry(event.entry)
    if not is_counted(entry, event):
        return
    keys = tally_keys(network, before, entry.supplier)
    known = performance.lock_tallies(unit, keys)
    changed = {
        key: msgspec.json.encode(counted(_tally(known.get(key)), entry, event, calendar, half_life)).decode()
        for key in keys
    }
    performance.put_tallies(unit, changed)
    record = before.wish.citation.record_id if before.wish else ""
    code = _finding(event)
    if record and code and entry.held:
        holder = entry.toward or entry.supplier
        text = performance.trust_in(unit, record, [holder]).get(holder)
        past = past_decoder.decode(text) if text else HoldingPast()
        changed_past = found_out(past, code, day_of(event.at))
        performance.put_trust(unit, record, holder, msgspec.json.encode(changed_past).decode())
        if code in CORRECTED:
            performance.open_correction(unit, _correction(before, entry, code, event.at))


def _finding(event: Event) -> str:
    """What the answer says of the holding: fill, NotHeld, NotOnShelf; "" = nothing."""
    if event.name == "fill":
        return "fill"
    code = str(event.data.get("code", ""))
    return code if event.name == "refuse" and code in CORRECTED else ""


def _correction(case: Case, entry: Entry, code: str, at: datetime) -> Correction:
    assert case.wish is not None
    citation = case.wish.citation
    return Correction(
        0,
        entry.toward or entry.supplier,
        citation.record_id,
        display(citation),
        case.request_id,
        entry.number,
        code,
        wanted_part(citation),
        at,
        None,
        "",
        "",
    )


def _tally(text: str | None) -> Tally:
    return tally_decoder.decode(text) if text else Tally()


def relearn(
    unit: Unit,
    network: Network,
    calendars: Mapping[str, Calendar],
    histories: Iterable[Sequence[Event]],
    half_life: float = HALF_LIFE,
) -> int:
    """Count everything again from the events, in the order in which they happened; how many answers were counted.

    `histories` are read when nobody else counts any more. Corrections are people's work by now: they stay as they are,
    and what they have made void stays void.
    """
    performance.hold_tallies(unit)
    answers: list[tuple[datetime, Event, Case]] = []
    for events in histories:
        case = Case(events[0].request_id)
        for event in events:
            if event.name in ANSWERS and event.entry and is_counted(case.entry(event.entry), event):
                answers.append((event.at, event, case))
            try:
                case = apply(case, event)
            except NotAllowed:  # of a life cycle that has changed since: what was learnt up to here stays
                break
    answers.sort(key=lambda each: (each[0], each[1].request_id, each[1].seq))
    void = void_until(performance.corrections_of(unit, closed=True, limit=ALL))
    tallies: dict[str, Tally] = {}
    trust: dict[tuple[str, str], HoldingPast] = {}
    for _, event, case in answers:
        entry = case.entry(event.entry)
        calendar = calendars.get(entry.supplier) or Calendar()
        for key in tally_keys(network, case, entry.supplier):
            tallies[key] = counted(tallies.get(key, Tally()), entry, event, calendar, half_life)
        record = case.wish.citation.record_id if case.wish else ""
        at = (record, entry.toward or entry.supplier)
        if record and entry.held and (code := _finding(event)) and not (at in void and event.at <= void[at]):
            trust[at] = found_out(trust.get(at, HoldingPast()), code, day_of(event.at))
    performance.forget_performance(unit)
    performance.put_tallies(unit, {key: msgspec.json.encode(value).decode() for key, value in tallies.items()})
    for (record, library), past in sorted(trust.items()):
        performance.put_trust(unit, record, library, msgspec.json.encode(past).decode())
    return len(answers)
