"""The union catalogue as the API and the pages ask it: store and engine put together, one method a question.

Searches go to the engine; records, and holders by identifier, come from the store, so that they are there even
while the engine is not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext

from msgspec import Struct

from indexer.document import Brief
from indexer.engine.protocol import All, BadCursor, Engine, EngineError, Plan, Query, Results, Unavailable
from indexer.text.highlight import Highlighter
from indexer.text.planner import also_searched, plan_words, relaxed
from mappings.model import Library, UnionRecord, decode, union_id, union_key
from search_api import answers
from search_api.describing import present_record
from search_api.finding import Question, asked_numbers, judge, present_candidate
from search_api.presenting import present_facet, present_hit, present_suggestion
from search_api.queries import (
    FACETS,
    SearchParameters,
    changed,
    facet_names,
    facet_plans,
    search_plan,
    to_query_string,
)
from search_api.settings import ApiSettings
from store.database import Database, StoreError, Unit
from store.libraries import all_libraries
from store.unions import find_by_identifier, get_union, get_unions, is_tombstone, redirect

MAX_CANDIDATES = 20

_WHY = "The log of the server and tongcang doctor say why."


class Merged(Struct, frozen=True):
    """The record was merged into another: the public id of that."""

    id: str


class Deleted(Struct, frozen=True):
    """There was such a record; nobody holds the publication any longer."""

    id: str


class Catalogue:
    """Thread-safe; holds no state of its own."""

    def __init__(
        self,
        database: Database,
        engine: Engine,
        settings: ApiSettings,
        asking: Callable[[str], AbstractContextManager[None]] = lambda _: nullcontext(),
    ) -> None:
        """`asking` stands around each question to the engine, and is told its name."""
        self.database = database
        self.engine = engine
        self.settings = settings
        self.asking = asking

    # ------------------------------------------------------------------------------------------------ search

    def search(self, parameters: SearchParameters) -> answers.SearchAnswer:
        """Raises EngineError, BadCursor, StoreError."""
        libraries = self.known_libraries()
        query, results, is_relaxed = self._found(parameters, libraries)
        return answers.SearchAnswer(
            query=parameters.q,
            total=results.total,
            hits=self._hits(parameters, results, libraries, is_relaxed),
            facets=self._facets(parameters, query, results, libraries),
            next=self._next(parameters, results),
            also_searched=also_searched(parameters.q),
            relaxed=is_relaxed,
        )

    def _found(self, parameters: SearchParameters, libraries: Mapping[str, Library]) -> tuple[Query, Results, bool]:
        """What was asked and found; where that is nothing, what the words of it find (True). A cursor tells which."""
        query = plan_words(parameters.q, parameters.field)
        refusal: BadCursor | None = None
        results = Results((), 0)
        try:
            results = self._ask(self._plan(parameters, query, libraries))
        except BadCursor as error:  # perhaps of the wider query
            refusal = error
        if results.total == 0 and (wider := relaxed(parameters.q, parameters.field)) is not None:
            wider_results = self._ask(self._plan(parameters, wider, libraries))
            if wider_results.total:
                return wider, wider_results, True
        if refusal is not None:
            raise refusal
        return query, results, False

    def _ask(self, plan: Plan) -> Results:
        with self.asking("search"):
            return self.engine.search(plan)

    def _plan(self, parameters: SearchParameters, query: Query, libraries: Mapping[str, Library]) -> Plan:
        return search_plan(parameters, query, tuple(libraries), self.settings.page_size)

    def _hits(
        self, parameters: SearchParameters, results: Results, libraries: Mapping[str, Library], is_relaxed: bool
    ) -> tuple[answers.SearchHit, ...]:
        marks = Highlighter(parameters.q, relaxed=is_relaxed) if parameters.q else None
        return tuple(
            present_hit(decode(hit.source, Brief), marks, parameters.field, libraries, self.settings.base_url)
            for hit in results.hits
        )

    def _facets(
        self, parameters: SearchParameters, query: Query, results: Results, libraries: Mapping[str, Library]
    ) -> dict[str, tuple[answers.FacetValue, ...]]:
        counted = dict(results.facets)
        for plan in facet_plans(parameters, query, tuple(libraries)):
            counted.update(self._ask(plan).facets)
        return {
            name: present_facet(name, counted.get(FACETS[name].field, ()), libraries)
            for name in facet_names(parameters)
        }

    def _next(self, parameters: SearchParameters, results: Results) -> answers.NextPage | None:
        if not results.next:
            return None
        following = changed(parameters).model_copy(update={"after": results.next})
        return answers.NextPage(results.next, f"{self.settings.base_url}/api/search?{to_query_string(following)}")

    def suggest(self, prefix: str, size: int) -> answers.SuggestAnswer:
        if not prefix.strip():
            return answers.SuggestAnswer(())
        with self.asking("suggest"):
            found = self.engine.suggest(prefix, size)
        return answers.SuggestAnswer(tuple(present_suggestion(each, self.settings.base_url) for each in found))

    # ------------------------------------------------------------------------------------------------ records

    def record(self, record_id: str) -> answers.RecordAnswer | Merged | Deleted | None:
        """None = there never was one of that id."""
        key = union_key(record_id)
        if key is None:
            return None
        with self.database.read() as unit:
            union = get_union(unit, key)
            if union is None:
                live = redirect(unit, key)
                if live is not None:
                    return Merged(union_id(live))
                return Deleted(union_id(key)) if is_tombstone(unit, key) else None
            libraries = {each.symbol: each for each in all_libraries(unit)}
        return present_record(union, libraries, self.settings.base_url)

    # ------------------------------------------------------------------------------------------------ holders

    def holders_by_number(self, number: str) -> answers.HoldersAnswer:
        """Of an ISBN, an ISSN, any other number or the id of a record: the store alone is asked. Raises StoreError."""
        return self.holders(Question(isbn=number, issn=number, number=number, record_id=number))

    def holders(self, question: Question, limit: int = MAX_CANDIDATES) -> answers.HoldersAnswer:
        """Candidates for what is asked, best first. Numbers are looked up in the store; words go to the engine, and
        only where no number found anything. Raises EngineError and StoreError."""
        asked = asked_numbers(question)
        libraries = self.known_libraries()
        with self.database.read() as unit:
            own = _live_key(unit, question.record_id)
            keys = dict.fromkeys([own] if own is not None else [])
            for number in asked:
                keys.update(dict.fromkeys(find_by_identifier(unit, number.type, number.value, limit)))
            by_number = list(get_unions(unit, list(keys)[:limit]).values())
        unions = by_number or (self._by_words(question, limit) if question.title else [])
        judged = []
        for union in unions:
            confidence, basis = judge(question, union.bib, asked)
            if by_number and (own == union_key(union.id) or not basis):
                # Its id was asked for, or the store knows the number in a form that the description doesn't show.
                confidence, basis = 1.0, ("identifier", *basis)
            judged.append((confidence, union, basis))
        judged.sort(key=lambda each: (-each[0], -len(each[1].holders), each[1].id))
        return answers.HoldersAnswer(
            tuple(
                present_candidate(union, confidence, basis, libraries, self.settings.base_url)
                for confidence, union, basis in judged
            )
        )

    def _by_words(self, question: Question, limit: int) -> list[UnionRecord]:
        wanted: list[Query] = [plan_words(question.title, "title")]
        if question.author:
            wanted.append(plan_words(question.author, "author"))
        found = self._ask(Plan(query=All(tuple(wanted)), size=limit))
        if found.total == 0 and question.author:
            found = self._ask(Plan(query=wanted[0], size=limit))
        keys = [key for hit in found.hits if (key := union_key(hit.id)) is not None]
        with self.database.read() as unit:
            found_unions = get_unions(unit, keys)
            return [found_unions[key] for key in keys if key in found_unions]

    # ------------------------------------------------------------------------------------------------ the rest

    def known_libraries(self) -> dict[str, Library]:
        with self.database.read() as unit:
            return {each.symbol: each for each in all_libraries(unit)}

    def libraries(self) -> answers.LibrariesAnswer:
        return answers.LibrariesAnswer(
            tuple(
                answers.LibraryEntry(each.symbol, each.name_zh, each.name_en, each.consortium, each.role, each.isil)
                for each in self.known_libraries().values()
            )
        )

    def health(self) -> answers.HealthAnswer:
        """What anybody may read: names of hosts and files are for the log and for `tongcang doctor`."""
        try:
            revision = self.database.revision()
            store = answers.StoreHealth(revision is not None, "" if revision else "The database has no tables yet.")
        except StoreError:
            store = answers.StoreHealth(False, f"The database can't be used. {_WHY}")
        try:
            told = self.engine.health()
            engine = answers.EngineHealth(told.ok, told.generation, told.documents, told.message)
        except Unavailable:
            engine = answers.EngineHealth(False, "", 0, f"The search engine is away. {_WHY}")
        except EngineError as error:
            engine = answers.EngineHealth(False, "", 0, str(error))
        state = ("ok" if engine.ok else "degraded") if store.ok else "down"
        return answers.HealthAnswer(state == "ok", state, store, engine)


def _live_key(unit: Unit, record_id: str) -> int | None:
    """The key of the record of that id, or of the one that it was merged into."""
    key = union_key(record_id)
    if key is None:
        return None
    live = redirect(unit, key)
    return key if live is None else live
