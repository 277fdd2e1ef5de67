"""CK111: what belongs to one user or one request in the cached part."""

from __future__ import annotations

from contextkit.lint.rule import Severity
from contextkit.lint.source.reach import TaintRule
from contextkit.lint.source.values import Kind

__all__ = ["RequestScoped"]


class RequestScoped(TaintRule):
    r"""What belongs to one user or one request in the cached part.

    What it does:
        Reports names, ids, profiles, headers and inputs of a user or a request that reach tools or system before
        the last mark.

    Why is this bad:
        Instructions that all users share are written to the cache anew for each of them.

    Example:
        def answer(user, question):
            return client.messages.create(system=f"{INSTRUCTIONS}\nYou talk to {user.name}.", **rest)

    Use instead:
        system = [
            {"type": "text", "text": INSTRUCTIONS, "cache_control": {"type": "ephemeral"}},
            {"type": "text", "text": f"You talk to {user.name}."},
        ]
    """

    code = "CK111"
    name = "request-scoped-in-prefix"
    severity = Severity.WARNING
    advice = "Keep the shared part first and marked; put this after the last mark or into the newest user message."
    kind = Kind.REQUEST
    because = "each user or request has a prefix of its own"
