"""`contextkit audit LOGS`: what broken prompt caches cost in recorded sessions and request logs, money first."""

from __future__ import annotations

import json
import os
import sys
import warnings
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from contextkit.errors import ConfigError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator

    from contextkit.lint.requests.account import Account
    from contextkit.lint.requests.breaks import Break

__all__ = ["arguments", "run"]

_FORMATS: Final = ("text", "json", "markdown")
_SUFFIXES: Final = frozenset({".jsonl", ".ndjson"})
_UNREADABLE: Final = "CK300"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = (
        "Exit status: 0 nothing was lost that could have been avoided, 1 losses, 2 a file or a line could not be"
        " read (what could be is reported all the same), 3 nothing to evaluate."
    )
    parser.add_argument(
        "logs",
        nargs="*",
        metavar="LOG",
        help="request logs and recorded sessions (JSON lines), or folders of them; -: standard input;"
        " default: Claude Code's own folder",
    )
    parser.add_argument("--format", choices=_FORMATS, default="text", help="default: text")
    parser.add_argument("--top", type=int, default=10, metavar="N", help="how many breaks are shown (default 10)")
    parser.add_argument("--since", metavar="DATE", help="count calls from this day (UTC) or ISO time on")
    parser.add_argument("--model", default="", metavar="M", help="of requests that name none")


def run(args: argparse.Namespace) -> int:
    """Read everything, print the account; the exit status."""
    from contextkit.lint.requests.account import Account  # noqa: PLC0415  (--help shall be quick)

    if args.top < 0:
        raise ConfigError(f"top is {args.top}", where="--top", fix="Give 0 or more.")
    account = Account(since=_since(args.since))
    failed: dict[str, str] = {}
    odd: dict[str, str] = {}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        _read(account, _files(args.logs, failed, odd), args.model, failed)
        text = _text(account, args.format, args.top, {**failed, **odd})
    sys.stdout.write(text + "\n")
    _tell(caught)
    return _status(account, failed)


def _text(account: Account, form: str, top: int, failed: dict[str, str]) -> str:
    if form == "json":
        return json.dumps(_as_dict(account, top, failed), indent=2, ensure_ascii=True)
    from contextkit.lint.requests.statement import statement  # noqa: PLC0415

    return statement(account, top, markdown=form == "markdown", failed=failed)


def _tell(caught: list[warnings.WarningMessage]) -> None:
    """Warnings, about models without a known price say, each once and as text, on standard error."""
    from contextkit.lint.output.clean import plain  # noqa: PLC0415

    for note in dict.fromkeys(str(one.message) for one in caught):
        sys.stderr.write(f"contextkit audit: {plain(note, 300)}\n")


def _status(account: Account, failed: dict[str, str]) -> int:
    if failed or any(one.code == _UNREADABLE for one in account.findings):
        return 2
    if not account.judged:  # neither bills nor bodies
        return 3
    sums = account.by_kind()
    return 1 if sums["avoidable"].breaks or sums["unexplained"].breaks else 0


def _since(given: str | None) -> float | None:
    if given is None:
        return None
    try:
        moment = datetime.fromisoformat(given)
    except ValueError:
        raise ConfigError(
            f"{given!r} is no date", where="--since", fix="Give a day such as 2026-11-01, or an ISO time."
        ) from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _home() -> Path:
    """Where Claude Code keeps its sessions."""
    base = os.environ.get("CLAUDE_CONFIG_DIR")
    return (Path(base).expanduser() if base else Path.home() / ".claude") / "projects"


def _files(given: list[str], failed: dict[str, str], odd: dict[str, str]) -> Iterator[Path]:
    """The files to read; those of a folder are its JSON lines, in order of their names."""
    from contextkit.lint.given import walked  # noqa: PLC0415  (--help shall be quick)

    for place in [Path(name) for name in dict.fromkeys(given)] or [_home()]:
        if place.is_dir():
            yield from walked(place, _SUFFIXES, failed, odd)
        elif given:
            yield place


def _read(account: Account, files: Iterable[Path], model: str, failed: dict[str, str]) -> None:
    """Enter every file; into `failed` goes what could not be opened, with the reason."""
    from contextkit.lint.given import STDIN, irregular, standard_input  # noqa: PLC0415
    from contextkit.lint.logs import lines  # noqa: PLC0415
    from contextkit.lint.pauses import rare_pauses  # noqa: PLC0415
    from contextkit.lint.requests import examine  # noqa: PLC0415

    for path in files:
        name = str(path)
        try:
            if name == STDIN:
                with rare_pauses():
                    account.read(examine(name, lines(standard_input()), model=model))
            elif what := irregular(path):
                failed[name] = f"it is {what}, no file"
            else:
                with path.open("rb") as stream, rare_pauses():
                    account.read(examine(name, lines(stream), model=model))
        except (OSError, ValueError) as error:  # the latter for a name with a zero byte
            failed[name] = getattr(error, "strerror", None) or str(error) or type(error).__name__


def _as_dict(account: Account, top: int, failed: dict[str, str]) -> dict[str, Any]:
    """The account as plain JSON; USD and tokens, times in UTC."""
    from contextkit.lint.requests import finding  # noqa: PLC0415

    total = account.by_kind()
    usage = account.usage
    return {
        "files": len(account.files),
        "conversations": len(account.conversations),
        "calls": account.calls,
        "billed_calls": account.billed,
        "copied_calls": account.copies,
        "from": _time(account.first),
        "to": _time(account.last),
        "usage": {
            "input": usage.input,
            "cache_read": usage.read,
            "cache_write_5m": usage.write_5m,
            "cache_write_1h": usage.write_1h,
            "output": usage.output,
        },
        "spent_usd": round(account.spent, 6),
        "unpriced_calls": account.unpriced,
        "lost": {name: loss.as_dict() for name, loss in total.items()},
        "by_cause": [
            {"cause": cause, "code": finding(one).code, "blame": one.violation.blame, **loss.as_dict()}
            | {"fix": finding(one).help}
            for cause, loss, one in account.by_cause()
        ],
        "by_day": [{"day": day, **loss.as_dict()} for day, loss, _ in account.by_day()],
        "by_conversation": [
            {"path": one.path, "conversation": one.conversation, **loss.as_dict()}
            for _, loss, one in account.by_conversation()
        ],
        "advice": [{"conversation": one.conversation, "text": one.text, "usd": one.usd} for one in account.advice()],
        "worst": [_break(one) for one in account.worst(top)],
        "unreadable": [
            {"path": one.path, "line": one.line, "message": one.message}
            for one in account.findings
            if one.code == _UNREADABLE
        ],
        "failed": failed,
    }


def _break(one: Break) -> dict[str, Any]:
    from contextkit.lint.requests import finding  # noqa: PLC0415

    found, violation = finding(one), one.violation
    return {
        "code": found.code,
        "name": found.name,
        "cause": violation.cause,
        "blame": violation.blame,
        "path": one.path,
        "line": one.line,
        "request": one.request,
        "pointer": one.pointer,
        "conversation": one.conversation,
        "at": _time(one.at),
        "tokens": violation.tokens,
        "usd": violation.usd,
        "confirmed": violation.confirmed,
        "offset": violation.offset,
        "before": violation.before,
        "after": violation.after,
        "hint": one.hint,
        "fix": found.help,
    }


def _time(at: float | None) -> str | None:
    if at is None:
        return None
    try:
        return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
    except (OverflowError, OSError, ValueError):
        return None
