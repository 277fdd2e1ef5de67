"""What people declare of a conversation, checked before anything is made of it.

Law: a wrong setting says its name, what is wrong with it, and what to give.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from contextkit.api import facts
from contextkit.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Summarizer", "check_kinds", "check_settings", "first_party"]

Summarizer = str | Callable[[str], str | Awaitable[str]]
"""A model or its short name, "own" (the conversation's), "auto" (the cheaper of "own" and Haiku), "extractive", or a
callable that makes a summary of a transcript."""


def check_settings(*, model: str, max_tokens: int, ttl: str, summarizer: Summarizer, params: Mapping[str, Any]) -> None:
    """Refuse settings of a conversation that cannot work.

    Raises:
        ConfigError: which one, and what to give.
    """
    if not model:
        raise ConfigError("no model is named", where="Conversation(model=)", fix='Give an id, or "sonnet".')
    if max_tokens < 1:
        raise ConfigError(f"max_tokens is {max_tokens}", where="Conversation(max_tokens=)", fix="Give 1 or more.")
    if ttl not in {*facts.TTL_SECONDS, "auto"}:
        raise ConfigError(f"ttl is {ttl!r}", where="Conversation(ttl=)", fix='Give "5m", "1h" or "auto".')
    if not callable(summarizer) and not isinstance(summarizer, str):
        raise ConfigError(
            "the summarizer is neither a name nor callable",
            where="Conversation(summarizer=)",
            fix='Give "haiku", "extractive", a model id or a function of the transcript.',
        )
    unknown = sorted(set(params) - facts.CREATE_PARAMS)
    if unknown:
        raise ConfigError(
            f"messages.create takes no {', '.join(unknown)}",
            where="Conversation(**params)",
            fix=f"Known: {', '.join(sorted(facts.CREATE_PARAMS))}.",
        )


def check_kinds(*, compaction: Any, budget: Any, max_tokens: Any) -> None:
    """Refuse settings of another type than the one that is declared.

    Raises:
        ConfigError: which one, and what to give.
    """
    wrong = (
        ("compaction", compaction is None or hasattr(compaction, "keep_recent"), "a Compaction, or None"),
        ("budget", budget is None or hasattr(budget, "check"), "a Budget, or None"),
        ("max_tokens", type(max_tokens) is int, "a whole number"),
    )
    for name, right, what in wrong:
        if not right:
            raise ConfigError(f"{name} is of the wrong type", where=f"Conversation({name}=)", fix=f"Give {what}.")


def first_party(client: Any) -> bool:
    """Whether a client talks to the Claude API itself, which is known to have diagnostics and edits of its own."""
    host = str(getattr(client, "base_url", "")).split("//")[-1].split("/")[0]
    return type(client).__name__ in {"Anthropic", "AsyncAnthropic"} and host == "api.anthropic.com"
