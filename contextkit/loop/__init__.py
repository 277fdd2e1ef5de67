"""Turns and tools until a condition holds: `run`, and `arun` for asynchronous clients.

Law: one flow decides (flow.py), two drivers do (drivers.py). However a run ends, by its answer, a condition, an
error or an interruption, the conversation it leaves is valid and can be run on.
"""

from __future__ import annotations

from contextkit.loop.drivers import arun, run
from contextkit.loop.values import Call, Event, Result

__all__ = ["Call", "Event", "Result", "arun", "run"]
