"""Conditions on a frozen view of a conversation, joined with `&`, `|` and `~`.

Law: a condition is a value; asked with a `View` it says yes or no, and remembers nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
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
        if not isinstance(other, Condition):
            return NotImplemented
        return Condition(f"({self.name} & {other.name})", lambda view: self(view) and other(view))

    def __or__(self, other: Condition) -> Condition:
        if not isinstance(other, Condition):
            return NotImplemented
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


def _check(name: str, given: object, least: float, fix: str, *, most: float = inf, whole: bool = False) -> None:
    """Refuse a bound that is no number, or out of range; NaN is within none."""
    kinds = int if whole else (int, float)
    if isinstance(given, kinds) and not isinstance(given, bool) and least <= given <= most and given < inf:
        return
    raise ConfigError(f"{name} is {given!r}", where=f"{name}()", fix=fix)


def tokens(least: int) -> Condition:
    """The next prompt has so many tokens or more."""
    _check("tokens", least, 0, "Give tokens, 0 or more.")
    return Condition(f"tokens({least})", lambda view: view.tokens >= least)


def share(least: float) -> Condition:
    """The next prompt fills this share of the budget (0 to 1) or more."""
    _check("share", least, 0, "Give a share, 0 to 1.", most=1)
    return Condition(f"share({least})", lambda view: view.tokens >= least * view.ceiling > 0)


def calls(least: int) -> Condition:
    """There were so many calls or more since the last fold."""
    _check("calls", least, 0, "Give a number of calls, 0 or more.", whole=True)
    return Condition(f"calls({least})", lambda view: view.since_fold >= least)


def idle(least: float) -> Condition:
    """The last call began so many seconds ago or more."""
    _check("idle", least, 0, "Give seconds, 0 or more.")
    return Condition(f"idle({least})", lambda view: view.idle >= least)


def steps(least: int) -> Condition:
    """The model answered so often or more in this run of a loop.

    Raises:
        ConfigError: less than one: a loop makes a step before it asks.
    """
    _check("steps", least, 1, "Give 1 or more.", whole=True)
    return Condition(f"steps({least})", lambda view: view.steps >= least)


def spent(least: float) -> Condition:
    """This run of a loop cost so many USD or more, by the bills so far. One more request, the conclusion, follows.

    Raises:
        ConfigError: the bound is below 0; or, when it is asked, no price of the model is known, so that it could never
        hold.
    """
    _check("spent", least, 0, "Give USD, 0 or more.")

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
    _check("confidence", least, 0, "Give a share, 0 to 1.", most=1)
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
    _check("answer_stable", times, 2, f"Give 2 to {KEPT_TEXTS}.", most=KEPT_TEXTS, whole=True)
    read = of or answer_in

    def holds(view: View) -> bool:
        if len(view.texts) < times:
            return False
        first, *others = (read(text) for text in view.texts[-times:])
        return first is not None and all(other == first for other in others)

    return Condition(f"answer_stable({times})", holds)
