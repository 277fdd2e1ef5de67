"""contextkit's own conversations as `contextkit conversations export` writes them: JSON lines, one event a line.

Law: an answer is a call, and the ledger row behind it its bill. The log is what was said; a fold changed only what
was sent, so the next call notes that it was folded, and its bill says nothing of how much the log grew.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from contextkit.api.usage import Usage
from contextkit.transcripts.common import Call, Session
from contextkit.transcripts.lines import Lines, mapping, safe_blocks, seconds, string
from contextkit.transcripts.thread import Thread

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["looks_like", "read"]

_FOLDS = frozenset({"fold", "merge", "clear"})
_SILENT = frozenset({"state", "asked", "tool"})
_CLASSES = ("input", "read", "write_5m", "write_1h", "output")


def looks_like(first: Mapping[str, Any]) -> bool:
    """Whether an object is the first line of such a file."""
    return first.get("kind") == "begin" and "schema" in first and isinstance(first.get("settings"), dict)


def read(path: Path) -> list[Session]:
    """The conversations in one file: several may have been exported into it, one after the other."""
    lines, logs = Lines(path), list[_Log]()
    for number, line in lines:
        if looks_like(line) or not logs:
            logs.append(_Log())
        logs[-1].event(line, number)
    return [log.session(str(path), {**log.skipped, **lines.skipped}) for log in logs]


class _Log:
    def __init__(self) -> None:
        self.thread = Thread()
        self.skipped: dict[str, int] = {}
        self.id = ""
        self._settings: dict[str, Any] = {}
        self._answer: Call | None = None
        self._folded = False

    def event(self, line: Mapping[str, Any], number: int) -> None:
        """One line."""
        kind = string(line.get("kind"))
        if kind == "row":
            self._row(mapping(line.get("row")))
        elif kind in {"begin", "fixed"}:
            told = mapping(line.get("settings")) if kind == "begin" else line
            self.id = self.id or string(line.get("id"))
            self._settings |= {name: told[name] for name in ("model", "system", "tools") if told.get(name)}
        elif kind in {"user", "result", "answer"}:
            self._said(kind, line, number)
        elif kind in _FOLDS:
            self._folded = True
        elif kind not in _SILENT:
            self.skipped[kind[:40] or "no kind"] = self.skipped.get(kind[:40] or "no kind", 0) + 1

    def _said(self, kind: str, line: Mapping[str, Any], number: int) -> None:
        blocks = safe_blocks([line.get("block")] if kind == "result" else line.get("blocks"))
        if not blocks:
            return
        if kind != "answer":
            self._close()
            self.thread.add({"role": "user", "content": blocks})
            return
        self._close()
        if self._folded:
            self.thread.note("folded")
        self._folded = False
        fixed: dict[str, Any] = {name: told for name, told in self._settings.items() if name != "model"}
        reply: Any = {"role": "assistant", "content": blocks}
        self._answer = Call((), reply=reply, model=string(self._settings.get("model")), settings=fixed, line=number)

    def _row(self, row: Mapping[str, Any]) -> None:
        if self._answer is None or row.get("purpose") != "turn":
            return
        told = mapping(row.get("usage"))
        counts = [value if isinstance(value := told.get(name), int) and value >= 0 else 0 for name in _CLASSES]
        model = string(row.get("model")) or self._answer.model
        self._answer = replace(self._answer, usage=Usage(*counts), at=seconds(row.get("at")), model=model)
        self._close()

    def _close(self) -> None:
        """The call with what is known of it by now."""
        if self._answer is not None:
            self.thread.call(self._answer)
            self._answer = None

    def session(self, file: str, skipped: Mapping[str, int]) -> Session:
        """All of it."""
        self._close()
        return Session(file, "contextkit", tuple(self.thread.calls), self.id, frozenset(), skipped)
