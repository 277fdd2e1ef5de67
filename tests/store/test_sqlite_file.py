"""One SQLite file that many open at the same moment."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING

import pytest

from contextkit.store.sqlite import SQLiteStore

if TYPE_CHECKING:
    from pathlib import Path

AT_ONCE = 8


@pytest.mark.parametrize("durable", [False, True])
def test_a_new_file_can_be_opened_by_many_at_once(tmp_path: Path, durable: bool) -> None:
    """Connections that set up the same new file side by side wait for each other; none is refused."""
    for number in range(25):
        ready = Barrier(AT_ONCE)

        def opened(path: Path = tmp_path / f"{number}.db", ready: Barrier = ready) -> object:
            store = SQLiteStore(path, durable=durable)
            ready.wait()
            return store.entries.get("nothing")

        with ThreadPoolExecutor(AT_ONCE) as pool:
            assert [one.result() for one in [pool.submit(opened) for _ in range(AT_ONCE)]] == [None] * AT_ONCE
