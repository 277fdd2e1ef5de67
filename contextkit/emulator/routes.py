"""Which path does what.

Law: a path that the API does not have is 404, a method that a path does not have is 405, and both say so in the
API's shape.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from contextkit.emulator.answer import Answer, Refusal, error_answer, json_answer
from contextkit.emulator.messages import Outcome, count_tokens, respond
from contextkit.emulator.models import list_models, one_model
from contextkit.emulator.paging import page
from contextkit.emulator.parse import BATCH_BYTES, parse_body
from contextkit.emulator.stream import event, events

if TYPE_CHECKING:
    from contextkit.emulator.batches import Batches
    from contextkit.emulator.parameters import Headers
    from contextkit.emulator.script import Failure
    from contextkit.emulator.world import World

__all__ = ["Call", "Route", "route"]


@dataclass(frozen=True, slots=True)
class Call:
    """One request to a route.

    Attributes:
        world: the emulator's state.
        batches: its batches.
        headers: what the headers say.
        query: the query's parameters.
        data: the body as bytes.
        name: the id in the path.
        origin: scheme and host, for addresses in answers.
        at: Unix seconds.
        request_id: the exchange's id.
        body: filled by the route as soon as it is parsed, for the log.
    """

    world: World
    batches: Batches
    headers: Headers
    query: Mapping[str, str]
    data: bytes
    name: str
    origin: str
    at: float
    request_id: str
    body: dict[str, Any] = field(default_factory=dict)

    def parse(self, **limits: int) -> dict[str, Any]:
        """The body as JSON.

        Raises:
            Refusal: it is not a JSON object, or too large.
        """
        self.body.update(parse_body(self.data, **limits))
        return self.body

    def json(self, value: Any) -> Answer:
        """A JSON answer to this call."""
        return json_answer(value, self.request_id)


Route = Callable[[Call], tuple[Answer, Outcome]]


def _create_message(call: Call) -> tuple[Answer, Outcome]:
    out = respond(call.world, call.parse(), call.headers, call.at)
    if out.message is None:
        return _failed(out.failure, call.request_id), out
    broken = out.failure is not None and out.failure.kind == "broken"
    if call.body.get("stream"):
        return replace(_streamed(out, out.message, call.request_id), lost="broken" if broken else ""), out
    answer = call.json(out.message)
    body = answer.body[: len(answer.body) // 2] if broken else answer.body
    return replace(answer, body=body, lost="broken" if broken else "", began=out.began, ended=out.ended), out


def _streamed(out: Outcome, message: Mapping[str, Any], request_id: str) -> Answer:
    sent = tuple(events(message))
    if out.failure is not None:
        sent = sent[: out.failure.after]
        if out.failure.kind == "error":
            error = {"type": out.failure.type, "message": out.failure.message}
            sent = (*sent, event({"type": "error", "error": error, "request_id": request_id}))
    headers = {
        "content-type": "text/event-stream; charset=utf-8",
        "cache-control": "no-cache",
        "request-id": request_id,
    }
    return Answer(200, headers, events=sent, began=out.began, ended=out.ended)


def _failed(failure: Failure | None, request_id: str) -> Answer:
    if failure is None or failure.kind in {"connection", "broken"}:
        return Answer(0, lost="connection")
    if failure.kind == "timeout":
        return Answer(0, lost="timeout")
    return error_answer(failure.status, failure.type, failure.message, request_id, headers=failure.headers)


def _count_tokens(call: Call) -> tuple[Answer, Outcome]:
    return call.json(count_tokens(call.world, call.parse(), call.headers)), Outcome()


def _list_models(call: Call) -> tuple[Answer, Outcome]:
    return call.json(list_models(call.query)), Outcome()


def _one_model(call: Call) -> tuple[Answer, Outcome]:
    return call.json(one_model(call.name)), Outcome()


def _create_batch(call: Call) -> tuple[Answer, Outcome]:
    batch = call.batches.create(call.parse(limit=BATCH_BYTES), call.headers, call.at)
    return call.json(batch.json(call.origin, call.at)), Outcome()


def _list_batches(call: Call) -> tuple[Answer, Outcome]:
    shown = [batch.json(call.origin, call.at) for batch in call.batches.newest_first()]
    return call.json(page(shown, call.query)), Outcome()


def _one_batch(call: Call) -> tuple[Answer, Outcome]:
    return call.json(call.batches.get(call.name).json(call.origin, call.at)), Outcome()


def _cancel_batch(call: Call) -> tuple[Answer, Outcome]:
    return call.json(call.batches.cancel(call.name, call.at).json(call.origin, call.at)), Outcome()


def _delete_batch(call: Call) -> tuple[Answer, Outcome]:
    call.batches.delete(call.name)
    return call.json({"id": call.name, "type": "message_batch_deleted"}), Outcome()


def _batch_results(call: Call) -> tuple[Answer, Outcome]:
    data = call.batches.results(call.name, call.at)
    headers = {"content-type": "application/x-jsonl", "request-id": call.request_id}
    return Answer(200, headers, body=data), Outcome()


_ROUTES: Final[tuple[tuple[re.Pattern[str], dict[str, Route]], ...]] = (
    (re.compile(r"/v1/messages"), {"POST": _create_message}),
    (re.compile(r"/v1/messages/count_tokens"), {"POST": _count_tokens}),
    (re.compile(r"/v1/messages/batches"), {"POST": _create_batch, "GET": _list_batches}),
    (re.compile(r"/v1/messages/batches/([^/]+)"), {"GET": _one_batch, "DELETE": _delete_batch}),
    (re.compile(r"/v1/messages/batches/([^/]+)/cancel"), {"POST": _cancel_batch}),
    (re.compile(r"/v1/messages/batches/([^/]+)/results"), {"GET": _batch_results}),
    (re.compile(r"/v1/models"), {"GET": _list_models}),
    (re.compile(r"/v1/models/([^/]+)"), {"GET": _one_model}),
)


def route(method: str, path: str) -> tuple[Route, str]:
    """What answers a path, and the id in it.

    Raises:
        Refusal: no such path (404), or not this method (405).
    """
    for pattern, methods in _ROUTES:
        found = pattern.fullmatch(path)
        if found:
            if method not in methods:
                raise Refusal("Method Not Allowed", status=405)
            return methods[method], found.group(1) if pattern.groups else ""
    raise Refusal(f"{path or '/'} not found", status=404)
