"""Blocks: the records that share a match key, and which pairs of them are worth a comparison.

A block above the limit is split by a second key (year, publisher, volume): only records that share it too are compared
there. Whether a pair is a candidate is thus a function of the records that there are, never of the order in which they
came: when a block grows past the limit, or shrinks below it, all its records are compared anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from indexer.cluster.features import Features
from indexer.cluster.keys import split_key
from indexer.cluster.resolve import Pair, ordered
from store import clusters
from store.database import Unit

LIMIT = 100
"""Nodes in a block. As many libraries may each have catalogued one publication in their own way."""


class Blocks:
    """The blocks that one batch touches."""

    def __init__(self, unit: Unit, limit: int = LIMIT) -> None:
        self.unit = unit
        self.limit = limit
        self.whole: dict[int, set[int]] = {}  # key → nodes, of blocks below the limit
        self.split: dict[int, int] = {}  # key → size, of blocks above it
        self.splits = 0  # blocks that this batch split

    def change(self, added: Mapping[int, Features], removed: Mapping[int, Features]) -> set[int]:
        """Take nodes in and out. Returns the nodes of all blocks that went past the limit or came back below it."""
        incoming, outgoing = _rows(added), _rows(removed)
        self._load({key for key, _, _ in incoming} | {key for key, _, _ in outgoing})
        clusters.drop_keys(self.unit, outgoing)
        clusters.add_keys(self.unit, incoming)
        before = dict(self.split)
        for rows, step in ((outgoing, -1), (incoming, 1)):
            for key, _, node in rows:
                if key in self.split:
                    self.split[key] += step
                elif step > 0:
                    self.whole[key].add(node)
                else:
                    self.whole[key].discard(node)
        return self._cross(before)

    def _cross(self, before: Mapping[int, int]) -> set[int]:
        grown = {key: len(nodes) for key, nodes in self.whole.items() if len(nodes) > self.limit}
        shrunk = {key for key, size in self.split.items() if size <= self.limit}
        crossed = {node for key in grown for node in self.whole.pop(key)}
        for key in shrunk:
            del self.split[key]
            self.whole[key] = set()
        for key, _, node in clusters.blocks(self.unit, shrunk):
            self.whole[key].add(node)
            crossed.add(node)
        changed = {key: size for key, size in self.split.items() if size != before[key]}
        clusters.set_split_sizes(self.unit, grown, changed, shrunk)
        self.split |= grown
        self.splits += len(grown)
        return crossed

    def pairs(self, nodes: Mapping[int, Features]) -> set[Pair]:
        """Every pair worth a comparison that has one of the nodes in it."""
        rows = _rows(nodes)
        self._load({key for key, _, _ in rows})
        within: dict[tuple[int, int], list[int]] = {(key, split): [] for key, split, _ in rows if key in self.split}
        for key, split, node in clusters.sub_blocks(self.unit, within):
            within[key, split].append(node)
        found: set[Pair] = set()
        for key, split, node in rows:
            others: Iterable[int] = within[key, split] if key in self.split else self.whole[key]
            for other in others:
                if other != node:
                    found.add(ordered(node, other))
        return found

    def _load(self, keys: set[int]) -> None:
        """Blocks that are not known yet, as the store has them."""
        missing = keys - self.whole.keys() - self.split.keys()
        sizes = clusters.split_sizes(self.unit, missing)
        self.split |= sizes
        below = missing - sizes.keys()
        for key in below:
            self.whole[key] = set()
        for key, _, node in clusters.blocks(self.unit, below):
            self.whole[key].add(node)


def _rows(nodes: Mapping[int, Features]) -> list[tuple[int, int, int]]:
    rows = []
    for node, features in nodes.items():
        split = split_key(features.year, features.publisher, features.volume)
        rows += [(key, split, node) for key in features.keys]
    return rows
