"""What commands log, in processes of their own: JSON, ids bound, data and log apart."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx

from tongcang.sample.generate import generate

SECRET = "nobody-knows-it"


def environment(**more: str) -> dict[str, str]:
    told = {"TONGCANG_DATA": "data", "TONGCANG_WORKERS": "1", "TONGCANG_LOG_FORMAT": "json"}
    return os.environ | told | {"TONGCANG_METRICS_TOKEN": SECRET} | more


def tongcang(folder: Path, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tongcang.cli", *words],
        cwd=folder,
        env=environment(**more),
        capture_output=True,
        text=True,
        timeout=120,
    )


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def add_library(folder: Path) -> None:
    generate(40, folder / "清华.mrc")
    assert tongcang(folder, "library", "add", "THU", "--files", "清华.mrc").returncode == 0


def test_a_night(tmp_path: Path) -> None:
    add_library(tmp_path)
    done = tongcang(tmp_path, "night", "--json")
    assert json.loads(done.stdout)["sources"][0]["state"] == "complete"
    told = {line["event"]: line for line in lines(done.stderr)}
    ended = told["run_ended"]
    assert (ended["source"], ended["state"], ended["received"], ended["level"]) == ("THU/files", "complete", 40, "info")
    assert ended["run"] == told["run_begun"]["run"]
    assert ended["night"] == told["run_begun"]["night"]
    for person in tongcang(tmp_path, "night", TONGCANG_LOG_FORMAT="text").stderr.splitlines():
        assert "run_ended" not in person


def test_a_server(tmp_path: Path) -> None:
    add_library(tmp_path)
    assert tongcang(tmp_path, "night").returncode == 0
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        port = trial.getsockname()[1]
    words = [sys.executable, "-m", "tongcang.cli", "serve"]
    log = tmp_path / "serve.log"
    with (
        log.open("w") as file,
        subprocess.Popen(
            words, cwd=tmp_path, env=environment(TONGCANG_PORT=str(port)), stdout=subprocess.DEVNULL, stderr=file
        ) as process,
    ):
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers={"X-Request-ID": "r-1"}) as client:
                answer = _when_up(client, "/api/search?q=高血压&token=geheim")
                assert answer.headers["x-request-id"] == "r-1"
                assert client.get("/metrics").status_code == 401
                shown = client.get("/metrics", headers={"Authorization": f"Bearer {SECRET}"})
                assert "tongcang_engine_documents" in shown.text
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=20)
    text = log.read_text(encoding="utf-8")
    events = lines(text)
    assert [line["route"] for line in events if line["event"] == "request"] == ["/api/search", "/metrics", "/metrics"]
    assert any(line["logger"] == "uvicorn.error" for line in events)
    for secret in ("高血压", "geheim", SECRET, "%E9%AB%98"):
        assert secret not in text


def _when_up(client: httpx.Client, path: str) -> httpx.Response:
    for _ in range(150):
        try:
            return client.get(path)
        except httpx.ConnectError:
            time.sleep(0.1)
    raise AssertionError("the server did not come up")
