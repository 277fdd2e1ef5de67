"""What the log keeps of every request.

Law: a record never changes, and holds no key.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from contextkit.api.usage import Usage
    from contextkit.cache.simulator import Bill
    from contextkit.emulator.answer import Answer
    from contextkit.emulator.messages import Outcome

__all__ = ["Exchange", "exchange", "masked"]

_SECRET: Final = frozenset({"x-api-key", "authorization", "cookie"})


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request that arrived, and what became of it. An item of a batch is one too.

    Attributes:
        at: Unix seconds on the emulator's clock.
        method: HTTP method.
        path: path without the query.
        headers: request headers in lower case; keys are masked.
        body: the parsed body; empty when there was none or it was not a JSON object. Not a copy: leave it as it is.
        status: HTTP status of the answer; 0 when there was none.
        error: the text of the error, or how the answer was lost; empty when neither.
        response_id: id of the message or batch.
        request_id: id of the exchange.
        bill: the prompt of the last sampling pass, by cache class; None when nothing was billed.
        usage: everything billed, with output and compaction; None when nothing was.
        stop_reason: why the message stopped.
        tier: "batch" for an item of a batch.
    """

    at: float
    method: str
    path: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]
    status: int
    error: str = ""
    response_id: str = ""
    request_id: str = ""
    bill: Bill | None = None
    usage: Usage | None = None
    stop_reason: str = ""
    tier: str = "standard"


def exchange(
    at: float, call: tuple[str, str], headers: Mapping[str, str], body: Mapping[str, Any], answer: Answer, out: Outcome
) -> Exchange:
    """The record of a request.

    Args:
        at: when it arrived.
        call: method and path.
        headers: as they came.
        body: parsed.
        answer: what went back.
        out: what was billed.
    """
    message = out.message or {}
    return Exchange(
        at,
        *call,
        masked(headers),
        body,
        answer.status,
        answer.error or answer.lost,
        str(message.get("id") or ""),
        answer.headers.get("request-id", ""),
        out.bill,
        out.usage,
        str(message.get("stop_reason") or ""),
    )


def masked(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers without keys."""
    return {key: "***" if key in _SECRET else value for key, value in headers.items()}
