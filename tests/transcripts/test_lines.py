from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contextkit.errors import FormatError
from contextkit.transcripts import lines
from contextkit.transcripts.lines import Lines, decode, document, safe_blocks, seconds

if TYPE_CHECKING:
    from pathlib import Path


def write(folder: Path, raw: bytes) -> Path:
    """A file with these bytes."""
    path = folder / "file.jsonl"
    path.write_bytes(raw)
    return path


def test_objects_come_with_their_line_numbers(tmp_path: Path) -> None:
    """Empty lines, a byte order mark and a missing last newline are no trouble."""
    found = Lines(write(tmp_path, b'\xef\xbb\xbf{"a": 1}\n\n  \r\n{"b": 2}'))
    assert list(found) == [(1, {"a": 1}), (4, {"b": 2})]
    assert not found.skipped


@pytest.mark.parametrize("bad", [b"{", b"[1]", b"null", b"\xff\xfe\x00", b"[" * 100_000, b"1" * 5_000, b'{"a": 1}}'])
def test_broken_lines_are_counted_and_skipped(tmp_path: Path, bad: bytes) -> None:
    """Torn, nested without end, not an object, not text: the lines around it are read, and the first is named."""
    found = Lines(write(tmp_path, b'{"a": 1}\n' + bad + b'\n{"b": 2}\n'))
    assert [number for number, _ in found] == [1, 3]
    assert found.skipped == {"broken line": 1}
    assert found.first_bad.startswith("line 2: ")


def test_a_huge_line_is_skipped_in_bounded_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line over the limit is passed over piece by piece; what follows is read."""
    monkeypatch.setattr(lines, "MAX_LINE", 100)
    found = Lines(write(tmp_path, b'{"a": "' + b"x" * 1000 + b'"}\n{"b": 2}\n{"c": "' + b"x" * 500))
    assert list(found) == [(2, {"b": 2})]
    assert found.skipped == {"broken line": 2}


def test_lone_surrogates_are_replaced() -> None:
    """Half an emoji, which UTF-8 cannot carry, becomes a question mark; whole ones stay."""
    assert decode(b'{"a": "x\\ud83d y", "b": "\\ud83d\\ude00"}') == {"a": "x? y", "b": "\U0001f600"}


def test_a_missing_file_is_an_error_with_its_name(tmp_path: Path) -> None:
    """Reading says which file and why."""
    for read in (lambda path: list(Lines(path)), document):
        with pytest.raises(FormatError, match=r"none\.jsonl"):
            read(tmp_path / "none.jsonl")
        with pytest.raises(FormatError):
            read(tmp_path)


def test_a_document_over_the_limit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A document is read whole only up to a bound."""
    monkeypatch.setattr(lines, "MAX_BYTES", 10)
    with pytest.raises(FormatError, match="over 10 bytes"):
        document(write(tmp_path, b'{"a": "long enough"}'))


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("2026-01-01T00:00:00Z", 1767225600.0),
        ("2026-01-01T01:00:00+01:00", 1767225600.0),
        ("2026-01-01T00:00:00", 1767225600.0),
        (1767225600, 1767225600.0),
        (1767225600000, 1767225600.0),
        (0, 0.0),
        ("yesterday", None),
        ("", None),
        (None, None),
        (True, None),
        (float("nan"), None),
        (float("inf"), None),
        (10**400, None),
        ([], None),
    ],
)
def test_times(value: Any, found: float | None) -> None:
    """ISO times, seconds and milliseconds are seconds; everything else is unknown."""
    assert seconds(value) == found


def test_blocks_that_are_none_are_left_out() -> None:
    """What cannot be content (no type, too deep, not a number) is dropped; the rest stays, without marks."""
    deep: Any = "x"
    for _ in range(300):
        deep = [deep]
    good = {"type": "text", "text": "a"}
    content = [good | {"cache_control": {"type": "ephemeral"}}, {"text": "b"}, {"type": "x", "y": deep}, 7, None]
    assert safe_blocks([*content, {"type": "x", "y": float("nan")}]) == [good]
    assert safe_blocks("a") == [good]
    assert safe_blocks(None) == safe_blocks("") == safe_blocks({}) == []


@given(st.binary(max_size=200))
def test_decode_gives_json_or_a_value_error(raw: bytes) -> None:
    """Any bytes are a JSON value that UTF-8 can carry, or a ValueError."""
    try:
        value = decode(raw)
    except ValueError:
        return
    json.dumps(value, ensure_ascii=False).encode()
