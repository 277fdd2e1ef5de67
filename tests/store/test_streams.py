"""The promises of event streams, run over every backend."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contextkit.errors import ConfigError, ConflictError
from contextkit.store.base import StoreError, opened, streams_of
from contextkit.store.memory import MemoryStore
from contextkit.store.redis import RedisStore
from contextkit.store.sqlite import SQLiteStore
from contextkit.store.streams import Streams, sealed, unsealed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NAMES = st.sampled_from(["", "a", "a/b", "../../etc/passwd", "a*", "a%", "a_", "ä", "a\x00b", "{x}:s:", "'; --"])
STEPS = st.lists(
    st.tuples(st.sampled_from(["append", "stale", "delete"]), NAMES, st.lists(st.binary(max_size=20), max_size=3)),
    max_size=20,
)


@pytest.fixture(params=["memory", "sqlite", "redis"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Any]:
    """A maker of stores of one kind, each empty."""
    server = request.getfixturevalue("redis_server") if request.param == "redis" else None

    def made() -> Any:
        if server is not None:
            return RedisStore(server.url, prefix=uuid4().hex)
        return MemoryStore() if request.param == "memory" else SQLiteStore(tmp_path / f"{uuid4().hex}.db")

    return made


@pytest.fixture
def streams(make: Callable[[], Any]) -> Any:
    """Streams of one kind, empty."""
    return streams_of(make())


def test_they_are_streams(streams: Any) -> None:
    """Every backend has what the protocol asks for."""
    assert isinstance(streams, Streams)


@given(STEPS)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_they_are_a_dict_of_lists(make: Callable[[], Any], steps: list[tuple[str, str, list[bytes]]]) -> None:
    """Any run of operations gives what a dict of lists gives; keys are only names, whatever they hold."""
    store = make()
    streams, model = streams_of(store), dict[str, list[bytes]]()
    for act, key, events in steps:
        held = model.get(key, [])
        if act == "append":
            assert streams.append(key, events, len(held)) == len(held) + len(events)
            if events:
                model[key] = held + events
        elif act == "stale":
            with pytest.raises(ConflictError):
                streams.append(key, events, len(held) + 1)
        else:
            assert streams.delete(key) == (model.pop(key, None) is not None)
        assert streams.read(key) == model.get(key, [])
        assert streams.read(key, 1) == model.get(key, [])[1:]
        assert streams.version(key) == len(model.get(key, []))
        for prefix in ("", "a", "a/", "a%", "ä"):
            assert streams.keys(prefix) == sorted(name for name in model if name.startswith(prefix))
    if isinstance(store, SQLiteStore):
        store.close()


def test_an_append_without_a_version_goes_behind_what_others_wrote(streams: Any) -> None:
    """Of threads that append without an expected version every event is kept, once."""
    with ThreadPoolExecutor(4) as pool:
        versions = list(pool.map(lambda number: streams.append("k", [b"%d" % number]), range(24)))
    assert sorted(versions) == list(range(1, 25))
    assert sorted(int(event) for event in streams.read("k")) == list(range(24))


def test_of_two_writers_one_is_told_of_the_conflict(streams: Any) -> None:
    """Of writers that expect the same version one wins; the others learn what is there and what to do."""
    told: list[ConflictError] = []

    def append(number: int) -> int | None:
        try:
            return int(streams.append("talk", [b"%d" % number], 0)) and number
        except ConflictError as error:
            told.append(error)
            return None

    with ThreadPoolExecutor(4) as pool:
        won = [number for number in pool.map(append, range(1, 9)) if number is not None]
    assert [b"%d" % number for number in won] == streams.read("talk")
    assert len(told) == 7
    assert {(error.where, error.what) for error in told} == {("talk", "1 events are there, 0 were expected")}


def test_what_one_object_wrote_the_other_reads(redis_server: Any, tmp_path: Path) -> None:
    """A file and a server are shared between objects, and found by their address."""
    for address in (f"sqlite:///{tmp_path}/kept.db", redis_server.url):
        key = uuid4().hex
        streams_of(opened(address)).append(key, [b"1", b"2"], 0)
        assert streams_of(opened(address)).read(key) == [b"1", b"2"]


def test_a_damaged_event_is_named(tmp_path: Path) -> None:
    """A changed byte, an event that was moved and one that is gone are errors; what is before them can be read."""
    store = SQLiteStore(tmp_path / "kept.db")
    store.streams.append("k", [b"one", b"two", b"three"])
    with store._file.writing() as db:
        db.execute("UPDATE events SET data = ? WHERE version = 2", (sealed("k", 1, b"two"),))
    with pytest.raises(StoreError, match="event 2 of 'k' is damaged") as caught:
        store.streams.read("k")
    assert "The 1 before it are whole" in caught.value.fix
    assert store.streams.read("k", after=2) == [b"three"]
    with store._file.writing() as db:
        db.execute("DELETE FROM events WHERE version = 3")
    with pytest.raises(StoreError, match="1 events after 1 where 2 were written"):
        store.streams.read("k", after=1)


def test_redis_events_are_checked_too(redis_server: Any) -> None:
    """What another program wrote over an event is found."""
    store = RedisStore(redis_server.url, prefix=uuid4().hex)
    store.streams.append("k", [b"one", b"two"])
    store._link.call(lambda client: client.lset(f"{store._link.root}:s:k", 1, b"x" * 40))
    with pytest.raises(StoreError, match="event 2 of 'k' is damaged"):
        store.streams.read("k")


@given(st.text(max_size=5), st.integers(0, 99), st.binary(max_size=30), st.integers(0, 37), st.integers(1, 255))
def test_a_seal_sees_any_changed_byte(key: str, version: int, data: bytes, at: int, flip: int) -> None:
    """What was sealed comes back; with one byte changed, or cut, it does not."""
    kept = sealed(key, version, data)
    assert unsealed(key, version, kept, "here") == data
    at %= len(kept)
    for other in (kept[:at] + bytes([kept[at] ^ flip]) + kept[at + 1 :], kept[:at]):
        with pytest.raises(StoreError):
            unsealed(key, version, other, "here")


def test_an_append_that_is_sent_twice_is_written_once(redis_server: Any) -> None:
    """When the answer of the server is lost the same append is acknowledged, and nothing is written twice."""
    store = RedisStore(redis_server.url, prefix=uuid4().hex)
    run = store._link.run
    lost: list[Any] = []

    def losing(script: str, *given: Any) -> Any:
        answer = run(script, *given)
        if not lost:
            lost.append(answer)
            answer = run(script, *given)  # what the client does when the connection breaks before the answer
        return answer

    store._link.run = losing  # type: ignore[method-assign]
    assert store.streams.append("k", [b"one", b"two"], 0) == 2
    assert lost
    assert store.streams.read("k") == [b"one", b"two"]
    with pytest.raises(ConflictError):
        store.streams.append("k", [b"one", b"two"], 0)


def test_a_store_without_streams_is_refused() -> None:
    """A store of one's own that keeps only values cannot keep conversations; the error says what can."""
    with pytest.raises(ConfigError, match="keeps no streams"):
        streams_of(object())  # type: ignore[arg-type]
