"""What compaction costs and keeps: every policy on the same recorded sessions, beside the optimum with hindsight.

The law: one bill for all (`contextkit.replay.bill`), the real sizes and gaps of recorded sessions, today's prices of
the models they were recorded with, summary calls billed. At each ceiling all summaries together take the same room:
what contextkit's levels take on average is given to every other policy's one summary.

    python benchmarks/compaction.py [--data DIR] [--write]
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import compaction_driven
from benchmarks.billed import data
from benchmarks.compaction_curve import CURVE, LISTS, PLANNING, curve, planning
from benchmarks.compaction_optimum import optimum
from benchmarks.compaction_peers import peers
from benchmarks.sections import replace_section
from contextkit.replay.bill import bill
from contextkit.replay.break_even import BreakEven
from contextkit.replay.compare import outcome, traces
from contextkit.replay.policies import Automatic, Nothing, Rolling, Sliding, Threshold
from contextkit.replay.recall import Recall, references

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from contextkit.replay.compare import Outcome
    from contextkit.replay.policies import Policy
    from contextkit.replay.recall import References
    from contextkit.replay.trace import Trace

SETTINGS = ((100_000, 10_000), (150_000, 20_000))
SUMMARY = 1_000
LONG = 100  # calls
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


@dataclass(slots=True)
class Ceiling:
    """One ceiling and kept tail over all sessions.

    Attributes:
        rows: by policy.
        lines: contextkit's, a session each.
        missed: targets, in words.
        beside: by driven package: USD, USD with its own marks, USD of its model.
    """

    budget: int
    keep: int
    rows: dict[str, Row] = field(default_factory=dict)
    lines: list[list[str]] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    beside: dict[str, list[float]] = field(default_factory=dict)

    def run(self, sessions: Sequence[tuple[Trace, References]], *, drive: bool) -> None:
        """Every policy on every session; summaries take the room that contextkit's levels take on average."""
        own = BreakEven(budget=self.budget, keep=self.keep, summary=SUMMARY, patience=1.0)
        firsts = [outcome(found, own, known) for found, known in sessions]
        sizes = [max(round(first.bill.in_window), 200) for first in firsts]
        wanted = compaction_driven.peers(self.budget, self.keep) if drive else []
        pairs = [(found, size) for (found, _), size in zip(sessions, sizes, strict=True)]
        driven = compaction_driven.drive(pairs, wanted)
        for at, (found, known) in enumerate(sessions):
            here = {name: made for (index, name), made in driven.items() if index == at}
            others = [outcome(found, policy, known) for policy in self._others(sizes[at], here)]
            self._beside(found, sizes[at], here, others)
            self._session(found, own, [firsts[at], outcome(found, replace(own, patience=2.0), known)], others)

    def _others(self, size: int, driven: Mapping[str, compaction_driven.Driven]) -> list[Policy]:
        """Every other policy: packages as they were driven, and models of what was not."""
        models = [model for model in peers(self.budget, self.keep, size) if model.name not in driven]
        return [
            Nothing(),
            Automatic(),
            Sliding(turns=8),
            Rolling(turns=8, summary=size),
            Threshold(budget=int(self.budget * 0.8), keep=self.keep, summary=size),
            *models,
            *driven.values(),
        ]

    def _session(self, found: Trace, own: BreakEven, ours: Sequence[Outcome], others: Sequence[Outcome]) -> None:
        best, schedule = optimum(found, own)
        folds = bill(found, schedule.moves(found), "5m").folds
        for made in [*others, *ours]:
            row = self.rows.setdefault(label(made.policy), Row(label(made.policy)))
            row.outcomes.append(made)
            row.ratios.append(made.bill.input_cost / best)
        cheapest = min(others, key=lambda made: made.bill.input_cost)
        self.lines.append(session_line(found, best, folds, ours, cheapest, best))
        self.missed += misses(found, self.budget, best, ours, cheapest)
        print(" | ".join(self.lines[-1]), flush=True)

    def _beside(
        self,
        found: Trace,
        size: int,
        driven: Mapping[str, compaction_driven.Driven],
        outcomes: Sequence[Outcome],
    ) -> None:
        """Add up what a driven package cost, with its own marks too, and what its model says."""
        models = {model.name: model for model in peers(self.budget, self.keep, size)}
        for made in outcomes:
            if (policy := driven.get(made.policy.name)) is None:
                continue
            model = models.get(policy.name)
            modelled = bill(found, model.moves(found), "5m").input_cost if model else 0.0
            costs = made.bill.input_cost, compaction_driven.marked(found, policy), modelled
            sums = self.beside.setdefault(policy.name, [0.0, 0.0, 0.0])
            self.beside[policy.name] = [one + more for one, more in zip(sums, costs, strict=True)]

    def told(self) -> list[str]:
        """The tables."""
        rows = sorted(self.rows.values(), key=lambda row: mean(row.ratios))
        lines = ["", f"### Ceiling {self.budget:,} tokens, kept tail {self.keep:,}", ""]
        lines += table(HEADER, [row.cells() for row in rows])
        header = ("session", "calls", "fixed", "optimum USD (folds)", "patience 1", "patience 2", "best of the others")
        lines += ["", "By session, cost as a multiple of the optimum (folds):", "", *table(header, self.lines)]
        if self.beside:
            cells = [
                [name, f"{cost:.2f}", f"{marks:.2f}", f"{model:.2f}" if model else "-"]
                for name, (cost, marks, model) in self.beside.items()
            ]
            titles = ("driven package", "USD in the table", "with its own marks", "its model")
            lines += ["", BESIDE, "", *table(titles, cells)]
        return lines


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
    if isinstance(policy, compaction_driven.Driven):
        return policy.name
    return named.get(type(policy), f"{policy.name} (model)")


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


