"""Which model answers, when to climb to the next, and what a switch of the main thread would cost.

Law: nothing here asks a model: tasks become rungs, answers become findings, numbers become verdicts. Who does the
asking is escalate.py.
"""

from __future__ import annotations

from contextkit.route.judge import Finding, judge
from contextkit.route.output import Output, output_of
from contextkit.route.switch import Switch, Thread, switch, thread_of
from contextkit.route.tasks import Rung, climbs, rungs_of

__all__ = [
    "Finding",
    "Output",
    "Rung",
    "Switch",
    "Thread",
    "climbs",
    "judge",
    "output_of",
    "rungs_of",
    "switch",
    "thread_of",
]
