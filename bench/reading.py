"""How fast MARC is read: our reader beside bare pymarc, on the same generated file and in the same run.

    python -m bench.reading [--records 20000] [--rounds 3]

Prints records per second of processor time, the best of the rounds, and the ratio to pymarc merely iterating. Records
are of about 2 KB, CNMARC with holdings; once in UTF-8, once in GB18030, once as MARCXML.
"""

from __future__ import annotations

import argparse
import gc
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pymarc

from harvester.marc.charset import Detector, detect
from harvester.marc.iso2709 import control_number, decode_iso2709
from harvester.marc.marcxml import decode_marcxml
from harvester.marc.marcxml_splitter import split_marcxml
from harvester.marc.splitter import split_iso2709
from harvester.sources.marc_files import MarcFiles
from harvester.sources.protocol import Page

TITLES = ("红楼梦", "中国经济史研究", "数据库系统概论", "北京历史地图集", "明清小说论丛", "机器学习导论")
NAMES = ("曹雪芹", "高鹗", "王珊", "萨师煊", "侯仁之", "周志华", "鲁迅")
NOTE = "本书系统论述了相关学科的基本概念、原理与方法，内容丰富，资料翔实，可供高等院校师生及有关研究人员参考使用。"


def fields(number: int, random: Random) -> list[tuple[str, str]]:
    title, name = random.choice(TITLES), random.choice(NAMES)
    record = [
        ("001", f"{number:012}"),
        ("005", "20240101120000.0"),
        ("010", f"  \x1fa978-7-{number % 10000:04}-{number % 9999:04}-1\x1fdCNY{random.randint(10, 99)}.00"),
        ("100", "  \x1fa20200101d2019    em y0chiy50      ea"),
        ("101", "0 \x1fachi"),
        ("102", "  \x1faCN\x1fb110000"),
        ("105", "  \x1fay   z   000yy"),
        ("106", "  \x1far"),
        ("200", f"1 \x1fa{title}\x1f9{'zhong guo ' * 3}\x1fe第{number}种\x1ff{name}著"),
        ("210", "  \x1fa北京\x1fc人民文学出版社\x1fd2019"),
        ("215", "  \x1fa396页\x1fc图\x1fd24cm"),
        ("225", f"2 \x1fa{random.choice(TITLES)}丛书\x1fv{number % 50}"),
    ]
    record += [("330", f"  \x1fa{NOTE}") for _ in range(random.randint(3, 6))]
    record += [("606", f"0 \x1fa{random.choice(TITLES)}\x1fx研究\x1fy中国") for _ in range(4)]
    record += [("690", "  \x1faI207.411\x1fv5"), ("701", f" 0\x1fa{name}\x1f9li ming\x1f4著")]
    record += [("801", " 0\x1faCN\x1fbRUC\x1fc20240101")]
    record += [("905", f"  \x1faRUC\x1fb{number}{copy}\x1fdI207.411\x1fe{number % 999}") for copy in range(8)]
    return record


def iso2709(record: list[tuple[str, str]], charset: str) -> bytes:
    directory, bodies, at = "", b"", 0
    for tag, text in record:
        body = text.encode(charset) + b"\x1e"
        directory += f"{tag}{len(body):04}{at:05}"
        bodies += body
        at += len(body)
    base = 25 + len(directory)
    mark = "a" if charset == "utf-8" else " "  # pymarc believes it
    return f"{base + at + 1:05}nam0{mark}22{base:05}   450 {directory}\x1e".encode() + bodies + b"\x1d"


def marcxml(record: list[tuple[str, str]]) -> str:
    parts = ["<record><leader>00000nam0 2200000   450 </leader>"]
    for tag, text in record:
        indicators, *subfields = text.split("\x1f")
        if not subfields:
            parts.append(f'<controlfield tag="{tag}">{text}</controlfield>')
            continue
        inner = "".join(f'<subfield code="{part[0]}">{part[1:]}</subfield>' for part in subfields)
        parts.append(f'<datafield tag="{tag}" ind1="{indicators[0]}" ind2="{indicators[1]}">{inner}</datafield>')
    return "".join([*parts, "</record>\n"])


