"""SARIF 2.1.0, as GitHub's code scanning and other tools take it.

Source: OASIS, Static Analysis Results Interchange Format 2.1.0; GitHub, "SARIF support for code scanning".
"""

from __future__ import annotations

import json
import os
from hashlib import blake2b
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from contextkit.lint.catalog import documentation, rules
from contextkit.lint.output.clean import plain
from contextkit.lint.output.lines import Lines

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from contextkit.lint.outcome import Outcome, Problem
    from contextkit.lint.rule import Finding, Place, Rule

__all__ = ["render"]

_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS: Final = {"error": "error", "warning": "warning", "info": "note"}


def render(outcome: Outcome) -> str:
    """One run: its rules, its results, and what could not be analysed as notifications of the tool."""
    used = sorted({finding.code for finding in outcome.findings})
    index = {code: at for at, code in enumerate(used)}
    lines = Lines(outcome.texts)
    run = {
        "tool": {
            "driver": {
                "name": "contextkit lint",
                **_version(),
                "rules": [_rule(rules()[code]) for code in used if code in rules()],
            }
        },
        "columnKind": "unicodeCodePoints",
        "results": [_result(finding, index, lines) for finding in outcome.findings],
        "invocations": [
            {
                "executionSuccessful": not outcome.problems,
                "exitCode": outcome.status(),
                "toolExecutionNotifications": [_notification(problem) for problem in outcome.problems],
            }
        ],
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=1) + "\n"


def _version() -> dict[str, str]:
    """The installed version; nothing where the package is only on the path."""
    try:
        found = version("claude-contextkit")
    except PackageNotFoundError:
        return {}
    return {"version": found, "semanticVersion": found}


def _rule(rule: type[Rule]) -> dict[str, Any]:
    parts = documentation(rule)
    full = "\n\n".join(parts[name] for name in ("What it does", "Why is this bad") if parts.get(name))
    code = "\n\n".join(
        f"## {name}\n\n```\n{parts[name]}\n```" for name in ("Example", "Use instead") if parts.get(name)
    )
    return {
        "id": rule.code,
        "name": "".join(word.capitalize() for word in rule.name.split("-")),
        "shortDescription": {"text": parts[""] or rule.name},
        "fullDescription": {"text": full or parts[""] or rule.name},
        "help": {"text": rule.advice, "markdown": f"{full}\n\n{code}"},
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
        "properties": {"tags": ["prompt-cache", "cost"], "problem.severity": _problem_severity(rule.severity)},
    }


def _problem_severity(severity: str) -> str:
    """GitHub's word for it."""
    return "recommendation" if severity == "info" else severity


def _result(finding: Finding, index: Mapping[str, int], lines: Lines) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": finding.code,
        "ruleIndex": index[finding.code],
        "level": _LEVELS[finding.severity],
        "message": {"text": plain(f"{finding.message}. {finding.help}".replace("..", ".").strip())},
        "locations": [_location(finding.path, _region(finding), finding.pointer)],
        "partialFingerprints": {"contextkitLine/v1": _fingerprint(finding, lines)},
    }
    if finding.flow:
        steps = [{"location": _step(place), "executionOrder": at + 1} for at, place in enumerate(finding.flow)]
        result["codeFlows"] = [{"threadFlows": [{"locations": steps}]}]
    properties = {
        name: value
        for name in ("request", "tokens", "usd", "conversation")
        if (value := getattr(finding, name)) not in {None, ""}
    }
    if properties:
        result["properties"] = properties
    return result


def _region(finding: Finding) -> dict[str, int]:
    region = {"startLine": max(finding.line, 1), "startColumn": max(finding.column, 1)}
    if finding.end_line > finding.line or (finding.end_line == finding.line and finding.end_column > finding.column):
        region |= {"endLine": finding.end_line, "endColumn": max(finding.end_column, 1)}
    elif not finding.end_line and finding.end_column > finding.column:
        region["endColumn"] = finding.end_column
    return region


def _location(path: str, region: Mapping[str, int], pointer: str | None = None) -> dict[str, Any]:
    place: dict[str, Any] = {"physicalLocation": {"artifactLocation": _artifact(path), "region": dict(region)}}
    if pointer:
        place["logicalLocations"] = [{"fullyQualifiedName": plain(pointer), "kind": "object"}]
    return place


def _artifact(path: str) -> dict[str, str]:
    """A file's address: relative to the working folder where it lies in it, else with its scheme."""
    inner = os.path.relpath(path) if Path(path).is_absolute() else path
    if Path(inner).parts[:1] == ("..",):
        return {"uri": f"file://{_quoted(os.path.abspath(path))}"}  # noqa: PTH100  (no file need be there)
    return {"uri": _quoted(Path(inner).as_posix()), "uriBaseId": "%SRCROOT%"}


def _quoted(path: str) -> str:
    """A path as part of an address: the bytes of a file's name, whatever they are."""
    try:
        return quote(path, errors="surrogateescape")
    except UnicodeEncodeError:  # no file's name, but what somebody says is one
        return quote(path, errors="replace")


def _step(place: Place) -> dict[str, Any]:
    region = {"startLine": max(place.line, 1), "startColumn": max(place.column, 1)}
    return {**_location(place.path, region), "message": {"text": plain(place.note or "passed here")}}


def _notification(problem: Problem) -> dict[str, Any]:
    region = {"startLine": problem.line, "startColumn": problem.column}
    text = plain(f"{problem.message}. {problem.help}".strip())
    return {"level": "error", "message": {"text": text}, "locations": [_location(problem.path, region)]}


def _fingerprint(finding: Finding, lines: Lines) -> str:
    """What survives a change of other lines: the rule, the file, the text of the line or the pointer."""
    line = finding.pointer if finding.request is not None else lines.line(finding.path, finding.line)
    seen: Sequence[str] = (finding.code, Path(finding.path).as_posix(), " ".join((line or "").split()))
    return blake2b("\n".join(seen).encode("utf-8", "replace"), digest_size=16).hexdigest()
