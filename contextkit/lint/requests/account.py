"""What broken caches cost: losses summed by cause, day and conversation, and what would have avoided them.

Law: money is counted once. A call that stands in several files (a resumed session copies its history) counts where it
is met first; a loss of a call whose price is not known is counted in tokens and said to be unpriced, never as 0 USD.
Losses are avoidable (the caller's doing, or time), unexplained, or planned; only the first are promised back.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Literal

from contextkit.api.facts import TTL_SECONDS
from contextkit.api.usage import Usage
from contextkit.lint.requests import Billed, Break, finding
from contextkit.lint.requests.priced import priced
from contextkit.lint.requests.sequence import UNTIMED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from contextkit.lint.rule import Finding

__all__ = ["Account", "Advice", "Kind", "Loss", "kind_of"]

Kind = Literal["avoidable", "unexplained", "planned"]

_PING_EVERY: Final = 270.0
"""Seconds between keep-alives: a tenth of the short lifetime is left for the call to arrive."""
_UNTIMED_DAY: Final = "no date"


@dataclass(slots=True)
class Loss:
    """A sum of losses.

    Attributes:
        breaks: how many requests lost something.
        tokens: prompt tokens that were paid for again.
        usd: what they cost more than a read, as far as prices are known.
        unpriced: breaks whose price is not known.
    """

    breaks: int = 0
    tokens: int = 0
    usd: float = 0.0
    unpriced: int = 0

    def add(self, one: Break) -> None:
        """Count a break."""
        self.breaks += 1
        self.tokens += one.violation.tokens
        self.usd += one.violation.usd or 0.0
        self.unpriced += one.violation.usd is None and one.violation.tokens > 0

    def as_dict(self) -> dict[str, Any]:
        """As plain JSON."""
        return {"breaks": self.breaks, "tokens": self.tokens, "usd": round(self.usd, 6), "unpriced": self.unpriced}


@dataclass(frozen=True, slots=True)
class Advice:
    """Something that would have made the bill smaller.

    Attributes:
        conversation: whose bill; "" for all.
        text: what to do, and what it rests on.
        usd: what it would have saved, its own cost taken off.
    """

    conversation: str
    text: str
    usd: float


@dataclass(slots=True)
class _Idle:
    """The gaps of one conversation whose entries had expired.

    Attributes:
        at: start of its latest call.
        gap: seconds before that call.
        hour: USD that an hour's lifetime would have saved, without its own cost.
        dearer: USD that writing for an hour costs more.
        pings: USD of keep-alives through the gaps that were lost.
        saved: USD that keep-alives would have saved, without their own cost.
        gaps: how many were lost.
    """

    at: float | None = None
    gap: float = 0.0
    hour: float = 0.0
    dearer: float = 0.0
    pings: float = 0.0
    saved: float = 0.0
    gaps: int = 0


def kind_of(one: Break) -> Kind:
    """Whether a loss could have been avoided, was planned or is the API's rule, or is not explained."""
    violation = one.violation
    if violation.cause in {"unknown", "evicted"}:
        return "unexplained"
    avoidable = violation.blame == "caller" or violation.cause == "expired"
    return "avoidable" if avoidable else "planned"


