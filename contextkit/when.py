"""Conditions on a frozen view of a conversation, joined with `&`, `|` and `~`.

Law: a condition is a value; asked with a `View` it says yes or no, and remembers nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ALWAYS", "COLD", "TURN_START", "Condition", "View", "calls", "idle", "share", "tokens"]


@dataclass(frozen=True, slots=True)
class View:
    """What a condition can see.

    Attributes:
        tokens: estimated prompt tokens of the next call.
        ceiling: the budget, tokens; 0 without one.
        foldable: tokens that a fold would take out of the window.
        calls: calls so far.
        since_fold: calls since the last fold.
        idle: seconds since the last call began; 0 before the first.
        cold: the cache has run out.
        turn_start: the next call answers something that the user said, not only tool results.
    """

    tokens: int = 0
    ceiling: int = 0
    foldable: int = 0
    calls: int = 0
    since_fold: int = 0
    idle: float = 0.0
    cold: bool = False
    turn_start: bool = False


@dataclass(frozen=True, slots=True)
class Condition:
    """A question about a view, and its name for reports."""

    name: str
    holds: Callable[[View], bool]

    def __call__(self, view: View) -> bool:
        """Whether it holds."""
        return self.holds(view)

    def __and__(self, other: Condition) -> Condition:
        return Condition(f"({self.name} & {other.name})", lambda view: self(view) and other(view))

    def __or__(self, other: Condition) -> Condition:
        return Condition(f"({self.name} | {other.name})", lambda view: self(view) or other(view))

    def __invert__(self) -> Condition:
        return Condition(f"~{self.name}", lambda view: not self(view))

    def __repr__(self) -> str:
        return self.name


ALWAYS: Final = Condition("ALWAYS", lambda _: True)
"""Holds whatever is seen."""

COLD: Final = Condition("COLD", lambda view: view.cold)
"""The cache has run out, so that everything is written again anyway."""

TURN_START: Final = Condition("TURN_START", lambda view: view.turn_start)
"""The user spoke last: nothing is under way."""


def tokens(least: int) -> Condition:
    """The next prompt has so many tokens or more."""
    return Condition(f"tokens({least})", lambda view: view.tokens >= least)


def share(least: float) -> Condition:
    """The next prompt fills this share of the budget (0 to 1) or more."""
    return Condition(f"share({least})", lambda view: view.tokens >= least * view.ceiling > 0)


def calls(least: int) -> Condition:
    """There were so many calls or more since the last fold."""
    return Condition(f"calls({least})", lambda view: view.since_fold >= least)


def idle(least: float) -> Condition:
    """The last call began so many seconds ago or more."""
    return Condition(f"idle({least})", lambda view: view.idle >= least)
