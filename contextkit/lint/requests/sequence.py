"""A log of bodies as conversations, and every break of each: the watch of the live client, fed from a file.

Law: only what lies before the previous request's last mark can break. Bodies of one conversation find each other by
what they share; each is read anew only from where it differs from an earlier one. Where the file holds no bill, tokens
are estimates, scaled by the estimator's figure for the whole prompt.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from contextkit.cache.cause import shared
from contextkit.lint.requests.breaks import Break
from contextkit.lint.requests.causes import begins_with_summary, cause_of
from contextkit.lint.requests.desk import Sending
from contextkit.lint.requests.place import mark_pointer, marks, position, resolved, tool_pointer
from contextkit.lint.requests.priced import priced
from contextkit.lint.requests.readers import Readers
from contextkit.tokens.estimate import prompt_tokens
from contextkit.transcripts.lines import mapping, string

if TYPE_CHECKING:
    from collections.abc import Mapping

    from contextkit.api.usage import Usage
    from contextkit.cache.spell import Spelled
    from contextkit.cache.violations import Violation
    from contextkit.cache.watch import Ticket
    from contextkit.lint.requests.desk import Desk
    from contextkit.lint.requests.place import Marked
    from contextkit.lint.requests.record import Record

__all__ = ["UNTIMED", "Seen", "Sequence"]

UNTIMED: Final = 1_795_305_600.0
"""The date of the facts, 2026-11-22, for prices where a file has no times: the newest that are known."""

_CHARS_A_TOKEN: Final = 3.0  # what the watch reckons with before a bill comes
_AGAIN: Final = 1.5  # the prompt has grown so much: estimate it again
_NO_BREAKS: Final = frozenset({"branched", "below_minimum"})  # the latter has a rule of its own
_SETTINGS: Final = {
    "model_changed": "/model",
    "speed_changed": "/speed",
    "thinking_changed": "/thinking",
    "effort_changed": "/output_config/effort",
    "format_changed": "/output_config/format",
    "task_budget_changed": "/output_config/task_budget",
    "tool_choice_changed": "/tool_choice",
    "context_management_changed": "/context_management",
    "context_edited": "/context_management",
    "web_tools_changed": "/tools",
    "betas_changed": "",
    "images_changed": "/messages",
    "citations_changed": "/messages",
}


_Before = tuple[int | None, int]
"""Index and line of the request that another goes on from."""


@dataclass(slots=True)
class Conversation:
    """What is remembered of one conversation.

    Attributes:
        index: its number, from 0.
        requests: how many it has.
        ratio: estimated tokens of its prompt over what the watch reckons with; None while nobody asked.
        at_size: characters of the prompt that the ratio was made of.
        label: its name in reports; "" for a request that could not be read.
    """

    index: int
    requests: int = 0
    ratio: float | None = None
    at_size: int = 0
    label: str = field(init=False)

    def __post_init__(self) -> None:
        self.label = f"#{self.index + 1}" if self.index >= 0 else ""


@dataclass(frozen=True, slots=True)
class Seen:
    """A request, read and told apart.

    Attributes:
        record: the request.
        ticket: the watch's; None where it cannot be read as a request.
        conversation: whose it is.
        first: its conversation begins with it.
        before: index of the request that it goes on from; None where it begins one.
        marks: every mark in it but the automatic one.
        new_from: index of the first message that the request before did not hold.
        breaks: what it lost.
    """

    record: Record
    ticket: Ticket | None
    conversation: Conversation
    first: bool
    new_from: int
    breaks: tuple[Break, ...]
    before: int | None = None
    marks: tuple[Marked, ...] = ()


@dataclass(slots=True)
class Sequence:
    """Feeds a file's requests to the watch.

    Args:
        path: the file.
    """

    path: str
    _readers: Readers = field(default_factory=Readers)
    _conversations: list[Conversation] = field(default_factory=list)

    def see(self, record: Record) -> Seen:
        """Read the next request of the file."""
        at = record.at if record.at is not None else UNTIMED
        rewritten = bool(record.planned) or begins_with_summary(record.body)
        desk, ticket = self._readers.sent(Sending(record.body, at, record.betas, record.planned, rewritten))
        if ticket is None:
            return Seen(record, None, Conversation(-1), first=True, new_from=0, breaks=())
        conversation, before = self._of(ticket)
        conversation.requests += 1
        new_from = self._new_from(ticket)
        found = [] if record.failed else self._answered(desk, ticket, record, conversation)
        made = [self._break(one, ticket, record, conversation, before) for one in found]
        breaks = tuple([one for one in made if one.violation.cause not in _NO_BREAKS])
        placed = tuple(marks(record.body))
        return Seen(record, ticket, conversation, before[0] is None, new_from, breaks, before[0], placed)

    def _of(self, ticket: Ticket) -> tuple[Conversation, _Before]:
        """The conversation that a request belongs to, and the request that it goes on from."""
        if ticket.before is not None:
            number, before, line = ticket.before.message_id.split("/")
            return self._conversations[int(number)], (int(before), int(line))
        made = Conversation(len(self._conversations))
        self._conversations.append(made)
        return made, (None, 0)

    def _new_from(self, ticket: Ticket) -> int:
        if ticket.before is None:
            return 0
        same = shared(ticket.before.spelled.blocks.chain, ticket.now.blocks.chain)
        return (
            ticket.now.blocks.message_of(same)[0]
            if same < len(ticket.now.blocks.owns)
            else len(ticket.now.blocks.starts)
        )

    def _answered(self, desk: Desk, ticket: Ticket, record: Record, conversation: Conversation) -> list[Violation]:
        name = f"{conversation.index}/{record.number}/{record.line}"
        diagnosed = mapping(mapping(record.answer.get("diagnostics")).get("cache_miss_reason"))
        edited = mapping(record.answer.get("context_management")).get("applied_edits")
        return desk.answered(
            ticket,
            usage=_as_billed(record.usage),
            reason=string(diagnosed.get("type")),
            message_id=name,
            edited=bool(edited),
        )

    def _break(
        self, found: Violation, ticket: Ticket, record: Record, conversation: Conversation, before: _Before
    ) -> Break:
        made = self._named(found, ticket, record)
        if record.usage is None:
            made = self._estimated(made, ticket, record, conversation)
        place = _pointer(made, ticket, record.body)
        return Break(
            self.path,
            record.line,
            record.number,
            conversation.label,
            made,
            record.pointer(place),
            *before,
            record.at,
            billed=record.usage is not None,
        )

    def _named(self, found: Violation, ticket: Ticket, record: Record) -> Violation:
        if ticket.before is None:
            return found
        cause = cause_of(found, ticket.before.spelled, ticket.now, ticket.before.texts, record.body)
        return replace(found, cause=cause, blame="planned" if cause == "compaction" else found.blame)

    def _estimated(self, found: Violation, ticket: Ticket, record: Record, conversation: Conversation) -> Violation:
        """The figures of a file without bills: the estimator's, for the part that the watch says is lost."""
        if not found.tokens:
            return found
        size = ticket.now.size
        if conversation.ratio is None or size > _AGAIN * conversation.at_size:
            estimate = prompt_tokens(record.body, ticket.now.model)
            conversation.ratio = estimate / max(1.0, size / _CHARS_A_TOKEN)
            conversation.at_size = size
        tokens = round(found.tokens * conversation.ratio)
        listed = priced(ticket.now.model, tokens, ticket.at, ticket.speed)
        if listed is None:
            return replace(found, tokens=tokens)
        marks = ticket.now.marks
        paid = listed.input if not marks else listed.write_1h if marks[-1].ttl == "1h" else listed.write_5m
        return replace(found, tokens=tokens, usd=tokens * (paid - listed.read))


