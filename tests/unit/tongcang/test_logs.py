"""Logs: one form for all events, ids bound, and no secret in any of them."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator

import pytest
import structlog

from tongcang.logs import configure_logs, hide, secrets_of
from tongcang.settings import Settings

SECRETS = {
    "database": 'p@ss"wörd/1',
    "key": "VnVhQ2ZHY0JDZGJrUW0tZTVhT3g6dWkybHA",
    "elastic": "hunter2hunter2",
    "token": "只有我们知道的令牌",
}

SETTINGS = Settings(
    database="postgresql+psycopg://tongcang:p%40ss%22w%C3%B6rd%2F1@db.example:5432/tongcang",
    elastic_urls="https://elastic:urlpass99@es1.example:9200",
    elastic_api_key=SECRETS["key"],
    elastic_user="elastic",
    elastic_password=SECRETS["elastic"],
    metrics_token=SECRETS["token"],
    log_format="json",
)


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Logging belongs to the whole process: leave it as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def logged(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    out, err = capsys.readouterr()
    assert out == ""
    return [json.loads(line) for line in err.splitlines()]


def test_a_line_of_json_says_when_who_and_what(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(SETTINGS)
    with structlog.contextvars.bound_contextvars(night=7, source="RUC/oai"):
        structlog.get_logger("tongcang.night").warning("source_not_complete", reason="连接中断")
    structlog.get_logger("tongcang.night").info("night_ended", seconds={"harvest": 1.5})
    first, second = logged(capsys)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", str(first.pop("timestamp")))
    assert first == {
        "level": "warning",
        "logger": "tongcang.night",
        "event": "source_not_complete",
        "night": 7,
        "source": "RUC/oai",
        "reason": "连接中断",
    }
    assert "night" not in second
    assert second["seconds"] == {"harvest": 1.5}


def test_libraries_log_in_the_same_form(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(SETTINGS)
    with structlog.contextvars.bound_contextvars(request_id="abc"):
        logging.getLogger("uvicorn.error").info("Started server process [%d]", 42, extra={"color_message": "x"})
    logging.getLogger("elastic_transport.transport").info("GET http://es:9200/")
    [line] = logged(capsys)
    assert (line["event"], line["logger"], line["request_id"]) == (
        "Started server process [42]",
        "uvicorn.error",
        "abc",
    )
    assert "color_message" not in line


def test_text_is_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(Settings(log_format="text"))
    structlog.get_logger("tongcang").info("night_ended", state="部分完成")
    err = capsys.readouterr().err
    assert "night_ended" in err and "state=部分完成" in err and "\x1b[" not in err


def test_a_quiet_command_tells_of_trouble_only(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(SETTINGS, quiet=True)
    structlog.get_logger("tongcang").info("night_ended")
    structlog.get_logger("tongcang").warning("source_not_complete")
    assert [line["event"] for line in logged(capsys)] == ["source_not_complete"]


def test_configured_twice_it_logs_once(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(SETTINGS)
    configure_logs(SETTINGS)
    structlog.get_logger("tongcang").info("once")
    assert len(logged(capsys)) == 1


@pytest.mark.parametrize("form", ["text", "json"])
def test_no_secret_gets_out(capsys: pytest.CaptureFixture[str], form: str) -> None:
    configure_logs(Settings(**{**_as_dict(SETTINGS), "log_format": form}))
    log = structlog.get_logger("tongcang")
    log.info("settings", settings=repr(SETTINGS))
    log.info("url", url=SETTINGS.database, nested={"urls": [SETTINGS.elastic_urls]})
    for secret in (*SECRETS.values(), "urlpass99"):
        log.error(f"refused: {secret}", header=f"ApiKey {secret}", **{secret: "as a key"})
    logging.getLogger("elastic_transport").warning("%s", SECRETS["key"])
    try:
        raise ConnectionError(f"password authentication failed: {SECRETS['database']} {SETTINGS.database}")
    except ConnectionError:
        log.exception("failed")
        logging.getLogger("uvicorn.error").exception("failed too")
    told = capsys.readouterr().err
    assert told.count("refused: ***") == 5
    assert "password authentication failed: ***" in told
    assert "db.example:5432" in told, "where it was is no secret"
    for secret in (*SECRETS.values(), "urlpass99", "p%40ss", json.dumps(SECRETS["database"])[1:-1]):
        assert secret not in told


def _as_dict(settings: Settings) -> dict[str, str]:
    return {name: getattr(settings, name) for name in settings.__struct_fields__}


def test_a_password_of_somebody_else_in_a_url_is_hidden() -> None:
    assert hide("from https://oai:geheim@opac.example/oai?a=b@c", ()) == "from https://***@opac.example/oai?a=b@c"
    assert hide("at 10:30 mail a@b.cn, http://x.example:80/a@b", ()) == "at 10:30 mail a@b.cn, http://x.example:80/a@b"


@pytest.mark.parametrize(
    "url",
    ["postgresql://u:p/w+9x=@db.example/state", "postgresql://u@db.example/state?sslmode=require&password=p/w+9x="],
)
def test_a_password_is_hidden_wherever_the_database_s_address_may_have_it(url: str) -> None:
    assert hide("refused: p/w+9x=", secrets_of(Settings(database=url))) == "refused: ***"


def test_without_secrets_nothing_is_blotted_out() -> None:
    assert secrets_of(Settings()) == ()
    assert secrets_of(Settings(elastic_password="abc")) == ()
