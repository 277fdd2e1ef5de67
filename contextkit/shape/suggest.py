"""What samples say could be dropped. The law: a proposal names its reason and what it saves, and changes nothing.

Fields of the samples are gathered by their path, with `[*]` for every place in an array. Proposed are, in this order:
fields that never change, that are always empty, that say again what another field says, that are addresses, and that
are long encoded data.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from contextkit.shape.document import write
from contextkit.shape.values import elide

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["REASONS", "Suggestion", "suggest"]

REASONS: Final = ("constant", "empty", "duplicate", "url", "binary")

MAX_PATHS: Final = 5_000
MAX_LEVELS: Final = 40
_LEAST_TIMES: Final = 3
_MAX_DISTINCT: Final = 10_000
_URL: Final = re.compile(r"(?:https?|ftp|git|ssh|wss?)(?:://|@)\S+|www\.\S+", re.IGNORECASE)
_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A field that could be dropped.

    Attributes:
        path: its JSONPath, ready for `drop=`.
        reason: one of REASONS.
        detail: what makes it so: the constant value, the field that it repeats.
        chars: characters of compact JSON that dropping it saves in all samples together.
        share: the same as a share of the samples, 0 to 1.
    """

    path: str
    reason: str
    detail: str
    chars: int
    share: float


@dataclass(slots=True)
class _Field:
    values: list[Any] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    chars: int = 0


def suggest(samples: Iterable[Any]) -> list[Suggestion]:
    """Fields that the samples of one tool's output could do without, best reason first, then the largest saving.

    Args:
        samples: JSON documents that the same tool gave.
    """
    fields: dict[str, _Field] = {}
    total = number = 0
    for sample in samples:
        total += len(write(sample))
        number = _gather(sample, "$", fields, number, 0)
    found = [one for path, each in fields.items() if (one := _judge(path, each, fields, total)) is not None]
    return sorted(found, key=lambda one: (REASONS.index(one.reason), -one.chars, one.path))


def _gather(value: Any, path: str, fields: dict[str, _Field], parent: int, level: int) -> int:
    """Put the leaves of a document with their path; gives the next free number of an object."""
    if level > MAX_LEVELS:
        return parent
    if isinstance(value, list):
        for one in value:
            parent = _gather(one, f"{path}[*]", fields, parent, level + 1)
        return parent
    if not isinstance(value, dict):
        return parent
    here = parent
    parent += 1
    for name, one in value.items():
        below = f"{path}.{name}" if _PLAIN.fullmatch(name) else f"{path}[{write(name)}]"
        if isinstance(one, (dict, list)) and one:
            parent = _gather(one, below, fields, parent, level + 1)
            continue
        if below not in fields and len(fields) >= MAX_PATHS:
            continue
        text = write(one)
        known = fields.setdefault(below, _Field())
        known.chars += len(text) + len(write(name)) + 2
        known.values.append(one)
        known.texts.append(text)
        known.parents.append(here)
    return parent


def _judge(path: str, one: _Field, fields: dict[str, _Field], total: int) -> Suggestion | None:
    reason, detail = _reason(path, one, fields)
    return Suggestion(path, reason, detail, one.chars, one.chars / max(total, 1)) if reason else None


def _reason(path: str, one: _Field, fields: dict[str, _Field]) -> tuple[str, str]:
    if all(value in (None, "", [], {}) and value is not False and value != 0 for value in one.values):
        return "empty", one.texts[0]
    distinct = len(set(one.texts[:_MAX_DISTINCT]))
    if distinct == 1 and len(one.texts) >= _LEAST_TIMES:
        return "constant", one.texts[0][:60]
    twin = _twin(path, one, fields)
    if twin:
        return "duplicate", f"says what {twin} says"
    texts = [value for value in one.values if value is not None]
    if all(isinstance(value, str) and _URL.fullmatch(value) for value in texts):
        return "url", one.texts[0][:60]
    if all(isinstance(value, str) and elide(value) != value for value in texts):
        return "binary", "encoded data"
    return "", ""


def _twin(path: str, one: _Field, fields: dict[str, _Field]) -> str:
    """An earlier field beside this one that has the same values wherever this one stands."""
    if len(set(one.texts)) < 2 and not (isinstance(one.values[0], str) and len(one.values[0]) > 3):  # noqa: PLR2004
        return ""  # true, 1 and "de" are alike by chance
    beside = path.rsplit(".", 1)[0] if "." in path else path
    for other, known in fields.items():
        if other == path:
            return ""
        if other.startswith(beside) and known.texts == one.texts and known.parents == one.parents:
            return other
    return ""
