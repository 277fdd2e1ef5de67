"""CK110: JSON without a fixed order of keys in the cached part."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contextkit.lint.rule import Edit, Severity
from contextkit.lint.source.edits import sort_keys
from contextkit.lint.source.reach import Reach, TaintRule
from contextkit.lint.source.values import Kind

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["UnstableJson"]


class UnstableJson(TaintRule):
    """JSON without a fixed order of keys in the cached part.

    What it does:
        Reports `json.dumps` without `sort_keys=True` of a mapping whose order is not written in the source: a
        parameter, a result, a merge with one. A literal dict has an order and is not reported.

    Why is this bad:
        Two equal mappings built in another order give other bytes.

    Example:
        def system(settings: dict) -> str:
            return f"Settings: {json.dumps(settings)}"

    Use instead:
        def system(settings: dict) -> str:
            return f"Settings: {json.dumps(settings, sort_keys=True)}"
    """

    code = "CK110"
    name = "unstable-json"
    severity = Severity.WARNING
    advice = "Pass sort_keys=True."
    kind = Kind.SERIAL
    because = "the order of its keys is somebody else's"

    @classmethod
    def edits(cls, reach: Reach, text: Callable[[str], str]) -> tuple[Edit, ...]:
        """`sort_keys=True` as the last argument."""
        spot = reach.taint.spot
        return sort_keys(text(spot.path), spot) if reach.taint.fix == "sort_keys" else ()
