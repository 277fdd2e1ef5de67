"""Content blocks as tool outputs: all their texts within one cap, what is no text untouched."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contextkit.api.facts import MAX_REQUEST_BYTES
from contextkit.errors import ContentError
from contextkit.shape.blocks import bounded, texts
from contextkit.shape.text import fair_share

IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}


def a_text(words: str) -> dict[str, Any]:
    """A text block."""
    return {"type": "text", "text": words}


def a_document(words: str) -> dict[str, Any]:
    """A document block of plain text."""
    return {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": words}}


def a_hit(*words: str) -> dict[str, Any]:
    """A search result block."""
    return {"type": "search_result", "source": "s", "title": "t", "content": [a_text(each) for each in words]}


def capped(blocks: list[dict[str, Any]], most: int) -> list[dict[str, Any]]:
    """The blocks under a cap that cuts at the character."""
    return bounded(deepcopy(blocks), most, lambda text, size: text[:size], where="output of t")


def size(blocks: list[dict[str, Any]]) -> int:
    """Characters of all texts."""
    return sum(len(holder[key]) for block in blocks for holder, key in texts(block))


BLOCKS = st.lists(
    st.one_of(
        st.builds(a_text, st.text(max_size=900)),
        st.builds(a_document, st.text(max_size=900)),
        st.builds(a_hit, st.text(max_size=300), st.text(max_size=300)),
        st.just(IMAGE),
    ),
    max_size=20,
)


@given(BLOCKS, st.integers(200, 3_000))
def test_all_texts_together_keep_to_the_cap(blocks: list[dict[str, Any]], most: int) -> None:
    """However many blocks of whatever kind hold text, it is at most the cap; images all stay."""
    made = capped(blocks, most)
    assert size(made) <= most
    assert made.count(IMAGE) == blocks.count(IMAGE)
    if size(blocks) <= most:
        assert made == blocks


def test_only_what_is_long_is_cut() -> None:
    """A short text beside a long one stays whole, in whatever kind of block."""
    made = capped([a_text("short"), a_document("x" * 5_000), a_hit("brief", "y" * 5_000)], 1_000)
    assert made[0] == a_text("short")
    assert made[2]["content"][0] == a_text("brief")
    assert len(made[1]["source"]["data"]) == len(made[2]["content"][1]["text"]) == 495


def test_too_many_texts_become_one() -> None:
    """Thousands of short blocks are one text, the images after it."""
    made = capped([IMAGE, *[a_text(f"line {n}") for n in range(5_000)]], 1_000)
    assert [block["type"] for block in made] == ["text", "image"]
    assert made[0]["text"].startswith("line 0\n\nline 1")


def test_a_file_that_no_request_can_carry_is_refused() -> None:
    """An image over the API's limit of a whole request is a clear error, which names the way out."""
    huge = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "A" * MAX_REQUEST_BYTES}}
    with pytest.raises(ContentError, match="32,000,004"):
        capped([huge, IMAGE], 1_000)


@given(st.lists(st.integers(0, 500), max_size=30), st.integers(0, 5_000))
def test_the_share_is_fair_and_fits(lengths: list[int], limit: int) -> None:
    """Capped at the share, all texts together fit; where they fit anyway, none is cut."""
    share = fair_share(lengths, limit)
    assert sum(min(length, share) for length in lengths) <= limit
    if sum(lengths) <= limit:
        assert share >= max(lengths, default=0)
