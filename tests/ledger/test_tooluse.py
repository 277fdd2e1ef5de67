"""What tool caches did, counted beside the calls."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contextkit.ledger import Ledger, ToolUses
from contextkit.report import summary
from contextkit.toolcache import CacheEvent, cached

KINDS = ("hit", "stale", "shared", "miss", "refresh", "bypass", "refused", "failed")


def test_a_cached_tool_tells_the_ledger() -> None:
    """Every call of a cached tool is counted under its name: runs, answers from the cache, and what they saved."""
    ledger = Ledger()

    @cached(ttl=60, on_event=ledger.tools.note, name="weather")
    def weather(city: str) -> str:
        return f"fine in {city}"

    for city in ("Oslo", "Lyon", "Oslo", "Oslo"):
        weather(city)
    found = ledger.tools.tools["weather"]
    assert (found.served, found.ran, found.hit_rate) == (2, 2, 0.5)
    assert found.saved_seconds >= 0.0
    assert json.loads(json.dumps(found.as_dict()))["ran"] == 2
    assert "tool weather: 2 of 4 calls from the cache" in summary(ledger)


@given(st.lists(st.tuples(st.sampled_from(KINDS), st.sampled_from("ab"), st.floats(0, 9), st.integers(0, 9))))
def test_sums_are_those_of_the_events(events: list[tuple[str, str, float, int]]) -> None:
    """Every event is either served or run, and its savings are in its tool's sums."""
    uses = ToolUses()
    for kind, name, seconds, tokens in events:
        uses.note(CacheEvent(kind, name, "", "", 0.0, 1.0, seconds, tokens))  # type: ignore[arg-type]  # drawn text
    for name, found in uses.tools.items():
        own = [event for event in events if event[1] == name]
        assert found.served + found.ran == len(own) == found.seconds
        assert found.served == sum(event[0] in {"hit", "stale", "shared"} for event in own)
        assert found.saved_seconds == pytest.approx(sum(event[2] for event in own))
        assert found.saved_tokens == sum(event[3] for event in own)


def test_threads_count_together() -> None:
    """No event is lost between threads."""
    uses = ToolUses()
    event = CacheEvent("hit", "a", "", "", 0.0, saved_tokens=1)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: uses.note(event), range(2_000)))
    assert uses.tools["a"].served == uses.tools["a"].saved_tokens == 2_000
