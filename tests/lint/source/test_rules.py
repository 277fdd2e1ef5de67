"""The rules themselves: codes, names and documentation."""

from __future__ import annotations

import ast
import inspect
import textwrap
from typing import TYPE_CHECKING

import pytest

from contextkit.lint.source import RULES

if TYPE_CHECKING:
    from contextkit.lint.rule import Rule

_SECTIONS = ("What it does:", "Why is this bad:", "Example:", "Use instead:")


def test_codes_and_names_are_unique_and_in_order() -> None:
    """Each rule has a code of CK1xx and a name of its own."""
    codes = [rule.code for rule in RULES]
    assert codes == sorted(set(codes))
    assert all(code.startswith("CK1") for code in codes)
    assert len({rule.name for rule in RULES}) == len(RULES)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_every_rule_is_documented(rule: type[Rule]) -> None:
    """A rule's docstring has the four sections in order, and its examples are Python."""
    text = inspect.getdoc(rule) or ""
    at = [text.index(f"\n{section}\n") for section in _SECTIONS]
    assert at == sorted(at)
    for start, end in ((at[2], at[3]), (at[3], len(text))):
        code = textwrap.dedent(text[start:end].strip("\n").split("\n", 1)[1])
        ast.parse(code)
    assert rule.advice.endswith(".") or rule.advice.endswith(")")
