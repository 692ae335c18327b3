"""Elasticsearch as Maven Central has it, and a Java for it."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import urllib.request
import zipfile
from pathlib import Path

from .run import NotInstalledError, server_account

VERSION = "9.2.4"
GROUP = "org.elasticsearch.distribution.integ-test-zip"
"""The plain server with its transport and x-pack-core: what our engine uses is in it. The full one isn't on Central."""
ZIP = f"elasticsearch-{VERSION}.zip"
SHA512 = (
    "5da6465950f7d26ca293794ead3d840f0698ce99bb15b5db7d10c19199e3431d"
    "ba21c83c737f4befa4fc282e12e5f215343a4cb7da52ac85e52b0c488e7b7057"
)
JAVA = 21
"""The oldest that Elasticsearch 9 runs on."""
FETCH_SECONDS = 600


def cache() -> Path:
    told = os.environ.get("TONGCANG_SERVERS")
    return Path(told) if told else Path(__file__).resolve().parents[2] / ".servers"


def find_zip() -> Path:
    found = cache() / ZIP
    if not found.exists():
        raise NotInstalledError(
            f"Elasticsearch {VERSION} is not in {cache()}: make servers fetches it from Maven Central"
        )
    return found


def is_kept() -> bool:
    kept = cache() / ZIP
    return kept.exists() and sha512(kept) == SHA512


def fetch_zip() -> Path:
    """By Maven, whose settings know the way; TONGCANG_MAVEN_REPOSITORY names a repository's URL instead."""
    kept = cache() / ZIP
    if is_kept():
        return kept
    incoming = cache() / f"incoming-{os.getpid()}"
    incoming.mkdir(parents=True)
    try:
        repository = os.environ.get("TONGCANG_MAVEN_REPOSITORY")
        if repository:
            _download(repository, incoming / ZIP)
        else:
            _by_maven(incoming)
        if sha512(incoming / ZIP) != SHA512:
            raise NotInstalledError(f"what came as {ZIP} is not Elasticsearch {VERSION}: its SHA-512 is another")
        (incoming / ZIP).replace(kept)
    finally:
        shutil.rmtree(incoming)
    return kept


def find_maven() -> str:
    """The command, or the repository that stands in for it."""
    found = os.environ.get("TONGCANG_MAVEN_REPOSITORY") or shutil.which("mvn")
    if not found:
        raise NotInstalledError(
            "Elasticsearch comes from Maven Central, and Maven is not installed (Debian: apt install maven;"
            " or TONGCANG_MAVEN_REPOSITORY names the URL of a repository)"
        )
    return found


def _by_maven(folder: Path) -> None:
    artifact = f"{GROUP}:elasticsearch:{VERSION}:zip"
    command = [find_maven(), "-q", "-B", "dependency:copy", f"-Dartifact={artifact}", f"-DoutputDirectory={folder}"]
    # away from the project's folder: no pom of anybody's
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=FETCH_SECONDS, check=False)
    if done.returncode != 0:
        raise NotInstalledError(f"Maven can't fetch {artifact}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")


def _download(repository: str, target: Path) -> None:
    url = f"{repository.rstrip('/')}/{GROUP.replace('.', '/')}/elasticsearch/{VERSION}/{ZIP}"
    try:
        with urllib.request.urlopen(url, timeout=60) as answer, target.open("wb") as file:
            shutil.copyfileobj(answer, file)
    except OSError as error:
        raise NotInstalledError(f"{url} can't be fetched: {error}") from error


def sha512(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha512").hexdigest()


def unpack(archive: Path, folder: Path) -> Path:
    """The server's home below `folder`, for all to read."""
    home = folder / f"elasticsearch-{VERSION}"
    if not home.exists():
        half = folder / "unpacking"
        with zipfile.ZipFile(archive) as opened:
            opened.extractall(half)
        for path in half.rglob("*"):
            path.chmod(0o755 if path.is_dir() or path.parent.name == "bin" else 0o644)
        half.chmod(0o755)
        (half / home.name).rename(home)
        half.rmdir()
    return home


def find_java() -> Path:
    """The home of a Java that Elasticsearch runs on and the servers' account may use."""
    seen: list[str] = []
    for home in _java_homes():
        version = _java_version(home)
        if version >= JAVA:
            return home
        seen.append(f"{home}: {version or 'does not run'}")
    raise NotInstalledError(
        f"Elasticsearch 9 needs Java {JAVA} or later (found: {'; '.join(seen) or 'none'}): make servers installs it"
        " where the system has it, ES_JAVA_HOME names one"
    )


def _java_homes() -> list[Path]:
    told = [Path(os.environ[name]) for name in ("ES_JAVA_HOME", "JAVA_HOME") if os.environ.get(name)]
    system = sorted(Path("/usr/lib/jvm").glob("*/bin/java"))
    on_path = shutil.which("java")
    found = [java.resolve() for java in (*system, *([Path(on_path)] if on_path else []))]
    return list(dict.fromkeys([*told, *(java.parent.parent for java in found)]))


def _java_version(home: Path) -> int:
    """0: can't be run, as by the servers' account when it is below root's home."""
    account = server_account()
    try:
        done = subprocess.run(
            [home / "bin" / "java", "-version"],
            cwd="/",
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
            user=account,
            group=account,
            extra_groups=[] if account else None,
        )
    except OSError:
        return 0
    told = re.search(r'version "(\d+)', done.stderr)
    return int(told[1]) if told else 0
