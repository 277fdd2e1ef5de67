from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest

from contextkit.errors import ConfigError
from contextkit.lint import docs
from contextkit.lint.catalog import FAMILIES, SECTIONS, check_codes, documentation, rules
from contextkit.lint.rule import Severity

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("code", rules())
def test_every_rule_is_documented(code: str) -> None:
    """A summary of one line, all four sections, a name, a severity, an advice."""
    rule = rules()[code]
    parts = documentation(rule)
    assert re.fullmatch(r"CK[0-3]\d\d", rule.code)
    assert re.fullmatch(r"[a-z][a-z-]+", rule.name)
    assert rule.severity in Severity
    assert rule.advice.endswith(".")
    assert parts[""]
    assert "\n" not in parts[""]
    assert list(parts) == ["", *SECTIONS]
    assert all(parts.values())


def test_names_are_unique_in_a_family() -> None:
    """The same fault may have the same name in source and in a request, but not twice in one of them."""
    names = [(code[2], rule.name) for code, rule in rules().items()]
    assert len(names) == len(set(names))
    assert len(rules()) == sum(len(import_module(family).RULES) for family in FAMILIES.values())


def test_codes_are_checked() -> None:
    """Beginnings of codes count; others name where they stand."""
    assert check_codes(("CK", "CK20", "CK201"), "x") == ("CK", "CK20", "CK201")
    with pytest.raises(ConfigError, match=r"'CK9'.*x"):
        check_codes(("CK9",), "x")


def test_the_page_of_rules_is_up_to_date() -> None:
    """`python -m contextkit.lint.docs docs/rules.md` would change nothing."""
    file = ROOT / "docs" / "rules.md"
    assert file.read_text(encoding="utf-8") == docs.page()
    assert docs.main(["--check", str(file)]) == 0
