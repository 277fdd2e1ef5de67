"""Marks: where they stand, and in which order the server renders what they stand on."""

from __future__ import annotations

from typing import Any

import pytest

from contextkit.api.facts import UNMARKABLE
from contextkit.api.marks import blocks_in_order, mark_of, refused_marks

MARK = {"type": "ephemeral"}


@pytest.mark.parametrize(
    ("mark", "life"),
    [(None, None), ({}, None), (MARK, "5m"), ({**MARK, "ttl": None}, "5m"), ({**MARK, "ttl": "1h"}, "1h")],
)
def test_the_life_that_a_mark_asks_for(mark: Any, life: str | None) -> None:
    """Five minutes unless an hour is named; no mark, no life."""
    assert mark_of({"type": "text", "text": "x", "cache_control": mark}) == life
    assert mark_of({"type": "text", "text": "x"}) is None


def test_blocks_come_in_render_order() -> None:
    """Tools, then system, then messages, whatever the order of the body's keys; strings are one block each."""
    body = {
        "messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": [{"type": "text"}] * 2}],
        "system": "s",
        "tools": [{"name": "t"}, {"name": "u"}],
    }
    assert [path for path, _ in blocks_in_order(body)] == [
        ("tools", 0, 0),
        ("tools", 1, 0),
        ("system", 0, 0),
        ("messages", 0, 0),
        ("messages", 1, 0),
        ("messages", 1, 1),
    ]


@pytest.mark.parametrize("kind", sorted(UNMARKABLE))
def test_blocks_that_cannot_be_marked(kind: str) -> None:
    """A mark on a block without that field is refused with the block's place."""
    body = {"messages": [{"role": "assistant", "content": [{"type": kind, "cache_control": MARK}]}]}
    assert list(refused_marks(body)) == ["messages.0.content.0.cache_control: Extra inputs are not permitted"]
