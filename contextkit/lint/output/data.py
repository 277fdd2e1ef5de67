"""JSON: a list of findings, each with the same keys; what could not be analysed stands in it under the code CK000."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from contextkit.lint.outcome import Outcome
    from contextkit.lint.rule import Finding

__all__ = ["render", "row"]


def render(outcome: Outcome) -> str:
    """The list, in ASCII, one finding a line."""
    found = [*outcome.findings, *(problem.as_finding() for problem in outcome.problems)]
    return "[" + ",".join("\n " + json.dumps(row(finding)) for finding in found) + ("\n]\n" if found else "]\n")


def row(finding: Finding) -> dict[str, Any]:
    """One finding as its JSON object."""
    return {
        "code": finding.code,
        "name": finding.name,
        "severity": finding.severity.value,
        "path": finding.path,
        "line": finding.line,
        "column": finding.column,
        "request": finding.request,
        "pointer": finding.pointer,
        "message": finding.message,
        "flow": [
            {"path": place.path, "line": place.line, "column": place.column, "note": place.note}
            for place in finding.flow
        ],
    }
