"""`tongcang simulate` as a person runs it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from click.testing import Result
from typer.testing import CliRunner

from routing.simulator.verdicts import Failure
from routing.simulator.wording import Words
from tongcang.commands import simulate
from tongcang.settings import Settings
from tongcang.system import System

QUICK = ("--quick", "--scenario", "cold", "--seeds", "3")


def tongcang(folder: Path, *words: str) -> Result:
    app = typer.Typer()
    app.command("simulate")(simulate.simulate)
    system = System(Settings(data=str(folder / "data"), workers=1))
    done = CliRunner().invoke(app, words, obj=system)
    system.close()
    return done


def test_tables_caveats_and_a_chart(tmp_path: Path) -> None:
    done = tongcang(tmp_path, *QUICK, "--svg", str(tmp_path / "chart.svg"))
    assert done.exit_code == 0, done.output
    for text in ("每月8件，从零学起", "周转时间+排队", "61.5 %", "7.29", "nowhere", "须知", "S − "):
        assert text in done.stdout, text
    assert "成立" in done.stderr
    assert (tmp_path / "chart.svg").read_text(encoding="utf-8").startswith("<svg")
    assert not (tmp_path / "data").exists()  # it needs no database and makes none


def test_json_is_the_same_each_time(tmp_path: Path) -> None:
    first, second = (tongcang(tmp_path, *QUICK, "--json") for _ in range(2))
    assert first.exit_code == 0
    assert first.stdout == second.stdout
    told = json.loads(first.stdout)
    assert [scenario["name"] for scenario in told["report"]["scenarios"]] == ["cold"]
    assert told["failures"] == []
    assert told["caveats"][0]["zh"]


def test_what_does_not_hold_ends_with_1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        simulate, "failures", lambda report: (Failure("rival", Words("不成立。", "It does not hold.")),)
    )
    done = tongcang(tmp_path, *QUICK)
    assert done.exit_code == 1
    assert "不成立。 It does not hold." in done.stderr


def test_a_place_that_can_t_be_written_is_told_before_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulate, "run", lambda *_: pytest.fail("it began"))
    done = tongcang(tmp_path, "--svg", str(tmp_path / "nosuch" / "x.svg"))
    assert done.exit_code == 2 and "x.svg" in "".join(done.stderr.replace("│", " ").split()), done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [(("--scenario", "夏天"), "夏天"), (("--seeds", "1"), "at least 2"), (("--seeds", "-1"), "at least 2")],
)
def test_wrong_usage(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    done = tongcang(tmp_path, *words)
    assert done.exit_code == 2
    assert said in done.stderr
