"""What the system does by itself: after every event, the next step of the request, until somebody else has the word.

A table from states to steps, read by `settle`. A step fires one event, or none where there is nothing to do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from hashlib import blake2b
from typing import Any

import msgspec

from mappings.model import Holder, Holding, UnionRecord
from mappings.requests import Wish
from routing.calendar import CHINA, EVERYBODY
from routing.candidates import Place, Rota
from routing.case import Case, Entry
from routing.citations import item_key
from routing.clocks import expiry, has_closed
from routing.coverage import covers
from routing.prediction import Prediction, predict
from routing.requestable import ADVICE, requestable
from routing.rota import build_rota
from routing.sourcing import clock_of, excluded, find_candidates, unreachable
from routing.states import CLOSED
from routing.work import RULE, Work, accepted_by_rule
from store import choices, requests
from store.choices import Choice

MOST_STEPS = 200
"""In one transaction. A rota of a hundred libraries that are all closed is skipped in as many."""


def settle(work: Work) -> Case:
    """Go on until there is nothing more that the system could do."""
    for _ in range(MOST_STEPS):
        step = _STEPS.get(work.case.state, _recall_what_is_over)
        if not step(work):
            return work.case
    raise RuntimeError(f"request {work.case.request_id} did not come to rest in {MOST_STEPS} steps")


# ---------------------------------------------------------------------------------------------- checking


def _check(work: Work) -> bool:
    """Whatever a requester must know before the request leaves, in the order in which it matters."""
    case = work.case
    assert case.wish is not None
    union = work.union
    told = set(case.acknowledged)
    if union is None:
        if "dup_hold" not in told and (other := repeated_before(work)):
            work.fire("same_open", data={"other": other})
        elif case.searched or any(entry.state == "planned" or entry.asked for entry in case.entries):
            work.fire("holders", data={"record": ""})  # nobody is known to hold it: partners may
        else:
            desk = work.network.desk_for(case.requester, case.wish.subject)
            work.fire("no_match", data={"desk": desk})
        return True
    own = own_holder(union, case.wish, (case.branch, case.requester))
    if "owned" not in told and own is not None:
        work.fire("own_holding", data={"library": own.library})
    elif "dup_hold" not in told and (other := repeated_before(work)):
        work.fire("same_open", data={"other": other})
    elif "restricted" not in told and (codes := [c for c in requestable(union, case.wish) if c not in ADVICE]):
        work.fire("restricted", data={"why": codes})
    else:
        work.fire("holders", data={"record": union.id})
    return True


def own_holder(union: UnionRecord, wish: Wish, own: Sequence[str]) -> Holder | None:
    """Of the reader's own libraries, the first that has what is wanted and can give it."""
    held = {each.library: each for each in union.holders if each.available}
    having = (held[symbol] for symbol in own if symbol in held)
    return next((each for each in having if has_wanted(each.holdings, wish, union.bib.part_number)), None)


def has_wanted(holdings: Sequence[Holding], wish: Wish, part: str) -> bool:
    """Of a serial whose volumes are not told, who knows? It is asked for elsewhere, and nobody is held up."""
    answer = covers(holdings, wish.citation, wish.material, part).answer
    return answer == "yes" or (answer == "unknown" and wish.material != "serial")


def repeated_before(work: Work) -> int:
    """The request that this one repeats; 0 = none."""
    assert work.case.wish is not None
    key = item_key(work.case.wish.citation)
    if work.person is None or not key:
        return 0
    requests.hold_item(work.unit, work.person.account, key)
    since = work.now - timedelta(days=work.around.settings.repeat_days)
    return requests.repeated(work.unit, work.person.account, key, since, work.case.request_id)


# ---------------------------------------------------------------------------------------------- the rota


