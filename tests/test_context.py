"""What is in the window, part by part."""

from __future__ import annotations

import pytest

from contextkit import Conversation


@pytest.mark.parametrize("words", ["word " * 2_000, '{"a": 1.5}' * 500, "Read the file again. " * 300])
def test_before_the_first_bill_the_parts_are_the_total(words: str) -> None:
    """Whatever stands in the window, its parts and the total are one estimate until a bill corrects the total."""
    window = Conversation(model="sonnet", system="Be brief. " * 50).user("Begin.").user(words).context
    parts = window.tools + window.system + window.head + window.summaries + window.recent
    assert abs(parts - window.total.tokens) <= 3
    assert window.total.low <= parts <= window.total.high
