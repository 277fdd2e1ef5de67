"""`contextkit emulate`: the emulator over HTTP, for programs in any language, on this machine only."""

from __future__ import annotations

import json
import sys
from importlib import import_module
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from contextkit.errors import ConfigError, FormatError

if TYPE_CHECKING:
    import argparse

    from contextkit.emulator.clock import Ticking
    from contextkit.emulator.script import ScriptSource

__all__ = ["arguments", "run"]


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "--port", type=int, default=8742, metavar="N", help="port on 127.0.0.1; 0 for a free one (8742)"
    )
    parser.add_argument(
        "--script",
        metavar="FILE.json|module:function",
        help="what the model says: a JSON list of replies, or a function of the request's body; without it every"
        " request is answered with its own bill",
    )
    parser.add_argument("--repeat", action="store_true", help="begin the JSON list again when it is used up")
    parser.add_argument(
        "--clock",
        choices=("real", "virtual"),
        default="real",
        help="virtual: time stands still until POST /_emulator/clock moves it",
    )


def run(args: argparse.Namespace) -> int:
    """Serve until interrupted.

    Raises:
        ConfigError: the port cannot be had, or the script cannot be found.
        FormatError: the script file is not one.
    """
    from contextkit.emulator import Clock, Emulator, Options  # noqa: PLC0415  (only when something is served)
    from contextkit.emulator.server import RealClock  # noqa: PLC0415

    clock: Ticking = Clock() if args.clock == "virtual" else RealClock()
    emulator = Emulator(_script(args.script, clock, repeat=args.repeat), clock=clock, options=Options(keep=1000))
    with emulator.serve(args.port) as served:
        print(f"ANTHROPIC_BASE_URL={served.url}", flush=True)  # noqa: T201  (the terminal is the output)
        print("Any API key will do. Ctrl-C stops it; the log is at /_emulator/requests.", file=sys.stderr)  # noqa: T201
        try:
            served.wait()
        except KeyboardInterrupt:
            print("stopped", file=sys.stderr)  # noqa: T201
    return 0


def _script(name: str | None, clock: Ticking, *, repeat: bool) -> ScriptSource:
    if name is None:
        from contextkit.emulator.echo import echo  # noqa: PLC0415
        from contextkit.tokens.parts import counts_for  # noqa: PLC0415

        return echo(counts_for, clock)
    if name.endswith(".json"):
        lines = _from_file(Path(name))
        return cycle(lines) if repeat and lines else lines
    return _from_module(name)


def _from_file(path: Path) -> list[Any]:
    from contextkit.emulator.scriptfile import lines_of  # noqa: PLC0415

    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"the script cannot be read: {error.strerror}", where=str(path)) from None
    except (ValueError, RecursionError) as error:
        raise FormatError(f"the script is not JSON: {error}", where=str(path)) from None
    return list(lines_of(value, where=str(path)))


def _from_module(name: str) -> ScriptSource:
    """The user's own function. Importing it runs their code, which is what they ask for."""
    module, _, attribute = name.partition(":")
    if not module or not attribute:
        raise ConfigError(f"{name!r} names no script", where="--script", fix="Give FILE.json or module:function.")
    sys.path.insert(0, str(Path.cwd()))
    try:
        found = getattr(import_module(module), attribute, None)
    except ImportError as error:
        raise ConfigError(f"the script cannot be imported: {error}", where=name) from None
    finally:
        sys.path.remove(str(Path.cwd()))
    if not callable(found):
        raise ConfigError(f"{module} has no function {attribute}", where=name, fix="Give module:function.")
    return cast("ScriptSource", found)
