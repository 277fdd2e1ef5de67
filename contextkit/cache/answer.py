"""Reading an answer's usage on its way to the caller.

Law: the caller gets the same bytes, at the same moment, in the same pieces. A message that has arrived is read where
it lies; a body that is still to come is listened to while the caller reads it. Nothing here raises.
"""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

__all__ = ["Answer", "tee"]

_MAX_LINE: Final = 1_000_000
"""Bytes of one line of a stream that are looked at; the events that matter are far shorter."""
_MAX_BODY: Final = 64_000_000
_EVENTS: Final = frozenset({b"message_start", b"message_delta", b"message_stop"})

_log = logging.getLogger("contextkit")


@dataclass(slots=True)
class Answer:
    """What is read of an answer.

    Attributes:
        id: the message id.
        model: who answered.
        usage: as billed; of a stream the newest figure of each field.
        reason: the type of `diagnostics.cache_miss_reason`; "" for none.
        edited: context editing was applied on the server.
        stop_reason: as the API gave it.
        whole: it came to its end.
    """

    id: str = ""
    model: str = ""
    usage: dict[str, Any] = field(default_factory=dict)
    reason: str = ""
    edited: bool = False
    stop_reason: str = ""
    whole: bool = False

    def take(self, message: Mapping[str, Any]) -> None:
        """Take over what a message, or its beginning, says."""
        self.id = str(message.get("id") or "")
        self.model = str(message.get("model") or "")
        self.usage.update(message.get("usage") or {})
        self.stop_reason = str(message.get("stop_reason") or "")
        said = (message.get("diagnostics") or {}).get("cache_miss_reason") or {}
        self.reason = str(said.get("type") or "")
        self.edited = bool((message.get("context_management") or {}).get("applied_edits"))


_Told = Callable[[Answer], None]


def tee(http: Any, begun: _Told, ended: _Told) -> None:
    """Listen to an HTTP response of the SDK's client.

    Args:
        http: an `httpx2.Response` of a successful request.
        begun: called once when the prompt's usage is known.
        ended: called once when the answer is over, whole or not, if it had begun.
    """
    ear: _Ear = _Events(begun, ended) if _is_stream(http) else _Body(begun, ended)
    if getattr(http, "_content", None) is not None or http.is_stream_consumed:
        ear.hear(http.content)
        ear.end()
        return
    _listen(http, ear)


def _is_stream(http: Any) -> bool:
    return str(http.headers.get("content-type") or "").startswith("text/event-stream")


def _listen(http: Any, ear: _Ear) -> None:
    """Every way of reading a response goes through these two methods."""
    read, aread = http.iter_bytes, http.aiter_bytes

    def iter_bytes(*args: Any, **options: Any) -> Iterator[bytes]:
        try:
            for chunk in read(*args, **options):
                ear.hear(chunk)
                yield chunk
        finally:
            ear.end()

    async def aiter_bytes(*args: Any, **options: Any) -> AsyncIterator[bytes]:
        try:
            async for chunk in aread(*args, **options):
                ear.hear(chunk)
                yield chunk
        finally:
            ear.end()

    http.iter_bytes, http.aiter_bytes = iter_bytes, aiter_bytes


class _Ear:
    """Hears the body in pieces and tells when the answer began and ended."""

    def __init__(self, begun: _Told, ended: _Told) -> None:
        self.answer = Answer()
        self._begun, self._ended = begun, ended
        self._told_begun = self._told_ended = False

    def hear(self, chunk: bytes) -> None:
        """One piece of the body."""
        if self._told_ended:
            return
        try:
            self._hear(chunk)
        except Exception as error:  # noqa: BLE001  (the caller's stream goes on, whatever is in it)
            _log.debug("contextkit could not read an answer: %s: %s", type(error).__name__, error)

    def end(self) -> None:
        """No more will come."""
        if self._told_ended:
            return
        self._told_ended = True
        try:
            self._finish()
            if self._told_begun:
                self._ended(self.answer)
        except Exception as error:  # noqa: BLE001  (as in `hear`)
            _log.warning("contextkit could not book an answer: %s: %s", type(error).__name__, error)

    def _tell_begun(self) -> None:
        if not self._told_begun:
            self._told_begun = True
            self._begun(self.answer)

    def _hear(self, chunk: bytes) -> None:
        raise NotImplementedError

    def _finish(self) -> None:
        raise NotImplementedError


class _Body(_Ear):
    """A message in one JSON body."""

    def __init__(self, begun: _Told, ended: _Told) -> None:
        super().__init__(begun, ended)
        self._pieces: list[bytes] = []
        self._size = 0

    def _hear(self, chunk: bytes) -> None:
        self._size += len(chunk)
        if self._size <= _MAX_BODY:
            self._pieces.append(chunk)

    def _finish(self) -> None:
        message = json.loads(b"".join(self._pieces)) if self._size <= _MAX_BODY else None
        self._pieces.clear()
        if isinstance(message, dict) and message.get("type") == "message":
            self.answer.take(message)
            self.answer.whole = True
            self._tell_begun()


class _Events(_Ear):
    """A message as server-sent events; only the three that carry usage are parsed."""

    def __init__(self, begun: _Told, ended: _Told) -> None:
        super().__init__(begun, ended)
        self._rest = b""
        self._event = b""
        self._skipping = False

    def _hear(self, chunk: bytes) -> None:
        *lines, rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            if self._skipping:
                self._skipping = False
            else:
                self._line(line.rstrip(b"\r"))
        self._skipping = self._skipping or len(rest) > _MAX_LINE
        self._rest = b"" if self._skipping else rest

    def _line(self, line: bytes) -> None:
        if line.startswith(b"event:"):
            self._event = line[6:].strip()
        elif line.startswith(b"data:") and self._event in _EVENTS:
            self._take(json.loads(line[5:]))

    def _take(self, event: Mapping[str, Any]) -> None:
        kind, answer = event.get("type"), self.answer
        if kind == "message_start":
            answer.take(event["message"])
            self._tell_begun()
        elif kind == "message_delta":
            answer.usage.update({key: value for key, value in (event.get("usage") or {}).items() if value is not None})
            answer.stop_reason = str((event.get("delta") or {}).get("stop_reason") or "")
        elif kind == "message_stop":
            answer.whole = True

    def _finish(self) -> None:
        self._rest = b""
