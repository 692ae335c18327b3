"""/metrics over a real store and a real engine: what it tells, to whom, and what it says when something is away."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import pytest
from api_catalogue import UNIONS, fill
from api_client import ApiClient
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse

from indexer.engine.circuit import CircuitBreaker
from indexer.engine.embedded import EmbeddedEngine
from indexer.engine.protocol import Engine, Health, Plan, Results, Unavailable
from mappings.requests import Citation, Wish
from routing.service import NewRequest, RequestService
from routing.work import Actor
from search_api import watching
from search_api.app import create_app
from search_api.settings import ApiSettings
from store import harvests, libraries, tasks
from store.database import Database
from store.libraries import SourceConfig

DOCUMENTED = Path(__file__).resolve().parents[2] / "docs" / "metrics.md"

WHEN = datetime(2026, 11, 23, 1, 2, 3, tzinfo=UTC)

Labels = tuple[tuple[str, str], ...]


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[EmbeddedEngine]:
    opened = EmbeddedEngine(tmp_path / "index")
    yield opened
    opened.close()


@pytest.fixture
def empty() -> Iterator[Database]:
    """Without tables: quickly made."""
    opened = Database("sqlite://")
    yield opened
    opened.close()


@pytest.fixture
def full(database: Database, engine: EmbeddedEngine, tmp_path: Path) -> ApiClient:
    """A catalogue, a source with two runs, a night with a task, and a circuit breaker."""
    fill(database, engine)
    with database.write() as unit:
        source = libraries.put_source(unit, "RUC/oai", "RUC", "oai_pmh", SourceConfig(url="http://127.0.0.1/oai"))
        for state in ("complete", "braked"):
            run = harvests.begin_run(unit, source.id, "", WHEN)
            harvests.end_run(unit, run.id, state, WHEN)
        last = tasks.begin_night(unit, "{}", "harvest", [])
        assert isinstance(last, int)
        tasks.end_night(unit, tasks.get_night(unit, last), "complete", "{}")
        tasks.begin_night(unit, "{}", "harvest", ["RUC/oai", "THU/oai"])
        tasks.claim(unit, "worker 1", 60.0)
    with database.write() as unit:
        asked = NewRequest(Wish(Citation(genre="book", title="无人知晓之书"), service="loan"), "CLCN", 4711)
        made = RequestService(lambda: datetime(2026, 3, 2, tzinfo=UTC)).create(unit, asked, Actor("reader"))
        assert made.state == "blank"
    return app(database, CircuitBreaker(engine), data_folder=str(tmp_path))


def app(database: Database, engine: object, address: str = "127.0.0.1", **settings: str) -> ApiClient:
    return ApiClient(create_app(database, cast(Engine, engine), settings=ApiSettings(**settings)), address)


def told(client: ApiClient) -> dict[str, dict[Labels, float]]:
    """By sample name: labels and value."""
    answer = client.get("/metrics")
    assert answer.status_code == 200, answer.text
    found: dict[str, dict[Labels, float]] = {}
    for family in parse(answer.text):
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sorted(sample.labels.items()))] = sample.value
    return found


def one(found: dict[str, dict[Labels, float]], name: str, **labels: str) -> float:
    return found[name][tuple(sorted(labels.items()))]


def test_the_state_of_the_system(full: ApiClient) -> None:
    found = told(full)
    assert one(found, "tongcang_store_up") == one(found, "tongcang_engine_up") == 1
    assert one(found, "tongcang_engine_documents") == len(UNIONS)
    assert one(found, "tongcang_index_refused_records") == 0
    assert one(found, "tongcang_stage_lag_records", stage="index") == 0
    assert one(found, "tongcang_stage_lag_seconds", stage="normalise") == 0
    assert one(found, "tongcang_source_state", source="RUC/oai", state="braked") == 1
    assert one(found, "tongcang_source_state", source="RUC/oai", state="complete") == 0
    assert one(found, "tongcang_source_complete_timestamp_seconds", source="RUC/oai") == 1795395723
    assert one(found, "tongcang_tasks", phase="harvest", state="running") == 1
    assert one(found, "tongcang_tasks", phase="harvest", state="waiting") == 1
    assert one(found, "tongcang_workers_busy") == 1
    assert one(found, "tongcang_night_state", state="open") == 1
    assert one(found, "tongcang_engine_circuit", state="closed") == 1
    assert 0 < one(found, "tongcang_disk_free_bytes") < one(found, "tongcang_disk_size_bytes")
    assert one(found, "tongcang_requests", state="blank") == 1
    assert one(found, "tongcang_requests", state="asking") == 0
    assert one(found, "tongcang_clocks_due") == 2, "its desk should have searched for it in March, or given up"
    assert one(found, "tongcang_clock_overdue_seconds") > 86400
    assert one(found, "tongcang_outbox_messages", channel="email", state="waiting") >= 1
    assert one(found, "tongcang_outbox_waiting_seconds", channel="webhook") == 0
    assert one(found, "tongcang_corrections_open") == 0
    [((_, revision), (_, wanted))] = found["tongcang_schema_current"]
    assert revision == wanted


def test_what_is_asked_is_timed(full: ApiClient) -> None:
    full.get("/api/search?q=红楼梦")
    full.get("/api/suggest?q=hlm")
    full.get("/api/records/3K7M2Q9V")
    full.get("/api/records/OTHER")
    found = told(full)
    assert one(found, "tongcang_http_request_seconds_count", method="GET", route="/api/search", status="200") == 1
    assert one(found, "tongcang_http_request_seconds_count", method="GET", route="/api/records/{id}", status="404") == 2
    assert one(found, "tongcang_engine_seconds_count", call="search") >= 1
    assert one(found, "tongcang_engine_seconds_count", call="suggest") == 1
    assert one(found, "tongcang_store_seconds_count", kind="read") == 2
    assert "红楼梦" not in str(found) and "3K7M2Q9V" not in str(found)


def test_every_metric_is_documented_and_the_other_way_round(full: ApiClient) -> None:
    class Away:
        def search(self, plan: Plan) -> Results:
            raise Unavailable("away")

    full.app.state.catalogue.engine = Away()
    full.get("/api/search")
    names = {family.name for family in parse_openmetrics(_openmetrics(full))}
    rows = re.findall(r"^\| `(tongcang_[a-z_]+)` \|", DOCUMENTED.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(rows) == len(set(rows))
    assert set(rows) == names


def _openmetrics(client: ApiClient) -> str:
    answer = client.get("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    return answer.text


def test_every_alert_of_the_page_is_about_metrics_that_there_are() -> None:
    page = DOCUMENTED.read_text(encoding="utf-8")
    rows = set(re.findall(r"^\| `(tongcang_[a-z_]+)` \|", page, re.MULTILINE))
    of_alerts = set(re.findall(r"tongcang_[a-z_]+", "\n".join(re.findall(r"expr: (.*)", page))))
    assert of_alerts
    suffixes = re.compile(r"_(bucket|count|sum|total)$")
    assert {suffixes.sub("", name) for name in of_alerts} <= rows


# ---------------------------------------------------------------------------------------------- when it is away


class Hanging:
    """An engine that doesn't answer until it is let go."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.asked = 0

    def health(self) -> Health:
        self.asked += 1
        self.go.wait(30)
        return Health(True, "v1", 1)


