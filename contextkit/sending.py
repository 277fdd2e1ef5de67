"""What asks a model on behalf of a conversation: requests, turns, streams, warm-ups, folds and subtasks.

Law: what is sent is decided in turn.py and folding.py and carried out by drive.py; nothing is decided here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from contextkit import drive, folding, turn
from contextkit.compact.server import chosen
from contextkit.settings import first_party

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Literal

    from contextkit.kept import Kept
    from contextkit.state import State
    from contextkit.subtask import Subtask

__all__ = ["Sending"]


class Sending:
    """The part of a Conversation that asks."""

    _state: State
    _kept: Kept | None
    _clock: Callable[[], float]
    _diagnostics: bool | Literal["auto"]

    def request(self) -> dict[str, Any]:
        """Keyword arguments for `client.messages.create`, for those who call it themselves; then `record`.

        Without a client no model can write a summary: past the budget, the fold is extractive here. Call
        `compact(client)` first to have it written.

        Raises:
            HistoryError: nothing to answer, or open tool calls. BudgetError: the fixed prefix is over the budget.
        """
        now = self._clock()
        self._state.server = ""  # without a client nobody knows the platform, or which method it will be given to
        if self._kept is None and turn.ready(self._state, now):
            return dict(turn.build(self._state, now).params)
        return dict(drive.nobody(self._keeping(turn.prepare(self._state, now=now, alone=True))).params)

    def send(self, client: Any, *, step: str = "") -> Any:
        """Ask the model and record what it answers; returns the SDK's Message.

        Args:
            client: any synchronous client of the SDK (Anthropic, Bedrock, Vertex, Foundry).
            step: a name for the ledger.
        """
        return drive.run(self._turn(client, step), client)

    async def asend(self, client: Any, *, step: str = "") -> Any:
        """As `send`, with an asynchronous client."""
        return await drive.arun(self._turn(client, step), client)

    def stream(self, client: Any, *, step: str = "") -> drive.Streaming:
        """`with conv.stream(client) as stream:` gives the SDK's stream; the answer is recorded at the block's end."""
        return drive.Streaming(self._turn(client, step), client)

    def astream(self, client: Any, *, step: str = "") -> drive.AsyncStreaming:
        """`async with conv.astream(client) as stream:`, as `stream`, with an asynchronous client."""
        return drive.AsyncStreaming(self._turn(client, step), client)

    def prewarm(self, client: Any) -> Any:
        """Write the prefix to the cache before it is needed, or keep it alive: a call with `max_tokens=0`.

        Before the first message it warms tools and system (once, before a fan-out); later it re-reads what the last
        request wrote, at the read price, and renews it. Booked as "warm".

        Raises:
            ConfigError: the parameters do not go with `max_tokens=0` (manual thinking, output format, forced tools).
        """
        return drive.run(self._keeping(turn.warm(self._state, now=self._clock())), client)

    async def aprewarm(self, client: Any) -> Any:
        """As `prewarm`, with an asynchronous client."""
        return await drive.arun(self._keeping(turn.warm(self._state, now=self._clock())), client)

    def _turn(self, client: Any, step: str) -> Any:
        own = first_party(client)
        if self._diagnostics == "auto":
            self._state.diagnostics = own
        policy = self._state.policy
        self._state.server = chosen(policy.server, self._state.row) if policy is not None and own else ""
        return self._keeping(turn.turn(self._state, now=self._clock(), step=step))

    def _keeping(self, flow: Any) -> Any:
        return flow if self._kept is None else self._kept.around(self._state, flow, now=self._clock())

    def compact(self, client: Any, *, force: bool = False) -> int:
        """Fold now if the budget is passed (or `force`); returns how many folds were made."""
        flow = folding.compact(self._state, now=self._clock(), force=force)
        folds: int = drive.run(self._keeping(flow), client)
        return folds

    async def acompact(self, client: Any, *, force: bool = False) -> int:
        """As `compact`, with an asynchronous client."""
        folds: int = await drive.arun(
            self._keeping(folding.compact(self._state, now=self._clock(), force=force)), client
        )
        return folds

    def subtask(self, name: str, client: Any = None) -> Subtask:
        """A part of the work done aside: `with conv.subtask("find the order") as sub:`, also `async with`.

        It is a Conversation that begins with all that was said here, read from the cache. At the end of the block only
        its result is appended here; its transcript goes to the archive, its cost to the ledger, with `name` as the
        step. If the block raises, this conversation stays as it was. Several may run at the same time.

        Args:
            name: what it is about.
            client: warms the prefix up first where it is cold, once for all subtasks that begin then.

        Raises:
            HistoryError: tool calls are open; or, at the end of the block, there is no result.
        """
        from contextkit.subtask import Subtask  # noqa: PLC0415  (a subtask is a Conversation)

        return Subtask(cast("Any", self), name, client)
