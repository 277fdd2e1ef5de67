"""Caps on characters and tokens. The law: the result is within every cap, its note included, and JSON stays JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from contextkit.shape.document import MISSING, write
from contextkit.shape.fit import fit, with_note
from contextkit.shape.shaped import NOTE_KEY, note_of
from contextkit.shape.text import HEAD, cut

if TYPE_CHECKING:
    from contextkit.api.facts import Family

__all__ = ["FALLBACK_CHARS", "Caps"]

FALLBACK_CHARS: Final = 8_000
"""Characters of an output that could not be shaped as declared, when the shape has no cap of its own."""

_CHARACTERS_A_TOKEN: Final = 16  # text with longer tokens is rulers and blanks; a long text is not counted whole
_TRIES: Final = 24
_BYTES_A_CHARACTER: Final = 4  # a token is at least one byte of UTF-8, so a text this short need not be counted


@dataclass(frozen=True, slots=True)
class Caps:
    """The caps of one shaping: at most `max_chars` characters and `max_tokens` tokens of `family`."""

    max_chars: int | None = None
    max_tokens: int | None = None
    head: float = HEAD
    handle: str | None = None
    family: Family = "classic"

    def or_fallback(self) -> Caps:
        """These caps, or that of outputs that could not be shaped when there are none."""
        if self.max_chars is not None or self.max_tokens is not None:
            return self
        return Caps(FALLBACK_CHARS, None, self.head, self.handle, self.family)

    def over(self, text: str) -> bool:
        """Whether a text is over a cap."""
        if self.max_chars is not None and len(text) > self.max_chars:
            return True
        if self.max_tokens is None or len(text) * _BYTES_A_CHARACTER <= self.max_tokens:
            return False
        if len(text) > self.max_tokens * _CHARACTERS_A_TOKEN:
            return True
        return self._tokens(text) > self.max_tokens

    def text(self, text: str) -> tuple[str, str]:
        """A text within the caps, as (text, note); the note is empty when nothing was cut."""
        if not self.over(text):
            return text, ""
        room = self.room(text)
        short, note = cut(text, room, head=self.head, handle=self.handle)
        while short and self.over(short):
            room = min(room, len(short)) * 9 // 10
            short, note = cut(text, room, head=self.head, handle=self.handle)
        return short, note

    def document(self, value: Any, total: int, reason: str = "") -> tuple[str, str]:
        """A document that is over the caps, as (its JSON within them, note).

        Args:
            value: the document.
            total: characters of the output as it came, for the note.
            reason: said in the note before what was cut.
        """
        # Characters need no text to be counted by, and the writing of a large document is what takes time.
        only_chars = self.max_chars is not None and self.max_tokens is None
        room = self.max_chars if only_chars and self.max_chars is not None else self.room(write(value, total))
        for _ in range(_TRIES):
            text, note = self._fitted(value, room, total, f"{reason}; " if reason else "")
            if not self.over(text):
                return text, note
            room = room * 85 // 100
        return ("[]" if isinstance(value, list) else "{}"), ""

    def room(self, text: str) -> int:
        """Characters that may stay of a text that is over a cap."""
        room = len(text) if self.max_chars is None else self.max_chars
        if self.max_tokens is not None:
            sample = text[: self.max_tokens * _CHARACTERS_A_TOKEN]
            room = min(room, int(len(sample) * self.max_tokens / max(self._tokens(sample), 1.0)))
        return room

    def _fitted(self, value: Any, room: int, total: int, reason: str) -> tuple[str, str]:
        longest = note_of(f"{reason}{total:,} of {total:,} characters cut", self.handle)
        kept = fit(value, room - len(longest) - len(f',"{NOTE_KEY}":""'), size=total)
        if kept is MISSING:
            kept = [] if isinstance(value, list) else {}
        note = note_of(f"{reason}{max(total - len(write(kept, room)), 0):,} of {total:,} characters cut", self.handle)
        text = write(with_note(kept, note), room)
        if len(text) <= room:
            return text, note
        return ("[]" if isinstance(value, list) else "{}"), ""

    def _tokens(self, text: str) -> float:
        from contextkit.tokens.estimate import text_tokens  # noqa: PLC0415  (its tables are read only where needed)

        return text_tokens(text, self.family)
