"""CK3xx: request bodies, logs of them, and recorded sessions; every break of the cached prefix at its place.

Law: what never changed is no finding, however volatile it looks; what was appended is no change. A file is read line
by line, conversations are told apart by what they share, and nothing in a file stops the reading.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from contextkit.errors import ContextKitError
from contextkit.lint.requests.bills import calls_and_breaks
from contextkit.lint.requests.breaks import Billed, Break
from contextkit.lint.requests.memory import Memory
from contextkit.lint.requests.record import Record
from contextkit.lint.requests.rules.below_minimum import BelowMinimum
from contextkit.lint.requests.rules.compaction_undeclared import CompactionUndeclared
from contextkit.lint.requests.rules.evicted import Evicted
from contextkit.lint.requests.rules.expired import Expired
from contextkit.lint.requests.rules.head_not_shared import HeadNotShared
from contextkit.lint.requests.rules.independent_turns import IndependentTurns
from contextkit.lint.requests.rules.lookback_overrun import LookbackOverrun
from contextkit.lint.requests.rules.mark_lost import MarkLost
from contextkit.lint.requests.rules.mark_not_allowed import MarkNotAllowed
from contextkit.lint.requests.rules.mark_on_empty_text import MarkOnEmptyText
from contextkit.lint.requests.rules.mark_order import MarkOrder
from contextkit.lint.requests.rules.message_changed import MessageChanged
from contextkit.lint.requests.rules.message_inserted import MessageInserted
from contextkit.lint.requests.rules.message_removed import MessageRemoved
from contextkit.lint.requests.rules.model_changed import ModelChanged
from contextkit.lint.requests.rules.never_marked import NeverMarked
from contextkit.lint.requests.rules.object_address import ObjectAddress
from contextkit.lint.requests.rules.planned_compaction import PlannedCompaction
from contextkit.lint.requests.rules.result_trimmed import ResultTrimmed
from contextkit.lint.requests.rules.setting_changed import SettingChanged
from contextkit.lint.requests.rules.sliding_window import SlidingWindow
from contextkit.lint.requests.rules.summary_rewritten import SummaryRewritten
from contextkit.lint.requests.rules.system_changed import SystemChanged
from contextkit.lint.requests.rules.thinking_stripped import ThinkingStripped
from contextkit.lint.requests.rules.too_many_marks import TooManyMarks
from contextkit.lint.requests.rules.tools_changed import ToolsChanged
from contextkit.lint.requests.rules.tools_reordered import ToolsReordered
from contextkit.lint.requests.rules.unexplained_loss import UnexplainedLoss
from contextkit.lint.requests.rules.unknown_model import UnknownModel
from contextkit.lint.requests.rules.unreadable_request import UnreadableRequest
from contextkit.lint.requests.rules.volatile_text import VolatileText
from contextkit.lint.requests.sequence import Sequence
from contextkit.lint.requests.stream import Unreadable, read
from contextkit.lint.rule import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from contextkit.lint.requests.kinds import BodyRule, BreakRule
    from contextkit.lint.rule import Rule
    from contextkit.transcripts.common import Session

__all__ = ["RULES", "Billed", "Break", "check", "examine", "finding"]

_BODY: Final[tuple[type[BodyRule], ...]] = (
    UnreadableRequest,
    TooManyMarks,
    MarkOrder,
    MarkOnEmptyText,
    MarkNotAllowed,
    BelowMinimum,
    NeverMarked,
    ObjectAddress,
    VolatileText,
    HeadNotShared,
    UnknownModel,
    IndependentTurns,
)
_BREAKS: Final[tuple[type[BreakRule], ...]] = (
    SystemChanged,
    ToolsChanged,
    ToolsReordered,
    ModelChanged,
    SettingChanged,
    MessageChanged,
    SlidingWindow,
    MessageRemoved,
    MessageInserted,
    SummaryRewritten,
    CompactionUndeclared,
    ResultTrimmed,
    MarkLost,
    LookbackOverrun,
    Expired,
    ThinkingStripped,
    PlannedCompaction,
    Evicted,
    UnexplainedLoss,
)

RULES: Final[tuple[type[Rule], ...]] = (*_BODY, *_BREAKS)
"""Every rule of this room, by code."""

_STRANGE: Final = (AttributeError, IndexError, KeyError, RecursionError, TypeError, ValueError)
"""What walking over a body raises where it has not the API's form."""

_BY_CAUSE: Final = {cause: rule for rule in _BREAKS for cause in rule.causes}


def check(path: str, lines: Iterable[bytes], *, model: str | None = None) -> Iterator[Finding]:
    """The findings of a request body, a log of them, or a recorded session.

    Args:
        path: the file's name, as it shall stand in findings.
        lines: its lines, in order.
        model: for bodies that name no model.

    Yields:
        Findings in the order of the file; those that need the whole file come last.
    """
    for found in examine(path, lines, model=model):
        if isinstance(found, Finding):
            yield found
        elif isinstance(found, Break):
            yield finding(found)


def finding(one: Break) -> Finding:
    """A break as the finding of the rule that stands for its cause."""
    return _BY_CAUSE.get(one.violation.cause, UnexplainedLoss).found(one)


def examine(path: str, lines: Iterable[bytes], *, model: str | None = None) -> Iterator[Finding | Break | Billed]:
    """Everything in a file: its calls with their bills, its breaks, and the findings about single requests.

    Args:
        path: the file's name.
        lines: its lines.
        model: for bodies that name no model.
    """
    memory, sequence = Memory(path), Sequence(path)
    try:
        for entry in read(path, lines, model=model or ""):
            if isinstance(entry, Unreadable):
                yield UnreadableRequest.line(path, entry.line, entry.why)
            elif isinstance(entry, Record):
                yield from _one(entry, memory, sequence)
            else:
                yield from _session(entry, memory)
    except ContextKitError as error:
        yield UnreadableRequest.line(path, 1, error.what)
    for rule in _BODY:
        yield from rule.end(memory)


def _one(record: Record, memory: Memory, sequence: Sequence) -> Iterator[Finding | Break | Billed]:
    model = str(record.body.get("model") or "")
    try:
        seen = sequence.see(record)
    except _STRANGE:  # a form that no request has, deeper than the watch looks
        yield Billed(memory.path, record.line, "", model, record.usage, record.at, read=False)
        yield UnreadableRequest.body(memory, record)
        return
    memory.enter(seen)
    read = seen.ticket is not None
    label = seen.conversation.label
    yield Billed(memory.path, record.line, label, model, record.usage, record.at, body=read, read=read)
    yield from seen.breaks
    if not read:
        yield UnreadableRequest.body(memory, record)
        return
    memory.asked(model, record.line, record.number)
    try:
        for rule in _BODY:
            yield from rule.look(seen, memory)
    except _STRANGE:
        yield UnreadableRequest.body(memory, record)


def _session(session: Session, memory: Memory) -> Iterator[Break | Billed]:
    for number, one in enumerate(calls_and_breaks(session)):
        if isinstance(one, Billed):
            memory.asked(one.model, one.line, number)
        yield one
