"""When history is folded, and how much of it: the settings people declare.

Law: a policy is a value; it is checked when it is made and decides nothing by itself (plan.py does).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from contextkit.errors import ConfigError

if TYPE_CHECKING:
    from contextkit.api.facts import Model

__all__ = ["Compaction"]

_WINDOW: Final = 200_000
"""Window assumed for a model that is not in the table: the smallest of any current model."""

_BUDGET: Final = 150_000
"""Ceiling where none is declared: three quarters of the smallest window."""

_LEAST: Final = 200
"""Fewer tokens than this hold no summary worth the call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compaction:
    """Roll the oldest closed turns into a summary before the prompt passes a budget.

    Attributes:
        budget: ceiling of the estimated prompt, tokens; None: 150,000, or three quarters of a smaller window.
        keep_recent: tokens of the newest turns that stay verbatim; None: a fifth of the budget.
        summary_tokens: upper bound of one summary, tokens.

    Raises:
        ConfigError: a figure that is not positive, or `keep_recent` not below the budget.
    """

    budget: int | None = None
    keep_recent: int | None = None
    summary_tokens: int = 1_000

    def __post_init__(self) -> None:
        for name, value in (("budget", self.budget), ("summary_tokens", self.summary_tokens)):
            if value is not None and value < _LEAST:
                raise ConfigError(
                    f"{name} is {value:,} tokens", where=f"Compaction({name}=)", fix=f"Give {_LEAST} tokens or more."
                )
        if self.keep_recent is not None and self.keep_recent < 0:
            raise ConfigError(
                f"keep_recent is {self.keep_recent:,} tokens", where="Compaction(keep_recent=)", fix="Give 0 or more."
            )
        if self.budget is not None and self.keep_recent is not None and self.keep_recent >= self.budget:
            raise ConfigError(
                f"keep_recent ({self.keep_recent:,}) is not below the budget ({self.budget:,})",
                where="Compaction()",
                fix="A fold has to get below the budget; a fifth of it is a good start for keep_recent.",
            )

    def ceiling(self, row: Model | None) -> int:
        """The budget for a model, in tokens."""
        window = row.window if row else _WINDOW
        return self.budget if self.budget is not None else min(_BUDGET, window * 3 // 4)

    def kept(self, row: Model | None) -> int:
        """Tokens of the newest turns that stay verbatim."""
        return self.keep_recent if self.keep_recent is not None else self.ceiling(row) // 5


def window(row: Model | None, max_tokens: int) -> int:
    """The hard ceiling of a prompt: the model's window less what it may answer."""
    return (row.window if row else _WINDOW) - max_tokens
