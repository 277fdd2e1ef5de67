"""What leaves the window is found again under its handle, within a bound."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from contextkit.history.archive import Archive, handle_of
from contextkit.store.base import StoreError
from contextkit.store.memory import MemoryStore
from contextkit.store.sqlite import SQLiteStore

if TYPE_CHECKING:
    from pathlib import Path

# Two texts whose 48-bit hashes are the same, found by hashing the numbers up to 36 million.
ALIKE = ("3653836", "26103185")


class FullStore(MemoryStore):
    """A store on a full disk: it reads, and refuses to write."""

    full = True

    def put(self, space: str, key: str, value: bytes, *, replace: bool = True) -> bool:
        """Refuse while full."""
        if self.full:
            raise StoreError("the disk is full", where="here")
        return super().put(space, key, value, replace=replace)


@given(st.lists(st.text(st.characters()), max_size=8))
def test_every_text_comes_back(texts: list[str]) -> None:
    """The same text has the same handle, in any archive; surrogates come back too."""
    archive = Archive()
    for text in texts:
        handle = archive.put(text)
        assert handle == handle_of(text) == Archive().put(text)
        assert handle in archive
        assert archive.get(handle) == text
    assert len(archive) == len(set(texts))


def test_handles_are_short_and_unlike() -> None:
    """A letter and twelve hex digits, without a clash among a hundred thousand texts."""
    handles = {handle_of(str(number)) for number in range(100_000)}
    assert len(handles) == 100_000
    assert all(len(handle) == 13 and handle[0] == "k" for handle in handles)


def test_the_oldest_go_first_and_are_counted() -> None:
    """Past the bound the oldest originals are given up, counted and answered with None; the newest always stays."""
    archive = Archive(limit=100)
    handles = [archive.put(f"{number} " + handle_of(str(number))) for number in range(20)]
    kept = [handle for handle in handles if archive.get(handle) is not None]
    assert kept == handles[-len(kept) :]
    assert 0 < len(kept) < 20
    assert archive.dropped == 20 - len(kept)
    big = archive.put("".join(chr(33 + number * 7919 % 5_000) for number in range(5_000)))
    assert archive.get(big) is not None
    assert len(archive) == 1


def test_a_text_is_held_once() -> None:
    """Putting a text again takes no room."""
    archive = Archive(limit=100)
    handle = archive.put("x" * 50)
    for _ in range(50):
        assert archive.put("x" * 50) == handle
    assert archive.dropped == 0
    assert len(archive) == 1


def test_an_unknown_handle_is_none() -> None:
    """What was never here, or is no handle, is None and no error."""
    assert Archive().get("k000000000000") is None
    assert 7 not in Archive()


def test_two_texts_never_share_a_handle() -> None:
    """Where two short handles would be the same, the second text gets a longer one, at every replay."""
    assert handle_of(ALIKE[0]) == handle_of(ALIKE[1])
    archive = Archive()
    handles = [archive.put(text) for text in ALIKE]
    assert handles == [handle_of(ALIKE[0]), handle_of(ALIKE[1], 16)]
    assert [archive.get(handle) for handle in handles] == list(ALIKE)
    assert [Archive().put(text) for text in ALIKE] == [handles[0]] * 2
    assert [archive.put(text) for text in reversed(ALIKE)] == handles[::-1]


def test_a_handle_stays_taken_when_its_text_is_dropped() -> None:
    """A note in the window names it: it must not come to mean another text."""
    archive = Archive(limit=10)
    first = archive.put(ALIKE[0])
    archive.put("something else")
    assert archive.get(first) is None
    assert archive.put(ALIKE[1]) != first


def test_texts_in_a_shared_store_are_told_apart_too(tmp_path: Path) -> None:
    """A second process with the same space sees the handle taken, by the text that is kept under it."""
    path = tmp_path / "kept.db"
    Archive(SQLiteStore(path), "chat").put(ALIKE[0])
    again = Archive(SQLiteStore(path), "chat")
    assert again.put(ALIKE[1]) == handle_of(ALIKE[1], 16)
    assert again.put(ALIKE[0]) == handle_of(ALIKE[0])


def test_a_name_keeps_nothing() -> None:
    """`name` gives the handle that `put` will give."""
    archive = Archive()
    name = archive.name("text")
    assert archive.get(name) is None
    assert archive.put("text") == name
    assert list(archive) == [name]


def test_a_handle_of_another_space_is_not_found(tmp_path: Path) -> None:
    """Two conversations in one store do not see each other's texts."""
    store = SQLiteStore(tmp_path / "kept.db")
    one, two = Archive(store, "one"), Archive(store, "two")
    handle = one.put("a secret")
    assert two.get(handle) is None
    assert handle not in two
    assert len(two) == 0
    assert two.put("a secret") == handle


def test_a_store_that_fails_loses_nothing() -> None:
    """A full disk: the text is held in memory, the archive says why, and goes on when there is room."""
    store = FullStore()
    archive = Archive(store)
    handle = archive.put("text")
    assert archive.get(handle) == "text"
    assert len(archive) == 1
    assert "disk is full" in archive.failures[0]
    store.full = False
    archive.put("text")
    assert store.size() > 0
    assert len(archive) == 1


def test_a_damaged_record_is_not_found() -> None:
    """Bytes that are no longer what was written are as good as gone, and no error."""
    store = MemoryStore()
    archive = Archive(store)
    handle = archive.put("text")
    store.put("", handle, b"damaged")
    assert archive.get(handle) is None
    assert handle not in archive
