"""Trajectories of SWE-agent: one JSON document with a `history` of chat messages.

Law: each answer of the agent is one call that saw everything before it. Times, usage a call and tools are not in
these files; the model is where the replay configuration names it. History processors, which shorten old outputs
before they are sent, are not undone: the history is what was recorded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from contextkit.errors import FormatError
from contextkit.transcripts.common import Call, Session
from contextkit.transcripts.lines import decode, document, mapping, string
from contextkit.transcripts.openai import message, system_text
from contextkit.transcripts.thread import Thread

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["looks_like", "read"]


def looks_like(first: Mapping[str, Any]) -> bool:
    """Whether a document is such a trajectory."""
    return isinstance(first.get("history"), list)


def read(path: Path) -> list[Session]:
    """The session in one file."""
    whole = mapping(document(path))
    if not looks_like(whole):
        raise FormatError("the document has no history", where=str(path), fix="Give a SWE-agent .traj file.")
    thread, system, skipped = Thread(), "", 0
    model = _model(whole)
    for entry in whole["history"]:
        given = mapping(entry)
        system = system or system_text(given)
        found = message(given)
        if found is None:
            skipped += not system_text(given)
        elif found["role"] == "assistant":
            thread.call(Call(added=(), reply=found, model=model, settings={"system": system} if system else {}))
        else:
            thread.add(found)
    missing: set[Any] = {"tools", "times", "usage", "output_tokens"} | (set() if model else {"model"})
    counted = {"not a message": skipped} if skipped else {}
    return [Session(str(path), "swe-agent", tuple(thread.calls), "", frozenset(missing), counted)]


def _model(whole: Mapping[str, Any]) -> str:
    """The model's name in the replay configuration, which is an object or JSON in a string."""
    config = whole.get("replay_config")
    if isinstance(config, str):
        try:
            config = decode(config.encode("utf-8", "replace"))
        except ValueError:
            return ""
    agent = mapping(mapping(config).get("agent"))
    return string(mapping(agent.get("model")).get("name"))
