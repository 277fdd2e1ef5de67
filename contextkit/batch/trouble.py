"""What an exception of the SDK says about a request: refused, put off, or lost on the way.

Law: an answer that did not arrive says nothing about whether the request did. Statuses by the errors page.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

from contextkit.batch.effects import Effect, Wait
from contextkit.batch.rate import retry_after

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

__all__ = ["Kind", "kind_of", "patient", "said", "status_of"]

Kind = Literal["refused", "busy", "lost"]
"""refused: it will be again. busy: not taken, later perhaps. lost: taken or not, nobody knows."""

_BUSY: Final = frozenset({429, 529})
_FIRST: Final = 400
_SERVER: Final = 500
_TIMEOUT: Final = 408
_TRIES: Final = 8
_MOST: Final = 120.0


def status_of(error: Exception) -> int | None:
    """The HTTP status; None where there was no answer."""
    status = getattr(error, "status_code", None)
    return status if isinstance(status, int) else None


def kind_of(error: Exception) -> Kind:
    """What became of a request. An error that is not of the network or the API (a bug, a wrong client) is refused."""
    status = status_of(error)
    if status in _BUSY:
        spent = "enforced_spend_limit" in str(error)
        return "refused" if spent else "busy"
    if status is not None:
        return "lost" if status >= _SERVER or status == _TIMEOUT else "refused"
    names = {kind.__name__ for kind in type(error).__mro__}
    network = {"APIConnectionError", "TransportError", "OSError", "TimeoutError"}
    return "lost" if names & network else "refused"


def said(error: Exception) -> Mapping[str, str]:
    """The headers of an error's response, names in lower case."""
    headers: Any = getattr(getattr(error, "response", None), "headers", None) or {}
    return {str(name).lower(): str(value) for name, value in headers.items()}


def patient(wish: Effect) -> Generator[Effect, Any, Any]:
    """Have something done that may be done twice; when it fails on the way, try again a little later.

    Raises:
        What the client raised: at once when it was refused, else the last of eight.
    """
    pause = 1.0
    for left in range(_TRIES - 1, -1, -1):
        try:
            return (yield wish)
        except Exception as error:
            if kind_of(error) == "refused" or not left:
                raise
            seconds = retry_after(said(error)) or pause
        yield Wait(seconds)
        pause = min(pause * 2, _MOST)
    return None
