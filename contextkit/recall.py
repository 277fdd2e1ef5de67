"""The tool that reads the archive: a part of an original, by its handle.

Law: nothing raises into the tool loop; whatever the model asks, the answer is text of at most `max_chars` characters,
made in time and memory in proportion to the original. What it gives is what a tool said once: quoted, never trusted.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from uuid import uuid4

from contextkit.errors import ConfigError, ShapeError
from contextkit.history.archive import Archive
from contextkit.store.base import opened

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from contextkit.store.base import Store

__all__ = ["DEFAULT_CHARS", "MAX_CHARS", "NAME", "TOOL", "Recalled", "answer", "archive_of", "offered", "recall"]

NAME: Final = "recall"
DEFAULT_CHARS: Final = 4_000
MAX_CHARS: Final = 20_000
_LEAST_CHARS: Final = 200
_MAX_SEARCH: Final = 200
_MAX_HITS: Final = 50
_MAX_COUNTED: Final = 10_000
_MAX_DOCUMENT: Final = 2_000_000  # characters of JSON that a path is looked up in: a second; 150 levels deep, five
_AROUND: Final = 120
"""Characters shown on both sides of a hit in a line that is too long to be shown whole."""

_LINES: Final = re.compile(r"\s*(\d{1,9})\s*(?:[-:,]\s*(\d{1,9})?\s*)?")

TOOL: Final[dict[str, Any]] = {
    "name": NAME,
    "description": (
        "Read what was left out of this conversation, by the handle that a note or a summary names."
        " Without path, lines or search: its beginning and end."
    ),
    "input_schema": {
        "type": "object",
        "properties": {
            "handle": {"type": "string"},
            "path": {"type": "string", "description": "JSONPath: $.items[*].id"},
            "lines": {"type": "string", "description": "120-180"},
            "search": {"type": "string", "description": "plain text, any case"},
            "max_chars": {"type": "integer"},
        },
        "required": ["handle"],
    },
}
"""The definition, as the API takes it."""


class Recalled(NamedTuple):
    """What the tool says.

    Attributes:
        text: a part of the original, or why there is none.
        is_error: nothing could be read.
    """

    text: str
    is_error: bool = False


def offered(recall: Any, tools: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a conversation offers the tool from its first request on; tools cannot be added later.

    Args:
        recall: True, False, or "auto": not yet; whoever runs the tools by itself may turn it on before the first
            request. A loop of the user's own would meet a call of a tool that it does not know.
        tools: the definitions of the user's tools.

    Raises:
        ConfigError: another value, or a tool of the user's has the name.
    """
    if not isinstance(recall, bool) and recall != "auto":
        raise ConfigError(f"recall is {recall!r}", where="Conversation(recall=)", fix='Give True, False or "auto".')
    if recall is True and any(tool.get("name") == NAME for tool in tools):
        raise ConfigError(
            f"a tool of yours is named {NAME}, too",
            where="Conversation(recall=)",
            fix="Give yours another name, or leave recall off.",
        )
    return recall is True


def archive_of(given: Archive | Store | str | Path | None) -> Archive:
    """An archive of this conversation alone: its space in a shared store has a name that nobody else has."""
    if isinstance(given, Archive):
        return given
    return Archive() if given is None else Archive(opened(given), uuid4().hex)


class _RefusedError(Exception):
    """The arguments do not say what to read; the text tells the model what to give instead."""


def answer(archive: Archive, given: Mapping[str, Any], *, limit: int = MAX_CHARS) -> Recalled:
    """Answer a call of the tool. Never raises, whatever the model gave.

    Args:
        archive: the conversation's own.
        given: the input of the call.
        limit: the most characters of any answer.
    """
    try:
        return Recalled(_read(archive, dict(given), limit))
    except _RefusedError as refused:
        return Recalled(str(refused), is_error=True)
    except ShapeError as error:
        return Recalled(f"The path cannot be used: {str(error)[:400]}", is_error=True)
    except Exception as error:  # noqa: BLE001  (the tool loop goes on)
        return Recalled(f"The original could not be read: {type(error).__name__}.", is_error=True)


def recall(
    archive: Archive,
    handle: str,
    *,
    path: str | None = None,
    lines: str | None = None,
    search: str | None = None,
    max_chars: int = DEFAULT_CHARS,
) -> str:
    """The text of `answer`, with its arguments named.

    Args:
        archive: where originals are.
        handle: as a note names it.
        path: a JSONPath, when the original is JSON.
        lines: "first-last" or "number", counted from 1, in what `path` left.
        search: plain text in any case, in what `path` and `lines` left.
        max_chars: the most characters of the answer, 200 to 20,000.
    """
    given = {"handle": handle, "path": path, "lines": lines, "search": search, "max_chars": max_chars}
    return answer(archive, given).text


