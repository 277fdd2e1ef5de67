"""A ledger as text: what was spent, on what, and where it grows.

Law: every figure is the ledger's own; what is not known is said, never shown as 0. Names come from files and models,
so control characters in them are shown, not sent to the terminal. Text only: no colours, no I/O.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from contextkit.ledger import By, Ledger, Totals

__all__ = ["grouped", "hot_spots", "report", "summary", "table", "timeline"]

_BARS: Final = "▁▂▃▄▅▆▇█"
_WIDEST: Final = 60
_SMALL: Final = 0.001  # USD below which four places would hide the figure
_COLUMNS: Final = ("calls", "read", "written", "uncached", "output", "hit rate", "USD", "no cache", "share")


def report(ledger: Ledger, *, by: By = "step", depth: int | None = None, share: float = 0.8) -> str:
    """Everything that a ledger says, as text.

    Args:
        ledger: the calls.
        by: what the table is grouped by.
        depth: as in `Ledger.by`.
        share: of the cost that the hot spots take together.
    """
    parts = [summary(ledger)]
    if len(ledger):
        parts += [grouped(ledger, by, depth=depth), hot_spots(ledger, share, depth=depth), timeline(ledger)]
    return "\n\n".join(part for part in parts if part)


def summary(ledger: Ledger) -> str:
    """What was spent and what the cache saved, in a few lines."""
    total = ledger.totals()
    lines = [
        f"{total.calls:,} calls, {total.usage.prompt:,} prompt tokens, {total.usage.output:,} output tokens",
        f"read from the cache: {total.usage.read:,} ({total.hit_rate:.0%} of the prompt)",
        f"cost: {_usd(total.cost)}; without a cache: {_usd(total.uncached)}",
    ]
    if total.saved is not None and total.uncached:
        word = "saved" if total.saved >= 0 else "cost more"
        lines[-1] += f" ({abs(total.saved) / total.uncached:.0%} {word})"
    if total.unpriced:
        lines.append(f"{total.unpriced:,} calls of models whose price is not known are not in the cost")
    counts = ledger.verdicts.counts
    if counts:
        said = ", ".join(f"{verdict} {count:,}" for verdict, count in sorted(counts.items()))
        lines.append(f"compaction's plans: {said}")
    for name, tool in sorted(ledger.tools.tools.items()):
        lines.append(
            f"tool {_shown(name)}: {tool.served:,} of {tool.served + tool.ran:,} calls from the cache,"
            f" {tool.saved_seconds:,.1f} s and {tool.saved_tokens:,} tokens saved"
        )
    return "\n".join(lines)


def grouped(ledger: Ledger, by: By, *, depth: int | None = None) -> str:
    """One line a step, model, purpose or conversation, the dearest first."""
    groups = ledger.by(by, depth=depth)
    whole = sum(found.cost or 0.0 for found in groups.values())
    rows = [[name or "(none)", *_cells(found, whole)] for name, found in groups.items()]
    return table((by, *_COLUMNS), rows)


def _cells(found: Totals, whole: float) -> list[str]:
    usage = found.usage
    return [
        f"{found.calls:,}",
        f"{usage.read:,}",
        f"{usage.write_5m + usage.write_1h:,}",
        f"{usage.input:,}",
        f"{usage.output:,}",
        f"{found.hit_rate:.0%}",
        _amount(found.cost) + "+" * (found.cost is not None and found.unpriced > 0),
        _amount(found.uncached),
        "-" if found.cost is None or not whole else f"{found.cost / whole:.0%}",
    ]


def hot_spots(ledger: Ledger, share: float = 0.8, *, depth: int | None = None) -> str:
    """The steps that take most of the cost, how their prompts grow, and what is sent again."""
    spots = ledger.hot_spots(share, depth=depth)
    rows = [
        [
            spot.step or "(none)",
            f"{spot.share:.0%}",
            f"{spot.so_far:.0%}",
            f"{spot.totals.calls:,}",
            f"{spot.growth:,.0f}",
            f"{spot.reread:.0%}",
        ]
        for spot in spots
    ]
    if not rows:
        return ""
    head = f"hot spots: {len(rows)} of {len(ledger.by('step', depth=depth))} steps take {spots[-1].so_far:.0%}"
    return head + "\n" + table(("step", "share", "so far", "calls", "tokens a call more", "sent before"), rows)


def timeline(ledger: Ledger, *, width: int = _WIDEST) -> str:
    """Prompt tokens and cost over the calls, oldest first, as two rows of bars."""
    rows = ledger.rows
    if not rows:
        return ""
    slots = min(width, len(rows))
    edges = [len(rows) * at // slots for at in range(slots + 1)]
    parts = [rows[begin:end] for begin, end in pairwise(edges)]
    prompts = [max(row.usage.prompt for row in part) for part in parts]
    costs = [sum(row.cost or 0.0 for row in part) for part in parts]
    each = f" ({len(rows) / slots:.1f} calls a bar)" if slots < len(rows) else ""
    return "\n".join(
        [
            f"prompt {_bars(prompts)} up to {max(prompts):,} tokens{each}",
            f"cost   {_bars(costs)} up to ${max(costs):.4f}",
        ]
    )


def _bars(values: Sequence[float]) -> str:
    top = max(values, default=0) or 1
    return "".join(_BARS[min(int(value / top * len(_BARS)), len(_BARS) - 1)] for value in values)


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Aligned columns: the first to the left, figures to the right."""
    cells = [[_shown(cell) for cell in row] for row in (header, *rows)]
    widths = [max(len(row[at]) for row in cells) for at in range(len(header))]
    lines = []
    for row in cells:
        padded = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        lines.append("  ".join([row[0].ljust(widths[0]), *padded]).rstrip())
    return "\n".join(lines)


def _shown(text: str) -> str:
    plain = "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text[:200])
    return plain if len(plain) <= _WIDEST else plain[: _WIDEST - 3] + "..."


def _amount(value: float | None) -> str:
    if value is None:
        return "unknown"
    return f"{value:,.4f}" if value == 0 or abs(value) >= _SMALL else f"{value:.6f}"


def _usd(value: float | None) -> str:
    return "price unknown" if value is None else f"${_amount(value)}"
