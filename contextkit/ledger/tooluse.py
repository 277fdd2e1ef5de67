"""What tool caches did: one row a call of a cached tool, and sums by tool: how often it ran, and what was saved.

Law: noting an event is a few additions, and never raises: a tool's answer does not depend on who counts it. These rows
are no calls of a model: they have no price, and stand beside the ledger's rows, not among them. An event is anything
with the fields of `contextkit.toolcache.CacheEvent`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from threading import Lock
from typing import Any, Final, Literal, NamedTuple, Protocol

from contextkit.ledger.steps import joined

__all__ = ["Event", "ToolRow", "ToolUse", "ToolUses"]

_SERVED: Final = frozenset({"hit", "stale", "shared"})
_LOCK: Final = Lock()  # one for all: it is held for a microsecond, and a ledger stays a value that can be copied


class Event(Protocol):
    """One call of a cached tool, as the cache tells it."""

    @property
    def kind(self) -> str:
        """hit, stale, shared (served), or miss, refresh, bypass, refused, failed (the tool ran)."""

    @property
    def name(self) -> str:
        """The tool."""

    @property
    def at(self) -> float:
        """Unix seconds."""

    @property
    def seconds(self) -> float:
        """How long the tool ran."""

    @property
    def saved_seconds(self) -> float:
        """How long it would have run."""

    @property
    def saved_tokens(self) -> int:
        """What that would have cost in tokens."""

    @property
    def note(self) -> str:
        """Why, where there is a reason."""


class ToolRow(NamedTuple):
    """One call of a cached tool.

    Attributes:
        at: Unix seconds.
        tool: the cached function.
        kind: hit, stale, shared (answered from the cache), or miss, refresh, bypass, refused, failed (the tool ran);
            `contextkit.toolcache.stats` says what each is.
        step: as in `Row`.
        conversation: as in `Row`.
        seconds: how long the tool ran; 0 when it did not.
        saved_seconds: how long it had run for the answer that was served instead.
        saved_tokens: what that had cost in tokens, where the tool says so.
        note: why, where there is a reason.
    """

    at: float
    tool: str
    kind: str
    step: str = ""
    conversation: str = ""
    seconds: float = 0.0
    saved_seconds: float = 0.0
    saved_tokens: int = 0
    note: str = ""

    @property
    def served(self) -> bool:
        """The tool did not have to run for it."""
        return self.kind in _SERVED


@dataclass(slots=True)
class ToolUse:
    """Sums over the rows of one tool, step or conversation.

    Attributes:
        served: calls answered from the cache, or by another call that was under way.
        ran: calls for which the tool ran.
        seconds: it ran so long.
        saved_seconds: it would have run so long besides.
        saved_tokens: and cost so many tokens.
    """

    served: int = 0
    ran: int = 0
    seconds: float = 0.0
    saved_seconds: float = 0.0
    saved_tokens: int = 0

    @property
    def hit_rate(self) -> float:
        """Share of the calls that the tool did not have to run for."""
        return self.served / (self.served + self.ran) if self.served + self.ran else 0.0

    def add(self, row: ToolRow) -> None:
        """Count a row."""
        if row.served:
            self.served += 1
        else:
            self.ran += 1
        self.seconds += row.seconds
        self.saved_seconds += row.saved_seconds
        self.saved_tokens += row.saved_tokens

    def as_dict(self) -> dict[str, Any]:
        """The sums as plain JSON."""
        return asdict(self) | {"hit_rate": self.hit_rate}


@dataclass(slots=True)
class ToolUses:
    """Rows, and their sums by tool. Threads may share one.

    Attributes:
        tools: the sums of each tool.
        rows: the calls, oldest first.
    """

    tools: dict[str, ToolUse] = field(default_factory=dict)
    rows: list[ToolRow] = field(default_factory=list)

    def note(self, event: Event, *, step: str = "", conversation: str = "") -> ToolRow:
        """Count an event, as `@cached(on_event=ledger.tools.note)` does; its row. See also `Ledger.note_tool`."""
        row = ToolRow(
            event.at, event.name, event.kind, joined(step), conversation,
            event.seconds, event.saved_seconds, event.saved_tokens, event.note,
        )  # fmt: skip
        self.add(row)
        return row

    def add(self, row: ToolRow) -> None:
        """Count a row."""
        with _LOCK:
            self.rows.append(row)
            self.tools.setdefault(row.tool, ToolUse()).add(row)

    def by(self, what: Literal["tool", "kind", "step", "conversation"]) -> dict[str, ToolUse]:
        """Sums by a field of the rows, the one that saved most time first."""
        found: dict[str, ToolUse] = {}
        for row in list(self.rows):
            found.setdefault(getattr(row, what), ToolUse()).add(row)
        return dict(sorted(found.items(), key=lambda item: -item[1].saved_seconds))
