"""Requests as the API and the pages show them: codes beside their words, reasons beside choices, what happens next."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from datetime import datetime

import msgspec

from mappings.model import Library
from mappings.requests import Event, Wish
from routing.candidates import Place, Rota
from routing.case import Case, Entry
from routing.citations import FIELD_WORDS, missing
from routing.explaining import explain_choice, explain_passed_over
from routing.network import Network
from routing.prediction import Prediction
from search_api import answers
from search_api.presenting import library_names, record_url
from search_api.request_answers import (
    EntryAnswer,
    EventAnswer,
    Expected,
    MatchCandidate,
    PassedOver,
    RequestAnswer,
    RequestBrief,
    Said,
)
from search_api.vocabulary import words
from store import choices, timers
from store.choices import Choice
from store.database import Unit
from store.remarks import remarks_of
from store.request_events import events_of
from store.requests import EntryRow, Person, RequestRow

NOTHING = Said("", "")


def request_url(base_url: str, number: int) -> str:
    return f"{base_url}/requests/{number}"


def missing_words(fields: Sequence[str]) -> list[Said]:
    return [Said(*FIELD_WORDS.get(field, (field, field))) for field in fields]


def match_candidate(found: answers.Candidate) -> MatchCandidate:
    return MatchCandidate(
        found.id,
        found.url,
        found.confidence,
        found.basis_zh,
        found.basis_en,
        found.title,
        found.responsibility,
        found.publisher,
        found.year,
        len(found.holders),
    )


# ---------------------------------------------------------------------------------------------- in lists


def brief(
    base_url: str, network: Network, row: RequestRow, entry: EntryRow | None = None, due: datetime | None = None
) -> RequestBrief:
    """A line of a list; in a queue with the entry by which the library is asked, and when its clock runs out."""
    state, following = words("request_states", row.state), words("request_next", row.state)
    requester, supplier = library_names(network.libraries, row.requester), _maybe(network.libraries, row.supplier)
    return RequestBrief(
        row.id,
        request_url(base_url, row.id),
        row.state,
        state.zh,
        state.en,
        following.zh,
        following.en,
        row.title,
        row.requester,
        requester.zh,
        requester.en,
        row.supplier,
        supplier.zh,
        supplier.en,
        row.service,
        row.level,
        row.created,
        row.updated,
        row.closed,
        entry.number if entry else 0,
        entry.state if entry else "",
        entry.sent if entry else None,
        due,
    )


def _maybe(libraries: Mapping[str, Library], symbol: str) -> Said:
    if not symbol:
        return NOTHING
    name = library_names(libraries, symbol)
    return Said(name.zh, name.en)


# ---------------------------------------------------------------------------------------------- one


def shown_request(
    unit: Unit,
    base_url: str,
    network: Network,
    row: RequestRow,
    case: Case,
    person: tuple[Person, str] | None,
    actions: Callable[[int], tuple[str, ...]],
    only: str = "",
) -> RequestAnswer:
    """`person`: whose it is and his name, where the asker may know; `actions`: what the asker may do to the request (0)
    or to one of its entries. `only`: symbol of a library that was asked to supply it, and sees what concerns itself."""
    assert case.wish is not None
    state, following = words("request_states", case.state), words("request_next", case.state)
    requester = library_names(network.libraries, case.requester)
    made = choices.choices_of(unit, case.request_id)
    rotas = [msgspec.json.decode(each.data, type=Rota) for each in made]
    due = {timer.entry: timer.due_at for timer in timers.timers_of(unit, case.request_id) if timer.entry}
    places = {place.candidate.library: place for rota in reversed(rotas) for place in rota.entries}
    record = case.wish.citation.record_id
    shown = [each for each in case.entries if only in ("", each.supplier)]
    numbers = {each.number for each in shown}
    events = events_of(unit, case.request_id)
    if only:
        events = list(_concerning(events, numbers))
    remarks = remarks_of(unit, case.request_id)
    return RequestAnswer(
        id=case.request_id,
        url=request_url(base_url, case.request_id),
        state=case.state,
        state_zh=state.zh,
        state_en=state.en,
        next_zh=following.zh,
        next_en=following.en,
        title=row.title,
        record=record,
        record_url=record_url(base_url, record) if record else "",
        wish=case.wish,
        source=case.source,
        requester=case.requester,
        requester_zh=requester.zh,
        requester_en=requester.en,
        branch=case.branch,
        reader=person[1] if person else "",
        reader_id=str(person[0].account) if person and person[0].account else "",
        note=person[0].note if person else "",
        delivery=person[0].delivery if person else "",
        desk=case.desk,
        other=0 if only else case.other,
        missing=missing(case.wish) if case.state == "draft" else (),
        created=row.created,
        updated=row.updated,
        closed=row.closed,
        expected=_promised(made[0]) if made and not case.is_closed and not only else None,
        entries=tuple(_entry(each, case.wish, network.libraries, places, due, actions(each.number)) for each in shown),
        passed_over=tuple(passed_over(each, case.wish, network.libraries) for each in rotas[0].passed_over)
        if rotas and not only
        else (),
        events=tuple(_event(each, network.libraries, remarks.get(each.seq, {})) for each in events),
        actions=actions(0),
        chosen=made[0].policy if made else "",
    )


def _entry(
    entry: Entry,
    wish: Wish,
    libraries: Mapping[str, Library],
    places: Mapping[str, Place],
    due: Mapping[int, datetime],
    actions: tuple[str, ...],
) -> EntryAnswer:
    name, state = library_names(libraries, entry.supplier), words("entry_states", entry.state)
    reason = words("causes", entry.code) if entry.code else NOTHING
    place = places.get(entry.toward or entry.supplier)
    told = explain_choice(place, wish, libraries, entry.number) if place else None
    return EntryAnswer(
        entry.number,
        entry.supplier,
        name.zh,
        name.en,
        entry.state,
        state.zh,
        state.en,
        entry.path,
        entry.toward,
        entry.parent,
        entry.asked,
        entry.code,
        reason.zh,
        reason.en,
        entry.cost,
        Said(told.zh, told.en) if told else NOTHING,
        actions,
        entry.sent,
        due.get(entry.number),
        entry.answered,
    )


def passed_over(place: Place, wish: Wish, libraries: Mapping[str, Library]) -> PassedOver:
    name = library_names(libraries, place.candidate.library)
    told = explain_passed_over(place, wish, libraries)
    return PassedOver(place.candidate.library, name.zh, name.en, Said(told.zh, told.en))


def _concerning(events: Iterable[Event], entries: Container[int]) -> Iterator[Event]:
    """What a library that was asked by these entries sees: what it was asked, what became of that there, and why its
    own copy was bad."""
    supplied = 0
    for event in events:
        if event.name == "fill":
            supplied = event.entry
        if event.seq == 1 or event.entry in entries or (event.name == "bad_copy" and supplied in entries):
            yield event


def _event(event: Event, libraries: Mapping[str, Library], said: Mapping[str, str]) -> EventAnswer:
    """`said`: what was said with it in somebody's own words, as long as that is kept."""
    what, whose = words("request_events", event.name), _maybe(libraries, event.library)
    code = str(event.data.get("code") or event.data.get("why") or "") if event.name != "restricted" else ""
    own = said.get("reason", "")
    reason = Said(own, own) if own else (words("causes", code) if code else NOTHING)
    return EventAnswer(
        event.seq,
        event.at,
        event.name,
        what.zh,
        what.en,
        event.actor,
        event.library,
        whose.zh,
        whose.en,
        event.entry,
        code,
        reason.zh,
        reason.en,
        said.get("note") or said.get("text") or "",
    )


def _promised(made: Choice) -> Expected | None:
    return expected_of(msgspec.json.decode(made.basis, type=Prediction)) if made.basis else None


def expected_of(told: Prediction) -> Expected | None:
    """What a prediction promises; None = nothing can be expected to come."""
    if told.median_at is None:
        return None
    basis = told.basis
    n, fills = round(basis.n), round(basis.fills)
    zh = f"按轮候表前{basis.entries}馆推算；" + (f"首询馆依据{n}件请求（满足{fills}件）" if n else "首询馆暂无足够记录")
    en = f"From the first {basis.entries} of the rota; " + (
        f"what is known of the first rests on {n} requests ({fills} filled)" if n else "too few requests of the first"
    )
    if not basis.announced:
        zh, en = zh + "；期间部分公共假日尚未公布", en + "; the public holidays until then are not all announced"
    return Expected(round(told.p_fill, 3), Said(f"{zh}。", f"{en}."), told.median_at, told.late_at)
