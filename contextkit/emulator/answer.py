"""What goes back to the client, before any transport: status, headers, and a body or a row of events.

Law: errors have the API's JSON shape, whatever went wrong (errors page): type "error", the error's type and
message, and the request's id, which is in the `request-id` header too.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from contextkit.api.messages import dumps
from contextkit.emulator.script import ERROR_TYPES

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Answer", "Refusal", "error_answer", "error_body", "json_answer"]


class Refusal(Exception):  # noqa: N818  (an answer, not a defect)
    """The request is refused; carries what the API would say."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        type: str | None = None,  # noqa: A002  (the API's own word)
        code: str = "",
    ) -> None:
        self.code = code
        self.status = status
        self.type = type or ERROR_TYPES.get(status, ("invalid_request_error", ""))[0]
        self.message = message
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Answer:
    """One response.

    Attributes:
        status: HTTP status.
        headers: response headers, lower case.
        body: the bytes of a response that is not streamed.
        events: server-sent events, each whole; None when not streamed.
        lost: how the transport must fail: before anything came ("timeout", "connection"), or after the events or the
            body that are here ("broken").
        began: Unix seconds at which the response begins.
        ended: Unix seconds at which it ends.
        error: the text of the error, for the log.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    events: tuple[bytes, ...] | None = None
    lost: Literal["", "timeout", "connection", "broken"] = ""
    began: float = 0.0
    ended: float = 0.0
    error: str = ""


def json_answer(value: Any, request_id: str, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """A JSON response."""
    data = dumps(value).encode("utf-8", "surrogatepass")
    return Answer(status, {"content-type": "application/json", "request-id": request_id, **(headers or {})}, body=data)


def error_body(type_: str, message: str, request_id: str, code: str = "") -> dict[str, Any]:
    """The API's error object; `code` names the cause where the API has a name for it."""
    error: dict[str, Any] = {"type": type_, "message": message}
    if code:
        error["details"] = {"error_code": code}
    return {"type": "error", "error": error, "request_id": request_id}


def error_answer(
    status: int,
    type_: str,
    message: str,
    request_id: str,
    *,
    headers: Mapping[str, str] | None = None,
    code: str = "",
) -> Answer:
    """The API's error response."""
    answer = json_answer(error_body(type_, message, request_id, code), request_id, status=status, headers=headers)
    return replace(answer, error=message)
