"""Prompt files: what changes in the part that should not. `check` is given a path and its text; no I/O.

Which files are prompts is decided by the engine (`contextkit.lint.kinds`); here every text is one.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final

from contextkit.lint.prompt.document import read
from contextkit.lint.prompt.rules.ck201_clock_placeholder import ClockPlaceholder
from contextkit.lint.prompt.rules.ck202_random_placeholder import RandomPlaceholder
from contextkit.lint.prompt.rules.ck203_request_placeholder import RequestPlaceholder
from contextkit.lint.prompt.rules.ck204_undeclared_placeholder import UndeclaredPlaceholder
from contextkit.lint.prompt.rules.ck205_literal_date import LiteralDate
from contextkit.lint.prompt.rules.ck206_literal_id import LiteralId
from contextkit.lint.prompt.rules.ck207_literal_path import LiteralPath
from contextkit.lint.prompt.rules.ck208_front_matter import FrontMatter

if TYPE_CHECKING:
    from contextkit.lint.prompt.rule import PromptRule
    from contextkit.lint.rule import Finding

__all__ = ["RULES", "check"]

RULES: Final[tuple[type[PromptRule], ...]] = (
    ClockPlaceholder,
    RandomPlaceholder,
    RequestPlaceholder,
    UndeclaredPlaceholder,
    LiteralDate,
    LiteralId,
    LiteralPath,
    FrontMatter,
)

_MOST: Final = 100
"""Findings of one rule in one file; the last one says that there are more."""


def check(path: str, text: str) -> list[Finding]:
    """What is found in one prompt file, in the order of its lines.

    Args:
        path: shown in the findings; its name may say that the file is the user's message.
        text: of the file.
    """
    prompt = read(path, text)
    found: list[Finding] = []
    for rule in RULES:
        some = list(islice(rule.check(prompt), _MOST + 1))
        if len(some) > _MOST:
            last = some[_MOST - 1]
            some[_MOST - 1 :] = [rule.at(path, last.line, last.column, f"{last.message}; and more below of this rule")]
        found += some
    return sorted(found, key=lambda finding: (finding.line, finding.column, finding.code))
