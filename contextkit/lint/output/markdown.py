"""A table for a job summary or a comment on a pull request."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from contextkit.lint.output.clean import plain
from contextkit.lint.output.text import summary

if TYPE_CHECKING:
    from contextkit.lint.outcome import Outcome
    from contextkit.lint.rule import Finding

__all__ = ["cell", "render"]

_SPECIAL: Final = re.compile(r"[\\`*_{}\[\]()<>#+!|~&@$^=:/.-]")
_NAMED: Final = {"<": "&lt;", ">": "&gt;", "&": "&amp;", "@": "&#64;", "|": "&#124;", ":": "&#58;"}
_LEFT: Final = frozenset("()+=./-:#")
"""Harmless inside a cell where no link, heading or list can begin; ':' only when no address follows."""

_ADDRESS: Final = re.compile(r"(?i)\b(?:https?|ftp|mailto|javascript|data|www)(?=[:.])")


def render(outcome: Outcome) -> str:
    """The summary and one row a finding."""
    found = [*outcome.findings, *(problem.as_finding() for problem in outcome.problems)]
    head = ["### contextkit lint", "", cell(summary(outcome), 2_000), ""]
    table = ["| rule | severity | where | what | what to do |", "| --- | --- | --- | --- | --- |"]
    return "\n".join([*head, *(table if found else []), *map(_row, found)]).rstrip("\n") + "\n"


def _row(finding: Finding) -> str:
    request = f", request {finding.request} {finding.pointer or ''}".rstrip() if finding.request is not None else ""
    where = f"{finding.path}:{finding.line}:{finding.column}{request}"
    way = " → ".join(f"{place.path}:{place.line}" for place in finding.flow)
    message = cell(finding.message) + (f"<br>{cell(way)}" if way else "")
    cells = (f"{finding.code} {cell(finding.name)}", finding.severity, cell(where), message, cell(finding.help))
    return f"| {' | '.join(cells)} |"


def cell(text: str, limit: int = 500) -> str:
    """A text that stays text in a cell: no markup, no tag, no link, no mention, no second cell."""
    safe = _ADDRESS.sub(lambda found: found[0][0] + "\x00" + found[0][1:], plain(text, limit))
    escaped = _SPECIAL.sub(lambda found: found[0] if found[0] in _LEFT else _NAMED.get(found[0], "\\" + found[0]), safe)
    return escaped.replace("\x00", "&#8203;")
