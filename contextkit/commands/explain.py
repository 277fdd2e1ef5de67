"""`contextkit explain CK101`: what a rule looks for, why it matters, what to do instead."""

from __future__ import annotations

import sys
from textwrap import indent
from typing import TYPE_CHECKING

from contextkit.errors import ConfigError

if TYPE_CHECKING:
    import argparse

    from contextkit.lint.rule import Rule

__all__ = ["arguments", "run"]


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("codes", nargs="*", metavar="CODE", help="CK101, or CK1 for all CK1xx; default: a list of all")
    parser.add_argument("--json", action="store_true", help="one JSON object a rule")


def run(args: argparse.Namespace) -> int:
    """Print the documentation of rules, or the list of all; 0."""
    from contextkit.lint.catalog import rules  # noqa: PLC0415  (--help shall be quick)

    chosen: list[type[Rule]] = []
    for code in args.codes:
        wanted = code.upper()
        found = [rule for known, rule in rules().items() if known.startswith(wanted) or rule.name == code.lower()]
        if not wanted or not found:
            raise ConfigError(f"no rule is called {code!r}", fix="`contextkit explain` lists all.")
        chosen += [rule for rule in found if rule not in chosen]
    if args.json:
        _say("\n".join(_object(rule) for rule in chosen or rules().values()))
    elif chosen:
        _say("\n\n".join(_page(rule) for rule in chosen))
    else:
        width = max(len(rule.name) for rule in rules().values())
        _say("\n".join(_line(rule, width) for rule in rules().values()))
    return 0


def _line(rule: type[Rule], width: int) -> str:
    from contextkit.lint.catalog import documentation  # noqa: PLC0415

    return f"{rule.code}  {rule.severity:<7}  {rule.name:<{width}}  {documentation(rule)['']}"


def _page(rule: type[Rule]) -> str:
    from contextkit.lint.catalog import SECTIONS, documentation  # noqa: PLC0415

    parts = documentation(rule)
    shown = [f"{rule.code} {rule.name} ({rule.severity})", parts[""]]
    shown += [f"{name}:\n{indent(parts[name], '    ')}" for name in SECTIONS if name in parts]
    shown.append(f"Help:\n    {rule.advice}")
    return "\n\n".join(shown)


def _object(rule: type[Rule]) -> str:
    import json  # noqa: PLC0415

    from contextkit.lint.catalog import documentation  # noqa: PLC0415

    parts = documentation(rule)
    fields = {"code": rule.code, "name": rule.name, "severity": rule.severity.value, "summary": parts.pop("")}
    return json.dumps({**fields, **parts, "help": rule.advice})


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
