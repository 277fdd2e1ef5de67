"""The engine: paths and settings go in, an outcome comes out.

Law: rules find, the engine only brings them their files and sorts what they found. Order of work: every file is
analysed; comments take findings back; rules that are off drop out; then the lines that did not change, then the
baseline. So the same tree gives the same outcome, whatever was asked about it.
"""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from contextkit.errors import ConfigError, ContextKitError
from contextkit.lint import baseline
from contextkit.lint.changed import changed_since
from contextkit.lint.config import Config
from contextkit.lint.files import collect, relative
from contextkit.lint.joined import lint_source
from contextkit.lint.logs import lint_requests
from contextkit.lint.memo import Memo
from contextkit.lint.outcome import NOT_READ, Outcome, Problem
from contextkit.lint.patterns import matches, parse
from contextkit.lint.suppress import HINT, apply, comments
from contextkit.lint.text import lines_of, prompt_text, source_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from contextkit.lint.files import File, Found
    from contextkit.lint.rule import Finding
    from contextkit.lint.suppress import Comment

__all__ = ["lint", "new_baseline"]

_STARTS: Final = {"source": "CK1", "prompt": "CK2", "requests": "CK3"}
"""How the codes of the rules begin that are about a kind of file; a kind whose rules are all off is not read."""

_PROMPT_MAX = 8_000_000
"""Bytes of a prompt: twice what fills a window of a million tokens."""


def lint(
    paths: Sequence[str],
    config: Config | None = None,
    *,
    diff: str | None = None,
    cache: Path | None = None,
    workers: int = 2,
    known: bool = True,
    stdin_name: str = "",
) -> Outcome:
    """Lint files and folders.

    Args:
        paths: files and folders, and `-` for standard input.
        config: the settings; None is the defaults.
        diff: a git revision; only what touches lines changed since then is kept.
        cache: the folder in which `.contextkit_cache` is kept; None keeps none.
        workers: processes for Python source that is new.
        known: whether the baseline of the settings takes findings back.
        stdin_name: the name that standard input goes by.

    Raises:
        ConfigError: the settings, the baseline or the revision cannot be used.
    """
    config = config or Config(Path.cwd())
    entries = baseline.read(config.baseline) if known and config.baseline else None
    changed = changed_since(diff, _folder(paths)) if diff else None
    found = collect(paths, config, stdin_name=stdin_name)
    outcome = Outcome(problems=found.problems, unread=found.unread)
    outcome.texts = {file.path: file.raw for file in found.files if file.raw is not None}
    outcome.notes += _notes(found)
    wanted = {kind for kind, start in _STARTS.items() if config.wants_any(start)}
    files = [file for file in found.files if file.kind in wanted]
    _source(files, outcome, Memo(cache), workers)
    for file in files:
        if file.kind == "prompt":
            _prompt(file, outcome)
        elif file.kind == "requests":
            lint_requests(file, config.model, outcome)
    _sift(outcome, config, files)
    if changed:
        kept = [finding for finding in outcome.findings if changed.touches(finding)]
        outcome.unchanged = len(outcome.findings) - len(kept)
        outcome.findings = kept
    if entries is not None and config.baseline:
        entry = _entries(config.baseline.parent, outcome)
        outcome.findings, outcome.known, gone = baseline.apply(outcome.findings, entries, entry)
        if gone and not diff:
            outcome.notes.append(f"{gone} findings of the baseline are no longer there")
    return outcome


def _notes(found: Found) -> Iterator[str]:
    """What was met and left alone."""
    if found.links:
        yield (
            f"{found.links} links to folders were not followed"
            if found.links > 1
            else ("1 link to a folder was not followed")
        )
    if found.odd:
        many = f"{found.odd} pipes, sockets or devices were" if found.odd > 1 else "1 pipe, socket or device was"
        yield f"{many} not opened"
    for ending, name in ((".ipynb", "notebook"), (".pyi", "stub file")):
        if count := found.other[ending]:
            yield f"{count} {name}{'s were' if count > 1 else ' was'} not read ({ending})"


