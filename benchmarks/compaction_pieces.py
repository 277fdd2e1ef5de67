"""A recorded session as pieces that a package may treat on its own: an answer, a tool result, other blocks of the user.

The law: billed sizes are shared out over the pieces of a message by their estimates; nothing is said that the session
does not hold, but messages that were only billed get as much text as they were billed for.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from contextkit.tokens.quick import quick_tokens

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from contextkit.replay.trace import Trace

__all__ = ["Piece", "Pieces"]

_CHARACTERS: Final = 3.5  # a token, where a session holds no text to measure it by


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a message, and what it was billed."""

    entry: int
    role: str
    blocks: Sequence[Mapping[str, Any]]
    tokens: float


@dataclass(slots=True)
class Pieces:
    """A trace as pieces, for the packages."""

    found: Trace
    pieces: list[Piece] = field(default_factory=list)
    per_character: float = 1 / _CHARACTERS

    def prepare(self) -> None:
        """Cut the messages into pieces; billed sizes are shared out by their estimates."""
        log = self.found.log
        for at, entry in enumerate(log.entries[: self.found.steps[-1].end]):
            groups = _groups(entry.role, entry.blocks)
            sizes = [quick_tokens(group, "classic") for group in groups]
            whole, total = log.tokens(at, at + 1), sum(sizes)
            shares = [size / total if total else 1 / len(sizes) for size in sizes]
            self.pieces += [
                Piece(at, entry.role, group, whole * share) for group, share in zip(groups, shares, strict=True)
            ]
        said = sum(len(_text(piece.blocks)) for piece in self.pieces)
        told = sum(piece.tokens for piece in self.pieces if _text(piece.blocks).strip())
        self.per_character = told / said if said else self.per_character

    def as_json(self) -> dict[str, Any]:
        """As compaction_drive.py reads it; hidden messages get as much text as they were billed for."""
        calls, done = [], 0
        for step in self.found.steps:
            entries: list[list[dict[str, Any]]] = []
            while done < len(self.pieces) and self.pieces[done].entry < step.end:
                piece = self.pieces[done]
                if not entries or self.pieces[done - 1].entry != piece.entry:
                    entries.append([])
                blocks = list(piece.blocks)
                if not _text(blocks).strip():
                    blocks = [{"type": "text", "text": "hidden " * max(round(piece.tokens * _CHARACTERS / 7), 1)}]
                told = {"id": done, "role": piece.role, "blocks": blocks, "tokens": piece.tokens}
                entries[-1].append(told)
                done += 1
            calls.append({"entries": entries, "output": step.output})
        return {"fixed": self.found.fixed, "per_character": self.per_character, "calls": calls}


def _groups(role: str, blocks: Sequence[Any]) -> list[list[Any]]:
    results = [[block] for block in blocks if block["type"] == "tool_result"] if role == "user" else []
    others = [block for block in blocks if role != "user" or block["type"] != "tool_result"]
    return [*results, *([others] if others else [])]


def _text(blocks: Sequence[Mapping[str, Any]]) -> str:
    told = []
    for block in blocks:
        inner = block.get("content")
        parts = inner if isinstance(inner, list) else [{"text": inner or ""}]
        told += [str(block.get("text") or block.get("thinking") or "")]
        told += [str(part.get("text", "")) for part in parts]
        told += [json.dumps(block["input"])] if "input" in block else []
    return "".join(told)
