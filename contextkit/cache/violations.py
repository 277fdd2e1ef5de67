"""What broke the cached prefix: where, whose doing it was, what it cost, and whether the bill says so too.

Law: only what lies before the previous request's last mark can break. A finding is a prediction until usage comes;
then the billed cache read decides, and where the two disagree the disagreement stands in the report. No clock and
no I/O here: times are arguments, Unix seconds.

Sources: prompt-caching page (marks, lookback, lifetimes), its invalidation table, cache-diagnostics page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from contextkit.api import facts
from contextkit.api.facts import LOOKBACK, TTL_SECONDS
from contextkit.api.usage import Usage, price
from contextkit.cache.cause import Blame, Cause, Texts, departures
from contextkit.cache.prefix import Rules

if TYPE_CHECKING:
    from contextkit.api.facts import Ttl
    from contextkit.cache.spell import Spelled

__all__ = ["Entry", "Finding", "Sent", "Violation", "check", "remember", "settle"]

_CHARS_A_TOKEN: Final = 3.0
"""For a prompt whose tokens were never billed; off by up to 40 % (measured on billed sessions), so marked unconfirmed."""
_SLACK: Final = 0.01
"""Share of the expected read below which a difference is not a loss: marks inside a prompt are estimated."""
_SLACK_TOKENS: Final = 32
_NEAR_END: Final = 0.8
"""Share of a lifetime after which a missing entry counts as expired: 3 of 13 reads at 240 to 300 s were lost."""

_DIAGNOSED: Final = {
    "model_changed": frozenset({"model_changed", "speed_changed"}),
    "system_changed": frozenset({"system_changed"}),
    "tools_changed": frozenset({"tools_changed", "tools_reordered", "web_tools_changed"}),
    "messages_changed": frozenset(
        {"message_changed", "message_removed", "message_inserted", "compaction", "thinking_stripped", "images_changed",
         "citations_changed"}
    ),
    "unavailable": frozenset(
        {"tool_choice_changed", "thinking_changed", "effort_changed", "format_changed", "task_budget_changed",
         "context_management_changed", "betas_changed"}
    ),
}  # fmt: skip
"""Which local causes each `cache_miss_reason.type` of the API stands for (cache-diagnostics page)."""

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


@dataclass(frozen=True, slots=True)
class Entry:
    """What a request left in the cache.

    Attributes:
        pos: its last position in the prompt.
        step: that position's number for the lookback.
        tokens: prompt tokens up to it.
        ttl: its lifetime.
        expires: Unix seconds.
    """

    pos: int
    step: int
    tokens: float
    ttl: Ttl
    expires: float


@dataclass(slots=True)
class Sent:
    """What is remembered of an answered request: hashes, what it left in the cache, and short texts for windows.

    Attributes:
        spelled: the request.
        entries: what of it and of its ancestors is in the cache, in order of the prompt.
        texts: per position, what a window needs; empty with `redact`, None where memory was short.
        at: Unix seconds when it was sent.
        message_id: of its answer.
        open: how often this very request was answered and not continued yet.
        told_small: that it is below the minimum has been said.
        host: who answered it.
    """

    spelled: Spelled
    entries: tuple[Entry, ...] = ()
    texts: list[Any] = field(default_factory=list)
    at: float = 0.0
    message_id: str = ""
    open: int = 1
    told_small: bool = False
    host: str = ""


@dataclass(slots=True)
class Finding:
    """What one request is expected to lose, before it is billed.

    Attributes:
        violations: the predicted ones, the earliest effect first.
        full: the longest entry that the request could have read.
        hit: the one that it is expected to read.
        same: positions that are as they were.
    """

    violations: list[Violation] = field(default_factory=list)
    full: Entry | None = None
    hit: Entry | None = None
    same: int = 0


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
    if not breaking and full.pos >= same:  # a shorter request, or another branch: nothing more can be read
        full = next((entry for entry in reversed(before.entries) if entry.pos < same), None)
    hit = _hit(before.entries, now, same, at)
    if full is None or hit is full:
        return Finding([], full, hit, same)
    found = [_violation(cause, now, at) for cause in breaking]
    reason = _reason(full, now, at, broken=bool(breaking))
    if reason:
        found.insert(0, reason)
    lost = round(full.tokens - (hit.tokens if hit else 0))
    if found:
        found[0] = replace(found[0], tokens=max(0, lost))
    return Finding(found, full, hit, same)


def _planned(cause: Cause, planned: str) -> Cause:
    if cause.code.startswith("message_") or cause.code in {"images_changed", "citations_changed"}:
        return replace(cause, code=planned, blame="planned")
    return cause


def _hit(entries: Sequence[Entry], now: Spelled, same: int, at: float) -> Entry | None:
    """What the server finds: for each mark from the last, 20 positions back (prompt-caching page)."""
    for mark in reversed(now.marks):
        floor = mark.step - LOOKBACK
        for entry in reversed(entries):
            if floor < entry.step and entry.pos <= mark.pos and entry.pos < same and at < entry.expires:
                return entry
    return None


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


def settle(
    finding: Finding,
    usage: Usage | None,
    *,
    now: Spelled,
    at: float,
    reason: str = "",
    request: str = "",
    edited: bool = False,
    speed: str | None = None,
) -> list[Violation]:
    """The findings after the bill: confirmed or not, and what the bill alone shows.

    Args:
        finding: what `check` gave.
        usage: the billed tokens of the answer; None when they are not known.
        now: the request.
        at: Unix seconds when it was sent.
        reason: the `type` of the answer's `cache_miss_reason`.
        request: the message id, or a number.
        edited: the answer says that context editing was applied: it clears on the server, as was asked.
        speed: "fast" in fast mode, for the price.
    """
    found = finding.violations
    if usage is not None and finding.full is not None:
        lost = finding.full.tokens - usage.read
        if lost <= max(_SLACK_TOKENS, _SLACK * finding.full.tokens):
            found = [replace(v, tokens=0, usd=0.0, confirmed=False) for v in found if v.cause != "expired"]
        else:
            found = found or [_unforeseen(finding.full, now, at, usage, reason, edited=edited)]
            usd = _usd(now.model, usage, lost, at, speed)
            found = [
                replace(found[0], tokens=round(lost), usd=usd, confirmed=True),
                *(replace(v, usd=0.0) for v in found[1:]),
            ]
    return [_diagnosed(replace(v, request=request), reason, found) for v in found]


def _unforeseen(full: Entry, now: Spelled, at: float, usage: Usage, reason: str, *, edited: bool) -> Violation:
    """A loss that the two requests do not explain."""
    life = TTL_SECONDS[full.ttl]
    made = Violation("evicted", "provider", at=at, model=now.model)
    if edited:
        return replace(made, cause="context_edited", blame="planned", where="context_management")
    if at >= full.expires - (1 - _NEAR_END) * life:
        return replace(made, cause="expired", blame="expected")
    if reason in _DIAGNOSED or 0 < usage.read < full.tokens / 10:
        return replace(made, cause="unknown", blame="unknown")
    return made


def _usd(model: str, usage: Usage, lost: float, at: float, speed: str | None) -> float | None:
    """What the lost tokens cost more than a read: they were written again, or paid as plain input."""
    found = price(model, prompt=usage.prompt, at=at, speed=speed)
    if found is None:
        return None
    paid, left = 0.0, lost
    for tokens, rate in ((usage.write_1h, found.write_1h), (usage.write_5m, found.write_5m)):
        taken = min(left, tokens)
        paid += taken * (rate - found.read)
        left -= taken
    return paid + left * (found.input - found.read)


def _diagnosed(violation: Violation, reason: str, found: Sequence[Violation]) -> Violation:
    if not reason:
        return violation
    known = _DIAGNOSED.get(reason)
    if known is None:  # not found, or a reason that came later than this table
        return replace(violation, diagnosis=reason)
    agrees = any(other.cause in known for other in found)
    return replace(violation, diagnosis=reason, agrees=agrees if violation is found[0] else violation.cause in known)


def remember(
    before: Sent | None,
    finding: Finding,
    now: Spelled,
    at: float,
    usage: Usage | None,
    *,
    texts: list[Any] | None = None,
    message_id: str = "",
    host: str = "",
) -> Sent:
    """What is remembered of an answered request.

    What it read is renewed and what it marked is written (prompt-caching page); tokens at the last mark are the
    billed ones, at the others they are shared out by length.
    """
    cached = None if usage is None else usage.read + usage.write_5m + usage.write_1h
    entries: dict[int, Entry] = {}
    for entry in before.entries if before else ():
        if entry.pos < finding.same and at < entry.expires:
            touched = entry is finding.hit or any(mark.pos == entry.pos for mark in now.marks)
            entries[entry.pos] = replace(entry, expires=at + TTL_SECONDS[entry.ttl]) if touched else entry
    row = facts.model(now.model)
    minimum = row.min_prefix if row else 0
    if now.marks and cached != 0:
        end = now.size_at(now.marks[-1].pos) or 1
        total = cached if cached is not None else end / _CHARS_A_TOKEN
        for mark in now.marks:
            tokens = total * now.size_at(mark.pos) / end
            if tokens >= minimum or mark is now.marks[-1]:
                old = entries.get(mark.pos)
                kept = old.tokens if old and mark is not now.marks[-1] else tokens
                entries[mark.pos] = Entry(mark.pos, mark.step, kept, mark.ttl, at + TTL_SECONDS[mark.ttl])
    told = before.told_small if before else False
    ordered = tuple(entries[pos] for pos in sorted(entries))
    return Sent(now, ordered, texts or [], at, message_id, told_small=told, host=host)