def _as_billed(usage: Usage | None) -> dict[str, Any] | None:
    if usage is None:
        return None
    return {
        "input_tokens": usage.input,
        "cache_read_input_tokens": usage.read,
        "cache_creation_input_tokens": usage.write_5m + usage.write_1h,
        "cache_creation": {
            "ephemeral_5m_input_tokens": usage.write_5m,
            "ephemeral_1h_input_tokens": usage.write_1h,
        },
        "output_tokens": usage.output,
    }


def _pointer(found: Violation, ticket: Ticket, body: Mapping[str, Any]) -> str:
    """Where in the request the break is."""
    now, before = ticket.now, ticket.before
    if found.cause in _SETTINGS:
        return resolved(body, _SETTINGS[found.cause]) or _SETTINGS[found.cause]
    if found.cause in {"tools_changed", "tools_reordered"} and before is not None:
        return resolved(body, _tool_place(before.spelled, now, body) + _tail(found.where))
    if found.cause in {"mark_lost", "out_of_reach"}:
        full = ticket.finding.full
        after = [mark for mark in now.marks if full is not None and mark.pos >= full.pos]
        if after:
            return mark_pointer(body, now, after[0].pos)
        return position(body, now, full.pos) if full is not None else ""
    if found.cause == "below_minimum":
        return mark_pointer(body, now, now.marks[-1].pos) if now.marks else ""
    return resolved(body, found.where.partition(" ")[0]) if found.where.startswith("/") else ""


def _tail(where: str) -> str:
    """The path inside the tool that a violation names after the tools' names."""
    return where[where.index(" /") + 1 :] if " /" in where else ""


def _tool_place(before: Spelled, now: Spelled, body: Mapping[str, Any]) -> str:
    names = {name for name, _ in before.tools}
    known = set(before.tools)
    changed = next((at for at, tool in enumerate(now.tools) if tool[0] in names and tool not in known), None)
    if changed is None:  # none changed in itself: added, removed, or in another order
        pairs = zip(before.tools, now.tools, strict=False)
        changed = next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(before.tools), len(now.tools)))
    return tool_pointer(body, changed)
