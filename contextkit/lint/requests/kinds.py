"""The two kinds of rules of this room: one looks at a request, one names breaks that the watch found.

Law: a rule is a class that is never made into an object; what is remembered between requests stands in `Memory`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Final

from contextkit.lint.rule import Finding, Place, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contextkit.lint.requests.breaks import Break
    from contextkit.lint.requests.memory import Memory
    from contextkit.lint.requests.record import Record
    from contextkit.lint.requests.sequence import Seen

__all__ = ["BodyRule", "BreakRule"]

_WHOSE: Final = {"planned": "planned", "expected": "the API's rule", "provider": "the provider's side"}


class BodyRule(Rule):
    """A rule about single requests."""

    @classmethod
    def look(cls, seen: Seen, memory: Memory) -> Iterator[Finding]:
        """What is wrong with one request."""
        del seen, memory
        yield from ()

    @classmethod
    def end(cls, memory: Memory) -> Iterator[Finding]:
        """What can only be said when the whole file has been read."""
        del memory
        yield from ()

    @classmethod
    def on(cls, memory: Memory, record: Record, place: str, message: str, **more: Any) -> Finding:
        """A finding at a place of a request; `more` are further fields of `Finding`."""
        fields = {"request": record.number, "pointer": record.pointer(place), **more}
        return cls.at(memory.path, record.line, 1, message, **fields)


class BreakRule(Rule):
    """A rule that names breaks of the cached prefix by their cause.

    Attributes:
        causes: what it stands for, and how each is said.
    """

    causes: ClassVar[dict[str, str]]

    @classmethod
    def found(cls, one: Break) -> Finding:
        """The finding for a break of one of its causes."""
        violation = one.violation
        made = cls.at(
            one.path,
            one.line,
            1,
            _message(cls.causes.get(violation.cause, violation.cause.replace("_", " ")), one),
            request=one.request,
            pointer=one.pointer,
            tokens=violation.tokens,
            usd=violation.usd,
            conversation=one.conversation,
            flow=() if one.before is None else (_origin(one, one.before),),
        )
        return replace(made, severity=Severity.INFO) if violation.confirmed is False else made


def _origin(one: Break, before: int) -> Place:
    return Place(one.path, one.before_line or 1, 1, f"request {before} had this prefix in the cache")


def _message(said: str, one: Break) -> str:
    violation = one.violation
    text = said
    if violation.where and not violation.where.startswith("/") and violation.cause.startswith("tool"):
        text += f" ({violation.where})"
    if violation.offset is not None:
        text += f" at byte {violation.offset:,} of the block"
    if violation.before or violation.after:
        text += f": {violation.before!r} became {violation.after!r}"
    return f"{text}; {_cost(one)}" + (f"; {one.hint}" if one.hint else "")


def _cost(one: Break) -> str:
    violation = one.violation
    if violation.confirmed is False:
        return "the bill shows no loss"
    about = "" if violation.confirmed else "about "
    usd = "" if violation.usd is None else f" (${violation.usd:.4f})"
    whose = _WHOSE.get(violation.blame)
    return f"{about}{violation.tokens:,} tokens of cached prefix not read{usd}" + (f", {whose}" if whose else "")