def _make_rota(work: Work) -> bool:
    case = work.case
    assert case.wish is not None
    rota = build_rota(
        case.wish,
        find_candidates(work),
        work.around.settings.rota,
        tried=tried(case),
        chain=[case.requester, case.branch],
        now=work.now,
        seed=seed_of(case),
        days_left=days_left_of(work),
    )
    if not rota.entries:
        _keep(work, rota, None)
        work.fire("exhausted")
        return True
    asked = [place.candidate.library for place in rota.entries]
    calendars = {symbol: work.around.calendar(symbol) for symbol in (EVERYBODY, *asked)}
    limits = {symbol: clock_of(work, symbol) for symbol in asked}
    number = _keep(work, rota, predict(rota, calendars, work.now, limits))
    first = max((entry.number for entry in case.entries), default=0) + 1
    entries = [_planned(work, place, first + index) for index, place in enumerate(rota.entries)]
    chosen = {"id": number, "policy": rota.policy, "seed": rota.seed, "propensity": rota.propensity}
    work.fire("rota", data={"choice": chosen, "entries": entries})
    return True


def tried(case: Case) -> list[str]:
    """Libraries that are not asked again for this request, those too to which a gateway was to pass it on. One that
    found fault with the request itself may be asked again, once that was mended."""
    asked = [entry for entry in case.entries if entry.state not in ("planned", "skipped")]
    refused = [entry for entry in asked if not _mended(case, entry)]
    return [symbol for entry in refused for symbol in (entry.supplier, entry.toward) if symbol]


def _mended(case: Case, entry: Entry) -> bool:
    """Somebody has seen to what it refused the request for. That it has it already is insisted upon once, and by
    people: two systems would send it to and fro for ever."""
    if entry.code == "Duplicate":
        said = sum(each.code == entry.code and each.supplier == entry.supplier for each in case.entries)
        return said == 1 and case.source != "iso18626"
    return entry.code == "Incomplete"


def seed_of(case: Case) -> int:
    """The same request at the same point makes the same draws."""
    text = f"{case.request_id}/{case.seq}"
    return int.from_bytes(blake2b(text.encode(), digest_size=6).digest())


def days_left_of(work: Work) -> float | None:
    assert work.case.wish is not None
    if not work.case.wish.need_before:
        return None
    timer = expiry(work.case, work.around.settings.clocks)
    assert timer is not None
    grace = timedelta(days=work.around.settings.clocks.grace)
    return max(0.0, work.around.calendar(work.case.requester).working_days(work.now, timer.due_at - grace))


def _planned(work: Work, place: Place, number: int) -> dict[str, Any]:
    """The entry as the event tells it. Where people pass it on at a hop, that hop is asked."""
    case, candidate = work.case, place.candidate
    assert case.wish is not None
    way = work.network.way(case.requester, candidate.library, case.wish.subject)
    told: dict[str, Any] = {"entry": number, "supplier": way.asked, "path": list(way.path)}
    if not candidate.last_resort:
        told["held"] = True
    if way.manual:
        told["path"] = list(way.path[: way.path.index(way.asked) + 1])
        told["toward"] = candidate.library
    return told | {
        "p": round(place.p, 4), "t": round(place.t, 3), "r": round(place.r, 3), "score": round(place.score, 3),
    }  # fmt: skip


def _keep(work: Work, rota: Rota, prediction: Prediction | None) -> int:
    """Store the choice with everything that it was made by."""
    return choices.add_choice(
        work.unit,
        Choice(
            0,
            work.case.request_id,
            work.now,
            rota.policy,
            msgspec.json.encode(rota).decode(),
            prediction.median_at if prediction else None,
            prediction.late_at if prediction else None,
            prediction.p_fill if prediction else 0.0,
            msgspec.json.encode(prediction).decode() if prediction else "",
        ),
    )


# ---------------------------------------------------------------------------------------------- asking


def _ask(work: Work) -> bool:
    """Send it to the next library; or deal with what the last one said of the request itself."""
    case = work.case
    if case.active is not None:
        return False
    if case.filled is not None:  # a bad copy: the same library again
        _send(work, case.filled, "retry")
        return True
    last = _last_answered(case)
    if last is not None and last.code == "Incomplete" and work.last is not None and work.last.name == "refuse":
        work.fire("incomplete", data={"entry": last.number})
        return True
    if last is not None and last.code == "Duplicate" and work.last is not None and work.last.name == "refuse":
        work.fire("repeated", data={"entry": last.number})
        return True
    if not case.planned:
        work.fire("exhausted")
        return True
    return _ask_next(work)


