"""Every rule there is, by code, and its documentation taken apart.

Law: the families declare their rules; here they are only looked up. Nothing is imported before it is asked for.
"""

from __future__ import annotations

import inspect
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Final

from contextkit.errors import ConfigError

if TYPE_CHECKING:
    from contextkit.lint.rule import Rule

__all__ = ["FAMILIES", "SECTIONS", "check_codes", "documentation", "rules"]

FAMILIES: Final = {
    "Comments and the linter itself": "contextkit.lint.own",
    "Python source": "contextkit.lint.source",
    "Prompt files": "contextkit.lint.prompt",
    "Requests and recordings": "contextkit.lint.requests",
}

SECTIONS: Final = ("What it does", "Why is this bad", "Example", "Use instead")


@cache
def rules() -> dict[str, type[Rule]]:
    """All rules by code, in the order of the codes."""
    found = [rule for module in FAMILIES.values() for rule in import_module(module).RULES]
    return {rule.code: rule for rule in sorted(found, key=lambda rule: rule.code)}


def check_codes(codes: tuple[str, ...], where: str) -> tuple[str, ...]:
    """The codes or prefixes of codes, as they are; raises ConfigError for one that no rule has."""
    for code in codes:
        if not code or not any(known.startswith(code) for known in rules()):
            raise ConfigError(
                f"no rule is called {code!r}", where=where, fix="`contextkit explain` lists all; CK1 stands for CK1xx."
            )
    return codes


def documentation(rule: type[Rule]) -> dict[str, str]:
    """The parts of a rule's docstring: "" for the summary, then each section's text without its indentation."""
    parts: dict[str, list[str]] = {"": []}
    at = ""
    for line in inspect.cleandoc(rule.__doc__ or "").splitlines():
        name = line.rstrip().removesuffix(":")
        if name in SECTIONS and line.rstrip().endswith(":"):
            at = name
            parts[at] = []
        else:
            parts[at].append(line)
    return {name: inspect.cleandoc("\n".join(["", *lines])).strip() for name, lines in parts.items()}
