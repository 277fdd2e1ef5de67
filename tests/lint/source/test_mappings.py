"""Dicts by key: whose the order is."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from contextkit.lint.source.mappings import ORDERS, by_sorted_keys, keyed, orderless, placed
from contextkit.lint.source.values import Heap, Kind, Spot, Taint, Value, deep

SPOT = Spot("a.py", 1, 0, 1, 4)
TAINTS = st.frozensets(
    st.builds(Taint, st.sampled_from(list(Kind)), st.just(SPOT), st.sampled_from(["a", "b"]), control=st.booleans())
)


@given(TAINTS)
def test_nothing_but_order_is_lost_with_order(taints: frozenset[Taint]) -> None:
    """Without its order a value keeps every other reason, and as an element it keeps all of them."""
    assert orderless(taints) == {one for one in taints if one.kind not in ORDERS}
    assert {one.kind for one in placed(taints)} == {one.kind for one in taints}
    assert all(one.control for one in placed(taints) if one.kind in ORDERS)


@given(TAINTS)
def test_a_value_and_its_dict_share_what_it_depended_on(taints: frozenset[Taint]) -> None:
    """What moves from a value to the dict is the order it came in, nothing is lost, and only a dict takes it."""
    heap = Heap("dict")
    kept = keyed(heap, Value(taints=placed(taints), open=True))
    assert {one.kind for one in kept.taints | heap.taints} == {one.kind for one in taints}
    assert all(one.kind in ORDERS and not one.control for one in heap.taints)
    other = Heap("list")
    assert keyed(other, Value(taints=placed(taints))).taints == placed(taints)
    assert not other.taints


def test_sorted_keys_end_the_order_of_dicts_only() -> None:
    """The order of a dict goes, that of a list inside of it stays."""
    order, listing = Taint(Kind.ORDER, SPOT, "set"), Taint(Kind.LISTING, SPOT, "glob")
    inner = Value(heap=Heap("list", taints=frozenset({listing})))
    whole = Value(heap=Heap("dict", keys={"files": inner}, taints=frozenset({order})))
    assert deep(whole) == {order, listing}
    assert by_sorted_keys(whole) == {listing}
