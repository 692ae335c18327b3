"""MARC files as a source: deliveries, pages to resume at, packed files, and what is no MARC."""

from __future__ import annotations

import gzip
import os
from collections import Counter
from pathlib import Path

import pytest
from marc_making import chinese, iso2709, marcxml, western

from harvester.sources import marc_files_input
from harvester.sources.marc_files import MarcFiles
from harvester.sources.protocol import Ending, Page, Received, Refused, SourceError
from indexer.normalise.raw import decode_raw


def collection(*records: str) -> bytes:
    return f'<collection xmlns="http://www.loc.gov/MARC21/slim">{"".join(records)}</collection>'.encode()


def run(reader: MarcFiles, since: str = "", resume: str = "") -> tuple[list[Page], Ending]:
    *pages, ending = list(reader.pages(since, resume))
    assert isinstance(ending, Ending)
    assert all(isinstance(page, Page) for page in pages)
    return [page for page in pages if isinstance(page, Page)], ending


def events(reader: MarcFiles, since: str = "", resume: str = "") -> list[Received | Refused]:
    return [event for page in run(reader, since, resume)[0] for event in page.events]


def identifiers(reader: MarcFiles, since: str = "") -> list[str]:
    return [event.identifier for event in events(reader, since) if isinstance(event, Received)]


def number(n: int) -> str:
    return f"{n:012}"


@pytest.fixture
def drop(tmp_path: Path) -> Path:
    folder = tmp_path / "drop"
    folder.mkdir()
    (folder / "a.mrc").write_bytes(b"".join(chinese(n) for n in range(10)))
    (folder / "b.iso").write_bytes(b"\r\n".join(chinese(n, charset="gb18030") for n in range(10, 20)))
    (folder / "c.xml").write_bytes(collection(*(marcxml(n) for n in range(20, 30))))
    (folder / "sub").mkdir()
    (folder / "sub" / "d.dat").write_bytes(gzip.compress(b"".join(western(n) for n in range(10))))
    return folder


def test_every_record_of_a_folder_comes_once_in_order(drop: Path) -> None:
    pages, ending = run(MarcFiles(drop))
    received = [event for page in pages for event in page.events]
    assert all(isinstance(event, Received) for event in received)
    assert [e.identifier for e in received] == [number(n) for n in range(30)] + [f"w{n}" for n in range(10)]
    assert Counter(e.format for e in received if isinstance(e, Received)) == {"iso2709": 30, "marcxml": 10}
    assert Counter(e.charset for e in received if isinstance(e, Received)) == {"utf-8": 20, "gb18030": 10, "": 10}
    assert ending == Ending(True, ending.checkpoint, full=True)
    for event in received:
        assert isinstance(event, Received)
        record = decode_raw(event.format, event.data, event.charset)
        titles = [dict(subfields)["a"] for tag, _, subfields in record.fields if tag in ("200", "245")]
        assert titles in (["红楼梦"], ["Les Misérables /"])


def test_content_decides_not_the_name(drop: Path) -> None:
    (drop / "a.mrc").rename(drop / "catalogue.txt")
    (drop / "c.xml").rename(drop / "c")
    (drop / "b.iso").rename(drop / "b.xml")
    assert len(identifiers(MarcFiles(drop))) == 40


def test_a_full_delivery_is_read_again_when_any_file_changes(drop: Path) -> None:
    reader = MarcFiles(drop)
    _, ending = run(reader)
    pages, second = run(reader, ending.checkpoint)
    assert (pages, second.complete, second.full) == ([], True, False)
    assert second.checkpoint == ending.checkpoint
    (drop / "a.mrc").write_bytes(b"".join(chinese(n) for n in range(9)))
    pages, third = run(reader, ending.checkpoint)
    assert len([event for page in pages for event in page.events]) == 39
    assert third.full
    (drop / "b.iso").unlink()
    assert len(identifiers(reader, third.checkpoint)) == 29


