from __future__ import annotations

import json
from collections import Counter
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from contextkit.errors import ConfigError
from contextkit.lint.outcome import Outcome, Problem
from contextkit.lint.output import render
from contextkit.lint.output.markdown import cell
from contextkit.lint.rule import Finding, Place, Severity
from tests.lint.output.sarif_parts import LOG

KEYS = ["code", "name", "severity", "path", "line", "column", "request", "pointer", "message", "flow"]


def an_outcome() -> Outcome:
    """Two findings of two severities, one with a flow, one in a request; and a problem."""
    flow = [Place("my app/a.py", 1, 2, "made"), Place("b.py", 3, 4)]
    findings = [
        Finding(
            "CK201", "clock-placeholder", Severity.ERROR, "my app/a.py", 2, 3, "m, with: signs", "h", 2, 9, flow=flow
        ),
        Finding(
            "CK204", "undeclared-placeholder", Severity.INFO, "log.jsonl", 7, 1, "n",
            request=6, pointer="/system/0", tokens=10, usd=0.5, conversation="c",
        ),
    ]  # fmt: skip
    return Outcome(findings, [Problem("bad.py", "does not parse", 4, 5, "Repair it.")], evaluated=Counter(source=2))


def test_json_has_the_promised_keys() -> None:
    """A list; exactly these keys, in this order; what could not be analysed is in it."""
    rows = json.loads(render(an_outcome(), "json"))
    assert [list(row) for row in rows] == [KEYS] * 3
    assert [row["code"] for row in rows] == ["CK201", "CK204", "CK000"]
    assert rows[0]["flow"][0] == {"path": "my app/a.py", "line": 1, "column": 2, "note": "made"}
    assert (rows[1]["request"], rows[1]["pointer"]) == (6, "/system/0")
    assert (rows[0]["request"], rows[2]["line"], rows[2]["severity"]) == (None, 4, "error")
    assert json.loads(render(Outcome(), "json")) == []


def test_github_commands_are_one_line_each() -> None:
    """The levels are GitHub's; signs with a meaning are escaped."""
    lines = render(an_outcome(), "github").splitlines()
    assert [line.split(" ", 1)[0] for line in lines] == ["::error", "::notice", "::error"]
    assert lines[0] == (
        "::error file=my app/a.py,line=2,col=3,endLine=2,endColumn=9,title=CK201 clock-placeholder::"
        "m, with: signs%0Amy app/a.py:1: made%0Ab.py:3: %0Ah"
    )
    assert "(request 6, /system/0)" in lines[1]


def test_markdown_stays_in_its_cells() -> None:
    """Pipes, tags, links, mentions and markup are text; each finding is a row of five cells."""
    hostile = "a|b <img src=x> [x](https://evil.example) @team `code` *b* www.evil.example \n\n# head"
    shown = cell(hostile)
    assert "|" not in shown
    assert "<" not in shown
    assert "@team" not in shown
    assert "https:" not in shown
    assert "www." not in shown
    assert "\n" not in shown
    rows = [line for line in render(an_outcome(), "markdown").splitlines() if line.startswith("| CK")]
    assert len(rows) == 3
    assert all(row.count("|") == 6 for row in rows)


def test_statistics_count_by_rule() -> None:
    """The most frequent rule first; formats without counts refuse."""
    outcome = an_outcome()
    outcome.findings.append(outcome.findings[1])
    assert json.loads(render(outcome, "json", statistics=True))[0] == {
        "code": "CK204", "name": "undeclared-placeholder", "severity": "info", "count": 2,
    }  # fmt: skip
    assert render(outcome, "text", statistics=True).startswith("      2  CK204  info     undeclared-placeholder\n")
    assert "| CK204 | undeclared-placeholder | info | 2 |" in render(outcome, "markdown", statistics=True)
    with pytest.raises(ConfigError, match="sarif"):
        render(outcome, "sarif", statistics=True)
    with pytest.raises(ConfigError, match="yaml"):
        render(outcome, "yaml")


