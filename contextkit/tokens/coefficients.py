"""Tokens a feature and tokens of structure. Generated, do not edit.

Made by `python benchmarks/fit_tokens.py --write` on 2026-11-22, from billed usage alone: 410 growths of Claude Code sessions and 422 request bodies, held-out files excluded.
"""

from __future__ import annotations

from typing import Final

__all__ = ["AS_OF", "BAND", "BUILT_IN", "RATIO_2026", "STRUCTURE", "TEXT", "UNBILLED"]

AS_OF: Final = "2026-11-22"

TEXT: Final[dict[str, float]] = {
    "word_spaced": 1.003,
    "word": 1.293,
    "word_5": 0,
    "word_7": 0,
    "word_9": 0.0234,
    "word_11": 0.3677,
    "word_13": 0,
    "letters_16": 0.125,
    "hump": 1.199,
    "capital": 0.8269,
    "caps": 0.1106,
    "cluster": 0.1569,
    "digit_run": 1.326,
    "digits": 0,
    "mixed": 0,
    "space_run": 1.094,
    "spaces": 0.04816,
    "line_run": 0.971,
    "lines": 0.2978,
    "punct_spaced": 1.074,
    "punct": 0.8656,
    "puncts": 0.0182,
    "rules": 0.016,
    "signs": 0.3178,
    "two_byte": 0.6,
    "cyrillic": 0.45,
    "indic": 0.9,
    "kana": 0.8,
    "han": 1.1,
    "hangul": 1.1,
    "forms": 1,
    "astral": 2.4,
}
"""Tokens an occurrence of each feature, older tokenizer; none is negative."""

UNBILLED: Final = frozenset({"two_byte", "cyrillic", "indic", "kana", "han", "hangul", "forms", "astral"})
"""Features that no billed recording contains in quantity: their values in `TEXT` are rules of thumb, not fitted."""

STRUCTURE: Final[dict[str, float]] = {
    "tool_prompt_haiku_forced": 348,
    "tool_prompt_2026": 305,
    "thinking": 18.9,
    "redacted_character": 0.2,
    "request": 3.629,
    "message": 2.969,
    "system": 0,
    "tool": 0.6426,
    "tool_use": 26.63,
    "first_tool_use": -17.56,
    "parameter": 14.63,
    "tool_result": 29.32,
    "first_tool_result": -3.567,
    "tool_prompt": 309.4,
    "tool_prompt_haiku": 264.6,
    "thinking_on": 29.94,
    "format": 114.2,
    "image": 5.619,
    "pdf_page": 2671,
}
"""Tokens of the frame around text; `first_*` is what the first of its kind in a message costs more (or less)."""

RATIO_2026: Final = 1.3
"""Text of the newer tokenizer against the older (models page: about 30 % more); too few bodies of it to fit."""

BAND: Final[dict[str, tuple[float, float]]] = {"classic": (0.95, 1.071), "2026": (0.83, 1.191)}
"""Nine of ten fitted requests were billed between these multiples of the estimate; the newer family's is widened."""

BUILT_IN: Final[dict[str, float]] = {
    "bash_": 244,
    "text_editor_": 700,
    "computer_": 4500,
    "browser_": 6600,
}
"""Tokens of tools that Anthropic defines, by the beginning of their type (pricing page, state of 2026-10)."""
