"""The two drivers, and what goes wrong around them."""

from __future__ import annotations

from typing import Any

import pytest

from contextkit.batch import Batch
from contextkit.batch.trouble import kind_of
from contextkit.emulator import Emulator, Options
from contextkit.errors import ConfigError


def a_batch(emulator: Emulator, **settings: Any) -> Batch:
    """Three items."""
    return Batch({"system": "Sort."}, ["a b c", "d e f", "g h i"], model="haiku", clock=lambda: emulator.clock.now,
                 sleep=emulator.clock.advance, **settings)  # fmt: skip


def test_an_asynchronous_client_is_refused_by_run() -> None:
    """The error says which method to use, and nothing is left behind."""
    emulator = Emulator(lambda _: "yes")
    with pytest.raises(ConfigError, match="asynchronous"):
        a_batch(emulator).run(emulator.async_client())


def test_transient_errors_do_not_end_a_long_wait() -> None:
    """A poll, a listing or results that fail on the way are asked for again."""
    emulator = Emulator(lambda _: "yes", options=Options(batch_seconds=50))
    handle, count = emulator.handle, 0

    def flaky(method: str, target: str, headers: Any, data: bytes) -> Any:
        nonlocal count
        answer = handle(method, target, headers, data)
        if method == "GET":
            count += 1
            if count % 3 == 1:
                from dataclasses import replace  # noqa: PLC0415  (only here)

                return replace(answer, lost="connection")
        return answer

    emulator.handle = flaky  # type: ignore[method-assign]
    assert a_batch(emulator).run(emulator.client(max_retries=0)).succeeded == 3
    assert count > 4


def test_a_refused_chunk_is_not_in_doubt() -> None:
    """A 400 for the whole batch passes through; its items wait for the next run and were not tried."""
    emulator = Emulator(lambda _: "yes")
    handle, refuse = emulator.handle, True

    def strict(method: str, target: str, headers: Any, data: bytes) -> Any:
        return handle(method, target, headers, b"{}" if refuse and method == "POST" else data)

    emulator.handle = strict  # type: ignore[method-assign]
    batch = a_batch(emulator)
    with pytest.raises(Exception, match="400"):
        batch.run(emulator.client())
    assert (batch.done().open, batch.done().batches) == (3, ())
    refuse = False
    assert batch.run(emulator.client()).succeeded == 3
    assert {result.tries for result in batch.results()} == {1}


def test_a_full_queue_is_waited_for() -> None:
    """A 429 for a new batch is no doubt and no failure: it is sent when there is room."""
    emulator = Emulator(lambda _: "yes")
    handle, refused = emulator.handle, 0

    def full(method: str, target: str, headers: Any, data: bytes) -> Any:
        nonlocal refused
        answer = handle(method, target, headers, data if method == "GET" or refused >= 3 else b"{}")
        if method == "POST" and refused < 3:
            from dataclasses import replace  # noqa: PLC0415  (only here)

            refused += 1
            return replace(answer, status=429, headers={**answer.headers, "retry-after": "100"})
        return answer

    emulator.handle = full  # type: ignore[method-assign]
    begun = emulator.clock.now
    assert a_batch(emulator).run(emulator.client()).succeeded == 3
    assert emulator.clock.now - begun >= 300


class _StatusError(Exception):
    def __init__(self, status: int, text: str = "") -> None:
        self.status_code = status
        super().__init__(text)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (_StatusError(400), "refused"),
        (_StatusError(401), "refused"),
        (_StatusError(408), "lost"),
        (_StatusError(429), "busy"),
        (_StatusError(429, "enforced_spend_limit_reached"), "refused"),
        (_StatusError(500), "lost"),
        (_StatusError(529), "busy"),
        (ConnectionResetError(), "lost"),
        (TimeoutError(), "lost"),
        (KeyError("a bug"), "refused"),
    ],
)
def test_what_an_error_says_of_its_request(error: Exception, kind: str) -> None:
    """Refused, put off, or lost on the way: only what is lost is in doubt."""
    assert kind_of(error) == kind
