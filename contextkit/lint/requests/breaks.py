"""A break as the rules and the audit see it: which request, where in it, what caused it, what it cost.

Law: plain data, the same for a log of bodies and for a recorded session; what is not known is None or "".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from contextkit.api.usage import Usage
    from contextkit.cache.violations import Violation

__all__ = ["Billed", "Break"]


@dataclass(frozen=True, slots=True)
class Break:
    """One request that could not read what was in the cache.

    Attributes:
        path: the file.
        line: the request's line, from 1.
        request: its index in the file, from 0.
        conversation: its label.
        violation: cause, blame, window, tokens, USD, and whether the bill confirms it.
        pointer: JSON pointer into the request; "" where the place is not a place in it.
        before: index of the request that it goes on from; None where that is not known.
        before_line: that request's line; 0 where it is not known.
        at: Unix seconds; None where the file has no times.
        billed: the file holds bills.
        hint: what else is known, one sentence; "" for nothing.
    """

    path: str
    line: int
    request: int
    conversation: str
    violation: Violation
    pointer: str = ""
    before: int | None = None
    before_line: int = 0
    at: float | None = None
    billed: bool = False
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Billed:
    """One answered request, for sums.

    Attributes:
        path: the file.
        line: from 1.
        conversation: its label.
        model: who answered.
        usage: what was billed; None where the file does not tell.
        at: Unix seconds; None where the file has no times.
        body: the file holds its body, so that it could be judged without a bill.
        read: False where its body could not be read: its bill counts, and nothing else can be said of it.
    """

    path: str
    line: int
    conversation: str
    model: str
    usage: Usage | None
    at: float | None
    body: bool = False
    read: bool = True
