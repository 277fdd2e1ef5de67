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

from contextkit.api.usage import Usage

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
        counted: the output's tokens are known: of a stream, its last events came.
    """

    id: str = ""
    model: str = ""
    usage: dict[str, Any] = field(default_factory=dict)
    reason: str = ""
    edited: bool = False
    stop_reason: str = ""
    whole: bool = False
    counted: bool = False
    _billed: Usage | None = None

    @property
    def billed(self) -> Usage:
        """The usage as numbers, compaction passes included."""
        if self._billed is None:
            self._billed = Usage.of(self.usage)
        return self._billed

    @property
    def sampled(self) -> Any:
        """The usage of the sampling itself, for what compares it with the prompt."""
        return self.usage if self.usage.get("iterations") else self.billed

    def count(self, event: Mapping[str, Any]) -> None:
        """Take over the newest figures of a stream, each as of its beginning."""
        self.usage.update({key: value for key, value in (event.get("usage") or {}).items() if value is not None})
        self.stop_reason = str((event.get("delta") or {}).get("stop_reason") or "")
        self.counted, self._billed = True, None

    def take(self, message: Mapping[str, Any]) -> None:
        """Take over what a message, or its beginning, says."""
        get = message.get
        self.id = str(get("id") or "")
        self.model = str(get("model") or "")
        self.usage = get("usage") or {}
        self.stop_reason = str(get("stop_reason") or "")
        said = get("diagnostics")
        if said:
            self.reason = str((said.get("cache_miss_reason") or {}).get("type") or "")
        edits = get("context_management")
        self.edited = bool(edits and edits.get("applied_edits"))


_Told = Callable[[Answer], None]


def tee(http: Any, begun: _Told, ended: _Told) -> None:
    """Listen to an HTTP response of the SDK's client.

    Args:
        http: an `httpx2.Response` of a successful request.
        begun: called once when the prompt's usage is known.
        ended: called once when the answer is over, if it had begun: at its end, or when the caller leaves it before.
    """
    content = getattr(http, "_content", None)
    if content is None and http.is_stream_consumed:
        content = http.content
    if content is None:
        _listen(http, _Events(begun, ended) if _is_stream(http) else _Body(begun, ended))
    elif content[:1] == b"{":  # a JSON object, with which no stream begins
        _arrived(content, begun, ended)
    elif _is_stream(http):
        ear = _Events(begun, ended)
        ear.hear(content)
        ear.end()


def _is_stream(http: Any) -> bool:
    return str(http.headers.get("content-type") or "").startswith("text/event-stream")


def _arrived(content: bytes, begun: _Told, ended: _Told) -> None:
    """A message in one piece."""
    try:
        message = json.loads(content) if len(content) <= _MAX_BODY else None
        if type(message) is dict and message.get("type") == "message":
            answer = Answer(whole=True, counted=True)
            answer.take(message)
            begun(answer)
            ended(answer)
    except Exception as error:  # noqa: BLE001  (as in `_Ear.hear`)
        _log.warning("contextkit could not book an answer: %s: %s", type(error).__name__, error)


def _listen(http: Any, ear: _Ear) -> None:
    """Every way of reading a response goes through the first two of these methods, every way of leaving it early
    through the others: who closes a stream may keep its iterator, which then never ends.
    """  # noqa: D205  (one sentence)
    read, aread, close, aclose = http.iter_bytes, http.aiter_bytes, http.close, http.aclose

    def iter_bytes(*args: Any, **options: Any) -> Iterator[bytes]:
        ear.pulling = True
        try:
            for chunk in read(*args, **options):
                ear.hear(chunk)
                ear.pulling = False
                yield chunk
                ear.pulling = True
        finally:
            ear.end()

    async def aiter_bytes(*args: Any, **options: Any) -> AsyncIterator[bytes]:
        ear.pulling = True
        try:
            async for chunk in aread(*args, **options):
                ear.hear(chunk)
                ear.pulling = False
                yield chunk
                ear.pulling = True
        finally:
            ear.end()

    def closed() -> None:
        try:
            close()
        finally:
            ear.left()

    async def aclosed() -> None:
        try:
            await aclose()
        finally:
            ear.left()

    http.iter_bytes, http.aiter_bytes, http.close, http.aclose = iter_bytes, aiter_bytes, closed, aclosed


class _Ear:
    """Hears the body in pieces and tells when the answer began and ended.

    Attributes:
        pulling: the next piece is being waited for; a response closes itself then, before its last piece came through.
    """

    def __init__(self, begun: _Told, ended: _Told) -> None:
        self.answer = Answer()
        self._begun, self._ended = begun, ended
        self._told_begun = self._told_ended = False
        self.pulling = False

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

    def left(self) -> None:
        """The response was closed."""
        if not self.pulling:
            self.end()

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
        content = b"".join(self._pieces)
        self._pieces.clear()
        if content.rstrip().endswith(b"}"):  # else it was left before its end, and says nothing
            _arrived(content, self._begun, self._ended)


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
            answer.count(event)
        elif kind == "message_stop":
            answer.whole = True

    def _finish(self) -> None:
        self._rest = b""
