"""The common form of a recorded session: calls in time order, each naming what it appends to which call.

Law: a transcript tells what happened, and nothing is added to it. What a file does not hold (system, tools, times,
usage, exact output) is named in `Session.missing`; what a reader could not use is counted in `Session.skipped`.
A call holds only what is new in it, so a session of n calls takes memory proportional to its file.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from contextkit.api.facts import Ttl
    from contextkit.api.marks import Path
    from contextkit.api.messages import Message
    from contextkit.api.usage import Usage

__all__ = ["Call", "Format", "Kind", "Missing", "Session"]

Format = Literal["claude-code", "pi", "swe-agent", "contextkit", "openai", "requests"]
"""Which reader read the file; "openai" is the tau benches' and everybody's list of OpenAI messages."""

Kind = Literal["main", "sidechain"]
"""main: the conversation itself; sidechain: a subagent's own history in the same file."""

Missing = Literal["system", "tools", "times", "model", "usage", "output_tokens", "settings", "replies"]
"""What a file does not tell. output_tokens: they are there but often placeholders. replies: only requests."""


@dataclass(frozen=True, slots=True)
class Call:
    """One API call.

    Attributes:
        added: what is new in its history, as Anthropic messages without marks.
        follows: index of the call whose history this one begins with; None when it begins afresh.
        shared: how many messages of that call's history, its reply included, this one keeps. Less than all of
            them means that the history shrank or was rewritten from there.
        reply: the assistant message that came back; None where it is not recorded.
        at: Unix seconds when the request started, the best that the file tells; None where it has no times.
        ended: Unix seconds when the last of the reply was there.
        model: the model id; "" where the file does not tell.
        usage: what was billed, once a call; None where it is not recorded.
        kind: whose history it is.
        settings: what else is known of the request (system, tools, thinking, ...), as in the request's body.
        marks: where marks stood, for files that tell.
        notes: what the file declares between the followed call and this one: "compaction", "microcompaction",
            "thinking level high", "model change", "aborted", "error".
        line: the line of the file where it begins, counted from 1; 0 where there are no lines.
    """

    added: tuple[Message, ...]
    follows: int | None = None
    shared: int = 0
    reply: Message | None = None
    at: float | None = None
    ended: float | None = None
    model: str = ""
    usage: Usage | None = None
    kind: Kind = "main"
    settings: Mapping[str, Any] = field(default_factory=dict)
    marks: tuple[tuple[Path, Ttl], ...] = ()
    notes: tuple[str, ...] = ()
    line: int = 0

    @property
    def length(self) -> int:
        """Messages in its history, the reply included."""
        return self.shared + len(self.added) + (self.reply is not None)


@dataclass(frozen=True, slots=True)
class Session:
    """One recorded conversation with its sidechains.

    Attributes:
        file: the path it was read from.
        format: which reader read it.
        calls: in the order of the file, which is time order.
        id: the session's own name in the file; "" without one.
        missing: what the file does not tell.
        skipped: how many lines or entries of which kind were not used.
    """

    file: str
    format: Format
    calls: tuple[Call, ...]
    id: str = ""
    missing: frozenset[Missing] = frozenset()
    skipped: Mapping[str, int] = field(default_factory=dict)

    def history(self, index: int, *, reply: bool = False) -> list[Message]:
        """The visible messages at one call, oldest first; with `reply`, its answer too.

        The list is new, the messages are the session's own: do not change them.
        """
        chain: list[Call] = []
        at: int | None = index
        while at is not None:
            chain.append(self.calls[at])
            at = self.calls[at].follows
        messages: list[Message] = []
        for call in reversed(chain):
            del messages[call.shared :]
            messages += call.added
            if call.reply is not None:
                messages.append(call.reply)
        return messages if reply or chain[0].reply is None else messages[:-1]

    def appends(self, index: int) -> bool:
        """Whether a call keeps the whole history of the call that it follows."""
        call = self.calls[index]
        return call.follows is not None and call.shared == self.calls[call.follows].length
