"""From modules to findings: follow each group, ask each rule, keep one finding a cause.

Law: the same cause is reported once, at the place where it is made, however many requests it reaches.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from contextkit.lint.rule import Finding, Severity
from contextkit.lint.source.catalogue import RULES
from contextkit.lint.source.files import FIXED, written_files
from contextkit.lint.source.project import Project, groups
from contextkit.lint.source.reach import Program, Reach, reaches
from contextkit.lint.source.roots import follow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from contextkit.lint.rule import Edit
    from contextkit.lint.source.follow import Run
    from contextkit.lint.source.module import Module

__all__ = ["findings"]

_WEIGHT: Final = {Severity.INFO: 0, Severity.WARNING: 1, Severity.ERROR: 2}


def findings(modules: Iterable[Module], *, source: Callable[[str], str]) -> list[Finding]:
    """What the rules find in the modules of a folder, taken together.

    Args:
        modules: of all files, as `summarise` gives them.
        source: the text of a file by its path; asked only for files that requests lead to.

    Returns:
        Findings by path, line and column; one a cause.
    """
    modules = list(modules)
    found: list[Finding] = []
    known = {module.path: module for module in modules}
    for paths in groups(modules):
        project = Project({path: known[path] for path in paths}, source)
        run = follow(project, paths)
        reached = _settled(run, paths, [reach for sent in run.sent for reach in reaches(sent)])
        program = Program(run.sent, reached, project, paths)
        found += [finding for rule in RULES for finding in rule.found(program)]
    return [_in_characters(finding, source) for finding in _once(found)]


def _settled(run: Run, paths: tuple[str, ...], reached: list[Reach]) -> list[Reach]:
    """Reads of a fixed path are no fixed ones where the program writes that file."""
    if not any(reach.taint.fix.startswith(FIXED) for reach in reached):
        return reached
    written = {f"{FIXED}{key}" for key in written_files(run, paths)}
    return [
        replace(reach, taint=replace(reach.taint, fix="written")) if reach.taint.fix in written else reach
        for reach in reached
    ]


def _in_characters(finding: Finding, source: Callable[[str], str]) -> Finding:
    """The tree counts bytes, a report counts characters."""
    return replace(
        finding,
        column=_column(finding.path, finding.line, finding.column, source),
        end_column=_column(finding.path, finding.end_line, finding.end_column, source),
        flow=tuple(replace(one, column=_column(one.path, one.line, one.column, source)) for one in finding.flow),
    )


def _column(path: str, line: int, column: int, source: Callable[[str], str]) -> int:
    text = source(path)
    if text.isascii() or not line:
        return column
    lines = text.split("\n")
    return len(lines[line - 1].encode()[: column - 1].decode(errors="ignore")) + 1 if line <= len(lines) else column


def _once(found: list[Finding]) -> list[Finding]:
    """The weightiest of those that say the same of the same line, the leftmost of equals, with the edits of all."""
    lines: dict[tuple[str, str, int], list[Finding]] = {}
    for finding in found:
        lines.setdefault((finding.path, finding.code, finding.line), []).append(finding)
    best = []
    for held in lines.values():
        first = min(held, key=lambda one: (-_WEIGHT[one.severity], one.column))
        edits = [edit for one in sorted(held, key=lambda one: one.column) for edit in one.edits]
        best.append(replace(first, edits=_apart(first.edits, edits)))
    return sorted(best, key=lambda one: (one.path, one.line, one.column, one.code))


def _apart(own: Sequence[Edit], others: list[Edit]) -> tuple[Edit, ...]:
    """A finding's own edits, and of the others those that touch none taken before."""
    taken = list(own)
    for edit in others:
        if all(edit.path != one.path or edit.end < one.start or one.end < edit.start for one in taken):
            taken.append(edit)
    return tuple(taken)
