"""How many elements there are, where that is certain."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contextkit.lint.source.follow import Run
from contextkit.lint.source.lengths import alike, cloned, constant, counted, cut, steady
from contextkit.lint.source.project import Project
from contextkit.lint.source.values import Event, Heap, Kind, Spot, Taint, Value

SPOT = Spot("a.py", 1, 0, 1, 4)
BOUNDS = st.one_of(st.none(), st.integers(-9, 9))


def of(count: int, kind: str = "list") -> Heap:
    """A constant of a module with that many elements."""
    return Heap(kind, items=[Value(const=at) for at in range(count)], stage="module")


@given(st.integers(1, 9), BOUNDS, BOUNDS, st.one_of(st.none(), st.integers(-3, 3).filter(bool)))
def test_a_slice_of_a_constant_is_what_python_cuts(
    count: int, start: int | None, stop: int | None, step: int | None
) -> None:
    """The elements of `BOOKS[a:b:c]` are those that Python gives."""
    found = cut([of(count)], [Value(const=start), Value(const=stop), Value(const=step)])
    assert found is not None
    assert [one.const for one in found] == list(range(count))[start:stop:step]


def test_what_is_not_constant_is_not_cut() -> None:
    """A list that grew, that is not whole or that an object holds, and bounds that are no literals, are left open."""
    bounds = [Value(const=0), Value(const=2), Value(const=None)]
    taint = Taint(Kind.TURN, SPOT)
    grown, part, own, edited = of(3), of(3), of(3), of(3)
    grown.grown, part.whole, own.stage, edited.events = taint, False, "init", [Event(taint)]
    for heap in (grown, part, own, edited, of(0)):
        assert not constant(heap)
        assert cut([heap], bounds) is None
    assert cut([of(3)], [Value(open=True), *bounds[1:]]) is None
    assert cut([of(3)], [*bounds[:2], Value(const=0)]) is None
    assert cut([of(3), of(3)], bounds) is None


@given(st.lists(st.integers(0, 6), min_size=1, max_size=4))
def test_rows_side_by_side_are_as_many_as_python_zips(counts: list[int]) -> None:
    """Of known lists the shortest decides, as with `zip`; of unknown ones the longest that was seen."""
    lists = [of(count).items for count in counts]
    assert alike(lists, [True] * len(lists)) == len(list(zip(*lists, strict=False)))
    assert alike(lists, [False] * len(lists)) == max(counts)


@pytest.mark.parametrize(
    ("body", "certain"),
    [
        ("blocks.append(book)", True),
        ("if book:\n        blocks.append(book)", True),
        ("if done:\n        break\n    blocks.append(book)", False),
        ("if done:\n        continue\n    blocks.append(book)", False),
        ("if done:\n        return blocks\n    blocks.append(book)", False),
        ("try:\n        blocks.append(load(book))\n    except OSError:\n        pass", False),
    ],
)
def test_a_loop_is_steady_when_its_body_runs_to_its_end(body: str, certain: bool) -> None:
    """A loop over a constant that may be left early is not; nor is one over what is not known."""
    node = ast.parse(f"for book in BOOKS:\n    {body}").body[0]
    assert isinstance(node, ast.For)
    run = Run(Project({}, source=lambda _: ""), stage="call")
    assert steady(run, Value(heap=of(5)), node) is certain
    assert not steady(run, Value(open=True), node)
    assert not steady(run, Value(heap=of(1)), node)


def test_what_is_appended_is_counted_in_steady_loops_only() -> None:
    """A branch, or a further loop around the list's end, leaves open how often something is appended."""
    run = Run(Project({}, source=lambda _: ""), stage="call", loops=(1, 2), steady={2})
    assert counted(run, Heap("list", loops=(1,)))
    assert not counted(run, Heap("list"))
    assert not counted(run, Heap("list", loops=(1,), stage="module"))
    run.branch = 1
    assert not counted(run, Heap("list", loops=(1,)))


def test_a_copy_is_changed_alone() -> None:
    """A mark on a copied block is not on the original."""
    block = Value(heap=Heap("dict", keys={"text": Value(const="a")}))
    copy = cloned(block)
    assert copy.heap is not None
    copy.heap.keys["cache_control"] = Value(open=True)
    assert block.heap is not None
    assert set(block.heap.keys) == {"text"}
