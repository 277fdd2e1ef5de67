"""Python source: every file is summarised by itself, then all summaries are joined.

Law: a file is read and hashed at every run, but summarised only when its text is new, in other processes when that is
worth their start; what an unchanged set of files came to is not even joined again. A file that kills its process is a
problem of that file alone.
"""

from __future__ import annotations

import multiprocessing
import threading
import warnings
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from contextkit.errors import ContextKitError, FormatError
from contextkit.lint.memo import key_of
from contextkit.lint.outcome import Problem, from_data, to_data
from contextkit.lint.pauses import no_pauses
from contextkit.lint.text import source_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from contextkit.lint.memo import Memo
    from contextkit.lint.rule import Finding

__all__ = ["lint_source"]

_WORTH: Final = 400_000
"""Bytes of new source from which a second process is quicker than none."""

_MAX: Final = 20_000_000
"""Bytes of a Python file."""

_CHUNK: Final = 8

_Summary = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Source:
    path: str
    raw: bytes
    key: str


def lint_source(
    paths: Sequence[str], memo: Memo, workers: int = 2, *, given: Mapping[str, bytes] | None = None
) -> tuple[list[Finding], list[Problem], dict[str, bytes]]:
    """Python files that may import each other.

    Args:
        paths: the files.
        memo: what earlier runs kept.
        workers: processes for new files; 1 is this one alone.
        given: the bytes of those that cannot be read from their path.

    Returns:
        What is found; which files could not be analysed; and the bytes of those that a fix would change.
    """
    sources, problems = _read(paths, given or {})
    whole = key_of("joined", *[part for source in sources for part in (source.path, source.key)])
    kept = memo.get(whole)
    if kept is None:
        with no_pauses():
            summaries, own = _summaries(sources, memo, workers)
            found, lost = _join(sources, summaries, memo, workers)
        listed = [[one.path, one.message, one.line, one.column, one.help] for one in own]
        if not lost:
            memo.put(whole, {"findings": [to_data(finding) for finding in found], "problems": listed})
        own += lost
    else:
        found = [from_data(entry) for entry in kept["findings"]]
        own = [Problem(*entry) for entry in kept["problems"]]
    changed = {edit.path for finding in found for edit in finding.edits}
    return found, own + problems, {source.path: source.raw for source in sources if source.path in changed}


def _read(paths: Sequence[str], given: Mapping[str, bytes]) -> tuple[list[_Source], list[Problem]]:
    sources: list[_Source] = []
    problems: list[Problem] = []
    for path in paths:
        try:
            raw = given[path] if path in given else Path(path).read_bytes()
        except OSError as error:
            problems.append(Problem(path, f"the file cannot be read: {error.strerror}"))
            continue
        if len(raw) > _MAX:
            problems.append(Problem(path, f"the file is over {_MAX // 1_000_000} MB", help="Exclude it."))
            continue
        sources.append(_Source(path, raw, key_of("summary", path, raw)))
    return sources, problems


def _summaries(sources: Sequence[_Source], memo: Memo, workers: int) -> tuple[dict[str, _Summary], list[Problem]]:
    """The summaries by path, kept ones and new ones."""
    summaries: dict[str, _Summary] = {}
    problems: list[Problem] = []
    new: list[_Source] = []
    for source in sources:
        kept = memo.get(source.key)
        if isinstance(kept, dict):
            summaries[source.path] = kept
        else:
            new.append(source)
    many = workers > 1 and sum(len(source.raw) for source in new) > _WORTH
    made = _in_processes(new, workers) if many else ((source, _summarised(source.path, source.raw)) for source in new)
    for source, result in made:
        if isinstance(result, Problem):
            problems.append(result)
        else:
            summaries[source.path] = result
            memo.put(source.key, result)
    return summaries, problems


def _summarised(path: str, raw: bytes) -> _Summary | Problem:
    """One file's summary as JSON values, or why there is none. Runs in a process of its own when there are many."""
    from contextkit.lint.source import summarise  # noqa: PLC0415  (the analyser is not needed for prompts)

    try:
        with warnings.catch_warnings(action="ignore"):  # of the parser, about the file's own text
            summary: _Summary = summarise(path, source_text(raw, path)).to_json()
    except ContextKitError as error:
        return Problem.of(path, error)
    except (RecursionError, MemoryError):
        return Problem(path, "the file is nested too deep", help="Exclude it.")
    return summary


