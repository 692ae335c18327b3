"""Libraries, supplies and whole histories of a ledger, for tests of settlement."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from mappings.model import Library
from mappings.requests import Citation, Wish
from routing import ledger as settlement
from store.database import Unit
from store.ledger_months import ClosedError

LIBRARIES = {
    library.symbol: library
    for library in (
        Library("THU", "清华大学图书馆", "Tsinghua University Library", "BALIS"),
        Library("RUC", "中国人民大学图书馆", "Renmin University of China Library", "BALIS", "node"),
        Library("BUPT", "北京邮电大学图书馆", "BUPT Library", "BALIS", "node"),
        Library("CLCN", "首都图书馆", "Capital Library of China", "CAPITAL", "capital"),
        Library("XCQ", "西城区图书馆", "Xicheng District Library", "CAPITAL", "branch"),
        Library("NLC", "国家图书馆", "National Library of China", "EXTERNAL"),
        Library("BL", "大英图书馆", "British Library", "EXTERNAL", isil="GB-UK-BL"),
    )
}

START = datetime(2026, 9, 1, 4, tzinfo=UTC)
DAY = timedelta(days=1)


def wish(**changes: Any) -> Wish:
    return Wish(**({"citation": Citation("article", title="历史研究"), "material": "serial"} | changes))


def record(unit: Unit, request_id: int = 1, entry: int = 1, **changes: Any) -> None:
    """Twenty pages from the Capital Library to Tsinghua by way of Renmin."""
    facts: dict[str, Any] = {
        "path": ("RUC", "CLCN"), "requester": "THU", "wish": wish(), "pages": 20, "actual_cost": 0, "at": START,
        "libraries": LIBRARIES,
    }  # fmt: skip
    settlement.record_supply(unit, request_id=request_id, entry=entry, **(facts | changes))


ROUTES = (
    ("THU", ("RUC", "CLCN")), ("THU", ("BUPT",)), ("XCQ", ("CLCN", "RUC")), ("CLCN", ("RUC",)), ("CLCN", ("THU",)),
    ("BUPT", ("RUC", "NLC")), ("THU", ("BUPT", "BL")), ("RUC", ("CLCN", "XCQ")), ("CLCN", ("XCQ",)),
)  # fmt: skip

SUPPLIES = st.fixed_dictionaries(
    {
        "route": st.sampled_from(ROUTES),
        "pages": st.integers(0, 300),
        "actual_cost": st.sampled_from((0, 0, 350, 2000)),
        "level": st.sampled_from(("standard", "rush")),
        "service": st.sampled_from(("copy", "copy", "loan", "copy_or_loan")),
        "searched_by": st.sampled_from(("", "", "RUC", "BUPT", "CLCN")),
        "day": st.integers(0, 100),
    }
)

STEPS = st.one_of(
    st.tuples(st.just("supply"), st.integers(1, 4), st.integers(1, 2), SUPPLIES),
    st.tuples(st.just("reverse"), st.integers(1, 4), st.integers(1, 2), st.integers(0, 120)),
    st.tuples(st.just("settle"), st.integers(0, 3)),
    st.tuples(st.just("close"), st.integers(0, 3)),
)

MONTHS = ("2026-09", "2026-10", "2026-11", "2026-12", "2027-01")


def take(unit: Unit, step: Any) -> None:
    """Do one step of a history; closing what can't be closed is refused and changes nothing."""
    kind, *rest = step
    if kind == "supply":
        request_id, entry, facts = rest
        requester, path = facts["route"]
        its = wish(level=facts["level"], service=facts["service"])
        record(
            unit, request_id, entry, path=path, requester=requester, wish=its, pages=facts["pages"],
            actual_cost=facts["actual_cost"], searched_by=facts["searched_by"], at=START + facts["day"] * DAY,
        )  # fmt: skip
    elif kind == "reverse":
        request_id, entry, day = rest
        at = START + day * DAY + timedelta(hours=1)
        settlement.reverse_supply(unit, request_id=request_id, entry=entry, at=at, reason="复印不清")
    else:
        month = MONTHS[rest[0]]
        at = START + 200 * DAY
        try:
            if kind == "settle":
                settlement.settle_month(unit, month, at)
            else:
                settlement.close_month(unit, month, at)
        except ClosedError as error:
            assert month in str(error)
