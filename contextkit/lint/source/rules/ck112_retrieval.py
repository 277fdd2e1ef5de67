"""CK112: what a search found in the cached part."""

from __future__ import annotations

from contextkit.lint.rule import Severity
from contextkit.lint.source.reach import TaintRule
from contextkit.lint.source.values import Kind

__all__ = ["Retrieval"]


class Retrieval(TaintRule):
    r"""What a search found in the cached part.

    What it does:
        Reports results of searches, vector stores, databases and web requests that reach tools, system prompt or an
        earlier message.

    Why is this bad:
        Each question finds something else: all that stands after it is written again.

    Example:
        docs = retriever.invoke(question)
        system = f"{INSTRUCTIONS}\n{docs}"

    Use instead:
        content = f"<documents>{retriever.invoke(question)}</documents>\n{question}"
        messages.append({"role": "user", "content": content})
    """

    code = "CK112"
    name = "retrieval-in-prefix"
    severity = Severity.WARNING
    advice = "Put what was found into the newest user message."
    kind = Kind.RETRIEVAL
    because = "it differs with every question"
