"""CK329: requests to a model that the tables do not know."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contextkit.api import facts
from contextkit.lint.requests.kinds import BodyRule
from contextkit.lint.rule import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contextkit.lint.requests.memory import Memory
    from contextkit.lint.rule import Finding

__all__ = ["UnknownModel"]

_SHOWN = 60


class UnknownModel(BodyRule):
    """Requests to a model that the tables do not know.

    What it does:
        Finds model ids that are no Claude model known here, in any platform's spelling, and bodies that name none.
        Each id is told once a file, at its first request, with the number of requests.

    Why is this bad:
        Whether a prefix is long enough to be cached, what is kept of earlier thinking, and what a break costs are
        facts about the model: without it they are not judged. Changes of the prefix are found all the same.

    Example:
        {"model": "claude-opus-55", "messages": [{"role": "user", "content": "..."}]}

    Use instead:
        {"model": "claude-opus-5-5", "messages": [{"role": "user", "content": "..."}]}
    """

    code = "CK329"
    name = "unknown-model"
    severity = Severity.INFO
    advice = "Check the id; give --model (or the setting `model`) for bodies that name none."

    @classmethod
    def end(cls, memory: Memory) -> Iterator[Finding]:
        """One finding an id."""
        for name, (line, number, count) in memory.models.items():
            if facts.model(name) is not None:
                continue
            many = f"{count} requests" if count > 1 else "a request"
            said = f"to {name[:_SHOWN]!r}, which is no model known here" if name else "without a model"
            message = f"{many} {said}: minimum length and price were not judged"
            yield cls.at(memory.path, line, 1, message, request=number, pointer="/model" if name else "")
