"""Cutting a stream: the 24 fault files, damage at random, and memory."""

from __future__ import annotations

import io
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from marc_making import chinese, western

from harvester.marc import splitter
from harvester.marc.charset import detect
from harvester.marc.iso2709 import control_number, decode_iso2709
from harvester.marc.splitter import Piece, split_iso2709


def split(data: bytes) -> list[Piece]:
    return list(split_iso2709(io.BytesIO(data)))


def records(data: bytes) -> list[bytes]:
    return [piece.data for piece in split(data) if piece.kind == "record"]


# Per fault file: for each piece, its issues (a record), or the kind of what is no record.
SYNTHETIC: dict[str, list[tuple[str, ...]]] = {
    "01_gbk_l09_blank": [(), (), ()],
    "02_gbk_l09_a": [(), (), ()],
    "03_utf8_l09_blank": [(), (), ()],
    "04_big5_l09_blank": [(), (), ()],
    "06_gb18030_4byte": [(), (), ()],
    "07_len_short50": [(), ("length_mismatch",), ()],
    "08_len_long50": [(), ("length_mismatch",), ()],
    "09_len_00000": [(), ("length_mismatch",), ()],
    "10_len_nondigit": [(), ("length_mismatch",), ()],
    "11_dir_nondigit": [(), ("dir_damaged",), ()],
    "12_dir_lengths_of_gbk": [(), ("length_mismatch",), ()],
    "13_over_99999": [(), ("length_mismatch", "dir_damaged"), ()],
    "13b_over_99999_len99999": [(), ("length_mismatch", "dir_damaged"), ()],
    "14_field_over_9999": [(), ("dir_damaged",), ()],
    "15_invalid_utf8": [(), (), ()],
    "16_no_RT_between": [(), ("length_mismatch", "no_terminator"), ()],
    "16b_no_RT_eof": [(), (), ("length_mismatch", "no_terminator")],
    "17_bom": [(), (), ()],
    "18_crlf_between": [(), (), ()],
    "19_garbage_between": [(), ("garbage",), ("leading_garbage",), ()],
    "20_truncated_last": [(), (), ("length_mismatch", "field_count_mismatch", "no_terminator", "truncated")],
    "21_nonascii_subcode": [(), (), ()],
    "22_1D_in_data": [(), ("stray_1D",), ()],
    "23_html_error_page": [(), ("garbage",), ("leading_garbage",)],
}
CHARSETS = {"01": "gb18030", "02": "gb18030", "06": "gb18030", "04": "big5hkscs"}
TITLES = {"04": "臺灣經濟發展", "06": "镕基"}


def test_every_fault_file_is_known(samples: Path) -> None:
    assert {path.stem for path in (samples / "broken/synthetic").iterdir()} == set(SYNTHETIC)


@pytest.mark.parametrize("name", sorted(SYNTHETIC))
def test_fault_file(samples: Path, name: str) -> None:
    pieces = split((samples / "broken/synthetic" / f"{name}.mrc").read_bytes())
    found = [piece.issues if piece.kind == "record" else (piece.kind,) for piece in pieces]
    assert found == SYNTHETIC[name]
    expected = CHARSETS.get(name[:2], "utf-8")
    numbers = []
    for piece in pieces:
        if piece.kind != "record":
            continue
        charset, suspect = detect(piece.data)
        record = decode_iso2709(piece.data, charset)
        numbers.append(control_number(piece.data, charset))
        whole = not piece.issues or piece.issues == ("leading_garbage",)
        if "truncated" in piece.issues:
            assert [tag for tag, _, _ in record.fields] == ["001", "010", "100"]
            continue
        assert charset == expected
        damaged_bytes = name[:2] in ("15", "22") and numbers[-1] == "000000000002"
        assert suspect == damaged_bytes
        assert ("undecodable" in record.flags) == damaged_bytes
        assert [tag for tag, _, _ in record.fields][:7] == ["001", "010", "100", "101", "200", "210", "690"]
        title = dict(next(f for f in record.fields if f[0] == "200")[2])["a"]
        if not damaged_bytes:
            assert title.startswith("臺" if name.startswith("04") else "") and "�" not in title
        if whole and name[:2] not in ("04", "06") and not damaged_bytes:
            assert title == "镕基时代与中国经济"
    missing = {"23_html_error_page": ["000000000001", "000000000003"]}
    assert numbers == missing.get(name, ["000000000001", "000000000002", "000000000003"])


def test_every_byte_of_a_stream_is_in_a_piece() -> None:
    junk = b"<html>\xe9\x94\x99\xe8\xaf\xaf</html>"
    data = b"\xef\xbb\xbf" + chinese(1) + b"\r\n" + junk + chinese(2) + chinese(3)[:-1] + chinese(4) + b"tail"
    pieces = split(data)
    assert [piece.kind for piece in pieces] == ["record", "garbage", "record", "record", "record", "garbage"]
    rest = data
    for piece in pieces:
        assert data[piece.offset : piece.offset + len(piece.data)] == piece.data
        rest = rest.replace(piece.data, b"", 1)
    assert rest.strip(b"\xef\xbb\xbf\r\n") == b""


def test_blocks_may_end_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    data = b"\r\n".join([chinese(1), b"junk" + chinese(2), chinese(3)[:-1] + western(4), chinese(5)])
    whole = split(data)
    for block in (1, 7, 64, 333):
        monkeypatch.setattr(splitter, "BLOCK", block)
        assert split(data) == whole