def _chunk(sources: Sequence[tuple[str, bytes]]) -> list[_Summary | Problem]:
    return [_summarised(path, raw) for path, raw in sources]


def _in_processes(sources: Sequence[_Source], workers: int) -> Iterator[tuple[_Source, _Summary | Problem]]:
    """Summaries made side by side, large files first so that no process is left with one at the end."""
    ordered = sorted(sources, key=lambda source: -len(source.raw))
    chunks = [ordered[at : at + _CHUNK] for at in range(0, len(ordered), _CHUNK)]
    done = 0
    try:
        with ProcessPoolExecutor(workers, mp_context=_context()) as pool:
            for results in pool.map(_chunk, [[(one.path, one.raw) for one in chunk] for chunk in chunks]):
                yield from zip(chunks[done], results, strict=True)
                done += 1
    except BrokenProcessPool:
        for source in (source for chunk in chunks[done:] for source in chunk):
            yield source, _alone(source)


def _alone(source: _Source) -> _Summary | Problem:
    """One file in a process of its own, after some file has killed a process."""
    try:
        with ProcessPoolExecutor(1, mp_context=_context()) as pool:
            return pool.submit(_summarised, source.path, source.raw).result()
    except BrokenProcessPool:
        return Problem(source.path, "the analysis of this file ended its process", help="Exclude it.")


def _context() -> multiprocessing.context.BaseContext:
    """Fork where that is safe and there is one (it is the quickest), else spawn."""
    fork = "fork" in multiprocessing.get_all_start_methods() and threading.active_count() == 1
    return multiprocessing.get_context("fork" if fork else "spawn")


def _join(
    sources: Sequence[_Source], summaries: dict[str, _Summary], memo: Memo, workers: int
) -> tuple[list[Finding], list[Problem]]:
    """What all groups of files that have to do with each other come to; unchanged groups are not joined again."""
    from contextkit.lint.source import Module, groups  # noqa: PLC0415  (as above)

    by_path = {source.path: source for source in sources if source.path in summaries}
    modules = [Module.from_json(summaries[path]) for path in by_path]
    found: list[Finding] = []
    problems: list[Problem] = []
    new: list[tuple[str, list[tuple[str, bytes, _Summary]]]] = []
    for paths in groups(modules):
        key = key_of("group", *[part for path in paths for part in (path, by_path[path].key)])
        kept = memo.get(key)
        if isinstance(kept, list):
            found += map(from_data, kept)
        else:
            new.append((key, [(path, by_path[path].raw, summaries[path]) for path in paths]))
    many = workers > 1 and len(new) > 1 and sum(len(raw) for _, group in new for _, raw, _ in group) > _WORTH
    for (key, _), made in zip(new, _groups([group for _, group in new], workers if many else 1), strict=True):
        if isinstance(made, Problem):
            problems.append(made)
        else:
            memo.put(key, made)
            found += map(from_data, made)
    return found, problems


def _groups(
    groups: Sequence[list[tuple[str, bytes, _Summary]]], workers: int
) -> Iterator[list[dict[str, Any]] | Problem]:
    """What each group comes to, in their order."""
    if workers > 1:
        try:
            with ProcessPoolExecutor(workers, mp_context=_context()) as pool:
                yield from pool.map(_joined, groups)
                return
        except BrokenProcessPool:
            raise ContextKitError("a process of the analysis ended", fix="Exclude files until it does not.") from None
    yield from map(_joined, groups)


def _joined(group: Sequence[tuple[str, bytes, _Summary]]) -> list[dict[str, Any]] | Problem:
    """The findings of one group, as JSON values; a group that cannot be followed is a problem, not the end."""
    from contextkit.lint.source import Module, findings  # noqa: PLC0415  (as above)

    raw = {path: content for path, content, _ in group}

    def text(path: str) -> str:
        if path not in raw:
            raise FormatError("the file is not among those analysed", where=path)
        return source_text(raw[path], path)

    modules = [Module.from_json(data) for _, _, data in group]
    try:
        with warnings.catch_warnings(action="ignore"):
            return [to_data(one) for one in findings(modules, source=text)]
    except Exception as error:  # noqa: BLE001  (one program that cannot be followed must not hide the others)
        why = f"{type(error).__name__}: {str(error)[:100]}"
        first = next((module.path for module in modules if module.sends), modules[0].path)
        files = f"this file and {len(modules) - 1} more" if len(modules) > 1 else "this file"
        return Problem(first, f"the data flow through {files} could not be followed ({why})")
