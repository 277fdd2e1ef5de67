"""`observe()`: what every request of a client costs, and what broke its cache; nothing about the request changes.

Law: an observer is never the reason that a request fails, waits or differs. It reads the request before it leaves,
reads the answer's usage on its way through (a stream is neither consumed nor held up), and keeps what goes wrong in
itself to itself. It works per attempt, inside the SDK's retries: an attempt that failed was not written to the cache
and is forgotten. With `diagnostics=True` it adds that one parameter, on the Claude API only.
"""

from __future__ import annotations

import logging
import time
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from contextkit.api.usage import price
from contextkit.cache.answer import Answer, tee
from contextkit.cache.watch import Ticket, Watch
from contextkit.ledger import Ledger, Row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from anthropic import Middleware

    from contextkit.cache.violations import Violation
else:
    Middleware = object  # the SDK takes a second to import: the real base comes in with the first observe()

__all__ = ["Observer", "observe"]

_PATH: Final = "/v1/messages"
_FIRST_PARTY: Final = "api.anthropic.com"
_BETAS: Final = "anthropic-beta"
_OK: Final = range(200, 300)

_log = logging.getLogger("contextkit")
_planned: ContextVar[str] = ContextVar("contextkit_planned", default="")


def observe(
    ledger: Ledger | None = None,
    on_violation: Callable[[Violation], object] | None = None,
    *,
    redact: bool = False,
    diagnostics: bool = False,
    clock: Callable[[], float] = time.time,
    step: str = "",
) -> Observer:
    """A middleware for `Anthropic(middleware=[...])` and `AsyncAnthropic(middleware=[...])`; one may serve several.

    Args:
        ledger: where rows go; None makes a new one.
        on_violation: called with each `Violation` when its request has been billed. What it raises is logged.
        redact: reports hold lengths instead of short windows of what changed, and no text is kept.
        diagnostics: ask the API too why the cache was not read, where it is known to answer (Claude API).
        clock: gives Unix seconds.
        step: a name for the ledger's rows.

    Example:
        >>> client = Anthropic(middleware=[contextkit.observe()])  # doctest: +SKIP
    """
    rows = Ledger() if ledger is None else ledger  # an empty ledger is falsy
    made: Observer = _observer_class()(Watch(on_violation, redact=redact), rows, clock, step)
    made.diagnostics = diagnostics
    return made


@lru_cache(maxsize=1)
def _observer_class() -> Any:
    """`Observer` as a subclass of the SDK's Middleware, which the client insists on."""
    import anthropic  # noqa: PLC0415  (over a second to import)

    price("claude-opus-5-5")  # loads the prices now, so that no request waits for them
    return type("Observer", (Observer, anthropic.Middleware), {"__doc__": Observer.__doc__, "__module__": __name__})


@dataclass(slots=True)
class _Call:
    """One attempt under way."""

    request: Any
    ticket: Ticket | None
    at: float
    model: str
    span: Any
    attempt: int
    speed: str | None
    row: Row | None = None


