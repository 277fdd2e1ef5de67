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
from contextkit.lint.requests.alike import alike

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
_TELLING: Final = 40
"""Characters of a first message below which two that are alike say nothing."""


class Reader(Watch):
    """A watch for files: its findings are reported by rules, and a summary belongs to what it sums up.

    Attributes:
        rewritten: the request that is being read begins with a summary, or was declared to be rewritten.
        text: the text of its first message.
    """

    rewritten: bool = False
    text: str = ""

    def _tell(self, violation: Violation) -> None:
        """Say nothing: rules report what is found."""

    def goes_on(self, now: Spelled, text: str, *, rewritten: bool) -> bool:
        """Whether a request whose first message is new here goes on from one of these all the same."""
        self.rewritten, self.text = rewritten, text
        return self._headless(now) is not None

    def _headless(self, now: Spelled) -> Sent | None:
        """As for the live client; a rewritten one also goes on from the latest conversation that it can stand for."""
        found = super()._headless(now)
        if found is not None:
            return found
        if self.rewritten:
            mine = set(now.blocks.owns)
            return next((tip for tip in reversed(self._tips) if _stood_for(tip.spelled, now, mine)), None)
        return next((tip for tip in reversed(self._tips) if self._edited(tip, now)), None)

    def _edited(self, tip: Sent, now: Spelled) -> bool:
        """Whether a conversation of one message goes on with that message changed a little: a clock in it, an id."""
        old = tip.spelled
        if len(old.blocks.owns) != 1 or len(now.blocks.roles) <= 1 or len(self.text) < _TELLING:
            return False
        kept = tip.texts[old.head] if len(tip.texts) > old.head else None
        return isinstance(kept, str) and _same_head(old, now) and alike(kept, self.text)


def _same_head(old: Spelled, now: Spelled) -> bool:
    return (old.model, old.tools, old.system) == (now.model, now.tools, now.system)


def _stood_for(old: Spelled, now: Spelled, mine: set[int]) -> bool:
    """Whether a rewritten request can stand for this one: the same head, and a common block or fewer messages."""
    shorter = len(old.blocks.roles) > len(now.blocks.roles)
    return _same_head(old, now) and (shorter or not mine.isdisjoint(old.blocks.owns))


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
        found.rewritten, found.text = rewritten, "" if known else _first_text(body)
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
            now, text = spell(body), _first_text(body)
            for reader in reversed(self._latest):
                if reader.goes_on(now, text, rewritten=rewritten):
                    return reader
        return Reader(conversations=_CONVERSATIONS, text_bytes=_TEXT_BYTES)


def _first_text(body: Mapping[str, Any]) -> str:
    """The first message where it is one text; "" else."""
    content = body["messages"][0]["content"] if body["messages"] else ""
    if isinstance(content, list):
        content = content[0].get("text") if len(content) == 1 else ""
    return content if isinstance(content, str) else ""


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
