"""Cost against recall by budget, and what a plan costs: the parts of the compaction benchmark without peers."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from contextkit.api import facts
from contextkit.compact import plan
from contextkit.compact.policies import Compaction
from contextkit.history.log import Entry, Log
from contextkit.replay.bill import bill
from contextkit.replay.break_even import BreakEven
from contextkit.replay.compare import outcome
from contextkit.replay.policies import Automatic
from contextkit.replay.recall import Recall

if TYPE_CHECKING:
    from collections.abc import Sequence

    from contextkit.replay.recall import References
    from contextkit.replay.trace import Trace

__all__ = ["CURVE", "LISTS", "PLANNING", "curve", "planning"]

BUDGETS = (20_000, 30_000, 40_000, 60_000, 80_000, 100_000, 150_000)
LISTS = (0, 1_000, 2_000)


def curve(sessions: Sequence[tuple[Trace, References]]) -> list[list[str]]:
    """Cost against recall: budgets beyond the fixed part, with and without a list of identifiers."""
    plain = sum(bill(found, Automatic().moves(found), "5m").input_cost for found, _ in sessions)
    rows = []
    for budget in BUDGETS:
        cells = [f"{budget:,}"]
        for listed in LISTS:
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
        seen = _situation(log)
        since = plan.Since(calls=turns, seen=turns, paid=0.01)
        plan.decide(seen, settings, since)
        taken = []
        for _ in range(7):
            begin = time.process_time()
            for _ in range(200):
                since.called(plan.decide(seen, settings, since))
            taken.append((time.process_time() - begin) / 200 * 1e6)
        rows.append([f"{turns:,}", f"{min(taken):.0f}"])
    return rows


def _situation(log: Log) -> plan.Situation:
    return plan.Situation(
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


CURVE = """\
### Cost against recall

contextkit folding only at the ceiling, over all sessions; the budget is what may stand beyond the fixed part, a fifth
of it is kept. Cost is a multiple of automatic caching's. *Recall*: as above. *Of what was lost*: the references whose
name stood in no entry that was sent, the share that the list beside the summaries held."""

PLANNING = 'One `plan.decide` with `summarizer="auto"`, process time, the least of 7 rounds of 200.'
