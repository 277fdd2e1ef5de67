"""The view of the log that is sent: head, summaries, then raw entries; one message a piece, made once.

Law: `messages` only grows at its end, except in `fold`, the one place where something before the end changes.
Work is proportional to what is new: a message is made when its entry comes or grows, and handed out as a loan.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from contextkit.cache.breakpoints import Spot
from contextkit.history.loan import LoanedDict, Slip, lend_message

if TYPE_CHECKING:
    from collections.abc import Container, Mapping, Sequence

    from contextkit.api.messages import Block
    from contextkit.history.log import Entry, Log

__all__ = ["Summary", "View"]

_RUNS: Final = frozenset({"tool_use", "tool_result"})


@dataclass(frozen=True, slots=True)
class Summary:
    """A summary of a range of entries.

    Attributes:
        text: as it is sent, quoted.
        first: index of its first entry in the log.
        end: index after its last entry.
        tokens: estimated tokens.
        made_by: the model, or "extractive", or the callable's name.
        level: 1 for a summary of turns, higher for a summary of summaries.
    """

    text: str
    first: int
    end: int
    tokens: float = 0.0
    made_by: str = ""
    level: int = 1


@dataclass(slots=True)
class View:
    """What is in the window.

    Attributes:
        log: what happened.
        binds_thinking: the model refuses thinking whose prefix changed (preserved-thinking page).
        summaries: oldest first; frozen once made.
        start: index of the first raw entry after the summaries.
        summary_tokens: estimated tokens of all summaries with the pins of their ranges.
        names: the list of identifiers beside the summaries, as it is sent, after the last of them; "" for none. It is
            made anew at each fold, where what follows the newest summary is written again in any case.
        name_tokens: its estimated tokens.
        cleared: index of the first raw entry that no clear has looked at.
        relief: estimated tokens of raw entries that clears took out of the window.
    """

    log: Log
    binds_thinking: bool = False
    summaries: list[Summary] = field(default_factory=list)
    start: int = 0
    summary_tokens: float = 0.0
    names: str = ""
    name_tokens: float = 0.0
    cleared: int = 0
    relief: float = 0.0
    _messages: list[LoanedDict] = field(default_factory=list)
    _steps: list[int] = field(default_factory=list)
    _made: list[int] = field(default_factory=list)
    _touched: set[int] = field(default_factory=set)
    _before: float = 0.0
    _rewritten_before: int = 0
    _seen: tuple[int, int] = (-1, -1)
    _instead: dict[int, Sequence[Block]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._measure()

    def _measure(self) -> None:
        """What has to be added to the log's tokens for those of the window; it changes in a rewrite only."""
        head = self.log.tokens(0, 1) if self.summaries else 0.0
        gone = self.log.tokens(0, self.start) + self.relief
        self._before = head + self.summary_tokens + self.name_tokens - gone

    def messages(self) -> list[LoanedDict]:
        """The messages as loans, without marks; a fresh list, the loans shared between requests."""
        self._catch_up()
        return list(self._messages)

    def last(self) -> Spot:
        """The last block of the history."""
        self._catch_up()
        return self._spot(len(self._messages) - 1)

    def window(self) -> tuple[list[Any], Spot, Spot | None]:
        """What a request is made of, at once: `messages`, `last` and `summary_end`."""
        self._catch_up()
        return list(self._messages), self._spot(len(self._messages) - 1), self._summary_end()

    def summary_end(self) -> Spot | None:
        """Where the last summary (with the pins of its range) ends; the list of identifiers comes after."""
        self._catch_up()
        return self._summary_end()

    def _summary_end(self) -> Spot | None:
        if not self.summaries:
            return None
        end = self._spot(0)
        return Spot(end.step - 1, 0, end.block - 1) if self.names else end

    def tokens(self) -> float:
        """Estimated tokens of all messages, by the log's sizes."""
        ends = self.log.ends
        return self._before + ends[-1] if ends else 0.0

    def head(self) -> Sequence[Block]:
        """The first task message: verbatim, for ever."""
        entries = self.log.entries
        return entries[0].blocks if entries and entries[0].role == "user" else []

    def fold(self, summary: Summary, *, names: str = "", name_tokens: float = 0.0) -> None:
        """Let a summary stand for the raw entries up to `summary.end`, with a list of `names`; the log keeps them."""
        self.names, self.name_tokens = names, name_tokens
        self.summaries.append(summary)
        pinned = self.log.pinned(max(summary.first, 1), summary.end)
        self.summary_tokens += summary.tokens + sum(self.log.tokens(at, at + 1) for at in pinned)
        led, start = len(self.summaries) > 1, self.start
        self.start = summary.end
        self._instead = {at: blocks for at, blocks in self._instead.items() if at >= self.start}
        self.relief = self._freed()
        self._rewrite(led=led, start=start)

    def merge(self, first: int, end: int, summary: Summary) -> None:
        """Let one summary stand for the summaries `first` up to, not including, `end`; their pins stay."""
        self.summary_tokens += summary.tokens - sum(each.tokens for each in self.summaries[first:end])
        self.summaries[first:end] = [summary]
        self._rewrite(led=True, start=self.start)

    def fork(self, log: Log) -> View:
        """The same window over a copy of the log, with loans of its own."""
        made = View(log, self.binds_thinking, list(self.summaries), self.start, self.summary_tokens)
        made.names, made.name_tokens = self.names, self.name_tokens
        made.cleared, made.relief, made._instead = self.cleared, self.relief, dict(self._instead)
        made._rewritten_before = self._rewritten_before
        made._measure()
        return made

    def clear(self, instead: Mapping[int, Sequence[Block]], end: int) -> None:
        """Send other blocks in the place of some old entries; the log keeps them.

        Args:
            instead: by index of the entry.
            end: every entry before it has been looked at.
        """
        self._instead.update(instead)
        self.relief = self._freed()
        self.cleared = end
        self._rewrite(led=bool(self.summaries), start=self.start, changed=instead)

    def _rewrite(self, *, led: bool, start: int, changed: Container[int] = ()) -> None:
        """Begin again with the lead; the raw entries that stay keep their loans where they are sent as they were.

        Args:
            led: the messages so far began with a lead.
            start: the raw entry that they went on with.
            changed: entries that are sent in another form from now on.
        """
        self._seen = (-1, -1)
        self._measure()
        # On models that bind thinking to its prefix, what was thought before this rewrite cannot be sent again.
        self._rewritten_before = len(self.log.entries)
        first = led + self.start - start
        loans, made = self._messages[first:], self._made[first:]
        steps, touched = [0, *self._steps][first:], {index - first for index in self._touched}
        for held in (self._messages, self._steps, self._made, self._touched):
            held.clear()
        if self.summaries:
            self._append("user", self._lead())
        for at, (loan, blocks) in enumerate(zip(loans, made, strict=True)):
            index = self.start + at
            entry = self.log.entries[index]
            if at in touched or index in changed or (entry.thinking and self.binds_thinking):
                self._append(entry.role, self._sent(entry, index)[:blocks])
            else:
                loan.slip.index = len(self._messages)
                self._messages.append(loan)
                self._steps.append((self._steps[-1] if self._steps else 0) + steps[at + 1] - steps[at])
                self._made.append(blocks)

    def _freed(self) -> float:
        return sum(self.log.spare(at, at + 1) for at in self._instead)

    def _spot(self, message: int) -> Spot:
        return Spot(self._steps[message], message, len(self._messages[message]["content"]) - 1)

    def _catch_up(self) -> None:
        entries = self.log.entries
        now = (len(entries), len(entries[-1].blocks)) if entries else (0, 0)
        if now == self._seen and not self._touched:
            return
        self._seen = now
        lead = bool(self.summaries)
        if lead and not self._messages:
            self._append("user", self._lead())
        for index in self._touched:
            if index < len(self._messages):
                self._remake(index)
        self._touched.clear()
        at = self.start + len(self._messages) - lead
        if at > self.start and entries[at - 1].role == "user" and self._made[-1] != len(entries[at - 1].blocks):
            self._drop_last()  # the open user entry has grown: only its own message is made again
            at -= 1
        for entry in entries[at:]:
            self._append(entry.role, self._sent(entry, at))
            at += 1

    def _sent(self, entry: Entry, at: int) -> Sequence[Block]:
        if entry.blocks and not (entry.thinking or self._instead):
            return entry.blocks  # nearly always
        gone = self.binds_thinking and (entry.unbound or at < self._rewritten_before)
        blocks = self._instead.get(at) or entry.sent(without_thinking=gone)
        return blocks or [{"type": "text", "text": "(no text)"}]

    def _lead(self) -> list[Block]:
        """The head, then each summary with the pins of its range, then the identifiers."""
        blocks = list(self.head())
        for summary in self.summaries:
            blocks.append({"type": "text", "text": summary.text})
            for at in self.log.pinned(max(summary.first, 1), summary.end):
                blocks.extend(block for block in self.log.entries[at].blocks if block["type"] != "tool_result")
        if self.names:
            blocks.append({"type": "text", "text": self.names})
        return blocks

    def _append(self, role: str, blocks: Sequence[Block]) -> None:
        self._messages.append(lend_message(role, blocks, Slip(len(self._messages), self._touched)))
        before = self._steps[-1] if self._steps else 0
        self._steps.append(before + _steps(blocks))
        self._made.append(len(blocks))

    def _drop_last(self) -> None:
        self._messages.pop()
        self._steps.pop()
        self._made.pop()

    def _remake(self, index: int) -> None:
        lead = bool(self.summaries)
        at = self.start + index - lead
        blocks = self._lead() if lead and index == 0 else self._sent(self.log.entries[at], at)[: self._made[index]]
        role = "user" if lead and index == 0 else self.log.entries[at].role
        self._messages[index] = lend_message(role, blocks, Slip(index, self._touched))


def _steps(blocks: Sequence[dict[str, Any]]) -> int:
    """Lookback positions of a message: a run of tool_use, or of tool_result, is one (prompt-caching page)."""
    if len(blocks) == 1:
        return 1
    count, before = 0, ""
    for block in blocks:
        kind = block["type"]
        count += kind != before or kind not in _RUNS
        before = kind
    return count
