"""Runs of tau-bench and tau2-bench, and any JSON lines or document with a list of OpenAI messages.

Law: one list is one session; each assistant message is one call that saw everything before it, except a greeting
that stands before any user message, which no model made. Usage there is another provider's: it is not a bill of
the prompt cache and is left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from contextkit.errors import FormatError
from contextkit.transcripts.common import Call, Session
from contextkit.transcripts.lines import Lines, document, mapping, seconds, string
from contextkit.transcripts.openai import message, system_text
from contextkit.transcripts.thread import Thread

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = ["looks_like", "read"]

_LISTS: Final = ("traj", "messages", "conversation")
_ROLES: Final = frozenset({"system", "developer", "user", "assistant", "tool", "function"})


def _messages(entry: Mapping[str, Any]) -> Sequence[Any]:
    for name in _LISTS:
        found = entry.get(name)
        if isinstance(found, list) and found and all(string(mapping(item).get("role")) in _ROLES for item in found[:5]):
            return found
    return ()


def looks_like(first: Mapping[str, Any]) -> bool:
    """Whether an object holds a list of chat messages and is not a request body."""
    return bool(_messages(first)) and "max_tokens" not in first and "model" not in first


def read(path: Path) -> list[Session]:
    """The sessions in one file, one a line, or of one document that is a list of them."""
    lines = Lines(path)
    sessions = [_session(path, entry, number) for number, entry in lines if _messages(entry)]
    if not sessions:
        whole = document(path)
        entries = whole if isinstance(whole, list) else mapping(whole).get("simulations") or [whole]
        sessions = [_session(path, mapping(entry), 0) for entry in entries if _messages(mapping(entry))]
    if not sessions:
        raise FormatError(
            "no list of messages", where=f"{path}, {lines.first_bad or 'line 1'}", fix="Give a tau-bench file."
        )
    return sessions


def _session(path: Path, entry: Mapping[str, Any], line: int) -> Session:
    thread, system, skipped, asked = Thread(), "", 0, False
    untimed = True
    at: float | None = None
    for item in _messages(entry):
        given = mapping(item)
        system = system or system_text(given)
        found = message(given)
        when = seconds(given.get("timestamp"))
        untimed = untimed and when is None
        if found is None:
            skipped += not system_text(given)
        elif found["role"] == "assistant" and asked:
            settings = {"system": system} if system else {}
            thread.call(Call(added=(), reply=found, at=at, ended=when, settings=settings, line=line))
        else:
            asked = asked or found["role"] == "user"
            thread.add(found)
        at = when if when is not None else at
    missing: set[Any] = {"tools", "model", "usage", "output_tokens"}
    missing |= ({"times"} if untimed else set()) | (set() if system else {"system"})
    name = string(entry.get("id")) or f"task {entry.get('task_id', '')}".strip()
    counted = {"not a message": skipped} if skipped else {}
    return Session(str(path), "openai", tuple(thread.calls), name[:80], frozenset(missing), counted)
