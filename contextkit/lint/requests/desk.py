"""All requests of a file that begin with one first message, and the watch that compares them.

Law: a watch is made when there is something to compare. Most logs of small requests hold each first message once: of
such a request only the request itself is kept, and the watch that is made when a second one comes is told of it first.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from contextkit.cache.cause import shared
from contextkit.cache.violations import Finding
from contextkit.cache.watch import Ticket, Watch
from contextkit.lint.requests.alike import alike, may_be_alike

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from contextkit.cache.sent import Sent
    from contextkit.cache.spell import Spelled
    from contextkit.cache.violations import Violation

__all__ = ["Desk", "Reader", "Sending"]

_CONVERSATIONS: Final = 64
"""Of one first message: forks of one task, or a first message that many conversations share ("Hello")."""
_TEXT_BYTES: Final = 64_000_000
_FEW: Final = 6
"""Remembered requests that are simply all compared."""
_TELLING: Final = 40
"""Characters of a first message below which two that are alike say nothing."""


class Reader(Watch):
    """A watch for files: its findings are reported by rules, and a summary belongs to what it sums up.

    Attributes:
        rewritten: the request that is being read begins with a summary, or was declared to be rewritten.
        text: the text of its first message.
    """

    rewritten: bool = False
    text: str = ""

    def _tell(self, violation: Violation) -> None:
        """Say nothing: rules report what is found."""

    def goes_on(self, now: Spelled, text: str, *, rewritten: bool) -> bool:
        """Whether a request whose first message is new here goes on from one of these all the same."""
        self.rewritten, self.text = rewritten, text
        return self._headless(now) is not None

    def _before(self, now: Spelled) -> Sent | None:
        """As for the live client, asked of few: where all share a first message, most share nothing more."""
        every = self._tips
        if len(every) <= _FEW:
            return super()._before(now)
        chain, near = now.blocks.chain, every
        while near:  # those that share more than the latest of these
            latest = near[-1]
            depth = shared(latest.spelled.blocks.chain, chain)
            link = chain[depth : depth + 1]
            near = [one for one in near if link and one.spelled.blocks.chain[depth : depth + 1] == link]
        self._tips = [one for one in every if one is latest or _held(one.spelled, chain, depth)]
        try:
            found = super()._before(now)
        finally:
            self._tips = every
        if depth and found is not None and shared(found.spelled.blocks.chain, chain) == depth:
            return found
        return super()._before(now)  # nothing is shared, or the latest was a side call

    def _headless(self, now: Spelled) -> Sent | None:
        """As for the live client; a rewritten one also goes on from the latest conversation that it can stand for."""
        found = super()._headless(now)
        if found is not None:
            return found
        if self.rewritten:
            mine = set(now.blocks.owns)
            return next((tip for tip in reversed(self._tips) if _stood_for(tip.spelled, now, mine)), None)
        return next((tip for tip in reversed(self._tips) if self._edited(tip, now)), None)

    def _edited(self, tip: Sent, now: Spelled) -> bool:
        """Whether a conversation of one message goes on with that message changed a little: a clock in it, an id."""
        old = tip.spelled
        if len(old.blocks.owns) != 1 or len(now.blocks.roles) <= 1 or len(self.text) < _TELLING:
            return False
        kept = tip.texts[old.head] if len(tip.texts) > old.head else None
        return isinstance(kept, str) and _same_head(old, now) and alike(kept, self.text)


def _held(old: Spelled, chain: list[int], depth: int) -> bool:
    """Whether all messages of an earlier request stand at the head of a chain of which so many are shared."""
    count = len(old.blocks.chain)
    return 0 < count <= depth and old.blocks.chain[-1] == chain[count - 1]


def _same_head(old: Spelled, now: Spelled) -> bool:
    return (old.model, old.tools, old.system) == (now.model, now.tools, now.system)


def _stood_for(old: Spelled, now: Spelled, mine: set[int]) -> bool:
    """Whether a rewritten request can stand for this one: the same head, and a common block or fewer messages."""
    shorter = len(old.blocks.roles) > len(now.blocks.roles)
    return _same_head(old, now) and (shorter or not mine.isdisjoint(old.blocks.owns))


@dataclass(frozen=True, slots=True)
class Sending:
    """A request as it is handed to a desk.

    Attributes:
        body: the request.
        at: Unix seconds.
        betas: the values of its anthropic-beta header.
        planned: the cause of a planned change; "" for none.
        rewritten: it begins with a summary, or was declared to be rewritten.
    """

    body: Mapping[str, Any]
    at: float
    betas: Sequence[str] = ()
    planned: str = ""
    rewritten: bool = False

    @property
    def text(self) -> str:
        """The first message where that is one text; "" else."""
        content = self.body["messages"][0]["content"] if self.body["messages"] else ""
        if isinstance(content, list):
            content = content[0].get("text") if len(content) == 1 else ""
        return content if isinstance(content, str) else ""


class Desk:
    """The requests of one first message.

    Attributes:
        size: characters of the latest of them.
    """

    __slots__ = ("_alone", "_answer", "_owns", "_reader", "_repeats", "_singles", "size")

    def __init__(self) -> None:
        self.size = 0
        self._reader: Reader | None = None
        self._alone: Sending | None = None
        self._answer: dict[str, Any] | None = None
        self._owns: set[int] = set()
        self._repeats = False
        self._singles: dict[str, int] = {}  # first messages that nothing went on from, and how often

    def sent(self, given: Sending, now: Spelled | None, shared: Mapping[str, Any] | None = None) -> Ticket | None:
        """Read a request; None where it is none.

        Args:
            given: the request.
            now: the request as it was spelled already, where its first message is new.
            shared: fields of an earlier body that are the same, to be kept once.
        """
        if now is not None and self._reader is None and self._alone is None:
            self._alone = replace(given, body={**given.body, **shared}) if shared else given
            ticket: Ticket | None = Ticket(1, given.at, now, None, Finding(), [], given.body.get("speed"))
        else:
            reader = self._watch()
            reader.rewritten, reader.text = given.rewritten, "" if now is None else given.text
            ticket = _sent(reader, given)
        if ticket is not None:
            self._note(ticket.now, given)
        return ticket

    def answered(self, ticket: Ticket, **bill: Any) -> list[Violation]:
        """A request was answered; `bill` is what `Watch.answered` takes. What it lost."""
        if self._reader is None:
            self._answer = bill
            return []
        return self._reader.answered(ticket, **bill)

    def goes_on(self, now: Spelled, mine: set[int], given: Sending) -> bool:
        """Whether a request with another first message goes on from one of these; `mine` are its blocks."""
        common = len(self._owns & mine)
        likely = given.rewritten or common > 1 or (common == 1 and self._repeats)
        text = given.text
        if not likely and len(text) >= _TELLING and len(now.blocks.roles) > 1:
            likely = any(may_be_alike(one, text) for one in self._singles)
        return likely and self._watch().goes_on(now, text, rewritten=given.rewritten)

    def _note(self, now: Spelled, given: Sending) -> None:
        """What tells quickly, later, that a request has nothing to do with these."""
        owns = now.blocks.owns
        self._owns.update(owns)
        self._repeats = self._repeats or len(set(owns)) < len(owns)
        text = given.text
        if len(owns) == 1 and text:
            self._singles[text] = self._singles.get(text, 0) + 1
        elif text in self._singles:  # it goes on
            self._singles[text] -= 1
            if not self._singles[text]:
                del self._singles[text]

    def _watch(self) -> Reader:
        """The watch; a new one is told of the request that stood alone."""
        if self._reader is None:
            self._reader = Reader(conversations=_CONVERSATIONS, text_bytes=_TEXT_BYTES)
            if self._alone is not None:
                ticket = _sent(self._reader, self._alone)
                if self._answer is not None:
                    self._reader.answered(ticket, **self._answer)
            self._alone = self._answer = None
        return self._reader


def _sent(reader: Reader, given: Sending) -> Ticket | None:
    return reader.sent(given.body, given.at, betas=given.betas, planned=given.planned, own=True)
