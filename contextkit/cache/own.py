"""The prefix of one's own conversation: what the next call should read, and why it did not.

Law: constant work a call. A Conversation cannot change its own prefix by accident, so nothing is compared: the bill
of the last call says what stands in the cache, and what may be lost of it is known beforehand: a planned fold,
thinking that the API strips, time. Whatever else is missing was not the caller's doing. Foreign clients, whose
requests can change anywhere, are watched by watch.py.

Sources: prompt-caching page (usage fields, lifetimes), cache-diagnostics page (`cache_miss_reason`).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from contextkit.cache.reconcile import lost_usd
from contextkit.cache.violations import SLACK_TOKENS, Violation

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from contextkit.api.usage import Usage
    from contextkit.cache.cause import Blame

__all__ = ["Own"]

_log = logging.getLogger("contextkit")

_KEPT: Final = ("message_id", "_expected", "_renewed_at", "_sent_at", "_life")
_SLACK: Final = 0.01
_NEAR_END: Final = 0.8
"""Share of a lifetime after which a missing entry counts as expired: 3 of 13 recorded reads there were lost."""


@dataclass(slots=True)
class Own:
    """What one conversation expects of the cache.

    Attributes:
        model: the model of the main thread.
        violations: every loss so far, oldest first.
        on_violation: told of each.
        message_id: of the last answer, for the API's diagnostics.
        failed: how often `on_violation` raised; the violations are in the list all the same.
    """

    model: str
    on_violation: Callable[[Violation], object] | None = None
    violations: list[Violation] = field(default_factory=list)
    message_id: str | None = None
    failed: int = 0
    _expected: int = 0
    _renewed_at: float = 0.0
    _sent_at: float = 0.0
    _life: float = 300.0
    _why: list[tuple[str, Blame]] = field(default_factory=list)

    def forked(self) -> Own:
        """The same expectations, to be met by another conversation; its losses are its own."""
        return replace(self, violations=[], failed=0, _why=list(self._why))

    def sent(self, at: float, life: float) -> None:
        """A call of the main thread starts; its marks ask for `life` seconds."""
        if at - self._renewed_at >= self._life * _NEAR_END:
            self._why.append(("expired", "expected"))
        self._sent_at, self._life = at, life

    def warm(self, now: float) -> bool:
        """Whether what stands should still be there."""
        return now - self._renewed_at < self._life

    def to_json(self) -> dict[str, Any]:
        """What the next call should read, and why it might not, as JSON; the losses so far are not in it."""
        return {name: getattr(self, name) for name in _KEPT} | {"_why": [list(why) for why in self._why]}

    def restore(self, saved: Mapping[str, Any]) -> None:
        """Expect again what was expected when `to_json` was called."""
        for name in _KEPT:
            if name in saved:
                setattr(self, name, saved[name])
        self._why = [(cause, blame) for cause, blame in saved.get("_why", ())]

    def renewed(self, at: float) -> None:
        """A keep-alive has read what stands."""
        self._renewed_at = at

    def expect(self, cause: str, blame: Blame) -> None:
        """Something is done that loses the cache, on purpose or by the API's own rules."""
        self._why.append((cause, blame))

    def answered(self, usage: Usage, *, message_id: str = "", reason: str = "", speed: str | None = None) -> None:
        """The call was billed: compare, report, and note what stands now."""
        lost = self._expected - usage.read
        causes, self._why = self._why, []
        if lost > max(SLACK_TOKENS, _SLACK * self._expected):
            cause, blame = self._named(causes, usage)
            self._report(
                Violation(
                    cause,
                    blame,
                    tokens=lost,
                    usd=lost_usd(self.model, usage, lost, self._sent_at, speed),
                    confirmed=True,
                    diagnosis=reason,
                    agrees=_agrees(cause, reason),
                    at=self._sent_at,
                    request=message_id,
                    model=self.model,
                )
            )
        self._expected = usage.read + usage.write_5m + usage.write_1h
        self._renewed_at = self._sent_at
        self.message_id = message_id or self.message_id

    def _named(self, causes: list[tuple[str, Blame]], usage: Usage) -> tuple[str, Blame]:
        """Plans and rules come before time: a fold of a cold conversation is a fold."""
        if usage.read == usage.write_5m == usage.write_1h == 0:
            return "below_minimum", "expected"
        ranked = sorted(causes, key=lambda each: each[0] == "expired")
        return ranked[0] if ranked else ("evicted", "provider")

    def _report(self, violation: Violation) -> None:
        self.violations.append(violation)
        if self.on_violation is None:
            return
        try:
            self.on_violation(violation)
        except Exception as error:  # noqa: BLE001  (a paid answer is being booked: a callback must not lose it)
            if not self.failed:
                _log.warning("on_violation raised: %s: %s", type(error).__name__, error)
            self.failed += 1


def _agrees(cause: str, reason: str) -> bool | None:
    """Whether the API's diagnosis is this cause; None where it says nothing that could be compared."""
    if not reason or reason in {"previous_message_not_found", "unavailable"}:
        return None
    return reason == "messages_changed" and cause in {"compaction", "thinking_stripped"}
