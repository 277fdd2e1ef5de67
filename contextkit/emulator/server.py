"""The emulator over HTTP, for programs in any language: standard library, loopback only.

Law: nothing is decided here. Beside the API there are two paths of the emulator's own: `/_emulator/clock` shows the
time and moves it, `/_emulator/requests` shows the log.
"""

from __future__ import annotations

import re
import select
import socket
import sys
import time
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, Final

from contextkit.api.facts import MAX_REQUEST_BYTES
from contextkit.emulator.answer import Answer, Refusal, error_answer, json_answer
from contextkit.emulator.clock import Clock
from contextkit.emulator.parse import BATCH_BYTES, parse_body
from contextkit.errors import ConfigError, ContextKitError

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from contextkit.emulator.service import Emulator

__all__ = ["RealClock", "Served"]

_HOST: Final = "127.0.0.1"
_NAMES: Final = frozenset({"127.0.0.1", "localhost", "[::1]"})
_LINE: Final = 64  # bytes of a chunk's head at most
_POLL: Final = 0.1  # seconds between looks whether a client that waits in vain has gone


class RealClock:
    """The time of this machine; replies that take seconds really take them."""

    @property
    def now(self) -> float:
        """Unix seconds."""
        return time.time()

    def reach(self, at: float) -> None:
        """Wait until `at`."""
        left = at - time.time()
        if left > 0:
            time.sleep(left)


