"""`contextkit demo`: one long agent run, four ways, and the four bills."""

from __future__ import annotations

import json
import sys
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING

from contextkit.api import facts
from contextkit.errors import ConfigError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable

    from contextkit.demo.compare import Outcome
    from contextkit.demo.live import LiveError

__all__ = ["arguments", "run"]

_LEAST_CALLS = 4
_WIDTH = 100  # what the table needs
_INTERRUPTED = 130  # as the shell says it


def arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("--model", default="sonnet", help="model of the main thread (default: sonnet)")
    parser.add_argument("--calls", type=int, default=100, help="calls of the main thread in each run (default: 100)")
    parser.add_argument(
        "--budget", type=int, default=60_000, help="contextkit's ceiling of the prompt in tokens (default: 60000)"
    )
    parser.add_argument("--no-shapes", action="store_true", help="let contextkit's run take every output whole, too")
    parser.add_argument("--json", action="store_true", help="print the comparison as JSON")
    parser.add_argument(
        "--live", action="store_true", help="use the real API and your key, after showing a bound of the cost"
    )
    parser.add_argument("--yes", action="store_true", help="with --live: agree to the bound of the cost beforehand")


def run(args: argparse.Namespace) -> int:
    """Run the comparison and print it."""
    model = _model(args)
    if args.live:
        return _live(model, args)
    from contextkit.demo import compare  # noqa: PLC0415

    outcomes, _ = _outcomes(compare.compare, model, args)
    _print(model, args, outcomes)
    return 0


def _model(args: argparse.Namespace) -> str:
    """The model of the main thread, when the options can be followed."""
    if args.calls < _LEAST_CALLS:
        raise ConfigError(f"--calls is {args.calls}", where="contextkit demo", fix=f"Give {_LEAST_CALLS} or more.")
    if args.yes and not args.live:
        raise ConfigError("--yes agrees to nothing", where="contextkit demo", fix="Give it with --live.")
    model = facts.resolve(args.model)
    if facts.model(model) is None:
        raise ConfigError(
            f"the model {args.model!r} is not in the table, so it has no price to compare",
            where="contextkit demo --model",
            fix=f"Known: {', '.join((*facts.ALIASES, *facts.MODELS))}.",
        )
    return model


def _live(model: str, args: argparse.Namespace) -> int:
    from contextkit.demo import live  # noqa: PLC0415

    client = live.connect()
    with closing(client):
        if not live.agreed(model, args.calls, args.budget, ask=lambda question: _ask(question, yes=args.yes)):
            return 1
        outcomes, error = _outcomes(partial(live.compare, client=client), model, args)
    _print(model, args, outcomes, error)
    if error is None:
        return 0
    return _INTERRUPTED if isinstance(error.__cause__, KeyboardInterrupt) else 2


def _print(model: str, args: argparse.Namespace, outcomes: list[Outcome], error: LiveError | None = None) -> None:
    """The rows that there are, and then why there are no more."""
    if args.json:
        failed = {} if error is None else {"error": str(error)}
        print(json.dumps({"model": model, "runs": [each.as_dict() for each in outcomes], **failed}, indent=2))  # noqa: T201
    elif outcomes:
        _show(model, outcomes, live=args.live)
    if error is not None:
        print(f"contextkit demo: {error}", file=sys.stderr)  # noqa: T201


def _outcomes(
    runner: Callable[..., Iterable[Outcome]], model: str, args: argparse.Namespace
) -> tuple[list[Outcome], LiveError | None]:
    """The finished runs, and what ended the one after them."""
    from rich.console import Console  # noqa: PLC0415  (0.1 s to import)
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    from contextkit.demo.live import LiveError  # noqa: PLC0415  (the SDK comes with the first client)
    from contextkit.demo.runs import NAMES  # noqa: PLC0415

    outcomes: list[Outcome] = []
    columns = (TextColumn("{task.description:<11}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty()) as progress:
        bars = {name: progress.add_task(name, total=args.calls) for name in NAMES}

        def tick(name: str, done: int) -> None:
            progress.update(bars[name], completed=done)

        options = {"model": model, "calls": args.calls, "budget": args.budget, "shaped": not args.no_shapes}
        try:
            for each in runner(NAMES, **options, tick=tick):
                outcomes.append(each)  # noqa: PERF402  (what is here before an error stays here)
        except LiveError as error:
            return outcomes, error
    return outcomes, None


def _ask(question: str, *, yes: bool) -> bool:
    """Everything on stderr: stdout may be a file that wants JSON."""
    print(question, file=sys.stderr)  # noqa: T201
    if yes:
        return True
    if not sys.stdin.isatty():
        print("Nothing was sent: there is no terminal to ask at. Agree with --yes.", file=sys.stderr)  # noqa: T201
        return False
    print("Go on? [y/N] ", end="", file=sys.stderr, flush=True)  # noqa: T201
    if sys.stdin.readline().strip().lower() in {"y", "yes"}:
        return True
    print("Nothing was sent.", file=sys.stderr)  # noqa: T201
    return False


def _show(model: str, outcomes: list[Outcome], *, live: bool) -> None:
    from rich import box  # noqa: PLC0415
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    table = Table(
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        title=f"One agent, four ways to hold its history ({model})",
        title_justify="left",
    )
    table.add_column("run", no_wrap=True)
    for name in ("calls", "read", "written", "un-\ncached", "out-\nput", "USD", "hit\nrate", "breaks", "folds"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("max\nprompt", justify="right", no_wrap=True)
    table.add_column("own\nsec", justify="right", no_wrap=True)
    for each in outcomes:
        tokens = (each.read, each.write_5m + each.write_1h, each.uncached, each.output)
        table.add_row(
            each.name,
            f"{each.calls}",
            *(_short(count) for count in tokens),
            "unknown" if each.cost_usd is None else f"{each.cost_usd:.3f}",
            f"{each.hit_rate:.1%}",
            f"{each.breaks}",
            f"{each.folds}",
            _short(each.largest_prompt),
            f"{each.own_seconds:.2f}",
        )
    console = Console(width=max(Console().width, _WIDTH))
    console.print(table)
    console.print(_verdict(outcomes))
    console.print(
        "Billed by the real API."
        if live
        else "The bill is emulated: tokens are estimates, cached as the documented rules say, at the model's listed"
        " price. The tools and their outputs are real; the model's part is a script, the same in all four runs."
    )


def _short(tokens: int) -> str:
    """Three digits and a unit: 27.6M, 596k, 12.1k, 40."""
    for unit, name in ((1e6, "M"), (1e3, "k")):
        if tokens >= unit:
            share = tokens / unit
            return f"{share:.1f}{name}" if share < 100 else f"{share:.0f}{name}"  # noqa: PLR2004
    return f"{tokens}"


def _verdict(outcomes: list[Outcome]) -> str:
    own = next((each for each in outcomes if each.name == "contextkit"), None)
    if own is None:
        return "contextkit's own run is missing, so there is nothing to compare with."
    if own.cost_usd is None or not own.cost_usd:
        return "No price is known for this model."
    ratios = [
        f"{each.cost_usd / own.cost_usd:.1f} times ({each.name})"
        for each in outcomes
        if each.cost_usd is not None and each.name != "contextkit"
    ]
    return f"The others cost {', '.join(ratios)} what contextkit costs, summary calls included."
