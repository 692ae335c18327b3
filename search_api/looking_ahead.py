"""What a person is told before a request leaves: that his library has it, that he asked for it before, what is not sent
out, and who could supply it, with the days and the share of requests filled that are known of each. Writes nothing."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from mappings.model import Holder, Holding, Library
from mappings.requests import Wish
from routing.candidates import Place
from routing.estimates import OWN_LEVELS
from routing.explaining import explain_choice
from routing.previewing import Preview
from routing.requestable import ADVICE, WORDS
from routing.settings import load_network
from search_api.access.principal import Principal
from search_api.answers import RecordAnswer
from search_api.policy import Facts, allowed
from search_api.presenting import library_names
from search_api.request_answers import Expected, PassedOver, Said
from search_api.requesting import Requesting
from search_api.showing import expected_of, passed_over
from search_api.vocabulary import Words
from store import accounts
from store.accounts import Account

GONE = ("missing", "withdrawn")

FEWEST = 1
"""Requests of a library's own from which its share of filled ones is told."""


class SupplierLine(Struct, frozen=True):
    """A library that would be asked, in its turn."""

    library: str
    name_zh: str
    name_en: str
    days: float  # working days to a fill: the average of its own where that is known, else an estimate
    n: int  # its requests of such a kind, and those of them that it filled; 0 = too few are known
    fills: int
    percent: int  # share that it fills, 0–100: its own where that is known, else an estimate by libraries of its kind
    why: Said
    partner: bool  # it is not known to hold it


class OwnHolding(Struct, frozen=True):
    library: str
    name_zh: str
    name_en: str
    places: tuple[str, ...]  # where it stands: branch, location, call number


class Ahead(Struct, frozen=True):
    wish: Wish  # with what the record says
    missing: tuple[str, ...]
    own: OwnHolding | None  # 本馆已有
    owned: bool  # and it can be had there
    other: int  # the earlier request for the same
    restricted: tuple[Words, ...]  # what is not sent out
    advice: tuple[Words, ...]
    suppliers: tuple[SupplierLine, ...]
    passed_over: tuple[PassedOver, ...]
    expected: Expected | None

    @property
    def held_up(self) -> bool:
        """Something must be told first, and be insisted on."""
        return self.owned or bool(self.other) or bool(self.restricted)


def look_ahead(requesting: Requesting, wish: Wish, library: str, reader: int = 0) -> Ahead:
    """For a reader of that library; `reader`: account, 0 = nobody in particular. Raises StoreError."""
    with requesting.database.read() as unit:
        network = load_network(unit)
        found = requesting.service.preview(unit, wish, library, reader)
    return _ahead(found, network.libraries)


def _ahead(found: Preview, libraries: Mapping[str, Library]) -> Ahead:
    told = [(code, Words(*WORDS[code])) for code in dict.fromkeys(found.restricted)]
    return Ahead(
        wish=found.wish,
        missing=found.missing,
        own=_own(found.own, libraries) if found.own else None,
        owned=found.owned,
        other=found.other,
        restricted=tuple(words for code, words in told if code not in ADVICE),
        advice=tuple(words for code, words in told if code in ADVICE),
        suppliers=tuple(
            _supplier(place, found.wish, libraries, number) for number, place in enumerate(found.rota.entries, start=1)
        ),
        passed_over=tuple(passed_over(each, found.wish, libraries) for each in found.rota.passed_over),
        expected=expected_of(found.expected) if found.expected else None,
    )


def _own(holder: Holder, libraries: Mapping[str, Library]) -> OwnHolding:
    name = library_names(libraries, holder.library)
    places = [
        " ".join(part for part in (each.branch if each.branch != holder.library else "", each.location,
                                   each.call_number, each.coverage) if part)
        for each in holder.holdings
    ]  # fmt: skip
    return OwnHolding(holder.library, name.zh, name.en, tuple(dict.fromkeys(place for place in places if place)))


def _supplier(place: Place, wish: Wish, libraries: Mapping[str, Library], number: int) -> SupplierLine:
    candidate, estimate = place.candidate, place.candidate.estimate
    name = library_names(libraries, candidate.library)
    told = explain_choice(place, wish, libraries, number)
    known = estimate.basis in OWN_LEVELS and round(estimate.n) >= FEWEST
    n, fills = (round(estimate.n), round(estimate.fills)) if known else (0, 0)
    share = fills / n if known else place.p  # of the numbers that are shown, so that they agree
    return SupplierLine(
        candidate.library,
        name.zh,
        name.en,
        max(0.1, round(estimate.mean_days if known and estimate.mean_days else place.t, 1)),
        n,
        fills,
        round(100 * share),
        Said(told.zh, told.en),
        candidate.last_resort,
    )


def somebody_has_it(record: RecordAnswer) -> bool:
    """A copy that is neither missing nor withdrawn: without one there is nothing to ask for."""
    return any(not holder.holdings or any(map(_is_there, holder.holdings)) for holder in record.holders)


def _is_there(holding: Holding) -> bool:
    told = [each.status or holding.status for each in holding.items] or [holding.status]
    return any(status not in GONE for status in told)


# ---------------------------------------------------------------------------------------------- for whom


def reader_named(requesting: Requesting, who: Principal, told: str) -> Account | None:
    """The reader of his library, or of a branch behind it, with that card or login; None = there is none for whom he
    may ask. Of another library's reader nothing is said, not even that there is one."""
    told = told.strip()
    if not told or not who.library:
        return None
    with requesting.database.read() as unit:
        network = load_network(unit)
        behind = [each for each in sorted(network.libraries) if network.requesting(each)[0] == who.library]
        cards = (accounts.find_reader(unit, library, told) for library in dict.fromkeys((who.library, *behind)))
        found = next((each for each in cards if each is not None), None) or accounts.find_known(unit, told)
        if found is None or not found.active or "reader" not in found.roles:
            return None
        theirs = network.requesting(found.library)[0]
    # As Requesting.create looks at it: the gateway asks for those behind it, and they not for one another, nor for it.
    facts = Facts(
        library=who.library if theirs == who.library else found.library, reader=found.id, requester=who.library
    )
    return found if allowed(who, "request.create", facts) else None
