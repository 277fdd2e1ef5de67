"""One line of a log as a request: the body, when it was sent, what was billed, and what the line declares.

Law: what a line says is what was sent; nothing is guessed. A line may be the body itself or hold one beside its
answer, in the API's own form, in LiteLLM's (OpenAI messages), in that of a batch's input or of contextkit's emulator.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from contextkit.api.usage import Usage
from contextkit.lint.requests.chat import Chat, is_chat
from contextkit.transcripts.lines import mapping, seconds, string

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Record", "body_in", "declared", "record"]

_BODIES: Final = ("request", "body", "kwargs", "params", "request_body", "proxy_server_request", "json", "input")
_ANSWERS: Final = ("response", "response_body", "completion", "output", "result", "answer")
_TIMES: Final = ("at", "timestamp", "ts", "start_time", "startTime", "time", "sent_at", "created_at", "date")
_HEADERS: Final = ("headers", "request_headers")
_BESIDE: Final = ("model_parameters", "optional_params")  # where LiteLLM's payload keeps tools and settings
_STATUS: Final = ("status", "status_code", "statusCode", "http_status")
_ERRORS: Final = ("error", "exception")
_SAYING: Final = ("planned", "event", "note", "notes", "type", "reason")
_PLANNED: Final = re.compile(r"compact|\bfold(?:ed|ing|s)?\b|summari[sz]ed", re.IGNORECASE)
_FAILED: Final = 400
_BESIDE_A_BODY: Final = frozenset(
    {*_BESIDE, *_ANSWERS, *_TIMES, *_HEADERS, *_STATUS, *_SAYING, *_ERRORS, "usage", "compaction", "compacted"}
)
"""What a line can say beside the request; a bare body says none of it, and is done with quickly."""


@dataclass(frozen=True, slots=True)
class Record:
    """One request.

    Attributes:
        number: its index in its file, from 0.
        line: the line of the file, from 1.
        body: in the API's form.
        at: Unix seconds when it was sent; None where the file does not tell.
        usage: what was billed, or None.
        answer: the answer as it stands in the file; empty where it is not there.
        betas: the values of its anthropic-beta header.
        planned: the file declares that the history was changed on purpose before it: the cause.
        failed: it was refused or never answered: nothing of it was written.
        chat: how to find a place of the body in the file, where the file has OpenAI messages.
    """

    number: int
    line: int
    body: Mapping[str, Any]
    at: float | None = None
    usage: Usage | None = None
    answer: Mapping[str, Any] = field(default_factory=dict)
    betas: Sequence[str] = ()
    planned: str = ""
    failed: bool = False
    chat: Chat | None = None

    def pointer(self, place: str) -> str:
        """A pointer into the body as one into what stands in the file."""
        return self.chat.original(place) if self.chat else place

    def bare(self, model: str = "") -> Record:
        """What is left when the body is let go: number, line, bill, and the model if it is said."""
        return Record(self.number, self.line, {"model": model}, usage=self.usage)


def body_in(line: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The request body in a line: itself, or one level down; None where there is none."""
    if isinstance(line.get("messages"), list):
        return line
    for name in _BODIES:
        inner = mapping(line.get(name))
        inner = mapping(inner.get("body")) if isinstance(inner.get("body"), Mapping) else inner
        if isinstance(inner.get("messages"), list):
            return inner
    return None


def declared(line: Mapping[str, Any]) -> str:
    """What a line declares about the history: "compaction" or ""."""
    if line.get("compaction") is True or line.get("compacted") is True:
        return "compaction"
    notes = [note for name in _SAYING if name in line for note in _texts(line[name])]
    return "compaction" if any(_PLANNED.search(note) for note in notes) else ""


def _texts(value: Any) -> list[str]:
    return [string(item) for item in value] if isinstance(value, list) else [string(value)]


