"""CK145: a conversation in a loop without any mark."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contextkit.lint.rule import Finding, Severity
from contextkit.lint.source.marks import unmarked
from contextkit.lint.source.reach import Program, SourceRule

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["NoMarkInLoop"]


class NoMarkInLoop(SourceRule):
    """A conversation in a loop without any mark.

    What it does:
        Reports a request inside a loop whose messages grow from round to round, with `cache_control` nowhere in it.
        A constant that is imported from elsewhere is taken for text without a mark.

    Why is this bad:
        Nothing is cached without a mark: every round pays the whole history at the full price.

    Example:
        while True:
            answer = client.messages.create(model=MODEL, system=RULES, messages=messages, max_tokens=1024)
            messages.append({"role": "assistant", "content": answer.content})

    Use instead:
        while True:
            answer = client.messages.create(
                model=MODEL, system=RULES, messages=messages, max_tokens=1024, cache_control={"type": "ephemeral"}
            )
            messages.append({"role": "assistant", "content": answer.content})
    """

    code = "CK145"
    name = "no-mark-in-loop"
    severity = Severity.WARNING
    advice = 'Pass cache_control={"type": "ephemeral"}, or mark the last block of each request.'

    @classmethod
    def found(cls, program: Program) -> Iterator[Finding]:
        """One finding a request."""
        for sent in program.sent:
            if unmarked(sent):
                message = "the conversation grows in this loop and no part of it is marked: nothing is ever cached"
                yield cls.at(sent.spot.path, sent.spot.line, sent.spot.column + 1, message)
