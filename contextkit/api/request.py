"""One frozen request, and the Ask that carries it to a driver.

Law: the same value has the same bytes. A Request is what leaves; it never changes after it was made.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from contextkit.api.facts import TRANSPORT_PARAMS
from contextkit.api.messages import dumps

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

__all__ = ["Abandoned", "Ask", "Later", "Purpose", "Reply", "Request"]

Purpose = Literal["turn", "summary", "warm", "route", "side"]
"""Why a call is made; a ledger row carries it."""


@dataclass(frozen=True, slots=True)
class Request:
    """Keyword arguments for `client.messages.create`.

    Attributes:
        params: the arguments; `messages`, `system` and `tools` may be loans (see history/loan.py).
    """

    params: Mapping[str, Any]

    @property
    def model(self) -> str:
        """The model id that is sent."""
        return str(self.params["model"])

    def body(self) -> dict[str, Any]:
        """What is sent as JSON: the arguments without the SDK's transport options."""
        return {key: value for key, value in self.params.items() if key not in TRANSPORT_PARAMS}

    def __bytes__(self) -> bytes:
        return dumps(self.body()).encode()


@dataclass(frozen=True, slots=True)
class Ask:
    """One thing that a turn wants done outside: a request to the API, or a call of the user's summariser.

    Attributes:
        purpose: why.
        request: what to send; None when `call` is set.
        call: the user's own summariser, `def` or `async def`; gets `text`, gives the summary.
        text: the argument of `call`.
        estimate: estimated prompt tokens of the request.
        step: the named place in the user's program that pays.
        background: begin it and go on; the reply holds what will be there `later`.
        wait: what an Ask in the background gave; nothing new is asked.
    """

    purpose: Purpose | Literal["save"]
    request: Request | None = None
    call: Callable[[str], str | Awaitable[str]] | None = field(default=None, compare=False)
    text: str = ""
    estimate: int = 0
    step: str = ""
    background: bool = False
    wait: Later | None = field(default=None, compare=False)


class Later(Protocol):
    """What is being done in the background: a future or a task."""

    def done(self) -> bool:
        """Whether it is done."""

    def result(self) -> Any:
        """A `Reply`, or the exception that came instead of it."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back for an Ask: the API's message, the text of the user's own summariser, or what comes later."""

    message: Any = None
    text: Any = ""
    later: Any = None


class Abandoned(Exception):  # noqa: N818  (not an error: a driver's word to a flow that its answer will not be whole)
    """Thrown into a flow when a stream was left or broke off; `message` is what had arrived, or None."""

    def __init__(self, message: Any) -> None:
        self.message = message
        super().__init__("the stream ended before the answer was whole")
