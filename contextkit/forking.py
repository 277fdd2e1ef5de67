"""A second state that goes on from where a first one stands, with the same prefix.

Law: nothing that one of the two does later reaches the other, but for the ledger and the archive, which they share:
what is spent is spent by one program, and what was cut can be recalled in both.
"""

from __future__ import annotations

from collections import deque
from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING

from contextkit.compact.mentions import Mentions

if TYPE_CHECKING:
    from contextkit.history.log import Log
    from contextkit.state import State

__all__ = ["forked"]


def forked(state: State) -> State:
    """A copy whose requests begin with the same bytes; work in proportion to the entries, not to their contents."""
    made = copy(state)
    made.log = _log(state.log)
    made.view = state.view.fork(made.log)
    made.volatile = dict(state.volatile)
    made.failures = []
    made.gaps = deque(state.gaps, maxlen=state.gaps.maxlen)
    made.calibration = copy(state.calibration)
    made.own = state.own.forked()
    made.mentions = Mentions()
    made.sent = made.pending = None
    made.journal = state.journal.rows() if state.journal is not None else None
    made.unshare()
    return made


def _log(log: Log) -> Log:
    """The entries are shared, since none is ever edited, but for the last one, which may still grow."""
    made = copy(log)
    entries = list(log.entries)
    if entries:
        entries[-1] = replace(entries[-1], blocks=list(entries[-1].blocks))
    made.entries, made.ends, made.spares, made.pins = entries, list(log.ends), list(log.spares), list(log.pins)
    made.open_calls = dict(log.open_calls)
    made.unshare()
    return made
