"""CK150: usage reckoned without the cached tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contextkit.lint.rule import Finding, Severity
from contextkit.lint.source.reach import Program, SourceRule
from contextkit.lint.source.usage import reckonings

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["UsageIgnoresCache"]


class UsageIgnoresCache(SourceRule):
    """Usage reckoned without the cached tokens.

    What it does:
        Reports sums, products and comparisons with `usage.input_tokens` in functions that know neither
        `cache_read_input_tokens` nor `cache_creation_input_tokens`, in files that speak of Claude.

    Why is this bad:
        `input_tokens` is only what stands after the last mark: costs come out too low, and limits are passed unseen.

    Example:
        cost = usage.input_tokens * 3e-6 + usage.output_tokens * 15e-6

    Use instead:
        written, read = usage.cache_creation_input_tokens or 0, usage.cache_read_input_tokens or 0
        cost = (usage.input_tokens + 1.25 * written + 0.1 * read) * 3e-6 + usage.output_tokens * 15e-6
    """

    code = "CK150"
    name = "usage-ignores-cache"
    severity = Severity.WARNING
    advice = "Add cache_read_input_tokens and cache_creation_input_tokens, each at its own price."

    @classmethod
    def found(cls, program: Program) -> Iterator[Finding]:
        """One finding a line."""
        for path in program.paths:
            module = program.project.modules[path]
            tree = program.project.tree(path) if module.counts and module.claude else None
            for node in reckonings(tree) if tree is not None else ():
                message = "`input_tokens` leaves out what was read from the cache and what was written to it"
                yield cls.at(
                    path, node.lineno, node.col_offset + 1, message,
                    end_line=node.end_lineno or 0, end_column=(node.end_col_offset or 0) + 1,
                )  # fmt: skip
