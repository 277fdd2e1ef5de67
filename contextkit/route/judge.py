"""Whether an answer will do: not refused, not cut off, what was declared, and sure enough.

Law: judging never raises, whatever the answer and the user's own functions do: the answer is paid for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from contextkit.said import confidence_in, share_of

if TYPE_CHECKING:
    from contextkit.api.answer import Answer
    from contextkit.route.output import Output

__all__ = ["Confidence", "Finding", "judge"]

_BROKEN_OFF: Final = frozenset(
    {"refusal", "max_tokens", "model_context_window_exceeded", "tool_use", "pause_turn", "compaction"}
)
"""Stop reasons that leave no whole answer; a side call runs no tools."""

Confidence = str | Callable[[Any], Any]
"""Where the confidence stands: a field of the value ("verdict.confidence"), or a function of the value."""


class Finding(NamedTuple):
    """What was found of an answer.

    Attributes:
        reason: why to climb; "" when it will do.
        value: what it says, where that was what was declared.
        confidence: as it states it, 0 to 1; None for not stated.
        whole: it is what was declared, if not sure enough.
    """

    reason: str
    value: Any = None
    confidence: float | None = None
    whole: bool = False


def judge(answer: Answer, output: Output, *, least: float | None = None, stated: Confidence | None = None) -> Finding:
    """Judge an answer.

    Args:
        answer: as the API gave it.
        output: what was declared.
        least: the confidence that it has to state, 0 to 1; None for any.
        stated: where it states it; None for the field "confidence", or the words "confidence: 0.9" in a text.
    """
    if answer.stop_reason in _BROKEN_OFF:
        return Finding(answer.stop_reason)
    read = output.read(answer.text)
    if read.fault:
        return Finding(f"invalid: {read.fault}")
    if not answer.text.strip():
        return Finding("empty")
    confidence = _confidence(read.value, answer.text, stated)
    if least is None:
        return Finding("", read.value, confidence, whole=True)
    if confidence is None:
        return Finding("no confidence stated", read.value, whole=True)
    reason = f"confidence {confidence:g} < {least:g}" if confidence < least else ""
    return Finding(reason, read.value, confidence, whole=True)


def _confidence(value: Any, text: str, stated: Confidence | None) -> float | None:
    if stated is None and isinstance(value, str):
        return confidence_in(text)
    try:
        return share_of(stated(value) if callable(stated) else _field(value, stated or "confidence"))
    except Exception:  # noqa: BLE001  (what cannot be read is not stated)
        return None


def _field(value: Any, path: str) -> Any:
    for step in path.split("."):
        value = value.get(step) if isinstance(value, Mapping) else getattr(value, step, None)
    return value
