"""What is remembered of a file while its requests go by: conversations, heads, and what was already said.

Law: bounded by the number of conversations and distinct heads; of bodies only the latest few are kept.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from contextkit.cache.spell import Spelled
    from contextkit.lint.requests.record import Record
    from contextkit.lint.requests.sequence import Seen

__all__ = ["Head", "Memory", "Spot", "Start", "Story"]

_HEADS: Final = 10_000
_MODELS: Final = 100


@dataclass(frozen=True, slots=True)
class Spot:
    """A place that may be reported at the end: a request without its body.

    Attributes:
        record: the request, its body emptied.
        place: pointer as it stands in the file.
        said: what would be said there.
        tokens: how large the thing is; 0 where it does not matter.
    """

    record: Record
    place: str
    said: str = ""
    tokens: int = 0


@dataclass(slots=True)
class Head:
    """Tools and system of requests, as one thing.

    Attributes:
        requests: how many had it.
        hints: places in it that look as if they change.
    """

    requests: int = 0
    hints: list[Spot] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Start:
    """Tools and system of a conversation's first request, to be compared with the next one's.

    Attributes:
        model: the id in the request.
        tools: name and hash of each tool.
        system: hash of each system block.
        texts: the system blocks.
        number: index of the request.
        at: Unix seconds, or None.
        label: the conversation's.
    """

    model: str
    tools: tuple[tuple[str, int], ...]
    system: tuple[int, ...]
    texts: list[str]
    number: int
    at: float | None
    label: str


@dataclass(slots=True)
class Story:
    """One conversation so far.

    Attributes:
        requests: how many.
        small: where its marks did nothing so far; None when they do something.
        chars: of the prompt that was found so.
        unmarked: its first request, while none had a mark; None when one had.
        billed: some request has a bill.
        cached: some bill shows the cache in use.
        tokens: of its largest prompt, estimated or billed.
        broken: something broke in it.
    """

    requests: int = 0
    small: Spot | None = None
    chars: int = 0
    unmarked: Spot | None = None
    billed: bool = False
    cached: bool = False
    tokens: int = 0
    broken: bool = False


@dataclass(slots=True)
class Memory:
    """All of one file.

    Attributes:
        path: the file.
        requests: how many were read.
        stories: conversations by label.
        heads: by tools and system.
        starts: of the latest conversations with a head of their own.
        estimates: how many prompts were counted token by token.
        latest: the last request of the latest conversations that are long, by label.
        models: by id, line and index of its first request and how many it has.
    """

    path: str
    requests: int = 0
    stories: dict[str, Story] = field(default_factory=dict)
    heads: dict[object, Head] = field(default_factory=dict)
    starts: list[Start] = field(default_factory=list)
    estimates: int = 0
    models: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    latest: dict[str, Record] = field(default_factory=dict)
    _latest: tuple[object, Head] | None = None

    def enter(self, seen: Seen) -> None:
        """Count a request before the rules look at it."""
        self.requests += 1
        story = self.story(seen)
        story.requests += 1
        usage = seen.record.usage
        story.billed = story.billed or usage is not None
        story.broken = story.broken or bool(seen.breaks)
        if usage is not None:
            story.cached = story.cached or usage.prompt > usage.input
            story.tokens = max(story.tokens, usage.prompt)
        if seen.ticket is not None:
            self.head(seen.ticket.now).requests += 1

    def asked(self, model: str, line: int, number: int) -> None:
        """Count a request to a model."""
        first = self.models.get(model)
        if first is not None:
            self.models[model] = (first[0], first[1], first[2] + 1)
        elif len(self.models) < _MODELS:
            self.models[model] = (line, number, 1)

    def story(self, seen: Seen) -> Story:
        """The conversation of a request."""
        label = seen.conversation.label
        known = self.stories.get(label)
        if known is None:
            known = self.stories[label] = Story()
        return known

    def head(self, now: Spelled) -> Head:
        """The head of a request; asked for several times in a row, and looked up once."""
        if self._latest is not None and self._latest[0] is now.top:
            return self._latest[1]
        key = now.tools, now.system
        if key not in self.heads and len(self.heads) >= _HEADS:
            self.heads.clear()
        found = self.heads.setdefault(key, Head())
        self._latest = (now.top, found)
        return found
