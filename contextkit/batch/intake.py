"""Items into chunks, as they are read: the iterable is read once, and nothing of it is held but a page.

Law: a chunk has at most 100,000 requests and 256 MB as they travel (batch-processing page); an item that was kept by
an earlier run is not kept again, and one id stands for one content.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from contextkit.batch.items import Line, line_of
from contextkit.batch.kept import Chunk
from contextkit.errors import ConfigError, ContentError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from contextkit.batch.prefix import Prefix
    from contextkit.batch.state import State

__all__ = ["MAX_BYTES", "MAX_REQUESTS", "body", "chunks", "packed"]

MAX_REQUESTS: Final = 100_000
MAX_BYTES: Final = 256_000_000
"""Of one batch (batch-processing page; the smaller reading of 256 MB)."""

_OPEN, _CLOSE, _BEFORE, _BETWEEN, _AFTER = b'{"requests":[', b"]}", b'{"custom_id":"', b'","params":', b"}"
_NAME: Final = 32  # tag, hyphen, and any number of items that a disk holds
_FRAME: Final = len(_BEFORE + _BETWEEN + _AFTER) + _NAME + 1
_PAGE: Final = 2_000
_PAGE_BYTES: Final = 8_000_000


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one chunk; smaller ones than the API's are for those who want more and smaller batches."""

    requests: int = MAX_REQUESTS
    bytes: int = MAX_BYTES

    def __post_init__(self) -> None:
        for name, most in (("requests", MAX_REQUESTS), ("bytes", MAX_BYTES)):
            given = getattr(self, name)
            if not isinstance(given, int) or not 1 <= given <= most:
                raise ConfigError(f"chunk {name} are {given}", where="Batch(chunk=)", fix=f"Give 1 to {most:,}.")


def body(state: State, prefix: Prefix, chunk: Chunk) -> Iterator[bytes]:
    """A chunk as the API takes it, piece by piece."""
    yield _OPEN
    comma = b""
    for number, tail in state.tails(chunk.number):
        yield b"".join((comma, _BEFORE, state.wire(number).encode(), _BETWEEN, prefix.head, tail, _AFTER))
        comma = b","
    yield _CLOSE


def chunks(state: State, prefix: Prefix, items: Iterable[Any], limits: Limits) -> Iterator[Chunk]:
    """Read the items and keep them; gives each chunk when it is full, and the last one when all are read.

    Raises:
        ContentError: an item is empty, too large, refused, or has the id of another. ConfigError: see `line_of`.
    """
    reader = _Reader(state, prefix, limits)
    page: list[Line] = []
    size = 0
    for place, given in enumerate(items):
        line = line_of(given, place, prefix)
        reader.size(line)
        page.append(line)
        size += len(line.tail)
        if len(page) >= _PAGE or size >= _PAGE_BYTES:
            yield from reader.keep(page)
            page, size = [], 0
    yield from reader.keep(page)
    yield from reader.end()
    state.finish_reading()


class _Reader:
    def __init__(self, state: State, prefix: Prefix, limits: Limits) -> None:
        self._state, self._limits = state, limits
        self._head = len(prefix.head)
        self._first = self._next = state.count()
        self._seen = bytearray(self._first)  # of the items of earlier runs: met in this one
        left = state.chunks("open")
        self._chunk = left[-1] if left else _new(state)

    def size(self, line: Line) -> int:
        """Bytes of a request as it travels.

        Raises:
            ContentError: it is larger than a batch may be.
        """
        size = self._head + len(line.tail) + _FRAME
        if size + len(_OPEN + _CLOSE) > self._limits.bytes:
            raise ContentError(
                f"with the prefix it is {size:,} bytes, a batch may have {self._limits.bytes:,}",
                where=f"item {line.id!r}",
                fix="Split it, or send files by their ids (Files API).",
            )
        return size

    def keep(self, page: list[Line]) -> Iterator[Chunk]:
        """Keep what is new of a page; gives the chunks that it fills."""
        new = self._new(page)
        part: list[Line] = []
        for line in new:
            size = self.size(line)
            if self._chunk.items and self._full(size):
                yield self._put(part, "planned")
                part, self._chunk = [], replace(_new(self._state), stage="open")
            part.append(line)
            self._chunk = replace(self._chunk, items=self._chunk.items + 1, bytes=self._chunk.bytes + size)
        if part:
            self._put(part, "open")

    def _full(self, size: int) -> bool:
        chunk, limits = self._chunk, self._limits
        frame = len(_OPEN + _CLOSE)
        return chunk.items >= limits.requests or chunk.bytes + size + frame > limits.bytes

    def _put(self, part: list[Line], stage: str) -> Chunk:
        self._chunk = replace(self._chunk, stage=stage)
        self._state.add(part, self._next, self._chunk)
        self._next += len(part)
        return self._chunk

    def end(self) -> Iterator[Chunk]:
        """The last chunk, where it holds anything."""
        if self._chunk.items:
            self._chunk = replace(self._chunk, stage="planned")
            self._state.put(self._chunk)
            yield self._chunk

    def _new(self, page: list[Line]) -> list[Line]:
        """What is not kept yet.

        Raises:
            ContentError: an id stands for two items.
        """
        kept = self._state.known(page)
        here: set[str] = set()
        new = []
        for line in page:
            number, name = kept.get(line.id, (-1, line.name))
            if line.id in here or number >= self._first or (number >= 0 and self._seen[number]):
                raise ContentError(
                    "two items have this id", where=f"item {line.id!r}", fix="Give every item an id of its own."
                )
            if name != line.name:
                raise ContentError(
                    "an earlier run kept an item of this id with another content",
                    where=f"item {line.id!r}",
                    fix="Give it another id, or the whole batch another id=.",
                )
            here.add(line.id)
            if number >= 0:
                self._seen[number] = 1
            else:
                new.append(line)
        return new


def _new(state: State) -> Chunk:
    return Chunk(max((chunk.number for chunk in state.chunks()), default=-1) + 1, "open", 0, 0)


def packed(state: State, prefix: Prefix, limits: Limits) -> Iterator[Chunk]:
    """The waiting items that are in no chunk, in chunks: what failed and may be sent again."""
    chunk, numbers = _new(state), list[int]()
    after = -1
    while page := state.sizes(after):
        for number, length in page:
            size = len(prefix.head) + length + _FRAME
            too_large = chunk.bytes + size + len(_OPEN + _CLOSE) > limits.bytes
            if chunk.items and (chunk.items >= limits.requests or too_large):
                state.place(numbers, replace(chunk, stage="planned"))
                yield replace(chunk, stage="planned")
                chunk, numbers = _new(state), []
            numbers.append(number)
            chunk = replace(chunk, items=chunk.items + 1, bytes=chunk.bytes + size)
        after = page[-1][0]
    if chunk.items:
        state.place(numbers, replace(chunk, stage="planned"))
        yield replace(chunk, stage="planned")
