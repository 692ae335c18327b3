"""Cut a stream of MARCXML into record elements, so that one that is broken costs none of its neighbours.

The stream is cut at the tags of elements named `record`, whatever their namespace; of nested ones (in OAI-PMH and SRU
answers) the innermost is the record. Each piece can be parsed alone: it gets the prefixes and the encoding that were
declared before it. Comments and CDATA sections are stepped over. Memory stays flat.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator

from harvester.marc.splitter import BLOCK, CAP, KEPT_OF_TOO_LARGE, ByteStream, Piece

_TOKEN = re.compile(rb"<(/?)(?:[\w.\-]+:)?record(?:\s[^<>]*)?>|<!--|<!\[CDATA\[")
_FIELD = re.compile(rb"<(?:[\w.\-]+:)?(?:leader|controlfield|datafield)[\s>/]")
_PREFIX = re.compile(rb"""xmlns:([\w.\-]+)\s*=\s*("[^"<]*"|'[^'<]*')""")
_ENCODING = re.compile(rb"""<\?xml[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._\-]{1,40})["']""")
_ROOT = re.compile(rb"<([A-Za-z_][\w.\-]*(?::[\w.\-]+)?)")
_CLOSERS = {b"<!--": b"-->", b"<![CDATA[": b"]]>"}
_TAG_AT_MOST = 4096


def split_marcxml(stream: ByteStream, charset: str = "") -> Iterator[Piece]:
    """All records of the stream (kind record), what is left of broken ones (garbage), and what is too large.

    `charset` overrides the encoding that the file declares. The last piece has the issue `truncated` where the document
    ends before its root element does.
    """
    return _Splitter(_Utf8Stream(stream), charset).pieces()


class _Splitter:
    def __init__(self, stream: ByteStream, charset: str) -> None:
        self.stream = stream
        self.data = b""
        self.offset = 0  # of data[0] in the stream
        self.at = 0  # index in data up to which tokens have been read
        self.opened = -1  # index in data of a record's start tag
        self.prefixes: dict[bytes, bytes] = {}
        self.charset = charset.encode()
        self.declaration = b""
        self.root = b""
        self.closed = False
        self.seen = 0  # index in data up to which the envelope has been looked through

    def pieces(self) -> Iterator[Piece]:
        while self._more():
            if not self.root:
                self._read_head()
            yield from self._tokens()
            if self.opened >= 0 and len(self.data) - self.opened > CAP:
                yield self._piece(self.opened, len(self.data), "too_large")
                self._close(len(self.data))
            self._forget()
        yield from self._rest()

    def _tokens(self) -> Iterator[Piece]:
        while token := _TOKEN.search(self.data, self.at):
            closer = _CLOSERS.get(token[0])
            if closer is not None:
                end = self.data.find(closer, token.end())
                if end < 0:
                    if len(self.data) - token.start() <= CAP:
                        self.at = token.start()
                        return
                    end = token.end()  # a comment of 8 MB is none
                self.at = end
                continue
            self.at = token.end()
            if token[1]:
                yield from self._on_end(token.start(), token.end())
            elif token[0].endswith(b"/>"):
                yield from self._on_start(token.start())
                yield from self._on_end(token.end(), token.end())
            else:
                yield from self._on_start(token.start())
        self.at = max(self.at, len(self.data) - _TAG_AT_MOST)

    def _on_start(self, start: int) -> Iterator[Piece]:
        if self.opened >= 0 and _FIELD.search(self.data, self.opened, start):
            yield self._piece(self.opened, start, "garbage")  # a record that has lost its end tag
            self._close(start)
        self._look(start)  # where a record was open without any field, it was the envelope of this one
        self.opened = start

    def _on_end(self, start: int, end: int) -> Iterator[Piece]:
        if self.opened >= 0:
            yield self._piece(self.opened, end, "record")
        elif _FIELD.search(self.data, self.seen, start):
            yield self._piece(self.seen, end, "garbage")  # a record that has lost its start tag
        self._close(end)

    def _rest(self) -> Iterator[Piece]:
        end = len(self.data)
        cut = not self.closed and not re.search(rb"</" + re.escape(self.root) + rb"\s*>\s*$", self.data[-_TAG_AT_MOST:])
        if self.opened >= 0 and _FIELD.search(self.data, self.opened):
            yield self._piece(self.opened, end, "garbage", ("truncated",))
        elif cut and self.root:
            yield self._piece(min(self.seen, end), end, "garbage", ("truncated",))

    def _piece(self, start: int, end: int, kind: str, issues: tuple[str, ...] = ()) -> Piece:
        data = self.data[start:end]
        if kind == "record":
            data = self._alone(data)
        elif kind == "too_large":
            data = data[:KEPT_OF_TOO_LARGE]
        return Piece(self.offset + start, data, kind, issues, self.offset + end)

    def _alone(self, data: bytes) -> bytes:
        """The record so that it can be parsed without what stood around it."""
        missing = b"".join(
            b" xmlns:" + prefix + b"=" + uri
            for prefix, uri in self.prefixes.items()
            if prefix + b":" in data and b"xmlns:" + prefix not in data
        )
        if missing:
            name = _ROOT.match(data)
            if name:
                data = data[: name.end()] + missing + data[name.end() :]
        return self.declaration + data

    def _look(self, end: int) -> None:
        """Take the prefixes that the envelope declares up to here."""
        for prefix, uri in _PREFIX.findall(self.data, self.seen, end):
            self.prefixes[prefix] = uri
        self.seen = max(self.seen, end)

    def _close(self, end: int) -> None:
        self.opened = -1
        self.seen = max(self.seen, end)

    def _more(self) -> bool:
        block = self.stream.read(BLOCK)
        self.data += block
        return bool(block)

    def _forget(self) -> None:
        keep = self.opened if self.opened >= 0 else min(self.at, len(self.data) - _TAG_AT_MOST)
        if keep <= 0:
            return
        if self.opened < 0:
            self._look(keep)
        self.closed = self.closed or self._is_closed(keep)
        self.data = self.data[keep:]
        self.offset += keep
        self.at -= keep
        self.seen = max(0, self.seen - keep)
        if self.opened >= 0:
            self.opened = 0

    def _is_closed(self, end: int) -> bool:
        return bool(re.search(rb"</" + re.escape(self.root) + rb"\s*>", self.data[:end])) if self.root else False

    def _read_head(self) -> None:
        head = self.data[:BLOCK]
        declared = self.charset or (found[1] if (found := _ENCODING.search(head[:1024])) else b"")
        if declared.lower() in (b"gb2312", b"gbk", b"x-gbk"):
            declared = b"gb18030"
        if declared and declared.lower() not in (b"utf-8", b"utf8", b"utf-16", b"us-ascii"):
            self.declaration = b'<?xml version="1.0" encoding="' + declared + b'"?>'
        root = _ROOT.search(re.sub(rb"<!--.*?-->", b"", head, flags=re.DOTALL))
        self.root = root[1] if root else b""


class _Utf8Stream:
    """UTF-16 as UTF-8, so that tags can be found by their bytes; anything else as it is."""

    def __init__(self, stream: ByteStream) -> None:
        self.stream = stream
        self.decoder: codecs.IncrementalDecoder | None = None
        self.begun = False

    def read(self, size: int, /) -> bytes:
        block = self.stream.read(size)
        if not self.begun and block:
            self.begun = True
            if block[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
                self.decoder = codecs.getincrementaldecoder("utf-16")("replace")
        if self.decoder is None or not block:
            return block
        return self.decoder.decode(block).encode("utf-8", "replace")
