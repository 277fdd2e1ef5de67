"""What a docstring says of a function, for its tool definition: the summary, and each parameter.

Law: text in, text out; a docstring in no known style is a description as it stands.
"""

from __future__ import annotations

import inspect
import re
from typing import Final

__all__ = ["parse"]

_SECTION: Final = re.compile(
    r"(Args|Arguments|Parameters|Returns?|Raises|Yields?|Examples?|Notes?|Attributes|See Also|Warnings?|Todo):\s*"
)
_PARAMETERS: Final = frozenset({"Args", "Arguments", "Parameters"})
_PARAMETER: Final = re.compile(r"\*{0,2}(\w+)\s*(?:\([^)]*\))?\s*:\s*(.*)")


def parse(docstring: str | None) -> tuple[str, dict[str, str]]:
    """(Description, description by parameter) of a docstring in google style, or of plain text.

    The description is all that stands before the first section; other sections than the parameters' are for people.
    """
    lines = inspect.cleandoc(docstring or "").split("\n")
    first = next((at for at, line in enumerate(lines) if _SECTION.fullmatch(line)), len(lines))
    return "\n".join(lines[:first]).strip(), _parameters(lines[first:])


def _parameters(lines: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    inside, level, name = False, 0, ""
    for line in lines:
        section = _SECTION.fullmatch(line)
        if section:
            inside, level, name = section[1] in _PARAMETERS, 0, ""
            continue
        if not inside or not line.strip():
            continue
        indent = len(line) - len(line.lstrip())
        level = level or indent
        start = _PARAMETER.fullmatch(line.strip()) if indent == level else None
        if start:
            name = start[1]
            found[name] = start[2].strip()
        elif name:
            found[name] = f"{found[name]} {line.strip()}".strip()
    return found
