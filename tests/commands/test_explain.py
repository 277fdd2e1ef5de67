from __future__ import annotations

import argparse
import json

import pytest

from contextkit.commands import explain as command
from contextkit.errors import ConfigError
from contextkit.lint.catalog import rules


def run(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """What the command prints."""
    parser = argparse.ArgumentParser()
    command.arguments(parser)
    assert command.run(parser.parse_args(words)) == 0
    return capsys.readouterr().out


def test_a_rule_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    """By code in any case or by name: what, why, example, instead, help."""
    shown = run(capsys, "ck201")
    assert shown.startswith("CK201 clock-placeholder (error)\n\nThe date or the time is put")
    for part in ("What it does:\n    Reports", "Why is this bad:", "Example:", "Use instead:", "Help:"):
        assert part in shown
    assert run(capsys, "clock-placeholder") == shown


def test_all_rules_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    """One line each; a beginning of a code explains a family."""
    assert [line[:5] for line in run(capsys).splitlines()] == list(rules())
    assert run(capsys, "CK00").count("What it does:") == 2


def test_json_has_one_object_a_rule(capsys: pytest.CaptureFixture[str]) -> None:
    """With every section under its name."""
    rows = [json.loads(line) for line in run(capsys, "--json").splitlines()]
    assert [row["code"] for row in rows] == list(rules())
    assert all(row["Use instead"] and row["help"] for row in rows)


@pytest.mark.parametrize("code", ["CK999", "", "nonsense"])
def test_an_unknown_rule_is_refused(code: str) -> None:
    """The error names it."""
    parser = argparse.ArgumentParser()
    command.arguments(parser)
    with pytest.raises(ConfigError, match="no rule is called"):
        command.run(parser.parse_args([code]))
