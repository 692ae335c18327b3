"""Settings: built once from the environment and a TOML file, then handed in.

A variable TONGCANG_<NAME> wins over `<name>` in the file, and the file over the default. The file is named by
TONGCANG_CONFIG, or is tongcang.toml in the current folder. TONGCANG_<NAME>_FILE names a file that holds the value: so
containers hand over secrets.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta, Struct

from indexer.engine.elastic_settings import ElasticSettings


class SettingsError(Exception):
    """A setting can't be used. The message says which, where it stands and what it may be."""


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    data: str = "data"  # folder of the state database, the index and the work lock
    database: str = ""  # SQLAlchemy URL; "" = SQLite in the data folder
    host: str = "127.0.0.1"  # where the page is served
    port: int = 8000
    base_url: str = ""  # as readers see it, without slash at the end; "" = http://host:port
    workers: int = 0  # processes that normalise and analyse; 0 = one for each core, at most 8
    sources_at_once: int = 8  # hosts that are harvested at the same time
    night: str = "02:30"  # when the scheduler begins the night, HH:MM
    time_zone: str = "Asia/Shanghai"
    contact: str = ""  # e-mail of the operator, told to the libraries' servers
    heap_mb: int = 400  # memory of the embedded engine while it builds
    queue: bool = False  # nights are done by `tongcang work`; SQLite carries those of one machine
    lease_seconds: Annotated[int, Meta(ge=1)] = 60  # a worker that says nothing for so long is taken to be dead
    elastic_urls: str = ""  # of Elasticsearch, separated by blanks or commas; "" = the embedded engine
    elastic_api_key: str = ""  # base64, as Elasticsearch gave it; or user and password
    elastic_user: str = ""
    elastic_password: str = ""
    elastic_ca: str = ""  # file of the certificates that sign the cluster's; "" = the system's
    elastic_verify: bool = True  # false: the cluster's certificate is not looked at (never in production)
    elastic_prefix: str = "tongcang"  # names of indices and alias begin so
    elastic_shards: Annotated[int, Meta(ge=1)] = 1
    elastic_replicas: Annotated[int, Meta(ge=0)] = 1
    elastic_timeout: Annotated[float, Meta(gt=0)] = 10.0  # seconds of one search
    log_format: Literal["text", "json"] = "text"
    metrics_token: str = ""  # that a reader of /metrics shows; "" = loopback and private addresses may read
    self_registration: bool = False  # readers may register themselves
    session_idle: Annotated[int, Meta(ge=60)] = 7200  # seconds without a request after which a session ends
    session_lasting: Annotated[int, Meta(ge=60)] = 43200  # seconds after which it ends in any case
    requests_per_hour: Annotated[int, Meta(ge=1)] = 30  # of a reader; an officer or program has ten times as many
    requests_at_once: Annotated[int, Meta(ge=1)] = 10  # of these
    smtp_host: str = ""  # server that takes our mail; "" = no mail is sent
    smtp_port: Annotated[int, Meta(ge=0, le=65535)] = 0  # 0 = 587 for starttls, 465 for ssl, 25 for none
    smtp_user: str = ""
    smtp_password: str = ""
    smtp_security: Literal["starttls", "ssl", "none"] = "starttls"
    smtp_ca: str = ""  # file of the certificates that sign the mail server's; "" = the system's
    mail_from: str = ""  # address, or 通藏 <tongcang@example.edu.cn>
    mail_reply_to: str = ""  # "" = mail_from
    webhook_allow: str = ""  # networks off the public internet that webhooks may reach, separated by blanks or commas
    peer_allow: str = ""  # the same for ISO 18626 services of libraries
    http_ca: str = ""  # file of the certificates that sign those of webhooks and peers; "" = the usual ones
    pulse: str = ""  # file that `work`, `schedule` and `dispatch` touch while they get on; "" = none
    notice_zh: str = ""  # a banner on every page
    notice_en: str = ""

    @property
    def folder(self) -> Path:
        return Path(self.data)

    @property
    def database_url(self) -> str:
        return self.database or f"sqlite:///{self.folder.resolve() / 'state.db'}"

    @property
    def index_folder(self) -> Path:
        return self.folder / "index"

    @property
    def processes(self) -> int:
        return self.workers or min(8, os.cpu_count() or 1)

    @property
    def public_url(self) -> str:
        return self.base_url or f"http://{self.host}:{self.port}"

    @property
    def elastic(self) -> ElasticSettings | None:
        """None = the embedded engine."""
        urls = tuple(self.elastic_urls.replace(",", " ").split())
        if not urls:
            return None
        return ElasticSettings(
            urls,
            api_key=self.elastic_api_key,
            user=self.elastic_user,
            password=self.elastic_password,
            ca=self.elastic_ca,
            verify=self.elastic_verify,
            prefix=self.elastic_prefix,
            shards=self.elastic_shards,
            replicas=self.elastic_replicas,
            timeout=self.elastic_timeout,
        )

    def night_time(self) -> tuple[int, int]:
        """Hour and minute."""
        hour, _, minute = self.night.partition(":")
        if not (hour.isdigit() and minute.isdigit() and int(hour) < 24 and int(minute) < 60):
            raise SettingsError(f"The setting night is {self.night!r}; write it as HH:MM, such as 02:30.")
        return int(hour), int(minute)

    def zone(self) -> ZoneInfo:
        try:
            return ZoneInfo(self.time_zone)
        except (KeyError, ValueError, OSError) as error:
            raise SettingsError(
                f"The time zone {self.time_zone!r} is not known on this machine; write it as Asia/Shanghai. "
                "Where none is known, install the system's package tzdata."
            ) from error


def load(environment: Mapping[str, str], **chosen: object) -> Settings:
    """The settings of this process; `chosen` are those given on the command line (None = not given)."""
    path = Path(environment.get("TONGCANG_CONFIG", "tongcang.toml"))
    values: dict[str, object] = {}
    if path.exists():
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise SettingsError(f"{path} can't be read as TOML: {error}.") from error
    elif "TONGCANG_CONFIG" in environment:
        raise SettingsError(f"There is no file {path}, which TONGCANG_CONFIG names.")
    for name in Settings.__struct_fields__:
        if (told := _told(environment, f"TONGCANG_{name.upper()}")) is not None:
            values[name] = told
    values |= {name: value for name, value in chosen.items() if value is not None}
    try:
        settings = msgspec.convert(values, Settings, strict=False)
    except msgspec.ValidationError as error:
        known = ", ".join(Settings.__struct_fields__)
        raise SettingsError(f"A setting in {path} or the environment is wrong: {error}. There are: {known}.") from error
    if not 0 < settings.port < 65536:
        raise SettingsError(f"The port {settings.port} is none: give one from 1 to 65535.")
    settings.night_time()
    return settings


def _told(environment: Mapping[str, str], variable: str) -> str | None:
    """The variable's value, or that of the file which <variable>_FILE names; None = neither is set."""
    told, file = environment.get(variable), environment.get(f"{variable}_FILE")
    if file is None:
        return told
    if told is not None:
        raise SettingsError(f"{variable} and {variable}_FILE are both set. Unset one of them.")
    try:
        return Path(file).read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{variable}_FILE names {file}, which can't be read: {error}.") from error
