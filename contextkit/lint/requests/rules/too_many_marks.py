"""CK301: more than four marks in one request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contextkit.api.facts import MAX_MARKS
from contextkit.lint.requests.kinds import BodyRule
from contextkit.lint.rule import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contextkit.lint.requests.memory import Memory
    from contextkit.lint.requests.sequence import Seen
    from contextkit.lint.rule import Finding

__all__ = ["TooManyMarks"]


class TooManyMarks(BodyRule):
    """More than four marks in one request.

    What it does:
        Counts `cache_control` in tools, system and messages; the automatic one at the top of the body counts too,
        unless it would stand on a block that is marked already.

    Why is this bad:
        The API refuses the request: "A maximum of 4 blocks with cache_control may be provided."

    Example:
        for message in messages:
            message["content"][-1]["cache_control"] = {"type": "ephemeral"}

    Use instead:
        for message in messages:
            message["content"][-1].pop("cache_control", None)
        messages[-1]["content"][-1]["cache_control"] = {"type": "ephemeral"}
    """

    code = "CK301"
    name = "too-many-marks"
    severity = Severity.ERROR
    advice = "Keep one mark after the tools or the system prompt and one on the last block; take old ones away."

    @classmethod
    def look(cls, seen: Seen, memory: Memory) -> Iterator[Finding]:
        """The first mark too many."""
        body = seen.record.body
        places = [one.place for one in seen.marks]
        automatic = bool(body.get("cache_control")) and not (places and places[-1] == _last(body))
        if len(places) + automatic > MAX_MARKS:
            place = places[MAX_MARKS] if len(places) > MAX_MARKS else ""
            said = f"{len(places) + automatic} marks; the API takes {MAX_MARKS}"
            yield cls.on(memory, seen.record, f"{place}/cache_control", said)


def _last(body: object) -> str:
    messages = body["messages"] if isinstance(body, dict) else []
    content = messages[-1].get("content") if messages else None
    return f"/messages/{len(messages) - 1}/content/{len(content) - 1}" if isinstance(content, list) else ""
