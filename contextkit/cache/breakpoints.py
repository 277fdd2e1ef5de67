"""Where the marks go: at most four, each with one job.

Law: on a history that only grows, the planned marks read everything that was written before, however many blocks
a turn adds. The jobs, in render order: the end of tools and system (survives every compaction), the end of the last
summary (survives the next turns' compaction of what follows it), the last place that was written when the lookback
from the new end does not reach it, and the last block that is sent.

Source: prompt-caching page (one entry a mark, lookback of 20 positions, minimum prefix).
"""

from __future__ import annotations

from typing import Final, NamedTuple

from contextkit.api.facts import LOOKBACK

__all__ = ["Marks", "Spot", "plan"]


class Spot(NamedTuple):
    """A block that can be marked.

    Attributes:
        step: its number among the lookback positions of the messages.
        message: index in `messages`.
        block: index in the message's content.
    """

    step: int
    message: int
    block: int


class Marks(NamedTuple):
    """The plan for one request.

    Attributes:
        fixed: mark the end of tools and system.
        spots: blocks of messages to mark, in order.
    """

    fixed: bool
    spots: tuple[Spot, ...]


_REACH: Final = LOOKBACK - 1
"""Steps back from a mark that are still tried; the mark itself is the first of the twenty."""


def plan(
    *,
    last: Spot,
    fixed_tokens: int,
    minimum: int,
    summary: Spot | None = None,
    written: Spot | None = None,
) -> Marks:
    """The marks of one request.

    Args:
        last: the last block that is part of the history (what is volatile comes after it).
        fixed_tokens: estimated tokens of tools and system.
        minimum: the model's smallest cacheable prefix in tokens; a shorter fixed part gets no mark.
        summary: where the last summary ends, if there is one.
        written: the last place that a sent request has written and that still stands unchanged.
    """
    spots = (last,) if summary is None or summary == last else (summary, last)
    # The summary's mark, when it stands before the end, opens a window of its own.
    if written is None or 0 <= last.step - written.step <= _REACH:
        return Marks(fixed_tokens >= minimum, spots)  # nearly always
    if not any(0 <= spot.step - written.step <= _REACH for spot in spots):
        spots = tuple(sorted({*spots, written}))
    return Marks(fixed_tokens >= minimum, spots)
