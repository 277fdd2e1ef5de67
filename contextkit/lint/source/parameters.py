"""Parameters of a request that change while a conversation goes on.

Law: a choice counts when its ground can change between two requests of the same conversation; what is chosen before
the loop, or by a setting, is chosen once.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from contextkit.lint.source.reach import Program, SourceRule
from contextkit.lint.source.values import Kind, deep

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contextkit.lint.rule import Finding
    from contextkit.lint.source.sent import Sent
    from contextkit.lint.source.values import Spot, Taint, Value

__all__ = ["ParameterRule", "unsteady"]

_GROUNDS: Final = frozenset({
    Kind.COUNTER, Kind.TURN, Kind.SUMMARY, Kind.CLOCK, Kind.RANDOM, Kind.UUID, Kind.BUDGET, Kind.CALL, Kind.REQUEST,
    Kind.RETRIEVAL,
})  # fmt: skip
_ALWAYS: Final = frozenset({Kind.COUNTER, Kind.RANDOM, Kind.UUID, Kind.CLOCK})
_TURNS: Final = frozenset({Kind.COUNTER, Kind.TURN, Kind.SUMMARY, Kind.BUDGET, Kind.CALL, Kind.REQUEST})
_CHOSEN: Final = frozenset({"tools", "system"})


class ParameterRule(SourceRule):
    """A rule on one parameter.

    Attributes:
        parameter: its name in the API.
    """

    parameter: str

    @classmethod
    def found(cls, program: Program) -> Iterator[Finding]:
        """One finding a place where it is chosen."""
        for sent in program.sent:
            value = sent.params.get(cls.parameter)
            if value is None or sent.once:
                continue
            for taint in unsteady(sent, value, cls.parameter):
                message = f"`{cls.parameter}` changes while the conversation goes on: `{taint.what}`"
                steps = [] if taint.spot.line == sent.spot.line else [sent.spot.place("sent here")]
                yield cls.on(taint, message, steps)


def unsteady(sent: Sent, value: Value, parameter: str) -> list[Taint]:
    """Where the value is chosen by what changes within a conversation."""
    rounds = sent.rounds()
    kept = any(heap.stage == "init" and sent.stage == "call" for heap in sent.histories)
    held = deep(value)
    grounds = [one for one in held if one.kind in _GROUNDS and _moves(one, rounds, parameter, kept=kept)]
    grown = [heap.grown for heap in value.heaps() if heap.grown is not None and set(heap.grown.loops) & rounds]
    if parameter == "tools" and grown:
        return grown
    return _places(held, grounds, rounds, value.at)


def _moves(taint: Taint, rounds: frozenset[int], parameter: str, *, kept: bool) -> bool:
    if parameter in _CHOSEN and (not taint.control or taint.kind not in _TURNS):
        return False  # as content, other rules report it
    if taint.kind is Kind.CALL and not taint.control:
        return False
    if set(taint.loops) & rounds:
        return True
    return kept and taint.kind in _ALWAYS and not taint.bound and taint.stage == "call"


def _places(held: frozenset[Taint], grounds: list[Taint], rounds: frozenset[int], at: Spot | None) -> list[Taint]:
    """The choices themselves where they were seen, else where the value was made, else their grounds."""
    if not grounds:
        return []
    if at is not None and all(not one.control for one in grounds):
        return [replace(grounds[0], spot=at, steps=())]
    choices = [
        one for one in held if one.kind is Kind.CHOICE and (not rounds or set(one.loops) & rounds or not one.loops)
    ]
    if not choices and at is not None:
        return [replace(grounds[0], spot=at, steps=())]
    return sorted(choices or grounds, key=lambda one: (one.spot.path, one.spot.line))[:2]
