"""Which changing values reach which part of which request.

Law: a taint counts where it changes from one request to the next and stands before the last mark; who is asked for
reports are the rules.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from contextkit.lint.rule import Edit, Finding, Place, Rule, Severity
from contextkit.lint.source.sent import Block, Sent, cached
from contextkit.lint.source.values import Kind, Taint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from contextkit.lint.source.project import Project

__all__ = ["Program", "Reach", "SourceRule", "TaintRule", "reaches"]


@dataclass(frozen=True, slots=True)
class Reach:
    """A taint in a part of a request."""

    taint: Taint
    block: Block
    sent: Sent
    marked: bool


@dataclass(slots=True, eq=False)
class Program:
    """What was found by following a group of modules."""

    sent: list[Sent]
    reaches: list[Reach]
    project: Project
    paths: tuple[str, ...]

    def text(self, path: str) -> str:
        """A file's source."""
        return self.project.source(path)


_IN_MESSAGES: Final = frozenset({
    Kind.CLOCK, Kind.RANDOM, Kind.UUID, Kind.IDENTITY, Kind.COUNTER, Kind.ENVIRONMENT, Kind.LISTING, Kind.ORDER,
    Kind.RETRIEVAL, Kind.WINDOW, Kind.TRIM,
})  # fmt: skip
_BY_CHOICE: Final = frozenset({Kind.CLOCK, Kind.RANDOM, Kind.UUID, Kind.IDENTITY, Kind.COUNTER, Kind.LISTING,
                               Kind.ORDER, Kind.FILE, Kind.ENVIRONMENT})  # fmt: skip


def reaches(sent: Sent) -> Iterator[Reach]:
    """The taints of a request's cached part."""
    for block, marked in cached(sent):
        for taint in sorted(block.taints, key=lambda one: (one.spot.path, one.spot.line, one.spot.column, one.kind)):
            if _counts(taint, block, sent):
                yield Reach(taint, block, sent, marked)


def _counts(taint: Taint, block: Block, sent: Sent) -> bool:  # noqa: PLR0911  (one line a reason)
    if sent.once and taint.kind is Kind.TURN:
        return False  # an agent for each round, not a request
    if taint.kind is Kind.UUID and taint.stage == "module" and sent.stage != "module":
        return block.part != "messages"  # each process has its own: worth a look
    if not sent.changes(taint) or (taint.control and taint.kind not in _BY_CHOICE):
        return False
    if taint.control and taint.kind is Kind.COUNTER and (sent.rounds() or _keeps(sent)):
        return False  # a parameter's rule says it
    if taint.kind is Kind.SUMMARY:
        return _summary(taint, block, sent)
    if taint.kind is Kind.RETRIEVAL and block.part == "messages" and not block.role:
        return False  # a history that is kept elsewhere
    if block.part == "messages":
        return (
            block.fresh
            and not (block.newest and block.mark is None and not _before_mark(block, sent))
            and (taint.kind in _IN_MESSAGES and block.role != "assistant")
        )
    if taint.kind is Kind.FILE and taint.stage == "init":
        return False
    setting = taint.kind is Kind.ENVIRONMENT and taint.stage == "init" and re.search(r"environ|getenv", taint.what)
    return not setting or bool(_PERSONAL.search(taint.what))


_PERSONAL: Final = re.compile(
    r"[\"'](?:USER|USERNAME|LOGNAME|USERPROFILE|USERDOMAIN|HOME|PWD|OLDPWD|HOST|HOSTNAME|COMPUTERNAME|NODENAME|POD_NAME|"
    r"POD_IP|SHELL|TERM\w*|TTY|DISPLAY|PATH|TMPDIR|TEMP|TMP|VIRTUAL_ENV|CONDA_PREFIX|TZ|LANG|LC_\w+|SSH_\w+|XDG_\w+)[\"']"
)
"""Variables of a person, a machine or a session: other than a program's settings, no two places share them."""


def _keeps(sent: Sent) -> bool:
    return any(heap.stage == "init" and sent.stage == "call" for heap in sent.histories)


def _before_mark(block: Block, sent: Sent) -> bool:
    at = next((n for n, one in enumerate(sent.blocks) if one is block), -1)
    return any(one.mark is not None for one in sent.blocks[at:])


def _summary(taint: Taint, block: Block, sent: Sent) -> bool:
    """The model's own words put back at the head, in a conversation that goes on."""
    if taint.fix == "guarded" or block.role == "assistant" or block.newest or block.part == "tools":
        return False
    if block.part == "messages" and not block.fresh:
        return False
    goes_on = any(sent.lasts(heap) or not heap.whole or heap.events for heap in sent.histories)
    return goes_on or bool(set(taint.loops) & set(sent.loops))


class SourceRule(Rule):
    """A rule on Python source."""

    @classmethod
    def found(cls, program: Program) -> Iterable[Finding]:
        """What the rule finds in a program."""
        raise NotImplementedError

    @classmethod
    def on(cls, taint: Taint, message: str, steps: Iterable[Place] = (), **more: Any) -> Finding:
        """A finding where a taint came in."""
        spot = taint.spot
        flow = (*(step.place("passed here") for step in taint.steps), *steps)
        flow = (spot.place("made here"), *flow) if flow else ()
        return cls.at(
            spot.path, spot.line, spot.column + 1, message, end_line=spot.end_line, end_column=spot.end_column + 1,
            flow=flow, **more,
        )  # fmt: skip


_PARTS: Final = {"tools": "the tools", "system": "the system prompt", "messages": "an earlier message"}


class TaintRule(SourceRule):
    """A rule on one kind of changing value in the cached part.

    Attributes:
        kind: of the values.
        because: ends the message: why it changes.
    """

    kind: Kind
    because: str

    @classmethod
    def found(cls, program: Program) -> Iterator[Finding]:
        """One finding a place where such a value comes in."""
        for reach in program.reaches:
            if reach.taint.kind is cls.kind:
                yield cls.finding(reach, program)

    @classmethod
    def finding(cls, reach: Reach, program: Program) -> Finding:
        """The finding for one reach."""
        taint, sent = reach.taint, reach.sent
        verb = "decides what is in" if taint.control else "reaches"
        message = f"`{taint.what}` {verb} {_PARTS[reach.block.part]}: {cls.because}"
        steps = [sent.spot.place("sent here")]
        if sent.spot.line == taint.spot.line and sent.spot.path == taint.spot.path:
            steps = []
        return cls.on(taint, message, steps, severity=cls.weight(reach), edits=cls.edits(reach, program.text))

    @classmethod
    def weight(cls, reach: Reach) -> Severity:
        """Weaker where the value is made once an object, and weaker yet where it is made once a process."""
        if reach.taint.stage == "module" and reach.sent.stage != "module":
            return Severity.INFO
        if cls.severity is Severity.ERROR and reach.taint.stage != "call":
            return Severity.WARNING
        return cls.severity

    @classmethod
    def edits(cls, reach: Reach, text: Callable[[str], str]) -> tuple[Edit, ...]:
        """What `--fix` may do; nothing unless a rule knows better."""
        _ = reach, text
        return ()
