"""What a rule is, and what it finds.

Law: a finding says which rule, where, why, by which way the value came there, and what to do; it is plain data, made
by a rule that knows nothing of files, flags or formats. A rule's docstring is its documentation.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Edit", "Finding", "Place", "Rule", "Severity"]


class Severity(StrEnum):
    """How sure and how dear: errors break the cache or the request, warnings likely do, infos are worth a look."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Place:
    """A step on the way of a value: made here, passed here, sent here.

    Attributes:
        path: the file, as it was given to the linter.
        line: from 1.
        column: from 1, characters.
        note: what happens here.
    """

    path: str
    line: int
    column: int
    note: str = ""


@dataclass(frozen=True, slots=True)
class Edit:
    """A safe change of a file: characters `start` up to, not including, `end` become `text`."""

    path: str
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One place where the prompt cache is, or may be, lost.

    Attributes:
        code: the rule's, CK and three digits.
        name: the rule's, in kebab case.
        severity: the rule's, unless this case is weaker.
        path: the file.
        line: from 1; of a JSONL file, the line of the body.
        column: from 1, characters.
        message: what is wrong here, one sentence.
        help: what to do instead, one sentence.
        end_line: where the marked text ends; 0 where not known.
        end_column: the column after its last character.
        request: 0-based index of the request in its file; None for source and prompts.
        pointer: JSON pointer into the request; None for source and prompts.
        flow: how the value came there, oldest first; [] where it was made on the spot.
        edits: what `--fix` would do; [] where nothing is safe.
        tokens: what was lost, tokens; None where not known.
        usd: what that cost; None where not known.
        conversation: label of the conversation in a recording; "" where there is none.
    """

    code: str
    name: str
    severity: Severity
    path: str
    line: int
    column: int
    message: str
    help: str = ""
    end_line: int = 0
    end_column: int = 0
    request: int | None = None
    pointer: str | None = None
    flow: Sequence[Place] = ()
    edits: Sequence[Edit] = ()
    tokens: int | None = None
    usd: float | None = None
    conversation: str = ""


class Rule:
    """A rule: a class a file, never instantiated; its docstring is its documentation.

    The docstring has the summary line and then the sections "What it does", "Why is this bad", "Example" and
    "Use instead", each a line of its own that ends with a colon, the last two with an indented block of code.

    Attributes:
        code: CK and three digits: 1xx Python source, 2xx prompt files, 3xx requests and recordings.
        name: kebab case.
        severity: of a finding in the ordinary case.
        advice: the help line.
    """

    code: ClassVar[str]
    name: ClassVar[str]
    severity: ClassVar[Severity]
    advice: ClassVar[str]

    @classmethod
    def at(cls, path: str, line: int, column: int, message: str, **more: Any) -> Finding:
        """A finding of this rule; `more` are further fields of `Finding`."""
        fields = {"severity": cls.severity, "help": cls.advice, **more}
        return Finding(code=cls.code, name=cls.name, path=path, line=line, column=column, message=message, **fields)
