# mypy: disable-error-code="import-not-found"
"""Fails, and says why: run `pytest` in this folder."""

import pytest
from anthropic import Anthropic
from app import ask


@pytest.mark.cache_stable(min_read=0.9)
def test_questions_share_their_prefix(claude_client: Anthropic) -> None:
    """The second question reads what the first has written."""
    history: list[dict[str, str]] = []
    ask(claude_client, history, "How many days of leave are there?")
    ask(claude_client, history, "And who approves them?")
