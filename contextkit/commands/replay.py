"""`contextkit replay`: what other policies would have cost on recorded sessions."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, Final

from contextkit.errors import ConfigError
from contextkit.replay import compare, load_policies, suggest, traces
from contextkit.replay.recall import Recall
from contextkit.replay.settings import NAMES

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from contextkit.replay import Report, Suggestion
    from contextkit.replay.apart import Apart

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

_NOTHING: Final = 0.005
"""A saving below this share is none."""


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
    reports = []
    for one in found:
        reports.append(compare(one, chosen))
        _print(json.dumps(reports[-1].as_dict()) if args.json else _table(reports[-1]))
    if len(reports) > 1 and not args.json:
        _print(_sums(reports))
    if not args.suggest:
        return 0
    advice = suggest(found, recall=args.recall)
    _print(json.dumps({"suggestion": advice.as_dict()}) if args.json else _advice(advice, args.recall))
    return 0 if advice.policy else 1


def _table(report: Report) -> str:
    """A table of one session: what was billed, then a line a policy."""
    billed = report.billed()
    rows = []
    if billed["cost_usd"] is not None:
        rows.append(["billed", *(_cell(billed, key) for _, key in _COLUMNS)])
    for found in report.outcomes:
        told = found.as_dict()
        rows.append([told["name"], *(_cell(told, key) for _, key in _COLUMNS)])
    lines = [f"{report.trace.file}: {len(report.trace.steps)} calls, {report.trace.model}", *_lines(rows)]
    lines += [f"  note: {note}" for note in report.trace.notes]
    lines += [f"  advice: {_apart(one)}" for one in report.independent]
    return "\n".join(lines) + "\n"


def _apart(one: Apart) -> str:
    costs = (
        f"{one.together:,.4f} USD here, {one.separate:,.4f} as conversations of their own behind one cached beginning,"
        f" {one.batch:,.4f} as a batch"
    )
    if not one.known:
        costs = f"conversations of their own cost {1 - one.separate / one.together:.0%} less, a batch half of that"
    return f"{one.turns} turns of one form ({one.form!r}) do not need each other's answers: {costs}"


def _sums(reports: Sequence[Report]) -> str:
    """A table of all sessions together; the largest prompt of any, recall over all references."""
    rows = []
    billed = [report.billed() for report in reports]
    if all(one["cost_usd"] is not None for one in billed):
        rows.append(["billed", *(_cell(_added(billed), key) for _, key in _COLUMNS)])
    for outcomes in zip(*(report.outcomes for report in reports), strict=True):
        told = _added([found.as_dict() for found in outcomes])
        told["recall_window"] = sum((found.recall for found in outcomes), Recall()).share
        told["largest_prompt"] = max(round(found.bill.largest) for found in outcomes)
        rows.append([outcomes[0].policy.name, *(_cell(told, key) for _, key in _COLUMNS)])
    calls = sum(len(report.trace.steps) for report in reports)
    return "\n".join([f"all {len(reports)} sessions: {calls:,} calls", *_lines(rows)]) + "\n"


def _added(told: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The sums of what can be added; None where one is not known."""
    keys = [key for key in told[0] if key not in {"name", "recall_window", "recall_archive"}]
    return {key: None if any(one[key] is None for one in told) else sum(one[key] for one in told) for key in keys}


def _lines(rows: Sequence[Sequence[str]]) -> list[str]:
    """A table with its head."""
    whole = [["", *(title for title, _ in _COLUMNS)], *rows]
    widths = [max(len(row[at]) for row in whole) for at in range(len(whole[0]))]
    return [_line(row, widths) for row in whole]


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
    left_out = f"\n  {advice.left_out} sessions without a known price are left out" if advice.left_out else ""
    if advice.policy is None:
        return f"No settings of {advice.tried} keep {recall:.2f} of the references in the window.{left_out}"
    if advice.saved < _NOTHING:
        return f"None of {advice.tried} settings costs less than automatic caching alone: do not fold.{left_out}"
    told = advice.as_dict()
    costs = f"{advice.saved:.0%} less than automatic caching alone"
    if advice.known:
        dollars = f"{advice.cost:,.3f} USD instead of {advice.automatic:,.3f}"
        costs = f"{dollars} with automatic caching alone ({advice.saved:.0%} less)"
    if advice.billed is not None and (of_billed := advice.saved_of_billed) is not None:
        less = f"{of_billed:.0%} less" if of_billed >= 0 else f"{-of_billed:.0%} more"
        costs += f"\n  {advice.billed:,.3f} USD was billed: it would have been {less}"
    return (
        f"Cheapest of {advice.tried} settings that keep {recall:.2f} of the references in the window:\n"
        f"  {told['policy']}\n"
        f"  {costs}\n"
        f"  recall {told['recall_window']:.2f}{left_out}"
    )


def _print(text: str) -> None:
    sys.stdout.write(text + "\n")
