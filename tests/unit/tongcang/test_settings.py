"""Settings: environment over file over default, and one clear sentence for what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from tongcang.settings import SettingsError, load


def test_environment_wins_over_file_and_file_over_default(tmp_path: Path) -> None:
    file = tmp_path / "tongcang.toml"
    file.write_text('port = 9000\nnotice_zh = "样例"\nnight = "01:15"\n', encoding="utf-8")
    settings = load({"TONGCANG_CONFIG": str(file), "TONGCANG_PORT": "9100"}, data="/srv/通藏")
    assert (settings.port, settings.notice_zh, settings.night_time(), settings.host) == (
        9100,
        "样例",
        (1, 15),
        "127.0.0.1",
    )
    assert settings.database_url == "sqlite:////srv/通藏/state.db"


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({"TONGCANG_PORT": "eighty"}, "port"),
        ({"TONGCANG_PORT": "70000"}, "70000"),
        ({"TONGCANG_NIGHT": "25:00"}, "HH:MM"),
        ({"TONGCANG_CONFIG": "没有.toml"}, "没有.toml"),
    ],
)
def test_a_wrong_setting_is_named(environment: dict[str, str], told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        load(environment)


@pytest.mark.parametrize(
    ("name", "value"),
    [("lease_seconds", "0"), ("elastic_shards", "0"), ("elastic_replicas", "-1"), ("elastic_timeout", "0")],
)
def test_a_number_that_can_only_be_a_slip_is_refused(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        load({f"TONGCANG_{name.upper()}": value})


@pytest.mark.parametrize("zone", ["Asia/Bejing", "北京", "", "../etc"])
def test_a_time_zone_that_nobody_knows_is_told(zone: str) -> None:
    with pytest.raises(SettingsError, match="time zone"):
        load({"TONGCANG_TIME_ZONE": zone}).zone()


def test_an_unknown_name_in_the_file_is_told_with_those_that_there_are(tmp_path: Path) -> None:
    file = tmp_path / "tongcang.toml"
    file.write_text("prot = 8000\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"prot.*There are: data, database"):
        load({"TONGCANG_CONFIG": str(file)})


def test_a_broken_file_is_told_by_name(tmp_path: Path) -> None:
    file = tmp_path / "tongcang.toml"
    file.write_bytes("端口 = ".encode("gb18030"))
    with pytest.raises(SettingsError, match=r"tongcang\.toml can't be read as TOML"):
        load({"TONGCANG_CONFIG": str(file)})


def test_a_secret_comes_from_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "密码"
    secret.write_text("postgresql+psycopg://通藏:p%40ss@db/tongcang\n", encoding="utf-8")
    assert load({"TONGCANG_DATABASE_FILE": str(secret)}).database == "postgresql+psycopg://通藏:p%40ss@db/tongcang"


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({"TONGCANG_ELASTIC_API_KEY_FILE": "没有"}, "TONGCANG_ELASTIC_API_KEY_FILE names 没有"),
        ({"TONGCANG_CONTACT": "a@b", "TONGCANG_CONTACT_FILE": "没有"}, "both set"),
    ],
)
def test_a_file_of_a_secret_that_cannot_be_used_is_named(environment: dict[str, str], told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        load(environment)
