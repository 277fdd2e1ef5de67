"""What every driven package is asked for: see compaction_drive.py."""

from __future__ import annotations

from typing import Any, Final

__all__ = ["MODEL", "Peer", "Piece", "Shown", "text_of"]

Piece = dict[str, Any]
Shown = list[Any]
"""What is sent: the number of a recorded piece, or [characters, the piece it stands for or -1] for another text."""

MODEL: Final = "claude-sonnet-4-5"


class Peer:
    """A package with a history of its own.

    Attributes:
        asked: characters that each summary call was given, since the last call.
        summary: what the stub answers.
    """

    def __init__(self, settings: dict[str, Any], summary: str, fixed: float, per_character: float) -> None:
        self.settings, self.summary = settings, summary
        self.fixed, self.per_character = fixed, per_character
        self.asked: list[int] = []
        self.begin()

    def begin(self) -> None:
        """Make the package's own objects."""
        raise NotImplementedError

    def add(self, entry: list[Piece], usage: tuple[int, int] | None) -> None:
        """Append a message; `usage` (prompt, output) of the call that an answer came from."""
        raise NotImplementedError

    def shown(self) -> Shown:
        """Prepare the next call as the package does."""
        raise NotImplementedError

    def written(self, given: int) -> str:
        """The stub's summary of so many characters."""
        self.asked.append(given)
        return self.summary


def text_of(content: Any) -> str:
    """All text of a tool result's content."""
    if isinstance(content, str):
        return content
    return "\n".join(str(block.get("text", "")) for block in content or ())
