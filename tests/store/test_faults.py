"""What happens to a store when the process, the disk or the server fails."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from contextkit.errors import ConfigError, ConflictError
from contextkit.store.base import StoreError, opened, streams_of
from contextkit.store.redis import RedisStore
from contextkit.store.sqlite import SQLiteStore
from contextkit.store.sqlite_file import _SCHEMAS
from tests.redis_server import RedisServer, require_redis

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[2]

WRITER = """
import sys
from contextkit.store.base import opened, streams_of
store = opened(sys.argv[1])
streams, key = streams_of(store), sys.argv[2]
version = streams.version(key)
while True:
    events = [b"%d:" % (version + at) + b"x" * ((version * 37) % 3000) for at in (1, 2)]
    store.put(key, str(version + 2), b"y" * 500)
    version = streams.append(key, events, version)
    print(version, flush=True)
"""


def killed_writer(address: str, key: str, chance: random.Random) -> int:
    """A process that appends without end, killed at a random moment; the last version that it was told."""
    process = subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", WRITER, address, key], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    first = process.stdout.readline()
    time.sleep(chance.random() * 0.05)
    process.kill()
    told = [int(line) for line in [first, *process.stdout] if line.endswith("\n")]
    process.stdout.close()
    process.wait()
    return told[-1]


def check(address: str, key: str, told: int) -> None:
    """All that was acknowledged is there, whole and in order; what came after it, was written as a whole."""
    store = opened(address)
    events = streams_of(store).read(key)
    assert len(events) >= told
    assert len(events) % 2 == 0
    assert [int(event.partition(b":")[0]) for event in events] == list(range(1, len(events) + 1))
    for version in range(2, len(events) + 1, 2):
        assert store.get(key, str(version)) == b"y" * 500


def kills(address: str, times: int) -> None:
    """A writer that goes on where the one before was killed, so many times."""
    chance, key = random.Random(7), uuid4().hex
    for _ in range(times):
        check(address, key, killed_writer(address, key, chance))


def test_kill_9_loses_nothing_acknowledged(tmp_path: Path) -> None:
    """A writer killed at twenty random moments: every acknowledged event is there, and no half append."""
    kills(f"sqlite:///{tmp_path / 'kept.db'}", 20)


@pytest.mark.long
@pytest.mark.timeout(1_800)
def test_kill_9_two_hundred_times(tmp_path: Path) -> None:
    """The same at two hundred moments."""
    kills(f"sqlite:///{tmp_path / 'kept.db'}", 200)


def test_kill_9_of_a_writer_to_redis(redis_server: RedisServer) -> None:
    """The same for a server, five times."""
    kills(redis_server.url, 5)


def test_a_redis_that_is_killed_and_restarted_loses_nothing_acknowledged(tmp_path: Path) -> None:
    """A server that syncs each write, killed as by a power cut while it is written to: all acknowledged events stay."""
    require_redis()
    server = RedisServer(tmp_path)
    server.start()
    store = RedisStore(server.url)
    told = 0
    for chance in (random.Random(seed) for seed in range(3)):
        until = time.monotonic() + 0.05 + chance.random() * 0.1
        while time.monotonic() < until:
            told = store.streams.append("k", [b"%d" % (told + 1)], told)
        server.kill()
        with pytest.raises(StoreError, match="does not answer") as caught:
            store.streams.append("k", [b"lost"], told)
        assert caught.value.where == server.url
        server.start()
        assert [int(event) for event in store.streams.read("k")] == list(range(1, told + 1))
    server.kill()


def test_two_processes_on_one_conversation(tmp_path: Path) -> None:
    """Of two writers that both expect a version one is told of the conflict; reading again it can go on."""
    one, two = SQLiteStore(tmp_path / "kept.db"), SQLiteStore(tmp_path / "kept.db")
    assert one.streams.append("talk", [b"a"], 0) == 1
    with pytest.raises(ConflictError) as caught:
        two.streams.append("talk", [b"b"], 0)
    assert "open it again" in caught.value.fix
    assert two.streams.append("talk", [b"b"], len(two.streams.read("talk"))) == 2


def test_a_full_disk_refuses_the_append_and_keeps_the_rest(tmp_path: Path) -> None:
    """SQLITE_FULL is a clear error; nothing of the append is there, all before it is; with room it goes on."""
    store = SQLiteStore(tmp_path / "kept.db")
    store.streams.append("k", [b"1"], 0)
    (pages,) = store._file._opened().execute("PRAGMA page_count").fetchone()
    store._file._opened().execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StoreError, match="full") as caught:
        store.streams.append("k", [b"2", b"x" * 1_000_000], 1)
    assert "Make room" in caught.value.fix
    assert store.streams.read("k") == [b"1"]
    store._file._opened().execute("PRAGMA max_page_count = 100000")
    assert store.streams.append("k", [b"2", b"x" * 1_000_000], 1) == 3


def test_a_torn_file_is_an_error_and_never_wrong_data(tmp_path: Path) -> None:
    """Cut or overwritten at a hundred places, a file gives what was written or a StoreError, nothing else."""
    path = tmp_path / "kept.db"
    written = [b"%d:" % number + bytes(random.Random(number).randbytes(900)) for number in range(40)]
    with SQLiteStore(path) as store:
        store.streams.append("k", written, 0)
    whole, chance, refused = path.read_bytes(), random.Random(3), 0
    for number in range(100):
        at = chance.randrange(len(whole))
        damaged = whole[:at] if number % 2 else whole[:at] + chance.randbytes(64) + whole[at + 64 :]
        path.write_bytes(damaged)
        try:
            with SQLiteStore(path) as store:
                found = store.streams.read("k")
        except StoreError as error:
            assert error.where == str(path)  # noqa: PT017  (either outcome is right)
            refused += 1
        else:
            assert found in (written, []) if damaged else found == []
    assert refused > 50


def in_a_child(work: Callable[[], None]) -> int:
    """Run as another user where this one is root, whom no permission stops; the exit status."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forks beside other threads, from Python 3.12 on
        child = os.fork()
    if child == 0:
        status = 1
        try:
            if os.geteuid() == 0:
                os.seteuid(65_534)
            work()
            status = 0
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_a_file_that_may_only_be_read_is_read() -> None:
    """Without the right to write, what is there is read, and writing is a clear error."""
    folder = Path(tempfile.mkdtemp())
    try:
        path = folder / "kept.db"
        with SQLiteStore(path) as store:
            store.streams.append("k", [b"1"], 0)
            store.put("a", "k", b"v")
        path.chmod(0o444)
        folder.chmod(0o555)

        def read_only() -> None:
            store = SQLiteStore(path)
            assert store.streams.read("k") == [b"1"]
            assert store.get("a", "k") == b"v"
            with pytest.raises(StoreError, match="readonly") as caught:
                store.streams.append("k", [b"2"], 1)
            assert "writable for this user" in caught.value.fix

        assert in_a_child(read_only) == 0
    finally:
        folder.chmod(0o700)
        shutil.rmtree(folder)


