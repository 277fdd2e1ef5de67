from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

from contextkit.lint.memo import FOLDER, Memo, key_of

if TYPE_CHECKING:
    from pathlib import Path


def entry(folder: Path) -> Path:
    """The one entry in a cache."""
    return next(file for file in (folder / FOLDER / "lint").glob("*/*") if not file.name.startswith("."))


def test_what_is_put_is_got(tmp_path: Path) -> None:
    """Under its key, in another run too; nothing under another key."""
    Memo(tmp_path).put(key_of("a"), {"x": [1, "é\ud800"]})
    assert Memo(tmp_path).get(key_of("a")) == {"x": [1, "é\ud800"]}
    assert Memo(tmp_path).get(key_of("b")) is None
    assert (tmp_path / FOLDER / ".gitignore").read_text() == "*\n"


@pytest.mark.parametrize("broken", [b"", b"{", b"00\n{}", b"\xff\xfe", b"[" * 100_000])
def test_a_broken_entry_is_none(tmp_path: Path, broken: bytes) -> None:
    """Cut, foreign or changed by one sign: it is as if it were not there, and is written anew."""
    memo = Memo(tmp_path)
    memo.put(key_of("a"), [1])
    file = entry(tmp_path)
    whole = file.read_bytes()
    for content in (broken, whole[:-1], whole.replace(b"1]", b"2]")):
        file.write_bytes(content)
        assert memo.get(key_of("a")) is None
    memo.put(key_of("a"), [1])
    assert file.read_bytes() == whole


def test_a_folder_that_cannot_be_made_is_no_error(tmp_path: Path) -> None:
    """Nothing is kept, and nothing fails."""
    (tmp_path / FOLDER).write_text("in the way")
    memo = Memo(tmp_path)
    memo.put(key_of("a"), [1])
    assert memo.get(key_of("a")) is None
    Memo(None).put(key_of("a"), [1])


def test_keys_tell_parts_apart() -> None:
    """The same signs cut in another place are another key."""
    assert key_of("ab", "c") != key_of("a", "bc")
    assert key_of("ab", "c") == key_of(b"ab", "c")


def test_old_entries_are_swept(tmp_path: Path) -> None:
    """What nobody wrote for a month is removed by a later run."""
    Memo(tmp_path).put(key_of("old"), [1])
    old = entry(tmp_path)
    past = time.time() - 40 * 86_400
    os.utime(old, (past, past))
    os.utime(tmp_path / FOLDER / "lint" / ".swept", (past, past))
    Memo(tmp_path).put(key_of("new"), [2])
    assert not old.exists()
    assert Memo(tmp_path).get(key_of("new")) == [2]
