"""A block's tokens in a microsecond: bytes by the kind of text, for planning between two billed totals.

Law: cheap and additive, nothing else. Planning adds this to the last billed total, which leaves a small error
whatever the new part's; `estimate.py` is for figures that are shown. The ratios are pooled bytes a token of
recorded and billed sessions: prose 3.9 / 2.85, shell output 2.84 / 2.08, JSON 2.6 / 2.2 (classic / 2026 tokenizer).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from contextkit.tokens.coefficients import STRUCTURE
from contextkit.tokens.estimate import block_tokens

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from contextkit.api.facts import Family

__all__ = ["quick_tokens"]

_PROSE: Final[dict[Family, float]] = {"classic": 1 / 3.9, "2026": 1 / 2.85}
_OUTPUT: Final[dict[Family, float]] = {"classic": 1 / 2.84, "2026": 1 / 2.08}
_FRAME: Final = 6  # quotes, colon and comma around a parameter
_JSON: Final[dict[Family, float]] = {"classic": 1 / 2.6, "2026": 1 / 2.2}


def quick_tokens(blocks: Sequence[Mapping[str, Any]], family: Family) -> float:
    """Estimated tokens of one message's blocks, structure included."""
    total = 0.0
    for block in blocks:
        kind = block["type"]
        if kind == "text":
            text = block["text"]
            total += (len(text) if text.isascii() else _bytes(text)) * _PROSE[family]
        elif kind == "tool_result" and isinstance(text := block.get("content"), str):
            ratio = _JSON if text[:1] in {"{", "["} else _OUTPUT
            total += STRUCTURE["tool_result"] + (len(text) if text.isascii() else _bytes(text)) * ratio[family]
        elif kind == "tool_use":
            given = block.get("input") or {}
            text = "".join([f"{key}{value}" for key, value in given.items()])
            size = (len(text) if text.isascii() else _bytes(text)) + _FRAME * len(given)
            total += STRUCTURE["tool_use"] + STRUCTURE["parameter"] * len(given) + size * _JSON[family]
        else:
            total += block_tokens(block, family, high_res=family == "2026")
    return total + STRUCTURE["message"]


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))
