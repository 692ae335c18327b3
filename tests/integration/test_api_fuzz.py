"""Whatever anybody sends to the API: never an error of ours, and every problem is told in both languages.

Over the OpenAPI document: each operation, as each role, with values that it says it takes and with others. An answer
is what the document says that it is. TONGCANG_FUZZ sets how many tries each operation gets.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import msgspec
import pytest
from authorisation import HOUSE, LOCAL, OWN
from authorisation_rows import ROWS, expected
from authorisation_world import Me, World
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from iso18626_making import any_struct
from openapi_values import UNKEEPABLE, Values, in_url, put
from request_desk import CAPITAL_ONLY, HONGLOUMENG, SERIAL, wish

from search_api.access.throttle import Throttle
from search_api.interop.iso18626 import messages as m
from search_api.interop.iso18626.writing import NotCarried, write
from search_api.openapi import KINDS, build_openapi
from store.database import Database

TRIES = int(os.environ.get("TONGCANG_FUZZ", "50"))
PATIENT = settings(
    max_examples=TRIES, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
_CITED = {"title": "红楼梦", "author": "曹雪芹", "genre": "book"}
GOOD: dict[tuple[str, str], list[dict[str, Any]]] = {
    ("POST", "/api/requests"): [{"citation": _CITED, "service": "loan", "note": "急"}],
    ("POST", "/api/requests/{number}/events"): [
        *({"name": name, "entry": 1} for name in ("ack", "will_supply", "fill", "recall", "skip")),
        {"name": "refuse", "entry": 1, "code": "NotHeld"}, {"name": "retry_later", "entry": 1, "until": "2026-03-04"},
        {"name": "condition", "entry": 1, "code": "Cost", "cost": 100}, {"name": "forward", "entry": 1, "to": "THU"},
        {"name": "cancel"}, {"name": "give_up", "reason": "查无"}, {"name": "resolve", "wish": {"citation": _CITED}},
        {"name": "reorder", "order": [2, 3], "reason": "近"}, {"name": "insist", "reason": "破损"}, {"name": "receive"},
    ],
    ("POST", "/api/citations/match"): [{"citation": _CITED}],
    ("POST", "/api/readers"): [{"name": "王芳", "card": "0012"}],
    ("POST", "/api/keys"): [{"label": "门户", "roles": ["supplier"], "scopes": ["queue"], "library": "CLCN"}],
    ("POST", "/api/accounts"): [{"login": "li", "roles": ["supplier"], "library": "CLCN"}],
    ("PUT", "/api/libraries/{symbol}/policy"): [
        {"channel": "email", "address": "a@b.example", "daily_cap": 3},
        {"closures": [{"first": "2026-03-01", "last": "2026-03-05"}], "gateway": "RUC"},
    ],
    ("PUT", "/api/routing/settings"): [{"repeat_days": 3}, {"rota": {"max_asks": 2}, "clocks": {"cancel": 2}}],
    ("POST", "/api/corrections/{id}/close"): [{"result": "holding_right"}],
    ("POST", "/api/webhooks"): [{"url": "https://a.example/in"}],
}  # fmt: skip
"""Bodies that do something."""

METHODS = ("get", "put", "post", "patch", "delete")
KIND_OF = {kind.__name__: kind for kind in KINDS}


class Operation(NamedTuple):
    method: str
    path: str
    told: dict[str, Any]

    def parameters(self, where: str) -> list[dict[str, Any]]:
        return [each for each in self.told.get("parameters", ()) if each["in"] == where]


class Site:
    """The application with people of every role and a few requests."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.document = build_openapi(world.house.app)
        self.values = Values(self.document)
        self.callers = [world.me("anonymous", "")]
        self.callers += [world.me(role, way) for role in (*LOCAL, *HOUSE) for way in ("session", "key")]
        for asked, library in ((HONGLOUMENG, OWN), (CAPITAL_ONLY, "PKU"), (SERIAL, "RUC")):
            world.desk.ask(wish(asked, pages="1-2", date="1990"), library=library, reader=self.reader())
        world.at_desk("own")
        for make in (world.correction, world.webhook):
            make("own")
        world.dead_message()
        self.tries = [(each, self.strategy(each), self.asking(each)) for each in self.operations()]

    def asking(self, operation: Operation) -> st.SearchStrategy[Me]:
        """Mostly those who may."""
        rows = [row for row in ROWS if (row.method, row.path) == (operation.method, operation.path)]
        may = [me for me in self.callers if any(expected(row, me, "own") for row in rows)]
        return st.one_of(*[st.sampled_from(may)] * 4, st.sampled_from(self.callers))

    def strategy(self, operation: Operation) -> st.SearchStrategy[dict[str, Any]]:
        """Addresses, bodies and headers for it."""
        contents = operation.told.get("requestBody", {}).get("content", {})
        media_type, content = next(iter(contents.items()), ("", {}))
        headers = {"Content-Type": st.just(media_type)} if media_type else {}
        if operation.parameters("header"):
            headers["Idempotency-Key"] = st.sampled_from(["", "a", "b", "x" * 300])
        return st.fixed_dictionaries(
            {
                "path": self.values.path(operation.path, operation.parameters("path")),
                "query": self.values.query(operation.parameters("query")),
                "body": self.values.body(content["schema"], GOOD.get((operation.method, operation.path), ()))
                if content
                else st.none(),
                "headers": st.fixed_dictionaries(headers),
            }
        )

    def send(self, me: Me, method: str, url: str, headers: dict[str, str], **options: Any) -> httpx.Response:
        return self.world.house.client.request(method, url, headers=self.world.headers(me) | headers, **options)

    def reader(self) -> int:
        return next(each.account for each in self.callers if each.role == "reader")

    def operations(self) -> list[Operation]:
        return [
            Operation(method.upper(), path, item[method])
            for path, item in self.document["paths"].items()
            for method in METHODS
            if method in item
        ]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    world = World(tmp_path_factory.mktemp("fuzz"))
    yield Site(world)
    world.close()


