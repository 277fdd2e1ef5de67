"""CK103: an identifier made anew in the cached part."""

from __future__ import annotations

from contextkit.lint.rule import Severity
from contextkit.lint.source.reach import TaintRule
from contextkit.lint.source.values import Kind

__all__ = ["FreshId"]


class FreshId(TaintRule):
    r"""An identifier made anew in the cached part.

    What it does:
        Reports `uuid4()`, tokens, ULIDs, names of temporary files and their kin that reach tools, system or earlier
        messages. One that is made once, when a module is imported, is only worth a look (info): each process has its
        own prefix, and all its requests share it.

    Why is this bad:
        A request id at the top of the system prompt makes every prefix unique.

    Example:
        system = f"[request {uuid.uuid4()}]\n{INSTRUCTIONS}"

    Use instead:
        client.messages.create(system=INSTRUCTIONS, metadata={"user_id": str(uuid.uuid4())}, **rest)
    """

    code = "CK103"
    name = "fresh-id-in-prefix"
    severity = Severity.ERROR
    advice = "Send identifiers in `metadata`, in a log, or in the newest user message."
    kind = Kind.UUID
    because = "every one is new"
