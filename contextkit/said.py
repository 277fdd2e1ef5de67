"""What an answer states about itself: its JSON, its confidence, its answer.

Law: text in, value or None out; whatever the model wrote, nothing raises, in time in proportion to the text. What is
not stated is None and is never guessed.
"""

from __future__ import annotations

import json
import math
import re
from collections import deque
from collections.abc import Mapping
from typing import Any, Final

__all__ = ["answer_in", "confidence_in", "json_in", "share_of", "unfenced"]

_FENCED: Final = re.compile(r"```(?:json)?[ \t]*\n(.*)\n```", re.DOTALL)
_CONFIDENCE: Final = re.compile(
    r"\bconfidence\b[\"'*`]{0,3}[ \t]{0,3}(?:is\b|of\b|[:=])[ \t*`]{0,5}(\d{1,3}(?:\.\d{1,9})?|\.\d{1,9})[ \t]?(%)?",
    re.IGNORECASE,
)
_ANSWER: Final = re.compile(r"\banswer[*`]{0,3}[ \t]{0,3}[:=][*`]{0,3}([^\n]*)", re.IGNORECASE)
_PERCENT: Final = 100


def unfenced(text: str) -> str:
    """A text without the code fence that is around all of it."""
    text = text.strip()
    fenced = _FENCED.fullmatch(text)
    return fenced[1] if fenced else text


def json_in(text: str, otherwise: Any = None) -> Any:
    """The JSON that an answer is, a code fence around it or not; `otherwise` when it is no JSON."""
    try:
        return json.loads(unfenced(text))
    except (ValueError, RecursionError):
        return otherwise


def share_of(value: Any) -> float | None:
    """A number between 0 and 1; None for anything else, a truth value or a NaN included."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if 0 <= value <= 1 and not math.isnan(value) else None


def confidence_in(text: str) -> float | None:
    """The confidence (0 to 1) that an answer states.

    Of a JSON object its field "confidence"; of a text the last "confidence: 0.9", "confidence is 90 %". A figure over
    1 counts only with its percent sign: 85 of what would be a guess.
    """
    found = json_in(text)
    if isinstance(found, Mapping):
        return share_of(found.get("confidence"))
    last = _last(_CONFIDENCE, text)
    if last is None:
        return None
    return share_of(float(last[1]) / _PERCENT if last[2] else float(last[1]))


def answer_in(text: str) -> str | None:
    """The answer in an answer, in one spelling: case and runs of spaces do not count. None for an empty text.

    Of a JSON object its field "answer"; of a text what follows the last "Answer:" in its line, or all of it.
    """
    found = json_in(text)
    if isinstance(found, Mapping) and "answer" in found:
        return _spelled(json.dumps(found["answer"], sort_keys=True, ensure_ascii=False))
    last = _last(_ANSWER, text)
    return _spelled(last[1] if last is not None and last[1].strip() else text)


def _last(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    found = deque(pattern.finditer(text), maxlen=1)
    return found[0] if found else None


def _spelled(text: str) -> str | None:
    return " ".join(text.casefold().split()) or None
