"""Sessions of Claude Code: JSON lines, a tree by `parentUuid`, one API call over several lines.

Law: lines with one `message.id` are one call, its usage counts once, and its blocks stand in the order of the
lines. Lines hang on their parent; where the parent is not in the file, on the line before. The system prompt, the
tools and some reminders are not in these files, and `output_tokens` are often placeholders written while the
answer was still streaming.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from contextkit.api.usage import Usage
from contextkit.transcripts.common import Call, Kind, Missing, Session
from contextkit.transcripts.lines import Lines, mapping, safe_blocks, seconds, string

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from contextkit.api.messages import Block

__all__ = ["looks_like", "read"]

_BOUNDARIES: Final = {"compact_boundary": "compaction", "microcompact_boundary": "microcompaction"}
_MISSING: Final[frozenset[Missing]] = frozenset({"system", "tools", "settings", "output_tokens"})
_SYNTHETIC: Final = "<synthetic>"  # Claude Code's own words in the place of an answer; no API call
_WALK: Final = 10_000  # lines between two calls; more is no recording, and the walk must not become quadratic
_CHAIN: Final = frozenset({"progress", "attachment", "system", "user", "assistant"})


@dataclass(slots=True)
class _Open:
    """A call whose lines are still coming."""

    call: Call
    blocks: list[Block]
    results: list[_Line] = field(default_factory=list)  # answers to its tool calls, wherever they hang


@dataclass(slots=True)
class _Line:
    """One line in the tree.

    Attributes:
        parent: the id of the line it hangs on; "" at a root.
        order: its place in the file.
        answers: the index of the call whose reply it is part of; None for everything else.
        blocks: the content of user lines.
        note: what it declares.
        at: Unix seconds.
    """

    parent: str
    order: int
    answers: int | None = None
    blocks: list[Block] = field(default_factory=list)
    note: str = ""
    at: float | None = None


def looks_like(first: Mapping[str, Any]) -> bool:
    """Whether an object is a line of such a file."""
    kinds = {"user", "assistant", "system", "summary", "progress", "file-history-snapshot", "queue-operation"}
    return string(first.get("type")) in kinds and bool({"uuid", "leafUuid", "sessionId", "messageId"} & first.keys())


def read(path: Path) -> list[Session]:
    """The session in one file, its sidechains among its calls."""
    lines = Lines(path)
    tree = _Tree()
    for number, line in lines:
        kind = string(line.get("type"))
        tree.id = tree.id or string(line.get("sessionId"))
        if kind == "assistant":
            tree.assistant(line, number)
        elif string(line.get("uuid")):
            tree.other(line, kind)
        if kind not in _CHAIN:
            tree.skipped[kind[:40] or "no type"] = tree.skipped.get(kind[:40] or "no type", 0) + 1
    skipped = {**tree.skipped, **lines.skipped}
    return [Session(str(path), "claude-code", tree.calls(), tree.id, _MISSING, skipped)]


@dataclass(slots=True)
class _Tree:
    id: str = ""
    skipped: dict[str, int] = field(default_factory=dict)
    _lines: dict[str, _Line] = field(default_factory=dict)
    _open: list[_Open] = field(default_factory=list)
    _by_message: dict[str, int] = field(default_factory=dict)
    _by_tool: dict[str, int] = field(default_factory=dict)
    _last: dict[bool, str] = field(default_factory=dict)  # the latest line of the main chain and of sidechains

    def calls(self) -> tuple[Call, ...]:
        return tuple(
            replace(found.call, reply={"role": "assistant", "content": found.blocks} if found.blocks else None)
            for found in self._open
        )

    def assistant(self, line: Mapping[str, Any], number: int) -> None:
        message = mapping(line.get("message"))
        if message.get("model") == _SYNTHETIC or line.get("isApiErrorMessage"):
            self.skipped["synthetic answer"] = self.skipped.get("synthetic answer", 0) + 1
            self._hang(line, note="error")
            return
        name = string(message.get("id")) or string(line.get("requestId")) or f"line {number}"
        at = seconds(line.get("timestamp"))
        if name not in self._by_message:
            self._by_message[name] = len(self._open)
            self._open.append(_Open(self._begin(line, message, number), []))
        index = self._by_message[name]
        found = self._open[index]
        blocks = safe_blocks(message.get("content"))
        found.blocks += blocks
        found.call = replace(found.call, ended=at if at is not None else found.call.ended, usage=_usage(message))
        for block in blocks:
            if block["type"] == "tool_use":
                self._by_tool.setdefault(string(block.get("id")), index)
        self._hang(line, answers=index)

    def other(self, line: Mapping[str, Any], kind: str) -> None:
        """User lines carry content; everything else with an id only carries the branch on."""
        shown = line.get("isCompactSummary") or not line.get("isVisibleInTranscriptOnly")
        if kind != "user" or not shown:
            self._hang(line, note=_BOUNDARIES.get(string(line.get("subtype")), ""))
            return
        blocks = safe_blocks(mapping(line.get("message")).get("content"))
        hung = self._hang(line, blocks=blocks, note="compaction" if line.get("isCompactSummary") else "")
        for block in blocks:
            index = self._by_tool.get(string(block.get("tool_use_id"))) if block["type"] == "tool_result" else None
            if index is not None:
                self._open[index].results.append(hung)
                break

    def _hang(
        self, line: Mapping[str, Any], *, answers: int | None = None, blocks: list[Block] | None = None, note: str = ""
    ) -> _Line:
        """Enter a line into the tree."""
        side = bool(line.get("isSidechain"))
        uuid = string(line.get("uuid"))
        at = seconds(line.get("timestamp"))
        hung = _Line(self._parent(line, side=side), len(self._lines), answers, blocks or [], note, at)
        if uuid:
            self._lines.setdefault(uuid, hung)
            self._last[side] = uuid
        return hung

    def _parent(self, line: Mapping[str, Any], *, side: bool) -> str:
        """The parent's id; "" at a root. A compaction's boundary is a root although it names what it follows."""
        named = string(line.get("parentUuid"))
        if named in self._lines:
            return named
        return self._last.get(side, "") if named else ""

    def _begin(self, line: Mapping[str, Any], message: Mapping[str, Any], number: int) -> Call:
        side = bool(line.get("isSidechain"))
        follows, between = self._between(self._parent(line, side=side))
        content = [block for found in between for block in found.blocks]
        times = [found.at for found in between if found.at is not None]
        kept = self._length(follows) if follows is not None else 0
        kind: Kind = "sidechain" if side else "main"
        return Call(
            added=({"role": "user", "content": content},) if content else (),
            follows=follows,
            shared=kept,
            at=max(times) if times else seconds(line.get("timestamp")),
            model=string(message.get("model")),
            kind=kind,
            notes=tuple(dict.fromkeys(found.note for found in between if found.note)),
            line=number,
        )

    def _length(self, index: int) -> int:
        """Messages of a call's history with its reply, which is still being collected."""
        return self._open[index].call.length + bool(self._open[index].blocks)

    def _between(self, parent: str) -> tuple[int | None, list[_Line]]:
        """The call that a new one follows, and the lines between them in the order of the file."""
        lines: dict[int, _Line] = {}
        follows: int | None = None
        while parent and len(lines) < _WALK:
            found = self._lines[parent]
            if found.answers is not None:
                follows = found.answers
                break
            lines[found.order] = found
            parent = found.parent
        if follows is not None:
            lines |= {found.order: found for found in self._open[follows].results}
        return follows, [lines[order] for order in sorted(lines)]


def _usage(message: Mapping[str, Any]) -> Usage | None:
    usage = mapping(message.get("usage"))
    return Usage.of(usage) if usage else None