class Observer(Middleware):
    """Watches a client's requests. Make it with `observe()`.

    Attributes:
        ledger: one row an answered request.
        diagnostics: whether the API is asked too.
    """

    def __init__(self, watch: Watch, ledger: Ledger, clock: Callable[[], float], step: str) -> None:
        self.ledger = ledger
        self.diagnostics = False
        self._watch = watch
        self._clock = clock
        self._step = step
        self._hosts: dict[str, set[str]] = {}

    @property
    def violations(self) -> Sequence[Violation]:
        """Every break of the cached prefix so far, oldest first; the newest 10,000."""
        return tuple(self._watch.violations)

    @contextmanager
    def planned(self, cause: str = "compaction") -> Iterator[None]:
        """Requests made inside change their history on purpose; what that costs is reported as planned."""
        before = _planned.set(cause)
        try:
            yield
        finally:
            _planned.reset(before)

    def handle(self, request: Any, call_next: Callable[[Any], Any]) -> Any:
        """One attempt of a synchronous client."""
        call = self._begin(request)
        if call is None:
            return call_next(request)
        response = call_next(call.request)
        self._look(call, response)
        return response

    async def handle_async(self, request: Any, call_next: Callable[[Any], Any]) -> Any:
        """One attempt of an asynchronous client."""
        call = self._begin(request)
        if call is None:
            return await call_next(request)
        response = await call_next(call.request)
        self._look(call, response)
        return response

    def _begin(self, request: Any) -> _Call | None:
        try:
            options = request.options
            body, url = options.json_data, options.url
            if (url != _PATH and url.partition("?")[0] != _PATH) or type(body) is not dict:
                return None
            if options.method != "post" and options.method.lower() != "post":
                return None
            added = options.extra_json  # by another middleware: what the caller gave, the SDK has copied
            body = {**body, **added} if added else body
            at, betas = self._clock(), _betas(options.headers)
            ticket = self._watch.sent(body, at, betas=betas, planned=_planned.get(), own=not added)
            call = _Call(
                request, ticket, at, str(body.get("model")), _span(), request.retries_taken + 1, body.get("speed")
            )
            if self.diagnostics and "diagnostics" not in body:
                call.request = self._asking(call, request)
        except Exception as error:  # noqa: BLE001  (an observer never stops the request that it observes)
            _log.debug("contextkit did not observe a request: %s: %s", type(error).__name__, error)
            return None
        return call

    def _asking(self, call: _Call, request: Any) -> Any:
        """The request with `diagnostics`, where the platform is known to take it; else as it is.

        The platform shows in the first answer's host, so the first request to a model is left alone.
        """
        before = self._watch.previous_message(call.ticket)
        if self._hosts.get(call.model) != {_FIRST_PARTY} or (before and before[1] != _FIRST_PARTY):
            return request
        asked = {"previous_message_id": before[0] if before and before[0] else None}
        # Not `request.copy`: it copies the whole history twice.
        options = request.options.model_copy(update={"json_data": {**request.json, "diagnostics": asked}})
        return type(request)(
            options=options,
            cast_to=request.cast_to,
            stream=request.stream,
            stream_cls=request.stream_cls,
            retries_taken=request.retries_taken,
        )

    def _look(self, call: _Call, response: Any) -> None:
        try:
            http = response.http_response
            if http.status_code not in _OK:
                return
            host = ""
            if self.diagnostics:
                host = str(http.request.url.host)
                self._hosts.setdefault(call.model, set()).add(host)
            tee(http, lambda answer: self._begun(call, answer, host), lambda answer: self._ended(call, answer))
        except Exception as error:  # noqa: BLE001  (as in `_begin`; the answer is paid for)
            _log.debug("contextkit did not observe an answer: %s: %s", type(error).__name__, error)

    def _begun(self, call: _Call, answer: Answer, host: str) -> None:
        """The prompt's cost is known: with the message, or with a stream's first event."""
        found = self._watch.answered(
            call.ticket,
            answer.sampled,
            reason=answer.reason,
            message_id=answer.id,
            edited=answer.edited,
            host=host,
        )
        if call.span is not None:
            _mark_span(call.span, found)

    def _ended(self, call: _Call, answer: Answer) -> None:
        notes = [f"attempt {call.attempt}"] if call.attempt > 1 else []
        if not answer.whole:
            notes.append("stream broke off" if answer.counted else "stream broke off, output not known")
        if call.ticket is not None and call.ticket.branched:
            notes.append("branch")
        said = answer.usage
        row = self.ledger.add(
            at=call.at,
            purpose="turn",
            model=answer.model or call.model,
            usage=answer.billed if answer.billed.prompt else None,  # no prompt is empty: the answer told none
            step=self._step,
            speed=said.get("speed") or call.speed,
            geo=said.get("inference_geo"),
            conversation="" if self.ledger.conversation or call.ticket is None else call.ticket.conversation,
            stop_reason=answer.stop_reason,
            message_id=answer.id,
            note=", ".join(notes),
        )
        if call.span is not None:
            _describe_span(call.span, row)

    def report(self) -> str:
        """What was spent, what the cache saved, and what broke it, as text."""
        total = self.ledger.totals()
        lines = [
            f"{total.calls} calls, {total.usage.prompt:,} prompt tokens, {total.usage.output:,} output tokens",
            f"read from cache: {total.usage.read:,} ({total.hit_rate:.0%} of the prompt)",
            f"cost: {_usd(total.cost)}; without a cache: {_usd(total.uncached)}",
        ]
        if total.unpriced:
            lines.append(f"{total.unpriced} calls of models whose price is not known are not in the cost")
        groups: dict[tuple[str, str], list[Violation]] = {}
        for violation in self.violations:
            groups.setdefault((violation.cause, violation.blame), []).append(violation)
        lines.append(f"cache violations: {len(self.violations)}")
        for (cause, blame), found in sorted(groups.items(), key=lambda item: -sum(v.tokens for v in item[1])):
            known = [v.usd for v in found if v.usd is not None]
            tokens = sum(v.tokens for v in found)
            lines.append(
                f"  {cause} (blame: {blame}) x{len(found)}: {tokens:,} tokens, {_usd(sum(known) if known else None)}"
            )
            lines.append(f"    last: {found[-1]}")
        return "\n".join(lines)


def _usd(value: float | None) -> str:
    return "price unknown" if value is None else f"${value:.4f}"


def _betas(headers: Any) -> Sequence[str]:
    if not headers:  # none, or the SDK's sign for not given
        return ()
    for name, value in headers.items():
        if isinstance(name, str) and name.lower() == _BETAS and isinstance(value, str):
            return [item.strip() for item in value.split(",") if item.strip()]
    return ()


@lru_cache(maxsize=1)
def _trace() -> Any:
    """The OpenTelemetry API, or None where it is not installed."""
    try:
        from opentelemetry import trace  # noqa: PLC0415  (optional)
    except ImportError:
        return None
    return trace


def _span() -> Any:
    trace = _trace()
    span = trace.get_current_span() if trace else None
    return span if span is not None and span.is_recording() else None


def _mark_span(span: Any, found: Sequence[Violation]) -> None:
    if not found:
        return
    span.set_attribute("contextkit.violations", [violation.cause for violation in found])
    span.set_attribute("contextkit.violation.tokens", sum(violation.tokens for violation in found))
    for violation in found:
        said = {f"contextkit.violation.{key}": value for key, value in violation.as_dict().items() if value is not None}
        span.add_event("contextkit.violation", said)


def _describe_span(span: Any, row: Row) -> None:
    """Usage by the GenAI semantic conventions, in the SDK's own spelling of them."""
    if not span.is_recording():
        return
    usage = row.usage
    said = {
        "gen_ai.provider.name": "anthropic",
        "gen_ai.operation.name": "chat",
        "gen_ai.response.model": row.model,
        "gen_ai.response.id": row.message_id,
        "gen_ai.usage.input_tokens": usage.prompt,
        "gen_ai.usage.output_tokens": usage.output,
        "gen_ai.usage.cache_read.input_tokens": usage.read,
        "gen_ai.usage.cache_write.input_tokens": usage.write_5m + usage.write_1h,
    }
    if row.cost is not None:
        said["contextkit.cost.usd"] = row.cost
    span.set_attributes(said)
