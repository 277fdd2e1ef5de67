"""A part of the work done aside: a conversation that begins with the parent's cached prefix and leaves only its result.

Law: the parent changes once, at the end, by one appended text; a subtask that fails leaves it as it was. What was
spent is in the parent's ledger in either case.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Self

from contextkit.compact.subtasks import quoted_result
from contextkit.compact.summary import transcript
from contextkit.conversation import Conversation
from contextkit.errors import HistoryError
from contextkit.forking import forked

if TYPE_CHECKING:
    from types import TracebackType

    from contextkit.ledger import Row

__all__ = ["Subtask"]


class Subtask(Conversation):
    """`with conv.subtask("find the order") as sub:` gives a Conversation; at the block's end its result is appended.

    Attributes:
        result: the text that the parent gets; None for the text of the last answer.
    """

    result: str | None = None

    def __init__(self, parent: Conversation, name: str, client: Any = None) -> None:
        state = parent._state  # noqa: SLF001  (a subtask is made of its parent)
        if state.log.open_calls:
            raise HistoryError(
                f"{len(state.log.open_calls)} tool call(s) have no result yet: {', '.join(state.log.open_calls)}",
                where="subtask()",
                fix="Answer them first: a request with an open tool call cannot be sent.",
            )
        self.__dict__.update(vars(parent))
        self._state = forked(state)
        self._kept = None  # its messages are nobody's to keep; its spending is in the parent's journal
        self.result = None
        self._state.booked = []
        self._parent, self._name, self._client = parent, name, client
        self._began = len(state.log.entries)

    def _turn(self, client: Any, step: str) -> Any:
        return super()._turn(client, step or self._name)

    def __enter__(self) -> Self:
        if self._client is not None and not self._warm():
            self._parent.prewarm(self._client)
        return self

    async def __aenter__(self) -> Self:
        if self._client is not None and not self._warm():
            await self._parent.aprewarm(self._client)
        return self

    def _warm(self) -> bool:
        state = self._parent._state  # noqa: SLF001  (as above)
        return state.called_at is not None and self._clock() - state.called_at < state.seconds

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._left(kind)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._left(kind)

    def _left(self, kind: type[BaseException] | None) -> None:
        if kind is None:
            self._leave()
        elif self._parent._kept is not None:  # noqa: SLF001  (as above)
            self._parent._kept.anyhow(self._parent._state)  # noqa: SLF001  (what was spent is kept; the failure is seen)

    def _leave(self) -> None:
        entries = self._state.log.entries
        last = entries[-1] if len(entries) > self._began else None
        said = last.blocks if last is not None and last.role == "assistant" else []
        text = self.result or "\n".join(block["text"] for block in said if block["type"] == "text")
        if not text.strip():
            raise HistoryError(
                f"the subtask {self._name!r} ended without a result",
                where="subtask()",
                fix="Ask until the model answers with text, or set sub.result.",
            )
        handle = self._state.archive.put(transcript(entries[max(self._began - 1, 0) :], sys.maxsize))
        named = handle if self._state.recall else ""
        self._parent._add_user([{"type": "text", "text": quoted_result(self._name, text, named)}])  # noqa: SLF001  (as above)
        self._parent._save()  # noqa: SLF001  (as above)

    @property
    def cost(self) -> float | None:
        """USD so far; None where a price is not known."""
        costs = [row.cost for row in self._rows()]
        return None if None in costs else sum(each for each in costs if each is not None)

    @property
    def separate(self) -> float | None:
        """USD that an agent of its own would have cost with the same context; None where a price is not known.

        It would have written the prefix that this one read at its first call.
        """
        rows = self._rows()
        price = rows[0].price if rows else None
        if self.cost is None or price is None:
            return self.cost
        write = price.write_1h if self._state.lifetime == "1h" else price.write_5m
        return self.cost + rows[0].usage.read * (write - price.read)

    def _rows(self) -> list[Row]:
        return list(self._state.booked or ())
