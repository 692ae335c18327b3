"""Clusters from accepted pairs: a function of the set, never of the order; no chain past a conflict."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from indexer.cluster.resolve import Pair, components, resolve


def never(_a: int, _b: int) -> bool:
    return False


def test_components_are_sorted() -> None:
    assert components([5, 3, 9, 1, 7], [(3, 9), (1, 3)]) == [[1, 3, 9], [5], [7]]


def test_chain_without_conflict_is_one_cluster() -> None:
    assert resolve([1, 2, 3], {(1, 2): 70, (2, 3): 60}, never) == [[1, 2, 3]]


def test_volumeless_record_goes_to_the_stronger_volume_only() -> None:
    """1 and 3 are volumes 1 and 2, which never shared a key."""
    assert resolve([1, 2, 3], {(1, 2): 60, (2, 3): 70}, lambda a, b: (a, b) == (1, 3)) == [[1], [2, 3]]


def test_equal_scores_are_decided_by_ids() -> None:
    assert resolve([1, 2, 3], {(2, 3): 70, (1, 2): 70}, lambda a, b: {a, b} == {1, 3}) == [[1, 2], [3]]


def test_must_link_overrides_a_conflict() -> None:
    assert resolve([1, 2], {}, lambda a, b: True, must=[(1, 2)]) == [[1, 2]]


def test_what_a_person_joined_attracts_what_belongs_to_either() -> None:
    def conflict(a: int, b: int) -> bool:
        return {a, b} & {1, 3} != set() and {a, b} & {2} != set()

    assert resolve([1, 2, 3], {(1, 3): 80}, conflict, must=[(1, 2)]) == [[1, 2, 3]]


def test_cannot_link_overrides_everything() -> None:
    assert resolve([1, 2], {(1, 2): 99}, never, cannot=[(1, 2)]) == [[1], [2]]
    pairs = {(1, 3): 90, (2, 3): 80}
    assert resolve([1, 2, 3], pairs, never, cannot=[(1, 2)]) == [[1, 3], [2]]
    assert resolve([1, 2, 3], {}, never, must=[(1, 2), (2, 3)], cannot=[(1, 3)]) == [[1, 2], [3]]


@given(
    accepted=st.dictionaries(
        st.tuples(st.integers(0, 7), st.integers(0, 7)).filter(lambda p: p[0] < p[1]), st.integers(60, 120)
    ),
    vetoed=st.sets(st.tuples(st.integers(0, 7), st.integers(0, 7)).filter(lambda p: p[0] < p[1])),
    order=st.randoms(use_true_random=False),
)
def test_order_plays_no_part_and_no_conflict_is_inside(
    accepted: dict[Pair, int], vetoed: set[Pair], order: st.DataObject
) -> None:
    vetoed -= accepted.keys()
    items = list(accepted.items())
    order.shuffle(items)  # type: ignore[attr-defined]
    nodes = list(range(8))
    order.shuffle(nodes)  # type: ignore[attr-defined]

    def conflict(a: int, b: int) -> bool:
        return (min(a, b), max(a, b)) in vetoed

    found = resolve(range(8), accepted, conflict)
    assert found == resolve(nodes, dict(items), conflict)
    assert sorted(node for group in found for node in group) == list(range(8))
    for group in found:
        assert not set(combinations(group, 2)) & vetoed
