"""A script from a JSON file: the same lines that Python code gives, as data.

Law: the file is text and stays text; a form that is not known is refused with its place, never guessed.

A list; each entry is a text, a reply `{"content": [texts and blocks], "stop_reason": ..., "output_tokens": ...,
"seconds": ..., "first_token_seconds": ...}`, or a failure: `{"fault": {"status": 429, "retry_after": 1}}`,
`{"timeout": true}`, `{"connection_error": true}`, `{"broken": {"content": [...], "after": 3}}`,
`{"stream_error": {"content": [...], "after": 3, "status": 529}}`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from contextkit.emulator.script import Failure, Reply, broken, connection_error, fault, reply, stream_error, timeout
from contextkit.errors import FormatError

__all__ = ["lines_of"]

_REPLY: Final = frozenset({"content", "stop_reason", "output_tokens", "seconds", "first_token_seconds", "model"})
_FORMS: Final = (
    '"text", {"content": [...]}, {"fault": {...}}, {"broken": {...}}, {"stream_error": {...}}, {"timeout": true}'
)


def lines_of(value: Any, *, where: str) -> list[Reply | Failure]:
    """The lines of a parsed script file.

    Args:
        value: the parsed JSON.
        where: the file's name, for errors.

    Raises:
        FormatError: it is not a list of the forms above.
    """
    if not isinstance(value, list):
        raise FormatError("a script file is a list", where=where, fix='Write ["first reply", "second reply"].')
    return [_line(entry, f"{where}, entry {number}") for number, entry in enumerate(value, 1)]


def _line(entry: Any, where: str) -> Reply | Failure:
    if isinstance(entry, str):
        return reply(entry)
    if isinstance(entry, Mapping):
        try:
            if entry.keys() <= _REPLY and "content" in entry:
                return reply(*_content(entry), **{key: value for key, value in entry.items() if key != "content"})
            if len(entry) == 1:
                name, given = next(iter(entry.items()))
                if name in _FAILURES:
                    return _FAILURES[name](given)
        except (TypeError, ValueError, AttributeError) as error:
            raise FormatError(f"an entry cannot be read: {error}", where=where, fix=f"Use one of {_FORMS}.") from None
    raise FormatError("an entry is of no known form", where=where, fix=f"Use one of {_FORMS}.")


def _content(entry: Mapping[str, Any]) -> list[Any]:
    content = entry.get("content", [])
    if not isinstance(content, list):
        raise TypeError('"content" is not a list')
    for block in content:
        if not isinstance(block, str) and not (isinstance(block, Mapping) and isinstance(block.get("type"), str)):
            raise TypeError("a block has no type")
    return content


def _with_content(make: Callable[..., Failure]) -> Callable[[Any], Failure]:
    def build(given: Any) -> Failure:
        return make(*_content(given), **{key: value for key, value in given.items() if key != "content"})

    return build


_FAILURES: Final[dict[str, Callable[[Any], Failure]]] = {
    "fault": lambda given: fault(**given),
    "timeout": lambda _: timeout(),
    "connection_error": lambda _: connection_error(),
    "broken": _with_content(broken),
    "stream_error": _with_content(stream_error),
}