def test_reading_goes_on_behind_any_piece_as_if_never_stopped() -> None:
    data = (
        chinese(1)
        + b"junk"
        + chinese(2)[:-1]
        + chinese(3)
        + b"\r\n"
        + chinese(4).replace("楼".encode(), b"\x1d")
        + chinese(5)
    )
    pieces = split(data)
    assert len(pieces) == 6
    for at, piece in enumerate(pieces):
        if piece.end:
            stream = io.BytesIO(data)
            stream.seek(piece.end)
            behind = [(p.data, p.issues, p.offset + piece.end) for p in split_iso2709(stream)]
            assert behind == [(p.data, p.issues, p.offset) for p in pieces[at + 1 :]]
    assert sum(1 for piece in pieces if piece.end) == 4


def test_1d_in_the_directory_is_healed() -> None:
    data = chinese(2)
    damaged = data[:50] + b"\x1d" + data[51:]
    pieces = split(chinese(1) + damaged + chinese(3))
    assert [control_number(piece.data, "utf-8") for piece in pieces] == ["000000000001", "000000000002", "000000000003"]
    assert "stray_1D" in pieces[1].issues


def test_several_1d_in_one_record_are_healed() -> None:
    data = chinese(2).replace("楼".encode(), b"\x1d\x1d\x1d").replace(b"CNY", b"C\x1dY")
    pieces = split(chinese(1) + data + chinese(3))
    assert [len(piece.data) for piece in pieces] == [len(chinese(1)), len(data), len(chinese(3))]
    assert dict(decode_iso2709(data, "utf-8").fields[5][2])["a"] == "红???梦"


def test_too_large_is_reported_and_passed_by(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(splitter, "CAP", 5000)
    monkeypatch.setattr(splitter, "BLOCK", 1000)
    monkeypatch.setattr(splitter, "KEPT_OF_TOO_LARGE", 100)
    pieces = split(chinese(1) + b"x" * 20_000 + b"\x1d" + chinese(2))
    assert [piece.kind for piece in pieces] == ["record", "too_large", "record"]
    assert pieces[1].data == b"x" * 100
    assert pieces[1].end - pieces[1].offset == 20_000 + 1
    assert pieces[2].offset == pieces[1].end


def test_file_without_any_terminator_is_cut_at_its_leaders(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(splitter, "CAP", 5000)
    monkeypatch.setattr(splitter, "BLOCK", 1000)
    data = b"".join(chinese(number)[:-1] + b"\r\n" for number in range(100))
    pieces = split(data)
    assert [control_number(piece.data, "utf-8") for piece in pieces] == [f"{number:012}" for number in range(100)]


class _Endless:
    """Sound records, and now and then a block without any 1D, up to a size; nothing of it is kept."""

    def __init__(self, size: int) -> None:
        self.left = size
        self.block = chinese(1) * 2500

    def read(self, _: int, /) -> bytes:
        self.left -= len(self.block)
        if self.left <= 0:
            return b""
        return self.block if self.left // len(self.block) % 7 else b"\0" * len(self.block)


def test_memory_stays_flat() -> None:
    tracemalloc.start()
    count = sum(1 for _ in split_iso2709(_Endless(60 << 20)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count > 80_000
    assert peak < 12 << 20


# ------------------------------------------------------------------------------------------------ damage at random

KINDS = ("flip", "insert", "delete", "cut_tail", "cut_head", "newline", "no_terminator", "bad_length")


def damaged(data: bytes, kind: str, at: int, byte: int) -> bytes:
    at %= max(1, len(data) - 1)
    if kind == "flip":
        return data[:at] + bytes([byte]) + data[at + 1 :]
    if kind == "insert":
        return data[:at] + bytes([byte]) + data[at:]
    if kind == "delete":
        return data[:at] + data[at + 1 :]
    if kind == "cut_tail":
        return data[: max(at, 1)]
    if kind == "cut_head":
        return data[at:]
    if kind == "newline":
        return data[:at] + b"\r\n" + data[at:]
    if kind == "no_terminator":
        return data[:-1]
    return b"%05d" % (byte * 300) + data[5:]


SOUND = [chinese(number, f"红楼梦第{number}回", "gb18030" if number % 3 == 0 else "utf-8") for number in range(8)]
SOUND += [western(number, f"Les Misérables, t. {number}") for number in range(8, 12)]


@settings(max_examples=400, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(range(12)), st.sampled_from(KINDS), st.integers(0, 2000), st.integers(0, 255)),
        min_size=1,
        max_size=2,
        unique_by=lambda damage: damage[0],
    )
)
def test_neighbours_of_damage_are_kept(damages: list[tuple[int, str, int, int]]) -> None:
    stream = list(SOUND)
    for place, kind, at, byte in damages:
        stream[place] = damaged(stream[place], kind, at, byte)
    kept = records(b"".join(stream))
    hurt = {place for place, *_ in damages}
    for place, data in enumerate(SOUND):
        if place not in hurt:
            assert data in kept, (place, damages)
    for data in kept:
        decode_iso2709(data, detect(data)[0])


def test_one_damaged_byte_rarely_costs_the_record_its_number() -> None:
    """Every position of a record, three ways: how many damaged records still come with their 001."""
    right = total = 0
    sound = chinese(2)
    for kind in ("flip", "insert", "delete"):
        for at in range(len(sound) - 1):
            pieces = records(SOUND[0] + damaged(sound, kind, at, 0x41) + SOUND[1])
            total += 1
            right += any(control_number(data, "utf-8") == "000000000002" for data in pieces)
    assert right / total > 0.93  # 3.3 % of the bytes are the number itself


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_go_through(noise: bytes) -> None:
    kept = records(chinese(1) + b"\x1d" + noise + b"\x1d" + chinese(2))
    assert chinese(1) in kept
    assert any(data.endswith(chinese(2)) for data in kept)
