"""The requests of one Conversation, watched with work proportional to what is new.

Law: whoever holds the history knows what of it stands since the last request; only the rest is read. What is known is
one request, the last that was answered: a Conversation has no branches. Nothing here raises because of what it finds.
"""

from __future__ import annotations

import logging
from collections import deque
from dataclasses import dataclass, field
from operator import is_ as _is
from typing import TYPE_CHECKING, Any, Final

from contextkit.cache.prefix import Rules
from contextkit.cache.reconcile import billed_of, settle, too_small
from contextkit.cache.sent import Sent, remember
from contextkit.cache.spell import Chain, Spelled
from contextkit.cache.texts import texts_of
from contextkit.cache.violations import Finding, Violation, check

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

__all__ = ["Trail"]

_VIOLATIONS: Final = 10_000

_log = logging.getLogger("contextkit")


@dataclass(slots=True)
class _Step:
    at: float
    now: Spelled
    finding: Finding
    speed: str | None


@dataclass(slots=True)
class Trail:
    """Watches one conversation.

    Attributes:
        on_violation: called with each violation when its request has been billed.
        redact: report lengths only, keep no text.
        rules: what is in doubt about the cache.
        violations: oldest first; the newest 10,000.
    """

    on_violation: Callable[[Violation], object] | None = None
    redact: bool = False
    rules: Rules = field(default_factory=Rules)
    violations: deque[Violation] = field(default_factory=lambda: deque(maxlen=_VIOLATIONS))
    _chain: Chain = field(default_factory=Chain)
    _seen: Sequence[Mapping[str, Any]] = ()
    _last: Sent | None = None
    _step: _Step | None = None
    _texts: list[Any] = field(default_factory=list)
    _planned: str = ""

    @property
    def previous_message(self) -> str:
        """Id of the last answer, for `diagnostics`; "" before the first."""
        return self._last.message_id if self._last else ""

    def plan(self, cause: str = "compaction") -> None:
        """The next request changes the history on purpose."""
        self._planned = cause

    def sent(
        self,
        body: Mapping[str, Any],
        at: float,
        *,
        history: Sequence[Mapping[str, Any]],
        marked: Iterable[tuple[int, int]],
        betas: Iterable[str] = (),
    ) -> None:
        """A request is being sent; a repeated call replaces the one before, which then was not answered.

        Args:
            body: the request body.
            at: Unix seconds.
            history: its messages before marks were put on them and volatile text was added. The same object at the
                same place as in the last request stands for the same content.
            marked: message and block of each mark in the messages.
            betas: the values of the anthropic-beta header.
        """
        try:
            self._sent(body, at, history, marked, betas)
        except Exception as error:  # noqa: BLE001  (an observer never stops the request that it observes)
            self._step, self._seen = None, ()
            _log.debug("contextkit could not watch a request: %s: %s", type(error).__name__, error)

    def _sent(
        self,
        body: Mapping[str, Any],
        at: float,
        history: Sequence[Mapping[str, Any]],
        marked: Iterable[tuple[int, int]],
        betas: Iterable[str],
    ) -> None:
        same = min(_unchanged(self._seen, history), max(0, len(body["messages"]) - 1))
        now = self._chain.spell(body, betas, same=same, same_fixed=bool(self._seen), marked=marked)
        # The last message may have carried volatile text or been open; it is read again next time.
        self._seen = history[:-1]
        finding = check(self._last, now, body, at, redact=self.redact, rules=self.rules, planned=self._planned)
        self._texts = [] if self.redact else texts_of(self._last, now, body)
        self._step = _Step(at, now, finding, body.get("speed"))

    def answered(
        self, usage: Any, *, reason: str = "", message_id: str = "", edited: bool = False
    ) -> Sequence[Violation]:
        """The request was answered; returns its violations, which also stand in `violations`.

        Args:
            usage: the answer's usage, the SDK's object or a dict; None when it is not known.
            reason: the type of its `cache_miss_reason`.
            message_id: its id.
            edited: context editing was applied on the server.
        """
        step, self._step = self._step, None
        if step is None:
            return ()
        try:
            found = self._answered(step, usage, reason, message_id, edited=edited)
        except Exception as error:  # noqa: BLE001  (the answer is paid for; bookkeeping does not stop it)
            _log.debug("contextkit could not book an answer: %s: %s", type(error).__name__, error)
            return ()
        for violation in found:
            self._tell(violation)
        return found

    def _answered(self, step: _Step, usage: Any, reason: str, message_id: str, *, edited: bool) -> list[Violation]:
        billed = billed_of(usage)
        now, finding, at = step.now, step.finding, step.at
        found = settle(
            finding, billed, now=now, at=at, reason=reason, request=message_id, edited=edited, speed=step.speed
        )
        made = remember(
            self._last, now, at, billed, same=finding.same, read=finding.hit, texts=self._texts, message_id=message_id
        )
        if self._last is not None and not made.told_small:
            small = too_small(now, billed, at=at, request=message_id)
            if small:
                found.append(small)
                made.told_small = True
        self._last, self._planned = made, ""
        self.violations.extend(found)
        return found

    def _tell(self, violation: Violation) -> None:
        _log.info("prompt cache: %s", violation)
        if self.on_violation is None:
            return
        try:
            self.on_violation(violation)
        except Exception:  # noqa: BLE001  (the user's own function: its error is logged, the turn goes on)
            _log.exception("on_violation raised")


def _unchanged(before: Sequence[Any], now: Sequence[Any]) -> int:
    """How many objects at the start are the very same; one comparison in C when all are."""
    if len(now) >= len(before) and all(map(_is, before, now)):
        return len(before)
    return next(
        (at for at, (a, b) in enumerate(zip(before, now, strict=False)) if a is not b), min(len(before), len(now))
    )
