"""Items into chunks: within the limits, each once, and never all in memory."""

from __future__ import annotations

import json
import tracemalloc
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contextkit.batch import Batch, intake
from contextkit.batch.kept import Chunk
from contextkit.batch.prefix import Prefix, prefix_of
from contextkit.batch.state import State
from contextkit.errors import ConfigError, ContentError
from contextkit.route import output_of
from contextkit.store.sqlite_file import SQLiteFile

if TYPE_CHECKING:
    from collections.abc import Iterator


def a_prefix(text: str = "Sort the letter.") -> Prefix:
    """A small shared prefix."""
    return prefix_of({"system": text, "stop_sequences": ["END"]}, model="haiku", max_tokens=50, output=output_of(None),
                     structured=True, ttl="1h", params={})  # fmt: skip


def a_state(path: str = ":memory:") -> State:
    """A state of its own."""
    return State(SQLiteFile(path, durable=False), "batch", b"name")


TEXTS = st.lists(st.text(min_size=1, max_size=60).filter(lambda text: bool(text.strip())), min_size=1, max_size=40)


@given(TEXTS, st.integers(1, 7), st.integers(700, 4_000))
def test_every_item_is_in_one_chunk_and_no_chunk_is_too_large(texts: list[str], requests: int, size: int) -> None:
    """Whatever the items, the bodies are JSON within both limits, and hold each item once, in order."""
    state, prefix = a_state(), a_prefix()
    limits = intake.Limits(requests, size)
    seen: list[str] = []
    for chunk in list(intake.chunks(state, prefix, texts, limits)):
        state.intend(chunk)
        data = b"".join(intake.body(state, prefix, chunk))
        assert len(data) <= size
        items = json.loads(data)["requests"]
        assert len(items) == chunk.items <= requests
        for item in items:
            params = item["params"]
            assert params["system"][-1]["cache_control"]["ttl"] == "1h"
            assert (params["max_tokens"], params["stop_sequences"]) == (50, ["END"])
            assert len(item["custom_id"]) <= 64
            seen.append(params["messages"][0]["content"][0]["text"])
    assert seen == texts
    state.close()


@given(st.integers(1, 60), st.integers(0, 60), st.integers(1, 9))
def test_reading_goes_on_where_it_was_interrupted(count: int, until: int, requests: int) -> None:
    """Items that were kept before a crash are not kept again, and none is left out."""
    state, prefix, limits = a_state(), a_prefix(), intake.Limits(requests)
    texts = [f"letter {at}" for at in range(count)]

    def broken() -> Iterator[str]:
        yield from texts[:until]
        if until < count:
            raise OSError

    try:
        list(intake.chunks(state, prefix, broken(), limits))
    except OSError:
        assert not state.whole
    list(intake.chunks(state, prefix, texts, limits))
    assert state.whole
    assert state.count() == count
    assert sum(chunk.items for chunk in state.chunks("planned")) == count
    assert all(chunk.items <= requests for chunk in state.chunks())
    state.close()


def test_ten_thousand_items_pass_through_a_bounded_memory(tmp_path: Path) -> None:
    """Fifty megabytes of items are read, kept and written as bodies with a fraction of that in memory."""
    state, prefix = a_state(str(tmp_path / "b.db")), a_prefix()
    limits = intake.Limits(3_000)
    next(intake.body(state, prefix, Chunk(0, "open", 0, 0)))
    tracemalloc.start()
    written = 0
    for chunk in intake.chunks(state, prefix, (f"letter {at} " + "x" * 5_000 for at in range(10_000)), limits):
        state.intend(chunk)
        written += sum(len(part) for part in intake.body(state, prefix, chunk))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert written > 50_000_000
    assert peak < 25_000_000
    state.close()


def test_an_id_stands_for_one_item_wherever_it_comes_again() -> None:
    """Doubled ids are found in one page, over pages, and beside what an earlier run kept."""
    prefix, limits = a_prefix(), intake.Limits()
    for gap in (0, 5_000):
        state = a_state()
        items: list[Any] = [("a", "x"), *(f"letter {at}" for at in range(gap)), ("a", "x")]
        with pytest.raises(ContentError, match="two items have this id"):
            list(intake.chunks(state, prefix, items, limits))
        state.close()
    state = a_state()
    list(intake.chunks(state, prefix, [("a", "x")], limits))
    with pytest.raises(ContentError, match="two items have this id"):
        list(intake.chunks(state, prefix, [("a", "x"), *["y"] * 3_000, ("a", "x")], limits))
    state.close()


def test_failed_items_are_packed_anew() -> None:
    """What may be sent again goes into chunks of its own, within the limits."""
    state, prefix, limits = a_state(), a_prefix(), intake.Limits(4)
    for chunk in list(intake.chunks(state, prefix, [f"letter {at}" for at in range(10)], limits)):
        state.intend(chunk)
        state.ended(replace(chunk, stage="ended"))
    state.reopen(1, canceled=False)
    assert [chunk.items for chunk in intake.packed(state, prefix, limits)] == [4, 4, 2]
    state.close()


def test_limits_of_a_chunk_are_within_the_apis() -> None:
    """A chunk cannot be made larger than the API takes."""
    with pytest.raises(ConfigError):
        intake.Limits(100_001)
    with pytest.raises(ConfigError):
        intake.Limits(10, 256_000_001)


def test_the_temporary_state_goes_with_its_batch() -> None:
    """Without a state nothing is left on the disk."""
    batch = Batch({"system": "x"}, ["a"], model="haiku")
    batch.dry_run()
    folder = Path(batch._state().path).parent
    assert folder.is_dir()
    batch.close()
    assert not folder.exists()


def test_two_batches_share_a_file() -> None:
    """Ids of batches keep their items apart."""
    with TemporaryDirectory() as folder:
        path = f"{folder}/b.db"
        one, two = (Batch({"system": "x"}, ["a", "b"], model="haiku", state=path, id=name) for name in ("one", "two"))
        assert (one.dry_run().requests, two.dry_run().requests) == (2, 2)
        one.close()
        two.close()
