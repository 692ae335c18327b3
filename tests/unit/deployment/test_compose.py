"""docker-compose.yml: right by the specification, true to the code, and closed to all who have no business there."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import typer.main
from compose_files import FILES, ROOT, VARIABLE, is_ours, load, one_shots, services, texts

from search_api.routes import api
from tongcang.cli import app
from tongcang.settings import Settings
from tongcang.settings import load as load_settings

SERVICES = services()
OURS = {name: service for name, service in SERVICES.items() if is_ours(service)}
BACK_ENDS = {"elasticsearch", "postgres"}
OPTIONAL_SECRETS = {"TONGCANG_SMTP_PASSWORD"}
"""Of a server that not everybody has, or that asks for none."""
SECRET = re.compile(r"PASSWORD|TOKEN|API_KEY|SECRET")


def told() -> dict[str, str]:
    """What .env.example says."""
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {name: value for name, _, value in pairs}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_it_is_valid_by_the_schema_of_the_compose_specification(file: Path) -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout


def test_the_schema_refuses_what_is_wrong(tmp_path: Path) -> None:
    wrong = tmp_path / "compose.yml"
    wrong.write_text("services: {检索: {image: a}, api: {image: b, helthcheck: {}}}\n", encoding="utf-8")
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(wrong)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "helthcheck" in done.stdout


@pytest.mark.parametrize("name", OURS)
def test_its_command_is_one_of_the_command_line(name: str) -> None:
    command = typer.main.get_command(app)
    for word in OURS[name]["command"]:
        assert word in getattr(command, "commands", {}), f"tongcang has no command {' '.join(OURS[name]['command'])}"
        command = command.commands[word]  # type: ignore[attr-defined]
    assert not getattr(command, "commands", {}), "a group of commands does nothing by itself"


def test_every_setting_that_a_service_is_given_exists_and_can_be_read() -> None:
    for file in FILES:
        for name, service in load(file)["services"].items():
            environment = service.get("environment", {})
            ours = {key: str(value) for key, value in environment.items() if key.startswith("TONGCANG_")}
            if name in OURS:
                values = {key: VARIABLE.sub(lambda found: told()[found["name"]], value) for key, value in ours.items()}
                settings = load_settings(values)
                for key in ours:
                    assert key.removeprefix("TONGCANG_").lower() in Settings.__struct_fields__, f"{name}: {key}"
                assert settings.elastic is not None


def test_services_speak_to_each_other_at_the_ports_where_they_listen() -> None:
    api_service = SERVICES["api"]
    port = str(Settings().port)
    assert api_service["environment"]["TONGCANG_PORT"] == port
    assert [published.rsplit(":", 1)[1] for published in api_service["ports"]] == [port]
    assert f"http://127.0.0.1:{port}/" in api_service["healthcheck"]["test"][-1]
    settings = api_service["environment"]
    assert settings["TONGCANG_ELASTIC_URLS"] == "https://elasticsearch:9200"
    assert re.search(r"@postgres:5432/tongcang$", settings["TONGCANG_DATABASE"])
    cluster = load(FILES[1])["services"]["api"]["environment"]["TONGCANG_ELASTIC_URLS"].split()
    nodes = [name for name in load(FILES[1])["services"] if name.startswith("elasticsearch")]
    assert cluster == [f"https://{node}:9200" for node in nodes]


def test_the_health_check_of_the_api_asks_for_a_page_that_there_is() -> None:
    [path] = re.findall(r"http://127\.0\.0\.1:\d+(/[\w/]+)", SERVICES["api"]["healthcheck"]["test"][-1])
    assert path in {route.path for route in api.router.routes}  # type: ignore[attr-defined]


def test_every_variable_is_explained_in_the_example_and_the_reverse() -> None:
    used = {found["name"] for file in FILES for text in texts(load(file)) for found in VARIABLE.finditer(text)}
    assert used == set(told())


def test_a_default_is_the_one_of_the_example() -> None:
    for text in texts(load(FILES[0])):
        for found in VARIABLE.finditer(text):
            if found["kind"] == ":-":
                assert told()[found["name"]] == found["rest"], found["name"]


def test_there_is_no_password_but_those_of_the_operator() -> None:
    for name, value in told().items():
        assert not (SECRET.search(name) and value), f"{name} has a value in .env.example"
    for file in FILES:
        for text in texts(load(file)):
            for found in VARIABLE.finditer(text):
                if found["name"] in OPTIONAL_SECRETS:
                    assert (found["kind"], found["rest"]) == (":-", ""), text
                elif SECRET.search(found["name"]):
                    assert (found["kind"], f"Set {found['name']} in .env" in found["rest"]) == (":?", True), text
    for name, service in SERVICES.items():
        for key, value in service.get("environment", {}).items():
            if SECRET.search(key):
                assert VARIABLE.fullmatch(value), f"{name}: {key}"
            # No password in a URL either.
            assert not re.search(r"://[^/@$]*:[^/@$]+@", VARIABLE.sub("", str(value))), f"{name}: {key}"


def test_nothing_is_published_but_the_api_and_that_on_the_machine_itself() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["api"]
    [published] = SERVICES["api"]["ports"]
    assert VARIABLE.match(published)["rest"] == "127.0.0.1"  # type: ignore[index]
    assert not any(service.get("network_mode") == "host" for service in SERVICES.values())
    assert not any("ports" in service for service in load(FILES[1])["services"].values())


def test_back_ends_reach_nothing_outside_and_only_ours_reach_them() -> None:
    networks = load(FILES[0])["networks"]
    assert networks["back"] == {"internal": True}
    for name, service in SERVICES.items():
        outside = "front" in service.get("networks", []) or (
            "networks" not in service and "network_mode" not in service
        )
        assert outside == (name in {"api", "worker", "dispatcher"}), name


def test_the_metrics_are_never_without_a_token() -> None:
    """A published port may show every client under an address of the machine's own private network."""
    told = SERVICES["api"]["environment"]["TONGCANG_METRICS_TOKEN"]
    assert VARIABLE.fullmatch(told)["kind"] == ":?"  # type: ignore[index]
    assert not any("TONGCANG_METRICS_TOKEN" in text for text in texts(load(FILES[1])))


