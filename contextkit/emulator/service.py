"""The emulator as a pure service: a method, a path, headers and a body go in, an answer comes out.

Law: no sockets and no HTTP library here; `transport` and `server` carry what this decides. Whatever is sent, the
answer has the API's shape, and a request that fails changes nothing.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Mapping, MutableSequence
from dataclasses import dataclass
from threading import RLock
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import parse_qsl, unquote, urlsplit

from contextkit.cache.prefix import CountsFor, Rules
from contextkit.cache.simulator import PromptCache
from contextkit.emulator.answer import Answer, Refusal, error_answer, json_answer
from contextkit.emulator.clock import Clock, Ticking
from contextkit.emulator.messages import Outcome, count_tokens, respond
from contextkit.emulator.models import list_models, one_model
from contextkit.emulator.parameters import Headers, headers_of
from contextkit.emulator.parse import parse_body
from contextkit.emulator.script import Script, ScriptSource
from contextkit.emulator.stream import event, events
from contextkit.emulator.world import Options, World

if TYPE_CHECKING:
    from anthropic import Anthropic, AsyncAnthropic

    from contextkit.api.usage import Usage
    from contextkit.cache.simulator import Bill

__all__ = ["Emulator", "Exchange", "Options"]

_SECRET: Final = frozenset({"x-api-key", "authorization", "cookie"})


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request that arrived, and what became of it.

    Attributes:
        at: Unix seconds on the emulator's clock.
        method: HTTP method.
        path: path without the query.
        headers: request headers in lower case; keys are masked.
        body: the parsed body; empty when there was none or it was not a JSON object. Not a copy: leave it as it is.
        status: HTTP status of the answer; 0 when there was none.
        error: the text of the error; empty when there was none.
        response_id: id of the message or batch.
        request_id: id of the exchange.
        bill: what the prompt cost, by cache class; None when nothing was billed.
        usage: the bill with the output; None when nothing was billed.
        stop_reason: why the message stopped.
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


@dataclass(frozen=True, slots=True)
class _Call:
    method: str
    path: str
    query: Mapping[str, str]
    headers: Headers
    body: dict[str, Any]
    at: float
    request_id: str


class Emulator:
    """A Messages API in this process.

    Args:
        script: what the model says: a list of replies (one a messages call), an iterator, or a function that gets the
            request's body and returns a reply, a text or a failure. None for an empty list.
        clock: the time; it stands still unless something moves it.
        counts: makes the token counts of a request; None for the estimator of `contextkit.tokens`.
        rules: the switches of the cache's model.
        options: how the emulator behaves where accounts differ.

    Example:
        >>> emulator = Emulator(["Hello."])
        >>> client = emulator.client()
    """

    def __init__(
        self,
        script: ScriptSource | None = None,
        *,
        clock: Ticking | None = None,
        counts: CountsFor | None = None,
        rules: Rules | None = None,
        options: Options | None = None,
    ) -> None:
        settings = options or Options()
        counting = counts or _estimator()
        self.clock = cast("Clock", clock or Clock())
        self.requests: MutableSequence[Exchange] = [] if settings.keep is None else deque(maxlen=settings.keep)
        self._world = World(
            Script([] if script is None else script),
            self.clock,
            PromptCache(counting, rules or Rules()),
            counting,
            settings,
        )
        self._lock = RLock()

    def client(self, **options: Any) -> Anthropic:
        """A real SDK client that talks to this emulator. `options` go to `anthropic.Anthropic`."""
        from anthropic import Anthropic, DefaultHttpxClient  # noqa: PLC0415  (over a second to import)

        from contextkit.emulator.transport import EmulatorTransport  # noqa: PLC0415

        return Anthropic(
            **{"api_key": "emulated", **options}, http_client=DefaultHttpxClient(transport=EmulatorTransport(self))
        )

    def async_client(self, **options: Any) -> AsyncAnthropic:
        """A real async SDK client that talks to this emulator. `options` go to `anthropic.AsyncAnthropic`."""
        from anthropic import AsyncAnthropic, DefaultAsyncHttpxClient  # noqa: PLC0415  (over a second to import)

        from contextkit.emulator.transport import EmulatorTransport  # noqa: PLC0415

        return AsyncAnthropic(
            **{"api_key": "emulated", **options},
            http_client=DefaultAsyncHttpxClient(transport=EmulatorTransport(self)),
        )

    def handle(self, method: str, target: str, headers: Mapping[str, str], data: bytes) -> Answer:
        """Answer one HTTP request and log it.

        Args:
            method: HTTP method.
            target: path with query.
            headers: lower-case names.
            data: the body.
        """
        with self._lock:
            return self._handle(method.upper(), target, headers, data)

    def _handle(self, method: str, target: str, headers: Mapping[str, str], data: bytes) -> Answer:
        at, request_id = self.clock.now, self._world.new_id("req")
        split = urlsplit(target)
        path = unquote(split.path).rstrip("/")
        body: dict[str, Any] = {}
        outcome = Outcome()
        try:
            route, name = _route(method, path)
            read = headers_of(headers)
            body = parse_body(data) if method == "POST" else {}
            call = _Call(method, path, dict(parse_qsl(split.query)), read, body, at, request_id)
            answer, outcome = route(self._world, call, name)
        except Refusal as refusal:
            answer = error_answer(refusal.status, refusal.type, refusal.message, request_id)
        except Exception as error:  # noqa: BLE001  (a script may raise anything; a server answers all the same)
            answer = _own_fault(error, request_id)
        shown = {key: "***" if key in _SECRET else value for key, value in headers.items()}
        self.requests.append(_logged(at, method, path, shown, body, answer, outcome, request_id))
        return answer


_Route = Callable[[World, _Call, str], tuple[Answer, Outcome]]


def _messages(world: World, call: _Call, _: str) -> tuple[Answer, Outcome]:
    outcome = respond(world, call.body, call.headers, call.at)
    failure, message = outcome.failure, outcome.message
    if failure is not None and (message is None):
        return _failed(failure, call.request_id), outcome
    assert message is not None  # noqa: S101  (an outcome has one of the two)
    headers = {"request-id": call.request_id}
    if not call.body.get("stream"):
        answer = json_answer(message, call.request_id)
        body = answer.body[: len(answer.body) // 2] if failure else answer.body
        return Answer(
            200, answer.headers, body, lost="broken" if failure else "", began=outcome.began, ended=outcome.ended
        ), outcome
    sent = tuple(events(message))
    if failure is not None:
        sent = sent[: failure.after]
        if failure.kind == "error":
            error = {"type": failure.type, "message": failure.message}
            sent = (*sent, event({"type": "error", "error": error, "request_id": call.request_id}))
    headers |= {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache"}
    lost = "broken" if failure is not None and failure.kind == "broken" else ""
    return Answer(200, headers, events=sent, lost=lost, began=outcome.began, ended=outcome.ended), outcome


def _failed(failure: Any, request_id: str) -> Answer:
    if failure.kind in {"timeout", "connection"}:
        return Answer(0, lost=failure.kind)
    if failure.kind == "broken":
        return Answer(0, lost="connection")
    return error_answer(failure.status, failure.type, failure.message, request_id, failure.headers)


def _count(world: World, call: _Call, _: str) -> tuple[Answer, Outcome]:
    return json_answer(count_tokens(world, call.body, call.headers), call.request_id), Outcome()


def _models(_: World, call: _Call, name: str) -> tuple[Answer, Outcome]:
    return json_answer(one_model(name) if name else list_models(call.query), call.request_id), Outcome()


_ROUTES: Final[dict[str, tuple[str, _Route]]] = {
    "/v1/messages": ("POST", _messages),
    "/v1/messages/count_tokens": ("POST", _count),
    "/v1/models": ("GET", _models),
}


def _route(method: str, path: str) -> tuple[_Route, str]:
    """The route of a path, and the name in it.

    Raises:
        Refusal: no such path (404), or not this method (405).
    """
    name = ""
    if path.startswith("/v1/models/"):
        path, name = "/v1/models", path.removeprefix("/v1/models/")
    found = _ROUTES.get(path)
    if found is None:
        raise Refusal(f"{path or '/'} not found", status=404)
    if found[0] != method:
        raise Refusal("Method Not Allowed", status=405)
    return found[1], name


def _own_fault(error: Exception, request_id: str) -> Answer:
    """The script or the emulator itself failed. Not retried: it would only fail again."""
    text = f"contextkit emulator: {error}" if str(error) else f"contextkit emulator: {type(error).__name__}"
    return error_answer(501, "emulator_error", text, request_id, {"x-should-retry": "false"})


def _logged(
    at: float,
    method: str,
    path: str,
    headers: Mapping[str, str],
    body: dict[str, Any],
    answer: Answer,
    outcome: Outcome,
    request_id: str,
) -> Exchange:
    message = outcome.message or {}
    error = json.loads(answer.body)["error"]["message"] if answer.status >= 400 else ""  # noqa: PLR2004
    return Exchange(
        at,
        method,
        path,
        headers,
        body,
        answer.status,
        error or answer.lost,
        str(message.get("id") or ""),
        request_id,
        outcome.bill,
        outcome.usage,
        str(message.get("stop_reason") or ""),
    )


def _estimator() -> CountsFor:
    from contextkit.tokens.parts import counts_for  # noqa: PLC0415  (only when no counter is given)

    return counts_for


