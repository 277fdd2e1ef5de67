"""Recorded sessions as histories whose window is cut, and what later tool calls needed of the part that was cut off."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from contextkit.compact.identifiers import said
from contextkit.tokens.quick import quick_tokens
from contextkit.transcripts import read

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from contextkit.transcripts.common import Session

__all__ = ["DATA", "FAMILY", "Fold", "History", "histories", "needs", "stands"]

ROOT: Final = Path(__file__).resolve().parents[1]
DATA: Final = Path(os.environ.get("CONTEXTKIT_DATA") or ROOT.parent / "shared" / "data")
FAMILY: Final = "classic"  # the recorded models' tokenizer

# What counts as an identifier of a tool call: written apart from the extractor, so that it cannot mark its own work.
NEED: Final = re.compile(
    r"""https?://[^\s"'<>)\]}`,]{4,300}
    |(?<![\w./~-])(?:~|\.{1,2})?/?(?:[\w.@+-]{1,100}/){1,20}[\w.@+-]{1,100}
    |\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b
    |\b(?=[a-f]*\d)(?=\d*[a-f])[0-9a-f]{7,64}\b
    |\b[A-Za-z]\w{0,60}[a-z0-9][A-Z]\w{0,60}\b|\b[A-Za-z]\w{0,60}_\w{1,60}\b
    |\b[A-Z]{1,10}[-_]?\d{3,10}\b
    |\b[\w-]{2,60}\.(?:go|py|ts|tsx|js|jsx|json|md|sh|yml|yaml|toml|txt|mod|rs|html|css|lock|sql|log|jsonl)\b
    |\b\d{4,}(?:\.\d+)?\b""",
    re.VERBOSE,
)
_SHORTEST: Final = 4


def needs(text: str) -> set[str]:
    """The identifiers in a text."""
    found = (match.group().rstrip(".,:;-/") for match in NEED.finditer(text[:200_000]))
    return {name for name in found if len(name) >= _SHORTEST and any(map(str.isalnum, name))}


def stands(name: str, text: str) -> bool:
    """Whether a name stands in a text as a whole: no letter or digit on either side."""
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text) is not None


@dataclass(slots=True)
class Fold:
    """One cut of the window.

    Attributes:
        start: the first message that it folds.
        end: the first message that stays.
        at: the message after which it was made.
        needs: what later calls, up to the next cut, would have found here only.
    """

    start: int
    end: int
    at: int
    needs: list[str] = field(default_factory=list)


@dataclass(slots=True)
class History:
    """A recorded session as one list of messages."""

    file: str
    messages: list[Mapping[str, Any]]
    blocks: list[list[dict[str, Any]]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    sizes: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        for message in self.messages:
            content = message["content"]
            blocks = [{"type": "text", "text": content}] if isinstance(content, str) else list(content)
            self.blocks.append(blocks)
            self.texts.append("\n".join(map(said, blocks)))
            self.sizes.append(quick_tokens(blocks, FAMILY))

    @property
    def held_out(self) -> bool:
        """Not fitted on. Files of one session, `name-1.jsonl` and `name-2.jsonl`, are on one side."""
        group = re.split(r"-\d+\.jsonl$", self.file)[0]
        return sha256(group.encode()).digest()[-1] % 2 == 1

    def folds(self, ceiling: int, keep: int) -> list[Fold]:
        """Every cut, with what was needed after it."""
        named = [needs(text) for text in self.texts]
        folded: set[str] = set()
        made: list[Fold] = []
        start, size = 1, self.sizes[0]
        for at, message in enumerate(self.messages):
            if made and message["role"] == "assistant":
                made[-1].needs += self._needed(at, start, folded)
            size += self.sizes[at] if at else 0
            if size <= ceiling:
                continue
            end = self._cut(start, at, keep)
            if start < end <= at:
                folded.update(*named[start:end])
                made.append(Fold(start, end, at))
                size -= sum(self.sizes[start:end])
                start = end
        return made

    def _cut(self, start: int, at: int, keep: int) -> int:
        end, tail = start, sum(self.sizes[start : at + 1])
        while end < at and tail > keep:
            tail -= self.sizes[end]
            end += 1
        while end <= at and any(block["type"] == "tool_result" for block in self.blocks[end]):
            end += 1
        return end

    def _needed(self, at: int, start: int, folded: set[str]) -> list[str]:
        calls = "\n".join(said(block) for block in self.blocks[at] if block["type"] == "tool_use")
        wanted = needs(calls) & folded
        if not wanted:
            return []
        window = "\n".join([self.texts[0], *self.texts[start:at]])
        return sorted(name for name in wanted if name not in window)


def histories() -> Iterator[History]:
    """Every Claude Code session and the pi session; sidechains are left out."""
    for path in [
        *sorted((DATA / "claude_code_entireio_cli").glob("*.jsonl")),
        DATA / "pi_mono" / "large-session.jsonl",
    ]:
        for session in read(path):
            yield History(path.name, list(_messages(session)))


def _messages(session: Session) -> Iterator[Mapping[str, Any]]:
    for call in session.calls:
        if call.kind == "main":
            yield from call.added
            if call.reply is not None:
                yield call.reply
