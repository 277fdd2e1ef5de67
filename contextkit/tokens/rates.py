"""Which coefficients a model's tokens are counted with.

The law: what the facts table states is used as it stands; what it lacks (retired models, unpublished figures) comes
from the fit on billed usage; a model that nobody knows counts as one of the newer, hungrier tokenizer.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from contextkit.api import facts
from contextkit.tokens import coefficients
from contextkit.tokens.features import NAMES, counts

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["RATES", "Rates", "family_of", "row_of", "tool_prompt"]

_BASE = re.compile(r"^.*?(?=claude)")
_CLASSIC = re.compile(r"^claude-(?:instant|v?[123]\b|(?:opus|sonnet|haiku)-[34](?:$|-(?:[01]\b|latest)|-\d{8}|@))")
_HAIKU = re.compile(r"^claude-(?:3-5-haiku|3-haiku|haiku-3|instant)")


@dataclass(frozen=True, slots=True)
class Rates:
    """What a tokenizer charges.

    Attributes:
        weights: tokens a feature, in the order of `features.NAMES`.
        cost: tokens of structure by name (`coefficients.STRUCTURE`).
        cells: images are counted by 28-pixel cells instead of w*h/750.
    """

    weights: tuple[float, ...]
    cost: Mapping[str, float]
    cells: bool

    def text(self, text: str) -> float:
        """Tokens of a text without structure; linear, never raises."""
        if not text:
            return 0.0
        return sum(weight * count for weight, count in zip(self.weights, counts(text), strict=True) if count)


def _newer(name: str) -> float:
    """Doubt: the documented 30 % is of English and code; other scripts are left at their rule of thumb."""
    return coefficients.TEXT[name] * (1.0 if name in coefficients.UNBILLED else coefficients.RATIO_2026)


RATES: Final[dict[facts.Family, Rates]] = {
    "classic": Rates(tuple(coefficients.TEXT[name] for name in NAMES), coefficients.STRUCTURE, cells=False),
    "2026": Rates(tuple(_newer(name) for name in NAMES), coefficients.STRUCTURE, cells=True),
}
"""By tokenizer. The newer one is the documented 30 % above the older (models page): too little of it was billed."""


def _base(name: str) -> str:
    return _BASE.sub("", facts.resolve(name).lower()).replace(".", "-")


def row_of(model: str | None) -> facts.Model | None:
    """The facts of a model in any platform's spelling; None when it is unknown or not named."""
    if not model:
        return None
    return facts.model(model) or facts.model(_base(model))


def family_of(model: str | None) -> facts.Family:
    """The tokenizer of a model; a model that is not in the table is taken for a new one unless its name is older.

    The newer tokenizer gives more tokens, so that an unknown model is over- rather than underestimated.
    """
    row = row_of(model)
    if row is not None:
        return row.tokenizer
    return "classic" if model and _CLASSIC.search(_base(model)) else "2026"


def tool_prompt(row: facts.Model | None, family: facts.Family, model: str | None, *, forced: bool) -> str | float:
    """The built-in tool-use prompt: its published tokens, or the name of the fitted cost that stands in for them."""
    published = (row.tool_prompt_forced if forced else row.tool_prompt) if row else None
    if published is not None:
        return float(published)
    if family == "2026":
        return "tool_prompt_2026"
    if model and _HAIKU.search(_base(model)):
        return "tool_prompt_haiku_forced" if forced else "tool_prompt_haiku"
    return "tool_prompt"
