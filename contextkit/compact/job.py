"""A summary that is to be written: what to ask, and what the answer will stand for.

Law: a value; nothing is asked here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from contextkit.api.request import Ask
    from contextkit.compact.plan import Fold

__all__ = ["Job"]


@dataclass(frozen=True, slots=True)
class Job:
    """A summary to be written.

    Attributes:
        wanted: the range that it will stand for.
        level: of the summary.
        ask: what to have done.
        maker: who writes it: a model, "own", or the callable's name.
        start: the first raw entry when it was asked for; a history that begins elsewhere has no place for it.
    """

    wanted: Fold
    level: int
    ask: Ask
    maker: str
    start: int
