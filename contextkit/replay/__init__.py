"""What would a policy have cost on a recorded session: sizes from the bill, prices of today, policies side by side.

from contextkit.replay import compare, policy, traces
report = compare(traces("session.jsonl")[0], [policy("automatic"), policy("break-even:budget=100000,keep=10000")])
"""

from __future__ import annotations

from contextkit.replay.compare import Outcome, Report, compare, traces
from contextkit.replay.settings import load_policies, policy
from contextkit.replay.suggest import Suggestion, suggest
from contextkit.replay.trace import Trace, trace

__all__ = [
    "Outcome",
    "Report",
    "Suggestion",
    "Trace",
    "compare",
    "load_policies",
    "policy",
    "suggest",
    "trace",
    "traces",
]
