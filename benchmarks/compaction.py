"""What compaction costs and keeps: every policy on the same recorded sessions, beside the optimum with hindsight.

The law: one bill for all (`contextkit.replay.bill`), the real sizes and gaps of recorded sessions, today's prices of
the models they were recorded with, summary calls billed. At each ceiling all summaries together take the same room:
what contextkit's levels take on average is given to every other policy's one summary.

    python benchmarks/compaction.py [--data DIR] [--write]
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import mean, median
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.billed import data
from benchmarks.compaction_optimum import optimum
from benchmarks.compaction_peers import peers
from benchmarks.sections import replace_section
from contextkit.api import facts
from contextkit.compact import plan
from contextkit.compact.policies import Compaction
from contextkit.history.log import Entry, Log
from contextkit.replay.bill import bill
from contextkit.replay.break_even import BreakEven
from contextkit.replay.compare import outcome, traces
from contextkit.replay.policies import Automatic, Nothing, Rolling, Sliding, Threshold
from contextkit.replay.recall import Recall, references

if TYPE_CHECKING:
    from collections.abc import Sequence

    from contextkit.replay.compare import Outcome
    from contextkit.replay.policies import Policy
    from contextkit.replay.recall import References
    from contextkit.replay.trace import Trace

SETTINGS = ((100_000, 10_000), (150_000, 20_000))
SUMMARY = 1_000
LONG = 100  # calls
BUDGETS = (20_000, 30_000, 40_000, 60_000, 80_000, 100_000, 150_000)
TARGET = {1.0: 1.05, 2.0: 1.12}


@dataclass(slots=True)
class Row:
    """One policy over all sessions: cost over the optimum's, and what it did."""

    name: str
    ratios: list[float] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)

    def cells(self) -> list[str]:
        """The row of the table."""
        folds = sum(found.bill.folds for found in self.outcomes)
        breaks = sum(found.bill.breaks for found in self.outcomes)
        kept = sum((found.recall for found in self.outcomes), Recall())
        cost = sum(found.bill.input_cost for found in self.outcomes)
        window = mean(found.bill.in_window for found in self.outcomes)
        largest = max(found.bill.largest for found in self.outcomes)
        archive = 1.0 if self.outcomes[0].policy.archive else kept.share
        return [
            self.name,
            f"{cost:.2f}",
            f"{mean(self.ratios):.2f}",
            f"{min(self.ratios):.2f} to {max(self.ratios):.2f}",
            str(folds),
            str(breaks),
            f"{largest:,.0f}",
            f"{window:,.0f}",
            f"{kept.share:.2f}",
            f"{archive:.2f}",
        ]


HEADER = (
    "policy",
    "USD",
    "x optimum",
    "range",
    "folds",
    "breaks",
    "largest prompt",
    "summary in window",
    "recall in window",
    "recallable",
)


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A table in Markdown."""
    return [f"| {' | '.join(line)} |" for line in (header, ["---"] * len(header), *rows)]


def long_sessions(root: Path) -> list[Trace]:
    """Every recorded session of `LONG` calls or more."""
    files = [*sorted((root / "claude_code_entireio_cli").glob("*.jsonl")), *sorted((root / "pi_mono").glob("*.jsonl"))]
    return [found for file in files for found in traces(file) if len(found.steps) >= LONG]


def at_one_ceiling(
    sessions: Sequence[tuple[Trace, References]], budget: int, keep: int
) -> tuple[list[Row], list[list[str]], list[str]]:
    """Every policy at one ceiling: rows, contextkit's line a session, and the targets that were missed."""
    rows: dict[str, Row] = {}
    lines: list[list[str]] = []
    missed: list[str] = []
    for found, known in sessions:
        own = BreakEven(budget=budget, keep=keep, summary=SUMMARY, patience=1.0)
        first = outcome(found, own, known)
        best, schedule = optimum(found, own)
        at_best = bill(found, schedule.moves(found), "5m")
        size = max(round(first.bill.in_window), 200)
        others: list[Policy] = [
            Nothing(),
            Automatic(),
            Sliding(turns=8),
            Rolling(turns=8, summary=size),
            Threshold(budget=int(budget * 0.8), keep=keep, summary=size),
            *peers(budget, keep, size),
        ]
        outcomes = [*(outcome(found, policy, known) for policy in others)]
        ours = [first, outcome(found, replace(own, patience=2.0), known)]
        for made in [*outcomes, *ours]:
            name = label(made.policy)
            row = rows.setdefault(name, Row(name))
            row.outcomes.append(made)
            row.ratios.append(made.bill.input_cost / best)
        cheapest = min(outcomes, key=lambda made: made.bill.input_cost)
        lines.append(session_line(found, best, at_best.folds, ours, cheapest, best))
        missed += misses(found, budget, best, ours, cheapest)
        print(" | ".join(lines[-1]), flush=True)
    return list(rows.values()), lines, missed


