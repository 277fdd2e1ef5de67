"""Requests and recordings: a file is opened and its lines are handed on, never more than one at a time.

Law: a file that holds no request is "nothing to evaluate", unless it is broken: then it is a problem with the place.
Of the JSON files that are merely met in a folder only those count as broken that show the marks of a request.
"""

from __future__ import annotations

import json
import re
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO, Final

from contextkit.errors import ContextKitError
from contextkit.lint.outcome import Problem
from contextkit.lint.pauses import rare_pauses
from contextkit.lint.rule import Finding
from contextkit.transcripts.lines import MAX_LINE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contextkit.lint.files import File
    from contextkit.lint.outcome import Outcome

__all__ = ["lines", "lint_requests"]

_UNREADABLE: Final = "CK300"
"""The rule that reports a line it could not read."""

_MARKS: Final = (re.compile(rb'"messages"\s*:'), re.compile(rb'"role"\s*:'))


def lint_requests(file: File, model: str | None, outcome: Outcome) -> None:
    """Check one file, and put what is found into the outcome."""
    from contextkit.lint.requests import Billed, examine, finding  # noqa: PLC0415  (not needed for source)

    found: list[Finding] = []
    read = 0
    try:
        with file.open() as stream, _noted(outcome), rare_pauses():
            for one in examine(file.path, lines(stream), model=model):
                if isinstance(one, Billed):
                    read += one.read
                else:
                    found.append(one if isinstance(one, Finding) else finding(one))
    except (OSError, ContextKitError) as error:
        outcome.problems.append(_unread(file.path, error))
        return
    broken = [one for one in found if one.code == _UNREADABLE]
    if read or len(broken) < len(found):
        outcome.evaluated["requests"] += 1
        outcome.findings += (one for one in found if one.code != _UNREADABLE)
        outcome.problems += map(_problem, broken)
    elif any(one.request is not None for one in broken):  # requests, but none that can be judged
        outcome.problems += map(_problem, broken)
    else:
        _no_request(file, broken, outcome)


def _problem(one: Finding) -> Problem:
    return Problem(one.path, one.message, one.line, one.column, one.help, one.code, one.name)


@contextmanager
def _noted(outcome: Outcome) -> Iterator[None]:
    """Warnings, about models without a known price say, become notes of the summary, each once."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            yield
        finally:
            notes = dict.fromkeys(str(one.message).rstrip(".") for one in caught)
            outcome.notes += [note for note in notes if note not in outcome.notes]


def _unread(path: str, error: OSError | ContextKitError) -> Problem:
    if isinstance(error, ContextKitError):
        return Problem.of(path, error)
    return Problem(path, f"the file cannot be read: {error.strerror}")


def lines(stream: BinaryIO) -> Iterator[bytes]:
    """The lines of a stream; one that is too long is cut just behind the limit, where its reader tells it by that."""
    while line := stream.readline(MAX_LINE + 1):
        yield line
        while len(line) > MAX_LINE and not line.endswith(b"\n"):
            line = stream.readline(MAX_LINE + 1)


def _no_request(file: File, found: list[Finding], outcome: Outcome) -> None:
    """A file in which no request was found: broken, or simply something else."""
    broken = _broken(file)
    if broken:
        outcome.problems.append(broken)
    elif file.named:
        outcome.unread.append(file.path)
        outcome.notes += [f"{file.path}: {one.message}" for one in found[:1]]


def _broken(file: File) -> Problem | None:
    """The first place where the file is not JSON; None where it is, or is none of ours."""
    try:
        with file.open() as stream:
            raw = stream.read(MAX_LINE)
    except OSError as error:
        return Problem(file.path, f"the file cannot be read: {error.strerror}")
    if not file.named and not all(mark.search(raw) for mark in _MARKS):
        return None
    if not raw.strip():
        return None
    text = raw.decode("utf-8-sig", "replace")
    try:
        json.loads(text)
    except RecursionError:
        return Problem(file.path, "the JSON is nested too deep")
    except ValueError as whole:
        return _broken_line(file.path, text) or _at(file.path, whole, 0)
    return None


def _broken_line(path: str, text: str) -> Problem | None:
    """The first broken line, where any line is a JSON object by itself; None where the file is one document."""
    first: Problem | None = None
    objects = 0
    for number, line in enumerate(text.split("\n")):
        if not line.strip():
            continue
        try:
            objects += isinstance(json.loads(line), dict)
        except RecursionError:
            first = first or Problem(path, "the JSON is nested too deep", number + 1)
        except ValueError as error:
            first = first or _at(path, error, number)
    return first if objects else None


def _at(path: str, error: ValueError, lines: int) -> Problem:
    line, column = getattr(error, "lineno", 1), getattr(error, "colno", 1)
    return Problem(path, f"the file is not JSON: {str(error)[:100]}", lines + line, column, "Repair or exclude it.")
