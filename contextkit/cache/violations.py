"""What broke the cached prefix: where, whose doing it was, what it cost, and whether the bill says so too.

Law: only what lies before the previous request's last mark can break. A finding is a prediction until usage comes;
then the billed cache read decides, and where the two disagree the disagreement stands in the report. No clock and
no I/O here: times are arguments, Unix seconds.

Sources: prompt-caching page (marks, lookback, lifetimes), its invalidation table, cache-diagnostics page.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from contextkit.cache.branch import fork
from contextkit.cache.cause import Blame, Cause, Texts, departures
from contextkit.cache.prefix import Rules
from contextkit.cache.sent import hit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from contextkit.cache.sent import Entry, Sent
    from contextkit.cache.spell import Spelled

__all__ = ["SLACK_TOKENS", "Finding", "Violation", "check", "unbroken"]

SLACK_TOKENS: Final = 32
"""Tokens below which a difference is not a loss: what stands between two marks of one request is estimated."""

_SAID: Final = {
    "expired": "the entry's lifetime was over",
    "mark_lost": "no mark stands where the cached prefix could be read",
    "out_of_reach": "the marks are more than 20 positions after what was written",
    "below_minimum": "the prompt is shorter than the model's smallest cacheable prefix",
    "evicted": "nothing changed, but the server did not have the entry",
    "unknown": "less was read than was written, and nothing here explains it",
    "compaction": "old turns were replaced by a summary",
    "thinking_stripped": "the API dropped earlier turns' thinking at a new user turn",
}


@dataclass(frozen=True, slots=True)
class Violation:
    """One break of the cached prefix.

    Attributes:
        cause: a short code, such as "tools_changed", "message_changed", "expired".
        blame: "caller", "planned", "expected" (the API's own rules, time), "provider", or "unknown".
        where: a tool's name, a parameter, or a JSON pointer into the request.
        offset: bytes of the changed block's canonical text that are the same; None when not known.
        before: what stood there, at most 80 characters; with `redact` its length.
        after: what stands there now.
        tokens: prompt tokens that would have been read and were not; an estimate while `confirmed` is None. Where
            several causes meet, the one that breaks the prefix earliest carries them and the others 0.
        usd: what that cost; None when it is not known.
        confirmed: the bill agreed (True), disagreed (False), or has not come (None).
        diagnosis: the API's own `cache_miss_reason`; "" when it was not asked or named none.
        agrees: whether the API's reason is this cause; None without one.
        at: Unix seconds when the request was sent.
        request: the message id, or the number of the request while there is none.
        model: the model that was asked.
    """

    cause: str
    blame: Blame
    where: str = ""
    offset: int | None = None
    before: str = ""
    after: str = ""
    tokens: int = 0
    usd: float | None = None
    confirmed: bool | None = None
    diagnosis: str = ""
    agrees: bool | None = None
    at: float = 0.0
    request: str = ""
    model: str = ""

    def __str__(self) -> str:
        parts = [self.cause.replace("_", " ")]
        if self.where:
            parts.append(f"at {self.where}" + (f", byte {self.offset}" if self.offset is not None else ""))
        text = " ".join(parts)
        if self.cause in _SAID:
            text += f" ({_SAID[self.cause]})"
        if self.before or self.after:
            text += f": {self.before!r} became {self.after!r}"
        return f"{text}; {self._cost()}; {self._verdict()}"

    def _cost(self) -> str:
        usd = "" if self.usd is None else f", ${self.usd:.4f}"
        return f"{'about ' if self.confirmed is None else ''}{self.tokens:,} tokens not read{usd}"

    def _verdict(self) -> str:
        told = {True: "the bill confirms it", False: "the bill shows no loss", None: "not billed yet"}[self.confirmed]
        said = ""
        if self.diagnosis:
            said = f"; the API {'also ' if self.agrees else ''}says {self.diagnosis}"
        return f"blame: {self.blame}; {told}{said}"

    def as_dict(self) -> dict[str, Any]:
        """As plain JSON."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(slots=True)
class Finding:
    """What one request is expected to lose, before it is billed.

    Attributes:
        violations: the predicted ones, the earliest effect first.
        full: the longest entry that the request could have read.
        hit: the one that it is expected to read.
        same: positions that are as they were.
        otherwise: of a branch, what it is called if the bill says that not even its beginning was read.
    """

    violations: list[Violation] = field(default_factory=list)
    full: Entry | None = None
    hit: Entry | None = None
    same: int = 0
    otherwise: Violation | None = None


def check(
    before: Sent | None,
    now: Spelled,
    body: Mapping[str, Any],
    at: float,
    *,
    redact: bool = False,
    rules: Rules | None = None,
    planned: str = "",
) -> Finding:
    """What a request breaks of what an earlier one left in the cache.

    Args:
        before: the earlier request; None for the first.
        now: the request, spelled.
        body: the request, for windows.
        at: Unix seconds when it is sent.
        redact: lengths instead of windows.
        rules: what is in doubt about the cache.
        planned: a cause that was planned ("compaction"): departures in the messages are put down to it.
    """
    if before is None:
        return Finding()
    causes, same = departures(before.spelled, now, Texts(before.texts, body, redact), rules or Rules())
    if planned:
        causes = [_planned(cause, planned) for cause in causes]
    full = before.entries[-1] if before.entries else None
    if full is None:
        return Finding(same=same)
    breaking = [cause for cause in causes if cause.limit <= full.pos]
    if not planned and [cause.code for cause in breaking] == ["message_changed"]:
        start = fork(before, now, same)
        if start is not None:
            return _branch(start, before, _violation(breaking[0], now, at), now, same)
    if not breaking and full.pos >= same:  # a shorter request, or another branch: nothing more can be read
        full = next((entry for entry in reversed(before.entries) if entry.pos < same), None)
    read = hit(before.entries, now, same, at)
    if full is None or read is full:
        return Finding([], full, read, same)
    found = [_violation(cause, now, at) for cause in breaking]
    reason = _reason(full, now, at, broken=bool(breaking))
    lost = round(full.tokens - (read.tokens if read else 0))
    if reason and lost > SLACK_TOKENS:
        found.insert(0, reason)
    if found:
        found[0] = replace(found[0], tokens=max(0, lost))
    return Finding(found, full, read, same)


def _branch(start: Entry, before: Sent, otherwise: Violation, now: Spelled, same: int) -> Finding:
    """A request that takes another way from where an earlier one ended: it can read what that one left, no more."""
    at = otherwise.at
    if hit((start,), now, same, at) is start:
        return Finding([], start, start, same, otherwise)
    read = hit(before.entries, now, same, at)
    lost = round(start.tokens - (read.tokens if read else 0))
    reason = _reason(start, now, at, broken=False)
    found = [replace(reason, tokens=lost)] if reason and lost > SLACK_TOKENS else []
    return Finding(found, start, read, same, otherwise)


def unbroken(before: Sent | None, now: Spelled, at: float) -> Finding | None:
    """The everyday case of `check`: a request that goes on from `before` and reads all that it left.

    None where there is more to look at.
    """
    if before is None or before.spelled.top is not now.top or not before.entries:
        return None
    old, new = before.spelled.blocks, now.blocks
    count = len(old.owns)
    if not count <= len(new.owns) or old.chain[-1:] != new.chain[count - 1 : count]:
        return None
    row = now.top.row
    if new.compaction >= count or (old.thinking and (row is None or not row.keeps_thinking)):
        return None
    same = now.head + count
    full = before.entries[-1]
    return Finding([], full, full, same) if hit(before.entries, now, same, at) is full else None


def _planned(cause: Cause, planned: str) -> Cause:
    if cause.code.startswith("message_") or cause.code in {"images_changed", "citations_changed"}:
        return replace(cause, code=planned, blame="planned")
    return cause


def _reason(full: Entry, now: Spelled, at: float, *, broken: bool) -> Violation | None:
    """Why the longest entry is not read although its content is still there."""
    if at >= full.expires:
        return Violation("expired", "expected", at=at, model=now.model)
    if broken:
        return None
    after = [mark for mark in now.marks if mark.pos >= full.pos]
    if not after:
        return Violation("mark_lost", "caller", "cache_control", at=at, model=now.model)
    gap = min(mark.step for mark in after) - full.step
    return Violation("out_of_reach", "caller", f"cache_control, {gap} positions later", at=at, model=now.model)


def _violation(cause: Cause, now: Spelled, at: float) -> Violation:
    window = cause.window
    return Violation(
        cause.code,
        cause.blame,
        cause.where,
        window.offset,
        window.before,
        window.after,
        at=at,
        model=now.model,
    )
