"""Where following begins, and what is left out of programs that are too large."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contextkit.lint.source import findings, roots, summarise

if TYPE_CHECKING:
    import pytest

_SOURCE = """import time, uuid
import anthropic

client = anthropic.Anthropic()

def ask(system, messages):
    stamp = uuid.uuid4().hex
    return client.messages.create(model="claude-opus-5", system=system + stamp, messages=messages)

def dated(messages):
    return ask(time.ctime(), messages)
"""


def lines() -> list[int]:
    """The lines of the findings in the source."""
    return [one.line for one in findings([summarise("a.py", _SOURCE)], source=lambda _: _SOURCE)]


def test_what_leads_to_a_request_is_followed() -> None:
    """A value that a caller hands to the function that sends is found, beside that function's own."""
    assert lines() == [7, 11]


def test_beyond_the_budget_what_itself_sends_is_still_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a program that has used up its steps the sender's own values are found; its callers are left out."""
    monkeypatch.setattr(roots, "BUDGET", -1_000_000)
    assert lines() == [7]
