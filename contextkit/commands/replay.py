"""`contextkit replay`: what other policies would have cost on recorded sessions."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, Final

from contextkit.errors import ConfigError
from contextkit.replay import compare, load_policies, suggest, traces
from contextkit.replay.settings import NAMES

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from contextkit.replay import Report, Suggestion

__all__ = ["arguments", "run"]

_DEFAULT: Final = ("none", "automatic", "sliding", "threshold", "break-even")
_COLUMNS: Final = (
    ("read", "read"),
    ("written", "write"),
    ("uncached", "uncached"),
    ("folds", "folds"),
    ("breaks", "breaks"),
    ("largest", "largest_prompt"),
    ("recall", "recall_window"),
    ("USD", "cost_usd"),
)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="Claude Code, pi, SWE-agent or tau sessions, or logs of requests"
    )
    parser.add_argument(
        "--policy",
        action="append",
        default=[],
        metavar="NAME[:SETTINGS]",
        help=f"{', '.join(NAMES)}, as in threshold:budget=60000,keep=10000, or a TOML file; may be repeated",
    )
    parser.add_argument("--model", default="", help="price the sessions as this model's")
    parser.add_argument("--suggest", action="store_true", help="search the cheapest settings at a recall")
    parser.add_argument("--recall", type=float, default=0.9, help="the least recall of a suggestion (default 0.9)")
    parser.add_argument("--json", action="store_true", help="print one JSON object a session")


def run(args: argparse.Namespace) -> int:
    """Compare the policies on each session; 0 when done, 1 when no suggestion reaches the recall."""
    if not 0 <= args.recall <= 1:
        raise ConfigError(f"recall is {args.recall}", where="--recall", fix="Give a share from 0 to 1.")
    chosen = [found for text in args.policy or _DEFAULT for found in load_policies(text)]
    found = [one for name in args.files for one in traces(name, model=args.model)]
    for one in found:
        report = compare(one, chosen)
        _print(json.dumps(report.as_dict()) if args.json else _table(report))
    if not args.suggest:
        return 0
    advice = suggest(found, recall=args.recall)
    _print(json.dumps({"suggestion": advice.as_dict()}) if args.json else _advice(advice, args.recall))
    return 0 if advice.policy else 1


def _table(report: Report) -> str:
    """A table of one session: what was billed, then a line a policy."""
    billed = report.billed()
    rows = [["", *(title for title, _ in _COLUMNS)]]
    if billed["cost_usd"] is not None:
        rows.append(["billed", *(_cell(billed, key) for _, key in _COLUMNS)])
    for found in report.outcomes:
        told = found.as_dict()
        rows.append([told["name"], *(_cell(told, key) for _, key in _COLUMNS)])
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    lines = [f"{report.trace.file}: {len(report.trace.steps)} calls, {report.trace.model}"]
    lines += [_line(row, widths) for row in rows]
    lines += [f"  note: {note}" for note in report.trace.notes]
    return "\n".join(lines) + "\n"


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
    return "  " + "  ".join(cells).rstrip()


def _cell(told: dict[str, Any], key: str) -> str:
    value = told["write_5m"] + told["write_1h"] if key == "write" else told.get(key)
    if value is None:
        return "-" if key != "cost_usd" else "unknown"
    if key == "cost_usd":
        return f"{value:,.3f}"
    return f"{value:.2f}" if key == "recall_window" else f"{value:,}"


def _advice(advice: Suggestion, recall: float) -> str:
    if advice.policy is None:
        return f"No settings of {advice.tried} keep {recall:.2f} of the references in the window."
    told = advice.as_dict()
    return (
        f"Cheapest of {advice.tried} settings that keep {recall:.2f} of the references in the window:\n"
        f"  {told['policy']}\n"
        f"  {advice.cost:,.3f} USD instead of {advice.automatic:,.3f} with automatic caching alone"
        f" ({told['saved']:.0%} less), recall {told['recall_window']:.2f}"
    )


def _print(text: str) -> None:
    sys.stdout.write(text + "\n")