def _read(archive: Archive, given: dict[str, Any], limit: int) -> str:
    from contextkit.shape.text import cap  # noqa: PLC0415  (shapes are imported by those who use them)

    unknown = next((str(name)[:40] for name in given if name not in TOOL["input_schema"]["properties"]), None)
    if unknown is not None:
        raise _RefusedError(f"There is no argument {unknown!r}.")
    handle = _text(given, "handle")
    path, lines, search = (_text(given, name) for name in ("path", "lines", "search"))
    room = _room(given.get("max_chars"), limit)
    whole = archive.get(handle.removeprefix("handle ").strip()) if handle else None
    if whole is None:
        raise _RefusedError(f"This conversation has nothing under the handle {handle[:80]!r}.")
    if path:
        whole = _selected(whole, path, room if not (lines or search) else None)
    if lines:
        whole = _sliced(whole, lines)
    if search:
        whole = _found(whole, search, room)
    # What `path` gave is within the room already, as JSON; the cap leaves it alone.
    return cap(whole, room).text or "(empty)"


def _text(given: dict[str, Any], name: str) -> str:
    value = given.get(name)
    if value is None or isinstance(value, str):
        return value or ""
    if name == "lines" and isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise _RefusedError(f"{name} must be text.")


def _room(asked: Any, limit: int) -> int:
    if asked is None:
        asked = DEFAULT_CHARS
    if isinstance(asked, bool) or not isinstance(asked, int):
        raise _RefusedError("max_chars must be a whole number.")
    return min(max(asked, _LEAST_CHARS), max(limit, _LEAST_CHARS))


def _selected(text: str, path: str, room: int | None) -> str:
    """What a JSONPath matches, its structure kept; the whole, with a note, when it matches nothing."""
    from contextkit.shape.chain import Shape  # noqa: PLC0415  (shapes are imported by those who use them)
    from contextkit.shape.document import MISSING, read  # noqa: PLC0415
    from contextkit.shape.shaped import BoundError  # noqa: PLC0415

    if len(text) > _MAX_DOCUMENT:
        raise _RefusedError(f"The original is too large for a path ({len(text):,} characters): use lines or search.")
    shape = Shape(select=(path,), max_chars=room)
    try:
        document = read(text)
    except BoundError as error:
        raise _RefusedError(f"A path cannot be looked up in the original ({error}): use lines or search.") from None
    if document is MISSING:
        raise _RefusedError("The original is not JSON: use lines or search.")
    return shape.apply(document).text


def _sliced(text: str, lines: str) -> str:
    match = _LINES.fullmatch(lines)
    if match is None:
        raise _RefusedError('lines must be like "120-180" or "120".')
    count = text.count("\n") + 1
    first = max(int(match[1]), 1)
    last = int(match[2]) if match[2] else first if lines.strip().isdigit() else count
    if first > count or last < first:
        raise _RefusedError(f"It has the lines 1-{count}.")
    start = _after(text, first - 1, 0)
    stop = len(text) if last >= count else _after(text, last - first + 1, start) - 1
    return text[start:stop]


def _after(text: str, lines: int, at: int) -> int:
    """Where the text goes on after so many lines; a list of all lines would take thirty times a text of short ones."""
    for _ in range(lines):
        at = text.index("\n", at) + 1
    return at


def _found(text: str, search: str, room: int) -> str:
    """The lines that hold a text, with their numbers; of long lines the part around it."""
    if len(search) > _MAX_SEARCH:
        raise _RefusedError(f"search must have at most {_MAX_SEARCH} characters.")
    lowered = text.lower()
    needle = search.lower()
    if len(lowered) != len(text):  # a character whose small form is two: places would be off
        lowered, needle = text, search
    shown: list[str] = []
    left = room
    count = 0
    for number, around in _hits(text, lowered, needle):
        count += 1
        if count > _MAX_COUNTED:
            break
        if count <= _MAX_HITS and left > 0:
            shown.append(f"{number}: {around}")
            left -= len(shown[-1]) + 1
    if not count:
        raise _RefusedError(f"Nothing in it says {search!r}.")
    of = f"{count:,}" if count <= _MAX_COUNTED else f"more than {_MAX_COUNTED:,}"
    more = f"\n[... {len(shown):,} of {of} places shown ...]" if count > len(shown) else ""
    return "\n".join(shown)[: room - len(more)] + more


def _hits(text: str, lowered: str, needle: str) -> Iterator[tuple[int, str]]:
    """(line number, what to show) for every line, or part of a long line, that holds the needle."""
    number, counted, at = 1, 0, lowered.find(needle)
    while at >= 0:
        number += text.count("\n", counted, at)
        counted = at
        start = text.rfind("\n", max(at - _AROUND, 0), at) + 1 or max(at - _AROUND, 0)
        stop = text.find("\n", at, at + len(needle) + _AROUND)
        stop = min(at + len(needle) + _AROUND, len(text)) if stop < 0 else stop
        yield number, text[start:stop]
        at = lowered.find(needle, max(stop, at + 1))
