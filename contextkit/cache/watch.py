"""Several conversations of one client, told apart by what they share, and every break of each.

Law: whatever comes in, nothing is raised into the caller's request; what cannot be read is not watched. A request
that failed was not written, so it is forgotten: its retry is compared with what was there before. Memory is bounded
by the number of conversations and by the bytes that are kept for windows.
"""

from __future__ import annotations

import logging
from collections import deque
from dataclasses import dataclass, field
from threading import RLock
from typing import TYPE_CHECKING, Any, Final

from contextkit.cache.cause import shared
from contextkit.cache.name import name_of
from contextkit.cache.prefix import Rules
from contextkit.cache.reconcile import billed_of, settle, too_small
from contextkit.cache.sent import Sent, remember
from contextkit.cache.spell import Spelled, spell
from contextkit.cache.texts import texts_of
from contextkit.cache.violations import Finding, Violation, check, unbroken

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from contextkit.cache.blocks import Blocks

__all__ = ["Ticket", "Watch"]

_CONVERSATIONS: Final = 64
_LANES: Final = 4
"""How many earlier forms of one conversation are remembered: two efforts that take turns are two warm caches."""
_LOOKED_AT: Final = 8
"""How many recent conversations are searched for one whose first message is gone."""
_COMMON: Final = 2
"""Blocks that two requests have in common at least, when their first messages differ."""
_TEXT_BYTES: Final = 32_000_000
_VIOLATIONS: Final = 10_000

_log = logging.getLogger("contextkit")


@dataclass(slots=True)
class Ticket:
    """A request under way; give it back with `answered`.

    Attributes:
        number: how many requests came before it.
        at: Unix seconds when it was sent.
        now: the request.
        before: the request that it goes on from; None for a new conversation.
        finding: what it is expected to lose.
        texts: what is kept of it for windows.
        speed: "fast" in fast mode.
        conversation: the opaque name of the conversation that it belongs to.
    """

    number: int
    at: float
    now: Spelled
    before: Sent | None
    finding: Finding
    texts: list[Any] = field(default_factory=list)
    speed: str | None = None
    conversation: str = ""

    @property
    def branched(self) -> bool:
        """Whether it left its conversation's way where an earlier request had ended."""
        return self.finding.otherwise is not None


