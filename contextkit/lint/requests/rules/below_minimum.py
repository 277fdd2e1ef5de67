"""CK305: the marked prefix is shorter than the model's smallest cacheable one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from contextkit.api import facts
from contextkit.cache.prefix import prefix
from contextkit.lint.requests.kinds import BodyRule
from contextkit.lint.requests.memory import Spot
from contextkit.lint.requests.place import mark_pointer
from contextkit.lint.rule import Severity
from contextkit.tokens.parts import counts_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contextkit.cache.spell import Spelled
    from contextkit.lint.requests.memory import Memory
    from contextkit.lint.requests.sequence import Seen
    from contextkit.lint.rule import Finding

__all__ = ["BelowMinimum"]

_CHARS: Final = 8
"""Characters a token that no text has: a prompt of so many times the minimum need not be counted."""
_ESTIMATES: Final = 100
_CHARS_A_TOKEN: Final = 3.0
_SURE: Final = 0.9
"""Share of the minimum below which an estimate is trusted (its error is a few per cent)."""


class BelowMinimum(BodyRule):
    """The marked prefix is shorter than the model's smallest cacheable one.

    What it does:
        Counts the prefix up to the last mark, by the bill where there is one, else by estimate, and compares it with
        the model's minimum (512 to 4,096 tokens). Of a conversation that grows beyond the minimum nothing is said;
        of one without bills that stays below it, it is a hint.

    Why is this bad:
        The request is answered without caching and without an error: the marks do nothing.

    Example:
        {"model": "claude-haiku-4-5", "system": [{"type": "text", "text": "Be brief.",
         "cache_control": {"type": "ephemeral"}}], "messages": ["..."]}

    Use instead:
        {"model": "claude-haiku-5-5", "cache_control": {"type": "ephemeral"}, "system": "...", "messages": ["..."]}
    """

    code = "CK305"
    name = "below-minimum"
    severity = Severity.WARNING
    advice = "Mark a longer prefix, or none; newer models cache from 512 tokens on."

    @classmethod
    def look(cls, seen: Seen, memory: Memory) -> Iterator[Finding]:
        """Nothing yet: a conversation may still grow."""
        story = memory.story(seen)
        if seen.first or story.small is not None:
            chars = seen.ticket.now.size if seen.ticket else 0
            if story.small is None or story.chars != chars or seen.record.usage is not None:
                story.small, story.chars = _small(seen, memory), chars
        yield from ()

    @classmethod
    def end(cls, memory: Memory) -> Iterator[Finding]:
        """The conversations that stayed too short; those of one form are one finding."""
        forms: dict[str, list[Spot]] = {}
        for story in memory.stories.values():
            if story.small is not None and (story.requests > 1 or memory.requests == 1 or not story.cached):
                forms.setdefault(f"{story.small.record.body['model']} {story.small.place}", []).append(story.small)
        for spots in forms.values():
            spot = spots[0]
            about = "" if spot.record.usage else "about "
            model = spot.record.body["model"]
            said = f"the marked prefix has {about}{spot.tokens:,} tokens; {model} caches from {_minimum(model):,} on"
            more = f", and in {len(spots) - 1} further conversations" if len(spots) > 1 else ""
            made = cls.at(
                memory.path,
                spot.record.line,
                1,
                said + more,
                request=spot.record.number,
                pointer=spot.place,
            )
            sure = memory.requests == 1 or spot.record.usage is not None
            yield made if sure else replace(made, severity=Severity.INFO)


def _small(seen: Seen, memory: Memory) -> Spot | None:
    """Where the marks of a request do nothing; None when they do, or when it has none."""
    ticket, record = seen.ticket, seen.record
    row = facts.model(str(record.body.get("model")))
    if ticket is None or row is None or not ticket.now.marks:
        return None
    minimum = row.min_prefix
    if record.usage is not None and (record.usage.prompt > record.usage.input or record.usage.prompt >= minimum):
        return None
    if not all(isinstance(mark.block["cache_control"], Mapping) for mark in seen.marks):
        return None  # the API refuses it, as another rule says
    last = ticket.now.marks[-1].pos
    if ticket.now.size_at(last) > _CHARS * minimum:
        return None
    tokens = _marked_tokens(seen, memory, ticket.now.size_at(last))
    if tokens >= _SURE * minimum:
        return None
    return Spot(record.bare(row.id), record.pointer(_last_mark(seen, ticket.now)), tokens=tokens)


def _last_mark(seen: Seen, now: Spelled) -> str:
    """Where the last mark that counts is written; read off the marks where every one of them counts."""
    if len(seen.marks) == len(now.marks) and not seen.record.body.get("cache_control"):
        return f"{seen.marks[-1].place}/cache_control"
    return mark_pointer(seen.record.body, now, now.marks[-1].pos)


def _minimum(model: str) -> int:
    row = facts.model(model)
    return row.min_prefix if row else 0


def _marked_tokens(seen: Seen, memory: Memory, chars: int) -> int:
    """Tokens up to the last mark; of a file with very many small prompts only the first are estimated one by one."""
    memory.estimates += 1
    if memory.estimates > _ESTIMATES:
        return int(chars / _CHARS_A_TOKEN)
    chain = prefix(seen.record.body, counts_for(seen.record.body))
    marked = [place.tokens for place in chain.positions if place.mark]
    return marked[-1] if marked else 0
