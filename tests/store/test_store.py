"""The promises of a store, run over every backend."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contextkit.errors import ConfigError, ContextKitError
from contextkit.store.base import Store, StoreError, opened
from contextkit.store.memory import MemoryStore
from contextkit.store.redis import RedisStore
from contextkit.store.sqlite import SQLiteStore

if TYPE_CHECKING:
    from pathlib import Path

Make = Callable[..., Any]
NAMES = st.text(max_size=12).filter(lambda name: name.isascii() or name.encode("utf-8", "ignore").decode() == name)
STEPS = st.lists(
    st.tuples(st.sampled_from(["put", "add", "get", "delete"]), st.sampled_from("ab"), NAMES, st.binary(max_size=40)),
    max_size=30,
)


@pytest.fixture(params=["memory", "sqlite", "sqlite, not durable", "redis"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    """A maker of fresh stores of one kind."""
    numbers = count()
    server = request.getfixturevalue("redis_server") if request.param == "redis" else None

    def made(limit: int | None = None) -> Any:
        if request.param == "memory":
            return MemoryStore(limit)
        if server is not None:
            return RedisStore(server.url, prefix=uuid4().hex, limit=limit)
        return SQLiteStore(tmp_path / f"{next(numbers)}.db", durable="not" not in request.param, limit=limit)

    return made


class TestEveryStore:
    """What holds for all of them."""

    SLOW: ClassVar[list[HealthCheck]] = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]

    def test_it_is_a_store(self, make: Make) -> None:
        """Every backend has what the protocol asks for."""
        assert isinstance(make(), Store)

    @given(STEPS)
    @settings(max_examples=25, deadline=None, suppress_health_check=SLOW)
    def test_it_is_a_dict_of_dicts(self, make: Make, steps: list[tuple[str, str, str, bytes]]) -> None:
        """Any run of operations gives what a dict gives: answers, keys in order, and sizes by space."""
        store, model = make(), {"a": {}, "b": {}}  # type: tuple[Any, dict[str, dict[str, bytes]]]
        for act, space, key, value in steps:
            held = model[space]
            if act == "put":
                assert store.put(space, key, value)
                held[key] = value
            elif act == "add":
                assert store.put(space, key, value, replace=False) == (key not in held)
                held.setdefault(key, value)
            elif act == "delete":
                assert store.delete(space, key) == (held.pop(key, None) is not None)
            assert store.get(space, key) == held.get(key)
            assert list(store.keys(space)) == list(held)
            assert store.size(space) == sum(map(len, held.values()))
        assert store.size() == sum(len(value) for held in model.values() for value in held.values())
        assert store.dropped == 0

    def test_spaces_are_apart(self, make: Make) -> None:
        """The same key in two spaces is two keys."""
        store = make()
        store.put("one", "k", b"1")
        assert store.get("two", "k") is None
        assert not store.delete("two", "k")
        assert store.get("one", "k") == b"1"

    def test_the_least_recently_used_go_first_and_are_counted(self, make: Make) -> None:
        """Over its bound a store gives up what was not read or written for longest, whatever the space."""
        store = make(limit=30)
        for key in "abc":
            store.put(key, key, b"x" * 10)
        store.get("a", "a")
        store.put("d", "d", b"x" * 10)
        assert [store.get(key, key) is not None for key in "abcd"] == [True, False, True, True]
        assert store.dropped == 1
        assert store.size() == 30

    def test_the_newest_stays_even_when_it_alone_is_over_the_bound(self, make: Make) -> None:
        """A store of ten bytes holds one value of a hundred, and nothing else."""
        store = make(limit=10)
        store.put("a", "small", b"x")
        store.put("a", "large", b"x" * 100)
        assert list(store.keys("a")) == ["large"]
        assert store.dropped == 1

    def test_of_many_writers_one_is_first(self, make: Make) -> None:
        """Of threads that put without replacing, exactly one is told that it wrote; its value stays."""
        store = make()

        def put(number: int) -> tuple[bool, int]:
            return store.put("a", "k", b"%d" % number, replace=False), number

        with ThreadPoolExecutor(4) as pool:
            first = [number for wrote, number in pool.map(put, range(20)) if wrote]
        assert len(first) == 1
        assert store.get("a", "k") == b"%d" % first[0]


def test_a_file_is_for_its_owner_and_outlives_the_object(tmp_path: Path) -> None:
    """Mode 0600, side files included; a second object, and one reopened after close, finds what was put."""
    path = tmp_path / "kept.db"
    store = SQLiteStore(path, durable=False)
    store.put("a", "k", b"v")
    assert {file.stat().st_mode & 0o777 for file in tmp_path.iterdir()} == {0o600}
    with SQLiteStore(path, durable=False) as other:
        assert other.get("a", "k") == b"v"
    store.close()
    assert store.get("a", "k") == b"v"
    assert repr(store) == f"SQLiteStore({str(path)!r})"


def test_what_was_put_survives_a_kill(tmp_path: Path) -> None:
    """A process that is killed right after `put` leaves the value, whole."""
    path = tmp_path / "kept.db"
    code = (
        "import os, sys; from contextkit.store.sqlite import SQLiteStore; s = SQLiteStore(sys.argv[1]);"
        "s.put('a', 'k', b'v' * 100000); os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], check=False)  # noqa: S603
    assert done.returncode == -9
    assert SQLiteStore(path).get("a", "k") == b"v" * 100_000


def test_a_child_process_opens_its_own_connection(tmp_path: Path) -> None:
    """After a fork both sides go on with the same file."""
    store = SQLiteStore(tmp_path / "kept.db")
    store.put("a", "parent", b"1")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forks beside other threads, from Python 3.12 on
        child = os.fork()
    if child == 0:
        store.put("a", "child", b"2")
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert sorted(store.keys("a")) == ["child", "parent"]


def test_a_file_that_is_no_store_is_refused_and_left_alone(tmp_path: Path) -> None:
    """Text, another program's database, a folder, folders that are not there: an error that names the file."""
    text = tmp_path / "text.db"
    text.write_bytes(b"not a database, but quite a few characters of something else" * 30)
    other = tmp_path / "other.db"
    with sqlite3.connect(other) as db:
        db.execute("CREATE TABLE notes (note TEXT)")
    db.close()
    for path in (text, other, tmp_path, tmp_path / "missing" / "too" / "kept.db"):
        with pytest.raises(StoreError) as caught:
            SQLiteStore(path)
        assert caught.value.where == str(path)
        assert isinstance(caught.value, ContextKitError)
    assert text.read_bytes().startswith(b"not a database")


def test_a_failed_write_leaves_the_store_usable(tmp_path: Path) -> None:
    """A disk that is full refuses the value and keeps the others; with room again the store goes on."""
    store = SQLiteStore(tmp_path / "kept.db")
    store.put("a", "k", b"v")
    (pages,) = store._file._opened().execute("PRAGMA page_count").fetchone()
    store._file._opened().execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StoreError, match="full"):
        store.put("a", "big", b"x" * 1_000_000)
    assert store.get("a", "k") == b"v"
    assert store.size() == 1
    store._file._opened().execute("PRAGMA max_page_count = 1000000")
    assert store.put("a", "big", b"x" * 1_000_000)


def test_opened_takes_a_path_or_a_store(tmp_path: Path) -> None:
    """A path is a SQLite file, a store is itself, anything else is refused."""
    memory = MemoryStore()
    assert opened(memory) is memory
    assert isinstance(opened(tmp_path / "kept.db"), SQLiteStore)
    assert isinstance(opened(str(tmp_path / "kept.db")), SQLiteStore)
    with pytest.raises(ConfigError, match="dict"):
        opened({})  # type: ignore[arg-type]
