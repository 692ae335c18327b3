"""How blobs are kept small: zstd, which at level 3 halves a MARC record in some 10 µs."""

from __future__ import annotations

import threading

import zstandard

_local = threading.local()


def pack(data: bytes) -> bytes:
    """Compressed; b"" stays b""."""
    if not data:
        return b""
    compressor = getattr(_local, "compressor", None)
    if compressor is None:
        compressor = _local.compressor = zstandard.ZstdCompressor(level=3, write_checksum=False)
    return bytes(compressor.compress(data))


def unpack(data: bytes) -> bytes:
    """The bytes that `pack` was given. Raises zstandard.ZstdError where they are damaged."""
    if not data:
        return b""
    decompressor = getattr(_local, "decompressor", None)
    if decompressor is None:
        decompressor = _local.decompressor = zstandard.ZstdDecompressor()
    return bytes(decompressor.decompress(data))
