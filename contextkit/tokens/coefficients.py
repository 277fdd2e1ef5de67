"""Tokens a feature and tokens of structure. Generated, do not edit.

Made by `python benchmarks/fit_tokens.py --write` on 2026-11-22 from billed usage alone:
410 growths of Claude Code sessions and 422 request bodies, held-out files excluded.
"""

from __future__ import annotations

from typing import Final

__all__ = ["AS_OF", "BAND", "BUILT_IN", "RATIO_2026", "STRUCTURE", "TEXT", "UNBILLED"]

AS_OF: Final = "2026-11-22"

TEXT: Final[dict[str, float]] = {
    "word_spaced": 0.9702,
    "word": 1.377,
    "word_5": 0,
    "word_7": 0,
    "word_9": 0,
    "word_11": 0.2591,
    "word_13": 0,
    "letters_16": 0.125,
    "hump": 1.266,
    "capital": 0.9708,
    "caps": 0.07621,
    "cluster": 0.2195,
    "digit_run": 1.205,
    "digits": 0.9904,
    "mixed": 0,
    "space_run": 0.9534,
    "spaces": 0.07077,
    "line_run": 0.9628,
    "lines": 0.2909,
    "punct_spaced": 1.07,
    "punct": 0.7858,
    "puncts": 0.0183,
    "rules": 0.016,
    "signs": 0.4602,
    "two_byte": 0.6,
    "cyrillic": 0.45,
    "indic": 0.9,
    "kana": 0.75,
    "han": 1.1,
    "hangul": 1.1,
    "forms": 1,
    "astral": 2.4,
    "coded": 0.31,
}
"""Tokens an occurrence of each feature, older tokenizer; none is negative."""

UNBILLED: Final = frozenset({"two_byte", "cyrillic", "indic", "kana", "han", "hangul", "forms", "astral", "coded"})
"""Features that no billed recording contains in quantity: their values in `TEXT` are rules of thumb, not fitted."""

STRUCTURE: Final[dict[str, float]] = {
    "tool_prompt_haiku_forced": 348,
    "tool_prompt_2026": 305,
    "thinking": 17.95,
    "document": 40,
    "redacted_character": 0.2,
    "request": 3.762,
    "message": 2.717,
    "system": 0,
    "tool": 0.6085,
    "tool_use": 26.93,
    "first_tool_use": -19.64,
    "parameter": 14.77,
    "tool_result": 30.31,
    "first_tool_result": -3.007,
    "tool_prompt": 309.1,
    "tool_prompt_haiku": 263.5,
    "thinking_on": 30.41,
    "format": 114.5,
    "image": 5.784,
    "pdf_page": 2672,
}
"""Tokens of the frame; `first_*` is what the first in a message costs more, or less."""

RATIO_2026: Final = 1.3
"""Text of the newer tokenizer against the older (models page: about 30 % more); too few bodies of it to fit."""

BAND: Final[dict[str, tuple[float, float]]] = {"classic": (0.948, 1.092), "2026": (0.828, 1.212)}
"""Nine of ten fitted requests were billed between these multiples of the estimate; the newer family's is widened."""

BUILT_IN: Final[dict[str, float]] = {
    "bash_": 244,
    "text_editor_": 700,
    "computer_": 4500,
    "browser_": 6600,
}
"""Tools that Anthropic defines, by their type (pricing page, 2026-10)."""
