"""The emulator as a pure service: a method, a path, headers and a body go in, an answer comes out.

Law: no sockets and no HTTP library here; `transport` and `server` carry what this decides. Whatever is sent, the
answer has the API's shape, and a request that fails changes nothing.
"""

from __future__ import annotations

from collections import deque
from threading import RLock
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import parse_qsl, unquote, urlsplit

from contextkit.cache.prefix import CountsFor, Rules
from contextkit.cache.simulator import PromptCache
from contextkit.emulator.answer import Answer, Refusal, error_answer
from contextkit.emulator.batches import Batches
from contextkit.emulator.clock import Clock, Ticking
from contextkit.emulator.exchange import Exchange, exchange
from contextkit.emulator.messages import Outcome
from contextkit.emulator.parameters import headers_of
from contextkit.emulator.routes import Call, route
from contextkit.emulator.script import Script, ScriptSource
from contextkit.emulator.world import Options, World

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableSequence

    from anthropic import Anthropic, AsyncAnthropic

    from contextkit.emulator.server import Served

__all__ = ["Emulator"]


class Emulator:
    """A Messages API in this process.

    Args:
        script: what the model says: a list of replies (one a messages call), an iterator, or a function that gets the
            request's body and returns a reply, a text or a failure. None for an empty list.
        clock: the time; it stands still unless something moves it.
        counts: makes the token counts of a request; None for the estimator of `contextkit.tokens`.
        rules: the switches of the cache's model.
        options: how the emulator behaves where accounts differ.

    Attributes:
        clock: the time it lives in.
        requests: one `Exchange` for everything that arrived, oldest first.

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
        # Most tests bring no clock of their own and move this one; another clock shows its own methods at run time.
        self.clock = cast("Clock", clock or Clock())
        self.requests: MutableSequence[Exchange] = [] if settings.keep is None else deque(maxlen=settings.keep)
        self._world = World(
            Script([] if script is None else script),
            self.clock,
            PromptCache(counting, rules or Rules()),
            counting,
            settings,
        )
        self._batches = Batches(self._world, self.requests.append)
        self._lock = RLock()

    def client(self, **options: Any) -> Anthropic:
        """A real SDK client that talks to this emulator. `options` go to `anthropic.Anthropic`."""
        from anthropic import Anthropic, DefaultHttpxClient  # noqa: PLC0415  (over a second to import)

        from contextkit.emulator.transport import EmulatorTransport  # noqa: PLC0415  (imports httpx2)

        carrier = DefaultHttpxClient(transport=EmulatorTransport(self))
        return Anthropic(**{"api_key": "emulated", **options, "http_client": carrier})

    def async_client(self, **options: Any) -> AsyncAnthropic:
        """A real async SDK client that talks to this emulator. `options` go to `anthropic.AsyncAnthropic`."""
        from anthropic import AsyncAnthropic, DefaultAsyncHttpxClient  # noqa: PLC0415  (over a second to import)

        from contextkit.emulator.transport import EmulatorTransport  # noqa: PLC0415  (imports httpx2)

        carrier = DefaultAsyncHttpxClient(transport=EmulatorTransport(self))
        return AsyncAnthropic(**{"api_key": "emulated", **options, "http_client": carrier})

    def serve(self, port: int = 0) -> Served:
        """Serve this emulator over HTTP on 127.0.0.1, in a thread of its own.

        Args:
            port: 0 takes a free one.

        Returns:
            The running server: `url`, `close()`; a context manager.

        Raises:
            ConfigError: the port cannot be had.
        """
        from contextkit.emulator.server import Served  # noqa: PLC0415  (sockets only where they are wanted)

        return Served(self, port)

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
            self._batches.settle(at)
            answers, name = route(method, path)
            query, host = dict(parse_qsl(split.query)), headers.get("host", "api.anthropic.com")
            origin = f"{'https' if host == 'api.anthropic.com' else 'http'}://{host}"
            read = headers_of(headers)
            call = Call(self._world, self._batches, read, query, data, name, origin, at, request_id, body)
            answer, outcome = answers(call)
        except Refusal as refusal:
            answer = error_answer(refusal.status, refusal.type, refusal.message, request_id, code=refusal.code)
        except Exception as error:  # noqa: BLE001  (a script may raise anything; a server answers all the same)
            answer = _own_fault(error, request_id)
        self.requests.append(exchange(at, (method, path), headers, body, answer, outcome))
        return answer


def _own_fault(error: Exception, request_id: str) -> Answer:
    """The script or the emulator itself failed. Not retried: it would only fail again."""
    text = f"contextkit emulator: {type(error).__name__}: {error}"
    return error_answer(501, "emulator_error", text, request_id, headers={"x-should-retry": "false"})


def _estimator() -> CountsFor:
    from contextkit.tokens.parts import counts_for  # noqa: PLC0415  (only when no counter is given)

    return counts_for
