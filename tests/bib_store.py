"""Normal records in a state database, as harvesting and normalising would have left them."""

from __future__ import annotations

from indexer.cluster.features import features_of, pack_features, signature
from mappings.model import BibRecord, Library, encode
from store import libraries, records
from store.database import Database, metadata
from store.libraries import SourceConfig
from store.packing import pack
from store.progress import take_numbers
from store.unions import members_of

Name = tuple[str, str]  # symbol of the library, identifier


def empty_database() -> Database:
    """In memory, for tests that need hundreds of them."""
    database = Database("sqlite://")
    metadata.create_all(database.engine)
    return database


class Shelf:
    """Puts BibRecords into a database and takes them out again. One source a library."""

    def __init__(self, database: Database, symbols: tuple[str, ...] = ("BNU", "CLCN", "PKU", "RUC")) -> None:
        self.database = database
        self.sources: dict[str, int] = {}
        self.ids: dict[Name, int] = {}
        with database.write() as unit:
            for symbol in symbols:
                libraries.put_library(unit, Library(symbol, f"{symbol}图书馆", symbol))
                config = SourceConfig(path=f"/{symbol}")
                source = libraries.put_source(unit, f"{symbol}/files", symbol, "marc_files", config)
                self.sources[symbol] = source.id

    def put(self, *bibs: tuple[str, str, BibRecord]) -> None:
        """(library, identifier, record), each new or changed."""
        with self.database.write() as unit:
            for symbol, identifier, bib in bibs:
                (seq,) = take_numbers(unit, "bib", 1)
                record_id, is_new = self._raw(unit, symbol, identifier, seq)
                features = pack_features(features_of(bib))
                row = {
                    "record_id": record_id, "source_id": self.sources[symbol], "seq": seq, "raw_seq": seq,
                    "deleted": False, "signature": signature(features), "features": features, "data": pack(encode(bib)),
                }  # fmt: skip
                (records.insert_bibs if is_new else records.update_bibs)(unit, [row])

    def remove(self, symbol: str, identifier: str) -> None:
        with self.database.write() as unit:
            (seq,) = take_numbers(unit, "bib", 1)
            row = {
                "record_id": self.ids[symbol, identifier], "source_id": self.sources[symbol], "seq": seq,
                "raw_seq": seq, "deleted": True, "signature": b"", "features": b"", "data": b"",
            }  # fmt: skip
            records.update_bibs(unit, [row])

    def name(self, symbol: str, identifier: str) -> tuple[int, str]:
        """As judgements speak of it."""
        return self.sources[symbol], identifier

    def keys(self) -> dict[Name, int]:
        """The union key of every record that is in a cluster."""
        with self.database.read() as unit:
            found = unit.exec_driver_sql(
                "select m.record_id, n.cluster from cluster_member m join cluster_node n on n.node = m.node"
            )
            key_of = {row[0]: row[1] for row in found}
        return {name: key_of[record_id] for name, record_id in sorted(self.ids.items()) if record_id in key_of}

    def partition(self) -> set[frozenset[Name]]:
        """The clusters as sets of records."""
        groups: dict[int, set[Name]] = {}
        for name, key in self.keys().items():
            groups.setdefault(key, set()).add(name)
        with self.database.read() as unit:
            for key, group in groups.items():
                assert {(m.library, m.identifier) for m in members_of(unit, key)} == group
        return {frozenset(group) for group in groups.values()}

    def _raw(self, unit: records.Connection, symbol: str, identifier: str, seq: int) -> tuple[int, bool]:
        known = self.ids.get((symbol, identifier))
        if known is not None:
            return known, False
        row = {
            "source_id": self.sources[symbol], "identifier": identifier, "seq": seq, "deleted": False,
            "format": "iso2709", "charset": "utf-8", "datestamp": "", "sets": "[]", "flags": "[]", "digest": b"",
            "data": b"", "changed_run": 1, "seen_run": 1, "changed_as": "added",
        }  # fmt: skip
        inserted = unit.execute(records.raw_record.insert().values(row)).inserted_primary_key
        assert inserted is not None
        self.ids[symbol, identifier] = inserted[0]
        return inserted[0], True
