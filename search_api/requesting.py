"""Requests as the API and the pages ask for them: who may, as whom, and what is shown of it. One method a question.

Whoever acts on a request acts as one of the life cycle's actors: its reader, an officer of the requesting library, an
officer of the library that an entry asks, one of the desk that searches. Which of them, search_api/acting.py finds; the
life cycle itself (routing/case.py) is asked again whether such an actor may.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

from mappings.requests import Citation, Wish
from routing.calendar import CHINA
from routing.case import Case, NotAllowed
from routing.citations import clean, missing
from routing.network import Network
from routing.service import NewRequest, RequestService
from routing.settings import load_network, load_settings
from routing.states import ACTIVE, CLOSED, STATES
from routing.work import Actor, allowed_cost, case_decoder
from search_api import request_problems
from search_api.access.principal import Principal
from search_api.acting import acting, actions, may_read, offered, sees_all_of_it
from search_api.catalogue import Catalogue
from search_api.finding import Question
from search_api.policy import Facts, demand, has_scope, refusal
from search_api.problems import forbidden
from search_api.request_answers import MatchAnswer, RequestAnswer, RequestBrief, RequestList
from search_api.showing import brief, match_candidate, missing_words, shown_request
from store import accounts, audit, requests, timers
from store.database import Database, Unit
from store.idempotency import CallAnswer, KeyConflict, find_answer, keep_answer
from store.requests import Person, RequestRow

PAGE = 50


class Asked(Struct, frozen=True):
    """A request that somebody wants to make."""

    wish: Wish
    note: str = ""
    delivery: str = ""
    source: str = "form"
    for_reader: int = 0  # account of a reader for whom an officer asks; 0 = for oneself
    insist: str = ""  # why, where what is told first (owned, repeated, restricted) was told already


class Made(Struct, frozen=True):
    id: int
    repeated: bool  # the same call had made it before


class Requesting:
    """Thread-safe; holds no state of its own."""

    def __init__(self, database: Database, catalogue: Catalogue, service: RequestService) -> None:
        self.database = database
        self.catalogue = catalogue
        self.service = service

    # ------------------------------------------------------------------------------------------------ making one

    def match(self, citation: Citation, service: str = "copy") -> MatchAnswer:
        """Union records that the citation may mean, best first. Raises EngineError and StoreError."""
        known = clean(citation)
        question = Question(
            isbn=known.isbn,
            issn=known.issn,
            number=known.doi or known.number,
            record_id=known.record_id,
            title=known.title,
            author=known.author,
            year=0 if known.genre in ("article", "issue", "journal") else known.year,
        )
        asked = any((question.isbn, question.issn, question.number, question.record_id, question.title))
        found = self.catalogue.holders(question).candidates if asked else ()
        fields = missing(Wish(known, service=service))
        words = missing_words(fields)
        told = {name: value for name, value in msgspec.to_builtins(known).items() if value}
        return MatchAnswer(
            told,
            fields,
            tuple(each.zh for each in words),
            tuple(each.en for each in words),
            tuple(match_candidate(each) for each in found[:10]),
        )

    def matched(self, wish: Wish) -> Wish:
        """The wish with the union record that its citation surely means, where there is one that stands out."""
        found = self.match(wish.citation, wish.service).candidates
        with self.database.read() as unit:
            least = load_settings(unit).match_at_least
        sure = [each for each in found if each.confidence >= least]
        if not sure or (len(sure) > 1 and sure[1].confidence == sure[0].confidence):
            return wish
        return msgspec.structs.replace(wish, citation=msgspec.structs.replace(wish.citation, record_id=sure[0].id))

    def made_before(self, who: Principal, asked: Asked, key: str) -> Made | None:
        """What the same call has made already; None = nothing. Raises a problem where the key was another call's."""
        with self.database.read() as unit:
            return self._made_before(unit, who, asked, key)

    def _made_before(self, unit: Unit, who: Principal, asked: Asked, key: str) -> Made | None:
        try:
            before = find_answer(unit, _caller(who), key, _fingerprint(asked)) if key else None
        except KeyConflict as error:
            raise request_problems.key_conflict() from error
        return Made(int(before.location), repeated=True) if before else None

    def create(
        self, who: Principal, asked: Asked, key: str = "", request_id: str = "", sent: Asked | None = None
    ) -> Made:
        """Make a request, once for each idempotency key of the caller. `sent`: what the key stands for, where that is
        another than what is asked. Raises problems, Incomplete and NotAllowed."""
        with self.database.write() as unit:
            if (before := self._made_before(unit, who, sent or asked, key)) is not None:
                return before
            around = self.service.around(unit)
            reader, library = self._for_whom(unit, who, asked, around.network)
            actor = Actor("reader", 0, library) if reader == who.account_id else self._officer(who, library)
            new = NewRequest(
                asked.wish, library, reader, asked.note, asked.delivery, asked.source, reader != who.account_id
            )
            case = self.service.create(unit, new, actor, around)
            if asked.insist:
                case = self._insisted(unit, case, actor, asked.insist)
            self._note(unit, who, actor, "request.create", case.request_id, {}, {"state": case.state}, request_id)
            if key:
                answer = CallAnswer(201, b"", str(case.request_id))
                keep_answer(unit, _caller(who), key, _fingerprint(sent or asked), answer, self.service.clock())
            return Made(case.request_id, repeated=False)

    def _insisted(self, unit: Unit, case: Case, actor: Actor, reason: str) -> Case:
        """Whatever was told already is not told again."""
        for _ in range(3):
            event = {"owned": "insist", "restricted": "insist", "dup_hold": "separate"}.get(case.state)
            if event is None:
                break
            case = self.service.fire(unit, case.request_id, event, actor, data={"reason": reason})
        return case

    def _for_whom(self, unit: Unit, who: Principal, asked: Asked, network: Network) -> tuple[int, str]:
        """(the reader's account, his library)"""
        reader = asked.for_reader or who.account_id
        account = accounts.get_account(unit, reader)
        library = account.library if account else ""
        theirs = network.requesting(library)[0] if library else ""
        demand(
            who,
            "request.create",
            # A gateway's officers, and no branch's, ask for the readers of the branches behind it as for their own.
            Facts(library=who.library if theirs == who.library else library, reader=reader, requester=who.library),
        )
        if account is None or not account.active or "reader" not in account.roles:
            raise request_problems.no_such_reader()
        return reader, library

    @staticmethod
    def _officer(who: Principal, library: str) -> Actor:
        return Actor("officer", who.account_id, who.library or library, library if not who.library else "")

    # ------------------------------------------------------------------------------------------------ one

    def request(self, who: Principal, number: int) -> RequestAnswer:
        """Raises a problem where there is none, or it is none of his business."""
        answer = self.still_seen(who, number)
        if answer is None:
            raise refusal(who)
        return answer

    def still_seen(self, who: Principal, number: int) -> RequestAnswer | None:
        """The same for who has just done something to it; None = it has gone to others by that, and is theirs to see.
        What was done is done: no problem may be told of it."""
        with self.database.read() as unit:
            row, case, person = self._found(unit, number)
            return self._shown(unit, who, row, case, person) if may_read(who, case, person) else None

    def _shown(self, unit: Unit, who: Principal, row: RequestRow, case: Case, person: Person | None) -> RequestAnswer:
        """As much of it as is his to see."""
        return shown_request(
            unit,
            self.catalogue.settings.base_url,
            load_network(unit),
            row,
            case,
            self._visible_person(unit, who, case, person),
            lambda entry: actions(who, case, person, entry),
            only="" if sees_all_of_it(who, case, person) else who.library,
        )

    def _found(self, unit: Unit, number: int) -> tuple[RequestRow, Case, Person | None]:
        row = requests.get_request(unit, number)
        if row is None:
            raise request_problems.unknown_request(number)
        return row, case_decoder.decode(row.folded), requests.person_of(unit, number)

    def _visible_person(
        self, unit: Unit, who: Principal, case: Case, person: Person | None
    ) -> tuple[Person, str] | None:
        """Whose it is, for himself and the officers of his library. Who is asked to supply it, or searches for it, sees
        the library and what the reader has written to him (account 0), not who that is."""
        if person is None:
            return None
        mine = person.account == who.account_id != 0
        officer = who.is_one_of("requester", "admin") and who.library in (case.requester, case.branch) and who.library
        if not (mine or officer):
            asked = who.library and who.library in (case.desk, *(each.supplier for each in case.entries if each.asked))
            return (Person(0, person.note), "") if asked else None
        account = accounts.get_account(unit, person.account)
        return person, account.name if account else ""

    def fire(
        self,
        who: Principal,
        number: int,
        name: str,
        *,
        entry: int = 0,
        data: Mapping[str, Any] | None = None,
        request_id: str = "",
        seq: int = 0,
    ) -> None:
        """Let him do it. `seq`: number of the last event that he had seen; 0 = whatever. Raises problems, NotAllowed,
        Incomplete."""
        with self.database.write() as unit:
            row = requests.lock_request(unit, number)
            if row is None:
                raise request_problems.unknown_request(number)
            case, person = case_decoder.decode(row.folded), requests.person_of(unit, number)
            if not may_read(who, case, person):
                raise refusal(who)
            if seq and not self._is_up_to_date(unit, who, row, case, person, seq):
                raise request_problems.moved_on(number)
            actor = acting(who, case, person, name, entry, offered(case, entry).get(name, ()))
            if actor is None:
                raise self._refusal(case, name, entry)
            if name == "fill":
                self._require_agreed(unit, case, entry, data or {})
            if name == "retry_later" and (until := (data or {}).get("until")):
                _require_coming(until, self.service.clock())
            after = self.service.fire(unit, number, name, actor, entry=entry, data=data)
            told = {"state": after.state, "entry": entry}
            self._note(unit, who, actor, f"request.{name}", number, {"state": case.state}, told, request_id)

    def _is_up_to_date(
        self, unit: Unit, who: Principal, row: RequestRow, case: Case, person: Person | None, seq: int
    ) -> bool:
        """Whether nothing has happened since that he can see. A library that is asked is not told of what concerns
        others: else it would be kept from its own entry for ever by what it can't look at."""
        if seq == case.seq or sees_all_of_it(who, case, person):
            return seq == case.seq
        seen = self._shown(unit, who, row, case, person).events
        return (seen[-1].seq if seen else 0) <= seq < case.seq

    @staticmethod
    def _require_agreed(unit: Unit, case: Case, entry: int, data: Mapping[str, Any]) -> None:
        """Nobody is charged what he has not agreed to. Raises NotAllowed."""
        allowed_fen = allowed_cost(load_network(unit), case, case.entry(entry))
        if int(data.get("cost", 0)) > allowed_fen:
            raise NotAllowed(
                "cost-not-agreed",
                f"实际费用超过已同意的 {allowed_fen / 100:.2f} 元。请先提出条件，待请求馆同意。",
                f"That is more than the {allowed_fen / 100:.2f} yuan agreed to. Name it as a condition first.",
            )

    def _note(
        self,
        unit: Unit,
        who: Principal,
        actor: Actor,
        action: str,
        number: int,
        before: Mapping[str, Any],
        after: Mapping[str, Any],
        request_id: str,
    ) -> None:
        """In the audit, where a reader has no name: it is kept for longer than who asked for what may be known."""
        acted = who.actor(request_id)
        if actor.kind == "reader":
            acted = msgspec.structs.replace(acted, who=0)
        audit.record(unit, acted, action, f"request {number}", self.service.clock(), before, after)

    @staticmethod
    def _refusal(case: Case, name: str, entry: int) -> Exception:
        """It isn't possible now, or it isn't his to do."""
        if name in offered(case, entry):
            return forbidden()
        return NotAllowed(
            "not-now",
            f"申请当前状态下不能执行这一步（{name}）。请刷新页面查看最新状态。",
            f"{name} is not possible now. Load the page again to see how the request stands.",
        )

    # ------------------------------------------------------------------------------------------------ lists

    def mine(self, who: Principal, *, closed: bool, before: int = 0) -> RequestList:
        """The reader's own, newest first: those that are open, or those that are closed."""
        if not has_scope(who, "request.read"):
            raise refusal(who)
        with self.database.read() as unit:
            rows = requests.requests_of_reader(unit, who.account_id, closed=closed, before=before, limit=PAGE + 1)
            return self._page(unit, rows)

    def of_library(
        self, who: Principal, library: str, *, closed: bool, before: int = 0, state: str = ""
    ) -> RequestList:
        """What the library asks for its readers, newest first; `state`: those in that one alone."""
        demand(who, "request.read", Facts(requester=library))
        states = [each for each in STATES if (each in CLOSED) == closed and state in ("", each)]
        with self.database.read() as unit:
            rows = requests.requests_of_library(unit, library, states=states, before=before, limit=PAGE + 1)
            return self._page(unit, rows)

    def queue(self, who: Principal, library: str) -> RequestList:
        """What the library is asked and has not answered, longest waiting first."""
        demand(who, "queue.read", Facts(library=library))
        with self.database.read() as unit:
            network = load_network(unit)
            base = self.catalogue.settings.base_url
            found = requests.queue_of(unit, library, ACTIVE, requests.LISTED)
            due = timers.due_of(unit, [row.id for row, _ in found])
            return RequestList(
                tuple(brief(base, network, row, entry, due.get((row.id, entry.number))) for row, entry in found),
                "",
                requests.count_queue(unit, library, ACTIVE) - len(found),
            )

    def desk(self, who: Principal, library: str) -> RequestList:
        """What the library's officers are to search for (代查代检)."""
        demand(who, "desk.read", Facts(desk=library))
        with self.database.read() as unit:
            rows = requests.desk_queue(unit, library, requests.LISTED)
            return RequestList(self._briefs(unit, rows), "", requests.count_at_desk(unit, library) - len(rows))

    def _page(self, unit: Unit, rows: list[RequestRow]) -> RequestList:
        """Of rows among which is one more than a page has, where another page follows."""
        following = str(rows[PAGE - 1].id) if len(rows) > PAGE else ""
        return RequestList(self._briefs(unit, rows[:PAGE]), following)

    def _briefs(self, unit: Unit, rows: list[RequestRow]) -> tuple[RequestBrief, ...]:
        network, base = load_network(unit), self.catalogue.settings.base_url
        return tuple(brief(base, network, row) for row in rows)


def _require_coming(until: str, now: datetime) -> None:
    """Nobody is asked again on a day that is over: what peers say is taken as it is, people and programs are told.
    Raises NotAllowed."""
    try:
        wanted = datetime.fromisoformat(until)
        day = wanted.astimezone(CHINA).date() if wanted.tzinfo else wanted.date()
    except (ValueError, OverflowError) as error:
        raise NotAllowed("bad-date", "日期应写作 2026-12-31。", "Write the date as 2026-12-31.") from error
    if day < now.astimezone(CHINA).date():
        raise NotAllowed("past-date", "再询日期已过。", "The day on which it may be asked again is over.")


def _caller(who: Principal) -> str:
    """Whose idempotency keys they are."""
    return f"key {who.key_id}" if who.key_id else f"account {who.account_id}"


def _fingerprint(asked: Asked) -> str:
    return hashlib.sha256(msgspec.json.encode(asked)).hexdigest()
