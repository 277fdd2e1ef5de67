"""When history is folded, and how much of it: the settings people declare.

Law: a policy is a value; it is checked when it is made and decides nothing by itself (plan.py does).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from contextkit.errors import ConfigError
from contextkit.when import Condition

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from contextkit.api.facts import Model

__all__ = ["Compaction"]

_WINDOW: Final = 200_000
"""Window assumed for a model that is not in the table: the smallest of any current model."""

_BUDGET: Final = 150_000
"""Ceiling where none is declared: three quarters of the smallest window."""

_LEAST: Final = 200
"""Fewer tokens than this hold no summary worth the call."""

_UNITS: Final = {"keep_recent": "tokens", "min_gain": "tokens", "identifiers": "tokens"}

_OPTIONAL: Final = frozenset({"budget", "keep_recent", "identifiers", "min_gain", "expected_calls"})

_LISTED: Final = 2_000
_LISTED_SHARE: Final = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class Compaction:
    """Roll the oldest closed turns into a summary when that pays, at the latest before the prompt passes a budget.

    Attributes:
        budget: ceiling of the estimated prompt, tokens; None: 150,000, or three quarters of a smaller window.
        keep_recent: tokens of the newest turns that stay verbatim; None: a fifth of the budget.
        summary_tokens: upper bound of one summary, tokens.
        identifiers: upper bound of the list of identifiers beside the summaries (paths, ids, numbers, error codes,
            names of code, likeliest to be needed first), tokens; 0 for no list. None: 2,000, or a 25th of a smaller
            budget, where a model or "extractive" writes the summaries, and no list where a callable of yours does.
        patience: fold once holding the old turns has cost so many times what folding them costs now; the higher,
            the fewer folds (2 costs a hundredth more than 1 and spares an eighth of them). Infinity: only at the
            ceiling and when the cache is cold.
        fan_out: summaries that a level holds; the next one merges the oldest of them one level up.
        levels: levels of summaries; at the last one, merges stay on it.
        min_gain: a fold that frees fewer tokens is not made; None: two summaries or a twentieth of the budget,
            whichever is more.
        cool_down: calls after a fold in which another is made only at the ceiling.
        expected_calls: how many calls the conversation will have in all, if known; a fold that would not pay for
            itself by then is not made. None: as many again as there were.
        clear: send handles in the place of old tool results, in one large step, where that is worth more than a
            summary; the model has to be able to recall them. None: where the `recall` tool is offered.
        background: have a summary written while the conversation goes on, and take it in at a later turn; only at the
            ceiling a turn waits for it.
        server: leave it to the API (`context_management`), where the client is the Claude API's own: "clear" clears
            old tool uses, "compact" summarises, True takes "compact" where the model has it and else "clear". Folds of
            contextkit's own are made only where the platform has neither.
        pins: asked for each message of the user ({"role", "content"}); those for which it holds stay verbatim.
        when: folds below the ceiling are made only while this holds; None for always.

    Raises:
        ConfigError: a figure that is out of range, or `keep_recent` not below the budget.
    """

    budget: int | None = None
    keep_recent: int | None = None
    summary_tokens: int = 1_000
    identifiers: int | None = None
    patience: float = 2.0
    fan_out: int = 4
    levels: int = 3
    min_gain: int | None = None
    cool_down: int = 3
    expected_calls: int | None = None
    when: Condition | None = None
    clear: bool | None = None
    background: bool = False
    server: bool | Literal["clear", "compact"] = False
    pins: Callable[[Mapping[str, Any]], bool] | None = None

    def __post_init__(self) -> None:
        self._check_kinds()
        for name, value in (("budget", self.budget), ("summary_tokens", self.summary_tokens)):
            if value is not None and value < _LEAST:
                raise ConfigError(
                    f"{name} is {value:,} tokens", where=f"Compaction({name}=)", fix=f"Give {_LEAST} tokens or more."
                )
        for name, figure, least in self._figures():
            if figure is not None and not figure >= least:  # not: nothing is at least a NaN
                raise ConfigError(
                    f"{name} is {figure:,} {_UNITS.get(name, '')}".rstrip(),
                    where=f"Compaction({name}=)",
                    fix=f"Give {least} or more.",
                )
        if self.budget is not None and self.keep_recent is not None and self.keep_recent >= self.budget:
            raise ConfigError(
                f"keep_recent ({self.keep_recent:,}) is not below the budget ({self.budget:,})",
                where="Compaction()",
                fix="A fold has to get below the budget; a fifth of it is a good start for keep_recent.",
            )
        if self.server not in (True, False, "clear", "compact"):
            raise ConfigError(
                f"server is {self.server!r}", where="Compaction(server=)", fix='Give True, "clear" or "compact".'
            )
        if self.when is not None and not isinstance(self.when, Condition):
            raise ConfigError(
                f"when is a {type(self.when).__name__}",
                where="Compaction(when=)",
                fix="Give a condition of contextkit.when, such as TURN_START | COLD.",
            )

    def _check_kinds(self) -> None:
        """Refuse what is no figure at all, before figures are compared."""
        for name in ("budget", "summary_tokens", *(name for name, _, _ in self._figures())):
            value = getattr(self, name)
            optional = name in _OPTIONAL
            if name == "patience" and isinstance(value, float):
                continue
            if not (optional and value is None) and (not isinstance(value, int) or isinstance(value, bool)):
                raise ConfigError(
                    f"{name} is {value!r:.100}, not a whole number",
                    where=f"Compaction({name}=)",
                    fix="Give a whole number" + (", or None." if optional else "."),
                )
        if self.pins is not None and not callable(self.pins):
            raise ConfigError(
                f"pins is a {type(self.pins).__name__}",
                where="Compaction(pins=)",
                fix="Give a function of a message that says whether it stays verbatim.",
            )

    def _figures(self) -> tuple[tuple[str, float | None, int], ...]:
        """Every other figure, and the least it may be."""
        return (
            ("keep_recent", self.keep_recent, 0),
            ("identifiers", self.identifiers, 0),
            ("patience", self.patience, 0),
            ("fan_out", self.fan_out, 2),
            ("levels", self.levels, 1),
            ("min_gain", self.min_gain, 0),
            ("cool_down", self.cool_down, 0),
            ("expected_calls", self.expected_calls, 1),
        )

    def ceiling(self, row: Model | None) -> int:
        """The budget for a model, in tokens."""
        window = row.window if row else _WINDOW
        return self.budget if self.budget is not None else min(_BUDGET, window * 3 // 4)

    def kept(self, row: Model | None) -> int:
        """Tokens of the newest turns that stay verbatim."""
        return self.keep_recent if self.keep_recent is not None else self.ceiling(row) // 5

    def gain(self, row: Model | None) -> int:
        """The least that a fold has to free, tokens."""
        return self.min_gain if self.min_gain is not None else max(2 * self.summary_tokens, self.ceiling(row) // 20)

    def listed(self, row: Model | None, *, own: bool = False) -> int:
        """Upper bound of the list of identifiers, tokens; `own`: the user's own callable writes the summaries."""
        if self.identifiers is not None:
            return self.identifiers
        return 0 if own else min(_LISTED, self.ceiling(row) // _LISTED_SHARE)

    def remaining(self, calls: int) -> float:
        """Calls still expected after so many."""
        return calls if self.expected_calls is None else max(self.expected_calls - calls, 0)


def window(row: Model | None, max_tokens: int) -> int:
    """The hard ceiling of a prompt: the model's window less what it may answer."""
    return (row.window if row else _WINDOW) - max_tokens