def test_a_database_that_is_away(tmp_path: Path, engine: EmbeddedEngine) -> None:
    away = Database(f"sqlite:///{tmp_path / 'none' / 'state.db'}")
    found = told(app(away, engine))
    assert one(found, "tongcang_store_up") == 0
    assert "tongcang_stage_lag_records" not in found
    assert "tongcang_engine_up" in found
    away.close()


def test_a_database_of_another_version(empty: Database, engine: EmbeddedEngine) -> None:
    found = told(app(empty, engine))
    assert one(found, "tongcang_store_up") == 1
    assert list(found["tongcang_schema_current"].values()) == [0]
    assert "tongcang_stage_lag_records" not in found


def test_an_engine_without_an_index(empty: Database, engine: EmbeddedEngine) -> None:
    found = told(app(empty, engine))
    assert one(found, "tongcang_engine_up") == 0
    assert "tongcang_engine_documents" not in found
    assert one(found, "tongcang_store_up") == 1


def test_an_engine_that_hangs_holds_nobody_up(empty: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "PATIENCE", 0.2)
    monkeypatch.setattr(watching, "KEPT", 0.0)
    hanging = Hanging()
    client = app(empty, hanging)
    for _ in range(3):
        found = told(client)
        assert (one(found, "tongcang_engine_up"), one(found, "tongcang_store_up")) == (0, 1)
    assert hanging.asked == 1, "it is not asked again while it hangs"
    hanging.go.set()
    told(client)
    assert one(told(client), "tongcang_engine_up") == 1


def test_it_looks_once_in_a_few_seconds(empty: Database) -> None:
    hanging = Hanging()
    hanging.go.set()
    client = app(empty, hanging)
    for _ in range(3):
        told(client)
    assert hanging.asked == 1


# ---------------------------------------------------------------------------------------------- who may read


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("127.0.0.1", 200),
        ("10.3.0.9", 200),
        ("172.18.0.1", 200),
        ("192.168.7.7", 200),
        ("::1", 200),
        ("fd12::7", 200),
        ("::ffff:10.0.0.1", 200),
        ("203.0.113.7", 403),
        ("172.32.0.1", 403),
        ("::ffff:203.0.113.7", 403),
        ("2001:da8::1", 403),
        ("100.64.0.1", 403),
        ("testclient", 403),
    ],
)
def test_without_a_token_those_who_are_near_may_read(
    empty: Database, engine: EmbeddedEngine, address: str, status: int
) -> None:
    answer = app(empty, engine, address).get("/metrics")
    assert answer.status_code == status
    assert ("tongcang_" in answer.text) == (status == 200)


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP"])
def test_who_comes_through_a_proxy_is_not_near(empty: Database, engine: EmbeddedEngine, header: str) -> None:
    assert app(empty, engine).get("/metrics", headers={header: "127.0.0.1"}).status_code == 403


def test_with_a_token_whoever_shows_it_may_read(empty: Database, engine: EmbeddedEngine) -> None:
    client = app(empty, engine, "203.0.113.7", metrics_token="长tok3n")
    shown = {"Authorization": "Bearer 长tok3n".encode()}
    assert client.get("/metrics", headers=shown).status_code == 200
    for wrong in (b"Bearer tok3n", b"Basic 1234", "Bearer 长tok3n ".encode() + b"x", b"Bearer "):
        refused = client.get("/metrics", headers={"Authorization": wrong})
        assert refused.status_code == 401
        assert refused.headers["www-authenticate"] == "Bearer"
        assert "tongcang_" not in refused.text
    near = app(empty, engine, metrics_token="长tok3n")
    assert near.get("/metrics").status_code == 401