def _ask_next(work: Work) -> bool:
    """Of those that are planned the first that works and takes requests. Where the others have had as many today as
    they take on a day, until one takes some again; where all are closed for long, the first of them."""
    full: list[str] = []
    closed: list[Entry] = []
    for entry in work.case.planned:
        if reason := no_longer(work, entry):
            work.fire("skip", entry=entry.number, data={"reason": reason})
            return True
        if _has_had_enough(work, entry):
            full.append(entry.supplier)
        elif has_closed(entry.supplier, work.now, work.around.calendar):
            closed.append(entry)
        else:
            _send(work, entry, "send")
            return True
    if full:
        work.wait_for(full)
        return False
    _send(work, closed[0], "send")
    return True


def _last_answered(case: Case) -> Entry | None:
    answered = [(entry.answered, entry.number, entry) for entry in case.entries if entry.answered]
    return max(answered, key=lambda each: each[:2])[2] if answered else None


def no_longer(work: Work, entry: Entry) -> str:
    """What has come between since the rota was made; "" = nothing. It is the terms of the library that is to supply it
    that count, not those of a gateway which passes it on."""
    case, holder = work.case, entry.toward or entry.supplier
    assert case.wish is not None
    if reason := unreachable(work.network, entry.supplier):
        return reason
    if entry.held and work.union is not None and all(each.library != holder for each in work.union.holders):
        return "withdrawn"
    return excluded(work.network, case.requester, holder, case.wish)


def _has_had_enough(work: Work, entry: Entry) -> bool:
    """Of requests, today; what was forwarded to it comes from another library. Two that are sent at the same moment may
    be one more than it takes."""
    cap = work.network.policy(entry.supplier).daily_cap
    if not cap or entry.parent:
        return False
    today = work.now.astimezone(CHINA).replace(hour=0, minute=0, second=0, microsecond=0)
    return requests.sent_since(work.unit, [entry.supplier], today).get(entry.supplier, 0) >= cap


def _send(work: Work, entry: Entry, event: str) -> None:
    work.fire(event, entry=entry.number, data={"supplier": entry.supplier, "path": list(entry.path)})


# ---------------------------------------------------------------------------------------------- the other states


def _decide(work: Work) -> bool:
    """Accept a supplier's condition by rule."""
    active = work.case.active
    assert active is not None
    if not accepted_by_rule(work.network, work.case, active):
        return False
    work.fire("accept", RULE, entry=active.number)
    return True


def _cancel(work: Work) -> bool:
    active = work.case.active
    if active is None:
        work.fire("cancel_done")
        return True
    if active.state == "cancel_sent":
        return False
    work.fire("recall", entry=active.number, data={"why": "cancelled"})
    return True


def _recall_what_is_over(work: Work) -> bool:
    """Supplied, or ended: whoever is still being asked need not go on."""
    case = work.case
    active = case.active
    if active is None or active.state == "cancel_sent":
        return False
    why = "expired" if case.state in CLOSED else "late_fill"
    work.fire("recall", entry=active.number, data={"why": why})
    return True


def _decide_for_peer(work: Work) -> bool:
    """Whoever asks by ISO 18626 has its people at another system. They have looked whether they own it before they
    asked, and hear at the end of the rota that nobody had it."""
    case = work.case
    if case.source != "iso18626":
        return False
    event = {"dup_hold": "separate", "review": "close"}.get(case.state, "insist")
    reason = "end of rota" if event == "close" else "asked for by ISO 18626"
    work.fire(event, RULE, data={"reason": reason} | ({"check": case.state} if event == "insist" else {}))
    return True


def _wait(work: Work) -> bool:
    return False


_STEPS: dict[str, Callable[[Work], bool]] = {
    "draft": _wait,
    "checking": _check,
    "owned": _decide_for_peer,
    "dup_hold": _decide_for_peer,
    "restricted": _decide_for_peer,
    "blank": _wait,
    "routing": _make_rota,
    "asking": _ask,
    "condition": _decide,
    "review": _decide_for_peer,
    "cancelling": _cancel,
}
"""In any other state, all that is left is to recall whoever is still being asked."""