def test_images_are_of_a_known_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    for name, service in SERVICES.items():
        image, _, tag = service["image"].rpartition(":")
        assert image and re.match(r"\d", tag), f"{name}: {service['image']}"
    assert {service["image"] for service in OURS.values()} == {f"tongcang:{version}"}
    assert len({SERVICES[name]["image"] for name in SERVICES if "elastic" in SERVICES[name]["image"]}) == 1


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_watched_bounded_and_waited_for(name: str) -> None:
    service = SERVICES[name]
    assert service["deploy"]["resources"]["limits"]["memory"]
    assert service["logging"]["options"]["max-size"]
    assert "no-new-privileges:true" in service["security_opt"]
    if name in one_shots():
        assert service["restart"] == "no"
        return
    assert service["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL")
    assert service["restart"] == "unless-stopped"
    assert service["stop_grace_period"]
    for other, how in service.get("depends_on", {}).items():
        wanted = "service_completed_successfully" if other in one_shots() else "service_healthy"
        assert how["condition"] == wanted


@pytest.mark.parametrize("name", OURS)
def test_what_is_ours_may_do_little(name: str) -> None:
    service = OURS[name]
    assert service["user"] == "10001:10001"
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert [mount.partition(":")[0] for mount in service["tmpfs"]] == ["/tmp"]
    assert not service.get("privileged") and "cap_add" not in service


def test_volumes_have_names_and_each_is_used() -> None:
    for file in FILES:
        loaded = load(file)
        mounts = [mount.split(":") for service in loaded["services"].values() for mount in service.get("volumes", [])]
        named = {mount[0] for mount in mounts if not mount[0].startswith((".", "$"))}
        assert named == set(loaded["volumes"])
        # What stands on the machine is only read.
        assert all(mount[-1] == "ro" for mount in mounts if mount[0].startswith("."))
        deliveries = [
            text for text in texts(loaded["services"]) if "/deliveries:" in text or text.endswith("/deliveries")
        ]
        assert all(text.endswith(":ro") for text in deliveries)


def test_keys_are_seen_only_by_those_who_need_them() -> None:
    def users(volume: str) -> set[str]:
        return {
            name
            for name, service in SERVICES.items()
            for mount in service.get("volumes", [])
            if mount.startswith(f"{volume}:")
        }

    assert users("authority") == {"certificates"}
    assert users("certificates") == {"certificates", "elasticsearch"}
    assert users("trust") == {"certificates", "elastic-account", *OURS}
    # The superusers' passwords are nobody's business here.
    for name, service in OURS.items():
        used = {found["name"] for text in texts(service) for found in VARIABLE.finditer(text)}
        assert not used & {"ELASTIC_PASSWORD", "POSTGRES_PASSWORD"}, name


def test_every_node_of_the_cluster_gets_a_certificate_of_its_own() -> None:
    script = (ROOT / "deploy" / "certificates.sh").read_text(encoding="utf-8")
    [names] = re.findall(r"NODES:-([^}]+)", script)
    cluster = {
        name: service for name, service in load(FILES[1])["services"].items() if name.startswith("elasticsearch")
    }
    assert names.split() == list(cluster)
    for name, service in cluster.items():
        environment = SERVICES["elasticsearch"]["environment"] | service["environment"]
        assert environment["node.name"] == name
        assert environment["discovery.type"] == "multi-node"
        assert set(environment["discovery.seed_hosts"].split(",")) == set(cluster) - {name}
        for layer in ("http", "transport"):
            for kind, ending in (("key", "key"), ("certificate", "crt")):
                assert environment[f"xpack.security.{layer}.ssl.{kind}"] == f"certificates/{name}/{name}.{ending}"
    # One alone may begin a cluster, or there might be two.
    assert [name for name, each in cluster.items() if "cluster.initial_master_nodes" in each["environment"]] == [
        "elasticsearch"
    ]


def test_a_worker_has_longer_to_stop_than_its_lease_lasts() -> None:
    grace = SERVICES["worker"]["stop_grace_period"]
    assert grace.endswith("m")
    assert int(grace.removesuffix("m")) * 60 > Settings().lease_seconds


def test_files_that_services_read_from_here_are_there() -> None:
    for service in SERVICES.values():
        for mount in service.get("volumes", []):
            if mount.startswith("./"):
                assert (ROOT / mount.split(":")[0]).is_dir()
        for word in service.get("entrypoint", []):
            if word.startswith("/deploy/"):
                assert (ROOT / word.lstrip("/")).is_file()
