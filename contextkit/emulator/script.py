"""What the model says: replies and failures as values, and the three forms of a script that gives them.

Law: a reply is data. A script is a list (one reply a messages call), an iterator, or a function of the request
body; nothing here knows what is billed or how it travels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from contextkit.api.messages import Block, plain
from contextkit.errors import ConfigError

__all__ = [
    "Failure",
    "Line",
    "Reply",
    "Script",
    "ScriptSource",
    "broken",
    "connection_error",
    "fault",
    "redacted",
    "reply",
    "stream_error",
    "text",
    "thinking",
    "timeout",
    "tool_use",
]

ERROR_TYPES: Final[dict[int, tuple[str, str]]] = {
    400: ("invalid_request_error", "Bad request"),
    401: ("authentication_error", "invalid x-api-key"),
    402: ("billing_error", "Your credit balance is too low to access the Anthropic API."),
    403: ("permission_error", "Your API key does not have permission to use the specified resource."),
    404: ("not_found_error", "Not found"),
    405: ("invalid_request_error", "Method Not Allowed"),
    413: ("request_too_large", "Request exceeds the maximum size"),
    429: ("rate_limit_error", "This request would exceed your organization's rate limit."),
    500: ("api_error", "Internal server error"),
    504: ("timeout_error", "Request timed out"),
    529: ("overloaded_error", "Overloaded"),
}
"""Error type and usual text of each status (errors page)."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer of the model. Make it with `reply(...)`.

    Attributes:
        content: the blocks, plain dicts.
        stop_reason: None follows from the content: "tool_use" when it calls a tool, else "end_turn".
        output_tokens: generated tokens; None counts the blocks.
        seconds: from the request to the end of the response; None takes the emulator's default.
        first_token_seconds: from the request to the begin of the response; None takes the emulator's default.
        model: the id that the response names; None repeats the request's.
    """

    content: tuple[Block, ...] = ()
    stop_reason: str | None = None
    output_tokens: int | None = None
    seconds: float | None = None
    first_token_seconds: float | None = None
    model: str | None = None


Kind = Literal["status", "timeout", "connection", "broken", "error"]


@dataclass(frozen=True, slots=True)
class Failure:
    """Something goes wrong with a request. Made by `fault`, `timeout`, `connection_error`, `broken`.

    Attributes:
        kind: an error status; no answer in time; no connection; a response that breaks off; a stream with an error
            event.
        status: HTTP status of the error, or the status that its type belongs to.
        type: the error's type, as in the API's JSON.
        message: the error's text.
        headers: further response headers, such as retry-after.
        reply: what the response begins with before it breaks.
        after: events that arrive before it breaks; 0 breaks before the response began, so nothing is cached.
    """

    kind: Kind
    status: int = 0
    type: str = ""
    message: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    reply: Reply = Reply()
    after: int = 0


def text(words: str) -> Block:
    """A text block."""
    return {"type": "text", "text": words}


def thinking(words: str, *, signature: str | None = None) -> Block:
    """A thinking block; without a signature the emulator signs it as the API does."""
    block: Block = {"type": "thinking", "thinking": words}
    return block if signature is None else {**block, "signature": signature}


def redacted(data: str) -> Block:
    """A redacted thinking block."""
    return {"type": "redacted_thinking", "data": data}


def tool_use(name: str, given: Mapping[str, Any] | None = None, *, id: str | None = None) -> Block:  # noqa: A002
    """A call of a tool; without an `id` the emulator gives one."""
    block: Block = {"type": "tool_use", "name": name, "input": dict(given or {})}
    return block if id is None else {**block, "id": id}


def reply(
    *content: str | Mapping[str, Any],
    stop_reason: str | None = None,
    output_tokens: int | None = None,
    seconds: float | None = None,
    first_token_seconds: float | None = None,
    model: str | None = None,
) -> Reply:
    """An answer of the model: any number of texts and blocks.

    Raises:
        ConfigError: a negative number of tokens or seconds.
        ContentError: a block is not plain JSON.
    """
    for name, number in (
        ("output_tokens", output_tokens),
        ("seconds", seconds),
        ("first_token_seconds", first_token_seconds),
    ):
        if number is not None and number < 0:
            raise ConfigError(f"{name} is {number}", where="reply", fix="Give 0 or more.")
    blocks = tuple(text(item) if isinstance(item, str) else plain(item, where="reply") for item in content)
    return Reply(blocks, stop_reason, output_tokens, seconds, first_token_seconds, model)


def fault(
    status: int,
    *,
    type: str | None = None,  # noqa: A002  (the API's own word)
    message: str | None = None,
    retry_after: float | None = None,
    headers: Mapping[str, str] | None = None,
) -> Failure:
    """The API answers with an error status before any response begins: 429, 500, 529, ...

    Args:
        status: 400 or more.
        type: the error's type; None for the one that belongs to the status.
        message: the error's text.
        retry_after: seconds, for the `retry-after` header. The SDK waits that long in real time.
        headers: further response headers.

    Raises:
        ConfigError: the status is not an error.
    """
    if not 400 <= status <= 599:  # noqa: PLR2004  (the range of error statuses)
        raise ConfigError(f"{status} is not an error status", where="fault", fix="Give 400 to 599.")
    known = ERROR_TYPES.get(status, ("api_error", "Error"))
    more = dict(headers or {})
    if retry_after is not None:
        more["retry-after"] = f"{retry_after:g}"
    return Failure("status", status, type or known[0], message or known[1], more)


def timeout() -> Failure:
    """No answer comes within the client's patience; nothing is cached."""
    return Failure("timeout")