def sarif(outcome: Outcome) -> dict[str, Any]:
    """The one run of a SARIF log."""
    log = json.loads(render(outcome, "sarif"))
    assert (log["version"], len(log["runs"])) == ("2.1.0", 1)
    assert log["$schema"].endswith("sarif-2.1.0.json")
    run: dict[str, Any] = log["runs"][0]
    return run


def test_sarif_says_everything() -> None:
    """Rules with help, results with place, flow, fingerprint and figures, problems as notifications."""
    run = sarif(an_outcome())
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == ["CK201", "CK204"]
    assert all(rule["shortDescription"]["text"] and rule["help"]["markdown"] for rule in rules)
    first, second = run["results"]
    assert (first["ruleId"], first["ruleIndex"], first["level"]) == ("CK201", 0, "error")
    place = first["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "my%20app/a.py", "uriBaseId": "%SRCROOT%"}
    assert place["region"] == {"startLine": 2, "startColumn": 3, "endLine": 2, "endColumn": 9}
    steps = first["codeFlows"][0]["threadFlows"][0]["locations"]
    assert [step["location"]["physicalLocation"]["region"]["startLine"] for step in steps] == [1, 3]
    assert second["level"] == "note"
    assert second["properties"] == {"request": 6, "tokens": 10, "usd": 0.5, "conversation": "c"}
    assert second["locations"][0]["logicalLocations"][0]["fullyQualifiedName"] == "/system/0"
    invocation = run["invocations"][0]
    assert (invocation["executionSuccessful"], invocation["exitCode"]) == (False, 2)
    assert invocation["toolExecutionNotifications"][0]["locations"][0]["physicalLocation"]["region"]["startLine"] == 4


def test_sarif_addresses_are_relative_where_they_can_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file below the working folder is relative to it, another one has its whole address."""
    (tmp_path / "in").mkdir()
    monkeypatch.chdir(tmp_path / "in")
    findings = [
        Finding("CK201", "n", Severity.ERROR, str(path), 1, 1, "m")
        for path in (tmp_path / "in" / "a b.py", tmp_path / "c.py", Path("..") / "c.py")
    ]
    places = [
        one["locations"][0]["physicalLocation"]["artifactLocation"] for one in sarif(Outcome(findings))["results"]
    ]
    assert places[0] == {"uri": "a%20b.py", "uriBaseId": "%SRCROOT%"}
    assert places[1] == places[2] == {"uri": (tmp_path / "c.py").as_uri()}


def broken_logs() -> list[dict[str, Any]]:
    """A log with one fault each: a wrong name, level, line, version, and a missing part."""
    logs = [json.loads(render(an_outcome(), "sarif")) for _ in range(5)]
    results = [log["runs"][0]["results"][0] for log in logs]
    results[0]["rule_id"] = "CK201"
    results[1]["level"] = "info"
    results[2]["locations"][0]["physicalLocation"]["region"]["startLine"] = 0
    logs[3]["version"] = "2.1"
    del results[4]["message"]
    return logs


def test_sarif_has_the_form_of_the_specification() -> None:
    """The parts that are written are those of SARIF 2.1.0, with everything in a log and in an empty one."""
    jsonschema = import_module("jsonschema")  # of the extra dev; it has no types
    jsonschema.Draft202012Validator.check_schema(LOG)
    validator = jsonschema.Draft202012Validator(LOG)
    for outcome in (an_outcome(), Outcome()):
        assert [error.message for error in validator.iter_errors(json.loads(render(outcome, "sarif")))] == []
    for at, log in enumerate(broken_logs()):
        assert list(validator.iter_errors(log)), at


def test_sarif_is_valid_against_the_schema() -> None:
    """OASIS's whole schema, as the models that were generated from it, accepts the same and refuses the same."""
    models = pytest.importorskip("pydantic_sarif.model", reason="pydantic-sarif (extra dev) is not installed")
    whole = models.StaticAnalysisResultsFormatSarifVersion210JsonSchema
    for outcome in (an_outcome(), Outcome()):
        whole.model_validate_json(render(outcome, "sarif"))
    for log in broken_logs():
        with pytest.raises(ValueError, match="validation error"):
            whole.model_validate(log)