class Served:
    """A running server; a context manager.

    Args:
        emulator: who answers.
        port: 0 takes a free one.

    Attributes:
        port: the one it listens on.
        url: for ANTHROPIC_BASE_URL.

    Raises:
        ConfigError: the port cannot be had.
    """

    def __init__(self, emulator: Emulator, port: int = 0) -> None:
        try:
            self._server = _Server(emulator, port)
        except (OSError, OverflowError) as error:
            raise ConfigError(
                f"port {port} cannot be had: {error}", fix="Choose another, or 0 for a free one."
            ) from None
        self.port = int(self._server.server_address[1])
        self.url = f"http://{_HOST}:{self.port}"
        self._thread = Thread(target=self._server.serve_forever, args=(_POLL,), name="emulator", daemon=True)
        self._thread.start()

    def wait(self) -> None:
        """Stay until the server is closed or the user interrupts."""
        while self._thread.is_alive():
            self._thread.join(_POLL)

    def close(self) -> None:
        """Stop listening and let go of every client."""
        self._server.stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, emulator: Emulator, port: int) -> None:
        self.emulator = emulator
        self.stopping = Event()
        super().__init__((_HOST, port), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no event; anything else is shown as usual."""
        if not isinstance(sys.exception() if hasattr(sys, "exception") else sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # TCP_NODELAY: an event leaves when it is written
    timeout = 600
    server: _Server

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except OSError:
            self.close_connection = True

    def _answer(self) -> None:
        target = self.path
        headers = {name.lower(): value for name, value in self.headers.items()}
        refused = self._refused(headers)
        if refused is not None:
            self.close_connection = True
            self._send(refused)
            return
        try:
            data = self._read(headers)
        except Refusal as refusal:
            self.close_connection = True
            self._send(error_answer(refusal.status, refusal.type, refusal.message, ""))
            return
        emulator = self.server.emulator
        if target.startswith("/_emulator/"):
            answer = _own(emulator, self.command, target, data)
        else:
            answer = emulator.handle(self.command, target, headers, data)
        self._send(answer)

    do_GET = do_POST = do_DELETE = do_PUT = do_PATCH = _answer  # noqa: N815  (the names that http.server looks for)

    def _refused(self, headers: dict[str, str]) -> Answer | None:
        """What is refused before the body is read: another host's page in a browser, a body without end."""
        origin = headers.get("origin", f"http://{_HOST}:").partition("://")[2]
        if any(_name(place) not in _NAMES for place in (headers.get("host", _HOST), origin)):
            return error_answer(403, "permission_error", "the emulator answers loopback names only", "")
        limit = BATCH_BYTES if self.path.startswith("/v1/messages/batches") else MAX_REQUEST_BYTES
        length = headers.get("content-length", "0")
        if not length.isdecimal():
            return error_answer(400, "invalid_request_error", "content-length: not a number", "")
        if int(length) > limit:
            return error_answer(413, "request_too_large", "Request exceeds the maximum size", "")
        return None

    def _read(self, headers: dict[str, str]) -> bytes:
        """The body.

        Raises:
            Refusal: its chunks are malformed, or too many.
        """
        if headers.get("transfer-encoding", "").lower() != "chunked":
            return self.rfile.read(int(headers.get("content-length", "0")))
        pieces: list[bytes] = []
        left = BATCH_BYTES
        while size := _chunk_size(self.rfile.readline(_LINE)):
            left -= size
            if left < 0:
                raise Refusal("Request exceeds the maximum size", status=413)
            pieces.append(self.rfile.read(size))
            self.rfile.readline(_LINE)
        self.rfile.readline(_LINE)
        return b"".join(pieces)

    def _send(self, answer: Answer) -> None:
        clock = self.server.emulator.clock
        if answer.lost == "timeout":
            self._hold()
        if answer.lost in {"timeout", "connection"}:
            self.close_connection = True
            return
        clock.reach(answer.began)
        if answer.events is not None:
            self._stream(answer)
            return
        if not answer.lost:
            clock.reach(answer.ended)
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(answer.body) + bool(answer.lost)))
        self.end_headers()
        self.wfile.write(answer.body)
        self.close_connection = self.close_connection or bool(answer.lost)

    def _stream(self, answer: Answer) -> None:
        clock, sent = self.server.emulator.clock, answer.events or ()
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for done, piece in enumerate(sent, 1):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.flush()
            clock.reach(answer.began + (answer.ended - answer.began) * done / len(sent))
        if answer.lost:
            self.close_connection = True
        else:
            self.wfile.write(b"0\r\n\r\n")

    def _hold(self) -> None:
        """Keep a client waiting until it gives up or the server stops."""
        while not self.server.stopping.is_set():
            ready, _, _ = select.select([self.connection], [], [], _POLL)
            if ready and not self.connection.recv(1, socket.MSG_PEEK):
                return

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (http.server's own name)
        """Say nothing: the log is at `/_emulator/requests`."""


def _name(place: str) -> str:
    """A host without its port."""
    return re.sub(r":\d*$", "", place)


def _chunk_size(line: bytes) -> int:
    digits = line.split(b";")[0].strip()
    if not digits or not all(digit in b"0123456789abcdefABCDEF" for digit in digits):
        raise Refusal("The request body is not chunked as its header says")
    return int(digits, 16)


def _own(emulator: Emulator, method: str, target: str, data: bytes) -> Answer:
    """The emulator's own paths."""
    try:
        if (method, target) == ("GET", "/_emulator/requests"):
            return json_answer([asdict(record) for record in list(emulator.requests)], "")
        if target == "/_emulator/clock" and method in {"GET", "POST"}:
            if method == "POST":
                _move(emulator, parse_body(data))
            return json_answer({"now": emulator.clock.now}, "")
    except Refusal as refusal:
        return error_answer(refusal.status, refusal.type, refusal.message, "")
    except ContextKitError as error:
        return error_answer(400, "invalid_request_error", str(error), "")
    return error_answer(404, "not_found_error", f"{method} {target} not found", "")


def _move(emulator: Emulator, body: dict[str, Any]) -> None:
    seconds = body.get("advance")
    if not isinstance(seconds, int | float) or isinstance(seconds, bool):
        raise Refusal('give {"advance": seconds}')
    if not isinstance(emulator.clock, Clock):
        raise Refusal("the clock is the machine's own; start the emulator with a virtual one")
    emulator.clock.advance(seconds)