def write(folder: Path, count: int) -> None:
    random = Random(7)
    records = [fields(number, random) for number in range(count)]
    for charset in ("utf-8", "gb18030"):
        with (folder / f"{charset}.mrc").open("wb") as file:
            file.writelines(iso2709(record, charset) for record in records)
    with (folder / "utf-8.xml").open("w", encoding="utf-8") as text:
        text.write('<?xml version="1.0" encoding="UTF-8"?>\n<collection xmlns="http://www.loc.gov/MARC21/slim">\n')
        text.writelines(marcxml(record) for record in records)
        text.write("</collection>\n")


def iterate(path: Path) -> Iterator[object]:
    with path.open("rb") as file:
        charset = path.stem
        reader = pymarc.MARCReader(file) if charset == "utf-8" else pymarc.MARCReader(file, file_encoding=charset)
        yield from reader


def split_only(path: Path) -> Iterator[object]:
    with path.open("rb") as file:
        yield from split_iso2709(file)


def split_with_number(path: Path) -> Iterator[object]:
    with path.open("rb") as file:
        for piece in split_iso2709(file):
            yield control_number(piece.data, path.stem)


def detected(path: Path) -> Iterator[object]:
    with path.open("rb") as file:
        for piece in split_iso2709(file):
            yield detect(piece.data)


def detected_by_vote(path: Path) -> Iterator[object]:
    detector = Detector(path.stem)
    with path.open("rb") as file:
        pieces = [piece.data for _, piece in zip(range(500), split_iso2709(file), strict=False)]
        detector.vote(pieces)
        file.seek(0)
        for piece in split_iso2709(file):
            yield detector.detect(piece.data)


def decoded(path: Path) -> Iterator[object]:
    with path.open("rb") as file:
        for piece in split_iso2709(file):
            yield decode_iso2709(piece.data, path.stem)


def as_source(path: Path) -> Iterator[object]:
    for page in MarcFiles(path).pages("", ""):
        if isinstance(page, Page):
            yield from page.events


def xml_split(path: Path) -> Iterator[object]:
    with path.open("rb") as file:
        yield from split_marcxml(file)


def xml_decoded(path: Path) -> Iterator[object]:
    with path.open("rb") as file:
        for piece in split_marcxml(file):
            yield decode_marcxml(piece.data)


def pymarc_xml(path: Path) -> Iterator[object]:
    found: list[object] = []
    pymarc.map_xml(found.append, str(path))  # type: ignore[no-untyped-call]
    return iter(found)


def rate(read: Callable[[Path], Iterator[object]], path: Path, count: int, rounds: int) -> float:
    best = 0.0
    for _ in range(rounds):
        gc.collect()
        begun = time.process_time()
        read_count = sum(1 for _ in read(path))
        taken = time.process_time() - begun
        assert read_count == count, f"{read.__name__} found {read_count} of {count} records in {path.name}"
        best = max(best, count / taken)
    return best


JOBS: list[tuple[str, list[tuple[str, Callable[[Path], Iterator[object]]]]]] = [
    (
        "utf-8.mrc",
        [
            ("pymarc, iterate", iterate),
            ("cut and check", split_only),
            ("cut, control number", split_with_number),
            ("cut, full decode", decoded),
            ("as a source (files to events)", as_source),
        ],
    ),
    (
        "gb18030.mrc",
        [
            ("pymarc, iterate, told the charset", iterate),
            ("cut, charset of each record alone", detected),
            ("cut, charset with the file's vote", detected_by_vote),
            ("cut, full decode", decoded),
            ("as a source (files to events)", as_source),
        ],
    ),
    (
        "utf-8.xml",
        [
            ("pymarc, whole file", pymarc_xml),
            ("cut", xml_split),
            ("cut, full decode", xml_decoded),
            ("as a source (files to events)", as_source),
        ],
    ),
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), options.records)
        for name, jobs in JOBS:
            path = Path(folder) / name
            size = path.stat().st_size
            print(f"{name}: {options.records} records, {size / options.records:.0f} bytes each")
            base = 0.0
            for label, read in jobs:
                found = rate(read, path, options.records, options.rounds)
                base = base or found
                print(f"  {label:<36} {found:>9,.0f} records/s  {found / base:5.1f} × pymarc")


if __name__ == "__main__":
    main()
