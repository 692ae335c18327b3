"""The Dockerfile: what it copies exists, and what runs is a person of no rank with nothing to build things with."""

from __future__ import annotations

import json
import re
import tomllib
from fnmatch import fnmatch

import pytest
import typer.main
from compose_files import ROOT, services

from tongcang.cli import app
from tongcang.settings import Settings

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def instructions() -> list[tuple[str, str]]:
    """(INSTRUCTION, the rest) with continued lines joined."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines)).splitlines()
    return [(line.split(maxsplit=1)[0].upper(), line.split(maxsplit=1)[1]) for line in joined]


def of(name: str) -> list[str]:
    return [rest for instruction, rest in instructions() if instruction == name]


def running() -> list[tuple[str, str]]:
    """The instructions of the last stage: what becomes the image."""
    found = instructions()
    return found[max(place for place, (name, _) in enumerate(found) if name == "FROM") :]


def test_both_stages_are_the_same_slim_python() -> None:
    bases = [rest.split()[0] for rest in of("FROM")]
    assert len(bases) == 2 and len(set(bases)) == 1
    found = re.fullmatch(r"python:3\.(\d+)-slim-\w+", bases[0])
    assert found is not None
    assert PROJECT["project"]["requires-python"] == ">=3.11" and int(found[1]) >= 11


def test_it_runs_as_a_numbered_user_that_compose_knows() -> None:
    users = [rest for name, rest in running() if name == "USER"]
    assert users == [services()["api"]["user"]]
    uid = users[0].split(":")[0]
    assert int(uid) > 0
    made = " ".join(rest for name, rest in running() if name == "RUN")
    assert f"--uid {uid}" in made and f"install -d -o {uid}" in made
    # Nothing is run or copied as root once the user is set.
    after = [name for name, _ in running()][[name for name, _ in running()].index("USER") + 1 :]
    assert not {"RUN", "COPY", "ADD"} & set(after)


@pytest.mark.parametrize("name", ["ENTRYPOINT", "CMD"])
def test_signals_reach_the_process_without_a_shell_between(name: str) -> None:
    [form] = of(name)
    assert all(isinstance(word, str) for word in json.loads(form))


def test_its_command_and_its_check_are_those_of_the_code() -> None:
    assert json.loads(of("ENTRYPOINT")[0]) == list(PROJECT["project"]["scripts"])
    [word] = json.loads(of("CMD")[0])
    assert word in typer.main.get_command(app).commands  # type: ignore[attr-defined]
    assert of("EXPOSE") == [str(Settings().port)]
    [check] = of("HEALTHCHECK")
    assert json.loads(check.split(" CMD ")[1]) == services()["api"]["healthcheck"]["test"][1:]


def test_its_settings_are_settings_and_its_volume_is_the_data_folder() -> None:
    pairs = dict(pair.split("=", 1) for rest in of("ENV") for pair in rest.split())
    ours = {name.removeprefix("TONGCANG_").lower() for name in pairs if name.startswith("TONGCANG_")}
    assert ours <= set(Settings.__struct_fields__)
    assert of("VOLUME") == [pairs["TONGCANG_DATA"]]
    assert any(mount == f"data:{pairs['TONGCANG_DATA']}" for mount in services()["worker"]["volumes"])
    assert pairs["PYTHONUNBUFFERED"] == "1"


def test_what_is_copied_exists_and_is_not_ignored() -> None:
    rules = [line for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines() if line[:1] not in "#"]
    assert rules[0] == "*", "everything is ignored but what is named: no .env, no data, no history"
    wanted = {rule.removeprefix("!") for rule in rules if rule.startswith("!")}
    copied = {source for rest in of("COPY") if not rest.startswith("--from") for source in rest.split()[:-1]}
    assert copied == wanted
    assert all((ROOT / source).exists() for source in copied)
    assert not {source for source in copied if source.startswith(".env")}


def test_every_package_is_copied() -> None:
    patterns = PROJECT["tool"]["setuptools"]["packages"]["find"]["include"]
    packages = {
        folder.parent.name
        for folder in ROOT.glob("*/__init__.py")
        if any(fnmatch(folder.parent.name, pattern) for pattern in patterns)
    }
    copied = {rest.split()[0] for rest in of("COPY")}
    assert packages <= copied


def test_nothing_is_compiled_and_everything_is_pinned() -> None:
    for rest in of("RUN"):
        assert not re.search(r"apt-get|apk |gcc|build-essential|curl|wget", rest)
        for command in rest.split("&&"):
            if re.search(r"pip .*\binstall\b", command) and "--no-deps" not in command:
                assert "--only-binary :all:" in command and "-c constraints.txt" in command, command


def test_there_is_no_secret_in_it() -> None:
    assert not of("ARG") and not of("ADD")
    assert not re.search(r"(?i)password|token|api_key|secret", (ROOT / "Dockerfile").read_text(encoding="utf-8"))
