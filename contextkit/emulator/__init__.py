"""A local Messages API that bills like the real prompt cache, for the real SDK and for anything that speaks HTTP.

Law: the emulator never knows who plays. It sees request bodies and a clock; it shares `api`, `tokens` and `cache`
with the planner and nothing else. What it does not emulate it refuses; it never ignores.
"""

from __future__ import annotations

from contextkit.emulator.clock import Clock
from contextkit.emulator.exchange import Exchange
from contextkit.emulator.script import (
    Failure,
    Reply,
    broken,
    connection_error,
    fault,
    redacted,
    reply,
    stream_error,
    text,
    thinking,
    timeout,
    tool_use,
)
from contextkit.emulator.service import Emulator
from contextkit.emulator.world import Options

__all__ = [
    "Clock",
    "Emulator",
    "Exchange",
    "Failure",
    "Options",
    "Reply",
    "broken",
    "connection_error",
    "fault",
    "redacted",
    "reply",
    "stream_error",
    "text",
    "thinking",
    "timeout",
    "tool_use",
]
