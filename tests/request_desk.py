"""A desk that makes requests of a small consortium, with a clock that a test sets: the real service on a real store."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from api_catalogue import book, held, union

from indexer.cluster.uniting import union_write
from mappings.model import Holder, Library, UnionRecord, union_id, union_key
from mappings.requests import Citation, Wish
from routing.case import Case, fold
from routing.service import NewRequest, RequestService
from routing.settings import RoutingSettings, save_settings
from routing.work import Actor
from store.database import Database
from store.libraries import put_library
from store.policies import policy_of, put_policy
from store.progress import take_numbers
from store.request_events import events_of
from store.unions import get_union, put_unions

MONDAY = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
"""Nine in the morning in Beijing, on a Monday without holidays near."""

LIBRARIES = (
    Library("BNU", "北京师范大学图书馆", "Beijing Normal University Library", "BALIS", "node"),
    Library("BUPT", "北京邮电大学图书馆", "BUPT Library", "BALIS", "node"),
    Library("CLCN", "首都图书馆", "Capital Library of China", "CAPITAL", "capital"),
    Library("NLC", "国家图书馆", "National Library of China", "EXTERNAL", "partner"),
    Library("PPSUC", "中国人民公安大学图书馆", "People's Public Security University Library", "BALIS", "member"),
    Library("RUC", "中国人民大学图书馆", "Renmin University of China Library", "BALIS", "node"),
    Library("THU", "清华大学图书馆", "Tsinghua University Library", "BALIS", "member"),
    Library("XCLIB", "西城区图书馆", "Xicheng District Library", "CAPITAL", "branch"),
)

HONGLOUMENG, SERIAL, CAPITAL_ONLY, RARE, NOWHERE_ELSE = range(5001, 5006)

UNIONS: tuple[UnionRecord, ...] = (
    union(HONGLOUMENG, book("红楼梦", "曹雪芹", "人民文学出版社", 2008), held("BNU", "RUC", "THU")),
    union(
        SERIAL,
        book("红楼梦学刊", "中国艺术研究院", "红楼梦学刊杂志社", 1979, material="serial", level="s"),
        held("BNU", "RUC", coverage="1979-2005") + held("CLCN", coverage="1979-"),
    ),
    union(CAPITAL_ONLY, book("北京旧影", "某人", "北京出版社", 1990), held("CLCN")),
    union(RARE, book("古籍善本", "某人", "刻本", 1780, material="rare_book"), held("CLCN", "RUC")),
    union(NOWHERE_ELSE, book("公安学导论", "某人", "某社", 2001), held("PPSUC")),
)

CL_READER, RUC_READER, PPSUC_READER, XC_READER = 71, 72, 73, 74
OFFICER = 900


def wish(key: int = HONGLOUMENG, *, service: str = "loan", **more: Any) -> Wish:
    """A wish for a record of the small catalogue."""
    citation = {name: more.pop(name) for name in list(more) if name in Citation.__struct_fields__}
    return Wish(Citation(record_id=union_id(key), **citation), service=service, **more)


class Desk:
    """Each call is one transaction, as a route makes it."""

    def __init__(self, database: Database, unions: tuple[UnionRecord, ...] = UNIONS) -> None:
        self.database = database
        self.now = MONDAY
        self.service = RequestService(lambda: self.now)
        with database.write() as unit:
            for library in LIBRARIES:
                put_library(unit, library)
            writes = [union_write(key, each) for each in unions if (key := union_key(each.id)) is not None]
            put_unions(unit, list(zip(take_numbers(unit, "union", len(writes)), writes, strict=True)), [])
            quiet = msgspec.structs.replace(RoutingSettings().rota, explore=0.0, compare=0.0)
            save_settings(unit, RoutingSettings(rota=quiet), self.now)
        self.policy("XCLIB", gateway="CLCN")

    def wait(self, **spans: float) -> None:
        self.now += timedelta(**spans)

    def policy(self, symbol: str, **changed: Any) -> None:
        with self.database.write() as unit:
            value = msgspec.structs.replace(policy_of(unit, symbol), **changed)
            put_policy(unit, symbol, value, self.now)

    def settings(self, **changed: Any) -> None:
        with self.database.write() as unit:
            save_settings(unit, RoutingSettings(**changed), self.now)

    def put(self, record: UnionRecord) -> None:
        """Another union record, or another content of one."""
        key = union_key(record.id)
        assert key is not None
        with self.database.write() as unit:
            known = get_union(unit, key) is not None
            write = [(take_numbers(unit, "union", 1)[0], union_write(key, record))]
            put_unions(unit, [] if known else write, write if known else [])

    def ask(self, wanted: Wish | None = None, library: str = "CLCN", reader: int = CL_READER, **more: Any) -> Case:
        actor = Actor("officer", OFFICER, library) if more.get("sponsored") else Actor("reader")
        with self.database.write() as unit:
            return self.service.create(unit, NewRequest(wanted or wish(), library, reader, **more), actor)

    def does(
        self, case: Case, name: str, kind: str, library: str = "", entry: int = 0, who: int = OFFICER, **data: Any
    ) -> Case:
        actor = Actor(kind, 0 if kind == "reader" else who, library or case.requester)
        with self.database.write() as unit:
            return self.service.fire(unit, case.request_id, name, actor, entry=entry, data=data)

    def answers(self, case: Case, name: str, **data: Any) -> Case:
        """The library that is being asked says so."""
        active = case.active
        assert active is not None, case.state
        return self.does(case, name, "supplier", active.supplier, active.number, **data)

    def tick(self, **spans: float) -> int:
        """Time goes on, and whatever is due then is done."""
        self.wait(**spans)
        return self.service.run_timers(self.database)

    def case(self, case: Case) -> Case:
        """As its events make it."""
        with self.database.read() as unit:
            return fold(events_of(unit, case.request_id))

    def names(self, case: Case) -> list[str]:
        with self.database.read() as unit:
            return [event.name for event in events_of(unit, case.request_id)]


def holders(*symbols: str, **more: Any) -> tuple[Holder, ...]:
    return held(*symbols, **more)