def test_a_file_of_the_first_schema_is_brought_forward(tmp_path: Path) -> None:
    """What an older contextkit kept is there, and the file takes conversations now."""
    path = tmp_path / "kept.db"
    with sqlite3.connect(path) as db:
        db.executescript(_SCHEMAS[0] + "PRAGMA user_version = 1;")
        db.execute("INSERT INTO entries (space, key, used, size, value) VALUES ('a', 'k', 1, 1, x'76')")
        db.execute("INSERT INTO spaces VALUES ('a', 1)")
    db.close()
    with SQLiteStore(path) as store:
        assert store.get("a", "k") == b"v"
        assert store.streams.append("k", [b"1"], 0) == 1
    with SQLiteStore(path) as store:
        assert store.streams.read("k") == [b"1"]
        assert store._file._opened().execute("PRAGMA user_version").fetchone() == (len(_SCHEMAS),)


def test_a_file_of_a_newer_contextkit_is_left_alone(tmp_path: Path) -> None:
    """An older program does not touch what it cannot understand; the error says what to do."""
    path = tmp_path / "kept.db"
    with SQLiteStore(path) as store, store._file.using() as db:
        db.execute("PRAGMA user_version = 99")
    before = path.read_bytes()
    with pytest.raises(StoreError, match="a newer contextkit wrote it") as caught:
        SQLiteStore(path)
    assert "at least as new" in caught.value.fix
    assert path.read_bytes() == before


def test_a_folder_that_is_made_is_private(tmp_path: Path) -> None:
    """The folder of a store that is made for it has mode 0700, the file 0600."""
    SQLiteStore(tmp_path / "mine" / "kept.db").streams.append("k", [b"1"])
    assert (tmp_path / "mine").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "mine" / "kept.db").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("address", ["mysql://x", "sqlite://x.db", "sqlite:///", "http://x"])
def test_an_address_of_nothing_is_refused(address: str) -> None:
    """A mistyped address is no file name."""
    with pytest.raises(ConfigError, match="no store has the address"):
        opened(address)


def test_a_password_is_in_no_error() -> None:
    """Errors and reprs name the server without user and password."""
    require_redis()
    store = RedisStore("redis://me:secret@127.0.0.1:1/0")
    with pytest.raises(StoreError) as caught:
        store.get("a", "k")
    assert "secret" not in str(caught.value) + repr(store) + repr(store._link)
    assert "127.0.0.1:1" in str(caught.value)
