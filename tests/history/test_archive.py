"""What leaves the window is found again under its handle, within a bound."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from contextkit.history.archive import Archive, handle_of


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