def label(policy: Policy) -> str:
    """A policy's name without the figures that are equal for all."""
    if isinstance(policy, BreakEven):
        return f"**contextkit, patience {policy.patience:g}**"
    named = {
        Nothing: "none (no marks)",
        Automatic: "automatic caching",
        Sliding: "sliding window, 8 exchanges",
        Rolling: "last 8 exchanges, summary at each call",
        Threshold: "fixed threshold, 80 %",
    }
    return named.get(type(policy), policy.name)


def session_line(
    found: Trace, best: float, folds: int, ours: Sequence[Outcome], cheapest: Outcome, unit: float
) -> list[str]:
    """One session: the optimum, contextkit's and the best of the others."""
    return [
        Path(found.file).name[:11],
        str(len(found.steps)),
        f"{found.fixed:,.0f}",
        f"{best:.2f} ({folds})",
        *(f"{made.bill.input_cost / unit:.3f} ({made.bill.folds})" for made in ours),
        f"{cheapest.bill.input_cost / unit:.3f} {label(cheapest.policy)}",
    ]


def misses(found: Trace, budget: int, best: float, ours: Sequence[Outcome], cheapest: Outcome) -> list[str]:
    """The targets that a session misses, in words."""
    name = f"{Path(found.file).name[:11]} at {budget:,}"
    told = []
    for made in ours:
        patience = made.policy.patience if isinstance(made.policy, BreakEven) else 0.0
        ratio = made.bill.input_cost / best
        if ratio > TARGET[patience]:
            told.append(f"{name}: patience {patience:g} costs {ratio:.3f} times the optimum, not {TARGET[patience]}")
        if made.bill.input_cost >= cheapest.bill.input_cost:
            told.append(f"{name}: patience {patience:g} costs more than {label(cheapest.policy)}")
        if made.bill.breaks > made.bill.folds:
            told.append(f"{name}: {made.bill.breaks} breaks, {made.bill.folds} folds")
    return told


