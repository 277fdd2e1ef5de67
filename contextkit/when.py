"""Conditions on a frozen view of a conversation, joined with `&`, `|` and `~`.

Law: a condition is a value; asked with a `View` it says yes or no, and remembers nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from contextkit.errors import ConfigError
from contextkit.said import answer_in, confidence_in

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "ALWAYS",
    "COLD",
    "TURN_START",
    "Condition",
    "View",
    "answer_stable",
    "calls",
    "confidence",
    "idle",
    "share",
    "spent",
    "steps",
    "tokens",
]

KEPT_TEXTS: Final = 16
"""Answers that a view shows at most."""


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
        steps: answers of the model in this run of a loop.
        spent: USD of all calls in this run, summaries included; None where no price is known.
        texts: what the model said in this run, the last answers that said anything, newest last.
    """

    tokens: int = 0
    ceiling: int = 0
    foldable: int = 0
    calls: int = 0
    since_fold: int = 0
    idle: float = 0.0
    cold: bool = False
    turn_start: bool = False
    steps: int = 0
    spent: float | None = 0.0
    texts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Condition:
    """A question about a view, and its name for reports.

    Attributes:
        name: as it was written.
        holds: the question.
        any_of: the alternatives that `|` joined, so that a report can say which one it was.
    """

    name: str
    holds: Callable[[View], bool]
    any_of: tuple[Condition, ...] = ()

    def __call__(self, view: View) -> bool:
        """Whether it holds."""
        return self.holds(view)

    def why(self, view: View) -> str:
        """The name of what holds, of alternatives the first that does; "" when it does not hold."""
        for one in self.any_of:
            if found := one.why(view):
                return found
        return self.name if not self.any_of and self(view) else ""

    def __and__(self, other: Condition) -> Condition:
        return Condition(f"({self.name} & {other.name})", lambda view: self(view) and other(view))

    def __or__(self, other: Condition) -> Condition:
        return Condition(f"({self.name} | {other.name})", lambda view: self(view) or other(view), (self, other))

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


def steps(least: int) -> Condition:
    """The model answered so often or more in this run of a loop.

    Raises:
        ConfigError: less than one: a loop makes a step before it asks.
    """
    if least < 1:
        raise ConfigError(f"steps is {least}", where="steps()", fix="Give 1 or more.")
    return Condition(f"steps({least})", lambda view: view.steps >= least)


def spent(least: float) -> Condition:
    """This run of a loop cost so many USD or more, by the bills so far. One more request, the conclusion, follows.

    Raises:
        ConfigError: when it is asked and no price of the model is known, so that it could never hold.
    """

    def holds(view: View) -> bool:
        if view.spent is None:
            raise ConfigError(
                "what this costs is not known: the model has no known price",
                where=f"spent({least})",
                fix="Stop by steps() or tokens() instead.",
            )
        return view.spent >= least

    return Condition(f"spent({least})", holds)


def confidence(least: float, of: Callable[[str], float | None] | None = None) -> Condition:
    """The model's last answer states this confidence (0 to 1) or more.

    Args:
        least: the bound, 0 to 1.
        of: reads the figure from the answer's text, None for none stated. Without it: the field "confidence" of a
            JSON answer, or the last "confidence: 0.9" (or "90 %") in a text. The model has to be told to state it.

    Raises:
        ConfigError: the bound is not between 0 and 1.
    """
    if not 0 <= least <= 1:
        raise ConfigError(f"confidence is {least}", where="confidence()", fix="Give a share, 0 to 1.")
    read = of or confidence_in

    def holds(view: View) -> bool:
        stated = read(view.texts[-1]) if view.texts else None
        return stated is not None and stated >= least

    return Condition(f"confidence({least})", holds)


def answer_stable(times: int, of: Callable[[str], object] | None = None) -> Condition:
    """The last so many answers that said anything all gave the same answer.

    Args:
        times: how many in a row, 2 to 16.
        of: what of an answer's text is compared, None for no answer in it. Without it: the field "answer" of a JSON
            answer, or what follows the last "Answer:", or the whole text; case and spaces do not count.

    Raises:
        ConfigError: fewer than two, or more than a view holds.
    """
    if not 2 <= times <= KEPT_TEXTS:  # noqa: PLR2004  (one answer alone is not stable)
        raise ConfigError(f"answer_stable is {times}", where="answer_stable()", fix=f"Give 2 to {KEPT_TEXTS}.")
    read = of or answer_in

    def holds(view: View) -> bool:
        if len(view.texts) < times:
            return False
        first, *others = (read(text) for text in view.texts[-times:])
        return first is not None and all(other == first for other in others)

    return Condition(f"answer_stable({times})", holds)