def main(argv: Sequence[str] | None = None) -> int:
    """Run everything; 1 without the recordings."""
    parser = argparse.ArgumentParser(description="What compaction costs and keeps.")
    parser.add_argument("--data", type=Path, default=data(), help="the recordings (default ../shared/data)")
    parser.add_argument("--no-peers", action="store_true", help="do not drive the packages: their models stand in")
    parser.add_argument("--write", action="store_true", help="write the section of docs/benchmarks.md")
    args = parser.parse_args(argv)
    if args.data is None:
        print("the recordings are not beside the checkout (../shared/data) and $CONTEXTKIT_DATA is not set")
        return 1
    sessions = [(found, references(found)) for found in long_sessions(args.data)]
    lines = [INTRO]
    missed: list[str] = []
    for budget, keep in SETTINGS:
        made = Ceiling(budget, keep)
        made.run(sessions, drive=not args.no_peers)
        missed += made.missed
        lines += made.told()
    lines += ["", TARGETS, "", *([f"- {one}" for one in missed] or ["None."])]
    titles = ["budget beyond the fixed part"]
    for listed in LISTS:
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
LangChain 1.5.0, strands-agents 1.62.0 and pydantic-ai-harness 0.62.0 were driven: each in an environment of its own
got the session turn by turn, with the usage that its own window would have been billed, and a stub that writes its
summaries; what it would send at each call is billed like the others (`benchmarks/compaction_drive.py`). *(model)*
marks what could not be driven without the API or a package (`benchmarks/compaction_peers.py`). Not equal to the
others: strands keeps 4 or 10 messages and the two windows 8 exchanges, whatever the tail; packages keep 20 messages by
default; LangChain's defaults often put a fixed sentence in the place of the summary; pydantic-ai-harness shows the
summariser 500 characters of each tool output; ContextEditing counts without tools and system unless it is given a
counter; clearing and automatic caching do not keep the ceiling (see *largest prompt*). strands' preset "auto" also
cuts tool outputs above 1,500 tokens, which is left out here as contextkit's own shaping is. A fold at a session's
first call breaks nothing."""

BESIDE = """\
The driven packages beside their models. In the table above, what stands before a change counts as read, as if a mark
stood there; *with its own marks*: the same windows by the cache simulator with marks behind tools and system and on
the last block, as these packages set them."""

TARGETS = """\
### Targets missed

Patience 1 within 1.05 of the optimum, patience 2 within 1.12, both below every other policy. What separates the rule
from the optimum is the future: a large output or a pause that is about to come, and the session's end.
"""

if __name__ == "__main__":
    sys.exit(main())
