"""The in-process way to the emulator: a transport for the SDK's own HTTP client, sync and async, one for both.

Law: nothing is decided here. A request becomes a call of the service; its answer becomes a response whose stream
is handed over event by event, moving the clock on as it is read; a loss becomes the exception that a real
connection would raise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import anyio.lowlevel
import httpx2

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from contextkit.emulator.answer import Answer
    from contextkit.emulator.clock import Ticking
    from contextkit.emulator.service import Emulator

__all__ = ["EmulatorTransport"]

_THREADS: Final = 0.05  # real seconds without a further request after which a client's first ones have all arrived


class EmulatorTransport(httpx2.BaseTransport, httpx2.AsyncBaseTransport):
    """Carries HTTP requests to an emulator in the same process.

    Args:
        emulator: who answers.
    """

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator
        self._arrived = 0
        self._released = False

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Answer a request of a sync client."""
        return self._respond(request, request.read())

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Answer a request of an async client; requests that are under way together all start at the same time."""
        data = await request.aread()
        answer = self._ask(request, data)
        await self._let_others_start(answer)
        return self._response(request, answer)

    async def _let_others_start(self, answer: Answer) -> None:
        """Whatever runs beside this request arrives before its answer moves the clock.

        All tasks take the same way through the SDK, so that one turn of the loop is enough; but each client's first
        requests find out the platform in threads of their own, which takes real time (SDK `_base_client`).
        """
        await anyio.lowlevel.checkpoint()
        self._arrived += 1
        before = 0
        while not self._released and before != self._arrived and answer.ended > self._emulator.clock.now:
            before = self._arrived
            await anyio.sleep(_THREADS)
        self._released = True

    def _respond(self, request: httpx2.Request, data: bytes) -> httpx2.Response:
        return self._response(request, self._ask(request, data))

    def _ask(self, request: httpx2.Request, data: bytes) -> Answer:
        headers = {name.lower(): value for name, value in request.headers.items()}
        return self._emulator.handle(request.method, request.url.raw_path.decode("ascii"), headers, data)

    def _response(self, request: httpx2.Request, answer: Answer) -> httpx2.Response:
        clock = self._emulator.clock
        if answer.lost == "timeout":
            raise httpx2.ReadTimeout("the emulator was told not to answer in time", request=request)
        if answer.lost == "connection":
            raise httpx2.ConnectError("the emulator was told to refuse the connection", request=request)
        clock.reach(answer.began)
        if answer.events is None and not answer.lost:
            clock.reach(answer.ended)
            return httpx2.Response(answer.status, headers=dict(answer.headers), content=answer.body, request=request)
        return httpx2.Response(
            answer.status, headers=dict(answer.headers), stream=_Pieces(answer, clock), request=request
        )


class _Pieces(httpx2.SyncByteStream, httpx2.AsyncByteStream):
    """The body in pieces, which may break off."""

    def __init__(self, answer: Answer, clock: Ticking) -> None:
        self._answer = answer
        self._clock = clock

    def __iter__(self) -> Iterator[bytes]:
        answer = self._answer
        pieces = (answer.body,) if answer.events is None else answer.events
        for done, piece in enumerate(pieces, 1):
            yield piece
            self._clock.reach(answer.began + (answer.ended - answer.began) * done / len(pieces))
        if answer.lost:
            raise httpx2.RemoteProtocolError("peer closed connection without sending complete message body")

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in iter(self):
            yield piece
            await anyio.lowlevel.checkpoint()
