"""deploy/postgres/tongcang.sh on a real server: Tongcang's account owns its database, and nothing else."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from compose_files import ROOT, VARIABLE, services
from servers.fixtures import needed
from servers.postgres import Postgres, find_binaries
from servers.run import NotInstalledError
from sqlalchemy.engine import make_url

from store.database import Database

PASSWORD = 'it\'s "a" 密码 $HOME'


def find_psql() -> str:
    found = shutil.which("psql") or shutil.which("psql", path=str(find_binaries()))
    if found is None:
        raise NotInstalledError("psql is not installed (Debian: postgresql-client)")
    return found


@pytest.fixture(scope="module")
def server(postgres_server: Postgres) -> Iterator[str]:
    """The address of the superuser, after the script ran as the image runs it: once, in an empty server."""
    url = make_url(postgres_server.url)
    psql = needed(find_psql)
    environment = {
        "PATH": f"{Path(psql).parent}:{os.environ['PATH']}",
        "LANG": "C.UTF-8",
        "PGHOST": str(url.host),
        "PGPORT": str(url.port),
        "POSTGRES_USER": str(url.username),
        "DATABASE_PASSWORD": PASSWORD,
    }
    done = subprocess.run(
        [ROOT / "deploy" / "postgres" / "tongcang.sh"], env=environment, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    yield f"host={url.host} port={url.port} user={url.username}"


def test_the_database_is_utf8_in_the_order_of_the_characters(server: str) -> None:
    with psycopg.connect(f"{server} dbname=tongcang") as connection:
        row = connection.execute(
            "SELECT pg_encoding_to_char(encoding), datcollate, datctype, pg_get_userbyid(datdba) FROM pg_database"
            " WHERE datname = current_database()"
        ).fetchone()
        assert row == ("UTF8", "C", "C", "tongcang")


def test_the_account_has_no_rank_and_its_password_is_kept_as_a_hash(server: str) -> None:
    with psycopg.connect(f"{server} dbname=postgres") as connection:
        row = connection.execute(
            "SELECT rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolpassword LIKE 'SCRAM-SHA-256$%'"
            " FROM pg_authid WHERE rolname = 'tongcang'"
        ).fetchone()
    assert row == (False, False, False, False, True)


def test_it_makes_its_tables_with_the_url_of_the_compose_file(server: str) -> None:
    told = make_url(VARIABLE.sub("0a1b", services()["migrate"]["environment"]["TONGCANG_DATABASE"]))
    at = dict(pair.split("=") for pair in server.split())
    database = Database(told.set(host=at["host"], port=int(at["port"])).render_as_string(hide_password=False))
    database.migrate()
    assert database.revision()
    database.close()


def test_others_may_not_even_look_in(server: str) -> None:
    with psycopg.connect(f"{server} dbname=postgres", autocommit=True) as connection:
        connection.execute("CREATE ROLE stranger LOGIN")
    with pytest.raises(psycopg.OperationalError, match="permission denied"):
        psycopg.connect(f"{server} dbname=tongcang".replace("user=postgres", "user=stranger"))
