"""CK307: the address of an object in the cached prefix."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from contextkit.lint.requests.kinds import BodyRule
from contextkit.lint.requests.texts import excerpt, head_texts, said_texts
from contextkit.lint.rule import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contextkit.lint.requests.memory import Memory
    from contextkit.lint.requests.sequence import Seen
    from contextkit.lint.rule import Finding

__all__ = ["ObjectAddress"]

_ADDRESS: Final = re.compile(
    r"\bobject at 0x[0-9a-fA-F]{6,16}\b"
    r"|<(?:function|bound method|built-in|module|frame|code)\b[^\n]{0,120}? at 0x[0-9a-fA-F]{6,16}\b"
)


class ObjectAddress(BodyRule):
    """The address of an object in the cached prefix.

    What it does:
        Finds what Python writes for an object without a text of its own, "<Item object at 0x7f3a...>", in tools and
        system prompt. In what the user said earlier it is only a hint: it stays there as it was said.

    Why is this bad:
        The address is another one in every process: the prefix is never the same twice, and the model learns nothing
        from it.

    Example:
        system = f"You may use: {tool}"

    Use instead:
        system = f"You may use: {tool.name}"
    """

    code = "CK307"
    name = "object-address"
    severity = Severity.WARNING
    advice = "Write the object's name or fields; give its class a __repr__ or __str__ without an address."

    @classmethod
    def look(cls, seen: Seen, memory: Memory) -> Iterator[Finding]:
        """Addresses in a head that was not seen before, and in messages that are new."""
        record = seen.record
        if seen.ticket is not None and memory.head(seen.ticket.now).requests == 1:
            for place, text in head_texts(record.body):
                found = _ADDRESS.search(text)
                if found:
                    said = f"an object's address in the prefix: {excerpt(text, found.start())!r}"
                    yield cls.on(memory, record, place, said)
        for place, text in said_texts(record.body, seen.new_from):
            found = _ADDRESS.search(text)
            if found:
                said = f"an object's address in an earlier message: {excerpt(text, found.start())!r}"
                yield cls.on(memory, record, place, said, severity=Severity.INFO)
