"""Workflow commands of GitHub Actions, which become annotations on the lines.

Source: docs.github.com, "Workflow commands for GitHub Actions". GitHub shows ten annotations of a kind for a step;
for more use SARIF.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from contextkit.lint.output.clean import plain

if TYPE_CHECKING:
    from contextkit.lint.outcome import Outcome
    from contextkit.lint.rule import Finding

__all__ = ["render"]

_COMMANDS: Final = {"error": "error", "warning": "warning", "info": "notice"}


def render(outcome: Outcome) -> str:
    """One command a finding."""
    found = [*outcome.findings, *(problem.as_finding() for problem in outcome.problems)]
    return "".join(_command(finding) + "\n" for finding in found)


def _command(finding: Finding) -> str:
    fields = {"file": finding.path, "line": str(finding.line), "col": str(finding.column)}
    if finding.end_line:
        fields["endLine"] = str(finding.end_line)
    if finding.end_column and finding.end_line in {0, finding.line}:
        fields["endColumn"] = str(finding.end_column)
    fields["title"] = f"{finding.code} {finding.name}"
    where = f" (request {finding.request}, {finding.pointer or '/'})" if finding.request is not None else ""
    way = "".join(f"\n{place.path}:{place.line}: {place.note}" for place in finding.flow)
    text = "\n".join(map(plain, f"{finding.message}{where}{way}\n{finding.help}".strip().split("\n")))
    properties = ",".join(f"{name}={_property(value)}" for name, value in fields.items())
    return f"::{_COMMANDS[finding.severity]} {properties}::{_data(text)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(plain(text)).replace(":", "%3A").replace(",", "%2C")
