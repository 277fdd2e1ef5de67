"""Which earlier requests a request is compared with: those that begin like it, or, where none does, the latest ones.

Law: work does not grow with the number of conversations in a file. Requests with one first message have one desk,
however many conversations they are; a request whose first message is new is looked for among the desks used last,
because a window that slides, a summary or an edit may have changed it. Memory is bounded by texts and desks.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import TYPE_CHECKING, Any, Final

from contextkit.cache.blocks import Blocks
from contextkit.cache.spell import Spelled, spell
from contextkit.lint.requests.desk import Desk

if TYPE_CHECKING:
    from collections.abc import Mapping

    from contextkit.cache.watch import Ticket
    from contextkit.lint.requests.desk import Sending

__all__ = ["Readers"]

_DESKS: Final = 4_096
_ALL_BYTES: Final = 400_000_000
_LATEST: Final = 16
_HEADS: Final = 8
"""Tools, systems and settings that are known again without being read."""


class Readers:
    """All desks of a file."""

    def __init__(self) -> None:
        self._by_first: OrderedDict[int, Desk] = OrderedDict()
        self._latest: deque[Desk] = deque(maxlen=_LATEST)
        self._known: list[Spelled] = []
        self._heads: list[dict[str, Any]] = []
        self._shared: dict[str, Any] = {}
        self._bytes = 0

    def sent(self, given: Sending) -> tuple[Desk, Ticket | None]:
        """Read a request where it belongs, or at a new desk; None where it is no request at all."""
        try:
            key = _first(given.body)
            found = self._by_first.pop(key, None)
            now = None
            if found is None:
                now = self._spelled(given)
                found = self._other(now, given) or Desk()
            size = _size(given.body)
        except (KeyError, TypeError, AttributeError, ValueError, IndexError, RecursionError):
            return Desk(), None
        self._keep(key, found, size)
        return found, found.sent(given, now, self._shared if now else None)

    def _keep(self, key: int, found: Desk, size: int) -> None:
        """Put a desk in front, and let the oldest go where there is too much."""
        self._bytes += size - found.size
        found.size = size
        self._by_first[key] = found
        if not self._latest or self._latest[-1] is not found:
            if found in self._latest:
                self._latest.remove(found)
            self._latest.append(found)
        while len(self._by_first) > 1 and (len(self._by_first) > _DESKS or self._bytes > _ALL_BYTES):
            _, gone = self._by_first.popitem(last=False)
            self._bytes -= gone.size
            gone.size = 0

    def _spelled(self, given: Sending) -> Spelled:
        """The request spelled; where its head is a known one, the two shall share what is kept of it."""
        now = spell(given.body, given.betas, known=self._known, keep=True)
        for one, shared in zip(self._known, self._heads, strict=True):
            if one.top is now.top:
                self._shared = shared
                return now
        self._shared = {name: given.body[name] for name in ("tools", "system") if name in given.body}
        self._known = [Spelled(now.top, Blocks(), ()), *self._known[: _HEADS - 1]]
        self._heads = [self._shared, *self._heads[: _HEADS - 1]]
        return now

    def _other(self, now: Spelled, given: Sending) -> Desk | None:
        """Among the latest desks the one that a request with a new first message goes on from."""
        if not self._latest or not (given.rewritten or len(now.blocks.roles) > 1):
            return None
        mine = set(now.blocks.owns)
        return next((desk for desk in reversed(self._latest) if desk.goes_on(now, mine, given)), None)


def _first(body: Mapping[str, Any]) -> int:
    """What requests are told apart by at first: their first block, in whatever spelling; nearly always a text."""
    message = body["messages"][0] if body["messages"] else {}
    content = message.get("content")
    if isinstance(content, list) and content and content[0].get("type") == "text" and not content[0].get("citations"):
        content = content[0].get("text")
    if isinstance(content, str) and not message.get("clear_at"):
        return hash((message["role"], content))
    blocks = Blocks()
    blocks.extend(body["messages"][:1])
    return blocks.chain[0] if blocks.chain else 0


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
