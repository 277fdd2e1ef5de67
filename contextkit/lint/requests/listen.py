"""A middleware that hands every request of a client to a guard, and its bill when the answer comes.

Law: as for `observe()`: nothing about the request changes, and nothing here raises into it.
"""

from __future__ import annotations

import logging
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from contextkit.api.usage import Usage

if TYPE_CHECKING:
    from collections.abc import Callable

    from contextkit.lint.requests.guard import Guard, Passed

__all__ = ["listener"]

_PATH: Final = "/v1/messages"
_OK: Final = range(200, 300)
_log = logging.getLogger("contextkit")


class _Listener:
    """Watches a client's requests for a guard.

    Args:
        guard: who judges them.
    """

    def __init__(self, guard: Guard) -> None:
        self.guard = guard

    def handle(self, request: Any, call_next: Callable[[Any], Any]) -> Any:
        """One attempt of a synchronous client."""
        passed = self._begin(request)
        response = call_next(request)
        _look(passed, response)
        return response

    async def handle_async(self, request: Any, call_next: Callable[[Any], Any]) -> Any:
        """One attempt of an asynchronous client."""
        passed = self._begin(request)
        response = await call_next(request)
        _look(passed, response)
        return response

    def _begin(self, request: Any) -> Passed | None:
        try:
            body = request.json
            if request.url.partition("?")[0] != _PATH or not isinstance(body, dict):
                return None
            named = next((str(value) for key, value in request.headers.items() if key.lower() == "anthropic-beta"), "")
            betas = tuple(item.strip() for item in named.split(",") if item.strip())
            return self.guard.saw(body, betas=betas, failed=True)
        except Exception as error:  # noqa: BLE001  (a listener never stops the request it hears)
            _log.debug("contextkit did not hear a request: %s: %s", type(error).__name__, error)
            return None


def _look(passed: Passed | None, response: Any) -> None:
    """A message that has arrived is read; of a stream only that it was answered is known."""
    if passed is None:
        return
    try:
        http = response.http_response
        passed.failed = http.status_code not in _OK
        if not passed.failed and http.is_stream_consumed:
            message = http.json()
            passed.usage = Usage.of(message.get("usage")) if isinstance(message, dict) else None
    except Exception as error:  # noqa: BLE001  (as above; the answer is paid for)
        _log.debug("contextkit did not hear an answer: %s: %s", type(error).__name__, error)


@lru_cache(maxsize=1)
def _class() -> Any:
    """The listener as a subclass of the SDK's Middleware, which the client insists on."""
    import anthropic  # noqa: PLC0415  (over a second to import)

    return type("Listener", (_Listener, anthropic.Middleware), {"__doc__": _Listener.__doc__, "__module__": __name__})


def listener(guard: Guard) -> Any:
    """The middleware for a guard."""
    return _class()(guard)