def curve(sessions: Sequence[tuple[Trace, References]]) -> list[list[str]]:
    """Cost against recall: budgets beyond the fixed part, with and without a list of identifiers."""
    plain = sum(bill(found, Automatic().moves(found), "5m").input_cost for found, _ in sessions)
    rows = []
    for budget in BUDGETS:
        cells = [f"{budget:,}"]
        for listed in (0, 1_000, 2_000):
            cost, kept = 0.0, Recall()
            for found, known in sessions:
                ceiling = int(found.fixed) + budget
                made = outcome(
                    found, BreakEven(budget=ceiling, keep=budget // 5, patience=1e9, identifiers=listed), known
                )
                cost += made.bill.input_cost
                kept += made.recall
            cells += [f"{cost / plain:.2f}", f"{kept.share:.2f}", f"{kept.share_listed:.2f}"]
        rows.append(cells)
    return rows


def planning() -> list[list[str]]:
    """Microseconds of one plan, by the turns before it."""
    rows = []
    for turns in (50, 500, 5_000):
        log = Log()
        for at in range(2 * turns):
            log.entries.append(Entry("assistant" if at % 2 else "user", [{"type": "text", "text": "x"}]))
            log.ends.append((log.ends[-1] if log.ends else 0.0) + 40.0)
        settings = Compaction(budget=1_000_000, keep_recent=2_000, patience=1e9)
        seen = plan.Situation(
            log=log,
            start=0,
            fixed=3_000.0,
            summaries=0.0,
            levels=[],
            total=log.ends[-1] + 3_000,
            new=80.0,
            ceiling=1_000_000,
            window=1_000_000,
            row=facts.model("claude-sonnet-5-5"),
            model="claude-sonnet-5-5",
            ttl="5m",
            summarizer="auto",
            idle=10.0,
        )
        since = plan.Since(calls=turns, seen=turns, paid=0.01)
        plan.decide(seen, settings, since)
        taken = []
        for _ in range(7):
            begin = time.perf_counter()
            for _ in range(200):
                since.called(plan.decide(seen, settings, since))
            taken.append((time.perf_counter() - begin) / 200 * 1e6)
        rows.append([f"{turns:,}", f"{median(taken):.0f}"])
    return rows


def main(argv: Sequence[str] | None = None) -> int:
    """Run everything; 1 without the recordings."""
    parser = argparse.ArgumentParser(description="What compaction costs and keeps.")
    parser.add_argument("--data", type=Path, default=data(), help="the recordings (default ../shared/data)")
    parser.add_argument("--write", action="store_true", help="write the section of docs/benchmarks.md")
    args = parser.parse_args(argv)
    if args.data is None:
        print("the recordings are not beside the checkout (../shared/data) and $CONTEXTKIT_DATA is not set")
        return 1
    sessions = [(found, references(found)) for found in long_sessions(args.data)]
    lines = [INTRO]
    missed: list[str] = []
    for budget, keep in SETTINGS:
        rows, per_session, wrong = at_one_ceiling(sessions, budget, keep)
        missed += wrong
        lines += ["", f"### Ceiling {budget:,} tokens, kept tail {keep:,}", ""]
        lines += table(HEADER, [row.cells() for row in sorted(rows, key=lambda row: mean(row.ratios))])
        header = ("session", "calls", "fixed", "optimum USD (folds)", "patience 1", "patience 2", "best of the others")
        lines += ["", "By session, cost as a multiple of the optimum (folds):", "", *table(header, per_session)]
    lines += ["", TARGETS, "", *([f"- {one}" for one in missed] or ["None."])]
    titles = ["budget beyond the fixed part"]
    for listed in (0, 1_000, 2_000):
        titles += [f"cost, list {listed:,}", "recall", "of what was lost"]
    lines += ["", CURVE, "", *table(titles, curve(sessions))]
    lines += ["", "### Planning", "", PLANNING, "", *table(("turns before", "µs a plan"), planning())]
    print("\n".join(lines))
    if args.write:
        replace_section("compaction", "Compaction", "make benchmark-compaction", lines)
    return 0


INTRO = """\
Every recorded session of 100 calls or more in `../shared/data` (Claude Code and pi), as sizes calibrated to the
billed totals, with its real gaps between calls; today's prices of the model it was recorded with. System and tools
are not in the files; their size is the rest of the first billed total. A history that was compacted when it was
recorded grows on here. USD is everything but the answers: prompts and summary calls (by Haiku 5.5 for all; the API's
own compaction by the main model). *x optimum*: mean over sessions of the cost against the cheapest schedule of folds
with hindsight, found by a dynamic programme under the same ceiling, tail and summaries. contextkit's summaries stand
in levels of 1,000 tokens each; every other policy gets one summary as long as those are on average. An *exchange* is
an answer and what came back for it. Recall: identifiers that a later tool call used and that were first named in a
folded entry, the share that stands in the window verbatim; no list of identifiers stands beside the summaries here,
and what a summary's prose would keep counts as nothing. *Recallable* counts the archive.
The peers are models of their documented behaviour (`benchmarks/compaction_peers.py` says of which version), not the
packages themselves. Not equal to the others: strands keeps 4 messages and the two windows 8 exchanges, whatever the
tail, so they hold less; LangChain's defaults keep 20 messages and often put a fixed sentence in the place of the
summary; clearing and automatic caching do not keep the ceiling (see *largest prompt*). A fold at a session's first
call breaks nothing."""

TARGETS = """\
### Targets missed

Patience 1 within 1.05 of the optimum, patience 2 within 1.12, both below every other policy. What separates the rule
from the optimum is the future: a large output or a pause that is about to come, and the session's end.
"""

CURVE = """\
### Cost against recall

contextkit folding only at the ceiling, over all sessions; the budget is what may stand beyond the fixed part, a fifth
of it is kept. Cost is a multiple of automatic caching's. *Recall*: as above. *Of what was lost*: the references whose
name stood in no entry that was sent, the share that the list beside the summaries held."""

PLANNING = 'One `plan.decide` with `summarizer="auto"`, the slowest, median of 7 rounds of 200.'


if __name__ == "__main__":
    sys.exit(main())
