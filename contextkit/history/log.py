"""The log: what happened, in order, append-only.

Law: every method checks first and changes after, so that a refused call leaves the log as it was. An entry is one
message; the last user entry stays open for more results and text until the model answers. No entry is ever edited
or removed: what is sent is a view of the log (see view.py).
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from contextkit.api.facts import TOOL_ID
from contextkit.errors import ContentError, HistoryError
from contextkit.history.clearing import freed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from contextkit.api.messages import Block

__all__ = ["Entry", "Log"]

_THINKING: Final = frozenset({"thinking", "redacted_thinking"})
_NOT_SAID: Final = _THINKING | {"tool_use", "server_tool_use", "tool_result"}
"""Blocks that the API refuses in what a user says, or that have a method of their own."""
_NO_RESULT: Final = "No result was recorded for this tool call."
_NO_RESULT_TOKENS: Final = 40.0


@dataclass(slots=True)
class Entry:
    """One message of the log.

    Attributes:
        role: who speaks.
        blocks: plain content blocks; grows only while the entry is the last one and a user's.
        fresh: a user entry that holds more than tool results, so that it starts a turn.
        pinned: stays verbatim when its range is folded.
        thinking: holds thinking blocks.
        unbound: its thinking was made after volatile text that is gone, so that a model which binds thinking to
            its prefix would refuse to take it back.
    """

    role: Literal["user", "assistant"]
    blocks: list[Block] = field(default_factory=list)
    fresh: bool = False
    pinned: bool = False
    thinking: bool = False
    unbound: bool = False

    def sent(self, *, without_thinking: bool) -> Sequence[Block]:
        """The blocks as they are sent."""
        if self.thinking and without_thinking:
            return [block for block in self.blocks if block["type"] not in _THINKING]
        return self.blocks


@dataclass(slots=True)
class Log:
    """The entries, and which tool calls are open.

    Attributes:
        entries: oldest first.
        ends: estimated tokens of all entries up to and including each.
        pins: indexes of pinned entries, in order.
        spares: estimated tokens that clearing all entries up to and including each would free.
        open_calls: tool name by id, of the last assistant entry's calls that have no result yet.
    """

    entries: list[Entry] = field(default_factory=list)
    ends: list[float] = field(default_factory=list)
    spares: list[float] = field(default_factory=list)
    open_calls: dict[str, str] = field(default_factory=dict)
    pins: list[int] = field(default_factory=list)
    _ids: set[str] = field(default_factory=set)
    _answered: set[str] = field(default_factory=set)
    _messages: set[str] = field(default_factory=set)

    def user(self, blocks: Sequence[Block], tokens: float, *, pinned: bool = False, repair: bool = False) -> Entry:
        """Append what the user says; `tokens` is its estimated size.

        Raises:
            HistoryError: tool calls are still open (unless `repair` closes them with error results).
            ContentError: nothing to say, or blocks that a user cannot say.
        """
        if not blocks:
            raise ContentError("the message is empty", where="user()", fix="Give text or blocks that are not blank.")
        wrong = next((str(block["type"]) for block in blocks if block["type"] in _NOT_SAID), "")
        if wrong:
            raise ContentError(
                f"a {wrong} block is nothing that a user says",
                where="user()",
                fix="Call tool_result(id, output) for results, and record(message) for what the model said.",
            )
        if self.open_calls and not repair:
            raise HistoryError(
                f"{len(self.open_calls)} tool call(s) have no result yet: {self._names(self.open_calls)}",
                where="user()",
                fix="Call tool_result(id, output) for each first, or make the Conversation with repair=True to close"
                " them with an error result.",
            )
        for name in tuple(self.open_calls):
            block = {"type": "tool_result", "tool_use_id": name, "content": _NO_RESULT, "is_error": True}
            self.result(name, block, _NO_RESULT_TOKENS)
        entry = self._open_user(tokens)
        entry.blocks.extend(blocks)
        entry.fresh = True
        if pinned and not entry.pinned:
            entry.pinned = True
            self.pins.append(len(self.entries) - 1)
        return entry

    def result(self, tool_use_id: str, block: Block, tokens: float) -> Entry:
        """Append one tool result of an estimated size.

        Raises:
            HistoryError: the id is unknown, or was answered already.
        """
        if not isinstance(tool_use_id, str) or tool_use_id not in self.open_calls:
            raise self._not_open(tool_use_id)
        entry = self._open_user(tokens)
        self.spares[-1] += freed(block, tokens)
        entry.blocks.append(block)
        del self.open_calls[tool_use_id]
        self._answered.add(tool_use_id)
        return entry

    def tool_of(self, tool_use_id: object) -> str:
        """The name of an open call's tool; "" for whatever is the id of no open call."""
        return self.open_calls.get(tool_use_id, "") if isinstance(tool_use_id, str) else ""

    def assistant(
        self,
        blocks: Sequence[Block],
        tokens: float,
        *,
        message_id: str = "",
        unbound: bool = False,
        spare: float = 0.0,
    ) -> Entry:
        """Append what the model answered; `spare` is what dropping its thinking later would free, tokens.

        A message without content leaves no entry of its own behind.

        Raises:
            HistoryError: nothing was asked, calls are open, an id is used twice, or the message is here already.
        """
        calls, thinking = [], False
        for block in blocks:
            if block["type"] == "tool_use":
                calls.append((str(block.get("id") or ""), str(block.get("name"))))
            elif block["type"] in _THINKING:
                thinking = True
        self._check_answer(calls, message_id)
        entry = Entry("assistant", list(blocks), thinking=thinking, unbound=unbound and thinking)
        if blocks:
            self._append(entry, tokens)
            self.spares[-1] += spare
        self.open_calls = dict(calls)
        self._ids.update(self.open_calls)
        if message_id:
            self._messages.add(message_id)
        return entry

    def _check_answer(self, calls: Sequence[tuple[str, str]], message_id: str) -> None:
        if message_id and message_id in self._messages:
            raise HistoryError(f"message {message_id} was recorded already", where="record()", fix="Record it once.")
        if not self.entries:
            raise HistoryError("nothing was asked yet", where="record()", fix="Call user(...) first.")
        if self.open_calls:
            raise HistoryError(
                f"an answer came while tool calls have no result: {self._names(self.open_calls)}",
                where="record()",
                fix="Call tool_result(id, output) for each of them before the next request.",
            )
        seen: set[str] = set()
        for name, tool in calls:
            if not TOOL_ID.fullmatch(name):
                raise HistoryError(f"tool call id {name!r} is not of the form [a-zA-Z0-9_-]+", where=f"tool {tool}")
            if name in self._ids or name in seen:
                raise HistoryError(
                    f"tool call id {name!r} was used before in this conversation",
                    where=f"tool {tool}",
                    fix="Ids are unique in a conversation; was this message recorded twice?",
                )
            seen.add(name)

    def input_of(self, tool_use_id: str) -> Mapping[str, Any]:
        """The input of an open tool call; {} where there is none."""
        for entry in reversed(self.entries[-2:]):  # the calls, and the results so far
            for block in entry.blocks:
                if block["type"] == "tool_use" and block.get("id") == tool_use_id:
                    return dict(block.get("input") or {})
        return {}

    def tokens(self, first: int, end: int | None = None) -> float:
        """Estimated tokens of the entries from `first` up to, not including, `end` (None: all that follow)."""
        if not self.ends:
            return 0.0
        last = self.ends[-1] if end is None else self.ends[end - 1] if end else 0.0
        return last - (self.ends[first - 1] if first else 0.0)

    def spare(self, first: int, end: int) -> float:
        """Estimated tokens that clearing the entries from `first` up to, not including, `end` would free."""
        return self.spares[end - 1] - (self.spares[first - 1] if first else 0.0) if end > first else 0.0

    def pinned(self, first: int, end: int) -> Sequence[int]:
        """Indexes of the pinned entries from `first` up to, not including, `end`."""
        return self.pins[bisect_left(self.pins, first) : bisect_left(self.pins, end)]

    def unshare(self) -> None:
        """Begin sets of ids of one's own, after a shallow copy."""
        self._ids, self._answered, self._messages = set(self._ids), set(self._answered), set(self._messages)

    def _append(self, entry: Entry, tokens: float) -> None:
        self.entries.append(entry)
        self.ends.append((self.ends[-1] if self.ends else 0.0) + tokens)
        self.spares.append(self.spares[-1] if self.spares else 0.0)

    def _open_user(self, tokens: float) -> Entry:
        if self.entries and self.entries[-1].role == "user":
            self.ends[-1] += tokens
        else:
            self._append(Entry("user"), tokens)
        return self.entries[-1]

    def _not_open(self, name: object) -> HistoryError:
        if isinstance(name, str) and name in self._answered:
            return HistoryError(f"tool call {name!r} has a result already", where="tool_result()", fix="Give it once.")
        known = f"Open calls: {self._names(self.open_calls)}." if self.open_calls else "No tool call is open."
        return HistoryError(
            f"no open tool call has the id {name!r}",
            where="tool_result()",
            fix=f"{known} Record the assistant message that made the call first.",
        )

    @staticmethod
    def _names(calls: dict[str, str]) -> str:
        return ", ".join(f"{name} ({tool})" for name, tool in list(calls.items())[:5]) + (" ..." * (len(calls) > 5))  # noqa: PLR2004

    def may_cut(self, at: int) -> bool:
        """Whether a fold may end before entry `at`: no tool call is open there, and no turn is cut in two.

        An assistant entry after another goes on with a paused turn, whose server tool calls may end in it.
        """
        entry = self.entries[at]
        if entry.role == "assistant":
            return at == 0 or self.entries[at - 1].role == "user"
        return bool(entry.blocks[0]["type"] != "tool_result")
