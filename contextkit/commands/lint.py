"""`contextkit lint PATHS`: what breaks the prompt cache, before it ships."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from contextkit.errors import ConfigError

if TYPE_CHECKING:
    import argparse

    from contextkit.lint.config import Config
    from contextkit.lint.outcome import Outcome

__all__ = ["arguments", "run"]

_FORMATS: Final = ("text", "json", "sarif", "github", "markdown")  # the engine's, spelled here to stay light
_ROUNDS: Final = 5


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = (
        "Exit status: 0 clean (infos alone are clean), 1 findings, 2 something could not be analysed, "
        "3 nothing to evaluate. Settings: [tool.contextkit.lint] in pyproject.toml."
    )
    parser.add_argument(
        "paths", nargs="*", default=["."], metavar="PATH", help="files and folders; default: here; -: stdin"
    )
    parser.add_argument("--select", action="append", metavar="CODES", help="only these rules, or CK1 for all CK1xx")
    parser.add_argument("--ignore", action="append", metavar="CODES", help="not these rules")
    parser.add_argument("--format", choices=_FORMATS, default="text", help="default: text")
    parser.add_argument("--output", metavar="FILE", help="write there instead of to standard output")
    parser.add_argument("--statistics", action="store_true", help="counts by rule instead of findings")
    parser.add_argument("--strict", action="store_true", help="infos alone are status 1 too")
    parser.add_argument("--allow-empty", action="store_true", help="nothing to evaluate is status 0")
    parser.add_argument("--diff", metavar="REF", help="only what touches lines changed since this git revision")
    parser.add_argument("--fix", action="store_true", help="make the edits that are safe, and report what is left")
    parser.add_argument("--baseline", metavar="FILE", help="findings that are known and do not count")
    parser.add_argument("--write-baseline", metavar="FILE", help="write all findings there as known; status 0")
    parser.add_argument("--exclude", action="append", default=[], metavar="PATTERN", help="like a line of .gitignore")
    parser.add_argument("--stdin-filename", metavar="NAME", help="what standard input (-) is called; its suffix counts")
    parser.add_argument("--model", metavar="M", help="of requests that name none")
    parser.add_argument("--config", metavar="FILE", help="this pyproject.toml; default: the nearest above the paths")
    parser.add_argument("--isolated", action="store_true", help="read no pyproject.toml")
    parser.add_argument("--no-cache", action="store_true", help="neither read nor write .contextkit_cache")


def run(args: argparse.Namespace) -> int:
    """Lint, and print; the exit status."""
    from contextkit.lint.engine import lint, new_baseline  # noqa: PLC0415  (--help shall be quick)
    from contextkit.lint.output import render  # noqa: PLC0415

    _check(args)
    config = _config(args)
    cache = None if args.no_cache else config.root
    name = args.stdin_filename or ""
    outcome = lint(args.paths, config, diff=args.diff, cache=cache, known=not args.write_baseline, stdin_name=name)
    if args.fix:
        outcome = _fix(args, config, outcome, cache)
    if args.write_baseline:
        new_baseline(Path(args.write_baseline), outcome)
        _aside(f"{len(outcome.findings)} findings written to {args.write_baseline}")
        return 2 if outcome.problems else 0
    colour = not args.output and _colour()
    _print(render(outcome, args.format, colour=colour, statistics=args.statistics), args.output)
    if args.format != "text" or args.output:
        _tell(outcome)
    return outcome.status(strict=args.strict, allow_empty=args.allow_empty)


def _check(args: argparse.Namespace) -> None:
    """Refuse options that exclude each other."""
    if args.statistics and args.format in {"sarif", "github"}:
        raise ConfigError(f"there are no statistics in the format {args.format!r}", where="--statistics")
    if args.config and args.isolated:
        raise ConfigError("--config and --isolated exclude each other")
    if "-" not in args.paths:
        if args.stdin_filename:
            raise ConfigError("standard input is not read", where="--stdin-filename", fix="Give - as a path.")
        return
    for option, given in (("--fix", args.fix), ("--diff", args.diff)):
        if given:
            raise ConfigError("standard input is no file of a repository", where=option, fix="Name the file itself.")


def _config(args: argparse.Namespace) -> Config:
    """The settings of the file, with what the command line says instead."""
    from contextkit.lint.catalog import check_codes  # noqa: PLC0415
    from contextkit.lint.config import load, nearest  # noqa: PLC0415

    paths = [args.stdin_filename or path if path == "-" else path for path in args.paths]
    file = Path(args.config) if args.config else None if args.isolated else nearest(paths)
    config = load(file)
    if args.select is not None:
        config = replace(config, select=check_codes(_codes(args.select), "--select"))
    if args.ignore is not None:
        config = replace(config, ignore=check_codes((*config.ignore, *_codes(args.ignore)), "--ignore"))
    baseline = Path(args.baseline) if args.baseline else config.baseline
    return replace(
        config, baseline=baseline, model=args.model or config.model, exclude=(*config.exclude, *args.exclude)
    )


def _codes(given: list[str]) -> tuple[str, ...]:
    """The codes between the commas; an empty list is refused with the empty code, since it would mean all rules."""
    return tuple(code.strip() for many in given for code in many.split(",") if code.strip()) or ("",)


def _fix(args: argparse.Namespace, config: Config, outcome: Outcome, cache: Path | None) -> Outcome:
    """Make safe edits until there are none, and say each; the outcome of what is left."""
    from contextkit.lint.engine import lint  # noqa: PLC0415
    from contextkit.lint.fix import fix  # noqa: PLC0415
    from contextkit.lint.output.clean import plain  # noqa: PLC0415

    failed: dict[tuple[str, str], str] = {}
    for _ in range(_ROUNDS):
        done = fix(outcome.findings, outcome.seen)
        for finding, why in done:
            place = f"{finding.path}:{finding.line}:{finding.column}: {finding.code}"
            if not why:
                _aside(plain(f"fixed {place} {finding.message}"))
            failed[place, finding.message] = why
        if all(why for _, why in done):
            break
        outcome = lint(args.paths, config, diff=args.diff, cache=cache)
    left = {(f"{one.path}:{one.line}:{one.column}: {one.code}", one.message) for one in outcome.findings}
    for (place, message), why in failed.items():
        if why and (place, message) in left:
            _aside(plain(f"not fixed {place} {message}: {why}"))
    return outcome


def _colour() -> bool:
    """Whether standard output is a terminal that wants colours."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _print(text: str, file: str | None) -> None:
    if file:
        from contextkit.lint.whole import write_whole  # noqa: PLC0415

        write_whole(Path(file), text)
        return
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))


def _tell(outcome: Outcome) -> None:
    """What a format for machines has no place for, on standard error."""
    from contextkit.lint.output.clean import plain  # noqa: PLC0415
    from contextkit.lint.output.text import summary  # noqa: PLC0415

    for problem in outcome.problems:
        _aside(plain(f"{problem.path}:{problem.line}:{problem.column}: not analysed: {problem.message}"))
    _aside(summary(outcome))


def _aside(text: str) -> None:
    encoding = sys.stderr.encoding or "utf-8"
    sys.stderr.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")
