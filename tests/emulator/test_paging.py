"""Lists in pages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contextkit.emulator.answer import Refusal
from contextkit.emulator.paging import page

ITEMS = [{"id": f"i{at}"} for at in range(7)]


@given(st.integers(1, 9))
def test_pages_forward_give_everything_once(limit: int) -> None:
    """Following `last_id` walks the list to its end, in order."""
    seen: list[str] = []
    query = {"limit": str(limit)}
    while True:
        got = page(ITEMS, query)
        seen += [item["id"] for item in got["data"]]
        if not got["has_more"]:
            break
        query["after_id"] = got["last_id"]
    assert seen == [item["id"] for item in ITEMS]


def test_pages_backward_end_before_the_id() -> None:
    """`before_id` gives what stands directly before it."""
    got = page(ITEMS, {"before_id": "i5", "limit": "2"})
    assert [item["id"] for item in got["data"]] == ["i3", "i4"]
    assert got["has_more"]
    assert not page(ITEMS, {"before_id": "i2"})["has_more"]


def test_an_empty_list_has_no_ids() -> None:
    """First and last are null."""
    assert page([], {}) == {"data": [], "has_more": False, "first_id": None, "last_id": None}


@pytest.mark.parametrize(
    "query", [{"limit": "0"}, {"limit": "1001"}, {"limit": "x"}, {"limit": "-1"}, {"after_id": "nope"}]
)
def test_wrong_queries_are_refused(query: dict[str, str]) -> None:
    """Limits outside 1 to 1000 and unknown ids are the API's errors."""
    with pytest.raises(Refusal):
        page(ITEMS, query)