def record(line: Mapping[str, Any], number: int, at_line: int, *, model: str = "", planned: str = "") -> Record | None:
    """A line as a request; None where it holds none.

    Args:
        line: the JSON object.
        number: its index among the file's requests.
        at_line: the line of the file.
        model: for bodies that name none.
        planned: what an earlier line declared about this request.
    """
    given = body_in(line)
    if given is None:
        return None
    if given is line:  # the answer and the times that stand in the same object are no part of the request
        beside = next((mapping(line[name]) for name in _BESIDE if mapping(line.get(name))), mapping(None))
        given = {**beside, **line} if beside else line
    chat = Chat(given) if is_chat(given) else None
    body = chat.body if chat else given
    if not body.get("model"):
        body = {**body, "model": string(line.get("model")) or model}
    if given is line and _BESIDE_A_BODY.isdisjoint(line):
        return Record(number, at_line, body, betas=_betas(line, line), planned=planned or _metadata(line), chat=chat)
    answer = next((mapping(line[name]) for name in _ANSWERS if mapping(line.get(name))), mapping(None))
    billed = mapping(answer.get("usage")) or mapping(line.get("usage"))
    return Record(
        number,
        at_line,
        body,
        next((found for name in _TIMES if name in line and (found := seconds(line[name])) is not None), None),
        _usage(billed) if billed else None,
        answer,
        _betas(line, given),
        planned or declared(line) or _metadata(given),
        _failed(line, answer),
        chat,
    )


def _metadata(body: Mapping[str, Any]) -> str:
    """Metadata is the one field of a body that a program can mark a planned rewrite with."""
    said = mapping(body.get("metadata"))
    return declared({**said, **mapping(said.get("contextkit"))}) if said else ""


def _failed(line: Mapping[str, Any], answer: Mapping[str, Any]) -> bool:
    if answer.get("type") == "error" or (answer and mapping(answer.get("error"))):
        return True
    for name in _STATUS:
        if name not in line:
            continue
        status = line[name]
        if isinstance(status, int) and not isinstance(status, bool) and (status >= _FAILED or status == 0):
            return True
        if isinstance(status, str) and status.lower() in {"failure", "failed", "error"}:
            return True
    return any(mapping(line.get(name)) or string(line.get(name)) for name in _ERRORS)


def _betas(line: Mapping[str, Any], body: Mapping[str, Any]) -> list[str]:
    headers = next((mapping(line[name]) for name in _HEADERS if mapping(line.get(name))), None)
    if headers is None and "betas" not in body:
        return []
    named = next((string(value) for key, value in mapping(headers).items() if str(key).lower() == "anthropic-beta"), "")
    given = body.get("betas")
    listed = [string(item) for item in given] if isinstance(given, list) else []
    return [item.strip() for item in [*named.split(","), *listed] if item.strip()]


def _usage(billed: Mapping[str, Any]) -> Usage:
    """A bill in the API's form, in LiteLLM's (`prompt_tokens` counts cached tokens too), or in contextkit's own."""
    if "write_5m" in billed or "write_1h" in billed:
        names = ("input", "read", "write_5m", "write_1h", "output")
        return Usage(*(_count(billed.get(name)) for name in names))
    if "prompt_tokens" not in billed:
        return Usage.of({**billed, "iterations": None})
    details = mapping(billed.get("prompt_tokens_details"))
    read = _count(billed.get("cache_read_input_tokens")) or _count(details.get("cached_tokens"))
    written = _count(billed.get("cache_creation_input_tokens")) or _count(details.get("cache_creation_tokens"))
    hour = min(written, _count(mapping(details.get("cache_creation_token_details")).get("ephemeral_1h_input_tokens")))
    rest = max(0, _count(billed["prompt_tokens"]) - read - written)
    return Usage(rest, read, written - hour, hour, _count(billed.get("completion_tokens")))


def _count(value: Any) -> int:
    return value if isinstance(value, int) and value > 0 else 0