def check(operation: Operation, response: httpx.Response) -> None:
    """No error of ours; a problem in both languages; an answer as the document says."""
    status, kind = response.status_code, response.headers.get("content-type", "")
    assert status < 500, (status, response.text)
    assert status != 404 or "{" in operation.path, "there is such an address"
    if status >= 400:
        assert kind == "application/problem+json", (status, kind)
        problem = response.json()
        assert problem["status"] == status and problem["type"].startswith("urn:tongcang:problem:")
        for field in ("title", "detail", "title_zh", "detail_zh"):
            assert problem[field].strip(), field
        assert any("\u4e00" <= character <= "\u9fff" for character in problem["detail_zh"]), problem
        return
    if 200 <= status < 300 and kind == "application/json" and operation.path != "/api/openapi.json":
        said = operation.told["responses"][str(status)]
        name = said["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        msgspec.json.decode(response.content, type=KIND_OF[name])


NUMBER_OF_OPERATIONS = 43
"""Tests are made before the application is: one for each place in the document."""


@pytest.mark.parametrize("place", range(NUMBER_OF_OPERATIONS))
@PATIENT
@given(data=st.data())
def test_nothing_that_is_sent_is_an_error_of_ours(site: Site, place: int, data: st.DataObject) -> None:
    operation, strategy, asking = site.tries[place]
    tried = data.draw(strategy, operation.method)
    url = f"{tried['path']}?{tried['query']}" if tried["query"] else tried["path"]
    options = {} if tried["body"] is None else {"content": tried["body"]}
    response = site.send(data.draw(asking), operation.method, url, tried["headers"], **options)
    check(operation, response)


def test_every_operation_has_its_place(site: Site) -> None:
    assert len(site.tries) == NUMBER_OF_OPERATIONS


def with_what_nothing_keeps(site: Site, operation: Operation) -> Iterator[tuple[str, dict[str, str], bytes | None]]:
    """(address, headers, body): each parameter and each text of the body once, all else being good."""
    path = operation.path
    for each in operation.parameters("path"):
        path = path.replace(f"{{{each['name']}}}", OWN if each["name"] == "symbol" else "1")
    contents = operation.told.get("requestBody", {}).get("content", {})
    media_type, content = next(iter(contents.items()), ("", {}))
    headers = {"Content-Type": media_type} if media_type else {}
    good = GOOD.get((operation.method, operation.path), [{}])[0]
    body = json.dumps(good).encode() if content else None
    for odd in UNKEEPABLE:
        for each in operation.parameters("query"):
            yield f"{path}?{each['name']}={in_url(odd)}", headers, body
        for each in operation.parameters("path"):
            yield operation.path.replace(f"{{{each['name']}}}", in_url(odd)), headers, body
        for way in site.values.texts(content["schema"]) if content else ():
            yield path, headers, json.dumps(put(good, way, odd)).encode()
    if operation.parameters("header"):
        yield path, headers | {"Idempotency-Key": "a\x00b"}, body


def test_what_no_database_keeps_is_no_error_of_ours(database: Database, tmp_path: Path) -> None:
    world = World(tmp_path, database)
    site = Site(world)
    world.house.app.state.door.throttle = Throttle((10**6, 10**5), tests=10**5)
    wrong, count = [], 0
    for operation in site.operations():
        rows = [row for row in ROWS if (row.method, row.path) == (operation.method, operation.path)]
        may = [me for me in site.callers if any(expected(row, me, "own") for row in rows)]
        for address, headers, body in with_what_nothing_keeps(site, operation):
            for me in {may[0], may[-1]}:
                response = site.send(me, operation.method, address, headers, content=body)
                count += 1
                if response.status_code >= 500:
                    wrong.append(f"{me.role} {operation.method} {address} {body!r}: {response.status_code}")
    world.house.close()
    assert wrong == [] and count > 300


def test_what_no_database_keeps_is_no_error_of_ours_on_pages_either(database: Database, tmp_path: Path) -> None:
    world = World(tmp_path, database)
    wrong, count = [], 0
    for row in ROWS:
        if row.path.startswith("/api/"):
            continue
        role = next(each for each in (*LOCAL, *HOUSE) if row.allowed(each, "own") or each == HOUSE[-1])
        me = world.me(role, "session", row.of)
        address, options = row.make(world, me, "own")
        data, (path, _, query) = options.get("data", {}), address.partition("?")
        tries = [(address, {"data": data | {name: "a\x00b"}}) for name in data]
        names = {pair.partition("=")[0] for pair in query.split("&") if pair} | {"library", "q", "title", "id", "next"}
        tries += [(f"{path}?{name}=a%00b", options) for name in names if row.method == "GET"]
        for url, sent in tries:
            count += 1
            me = world.me(role, "session", row.of)
            response = world.call(me, row.method, url, **sent).response
            if response.status_code >= 500:
                wrong.append(f"{row} {url} {sent}: {response.status_code}")
    world.house.close()
    assert wrong == [] and count > 100


@PATIENT
@given(
    who=st.sampled_from(["supplier", "requester"]),
    said=st.one_of(any_struct(m.Request), any_struct(m.RequestingAgencyMessage), any_struct(m.SupplyingAgencyMessage)),
    number=st.sampled_from(["R2-1", "R2-1.2", "R1-1", "n1", "n2", "n3", "R999999999-1"]),
    version=st.sampled_from(m.VERSIONS),
)
def test_no_message_of_iso18626_is_an_error_of_ours(
    site: Site, who: str, said: Any, number: str, version: m.Version
) -> None:
    """Any message at all, from the library whose key it is, about a request that it was asked for or has made."""
    own = m.AgencyId(m.Code("CAPITAL"), OWN)
    header = msgspec.structs.replace(
        said.header, supplying_agency_id=own, requesting_agency_id=own, requesting_agency_request_id=number
    )
    try:
        content = write(msgspec.structs.replace(said, header=header), version)
    except NotCarried:
        return  # a word that the version has not
    me = next(each for each in site.callers if (each.role, each.way) == (who, "key"))
    response = site.send(me, "POST", "/api/iso18626", {}, content=content)
    assert response.status_code == 200, response.text
    assert (b">OK<" in response.content) != (b">ERROR<" in response.content)
