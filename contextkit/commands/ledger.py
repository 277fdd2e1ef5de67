"""`contextkit ledger`: what a ledger file says, as tables."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from contextkit.errors import ConfigError, FormatError
from contextkit.ledger import Ledger
from contextkit.lint.given import STDIN, handed_over, irregular, standard_input
from contextkit.report import report

if TYPE_CHECKING:
    import argparse

    from contextkit.ledger import By

__all__ = ["arguments", "run"]

_FIELDS = ("step", "model", "purpose", "conversation")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="ledger files, JSONL or SQLite, taken as one; -: stdin"
    )
    parser.add_argument("--by", choices=_FIELDS, default="step", help="what the table is grouped by (default step)")
    parser.add_argument("--depth", type=int, default=None, help="names of a step's path that count")
    parser.add_argument("--share", type=float, default=0.8, help="of the cost that the hot spots take (default 0.8)")
    parser.add_argument("--rows", action="store_true", help="print the rows as JSON, one a line")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of tables")


def run(args: argparse.Namespace) -> int:
    """Print what the files say; 0 when there was something, 1 when there is no call in them."""
    if args.depth is not None and args.depth < 1:
        raise ConfigError(f"depth is {args.depth}", where="--depth", fix="Give 1 or more.")
    ledger = Ledger()
    for name in args.files:
        ledger.take(_read(name))
    ledger.rows.sort(key=lambda row: row.at)
    if args.rows:
        for record in ledger.records():
            _print(json.dumps(record))
    elif args.json:
        _print(json.dumps(_as_dict(ledger, cast("By", args.by), args.depth, args.share)))
    else:
        _print(report(ledger, by=cast("By", args.by), depth=args.depth, share=args.share))
    return 0 if len(ledger) else 1


def _read(name: str) -> Ledger:
    """One file. Standard input is written to a file first, since a ledger may be a database."""
    if name == STDIN:
        return _spooled(standard_input(), name)
    try:
        what = irregular(name)
        if not what and handed_over(name):
            with Path(name).open("rb") as stream:
                return _spooled(stream, name)
    except (OSError, ValueError):
        what = ""  # reading it says what is wrong
    if what:
        raise ConfigError(f"the path is {what}, no file", where=name, fix="Give the file of a sink.")
    return Ledger.read(name)


def _spooled(stream: BinaryIO, name: str) -> Ledger:
    with NamedTemporaryFile(suffix=".ledger") as file:
        shutil.copyfileobj(stream, file)
        file.flush()
        try:
            return Ledger.read(file.name)
        except FormatError as error:
            raise FormatError(error.what, where=error.where.replace(file.name, name), fix=error.fix) from None


def _as_dict(ledger: Ledger, by: By, depth: int | None, share: float) -> dict[str, Any]:
    return {
        "totals": ledger.totals().as_dict(),
        "by": by,
        "groups": {name: found.as_dict() for name, found in ledger.by(by, depth=depth).items()},
        "hot_spots": [spot.as_dict() for spot in ledger.hot_spots(share, depth=depth)],
        "tools": {name: found.as_dict() for name, found in ledger.tools.by("tool").items()},
    }


def _print(text: str) -> None:
    sys.stdout.write(text + "\n")
