"""For people: place, rule, sentence; the source line with a caret; the way the value came; what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from contextkit.lint.outcome import NOT_READ
from contextkit.lint.output.clean import plain, window
from contextkit.lint.output.lines import Lines

if TYPE_CHECKING:
    from contextkit.lint.outcome import Outcome, Problem
    from contextkit.lint.rule import Finding, Place

__all__ = ["render", "summary"]

_RESET: Final = "\x1b[0m"
_COLOURS: Final = {
    "error": "\x1b[1;31m",
    "warning": "\x1b[1;33m",
    "info": "\x1b[1;36m",
    "dim": "\x1b[2m",
    "bold": "\x1b[1m",
}
_KINDS: Final = {"source": "Python", "prompt": "prompt", "requests": "request"}


class _Painter:
    """Puts colours around words, or does not."""

    def __init__(self, *, colour: bool) -> None:
        self._colour = colour

    def __call__(self, text: str, style: str) -> str:
        return f"{_COLOURS[style]}{text}{_RESET}" if self._colour else text


def render(outcome: Outcome, *, colour: bool = False) -> str:
    """All findings and problems, and the summary."""
    paint, lines = _Painter(colour=colour), Lines(outcome.texts)
    parts = [_finding(finding, paint, lines) for finding in outcome.findings]
    parts += [_problem(problem, paint, lines) for problem in outcome.problems]
    return "\n".join([*parts, summary(outcome)]) + "\n"


def _finding(finding: Finding, paint: _Painter, lines: Lines) -> str:
    place = f"{plain(finding.path)}:{finding.line}:{finding.column}:"
    title = f"{paint(place, 'bold')} {paint(f'{finding.code} {finding.severity}', finding.severity)}"
    shown = [f"{title} {plain(finding.message)} [{finding.name}]"]
    if finding.request is None:
        end = finding.end_column if finding.end_line in {0, finding.line} else 0
        shown += _excerpt(finding.path, finding.line, finding.column, end, paint, lines)
    else:
        pointer = f", {plain(finding.pointer)}" if finding.pointer else ""
        said = f", conversation {plain(finding.conversation, 60)}" if finding.conversation else ""
        shown.append(f"      request {finding.request}{pointer}{said}")
    logged, count = finding.request is not None, len(finding.flow)
    shown += [_step(place, index, count, lines, logged=logged) for index, place in enumerate(finding.flow)]
    if finding.help:
        shown.append(f"      {paint('help:', 'dim')} {plain(finding.help)}")
    return "\n".join(shown) + "\n"


def _problem(problem: Problem, paint: _Painter, lines: Lines) -> str:
    place = f"{plain(problem.path)}:{problem.line}:{problem.column}:"
    shown = [f"{paint(place, 'bold')} {paint('not analysed:', 'error')} {plain(problem.message)}"]
    if problem.line > 1 or problem.column > 1:
        shown += _excerpt(problem.path, problem.line, problem.column, 0, paint, lines)
    if problem.help:
        shown.append(f"      {paint('help:', 'dim')} {plain(problem.help)}")
    return "\n".join(shown) + "\n"


def _excerpt(path: str, line: int, column: int, end: int, paint: _Painter, lines: Lines) -> list[str]:
    """The source line with carets below; nothing where it cannot be read any more."""
    source = lines.line(path, line)
    if source is None:
        return []
    blanks = len(source) - len(source.lstrip())
    text, carets = window(source.strip(), max(0, column - 1 - blanks), max(0, (end or column + 1) - 1 - blanks))
    number = f"{line:>5} | "
    return [f"{paint(number, 'dim')}{text}", f"{' ' * (len(number) - 2)}{paint('|', 'dim')} {paint(carets, 'error')}"]


def _step(place: Place, index: int, count: int, lines: Lines, *, logged: bool) -> str:
    verb = "earlier" if logged else "made here" if index == 0 else "sent here" if index == count - 1 else "passed here"
    source = lines.line(place.path, place.line)
    note = place.note.removeprefix(verb).lstrip(" :,") or (source.strip() if source else "")
    where = f"{plain(place.path)}:{place.line}:{place.column}"
    return f"      {verb:<11} {where}  {plain(note, 120)}".rstrip()


def summary(outcome: Outcome) -> str:
    """One paragraph: what was found, in what, and what was not looked at."""
    counts = dict.fromkeys(("error", "warning", "info"), 0)
    for finding in outcome.findings:
        counts[finding.severity] += 1
    found = ", ".join(_many(count, name) for name, count in counts.items() if count)
    kinds = ", ".join(_many(count, f"{_KINDS[kind]} file") for kind, count in outcome.evaluated.items() if count)
    shown = [f"Found {found}" if found else "Nothing found" if kinds else "Nothing to evaluate"]
    shown[0] += f" in {kinds}." if kinds else "."
    lost = {one.path for one in outcome.problems if one.code == NOT_READ}
    places = [one.path for one in outcome.problems if one.code != NOT_READ]
    if lost:
        shown.append(f"{_many(len(lost), 'file')} could not be analysed.")
    if places:
        shown.append(f"{_many(len(places), 'place')} in {_many(len(set(places)), 'file')} could not be read.")
    for count, what in (
        (outcome.suppressed, "ignored by comments"),
        (outcome.known, "known from the baseline"),
        (outcome.unchanged, "on lines that did not change"),
    ):
        if count:
            shown.append(f"{_many(count, 'finding')} {what}.")
    if outcome.unread:
        names = ", ".join(plain(path, 80) for path in outcome.unread[:3]) + (", ..." if len(outcome.unread) > 3 else "")  # noqa: PLR2004
        shown.append(f"{_many(len(outcome.unread), 'file')} that no rule reads: {names}.")
    shown += [f"{plain(note, 300)}." for note in outcome.notes]
    return " ".join(shown)


def _many(count: int, name: str) -> str:
    """A count with its noun."""
    return f"{count:,} {name}{'' if count == 1 or name == 'info' else 's'}"