def connection_error() -> Failure:
    """The connection fails before anything is sent back; nothing is cached."""
    return Failure("connection")


def broken(*content: str | Mapping[str, Any] | Reply, after: int = 3) -> Failure:
    """The response begins and the connection breaks off after `after` events.

    The prompt is cached once the response has begun, and so with `after` of 1 or more. Without streaming the
    response is cut in the middle of its JSON.
    """
    return Failure("broken", reply=_begun(content), after=max(0, after))


def stream_error(
    *content: str | Mapping[str, Any] | Reply,
    after: int = 3,
    status: int = 529,
    message: str | None = None,
) -> Failure:
    """A stream that began with 200 carries an `error` event after `after` events (errors page). The prompt is cached.

    Without streaming the same call answers with `status`.
    """
    known = ERROR_TYPES.get(status, ("api_error", "Error"))
    return Failure("error", status, known[0], message or known[1], reply=_begun(content), after=max(0, after))


def _begun(content: tuple[str | Mapping[str, Any] | Reply, ...]) -> Reply:
    if len(content) == 1 and isinstance(content[0], Reply):
        return content[0]
    return reply(*(item for item in content if not isinstance(item, Reply)))


Line = Reply | Failure | str | Mapping[str, Any]
"""What a script may give: a reply, a failure, a text, or one block."""

ScriptSource = Callable[[dict[str, Any]], Line] | Iterable[Line]


class Script:
    """Gives the next line for a request.

    Args:
        source: a list or iterator of lines, taken one a messages call, or a function of the request's body.

    Raises:
        ConfigError: the source is a single text or none of these.
    """

    def __init__(self, source: ScriptSource) -> None:
        if isinstance(source, str | Mapping) or not (callable(source) or isinstance(source, Iterable)):
            raise ConfigError(
                f"a script cannot be a {type(source).__name__}",
                where="Emulator",
                fix="Give a list of replies, an iterator, or a function of the request body.",
            )
        self._function = source if callable(source) else None
        self._lines: Iterator[Line] = iter(()) if callable(source) else iter(source)
        self.given = 0

    def next(self, body: dict[str, Any], *, samples: bool = True) -> Reply | Failure:
        """The line for this request.

        Args:
            body: the request.
            samples: whether the model generates anything. Without (`max_tokens` 0) a list keeps its replies, and a
                function is asked so that it can fail the call.

        Raises:
            ConfigError: the list is used up, or the line is not one.
        """
        if self._function is not None:
            line = self._function(body)
        elif not samples:
            return Reply()
        else:
            try:
                line = next(self._lines)
            except StopIteration:
                raise ConfigError(
                    f"the script is used up: it had {self.given} replies and this is messages call {self.given + 1}",
                    where="emulator script",
                    fix="Give more replies, or a function of the request body.",
                ) from None
        self.given += samples
        return as_line(line)


def as_line(line: Any) -> Reply | Failure:
    """A line in its one form.

    Raises:
        ConfigError: it is no reply, failure, text or block.
    """
    if isinstance(line, Reply | Failure):
        return line
    if isinstance(line, str | Mapping):
        return reply(line)
    raise ConfigError(
        f"a script gave a {type(line).__name__}", where="emulator script", fix="Give reply(...), fault(...) or a text."
    )