def new_baseline(file: Path, outcome: Outcome) -> None:
    """Write what was found as what is known.

    Raises:
        ConfigError: the file cannot be written.
    """
    entry = _entries(file.parent, outcome)
    counts = Counter(entry(finding) for finding in outcome.findings)
    baseline.write(file, counts)


def _folder(paths: Sequence[str]) -> Path:
    path = Path(paths[0]) if paths else Path()
    return path if path.is_dir() else path.parent


def _source(files: Sequence[File], outcome: Outcome, memo: Memo, workers: int) -> None:
    paths = [file.path for file in files if file.kind == "source"]
    if not paths:
        return
    found, problems, outcome.seen = lint_source(paths, memo, workers, given=outcome.texts)
    outcome.findings += found
    outcome.problems += problems
    outcome.evaluated["source"] += len(set(paths) - {problem.path for problem in problems})


def _prompt(file: File, outcome: Outcome) -> None:
    from contextkit.lint.prompt import check  # noqa: PLC0415  (not needed for source)

    try:
        if (len(file.raw) if file.raw is not None else Path(file.path).stat().st_size) > _PROMPT_MAX:
            raise ConfigError(f"the file is over {_PROMPT_MAX // 1_000_000} MB, no prompt", fix="Exclude it.")
        found = check(file.path, prompt_text(file.read(), file.path))
    except OSError as error:
        outcome.problems.append(Problem(file.path, f"the file cannot be read: {error.strerror}"))
    except ContextKitError as error:
        outcome.problems.append(Problem.of(file.path, error))
    else:
        outcome.findings += found
        outcome.evaluated["prompt"] += 1


def _sift(outcome: Outcome, config: Config, files: Sequence[File]) -> None:
    """Comments, rules that are off, duplicates; and the order."""
    broken = {problem.path for problem in outcome.problems}
    by_path = {file.path: found for file in files if file.path not in broken and (found := _comments(file))}
    findings, outcome.suppressed = apply(outcome.findings, by_path, config.wants)
    ignored = [(parse([pattern]), codes) for pattern, codes in config.per_file_ignores]
    unique = {
        (one.path, one.request or 0, one.line, one.column, one.code, one.pointer or "", one.message): one
        for one in findings
        if config.wants(one.code) and not _ignored_here(one, ignored, config.root)
    }
    outcome.problems = [one for one in outcome.problems if one.code == NOT_READ or config.wants(one.code)]
    outcome.findings = [unique[key] for key in sorted(unique)]
    outcome.problems.sort(key=lambda problem: (problem.path, problem.line, problem.column))


def _comments(file: File) -> list[Comment]:
    if file.kind == "requests":
        return []
    with suppress(OSError, ContextKitError):
        raw = file.read()
        if HINT.encode() in raw or file.kind == "prompt":
            read = source_text if file.kind == "source" else prompt_text
            return comments(read(raw, file.path), file.kind)
    return []


def _ignored_here(finding: Finding, ignored: Sequence[tuple[Any, tuple[str, ...]]], root: Path) -> bool:
    codes = [(patterns, code) for patterns, many in ignored for code in many if finding.code.startswith(code)]
    return bool(codes) and any(matches(patterns, relative(finding.path, root)) for patterns, _ in codes)


def _entries(root: Path, outcome: Outcome) -> Callable[[Finding], baseline.Entry]:
    """What names a finding in a baseline; reads each file once for the texts of its lines."""
    texts = {path: lines_of(raw.decode("utf-8", "replace")) for path, raw in outcome.texts.items()}

    def entry(finding: Finding) -> baseline.Entry:
        if finding.request is not None:
            return baseline.entry_of(finding, "", root)
        if finding.path not in texts:
            try:
                texts[finding.path] = lines_of(Path(finding.path).read_bytes().decode("utf-8", "replace"))
            except OSError:
                texts[finding.path] = []
        lines = texts[finding.path]
        return baseline.entry_of(finding, lines[finding.line - 1] if finding.line <= len(lines) else "", root)

    return entry
