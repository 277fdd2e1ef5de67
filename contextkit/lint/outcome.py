"""What a run of the linter came to: findings, and what could not be looked at.

Law: nothing is passed over in silence. A file is evaluated, or it is a problem with a place, or it is counted among
what nothing here reads; the exit status follows from these alone.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from contextkit.lint.rule import Edit, Finding, Place, Severity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from contextkit.errors import ContextKitError

__all__ = ["CLEAN", "FOUND", "NOTHING", "NOT_ANALYSED", "NOT_READ", "Outcome", "Problem", "from_data", "to_data"]

CLEAN: Final = 0
FOUND: Final = 1
NOT_ANALYSED: Final = 2
NOTHING: Final = 3

NOT_READ: Final = "CK000"
"""The code under which a file that could not be analysed stands among findings; no rule has it."""

_PLACE: Final = re.compile(r"(?:\bline |:)(\d{1,9})(?:(?::|, column )(\d{1,9}))?(?=\D*$)")


@dataclass(frozen=True, slots=True)
class Problem:
    """A file, or a part of one, that could not be analysed.

    Attributes:
        path: the file.
        message: why, one sentence without a full stop.
        line: from 1, where known; 1 stands for the whole file.
        column: from 1.
        help: what to do.
        code: CK000, or that of the rule that could not read a part of the file.
        name: the rule's.
    """

    path: str
    message: str
    line: int = 1
    column: int = 1
    help: str = ""
    code: str = NOT_READ
    name: str = "not-analysed"

    @classmethod
    def of(cls, path: str, error: ContextKitError) -> Problem:
        """The problem that an error tells of; its place is taken from `where` if it names a line of this file."""
        place = _PLACE.search(error.where.removeprefix(path))
        line, column = (int(place[1]), int(place[2] or 1)) if place else (1, 1)
        return cls(path, error.what, max(line, 1), max(column, 1), error.fix)

    def as_finding(self) -> Finding:
        """The problem in the shape of a finding, for formats that know nothing else."""
        return Finding(self.code, self.name, Severity.ERROR, self.path, self.line, self.column, self.message, self.help)


@dataclass(slots=True)
class Outcome:
    """All that one run found.

    Attributes:
        findings: in the order of path, line, column, code.
        problems: what could not be analysed.
        evaluated: files that were analysed, by kind: "source", "prompt", "requests".
        unread: files given by name that no rule reads.
        notes: further facts for the summary, each one sentence without a full stop.
        suppressed: findings that a comment in the file takes back.
        known: findings that the baseline holds.
        unchanged: findings outside of what `--diff` looks at.
        seen: the bytes of the Python files that a fix would change, as they were analysed.
        texts: the content of what cannot be read again from its path: standard input.
    """

    findings: list[Finding] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    evaluated: Counter[str] = field(default_factory=Counter)
    unread: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    suppressed: int = 0
    known: int = 0
    unchanged: int = 0
    seen: dict[str, bytes] = field(default_factory=dict)
    texts: dict[str, bytes] = field(default_factory=dict)

    def status(self, *, strict: bool = False, allow_empty: bool = False) -> int:
        """The exit status: 2 before 1 before 3 before 0; infos count only when strict."""
        if self.problems:
            return NOT_ANALYSED
        if any(strict or finding.severity is not Severity.INFO for finding in self.findings):
            return FOUND
        if not self.evaluated.total() and not allow_empty:
            return NOTHING
        return CLEAN


def to_data(finding: Finding) -> dict[str, Any]:
    """A finding as JSON values, whole; `from_data` reads it back."""
    data: dict[str, Any] = {name: getattr(finding, name) for name in Finding.__slots__}
    data["severity"] = finding.severity.value
    data["flow"] = [[place.path, place.line, place.column, place.note] for place in finding.flow]
    data["edits"] = [[edit.path, edit.start, edit.end, edit.text] for edit in finding.edits]
    return data


def from_data(data: Mapping[str, Any]) -> Finding:
    """The finding that `to_data` wrote; raises ValueError, TypeError or KeyError for anything else."""
    fields = dict(data)
    fields["severity"] = Severity(fields["severity"])
    fields["flow"] = [Place(*entry) for entry in fields["flow"]]
    fields["edits"] = [Edit(*entry) for entry in fields["edits"]]
    return Finding(**fields)
