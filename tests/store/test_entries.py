"""The promises of answers with a lifetime and of leases, run over every backend."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from contextkit.store.base import entries_of
from contextkit.store.entries import Claim, Entries, Match
from contextkit.store.memory import MemoryStore
from contextkit.store.memory_entries import MemoryEntries
from contextkit.store.redis import RedisStore
from contextkit.store.sqlite import SQLiteStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LONG = 1_000.0


def a_key(space: str = "a", group: str = "b", name: str = "c") -> str:
    """A key of three parts."""
    return (space * 16)[:16] + (group * 16)[:16] + name


@pytest.fixture(params=["memory", "sqlite", "redis"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., Any]:
    """A maker of entries of one kind, empty."""
    server = request.getfixturevalue("redis_server") if request.param == "redis" else None

    def made(limit: int | None = None) -> Any:
        if server is not None:
            return entries_of(RedisStore(server.url, prefix=uuid4().hex, limit=limit))
        if request.param == "memory":
            return entries_of(MemoryStore(limit))
        return entries_of(SQLiteStore(tmp_path / f"{uuid4().hex}.db", durable=False, limit=limit))

    return made


def put(entries: Any, key: str, value: bytes, seconds: float = LONG) -> None:
    """Make an answer, as one who holds the lease."""
    assert entries.claim(key, "maker", LONG).granted
    assert entries.settle(key, "maker", value, seconds)


def wait_for(condition: Callable[[], bool]) -> None:
    """Until a condition holds; the test's own limit ends a wait in vain."""
    while not condition():
        time.sleep(0.005)


def test_they_are_entries(make: Callable[..., Any]) -> None:
    """Every backend has what the protocol asks for."""
    assert isinstance(make(), Entries)


def test_an_answer_lives_for_its_time(make: Callable[..., Any]) -> None:
    """What was settled is read until its time is over, and not afterwards."""
    entries = make()
    assert entries.get(a_key()) is None
    put(entries, a_key(), b"1")
    put(entries, a_key(name="short"), b"22", 0.03)
    assert entries.get(a_key()) == b"1"
    wait_for(lambda: entries.get(a_key(name="short")) is None)
    assert entries.get(a_key()) == b"1"
    put(entries, a_key(), b"333")
    assert entries.get(a_key()) == b"333"
    assert entries.size() == 3


def test_one_of_many_holds_the_lease(make: Callable[..., Any]) -> None:
    """Of all that ask at once one is granted it, and may ask again; given back, the next one is."""
    entries = make()
    with ThreadPoolExecutor(8) as pool:
        claims = list(pool.map(lambda number: entries.claim(a_key(), f"t{number}", LONG).granted, range(24)))
    assert claims.count(True) == 1
    holder = f"t{claims.index(True)}"
    assert entries.claim(a_key(), holder, LONG) == Claim(granted=True, value=None)
    entries.release(a_key(), "t-other")
    assert not entries.claim(a_key(), "next", LONG).granted
    entries.release(a_key(), holder)
    assert entries.claim(a_key(), "next", LONG).granted


def test_a_claim_shows_what_is_there(make: Callable[..., Any]) -> None:
    """Whoever asks for the lease sees the answer that is kept, granted or not."""
    entries = make()
    put(entries, a_key(), b"1")
    assert entries.claim(a_key(), "one", LONG) == Claim(granted=True, value=b"1")
    assert entries.claim(a_key(), "two", LONG) == Claim(granted=False, value=b"1")


def test_a_lease_runs_out_and_its_holder_writes_nothing(make: Callable[..., Any]) -> None:
    """A holder that slept through its lease is fenced off: it renews nothing, settles nothing, releases nothing."""
    entries = make()
    assert entries.claim(a_key(), "slow", 0.02).granted
    wait_for(lambda: entries.claim(a_key(), "next", LONG).granted)
    assert not entries.renew(a_key(), "slow", LONG)
    assert not entries.settle(a_key(), "slow", b"old", LONG)
    entries.release(a_key(), "slow")
    assert not entries.claim(a_key(), "third", LONG).granted
    assert entries.settle(a_key(), "next", b"new", LONG)
    assert entries.get(a_key()) == b"new"
    assert not entries.settle(a_key(), "next", b"again", LONG)


