"""CK123: a summary made new at every turn."""

from __future__ import annotations

from contextkit.lint.rule import Severity
from contextkit.lint.source.reach import TaintRule
from contextkit.lint.source.values import Kind

__all__ = ["SummaryEachTurn"]


class SummaryEachTurn(TaintRule):
    """A summary made new at every turn.

    What it does:
        Reports an answer of the model, or of a function that summarises, that is put into the system prompt or at
        the head of the messages of a conversation that goes on, without waiting for a limit.

    Why is this bad:
        A summary that is remade at every turn is a new prefix at every turn, and each costs a call of its own.

    Example:
        summary = summarize(history[:-4])
        messages = [{"role": "user", "content": summary}, *history[-4:]]

    Use instead:
        if count_tokens(history) > LIMIT:
            history[:] = [summary_message(history[:-4]), *history[-4:]]
    """

    code = "CK123"
    name = "summary-every-turn"
    severity = Severity.WARNING
    advice = "Summarise when a limit is passed, keep the summary, and add later ones after it."
    kind = Kind.SUMMARY
    because = "it is written anew each time, and all that follows it"
