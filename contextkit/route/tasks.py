"""Tasks to models: the rungs that a task may climb, and which failures are worth a climb.

Law: a name that is neither an alias of the dated table nor the shape of a model id is refused where it is written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from contextkit.api import facts
from contextkit.errors import ConfigError

__all__ = ["Rung", "climbs", "rungs_of"]

_ID_SIGNS: Final = "-./:@"
_HOPELESS: Final = frozenset({401, 402})  # no key, no money: another model changes nothing


@dataclass(frozen=True, slots=True)
class Rung:
    """One model of a ladder, and what is particular to it.

    Attributes:
        model: id or short name; resolved by the dated table of `contextkit.api.facts`.
        max_tokens: upper bound of its answer; None for the call's.
        params: further arguments of `messages.create` for this model (thinking, effort).
    """

    model: str
    max_tokens: int | None = None
    params: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        known = facts.model(self.model) is not None
        if not isinstance(self.model, str) or not (known or any(sign in self.model for sign in _ID_SIGNS)):
            raise ConfigError(
                f"{self.model!r} is no model",
                where="Route()",
                fix=f"Give a model id, or one of {', '.join(facts.ALIASES)}.",
            )
        object.__setattr__(self, "model", facts.resolve(self.model))


def rungs_of(given: Any, ladder: Sequence[Rung] = (), *, where: str = "Route()") -> tuple[Rung, ...]:
    """The models of a task, the first to be asked first.

    Args:
        given: a name or a Rung, which climbs the common ladder from its place there (or stays alone when it has none);
            or a sequence of them, which is the ladder of this task.
        ladder: the common one.
        where: named in errors.

    Raises:
        ConfigError: no model, no name, or the same model twice.
    """
    if isinstance(given, (str, Rung)):
        first = given if isinstance(given, Rung) else Rung(given)
        at = next((at for at, rung in enumerate(ladder) if rung.model == first.model), None)
        return (first,) if at is None else (first, *ladder[at + 1 :])
    if not isinstance(given, Sequence) or not given:
        raise ConfigError(
            f"a {type(given).__name__} names no model", where=where, fix='Give "haiku", or ["haiku", "sonnet"].'
        )
    rungs = tuple(one if isinstance(one, Rung) else Rung(one) for one in given)
    if len({rung.model for rung in rungs}) < len(rungs):
        raise ConfigError("a ladder has the same model twice", where=where, fix="Each rung is asked once.")
    return rungs


def climbs(error: Exception) -> bool:
    """Whether another model may succeed where this error stopped one: API errors but those of the account.

    Connections and timeouts count too. Told by form, so that no SDK is imported: its errors live in its package, and
    those of the API have a status.
    """
    status = getattr(error, "status_code", None)
    if isinstance(status, int):
        return status not in _HOPELESS
    return any(kind.__name__ in {"APIConnectionError", "APIError"} for kind in type(error).__mro__)
