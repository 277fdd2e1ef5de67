"""JSON made to fit. The law: what was valid JSON stays valid JSON, however small the room.

The most telling parts stay: every small field of an object before a part of a large one, the first elements of an
array, both ends of a long text. What was cut is counted in place (a text among the elements, `_note` in an object).
"""

from __future__ import annotations

from itertools import islice
from operator import itemgetter
from typing import Any, Final

from contextkit.shape.document import MISSING, shared, write
from contextkit.shape.shaped import NOTE_KEY, OTHER_KEY, is_note, note_of
from contextkit.shape.text import cut

__all__ = ["fit", "limit_items", "with_note", "without_note"]

_LEAST: Final = 24
"""Room below which a part of something says nothing."""

_FEW: Final = 16

_LEVELS: Final = 12
"""Levels that are opened to cut inside them; deeper parts stay or go as a whole."""


def with_note(value: Any, note: str) -> Any:
    """The document with a note inside it: the last element of an array, `_note` of an object."""
    if not note:
        return value
    if isinstance(value, dict):
        return {**value, OTHER_KEY if NOTE_KEY in value and not is_note(value[NOTE_KEY]) else NOTE_KEY: note}
    if isinstance(value, list):
        return [*value, note]
    return {"value": value, NOTE_KEY: note}


def without_note(value: Any) -> tuple[Any, str]:
    """A document and the note that an earlier shaping left in it, apart."""
    if isinstance(value, dict):
        for name in (NOTE_KEY, OTHER_KEY):
            if is_note(value.get(name)):
                return {key: one for key, one in value.items() if key != name}, value[name]
    if isinstance(value, list) and value and is_note(value[-1]):
        return value[:-1], value[-1]
    return value, ""


def limit_items(value: Any, most: int) -> Any:
    """Every array cut to its first `most` elements, with a count of the rest as its last element."""
    if isinstance(value, dict):
        members = {key: limit_items(one, most) if isinstance(one, (dict, list)) else one for key, one in value.items()}
        return shared(members, value)
    if not isinstance(value, list):
        return value
    noted = value[-1:] if value and is_note(value[-1]) else []
    elements = value[: len(value) - len(noted)]
    kept = [limit_items(one, most) if isinstance(one, (dict, list)) else one for one in elements[:most]]
    rest = elements[most:]
    if not rest:
        return shared(kept + noted, value)
    note = note_of(f"{len(rest):,} of {len(elements):,} elements cut")
    # A rest that is shorter than the note about it stays; the look at it is as short as the note.
    if len(rest) <= len(note) and len(write(rest)) <= len(note) + 2:
        return kept + rest + noted
    return [*kept, note]


def fit(value: Any, room: int, level: int = 0, size: int = 0) -> Any:
    """The value cut so that its compact JSON has at most `room` characters, or MISSING when nothing telling fits.

    Args:
        value: a JSON value.
        room: characters.
        level: how deep in the document it stands.
        size: about how many characters it has, where that is known; it saves memory and changes nothing else.
    """
    if not _is_over(value, room) and len(write(value, size)) <= room:
        return value
    if room < _LEAST or level > _LEVELS:
        return MISSING
    if isinstance(value, str):
        return _fit_text(value, room)
    if isinstance(value, list):
        return _fit_array(value, room, level, size)
    if isinstance(value, dict):
        return _fit_object(value, room, level, size)
    return MISSING


def _is_over(value: Any, room: int) -> bool:
    """Whether a value is over the room by the number of its parts alone, or its characters."""
    return isinstance(value, (str, list, dict)) and len(value) > room


def _fit_text(value: str, room: int) -> Any:
    most = room - 2
    while most >= _LEAST:
        short, _ = cut(value, most)
        over = len(write(short)) - room
        if over <= 0:
            return short
        most -= max(over, 1)
    return MISSING


def _each(value: Any, size: int) -> int:
    """About the characters of one of the parts; of a few parts, one may be nearly all."""
    return size if len(value) <= _FEW else size // len(value)


def _fit_array(value: list[Any], room: int, level: int, total: int) -> Any:
    each = _each(value, total)
    left = room - 2 - (len(_elements_cut(value, 0)) + 3 if level else 0)
    kept: list[Any] = []
    for one in value:
        size = len(write(one, each)) + 1
        if size > left:
            part = fit(one, left - 1, level + 1, each) if isinstance(one, (dict, list, str)) else MISSING
            if part is not MISSING:
                kept.append(part)
            break
        kept.append(one)
        left -= size
    if not kept and left < 0:
        return MISSING
    return [*kept, _elements_cut(value, len(kept))] if level and len(kept) < len(value) else kept


def _elements_cut(value: list[Any], kept: int) -> str:
    return note_of(f"{len(value) - kept:,} of {len(value):,} elements cut")


def _fit_object(value: dict[str, Any], room: int, level: int, total: int) -> Any:
    each = _each(value, total)
    # No more members than characters can stay: of a wider object the first ones are weighed.
    weighed = dict(islice(value.items(), max(room, 0)))
    keys = {key: len(write(key)) + 2 for key in weighed}
    sizes = sorted(((len(write(one, each)) + keys[key], key) for key, one in weighed.items()), key=itemgetter(0))
    # At the top the note about the whole says what was cut; below, each object counts its own.
    left = room - 2 - (len(_fields_cut(value, 0)) + len(OTHER_KEY) + 6 if level else 0)
    if left < 0:
        return MISSING
    kept: dict[str, Any] = {}
    for place, (size, key) in enumerate(sizes):
        share = left // (len(sizes) - place)
        if size <= share:
            kept[key] = value[key]
            left -= size
            continue
        part = fit(value[key], share - keys[key], level + 1, each)
        if part is not MISSING:
            kept[key] = part
            left -= len(write(part)) + keys[key]
    out = {key: kept[key] for key in value if key in kept}
    return with_note(out, _fields_cut(value, len(out))) if level and len(out) < len(value) else out


def _fields_cut(value: dict[str, Any], kept: int) -> str:
    return note_of(f"{len(value) - kept:,} of {len(value):,} fields cut")