@dataclass(slots=True)
class Account:
    """The sums of many files.

    Args:
        since: Unix seconds; calls before it are read, for what they left in the cache, and not counted.

    Attributes:
        files: that held a call.
        calls: answered requests.
        billed: those with a bill.
        bodies: those whose body is known.
        judged: those of which it can be said whether they lost something.
        usage: all that was billed.
        spent: USD of it, as far as prices are known.
        unpriced: billed calls whose price is not known.
        copies: calls that stood in an earlier file already.
        breaks: every break, in the order of the files.
        findings: what else was found, broken lines among it.
        first, last: Unix seconds of the earliest and the latest call; None where no file has times.
    """

    since: float | None = None
    files: set[str] = field(default_factory=set)
    conversations: set[tuple[str, str]] = field(default_factory=set)
    calls: int = 0
    billed: int = 0
    bodies: int = 0
    judged: int = 0
    usage: Usage = field(default_factory=Usage)
    spent: float = 0.0
    unpriced: int = 0
    copies: int = 0
    breaks: list[Break] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    first: float | None = None
    last: float | None = None
    _met: dict[tuple[float, str, Usage], str] = field(default_factory=dict)
    _idle: dict[tuple[str, str], _Idle] = field(default_factory=dict)
    _counting: bool = False

    def read(self, items: Iterable[Finding | Break | Billed]) -> None:
        """Enter one file, as `examine` gives it: each call, then its breaks."""
        for item in items:
            if isinstance(item, Billed):
                self._counting = self._call(item)
            elif not isinstance(item, Break):
                self.findings.append(item)
            elif self._counting and item.violation.confirmed is not False:
                self.breaks.append(item)
                self._gap(item)

    def _call(self, call: Billed) -> bool:
        """Enter a call; False where it does not count."""
        idle = self._idle.setdefault((call.path, call.conversation), _Idle())
        idle.gap = call.at - idle.at if call.at is not None and idle.at is not None else 0.0
        idle.at = call.at if call.at is not None else idle.at
        if self.since is not None and (call.at is None or call.at < self.since):
            return False
        if call.at is not None and call.usage is not None:
            if self._met.setdefault((call.at, call.model, call.usage), call.path) != call.path:
                self.copies += 1
                return False
            self.first = call.at if self.first is None else min(self.first, call.at)
            self.last = call.at if self.last is None else max(self.last, call.at)
        self.calls += 1
        self.bodies += call.body
        self.judged += call.body or (call.read and call.usage is not None)
        self.files.add(call.path)
        self.conversations.add((call.path, call.conversation))
        if call.usage is not None:
            self._bill(call, call.usage, idle)
        return True

    def _bill(self, call: Billed, usage: Usage, idle: _Idle) -> None:
        self.billed += 1
        self.usage += usage
        listed = priced(call.model, usage.prompt, call.at if call.at is not None else UNTIMED)
        if listed is None:
            self.unpriced += 1
            return
        self.spent += listed.of(usage)
        idle.dearer += usage.write_5m * (listed.write_1h - listed.write_5m)

    def _gap(self, one: Break) -> None:
        """What keeping the entry alive would have cost and saved, where it was lost by waiting."""
        idle = self._idle[(one.path, one.conversation)]
        usd, tokens = one.violation.usd, one.violation.tokens
        if one.violation.cause != "expired" or usd is None or not idle.gap or not one.billed:
            return
        listed = priced(one.violation.model, tokens, one.at)
        if listed is None:
            return
        idle.gaps += 1
        if idle.gap < TTL_SECONDS["1h"]:
            idle.hour += usd
        pings = (idle.gap // _PING_EVERY) * tokens * listed.read
        if pings < usd:
            idle.saved += usd
            idle.pings += pings

    def by_kind(self) -> dict[Kind, Loss]:
        """Sums of avoidable, unexplained and planned losses."""
        sums: dict[Kind, Loss] = {"avoidable": Loss(), "unexplained": Loss(), "planned": Loss()}
        for one in self.breaks:
            sums[kind_of(one)].add(one)
        return sums

    def by_cause(self) -> list[tuple[str, Loss, Break]]:
        """Cause, sum and one break of it, the dearest first."""
        return self._by([(one.violation.cause, one) for one in self.breaks])

    def by_day(self) -> list[tuple[str, Loss, Break]]:
        """The days (UTC) on which something avoidable or unexplained was lost, oldest first."""
        return sorted(self._by([(day_of(one.at), one) for one in self._unplanned()]), key=lambda row: row[0])

    def by_conversation(self) -> list[tuple[str, Loss, Break]]:
        """Conversations with avoidable or unexplained losses, the dearest first."""
        return self._by([(f"{one.path}\0{one.conversation}", one) for one in self._unplanned()])

    def _unplanned(self) -> Iterator[Break]:
        return (one for one in self.breaks if kind_of(one) != "planned")

    @staticmethod
    def _by(pairs: Sequence[tuple[str, Break]]) -> list[tuple[str, Loss, Break]]:
        sums: dict[str, tuple[Loss, Break]] = {}
        for key, one in pairs:
            loss, _ = sums.setdefault(key, (Loss(), one))
            loss.add(one)
        rows = [(key, loss, one) for key, (loss, one) in sums.items()]
        return sorted(rows, key=lambda row: (-row[1].usd, -row[1].tokens, row[0]))

    def worst(self, count: int) -> list[Break]:
        """The dearest breaks that nobody planned."""
        ranked = sorted(self._unplanned(), key=lambda one: (-(one.violation.usd or 0.0), -one.violation.tokens))
        return ranked[:count]

    def advice(self) -> list[Advice]:
        """What would have saved money, its own cost taken off; the most first."""
        found = [made for (_, label), idle in self._idle.items() if (made := _idle_advice(label, idle)) is not None]
        lost: dict[str, float] = {}
        fixes: dict[str, str] = {}
        for one in self.breaks:
            if kind_of(one) == "avoidable" and one.violation.cause != "expired":
                rule = finding(one)
                lost[rule.name] = lost.get(rule.name, 0.0) + (one.violation.usd or 0.0)
                fixes[rule.name] = rule.help
        found += [Advice("", f"{fixes[name]} ({name})", usd) for name, usd in lost.items() if usd > 0]
        return sorted(found, key=lambda one: -one.usd)


def _idle_advice(label: str, idle: _Idle) -> Advice | None:
    """The cheaper of an hour's lifetime and keep-alives, where one of them would have paid."""
    hour, alive = idle.hour - idle.dearer, idle.saved - idle.pings
    if not idle.gaps or max(hour, alive) <= 0:
        return None
    if hour >= alive:
        return Advice(label, f'a lifetime of an hour (ttl "1h"); {idle.gaps} entries had expired', hour)
    return Advice(label, f"a keep-alive (max_tokens 0) every {_PING_EVERY:.0f} s in {idle.gaps} gaps", alive)


def day_of(at: float | None) -> str:
    """The date in UTC; a word where there is no time."""
    if at is None:
        return _UNTIMED_DAY
    try:
        return datetime.fromtimestamp(at, UTC).date().isoformat()
    except (OverflowError, OSError, ValueError):
        return _UNTIMED_DAY
