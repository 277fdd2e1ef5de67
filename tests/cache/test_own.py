"""One's own prefix: the callback that is told of losses, and what becomes of one that raises."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from contextkit.api.usage import Usage
from contextkit.cache.own import Own

if TYPE_CHECKING:
    import pytest

    from contextkit.cache.violations import Violation


def lose(own: Own, times: int) -> None:
    """A prefix is written, and the next call reads nothing: so many losses."""
    for at in range(times + 1):
        own.sent(float(at), 300.0)
        own.answered(Usage(write_5m=20_000, output=5), message_id=f"msg_{at}")


def test_every_loss_is_told() -> None:
    """The callback gets what stands in the list."""
    heard: list[Any] = []
    own = Own("claude-opus-5-5", heard.append)
    lose(own, 2)
    assert heard == own.violations
    assert [found.cause for found in heard] == ["evicted", "evicted"]


def test_a_callback_that_raises_is_said_once_and_harms_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """The losses are in the list, the failures are counted, and the first of them is logged."""

    def broken(violation: Violation) -> None:
        raise RuntimeError(violation.cause)

    own = Own("claude-opus-5-5", broken)
    lose(own, 3)
    assert len(own.violations) == own.failed == 3
    assert [(record.name, record.message) for record in caplog.records] == [
        ("contextkit", "on_violation raised: RuntimeError: evicted")
    ]
    assert own.forked().failed == 0


def test_what_is_saved_does_not_depend_on_the_callback() -> None:
    """A failing callback leaves no trace in what is kept for the next process."""
    good, bad = Own("claude-opus-5-5", lambda _: None), Own("claude-opus-5-5", lambda _: 1 / 0)
    lose(good, 2)
    lose(bad, 2)
    assert good.to_json() == bad.to_json()
