"""The command line: `main(argv) -> int`. A command is a module in `contextkit.commands`, imported when it is called.

Each module has `arguments(parser)` and `run(args) -> int`. Exit status: 0 done, 1 findings or refused, 2 wrong use.
"""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Final, Protocol, cast

from contextkit.errors import ContextKitError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["COMMANDS", "main"]

COMMANDS: Final[dict[str, str]] = {
    "audit": "what recorded sessions lost of their cache, and what would have saved it",
    "conversations": "what a store keeps: list, show, export, delete",
    "count": "count the tokens of a text or a request body",
    "demo": "run one long agent four ways on the emulator and compare the bills",
    "emulate": "serve a local Messages API that bills like the real prompt cache",
    "explain": "what a rule of the linter says, and why",
    "ledger": "what a ledger file says: cost by step, model or purpose, and hot spots",
    "lint": "find what breaks prompt caches in source, prompts, request bodies and recordings",
    "replay": "what would other ways to hold the history have cost on a recorded session",
    "shape": "try a shape on a sample of a tool's output, or have one suggested",
}


class _Command(Protocol):
    def arguments(self, parser: argparse.ArgumentParser) -> None: ...

    def run(self, args: argparse.Namespace) -> int: ...


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the return value is the exit status."""
    words = list(sys.argv[1:] if argv is None else argv)
    parser = argparse.ArgumentParser(prog="contextkit", description="Prompt caches of Claude conversations.")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    chosen = next((word for word in words if not word.startswith("-")), None)
    for name, summary in COMMANDS.items():
        sub = commands.add_parser(name, help=summary, description=summary[0].upper() + summary[1:] + ".")
        if name == chosen:
            module = cast("_Command", import_module(f"contextkit.commands.{name}"))
            module.arguments(sub)
            sub.set_defaults(run=module.run)
    args = parser.parse_args(words)
    try:
        status: int = args.run(args)
        sys.stdout.flush()  # here and not at exit, where a broken pipe could only be complained about
    except ContextKitError as error:
        print(f"contextkit {args.command}: {error}", file=sys.stderr)  # noqa: T201  (the terminal is the output)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        _hush()
        return 0
    return status


def _hush() -> None:
    """The reader went away, as `| head` does: what is still unwritten goes nowhere, and nobody complains at exit."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