class Watch:
    """Watches the requests of one client.

    Args:
        on_violation: called with each violation when its request has been billed.
        redact: keep and report lengths only.
        rules: what is in doubt about the cache.
        conversations: how many are remembered.
        text_bytes: how much text is kept for the windows of reports, all conversations together.
    """

    def __init__(
        self,
        on_violation: Callable[[Violation], object] | None = None,
        *,
        redact: bool = False,
        rules: Rules | None = None,
        conversations: int = _CONVERSATIONS,
        text_bytes: int = _TEXT_BYTES,
    ) -> None:
        self.violations: deque[Violation] = deque(maxlen=_VIOLATIONS)
        self._on_violation = on_violation
        self._redact = redact
        self._rules = rules or Rules()
        self._conversations = conversations
        self._text_bytes = text_bytes
        self._tips: list[Sent] = []
        self._count = 0
        self._lock = RLock()

    def sent(
        self, body: Mapping[str, Any], at: float, *, betas: Iterable[str] = (), planned: str = "", own: bool = False
    ) -> Ticket | None:
        """A request is being sent; None when it cannot be read as one.

        Args:
            body: the request body, as plain JSON.
            at: Unix seconds.
            betas: the values of the anthropic-beta header.
            planned: a change of the messages is planned, and this is its cause ("compaction").
            own: nobody changes the body's dicts and lists from here on (the SDK copies every request): it is kept to
                be compared with the next, of which then only what differs is read. Without effect with `redact`.
        """
        try:
            with self._lock:
                return self._sent(body, at, betas, planned, own=own and not self._redact)
        except Exception as error:  # noqa: BLE001  (an observer never stops the request that it observes)
            _log.debug("contextkit could not read a request: %s: %s", type(error).__name__, error)
            return None

    def _sent(self, body: Mapping[str, Any], at: float, betas: Iterable[str], planned: str, *, own: bool) -> Ticket:
        now = spell(body, betas, known=[tip.spelled for tip in reversed(self._tips)], keep=own)
        before = self._tips[-1] if self._tips else None
        finding = unbroken(before, now, at)
        if finding is None:
            before = self._before(now)
            if before is None and planned:  # a rewrite may leave nothing in common: it is the latest of its kind
                before = next((tip for tip in reversed(self._tips) if tip.spelled.same_top(now)), None)
            finding = check(before, now, body, at, redact=self._redact, rules=self._rules, planned=planned)
        self._count += 1
        texts = [] if self._redact or now.body is not None else texts_of(before, now, body)
        name = name_of(body, private=self._redact) if before is None else before.conversation
        return Ticket(self._count, at, now, before, finding, texts, body.get("speed"), name)

    def answered(
        self,
        ticket: Ticket | None,
        usage: Any,
        *,
        reason: str = "",
        message_id: str = "",
        edited: bool = False,
        host: str = "",
    ) -> list[Violation]:
        """A request was answered; returns its violations, as they also stand in `violations`.

        Args:
            ticket: what `sent` gave. Of a request that failed, give nothing back.
            usage: the answer's usage, the SDK's object or a dict; None when it is not known.
            reason: the type of its `cache_miss_reason`.
            message_id: its id.
            edited: context editing was applied.
            host: who answered.
        """
        if ticket is None:
            return []
        try:
            with self._lock:
                found = self._answered(ticket, usage, reason, message_id, host, edited=edited)
        except Exception as error:  # noqa: BLE001  (as in `sent`)
            _log.debug("contextkit could not book an answer: %s: %s", type(error).__name__, error)
            return []
        for violation in found:
            self._tell(violation)
        return found

    def _answered(
        self, ticket: Ticket, usage: Any, reason: str, message_id: str, host: str, *, edited: bool
    ) -> list[Violation]:
        billed = billed_of(usage)
        name = message_id or str(ticket.number)
        now = ticket.now
        found = settle(
            ticket.finding,
            billed,
            now=now,
            at=ticket.at,
            reason=reason,
            request=name,
            edited=edited,
            speed=ticket.speed,
        )
        made = remember(
            ticket.before,
            now,
            ticket.at,
            billed,
            same=ticket.finding.same,
            read=ticket.finding.hit,
            texts=ticket.texts,
            message_id=message_id,
            host=host,
            conversation=ticket.conversation,
        )
        small = too_small(now, billed, at=ticket.at, request=name) if _may_say(ticket, made) else None
        if small:
            found.append(small)
            made.told_small = True
        self._remember(ticket, made)
        self.violations.extend(found)
        return found

    def _tell(self, violation: Violation) -> None:
        level = logging.WARNING if violation.blame == "caller" and violation.tokens else logging.INFO
        _log.log(level, "prompt cache: %s", violation)
        if self._on_violation is None:
            return
        try:
            self._on_violation(violation)
        except Exception:  # noqa: BLE001  (the user's own function: its error is logged, the request goes on)
            _log.exception("on_violation raised")

    def previous_message(self, ticket: Ticket | None) -> tuple[str, str] | None:
        """Message id and host of the answer that a request goes on from; None for a new conversation."""
        before = ticket.before if ticket else None
        return None if before is None else (before.message_id, before.host)

    def _before(self, now: Spelled) -> Sent | None:
        """The remembered request that this one goes on from: the longest shared head, cleanly if it can be."""
        best: Sent | None = None
        clean: Sent | None = None
        best_shared = clean_shared = 0
        for tip in reversed(self._tips):
            head = shared(tip.spelled.blocks.chain, now.blocks.chain)
            if head == 0 or _other_lane(tip.spelled, now):
                continue
            if head > best_shared:
                best, best_shared = tip, head
            if head > clean_shared and head == len(tip.spelled.blocks.owns) and tip.spelled.same_top(now):
                clean, clean_shared = tip, head
        if best is None:
            return self._headless(now)
        if clean is not None and 2 * now.size_at(now.head + clean_shared - 1) >= now.size_at(
            now.head + best_shared - 1
        ):
            return clean
        return best

    def _headless(self, now: Spelled) -> Sent | None:
        """A conversation whose first message is another or gone, and most of which is still there."""
        mine = set(now.blocks.owns)
        for tip in reversed(self._tips[-_LOOKED_AT:]):
            if _mostly_there(tip.spelled.blocks, now.blocks, mine) and not _other_lane(tip.spelled, now):
                return tip
        return None

    def _remember(self, ticket: Ticket, made: Sent) -> None:
        before, now = ticket.before, ticket.now
        tips = self._tips
        lanes = [tip for tip in tips if _within(tip.spelled, now)]
        same = next((tip for tip in lanes if tip.spelled.same(now)), None)
        if same is not None:
            made.open = same.open + 1
            lanes.remove(same)
            tips.remove(same)
        elif before is not None and before in lanes and before.spelled.same_top(now):
            before.open -= 1
            if before.open < 1:
                lanes.remove(before)
                tips.remove(before)
        tips.append(made)
        for tip in lanes[: max(0, len(lanes) - _LANES)]:
            tips.remove(tip)
        del tips[: max(0, len(tips) - self._conversations)]
        self._bound_texts()

    def _bound_texts(self) -> None:
        if len(self._tips) == 1 and self._tips[0].spelled.size <= self._text_bytes:
            return
        total = 0
        for tip in reversed(self._tips):
            spelled = tip.spelled
            if spelled.body is not None or tip.kept:
                total += spelled.size
                if total > self._text_bytes:
                    tip.kept = []
                    spelled.body = spelled.loose = None


def _mostly_there(old: Blocks, new: Blocks, mine: set[int]) -> bool:
    """Half of the old text stands somewhere in the new, or most old blocks stand where they stood and more follow."""
    common = [at for at, own in enumerate(old.owns) if own in mine]
    if len(common) < _COMMON:
        return False
    if 2 * sum(old.ends[at] - (old.ends[at - 1] if at else 0) for at in common) >= old.ends[-1]:
        return True
    in_place = sum(a == b for a, b in zip(old.owns, new.owns, strict=False))
    return len(new.owns) > len(old.owns) and in_place > _COMMON and 2 * in_place > len(old.owns)


def _within(before: Spelled, now: Spelled) -> bool:
    count = len(before.blocks.owns)
    return count <= len(now.blocks.owns) and before.blocks.chain[-1:] == now.blocks.chain[count - 1 : count]


def _other_lane(before: Spelled, now: Spelled) -> bool:
    """A side call over the same messages: two of model, tools and system have nothing in common."""
    strange = before.settings.get("model") != now.settings.get("model")
    tools = before.tools != now.tools and not set(before.tools) & set(now.tools)
    system = before.system != now.system and not set(before.system) & set(now.system)
    return strange + tools + system > 1


def _may_say(ticket: Ticket, made: Sent) -> bool:
    """That marks do nothing is said once a conversation, at its second request: only then is something lost."""
    return ticket.before is not None and not made.told_small
