"""`contextkit audit LOGS`: what broken prompt caches cost in recorded sessions and request logs, money first."""

from __future__ import annotations

import json
import os
import sys
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
        "Exit status: 0 nothing was lost that could have been avoided, 1 losses, 2 a file could not be read,"
        " 3 nothing to evaluate."
    )
    parser.add_argument(
        "logs",
        nargs="*",
        metavar="LOG",
        help="request logs and recorded sessions (JSON lines), or folders of them; default: Claude Code's own folder",
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
    failed = _read(account, list(_files(args.logs)), args.model)
    if args.format == "json":
        text = json.dumps(_as_dict(account, args.top, failed), indent=2, ensure_ascii=True)
    else:
        from contextkit.lint.requests.statement import statement  # noqa: PLC0415

        text = statement(account, args.top, markdown=args.format == "markdown", failed=failed)
    sys.stdout.write(text + "\n")
    return _status(account, failed)


def _status(account: Account, failed: dict[str, str]) -> int:
    unread = any(one.code == _UNREADABLE for one in account.findings)
    if failed or (unread and not account.calls):
        return 2
    if not account.billed and not account.bodies:  # neither bills nor bodies: there was nothing to judge
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


def _files(given: list[str]) -> Iterator[Path]:
    """The files to read; those of a folder are its JSON lines, in order of their names."""
    for place in [Path(name) for name in given] or [_home()]:
        if place.is_dir():
            yield from sorted(one for one in place.rglob("*") if one.suffix in _SUFFIXES and one.is_file())
        elif given:
            yield place


def _read(account: Account, files: Iterable[Path], model: str) -> dict[str, str]:
    """Enter every file; those that could not be opened, with the reason."""
    from contextkit.lint.requests import examine  # noqa: PLC0415
    from contextkit.transcripts.lines import MAX_LINE  # noqa: PLC0415

    failed: dict[str, str] = {}
    for path in files:
        try:
            with path.open("rb") as stream:
                lines = iter(lambda stream=stream: stream.readline(MAX_LINE + 1), b"")  # type: ignore[misc]
                account.read(examine(str(path), lines, model=model))
        except OSError as error:
            failed[str(path)] = error.strerror or type(error).__name__
    return failed


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
