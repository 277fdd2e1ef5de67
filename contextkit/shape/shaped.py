"""What comes back from shaping: the text that enters the conversation and what is said about the rest.

The law of the room: a note is part of the text, so that the model sees that something is missing, and it has one
form, so that a text that was already shaped is recognised and left alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

__all__ = ["NOTE_KEY", "OTHER_KEY", "SAMPLE_CHARS", "BoundError", "Drift", "Shaped", "is_cut", "is_note", "note_of"]

NOTE_KEY: Final = "_note"
"""Where a note stands in a JSON object; in a JSON array it is the last element."""

OTHER_KEY: Final = "_contextkit_note"
"""Where it stands when the object has a `_note` of its own."""

SAMPLE_CHARS: Final = 80
"""Characters of the sample in a finding."""

_NOTE: Final = re.compile(r"\[\.\.\. [^\[\]]{1,160} \.\.\.\]")


class BoundError(Exception):
    """A bound on depth, matches or size was reached; caught inside the room, never seen outside."""


@dataclass(frozen=True, slots=True)
class Drift:
    """An output that is not what its declared model says.

    Attributes:
        path: the declared path, as written.
        expected: the declared type, or what was wanted of it.
        found: what stood there: a JSON type name, or "nothing".
        sample: at most 80 characters of what was found, as JSON.
    """

    path: str
    expected: str
    found: str
    sample: str = ""


@dataclass(frozen=True, slots=True)
class Shaped:
    """The result of shaping one output.

    Attributes:
        text: what enters the conversation; compact JSON when the result is JSON.
        changed: something was removed; then the original is worth keeping.
        original_chars: length of the output as it came, as text.
        note: what was cut, in words; already part of `text`; empty when nothing is said.
        drift: findings of a declared output model.
    """

    text: str
    changed: bool
    original_chars: int
    note: str = ""
    drift: tuple[Drift, ...] = ()


def note_of(what: str, handle: str | None = None) -> str:
    """A note in its one form: `[... 48,112 of 50,112 characters cut; handle k3f9a1 ...]`."""
    return f"[... {what}; handle {handle} ...]" if handle else f"[... {what} ...]"


def is_note(value: object) -> bool:
    """Whether a value is a note that this room wrote (or something that looks exactly like one)."""
    return isinstance(value, str) and len(value) <= 200 and _NOTE.fullmatch(value) is not None  # noqa: PLR2004  (one line)


def is_cut(note: str) -> bool:
    """Whether a note says that a cap cut the whole output: then its shaping is behind it."""
    return "characters cut" in note
