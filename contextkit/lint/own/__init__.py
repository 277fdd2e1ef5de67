"""Rules about the linter's own comments and settings in the files it reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from contextkit.lint.own.ck001_unused_ignore import UnusedIgnore
from contextkit.lint.own.ck002_broken_ignore import BrokenIgnore

if TYPE_CHECKING:
    from contextkit.lint.rule import Rule

__all__ = ["RULES"]

RULES: Final[tuple[type[Rule], ...]] = (UnusedIgnore, BrokenIgnore)
