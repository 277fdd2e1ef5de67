"""Compaction by the API itself: which edit to ask for, and what has to be sent with it.

Law: only parameters that the pages name. Sources: context-editing page (`clear_tool_uses_20250919`) and compaction
page (`compact_20260112`), both beta; see the facts on each in docs/compaction.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

from contextkit.api.facts import NO_COMPACTION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from contextkit.api.facts import Model

__all__ = ["chosen", "edited", "server_edit"]

_CLEAR: Final = ("context-management-2025-06-27", "clear_tool_uses_20250919")
_COMPACT: Final = ("compact-2026-01-12", "compact_20260112")
_LEAST: Final = 50_000
"""The smallest trigger that `compact_20260112` takes, tokens."""


def chosen(wanted: bool | Literal["clear", "compact"], row: Model | None) -> Literal["", "clear", "compact"]:
    """The edit to ask for: "compact" where the model has it, else "clear"; "" where none is wanted."""
    if isinstance(wanted, str):
        return wanted
    if not wanted:
        return ""
    return "compact" if row is not None and row.id not in NO_COMPACTION else "clear"


def server_edit(kind: Literal["clear", "compact"], *, budget: int, gain: int) -> tuple[str, dict[str, Any]]:
    """The beta and the edit.

    Args:
        kind: clear old tool uses, or summarise.
        budget: prompt tokens from which it happens; a summary not below 50,000, the API's minimum.
        gain: tokens that a clear has to free, so that rewriting what follows pays.
    """
    if kind == "clear":
        beta, name = _CLEAR
        trigger = {"type": "input_tokens", "value": budget}
        return beta, {"type": name, "trigger": trigger, "clear_at_least": {"type": "input_tokens", "value": gain}}
    beta, name = _COMPACT
    return beta, {"type": name, "trigger": {"type": "input_tokens", "value": max(budget, _LEAST)}}


def edited(
    params: Mapping[str, Any], kind: Literal["", "clear", "compact"], *, budget: int, gain: int
) -> Mapping[str, Any]:
    """The caller's parameters with the edit that the API is to make, after the caller's own."""
    if not kind:
        return params
    beta, edit = server_edit(kind, budget=budget, gain=gain)
    given = params.get("context_management") or {}
    betas = list(dict.fromkeys([*params.get("betas", ()), beta]))
    return {**params, "betas": betas, "context_management": {**given, "edits": [*given.get("edits", ()), edit]}}
