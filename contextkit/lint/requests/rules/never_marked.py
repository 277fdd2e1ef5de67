"""CK306: a conversation without any mark."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from contextkit.api import facts
from contextkit.lint.requests.kinds import BodyRule
from contextkit.lint.requests.memory import Spot
from contextkit.lint.rule import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contextkit.lint.requests.memory import Memory
    from contextkit.lint.requests.sequence import Seen
    from contextkit.lint.rule import Finding

__all__ = ["NeverMarked"]

_REQUESTS: Final = 3
_CHARS: Final = 4
"""Characters a token, to tell whether a prompt is over the minimum at all."""


class NeverMarked(BodyRule):
    """A conversation without any mark.

    What it does:
        Finds conversations of three requests or more in which no request has a `cache_control`, and whose prompt is
        over the model's minimum. Without bills it is only a hint: a proxy may add the marks.

    Why is this bad:
        Without a mark nothing is cached: every request pays the full input price for the whole history.

    Example:
        client.messages.create(model="claude-opus-5-5", system=system, messages=messages)

    Use instead:
        client.messages.create(model="claude-opus-5-5", system=system, messages=messages,
                               cache_control={"type": "ephemeral"})
    """

    code = "CK306"
    name = "never-marked"
    severity = Severity.WARNING
    advice = 'Add cache_control={"type": "ephemeral"} to every request of a conversation.'

    @classmethod
    def look(cls, seen: Seen, memory: Memory) -> Iterator[Finding]:
        """Nothing yet: a later request may have marks."""
        story = memory.story(seen)
        if seen.ticket is None or seen.ticket.now.marks:
            story.unmarked = None
        elif seen.first:
            story.unmarked = Spot(seen.record.bare(), "")
        if story.unmarked is not None and seen.ticket is not None:
            row = facts.model(seen.ticket.now.model)
            large = seen.ticket.now.size / _CHARS > (row.min_prefix if row else 4096)
            if large != bool(story.unmarked.tokens):
                story.unmarked = replace(story.unmarked, tokens=int(large))
        yield from ()

    @classmethod
    def end(cls, memory: Memory) -> Iterator[Finding]:
        """The conversations that never had one, when they were long enough."""
        for label, story in memory.stories.items():
            spot = story.unmarked
            if spot is None or story.requests < _REQUESTS or not spot.tokens or story.cached:
                continue
            sure = Severity.WARNING if story.billed else Severity.INFO
            said = f"{story.requests} requests of one conversation, and none has a mark" + (
                ": nothing was cached" if story.billed else ""
            )
            yield cls.at(
                memory.path,
                spot.record.line,
                1,
                said,
                severity=sure,
                request=spot.record.number,
                pointer="",
                conversation=label,
            )