def test_a_renewed_lease_is_held_on(make: Callable[..., Any]) -> None:
    """Renewed, a lease outlives its first time."""
    entries = make()
    start = time.monotonic()
    assert entries.claim(a_key(), "one", 0.4).granted
    assert entries.renew(a_key(), "one", LONG)
    wait_for(lambda: time.monotonic() > start + 0.5)
    assert not entries.claim(a_key(), "two", LONG).granted


def test_dropping_takes_answers_and_leases(make: Callable[..., Any]) -> None:
    """One key, a group in all spaces, a space, and everything; who was making one of them writes nothing."""
    keys = [a_key(space, group, name) for space in "xy" for group in "gh" for name in "12"]
    for match, gone in [
        (Match(key=keys[0]), 1),
        (Match(group="g" * 16), 4),
        (Match(space="x" * 16), 4),
        (Match(space="x" * 16, group="h" * 16), 2),
        (Match(), 8),
    ]:
        entries = make()
        for key in keys:
            put(entries, key, b"1")
            assert entries.claim(key, "maker", LONG).granted
        assert entries.drop(match) == gone
        assert [entries.get(key) is None for key in keys] == [match(key) for key in keys]
        assert [entries.settle(key, "maker", b"2", LONG) for key in keys] == [not match(key) for key in keys]
        assert entries.size() == 8 - gone


def test_over_its_bound_what_ends_soonest_goes_first(make: Callable[..., Any]) -> None:
    """Answers over the bound are given up by the end of their time and counted; the newest always stays."""
    entries = make(limit=30)
    for name, seconds in [("a", 300.0), ("b", 100.0), ("c", 200.0)]:
        put(entries, a_key(name=name), b"x" * 10, seconds)
    put(entries, a_key(name="d"), b"x" * 10, 50.0)
    assert [name for name in "abcd" if entries.get(a_key(name=name)) is not None] == ["a", "c", "d"]
    assert (entries.dropped, entries.size()) == (1, 30)
    put(entries, a_key(name="large"), b"x" * 100, 1.0)
    assert [name for name in ("a", "c", "d", "large") if entries.get(a_key(name=name)) is not None] == ["large"]
    assert (entries.dropped, entries.size()) == (4, 100)
    put(entries, a_key(name="after"), b"x", 500.0)
    assert entries.get(a_key(name="after")) == b"x"
    assert entries.size() <= 30


def test_answers_past_their_time_are_cleared_away(make: Callable[..., Any]) -> None:
    """A store of short answers does not grow: writing clears what is over, and that counts as nothing given up."""
    entries = make(limit=1_000)
    for number in range(20):
        put(entries, a_key(name=f"{number}"), b"x" * 10, 0.01)
    wait_for(lambda: all(entries.get(a_key(name=f"{number}")) is None for number in range(20)))
    put(entries, a_key(), b"1")
    assert (entries.size(), entries.dropped) == (1, 0)


def test_amending_needs_the_value_that_was_read(make: Callable[..., Any]) -> None:
    """Another value takes the place of one that is still the same, for the rest of its time, within the bound."""
    entries = make(limit=100)
    assert not entries.amend(a_key(), b"1", b"2")
    put(entries, a_key(), b"1")
    assert not entries.amend(a_key(), b"other", b"2")
    assert entries.amend(a_key(), b"1", b"22")
    assert (entries.get(a_key()), entries.size()) == (b"22", 2)
    put(entries, a_key(name="short"), b"1", 0.3)
    assert entries.amend(a_key(name="short"), b"1", b"333")
    wait_for(lambda: entries.get(a_key(name="short")) is None)


def test_time_in_memory_is_the_clock_that_was_given() -> None:
    """An answer and a lease end when the clock says so."""
    now = [100.0]
    entries = MemoryEntries(clock=lambda: now[0])
    put(entries, a_key(), b"1", 10.0)
    assert entries.claim(a_key(), "one", 5.0).granted
    now[0] = 105.0
    assert entries.claim(a_key(), "two", 5.0) == Claim(granted=True, value=b"1")
    now[0] = 110.0
    assert entries.get(a_key()) is None


def test_memory_keeps_no_notes_of_what_was_written_over() -> None:
    """Writing one key a thousand times leaves one answer and a short queue."""
    entries = MemoryEntries()
    for _ in range(1_000):
        put(entries, a_key(), b"1")
    assert entries.size() == 1
    assert len(entries._queue) < 100
