"""`tongcang routing …` and `library add` take what the API takes, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from mappings.model import Library
from routing.joining import JoiningError
from routing.settings import RoutingSettings, load_settings
from store.audit import entries
from store.libraries import get_library, put_library
from store.policies import policy_of
from tongcang.commands import library, routing
from tongcang.settings import Settings
from tongcang.system import System


@pytest.fixture
def system(tmp_path: Path) -> Iterator[System]:
    made = System(Settings(data=str(tmp_path / "data")))
    with made.database.write() as unit:
        put_library(unit, Library("CLCN", "首都图书馆", "Capital Library", "CAPITAL", "capital"))
    yield made
    made.close()


def run(system: System, *words: str) -> Result:
    return CliRunner().invoke(routing.app, words, obj=system)


def said(done: Result) -> str:
    return " ".join(done.output.replace("│", " ").split())


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("receipt_days=.inf", "receipt_days"),
        ("capacity=.nan", "capacity"),
        ("retention_days=1000000", "retention_days"),
        ("only_for=[NOSUCH]", "NOSUCH"),
        ("gateway=NOSUCH", "NOSUCH"),
        ('closures=[{first: "20261201", last: "20261202"}]', "closures"),
        ("make_up_days=[2026-13-40]", "make_up_days"),
        ("address=http://[", "address"),
    ],
)
def test_a_policy_that_can_t_be_is_refused(system: System, change: str, told: str) -> None:
    done = run(system, "policy", "CLCN", "--set", "channel=iso18626", "--set", "address=https://a.b", "--set", change)
    assert done.exit_code == 2 and told in said(done), done.output
    assert run(system, "policy", "CLCN").exit_code == 0, "the database can still be used"
    with system.database.read() as unit:
        assert policy_of(unit, "CLCN").channel == "queue" and entries(unit) == []


@pytest.mark.parametrize(
    "change",
    [
        "clocks.condition=.inf",
        "clocks.cancel=-1",
        "match_at_least=.nan",
        "repeat_days=-5",
        "days.holidays=[{first: 2026-13-40, last: x}]",
        'days.make_up_days=["20261201"]',
    ],
)
def test_settings_that_can_t_be_are_refused(system: System, change: str) -> None:
    done = run(system, "settings", "--set", change)
    assert done.exit_code == 2 and change.partition("=")[0] in said(done), done.output
    with system.database.read() as unit:
        assert load_settings(unit) == RoutingSettings() and entries(unit) == []


def test_what_can_be_is_set(system: System) -> None:
    assert run(system, "policy", "clcn", "--set", "retention_days=60", "--set", "only_for=[BALIS]").exit_code == 0
    assert run(system, "settings", "--set", "repeat_days=7").exit_code == 0
    with system.database.read() as unit:
        assert policy_of(unit, "CLCN").retention_days == 60 and load_settings(unit).repeat_days == 7


def test_a_file_that_names_no_consortium_adds_nothing(system: System, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("libraries: [{symbol: AB, name_zh: 某, name_en: Some, consortium: NOWHERE}]", encoding="utf-8")
    assert isinstance(run(system, "load", str(file)).exception, JoiningError)
    with system.database.read() as unit:
        assert get_library(unit, "AB") is None


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("a b",), "no symbol"),
        (("AB", "--consortium", "NOWHERE"), "no consortium"),
        (("AB", "--role", "boss"), "no role"),
    ],
)
def test_a_library_is_added_by_the_same_rules(system: System, words: tuple[str, ...], told: str) -> None:
    done = CliRunner().invoke(library.app, ["add", *words], obj=system)
    assert done.exit_code == 2 and told in said(done)
