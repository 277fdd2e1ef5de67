"""The planner's quick count: additive, never an error, near the careful estimate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contextkit.tokens.coefficients import STRUCTURE
from contextkit.tokens.estimate import block_tokens
from contextkit.tokens.quick import quick_tokens
from tests.history.histories import call, result, said, thought

if TYPE_CHECKING:
    from contextkit.api.facts import Family

TEXT = st.text(st.characters(), max_size=300)
VALUES = st.none() | st.booleans() | st.integers() | TEXT | st.lists(TEXT, max_size=3)
INPUTS = st.dictionaries(st.text(max_size=8), VALUES, max_size=4)
IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}
BLOCKS: st.SearchStrategy[dict[str, Any]] = (
    st.builds(said, TEXT)
    | st.builds(thought, TEXT)
    | INPUTS.map(lambda given_input: {**call("a"), "input": given_input})
    | st.builds(lambda content: result("a", content), TEXT | st.none() | st.lists(st.builds(said, TEXT), max_size=3))
    | st.just(IMAGE)
    | st.just({"type": "something_new", "text": "x"})
)
FAMILIES = st.sampled_from(["classic", "2026"])


@given(st.lists(BLOCKS, max_size=5), st.lists(BLOCKS, max_size=5), FAMILIES)
def test_counts_add_up(first: list[Any], second: list[Any], family: Family) -> None:
    """Blocks of two messages count as much apart as together, less one message; none is an error or below nothing."""
    both = quick_tokens(first + second, family)
    apart = quick_tokens(first, family) + quick_tokens(second, family)
    assert both + STRUCTURE["message"] == pytest.approx(apart)
    assert quick_tokens(first, family) >= STRUCTURE["message"]


@given(TEXT, TEXT, FAMILIES)
def test_more_text_is_more_tokens(first: str, second: str, family: Family) -> None:
    """Longer text never counts less."""
    assert quick_tokens([said(first + second)], family) >= quick_tokens([said(first)], family)


PROSE = "The deposits of the northern branch were counted twice, so the auditor asked for the ledger again. " * 20
OUTPUT = "-rw-r--r-- 1 root root  4096 Nov 22 10:31 /usr/lib/python3/dist-packages/apt/cache.py\n" * 20
ROWS = '[{"id": "rec_81b2", "amount": 1204.5, "status": "paid", "note": "as agreed by telephone"}]' * 20


@pytest.mark.parametrize("family", ["classic", "2026"])
@pytest.mark.parametrize(
    "block",
    [said(PROSE), result("a", OUTPUT), result("a", ROWS), call("a", command=OUTPUT)],
    ids=["prose", "output", "json", "call"],
)
def test_it_is_near_the_careful_estimate(block: dict[str, Any], family: Family) -> None:
    """On usual prose, shell output and JSON within two fifths of it, which planning between two bills can stand."""
    careful = block_tokens(block, family) + STRUCTURE["message"]
    assert quick_tokens([block], family) == pytest.approx(careful, rel=0.4)
