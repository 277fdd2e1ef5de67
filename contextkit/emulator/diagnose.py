"""The answer to `diagnostics`: where a request departs from the one it names, in the API's words.

Law: it says whether the *request* changed, not whether the cache hit; only the earliest divergence is named, in the
order model, system, tools, messages (cache-diagnostics page). A fingerprint is kept only of requests that ask.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from contextkit.api.messages import digest, dumps

if TYPE_CHECKING:
    from collections.abc import Mapping

    from contextkit.cache.prefix import Prefix

__all__ = ["Fingerprint", "fingerprint", "reason"]

_OTHER: Final = ("tool_choice", "thinking", "context_management", "output_config")


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """Hashes of one request.

    Attributes:
        model: model and speed.
        levels: hashes of the blocks of "system", "tools" and "messages", in order.
        ends: prompt tokens before each level and, for messages, before each block.
        other: hash of the further parameters that make the prompt.
        readable: prompt tokens that a following request could have read: up to the last mark, or all.
    """

    model: str
    levels: Mapping[str, tuple[bytes, ...]]
    ends: Mapping[str, tuple[int, ...]]
    other: bytes
    readable: int


def fingerprint(body: Mapping[str, Any], chain: Prefix, betas: frozenset[str]) -> Fingerprint:
    """What is kept of a request."""
    levels: dict[str, tuple[bytes, ...]] = {}
    ends: dict[str, tuple[int, ...]] = {}
    before = 0
    for level in ("tools", "system", "messages"):
        found = [position for position in chain.positions if position.path[0] == level]
        levels[level] = tuple(position.own for position in found)
        ends[level] = (before, *(position.tokens for position in found))
        before = ends[level][-1]
    marked = [position.tokens for position in chain.positions if position.mark]
    other = {name: body.get(name) for name in _OTHER} | {"betas": sorted(betas)}
    return Fingerprint(
        f"{body['model']} {body.get('speed') or 'standard'}",
        levels,
        ends,
        digest(dumps(other).encode("utf-8", "surrogatepass")),
        marked[-1] if marked else chain.total,
    )


def reason(asked: Mapping[str, Any] | None, kept: Mapping[str, Fingerprint], now: Fingerprint) -> dict[str, Any] | None:
    """The response's `diagnostics`; None when there is nothing to compare or nothing changed.

    Args:
        asked: the request's `diagnostics`.
        kept: fingerprints by message id.
        now: this request's fingerprint.
    """
    before_id = (asked or {}).get("previous_message_id")
    if before_id is None:
        return None
    before = kept.get(str(before_id))
    if before is None:
        return {"cache_miss_reason": {"type": "previous_message_not_found"}}
    found = _earliest(before, now)
    return None if found is None else {"cache_miss_reason": found}


def _earliest(before: Fingerprint, now: Fingerprint) -> dict[str, Any] | None:
    if before.model != now.model:
        return {"type": "model_changed", "cache_missed_input_tokens": before.readable}
    for level in ("system", "tools"):
        if before.levels[level] != now.levels[level]:
            return _changed(before, now, level)
    if before.other != now.other:
        return {"type": "unavailable"}
    mine, old = now.levels["messages"], before.levels["messages"]
    return _changed(before, now, "messages") if mine[: len(old)] != old else None


def _changed(before: Fingerprint, now: Fingerprint, level: str) -> dict[str, Any]:
    """Tokens that would have been read had the prefix matched: those behind the first difference (SDK docstring)."""
    pairs = zip(before.levels[level], now.levels[level], strict=False)
    same = next((at for at, (old, new) in enumerate(pairs) if old != new), None)
    if same is None:
        same = min(len(before.levels[level]), len(now.levels[level]))
    return {
        "type": f"{level}_changed",
        "cache_missed_input_tokens": max(0, before.readable - before.ends[level][same]),
    }
