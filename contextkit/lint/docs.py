"""`python -m contextkit.lint.docs`: the page of all rules, made from their docstrings.

Law: the page says nothing that the rules do not say; a test holds that it is up to date.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final

from contextkit.lint.catalog import FAMILIES, SECTIONS, documentation, rules

if TYPE_CHECKING:
    from contextkit.lint.rule import Rule

__all__ = ["main", "page"]

_HEAD: Final = """\
# Rules

<!-- made by `python -m contextkit.lint.docs docs/rules.md`; change the rules' docstrings instead -->

`contextkit lint` knows {count} rules; `contextkit explain CK101` shows one in the terminal. Severities: an **error**
breaks the cache or the request, a **warning** likely does, an **info** is worth a look and alone leaves the exit status
at 0 (unless `--strict`). How to select and ignore rules: [lint in CI](ci.md). `CK000` is no rule: it marks a file that
could not be analysed.
"""
_LANGUAGES: Final = {"1": "python", "2": "text", "3": "json", "0": "python"}


def page() -> str:
    """The page, in Markdown."""
    parts = [_HEAD.format(count=len(rules())), *map(_table, FAMILIES), *map(_rule, rules().values())]
    return "\n".join(parts)


def _table(family: str) -> str:
    """The rules of one family, one row each."""
    module = import_module(FAMILIES[family])
    rows = [
        f"| [{rule.code}](#{_anchor(rule)}) | {rule.name} | {rule.severity} | {_cell(documentation(rule)[''])} |"
        for rule in sorted(module.RULES, key=lambda rule: rule.code)
    ]
    return "\n".join([f"## {family}\n", "| rule | name | severity | finds |", "| --- | --- | --- | --- |", *rows, ""])


def _rule(rule: type[Rule]) -> str:
    parts = documentation(rule)
    shown = [f"### {rule.code} {rule.name}", f"{parts['']} *({rule.severity})*"]
    for name in SECTIONS:
        if name not in parts:
            continue
        if name in {"Example", "Use instead"}:
            # Samples of bad code are not run by the test of the pages: they are no ```python blocks.
            shown.append(f"{name}:\n\n```{_language(rule)}\n{parts[name]}\n```")
        else:
            shown.append(f"**{name}** {_joined(parts[name])}")
    shown.append(f"**Help:** {rule.advice}")
    return "\n\n".join(shown) + "\n"


def _language(rule: type[Rule]) -> str:
    """The language of a rule's samples; a blank before "python" keeps the samples from being run."""
    language = _LANGUAGES[rule.code[2]]
    return " python" if language == "python" else language


def _joined(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.splitlines())


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _anchor(rule: type[Rule]) -> str:
    return f"{rule.code} {rule.name}".lower().replace(" ", "-")


def main(words: list[str]) -> int:
    """Write the page to a file, or print it; with `--check FILE` only compare: 1 where it is not up to date."""
    text = page()
    if words[:1] == ["--check"]:
        return int(Path(words[1]).read_text(encoding="utf-8") != text)
    if words:
        Path(words[0]).write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
