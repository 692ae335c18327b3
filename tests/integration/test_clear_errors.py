"""Bad input: one clear sentence (what, where, what to do), a non-zero exit, no trace back, and nothing lost."""

from __future__ import annotations

import json
import os
import resource
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from tongcang.sample.generate import generate


def tongcang(folder: Path, *words: str, limit: int = 0, **environment: str) -> subprocess.CompletedProcess[str]:
    def limited() -> None:
        if limit:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    return subprocess.run(
        [sys.executable, "-m", "tongcang.cli", *words],
        cwd=folder,
        env=os.environ | {"TONGCANG_DATA": "data", "TONGCANG_WORKERS": "1"} | environment,
        capture_output=True,
        text=True,
        timeout=120,
        preexec_fn=limited,
    )


def told(done: subprocess.CompletedProcess[str], *parts: str, code: int | None = None) -> None:
    said = " ".join((done.stdout + done.stderr).split())
    assert done.returncode == code if code is not None else done.returncode != 0, said
    assert "Traceback" not in said
    for part in parts:
        assert part in said, said


@contextmanager
def web_page() -> Iterator[str]:
    """A web server that answers everything with a page in HTML."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = "<html><body>欢迎使用图书馆</body></html>".encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/oai"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def add(folder: Path, path: Path, delivery: str = "delta") -> None:
    done = tongcang(folder, "library", "add", "USTB", "--files", str(path), "--delivery", delivery)
    assert done.returncode == 0, done.stderr


def test_a_url_that_is_no_provider(tmp_path: Path) -> None:
    with web_page() as url:
        told(tongcang(tmp_path, "library", "add", "RUC", "--oai", url, "--allow-private"), url, "OAI-PMH", code=1)
        assert (
            tongcang(tmp_path, "library", "add", "RUC", "--oai", url, "--allow-private", "--no-check").returncode == 0
        )
        told(tongcang(tmp_path, "harvest", "RUC"), url, "OAI-PMH", code=1)


def test_a_server_that_does_not_answer(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/oai"
        told(tongcang(tmp_path, "library", "add", "RUC", "--oai", url, "--allow-private"), url, code=1)


@pytest.mark.parametrize("content", ["这是一封信，不是书目。\n" * 40, ""], ids=["text", "empty"])
def test_a_file_that_is_no_marc(tmp_path: Path, content: str) -> None:
    (tmp_path / "stock.mrc").write_text(content, encoding="utf-8")
    add(tmp_path, tmp_path / "stock.mrc")
    told(tongcang(tmp_path, "harvest"), "stock.mrc")


def test_a_mapping_with_an_error(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text('holdings:\n  each: "905"\n  call_number: "s | trimm"\n', encoding="utf-8")
    (tmp_path / "stock.mrc").write_bytes(b"")
    done = tongcang(tmp_path, "mapping", "preview", "-", "stock.mrc", "--mapping", "mine.yaml")
    told(done, "mine.yaml:3", "trimm", "trim", code=1)


def test_a_port_in_use(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        for command in ("serve", "demo"):
            told(tongcang(tmp_path, command, TONGCANG_PORT=port), f"Port {port}", "TONGCANG_PORT", code=1)


def test_a_missing_library(tmp_path: Path) -> None:
    told(tongcang(tmp_path, "harvest", "没有"), "没有", "library list", code=1)
    told(tongcang(tmp_path, "library", "show", "NONE"), "NONE", "library list", code=1)


def test_a_full_disk_loses_nothing(tmp_path: Path) -> None:
    generate(1500, tmp_path / "stock.mrc")
    add(tmp_path, tmp_path / "stock.mrc")
    # RLIMIT_FSIZE refuses the write as a full disk does; Python ignores the signal that comes with it.
    told(tongcang(tmp_path, "harvest", limit=700_000), "disk", code=1)
    done = tongcang(tmp_path, "harvest", "--json")
    assert done.returncode == 0, done.stderr
    [source] = json.loads(done.stdout)["sources"]
    assert source["counts"]["received"] == 1500
    told(tongcang(tmp_path, "index", "status"), "documents", code=0)


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where the folder should be")
    told(tongcang(tmp_path, "library", "list"), "data", code=1)
    assert (tmp_path / "data").read_text() == "a file where the folder should be"


@pytest.mark.parametrize(
    "words",
    [
        ("ledger", "statement", "--period", "2026-11", "--csv", "nosuch/x.csv"),
        ("statistics", "--xlsx", "folder"),
        ("statistics", "--csv", "file"),
        ("statistics", "--svg", "file/charts"),
    ],
    ids=["no such folder", "a folder for a file", "a file for a folder", "a file on the way"],
)
def test_a_place_where_nothing_can_be_written(tmp_path: Path, words: tuple[str, ...]) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("")
    told(tongcang(tmp_path, *words), words[-1], "run the command again", code=1)


def test_numbers_that_nothing_has(tmp_path: Path) -> None:
    told(tongcang(tmp_path, "demo", "--publications", "-1"), "--publications", code=2)
    told(tongcang(tmp_path, "outbox", "--revive", "99999999999999999999"), "--revive", code=2)
    told(tongcang(tmp_path, "nights", "--limit", "99999999999999999999"), "--limit", code=2)
