"""What goes wrong in the embedded engine, told to a person: nobody above sees an error of tantivy's own."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from indexer.engine.protocol import EngineError

REBUILD = "Build the index anew from the store: tongcang index rebuild"

_FULL = ("no space left", "os error 28", "quota", "os error 122", "file too large", "os error 27")
_WORKER = "io::error most likely"  # a thread that wrote a segment has died, and tantivy does not say of what
_DENIED = ("permission denied", "read-only", "os error 13", "os error 30")


@contextmanager
def told(folder: Path, doing: str) -> Iterator[None]:
    """Turns errors of tantivy and of the file system into EngineError; `doing` completes "The index can't be …"."""
    try:
        yield
    except (ValueError, OSError) as error:
        raise EngineError(_advice(folder, doing, error)) from error
    except BaseException as error:
        # tantivy panics on some damaged files. Such a panic is no Exception, and its class can't be imported.
        if type(error).__name__ != "PanicException":
            raise
        raise EngineError(f"The index {folder} can't be {doing}: it is damaged ({_cause(error)}). {REBUILD}") from error


def _advice(folder: Path, doing: str, error: Exception) -> str:
    cause = _cause(error)
    lowered = str(error).lower()
    code = error.errno if isinstance(error, OSError) else None
    if "lockbusy" in lowered:
        return (
            f"Another process is writing to the index {folder}. Wait until it is done, or end it, "
            "and run the command again."
        )
    if code in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) or any(sign in lowered for sign in _FULL):
        return (
            f"The index {folder} can't be {doing}: the disk is full ({cause}). What was written before is safe. "
            "Free some space and run the command again."
        )
    if _WORKER in lowered:
        return (
            f"The index {folder} can't be {doing}: the disk is full or failing, most likely ({cause}). "
            "What was written before is safe. Free some space and run the command again."
        )
    if code in (errno.EACCES, errno.EPERM, errno.EROFS) or any(sign in lowered for sign in _DENIED):
        return f"The index {folder} can't be {doing} ({cause}). Check the folder's owner and permissions."
    return f"The index {folder} can't be {doing}: {cause}. If this happens again: {REBUILD}"


def _cause(error: BaseException) -> str:
    """Its first line, which is what a person can use."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
