"""Counts by rule."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

from contextkit.errors import ConfigError
from contextkit.lint.output.text import summary

if TYPE_CHECKING:
    from contextkit.lint.outcome import Outcome

__all__ = ["render"]


def render(outcome: Outcome, form: str) -> str:
    """The rules by how often they found something; text, json or markdown."""
    found = [*outcome.findings, *(problem.as_finding() for problem in outcome.problems)]
    counts = Counter((one.code, one.name, one.severity.value) for one in found)
    rows = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    if form == "json":
        keys = ("code", "name", "severity")
        return json.dumps([{**dict(zip(keys, rule, strict=True)), "count": count} for rule, count in rows]) + "\n"
    if form == "markdown":
        table = [f"| {code} | {name} | {severity} | {count:,} |" for (code, name, severity), count in rows]
        return "\n".join(["| rule | name | severity | count |", "| --- | --- | --- | ---: |", *table]) + "\n"
    if form == "text":
        lines = [f"{count:>7,}  {code}  {severity:<7}  {name}" for (code, name, severity), count in rows]
        return "\n".join([*lines, summary(outcome)]) + "\n"
    raise ConfigError(f"there are no statistics in the format {form!r}", where="--statistics", fix="Use text or json.")
