"""What a tool cache did, tool by tool: how often a tool ran, how often it did not have to, and what that saved.

Law: noting an event is a few additions, and never raises: a tool's answer does not depend on who counts it. An event
is anything with the fields of `contextkit.toolcache.CacheEvent`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from threading import Lock
from typing import Any, Final, Protocol

__all__ = ["Event", "ToolUse", "ToolUses"]

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
    def seconds(self) -> float:
        """How long the tool ran."""

    @property
    def saved_seconds(self) -> float:
        """How long it would have run."""

    @property
    def saved_tokens(self) -> int:
        """What that would have cost in tokens."""


@dataclass(slots=True)
class ToolUse:
    """One tool.

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

    def as_dict(self) -> dict[str, Any]:
        """The tool's sums as plain JSON."""
        return asdict(self) | {"hit_rate": self.hit_rate}


@dataclass(slots=True)
class ToolUses:
    """Sums by tool; `note` is what `@cached(on_event=...)` wants. Threads may share one."""

    tools: dict[str, ToolUse] = field(default_factory=dict)

    def note(self, event: Event) -> None:
        """Count an event."""
        with _LOCK:
            found = self.tools.setdefault(event.name, ToolUse())
            if event.kind in _SERVED:
                found.served += 1
            else:
                found.ran += 1
            found.seconds += event.seconds
            found.saved_seconds += event.saved_seconds
            found.saved_tokens += event.saved_tokens
