"""Statistics and settlement for the API: to a library's officers those of their own library, to the house all of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta

from msgspec import Struct, structs

from routing.calendar import CHINA
from routing.ledger import close_month, statement_of
from routing.prediction import Assessment
from routing.statements import Pair, Statement
from routing.statistics import SUMMARY, TABLES, tables
from routing.statistics_reading import read_view
from routing.statistics_table import Label, Table
from routing.statistics_view import Scope, View
from search_api.access.principal import Principal
from search_api.house_answers import PairAnswer, PeriodAnswer, PredictionsAnswer, StatementAnswer, StatisticsAnswer
from search_api.policy import Facts, demand, sees_all
from search_api.problems import bad_parameter, conflict
from search_api.requesting import Requesting
from search_api.vocabulary import words
from store import audit, ledger
from store.ledger import Posted
from store.ledger_months import ClosedError
from store.libraries import get_library

EARLIEST, LATEST = date(2000, 1, 1), date(2100, 12, 31)
NO_LIBRARY = ("没有这家成员馆。", "There is no such member library.")


class Period(Struct, frozen=True):
    """What is asked for. None = a year that ends today."""

    first: date | None = None
    last: date | None = None
    library: str = ""
    partner: str = ""
    side: str = ""


class Told(Struct, frozen=True):
    """A statement, and of those who see all its single transactions."""

    statement: Statement
    library: str
    details: Sequence[Posted] = ()


class Reporting:
    """Thread-safe; keeps nothing."""

    def __init__(self, requesting: Requesting) -> None:
        self.database = requesting.database
        self.clock = requesting.service.clock

    # ------------------------------------------------------------------------------------------ statistics

    def statistics(self, who: Principal, period: Period, codes: Sequence[str]) -> tuple[View, tuple[Table, ...]]:
        """The tables of these codes, or those of a summary."""
        if unknown := [code for code in codes if code not in TABLES]:
            known = ", ".join(TABLES)
            raise bad_parameter("tables", f"没有 {unknown[0]} 这张表。可用的有 {known}。", f"Tables are: {known}.")
        view = self._view(who, period)
        return view, tables(view, codes or SUMMARY)

    def predictions(self, who: Principal, period: Period) -> PredictionsAnswer:
        view = self._view(who, period)
        scope = view.scope
        return PredictionsAnswer(scope.first, scope.last, scope.library, view.as_of, view.assessment or Assessment())

    def _view(self, who: Principal, asked: Period) -> View:
        library = asked.library or ("" if sees_all(who, "statistics.read") else who.library)
        demand(who, "statistics.read", Facts(library=library))
        now = self.clock()
        last = asked.last or now.astimezone(CHINA).date()
        first = asked.first or max(EARLIEST, max(EARLIEST, last) - timedelta(days=364))
        if not EARLIEST <= first <= last <= LATEST:
            raise bad_parameter(
                "from",
                f"须在 {EARLIEST} 与 {LATEST} 之间，且开始日期不晚于结束日期。",
                f"Days from {EARLIEST} to {LATEST}, the first not after the last.",
            )
        if asked.partner and not library:
            raise bad_parameter("partner", "须同时给出 library。", "library is needed beside it.")
        scope = Scope(first=first, last=last, library=library, partner=asked.partner, side=asked.side)
        with self.database.read() as unit:
            view = read_view(unit, scope, now, naming)
        for name, symbol in (("library", library), ("partner", asked.partner)):
            if symbol and symbol not in view.libraries:
                raise bad_parameter(name, *NO_LIBRARY)
        return view

    # ------------------------------------------------------------------------------------------ settlement

    def statement(self, who: Principal, month: str, library: str) -> Told:
        """Of a month: all of it, or what concerns a library."""
        everything = sees_all(who, "ledger.read")
        library = library or ("" if everything else who.library)
        demand(who, "ledger.read", Facts(library=library))
        with self.database.read() as unit:
            if library and get_library(unit, library) is None:
                raise bad_parameter("library", *NO_LIBRARY)
            whole = statement_of(unit, month)
            details = ledger.transactions(unit, month) if everything and not library else []
        return Told(_concerning(whole, library) if library else whole, library, details)

    def close(self, who: Principal, month: str, request_id: str) -> PeriodAnswer:
        demand(who, "ledger.write")
        now = self.clock()
        try:
            with self.database.write() as unit:
                closed = close_month(unit, month, now, who.account_id)
                told = {"transactions": closed.transactions, "digest": closed.digest}
                audit.record(unit, who.actor(request_id), "ledger.close", f"month {month}", now, {}, told)
        except ClosedError as error:
            raise conflict(
                "month-not-closable",
                "该月不能结账：尚未结束、已经结账，或更早的月份还没有结账。",
                str(error),
            ) from error
        return PeriodAnswer(closed.period, closed.closed_at, closed.transactions, closed.digest)


def statistics_answer(view: View, made: tuple[Table, ...]) -> StatisticsAnswer:
    scope = view.scope
    return StatisticsAnswer(scope.first, scope.last, scope.library, scope.partner, scope.side, view.as_of, made)


def statement_answer(told: Told) -> StatementAnswer:
    its = told.statement
    return StatementAnswer(
        its.period, its.closed, told.library, _pairs(its.libraries), _pairs(its.consortia), its.bearers
    )


def _pairs(pairs: Iterable[Pair]) -> tuple[PairAnswer, ...]:
    return tuple(
        PairAnswer(each.a, each.b, each.gross_a, each.gross_b, each.net, each.open, each.a_owes, each.b_owes)
        for each in pairs
    )


def _concerning(whole: Statement, library: str) -> Statement:
    """Its own pairs and what was paid in its own name; sums between consortia are the house's."""
    return structs.replace(
        whole,
        libraries=tuple(pair for pair in whole.libraries if library in (pair.a, pair.b)),
        consortia=(),
        bearers=tuple(each for each in whole.bearers if each.account.partition(":")[2] == library),
    )


def naming(name: str, code: str) -> Label:
    """Materials and languages in the words that readers see."""
    told = words(name, code)
    return Label(told.zh, told.en)
