"""Which earlier requests a request is compared with: those that begin like it, or, where none does, the latest ones.

Law: work does not grow with the number of conversations in a file. Requests with one first message have one reader,
however many conversations they are; a request whose first message is new is looked for among the readers used last,
because a window that slides, a summary or an edit may have changed it. Memory is bounded by texts and readers.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import TYPE_CHECKING, Any, Final

from contextkit.cache.blocks import Blocks
from contextkit.cache.spell import spell
from contextkit.cache.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from contextkit.cache.sent import Sent
    from contextkit.cache.spell import Spelled
    from contextkit.cache.violations import Violation

__all__ = ["Reader", "Readers"]

_CONVERSATIONS: Final = 64
"""Of one first message: forks of one task, or a first message that many conversations share ("Hello")."""
_TEXT_BYTES: Final = 64_000_000
_READERS: Final = 4_096
_ALL_BYTES: Final = 400_000_000
_LATEST: Final = 16


class Reader(Watch):
    """A watch for files: its findings are reported by rules, and a summary belongs to what it sums up.

    Attributes:
        rewritten: the request that is being read begins with a summary, or was declared to be rewritten.
    """

    rewritten: bool = False

    def _tell(self, violation: Violation) -> None:
        """Say nothing: rules report what is found."""

    def goes_on(self, now: Spelled, *, rewritten: bool) -> bool:
        """Whether a request whose first message is new here goes on from one of these all the same."""
        self.rewritten = rewritten
        return self._headless(now) is not None

    def _headless(self, now: Spelled) -> Sent | None:
        """As for the live client; a rewritten one also goes on from the latest conversation that it can stand for."""
        found = super()._headless(now)
        if found is not None or not self.rewritten:
            return found
        mine = set(now.blocks.owns)
        for tip in reversed(self._tips):
            old = tip.spelled
            if (old.model, old.tools, old.system) == (now.model, now.tools, now.system) and (
                not mine.isdisjoint(old.blocks.owns) or len(old.blocks.roles) > len(now.blocks.roles)
            ):
                return tip
        return None


class Readers:
    """All readers of a file."""

    def __init__(self) -> None:
        self._by_first: OrderedDict[int, tuple[Reader, int]] = OrderedDict()
        self._latest: deque[Reader] = deque(maxlen=_LATEST)
        self._bytes = 0

    def reader(self, body: Mapping[str, Any], *, rewritten: bool) -> Reader:
        """The reader of a request; a new one where it belongs to none, or is no request at all."""
        try:
            first = Blocks()
            first.extend(body["messages"][:1])
            key = first.chain[0] if first.chain else 0
            known = self._by_first.pop(key, None)
            found = known[0] if known else self._other(body, rewritten=rewritten)
            size = _size(body)
        except (KeyError, TypeError, AttributeError, ValueError, IndexError, RecursionError):
            return Reader()
        self._bytes += size - (known[1] if known else 0)
        self._by_first[key] = (found, size)
        found.rewritten = rewritten
        if not self._latest or self._latest[-1] is not found:
            if found in self._latest:
                self._latest.remove(found)
            self._latest.append(found)
        while len(self._by_first) > 1 and (len(self._by_first) > _READERS or self._bytes > _ALL_BYTES):
            _, (_, gone) = self._by_first.popitem(last=False)
            self._bytes -= gone
        return found

    def _other(self, body: Mapping[str, Any], *, rewritten: bool) -> Reader:
        """Among the latest readers the one that a request with a new first message goes on from, or a new one."""
        if self._latest and (rewritten or len(body["messages"]) > 1):
            now = spell(body)
            for reader in reversed(self._latest):
                if reader.goes_on(now, rewritten=rewritten):
                    return reader
        return Reader(conversations=_CONVERSATIONS, text_bytes=_TEXT_BYTES)


def _size(body: Mapping[str, Any]) -> int:
    """Characters of the texts that make up nearly all of a request."""
    total = 0
    for message in body["messages"]:
        content = message["content"]
        if isinstance(content, str):
            total += len(content)
        else:
            for block in content:
                inner = block.get("content") or block.get("text") or ""
                total += len(inner) if isinstance(inner, str) else 1_000
    return total