def test_a_delta_reads_only_new_and_changed_files(drop: Path) -> None:
    reader = MarcFiles(drop, delivery="delta")
    pages, ending = run(reader)
    assert sum(len(page.events) for page in pages) == 40
    assert not ending.full
    assert run(reader, ending.checkpoint) == ([], ending)
    (drop / "e.mrc").write_bytes(chinese(3, "水浒传") + chinese(77))
    assert identifiers(reader, ending.checkpoint) == [number(3), number(77)]
    for path in [path for path in drop.rglob("*") if path.is_file()]:
        path.unlink()
    assert run(reader, ending.checkpoint)[0] == []


def test_going_over_to_another_kind_of_delivery_reads_all(drop: Path) -> None:
    _, ending = run(MarcFiles(drop, delivery="delta"))
    assert len(identifiers(MarcFiles(drop, delivery="full"), ending.checkpoint)) == 40


def test_deletion_mark_in_the_leader(tmp_path: Path) -> None:
    gone = chinese(2)
    (tmp_path / "x.mrc").write_bytes(chinese(1) + gone[:5] + b"d" + gone[6:])
    (tmp_path / "y.xml").write_bytes(collection(marcxml(3).replace("00000n", "00000d")))
    assert [
        (e.identifier, e.deleted, e.data == b"") for e in events(MarcFiles(tmp_path)) if isinstance(e, Received)
    ] == [
        (number(1), False, False),
        (number(2), True, True),
        (number(3), True, True),
    ]


def test_identifier_of_a_record_without_001(tmp_path: Path) -> None:
    (tmp_path / "x.mrc").write_bytes(iso2709([("200", "1 $a红楼梦")]) + iso2709([("001", "  "), ("200", "1 $a水浒传")]))
    (tmp_path / "y.mrc").write_bytes(iso2709([("001", " 人天639-3500 "), ("200", "1 $a西游记")], "gb18030"))
    found = identifiers(MarcFiles(tmp_path, charset="gb18030"))
    assert found[2] == "人天639-3500"
    assert all(i.startswith("sha256:") and len(i) == 23 for i in found[:2])
    assert found == identifiers(MarcFiles(tmp_path, charset="gb18030"))


def test_an_identifier_stands_for_one_record_of_a_full_delivery(tmp_path: Path) -> None:
    (tmp_path / "a.mrc").write_bytes(chinese(1) + chinese(2) + chinese(1))  # the same again does no harm
    (tmp_path / "b.mrc").write_bytes(chinese(2, "水浒传") + chinese(3))
    pages, ending = run(MarcFiles(tmp_path))
    found = [event for page in pages for event in page.events]
    assert [type(event).__name__ for event in found] == ["Received", "Received", "Received", "Refused", "Received"]
    refused = found[3]
    assert isinstance(refused, Refused)
    assert (refused.code, refused.identifier, refused.position) == ("duplicate_identifier", number(2), "b.mrc@0")
    assert refused.data == chinese(2, "水浒传")
    assert ending.full
    assert len(identifiers(MarcFiles(tmp_path, delivery="delta"))) == 5  # in a delta the later one wins


def test_many_identifiers_are_remembered(tmp_path: Path) -> None:
    (tmp_path / "a.mrc").write_bytes(b"".join(iso2709([("001", str(n)), ("200", "1 $a书")]) for n in range(6000)))
    (tmp_path / "b.mrc").write_bytes(b"".join(iso2709([("001", str(n)), ("200", "1 $a報")]) for n in range(0, 6000, 7)))
    codes = Counter(e.code for e in events(MarcFiles(tmp_path)) if isinstance(e, Refused))
    assert codes == {"duplicate_identifier": len(range(0, 6000, 7))}


# ------------------------------------------------------------------------------------------------ resuming


@pytest.fixture
def tangled(drop: Path) -> Path:
    """Every kind of trouble on the way."""
    hurt = chinese(42).replace("楼".encode(), b"\x1d")
    (drop / "a.mrc").write_bytes(
        b"".join(
            (
                chinese(40),
                b"<html>502</html>",
                chinese(41)[:-1],
                hurt,
                b"\0\r\n",
                chinese(43, charset="gb18030"),
                chinese(44, "水浒传"),
                chinese(40, "三国演义"),
                chinese(45)[:200],
            )
        )
    )
    (drop / "bb.txt").write_text("这是说明，不是书目数据。")
    (drop / "cc.xml").write_bytes(
        collection(marcxml(50), marcxml(51).replace("</record>", ""), marcxml(44), marcxml(52))
    )
    return drop


