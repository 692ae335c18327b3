"""What a request has cost, hop by hop, for those who may read the ledger of a library that it concerns."""

from __future__ import annotations

from msgspec import Struct

from mappings.settlement import name_of
from search_api.access.principal import Principal
from search_api.policy import Facts, allowed
from search_api.presenting import library_names
from search_api.request_answers import Said
from search_api.requesting import Requesting
from store.ledger import Posted, of_request

BETWEEN = ("hop", "search", "reversal")
"""Kinds of transactions by which one library owes another."""


class ChargeLine(Struct, frozen=True):
    payer: Said
    payee: Said
    amount: int  # fen; below zero = given back


def charges_of(requesting: Requesting, who: Principal, number: int) -> tuple[ChargeLine, ...]:
    """In the order in which they were posted; () where there are none, or none that are his to see."""
    with requesting.database.read() as unit:
        posted = [each for each in of_request(unit, number) if each.transaction.kind in BETWEEN]
    libraries = requesting.catalogue.known_libraries()

    def named(account: str) -> Said:
        found = library_names(libraries, name_of(account))
        return Said(found.zh, found.en)

    return tuple(
        ChargeLine(named(each.transaction.payer), named(each.transaction.payee), _amount(each))
        for each in posted
        if each.transaction.payer and _concerns(who, each)
    )


def _concerns(who: Principal, posted: Posted) -> bool:
    parties = (name_of(posted.transaction.payer), name_of(posted.transaction.payee))
    return any(allowed(who, "ledger.read", Facts(library=symbol)) for symbol in parties)


def _amount(posted: Posted) -> int:
    """Its postings sum to zero: what is gained is what is owed."""
    gained = sum(each.amount for each in posted.transaction.postings if each.amount > 0)
    return -gained if posted.transaction.kind == "reversal" else gained
