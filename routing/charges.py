"""What a supply costs, hop by hop (收支平衡): plain arithmetic on what was supplied and a tariff.

The supplier's charge is set between it and the party that asks it, and every node on the way passes it on as it is: a
node neither gains nor loses by it. A node that searched (代查) adds its fee. Each hop is a transaction. What the
requester owes in the end is borne by its reader (the reader's price) and by a subsidy, as a transaction of its own,
which is there also where the reader pays nothing: then the subsidy is all of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from mappings.model import Library
from mappings.requests import Wish
from mappings.settlement import BEIJING, Party, Posting, Supply, Transaction, clearing
from routing.tariffs import Rule, Tariff

_TYPED = ("standard", "patent")


def supply_of(
    *,
    request_id: int,
    entry: int,
    path: tuple[str, ...],
    requester: str,
    wish: Wish,
    pages: int,
    actual_cost: int,
    at: datetime,
    libraries: Mapping[str, Library],
    searched_by: str = "",
    carrier: str = "print",
) -> Supply:
    """The facts of a fill that its charges depend on. Raises ValueError where they can't be."""
    while requester in path:  # a node that asks for its own readers passes nothing on to itself
        path = path[path.index(requester) + 1 :]
    if not path:
        raise ValueError(f"{requester} can't be supplied by itself")
    if pages < 0 or actual_cost < 0:
        raise ValueError(f"{pages} pages at {actual_cost} fen can't be supplied")
    parties = tuple(_party(symbol, libraries) for symbol in (requester, *path))
    supplier = libraries.get(path[-1])
    return Supply(
        request_id=request_id,
        entry=entry,
        at=at,
        parties=parties,
        material=_material(wish, carrier),
        service=_service(wish, pages),
        level=wish.level,
        pages=pages,
        actual_cost=actual_cost,
        abroad=supplier is not None and _is_abroad(supplier.isil),
        searched_by=_party(searched_by, libraries) if searched_by and searched_by != requester else None,
    )


def charges(supply: Supply, tariff: Tariff) -> tuple[Transaction, ...]:
    """One transaction a hop, from the requester on; one for a search by who is not on the way; and the reader's."""
    day = supply.at.astimezone(BEIJING).date().isoformat()
    parties = supply.parties
    last = len(parties) - 1
    carried = _supplied(supply, tariff, day)
    made: list[Transaction] = []
    for hop in range(last, 0, -1):
        payer, payee = parties[hop - 1], parties[hop]
        if payee == supply.searched_by:
            carried = [*carried, *_searched(supply, tariff, payer, payee, day)]
        accounts = (_account(payer, hop == 1), _account(payee, hop == last))
        made.insert(0, _hop("hop", hop, payer, payee, accounts, carried))
    searcher = supply.searched_by
    if searcher is not None and searcher not in parties:
        fee = _searched(supply, tariff, parties[0], searcher, day)
        accounts = (_account(parties[0], True), _account(searcher, False))
        made.append(_hop("search", 0, parties[0], searcher, accounts, fee))
    owed = -sum(line.amount for one in made for line in one.postings if line.account == f"library:{parties[0].symbol}")
    made.append(_reader(supply, tariff, owed, day))
    return tuple(made)


def reader_price(supply: Supply, tariff: Tariff) -> int:
    """What the reader pays for it, in fen: also before it is supplied, from what is expected."""
    day = supply.at.astimezone(BEIJING).date().isoformat()
    requester = supply.parties[0]
    rule = tariff.rule("reader", requester, supply.parties[-1], supply, day)
    return sum(line.amount for line in _priced(rule, supply))


def negated(postings: Iterable[Posting]) -> tuple[Posting, ...]:
    """What undoes them."""
    return tuple(
        Posting(line.account, -line.amount, line.item, line.rule, -line.quantity, line.price) for line in postings
    )


# ---------------------------------------------------------------------------------------------- facts


def _party(symbol: str, libraries: Mapping[str, Library]) -> Party:
    """A partner that is no library of ours is EXTERNAL."""
    known = libraries.get(symbol)
    return Party(symbol, known.consortium or "EXTERNAL", known.role) if known else Party(symbol, "EXTERNAL")


def _material(wish: Wish, carrier: str) -> str:
    if carrier == "microform":
        return carrier
    kind = wish.citation.number.partition(":")[0].strip().casefold()
    return kind if kind in _TYPED else wish.material


def _service(wish: Wish, pages: int) -> str:
    """Where either would do, what has a number of pages was a copy."""
    if wish.service == "copy_or_loan":
        return "copy" if pages else "loan"
    return wish.service


def _is_abroad(isil: str) -> bool:
    """An ISIL begins with its country; a library without one is taken to be in China."""
    return bool(isil) and not isil.upper().startswith("CN-")


# ---------------------------------------------------------------------------------------------- transactions


def _supplied(supply: Supply, tariff: Tariff, day: str) -> list[Posting]:
    rule = tariff.rule("supply", supply.parties[-2], supply.parties[-1], supply, day)
    lines = _priced(rule, supply)
    if supply.actual_cost:
        lines.append(Posting("", supply.actual_cost, "cost", "actual_cost", 1, supply.actual_cost))
    return lines


def _searched(supply: Supply, tariff: Tariff, payer: Party, node: Party, day: str) -> list[Posting]:
    return _priced(tariff.rule("search", payer, node, supply, day), supply)


def _priced(rule: Rule, supply: Supply) -> list[Posting]:
    """A price of nothing is a line like any other."""
    lines = []
    for item, price in rule.prices:
        if item == "rush" and supply.level != "rush":
            continue
        quantity = supply.pages if item == "page" else 1
        lines.append(Posting("", quantity * price, item, rule.name, quantity, price))
    return lines


def _account(party: Party, at_the_end: bool) -> str:
    return f"{'library' if at_the_end else 'node'}:{party.symbol}"


def _hop(
    kind: str, hop: int, payer: Party, payee: Party, accounts: tuple[str, str], carried: list[Posting]
) -> Transaction:
    """Until it is settled, what is owed stands between the consortia."""
    between = clearing(payer.side, payee.side)
    postings: list[Posting] = []
    for line in carried:
        postings.append(Posting(accounts[0], -line.amount, line.item, line.rule, line.quantity, line.price))
        postings.append(Posting(between, line.amount, line.item, line.rule, line.quantity, line.price))
    return Transaction(kind, tuple(postings), hop, *accounts, payer.side, payee.side)


def _reader(supply: Supply, tariff: Tariff, owed: int, day: str) -> Transaction:
    requester = supply.parties[0]
    rule = tariff.rule("reader", requester, supply.parties[-1], supply, day)
    price = sum(line.amount for line in _priced(rule, supply))
    bearer = requester.symbol if rule.subsidy == "library" else requester.side or requester.symbol
    postings = (
        Posting(f"library:{requester.symbol}", owed, "covered", rule.name, 1, owed),
        Posting(f"fees:{requester.symbol}", -price, "reader_price", rule.name, 1, price),
        Posting(f"subsidy:{bearer}", price - owed, "subsidy", rule.name, 1, owed - price),
    )
    return Transaction("reader", postings, from_side=requester.side, to_side=requester.side)
