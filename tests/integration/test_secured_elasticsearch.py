"""Elasticsearch as docker-compose.yml sets it up: certificates of deploy/certificates.sh, TLS, and an account that may
do what deploy/elastic-role.json says. The server is real; its security settings are those of the Compose file.

The account stands in a file of the server's, since the distribution for tests lacks what the index of users needs.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from compose_files import ROOT, services
from engine_documents import build, some_documents
from servers.elastic import DistributionNode
from servers.fixtures import needed
from servers.run import Run, free_ports

from indexer.engine.elastic import ElasticEngine
from indexer.engine.elastic_settings import ElasticSettings
from indexer.engine.protocol import All, EngineError, Plan

ROLE: dict[str, Any] = json.loads((ROOT / "deploy" / "elastic-role.json").read_text(encoding="utf-8"))
PREFIX = "tongcang"
PASSWORD = "own-password_1"


def privileges() -> list[str]:
    """As cluster:NAME or indices:NAME."""
    [indices] = ROLE["indices"]
    return [f"cluster:{name}" for name in ROLE["cluster"]] + [f"indices:{name}" for name in indices["privileges"]]


def without(privilege: str) -> dict[str, Any]:
    kind, _, name = privilege.partition(":")
    [indices] = ROLE["indices"]
    return {
        "cluster": [each for each in ROLE["cluster"] if (kind, each) != ("cluster", name)],
        "indices": [
            indices | {"privileges": [each for each in indices["privileges"] if (kind, each) != ("indices", name)]}
        ],
    }


class SecuredNode(DistributionNode):
    def _configure(self, ports: tuple[int, int], discovery: str) -> None:
        super()._configure(ports, discovery)
        configuration = self.folder / "config"
        self.url = f"https://127.0.0.1:{ports[0]}"
        self.trust = self.folder / "trust"
        folders = {
            "AUTHORITY": self.folder / "authority",
            "CERTIFICATES": configuration / "certificates",
            "TRUST": self.trust,
        }
        for folder in folders.values():
            folder.mkdir()
        environment = {name: str(folder) for name, folder in folders.items()} | {"NODES": "elasticsearch"}
        self._tool([ROOT / "deploy" / "certificates.sh"], environment)
        told = services()["elasticsearch"]["environment"]
        security = {name: value for name, value in told.items() if name.startswith("xpack.security.")}
        file = configuration / "elasticsearch.yml"
        plain = file.read_text(encoding="utf-8").replace("xpack.security.enabled: false\n", "")
        file.write_text(plain + yaml.safe_dump(security), encoding="utf-8")
        self._add_accounts(configuration)
        self.run.give(self.folder)

    def _add_accounts(self, configuration: Path) -> None:
        """The account of the role, and for each privilege one that lacks it, all with the same password."""
        roles = {PREFIX: ROLE} | {name_of(each): without(each) for each in privileges()}
        (configuration / "roles.yml").write_text(yaml.safe_dump(roles), encoding="utf-8")
        for name in ("users", "users_roles"):
            (configuration / name).touch()
        self._tool([self.home / "bin" / "elasticsearch-users", "useradd", PREFIX, "-p", PASSWORD], {})
        [line] = (configuration / "users").read_text(encoding="utf-8").splitlines()
        secret = line.partition(":")[2]
        (configuration / "users").write_text("".join(f"{name}:{secret}\n" for name in roles), encoding="utf-8")
        (configuration / "users_roles").write_text("".join(f"{name}:{name}\n" for name in roles), encoding="utf-8")

    def _tool(self, command: list[str | Path], environment: dict[str, str]) -> None:
        told = {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "ELASTIC_HOME": str(self.home),
            "ES_JAVA_HOME": str(self.java),
            "ES_PATH_CONF": str(self.folder / "config"),
        }
        done = subprocess.run(
            [str(word) for word in command], env=told | environment, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stdout + done.stderr


def name_of(privilege: str) -> str:
    return "without_" + privilege.replace(":", "_")


@pytest.fixture(scope="module")
def node() -> Iterator[SecuredNode]:
    http, transport = free_ports(2)
    run = Run.current()
    made = needed(lambda: SecuredNode(run, "secured", (http, transport), "discovery.type: single-node\n", heap_mb=512))
    made.begin()
    made.await_up()
    yield made
    made.kill()


def settings(node: SecuredNode, **changed: Any) -> ElasticSettings:
    told: dict[str, Any] = {"user": PREFIX, "password": PASSWORD, "ca": str(node.trust / "ca.crt"), "replicas": 0}
    return ElasticSettings((node.url,), **told | changed)


def a_life(engine: ElasticEngine) -> int:
    """Everything that an engine is ever asked for; how many documents it found."""
    documents = some_documents(30, seed=4)
    try:
        build(engine, documents, "g1")
        found = engine.search(Plan(query=All())).total
        assert len(engine.get([documents[0].id])) == 1
        assert len(list(engine.scan())) == len(documents)
        engine.suggest("红")
        build(engine, documents, "g2")
        engine.drop("g1")
        assert engine.generations() == ["g2"]
        health = engine.health()
        assert health.ok, health.message
        engine.remove_everything()
    finally:
        engine.close()
    return found


def test_the_role_is_enough_for_everything(node: SecuredNode) -> None:
    assert a_life(ElasticEngine(settings(node))) == 30


@pytest.mark.parametrize("privilege", privileges())
def test_the_role_has_nothing_that_is_not_needed(node: SecuredNode, privilege: str) -> None:
    with pytest.raises((EngineError, AssertionError), match=r"refuses access|unauthorized"):
        a_life(ElasticEngine(settings(node, user=name_of(privilege))))


def test_the_account_has_no_business_with_other_indices(node: SecuredNode) -> None:
    engine = ElasticEngine(settings(node, prefix="readers"))
    with pytest.raises(EngineError, match="refuses access"):
        engine.create("g1")
    engine.close()


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"ca": ""}, "certificate can't be verified"),
        ({"password": "a-wrong-one"}, "Check the API key, or user and password"),
        ({"user": ""}, "refuses access"),
    ],
)
def test_whoever_is_not_known_is_told_what_to_mend(node: SecuredNode, changed: dict[str, Any], told: str) -> None:
    engine = ElasticEngine(settings(node, **changed))
    with pytest.raises(EngineError, match=told):
        engine.create("g1")
    engine.close()


def test_keys_are_read_by_their_owner_and_the_nodes_alone(node: SecuredNode) -> None:
    def modes(folder: Path) -> set[int]:
        return {file.stat().st_mode & 0o777 for file in folder.rglob("*.key")}

    assert (node.folder / "authority").stat().st_mode & 0o077 == 0
    assert modes(node.folder / "config" / "certificates") == {0o640}
    assert [file.name for file in node.trust.iterdir()] == ["ca.crt"]