@pytest.mark.parametrize("delivery", ["full", "delta"])
@pytest.mark.parametrize("page_size", [1, 3, 7])
def test_resuming_behind_any_page_equals_an_undisturbed_read(tangled: Path, delivery: str, page_size: int) -> None:
    reader = MarcFiles(tangled, delivery, page_size=page_size)
    pages, ending = run(reader)
    assert len(pages) >= 5
    assert not ending.complete
    assert "a.mrc: it ends in the middle of a record" in ending.reason
    for at, page in enumerate(pages):
        rest, end = run(reader, resume=page.resume)
        assert [e for p in rest for e in p.events] == [e for p in pages[at + 1 :] for e in p.events], at
        assert end == ending


def test_resuming_starts_anew_where_a_file_has_changed(drop: Path) -> None:
    reader = MarcFiles(drop, page_size=15)
    pages, _ = run(reader)
    (drop / "a.mrc").write_bytes(chinese(99))
    assert len(events(reader, resume=pages[0].resume)) == 31
    assert len(events(reader, resume="nonsense")) == 31


def test_page_sizes_do_not_change_what_comes(tangled: Path) -> None:
    whole = events(MarcFiles(tangled, page_size=10_000))
    for size in (1, 2, 5):
        assert events(MarcFiles(tangled, page_size=size)) == whole


# ------------------------------------------------------------------------------------------------ damage


def test_what_is_refused_and_why(tangled: Path) -> None:
    pages, ending = run(MarcFiles(tangled))
    refused = [e for page in pages for e in page.events if isinstance(e, Refused)]
    assert [(e.code, e.position) for e in refused] == [
        ("garbage", "a.mrc@450"),
        ("duplicate_identifier", refused[1].position),
        ("not_marc", "bb.txt"),
        ("broken_xml", refused[3].position),
        ("duplicate_identifier", refused[4].position),
    ]
    assert refused[0].data == b"<html>502</html>"
    assert refused[2].data.decode().startswith("这是说明")
    assert "it is text" in refused[2].detail
    assert not ending.full
    flags = {e.identifier: e.flags for page in pages for e in page.events if isinstance(e, Received) and e.flags}
    assert "stray_1D" in flags[number(42)]
    assert "no_terminator" in flags[number(41)]
    assert "truncated" in flags[number(45)]


def test_nothing_vanishes_from_a_delivery_that_could_not_be_read_whole(tmp_path: Path) -> None:
    beheaded = chinese(2)[200:]
    (tmp_path / "x.mrc").write_bytes(chinese(1) + beheaded + chinese(3))
    pages, ending = run(MarcFiles(tmp_path))
    assert (ending.complete, ending.full) == (True, False)
    assert "not taken to have vanished" in pages[-1].note
    # Junk that can't have been a record does not stand in the way.
    (tmp_path / "x.mrc").write_bytes(chinese(1) + b"<html>502</html>" + chinese(3))
    pages, ending = run(MarcFiles(tmp_path))
    assert (ending.complete, ending.full, pages[-1].note) == (True, True, "")


def test_empty_record_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.mrc").write_bytes(b"00026     2200025   4500\x1e\x1d" + chinese(1))
    (tmp_path / "y.xml").write_bytes(collection("<record><leader>x</leader></record>", marcxml(2)))
    assert [e.code if isinstance(e, Refused) else e.identifier for e in events(MarcFiles(tmp_path))] == [
        "empty_record",
        number(1),
        "empty_record",
        number(2),
    ]


def test_mixed_charsets_of_one_file(tmp_path: Path) -> None:
    parts = [chinese(n, f"红楼梦研究第{n}辑", "gb18030") for n in range(20)]
    parts += [chinese(21), western(1, charset="marc-8"), western(2)]
    (tmp_path / "x.mrc").write_bytes(b"".join(parts))
    found = [e.charset for e in events(MarcFiles(tmp_path, charset="gb18030")) if isinstance(e, Received)]
    assert found == ["gb18030"] * 20 + ["utf-8", "marc-8", "utf-8"]


