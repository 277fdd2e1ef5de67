"""Comments that take findings back: `# contextkit: ignore[CK101] reason`.

Law: a comment takes back the rules it names, on its own line or, when it stands alone on a line, on the next line
that is not such a comment; nothing else. A comment that takes back nothing is itself a finding. In Python only
comments count, not strings that look like one.
"""

from __future__ import annotations

import io
import re
import tokenize
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from contextkit.lint.catalog import rules
from contextkit.lint.own.ck001_unused_ignore import UnusedIgnore
from contextkit.lint.own.ck002_broken_ignore import BrokenIgnore
from contextkit.lint.text import lines_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from contextkit.lint.kinds import Kind
    from contextkit.lint.rule import Finding

__all__ = ["Comment", "apply", "comments"]

HINT: Final = "contextkit:"

_COMMENT: Final = re.compile(r"contextkit:[ \t]{0,9}ignore\b(?:[ \t]{0,9}\[([^\]\n]{0,400})\])?")
_ALONE: Final = re.compile(r"\s*(?:#|<!--|\{#|//)?[ \t]{0,9}\Z")
_CODE: Final = re.compile(r"CK\d{1,3}\Z")


@dataclass(slots=True)
class Comment:
    """One comment.

    Attributes:
        line: where it stands, from 1.
        column: where "contextkit:" begins, from 1.
        target: the line whose findings it takes back.
        codes: the rules or beginnings of rules it names; () where it names none.
        used: those of them that took something back.
    """

    line: int
    column: int
    target: int
    codes: tuple[str, ...]
    used: set[str] = field(default_factory=set)


def comments(text: str, kind: Kind) -> list[Comment]:
    """The comments of a file; nothing is looked at when the text has no "contextkit:"."""
    if HINT not in text or kind == "requests":
        return []
    lines = lines_of(text)
    found = [
        (number, match, alone)
        for number, start, comment, alone in (_python(text, lines) if kind == "source" else _plain(lines))
        if (match := _COMMENT.search(comment, start))
    ]
    alone_on = {number for number, _, alone in found if alone}
    made = []
    for number, match, alone in found:
        target = number
        while alone and target in alone_on and target < len(lines):
            target += 1
        codes = tuple(code.strip() for code in (match[1] or "").split(",") if code.strip())
        made.append(Comment(number, match.start() + 1, target, codes))
    return made


def _python(text: str, lines: Sequence[str]) -> Iterator[tuple[int, int, str, bool]]:
    """Comments by Python's own tokenizer: line, where in it the comment starts, the line, whether it stands alone."""
    try:
        for token in tokenize.generate_tokens(io.StringIO(text, newline="").readline):
            if token.type == tokenize.COMMENT and HINT in token.string:
                line, column = token.start
                yield line, column, lines[line - 1], not lines[line - 1][:column].strip()
    except (tokenize.TokenError, SyntaxError, RecursionError, IndexError):
        return  # the file does not parse: that is a problem of its own


def _plain(lines: Sequence[str]) -> Iterator[tuple[int, int, str, bool]]:
    for number, line in enumerate(lines, 1):
        if (at := line.find(HINT)) >= 0:
            yield number, at, line, bool(_ALONE.match(line[:at]))


def apply(
    findings: Iterable[Finding], by_path: Mapping[str, Sequence[Comment]], wants: Callable[[str], bool]
) -> tuple[list[Finding], int]:
    """Take back what comments take back.

    A comment counts on any line of a finding's text, and at any place of its flow.

    Args:
        findings: all of them, of every rule.
        by_path: the comments of each file that could be analysed.
        wants: whether a rule is on; a comment is not called unused for a rule that is off.

    Returns:
        The findings that are left together with those about the comments, and how many were taken back.
    """
    kept: list[Finding] = []
    taken = 0
    for finding in findings:
        if _takes_back(finding, by_path):
            taken += 1
        else:
            kept.append(finding)
    for path, found in by_path.items():
        for comment in found:
            kept += _about(path, comment, wants)
    return kept, taken


def _takes_back(finding: Finding, by_path: Mapping[str, Sequence[Comment]]) -> bool:
    places = [(finding.path, finding.line, max(finding.end_line, finding.line))]
    places += [(place.path, place.line, place.line) for place in finding.flow]
    hit = False
    for path, first, last in places:
        for comment in by_path.get(path, ()):
            if first <= comment.target <= last:
                codes = {code for code in comment.codes if finding.code.startswith(code)}
                comment.used |= codes
                hit = hit or bool(codes)
    return hit


def _about(path: str, comment: Comment, wants: Callable[[str], bool]) -> Iterator[Finding]:
    if not comment.codes:
        yield BrokenIgnore.at(path, comment.line, comment.column, "The comment names no rule, so it ignores nothing")
    for code in comment.codes:
        meant = [known for known in rules() if known.startswith(code)] if _CODE.match(code) else []
        if not meant:
            yield BrokenIgnore.at(path, comment.line, comment.column, f"No rule is called {code[:20]!r}")
        elif code not in comment.used and any(map(wants, meant)):
            yield UnusedIgnore.at(path, comment.line, comment.column, f"{code} finds nothing here")
