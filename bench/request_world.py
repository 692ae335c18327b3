"""A state database as after half a year of document delivery: a hundred libraries, their past, and who asks them.

104 libraries (a hundred of BALIS, six of them nodes; the Capital Library; three partners), union records with 14 and
with 100 holders, 9,000 past requests (the study's BALIS has some fifty a working day) of which each library still has
some to answer, tallies of all of them, and what was found out of single holdings. Made by chance with a seed.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

import msgspec

from indexer.cluster.uniting import union_write
from mappings.model import BibRecord, Classification, Holder, Holding, Library, Member, UnionRecord, union_id, union_key
from mappings.requests import Citation, LibraryPolicy, Wish
from routing.estimates import HoldingPast, Tally, filled, found_out, keys_of, refused
from store import performance
from store.bulk import insert_rows
from store.database import Database, Unit
from store.libraries import put_library
from store.policies import put_policy
from store.progress import take_numbers
from store.requests import request, rota_entry
from store.unions import put_unions

SUBJECTS = "ABCDFGHIJKNOPQRSTUVXZ"
MEMBERS = tuple(f"LIB{number:03}" for number in range(100))
REQUESTER = "CLCN"
PARTNERS = ("NLC", "NSTL", "SHLIB")
FEW, MANY = 14, 100
"""Holders of a record: usual, and the worst case of the goal."""

PAST = 9000
DAYS = 180
NOW = datetime(2026, 3, 3, 2, 0, tzinfo=UTC)
"""Ten in the morning of a working Tuesday in Beijing."""


def libraries() -> list[Library]:
    """All of them; each has a policy of its own."""
    own = [
        Library(symbol, f"第{symbol}图书馆", f"Library {symbol}", "BALIS", "node" if number < 6 else "member")
        for number, symbol in enumerate(MEMBERS)
    ]
    capital = Library(REQUESTER, "首都图书馆", "Capital Library of China", "CAPITAL", "capital")
    return [*own, capital, *(Library(each, f"{each}馆", each, "EXTERNAL", "partner") for each in PARTNERS)]


def make_world(database: Database, records: int = 300, now: datetime = NOW, seed: int = 1) -> dict[int, list[str]]:
    """Fill an empty database; ids of its union records by how many holders they have."""
    dice = Random(seed)
    with database.write() as unit:
        for library in libraries():
            put_library(unit, library)
            put_policy(unit, library.symbol, LibraryPolicy(capacity=dice.choice((5.0, 10.0, 20.0))), now)
        made = _put_unions(unit, records, dice)
        _put_past(unit, now, dice)
        _put_learnt(unit, made, now, dice)
    with database.write() as unit:
        unit.exec_driver_sql("ANALYZE")
    return made


def wish(record: str, service: str = "copy_or_loan") -> Wish:
    return Wish(Citation(record_id=record), service=service)


def _put_unions(unit: Unit, records: int, dice: Random) -> dict[int, list[str]]:
    writes = []
    made: dict[int, list[str]] = {FEW: [], MANY: []}
    for number in range(records + 20):
        many = number >= records
        symbols = MEMBERS if many else sorted(dice.sample(MEMBERS, FEW))
        record = _union(10_000 + number, symbols, dice)
        made[MANY if many else FEW].append(record.id)
        key = union_key(record.id)
        assert key is not None
        writes.append(union_write(key, record))
    put_unions(unit, list(zip(take_numbers(unit, "union", len(writes)), writes, strict=True)), [])
    return made


def _union(key: int, symbols: list[str] | tuple[str, ...], dice: Random) -> UnionRecord:
    bib = BibRecord(
        dialect="cnmarc", title=f"样书第{key}种", responsibility="某人著", year=dice.randrange(1950, 2025),
        languages=("chi",), classes=(Classification("clc", f"{dice.choice(SUBJECTS)}242.4"),),
    )  # fmt: skip
    holders = tuple(
        Holder(symbol, (Holding(location="中文图书借阅区", call_number=f"I242.4/{key}", status="available"),), True,
               (f"{symbol}-{key}",))
        for symbol in symbols
    )  # fmt: skip
    members = tuple(Member(1, holder.library, record) for holder in holders for record in holder.records)
    return UnionRecord(union_id(key), bib, members, holders)


def _put_past(unit: Unit, now: datetime, dice: Random) -> None:
    rows, entries = [], []
    for number in range(1, PAST + 1):
        created = now - timedelta(days=DAYS * (1 - number / PAST))
        is_open = number > PAST - 500
        asked = dice.sample(MEMBERS, dice.choice((1, 1, 1, 2, 2, 3)))
        planned = [symbol for symbol in dice.sample(MEMBERS, 8) if symbol not in asked]
        last = "sent" if is_open else "filled"
        rows.append({
            "id": number, "state": "asking" if is_open else "closed_filled", "seq": 9, "created": created,
            "updated": created, "closed": None if is_open else created, "requester": dice.choice((REQUESTER, *MEMBERS)),
            "branch": "", "desk": "", "supplier": asked[-1], "title": f"旧申请 {number}", "record": "", "item": "",
            "service": "copy", "level": "standard", "folded": "{}",
        })  # fmt: skip
        for place, symbol in enumerate((*asked, *planned), start=1):
            state = "refused" if place < len(asked) else last if place == len(asked) else "planned"
            was_asked = place <= len(asked)
            entries.append({
                "request_id": number, "number": place, "supplier": symbol, "state": state, "position": place,
                "sent": created if was_asked else None,
                "answered": created + timedelta(days=1) if was_asked and state != "sent" else None,
            })  # fmt: skip
    insert_rows(unit, request, rows)
    insert_rows(unit, rota_entry, entries)
    if unit.dialect.name == "postgresql":  # COPY has taken no numbers from the sequence
        unit.exec_driver_sql(f"SELECT setval(pg_get_serial_sequence('request', 'id'), {PAST})")


def _put_learnt(unit: Unit, made: dict[int, list[str]], now: datetime, dice: Random) -> None:
    today = now.timestamp() / 86400
    tallies: dict[str, Tally] = {}
    for number, symbol in enumerate(MEMBERS):
        kind = "node" if number < 6 else "member"
        willing = dice.uniform(0.3, 0.95)
        for _ in range(40):
            subject, service = dice.choice(("", *SUBJECTS)), dice.choice(("copy", "loan", "copy_or_loan"))
            fill, day = dice.random() < willing, today - dice.uniform(1, DAYS)
            days = dice.lognormvariate(0.5, 0.8)
            for key in keys_of(symbol, kind, "BALIS", "book", subject, service, "standard"):
                old = tallies.get(key, Tally())
                tallies[key] = filled(old, days, day) if fill else refused(old, days, "PolicyProblem", day)
    performance.put_tallies(unit, {key: msgspec.json.encode(value).decode() for key, value in tallies.items()})
    for record in (*made[FEW][:100], *made[MANY]):
        for symbol in dice.sample(MEMBERS, 5):
            past = found_out(HoldingPast(), dice.choice(("fill", "NotHeld")), today - 30)
            performance.put_trust(unit, record, symbol, msgspec.json.encode(past).decode())