def test_forced_charset_marks_what_it_does_not_fit(tmp_path: Path) -> None:
    (tmp_path / "x.mrc").write_bytes(chinese(1, charset="gb18030") + chinese(2).replace("红".encode(), b"\xff\xff"))
    found = [e for e in events(MarcFiles(tmp_path, charset="force:gb18030")) if isinstance(e, Received)]
    assert [(e.charset, e.flags) for e in found] == [
        ("gb18030", ()),
        ("gb18030", ("length_mismatch", "charset_suspect")),
    ]


# ------------------------------------------------------------------------------------------------ gzip


def test_gzip_of_several_members(tmp_path: Path) -> None:
    data = b"".join(gzip.compress(b"".join(chinese(n) for n in range(k, k + 5))) for k in (0, 5)) + b"\0" * 512
    (tmp_path / "x.mrc").write_bytes(data)
    pages, ending = run(MarcFiles(tmp_path))
    assert sum(len(page.events) for page in pages) == 10
    assert ending.complete


def test_cut_gzip_gives_what_is_whole_and_stays_incomplete(tmp_path: Path) -> None:
    records = [chinese(n, os.urandom(30).hex()) for n in range(300)]
    packed = gzip.compress(b"".join(records))
    for cut in (len(packed) * 2 // 3, len(packed) - 4):
        (tmp_path / "x.mrc.gz").write_bytes(packed[:cut])
        pages, ending = run(MarcFiles(tmp_path))
        received = [e for page in pages for e in page.events if isinstance(e, Received)]
        assert [e.data for e in received] == records[: len(received)]
        assert len(received) > 150
        assert not ending.complete
        assert ending.checkpoint == ""
        assert ending.reason == "x.mrc.gz: the gzip file is cut off; transfer it again."
        assert not any("truncated" in e.flags for e in received)


def test_damaged_gzip_ends_where_the_damage_begins(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(b"".join(chinese(n, os.urandom(30).hex()) for n in range(2000))))
    packed[len(packed) // 2] ^= 0xFF
    (tmp_path / "x.mrc.gz").write_bytes(packed)
    pages, ending = run(MarcFiles(tmp_path))
    assert sum(isinstance(event, Received) for page in pages for event in page.events) > 50
    assert not ending.complete
    assert "gzip" in ending.reason


def test_gzip_bomb_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(marc_files_input, "RATIO_FREE", 1 << 20)
    (tmp_path / "a.mrc.gz").write_bytes(gzip.compress(chinese(1) + b"\0" * (64 << 20)))
    (tmp_path / "b.mrc").write_bytes(chinese(2))
    pages, ending = run(MarcFiles(tmp_path))
    found = [event for page in pages for event in page.events]
    assert [e.code if isinstance(e, Refused) else e.identifier for e in found] == [number(1), "too_large", number(2)]
    assert not ending.complete
    assert "far more than a catalogue packs to" in ending.reason


def test_honest_gzip_of_many_like_records_is_no_bomb(tmp_path: Path) -> None:
    data = b"".join(chinese(n) for n in range(5000))
    packed = gzip.compress(data)
    assert len(data) > 20 * len(packed)
    (tmp_path / "x.mrc.gz").write_bytes(packed)
    assert len(identifiers(MarcFiles(tmp_path))) == 5000


# ------------------------------------------------------------------------------------------------ what is no MARC


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a目录.mrc", "这不是MARC。".encode(), "it is text"),
        ("page.mrc", b"<!DOCTYPE html><html><body>502 Bad Gateway</body></html>", "it is an HTML page"),
        ("empty.mrc", b"", "it is empty"),
        ("blank.mrc", b"\r\n\r\n", "it is empty"),
        ("x.json", b'{"leader": "00000nam"}', "it is JSON"),
        ("x.xml", b"<?xml version='1.0'?><mods/>", "it is XML without a MARC record"),
        ("x.bin", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "it holds no MARC leader"),
        ("x.mrc.gz", gzip.compress(chinese(1), mtime=0)[:20], "the gzip file is cut off"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_one_clear_sentence(tmp_path: Path, name: str, content: bytes, told: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    for where in (path, tmp_path):
        with pytest.raises(SourceError) as caught:
            run(MarcFiles(where))
        sentence = str(caught.value)
        assert str(path) in sentence
        assert told in sentence
        assert "ISO 2709 or MARCXML" in sentence
    # Beside good files the run goes on.
    (tmp_path / "zz.mrc").write_bytes(chinese(1))
    found = events(MarcFiles(tmp_path))
    assert [e.code if isinstance(e, Refused) else e.identifier for e in found] == ["not_marc", number(1)]
    assert isinstance(found[0], Refused)
    assert told in found[0].detail


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="does not exist"):
        run(MarcFiles(tmp_path / "missing"))
    with pytest.raises(SourceError, match="holds no files"):
        run(MarcFiles(tmp_path))
    (tmp_path / ".hidden.mrc").write_bytes(chinese(1))
    (tmp_path / "upload.mrc.part").write_bytes(chinese(1))
    with pytest.raises(SourceError, match="holds no files"):
        run(MarcFiles(tmp_path))


def test_wrong_settings(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="give full or delta"):
        MarcFiles(tmp_path, delivery="weekly")
    with pytest.raises(SourceError, match="no charset named 'klingon'"):
        MarcFiles(tmp_path, charset="klingon")


def test_unreadable_file_leaves_the_run_incomplete(drop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    really = Path.open

    def refuse(path: Path, *args: object, **more: object) -> object:
        if path.name == "b.iso":
            raise PermissionError(13, "Permission denied")
        return really(path, *args, **more)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", refuse)
    pages, ending = run(MarcFiles(drop))
    assert sum(len(page.events) for page in pages) == 30
    assert (ending.complete, ending.checkpoint) == (False, "")
    assert ending.reason == "b.iso can't be read: Permission denied; check its permissions."
    with pytest.raises(SourceError, match="can't be read: Permission denied"):
        run(MarcFiles(drop / "b.iso"))


def test_file_that_changes_while_it_is_read(drop: Path) -> None:
    reader = MarcFiles(drop, page_size=2)
    pages = reader.pages("", "")
    next(pages)
    with (drop / "a.mrc").open("ab") as file:
        file.write(chinese(1000))
    *_, ending = list(pages)
    assert isinstance(ending, Ending)
    assert not ending.complete
    assert "a.mrc: it changed while it was read" in ending.reason


# ------------------------------------------------------------------------------------------------ samples


def test_every_sample_file_goes_through(samples: Path) -> None:
    """Each alone: nothing but a SourceError for what is no MARC, and all that is received can be decoded."""
    counts: Counter[str] = Counter()
    for path in sorted(samples.rglob("*")):
        if not path.is_file():
            continue
        try:
            pages, _ = run(MarcFiles(path))
        except SourceError as error:
            assert path.suffix in (".json", ".jsonl", ".md", ".txt", ".xspec", ".xml", ""), error
            counts["source_error"] += 1
            continue
        for event in (event for page in pages for event in page.events):
            counts[event.code if isinstance(event, Refused) else "received"] += 1
            if isinstance(event, Received) and not event.deleted:
                assert decode_raw(event.format, event.data, event.charset).fields
    assert counts["received"] >= 2114
    assert counts["source_error"] <= 88
    refused = {"not_marc": 205, "garbage": 3, "duplicate_identifier": 3, "broken_xml": 2, "empty_record": 1}
    assert {code: counts[code] for code in refused} == refused


def test_all_sample_folders_as_one_delta(samples: Path) -> None:
    """The same records come from a folder as from its files."""
    for folder in ("cnmarc", "unimarc", "broken"):
        files = [path for path in sorted((samples / folder).rglob("*")) if path.is_file()]
        alone = 0
        for path in files:
            try:
                alone += len(identifiers(MarcFiles(path, "delta")))
            except SourceError:
                continue
        assert len(identifiers(MarcFiles(samples / folder, "delta"))) == alone > 0
