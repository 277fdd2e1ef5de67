"""JSON in pieces: the same text as at once, and with little memory beside it."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings

from benchmarks.shaping_fuzz import peak
from contextkit.history.archive import Archive
from contextkit.recall import recall
from contextkit.shape import pieces as room
from contextkit.shape.chain import Shape
from contextkit.shape.document import MAX_WIDE, read, shared, write
from contextkit.shape.pieces import PIECE, pieces
from contextkit.shape.shaped import BoundError
from tests.shape.conftest import containers

encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@settings(max_examples=300, deadline=None)
@given(containers)
def test_the_pieces_are_the_whole(document: Any) -> None:
    """However small the pieces, together they are what the encoder writes at once."""
    with pytest.MonkeyPatch.context() as patch:
        for most in (1, 2, 5):
            patch.setattr(room, "PIECE", most)
            assert "".join(pieces(document, encode)) == encode(document)


@pytest.mark.parametrize(
    "document",
    [
        [1] * 5 * PIECE,
        {"a": [[1, {"b": 2}]] * PIECE, "c": {str(at): [at] for at in range(2 * PIECE)}},
        [[], [[[list(range(3 * PIECE))]]], {}, "x"],
        {"only": {"one": {"way": [{"down": list(range(2 * PIECE))}]}}},
    ],
    ids=range(4),
)
def test_large_documents_are_written_in_parts(document: Any) -> None:
    """Balanced, lopsided, nested and wide ones give the same text, in more than one piece."""
    parts = list(pieces(document, encode))
    assert "".join(parts) == encode(document)
    assert len(parts) > 3
    assert write(document, 100_000) == write(document)


def test_writing_takes_little_memory_beside_the_text() -> None:
    """Of a dense text of 800 KB the pieces in hand are less than the text once more."""
    document = [[at % 10, [at % 7]] for at in range(100_000)]
    text = write(document)
    assert peak(partial(write, document, len(text))) < 3 * len(text)


def test_a_copy_that_changed_nothing_is_the_original() -> None:
    """Members and elements are compared by identity: 1 and 1.0 are equal, and not the same text."""
    inner = [1, 2]
    value = {"a": inner, "b": 1000.5}
    assert shared(dict(value), value) is value
    changed = {"a": [1, 2], "b": 1000.5}
    assert shared(changed, value) is changed
    one, other = [1.0], [1]
    assert shared(one, other) is one
    assert shared([], other) == []


def test_a_text_with_too_many_names_is_refused_while_it_is_read() -> None:
    """The bound on wide objects holds for many of them together; `recall` says what to ask for instead."""
    wide = {f"n{at:05}": at for at in range(MAX_WIDE // 4 + 1)}
    text = json.dumps([wide] * 4)
    with pytest.raises(BoundError, match="too many names"):
        read(text)
    assert read(json.dumps([wide] * 3)) == [wide] * 3
    for output in (text, json.loads(text)):
        assert "too many names" in Shape(select=["$[*].n00001"]).apply(output).note
    archive = Archive()
    original = json.dumps({f"{at:x}": 1 for at in range(MAX_WIDE + 1)}, separators=(",", ":"))
    assert "too many names" in recall(archive, archive.put(original), path="$.1")
    assert "use lines or search" in recall(archive, archive.put(original), path="$.1")
