"""The ledger: one row a call, whatever the call was for; what it says about them, and what it still lets through.

Law: rows are only appended, and appending never raises: a sink that fails is logged and counted. Adding a row costs
the same however long the ledger is.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, Self, get_args, overload

from contextkit.api import usage as prices
from contextkit.api.usage import Price, Usage
from contextkit.errors import ConfigError
from contextkit.ledger import purse as purses_of
from contextkit.ledger.budget import expected
from contextkit.ledger.hotspots import HotSpot, hot_spots
from contextkit.ledger.purse import Purse
from contextkit.ledger.row import NOT_TOLD, Row, Totals, sums
from contextkit.ledger.steps import Scope, current, joined
from contextkit.ledger.tooluse import ToolUses
from contextkit.ledger.verdicts import Verdicts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from contextkit.api.request import Purpose
    from contextkit.ledger.budget import Budget, Expected
    from contextkit.ledger.tooluse import Event, ToolRow

__all__ = ["By", "Ledger"]

By = Literal["step", "model", "purpose", "conversation"]
"""What the rows can be grouped by."""

_FIELDS: Final = get_args(By)

_log = logging.getLogger("contextkit")


@dataclass(slots=True, repr=False)
class Ledger:
    """All calls of a conversation, a run or a program, oldest first.

    Attributes:
        rows: the calls.
        conversation: written into rows that name none.
        sinks: called with every row, in order: `JSONLSink`, `SQLiteSink`, `Telemetry`, or any function of a row.
        parent: gets every row too; see `child`.
        purses: budgets that every call is charged to; see `limit`.
        verdicts: what compaction's plans said.
        tools: what tool caches did, one row a call; see `note_tool`.
        lost: rows that a sink failed to keep; they are in `rows` all the same.
    """

    rows: list[Row] = field(default_factory=list)
    conversation: str = ""
    sinks: list[Callable[[Row], object]] = field(default_factory=list)
    parent: Ledger | None = None
    purses: list[Purse] = field(default_factory=list)
    verdicts: Verdicts = field(default_factory=Verdicts)
    tools: ToolUses = field(default_factory=ToolUses)
    lost: int = 0

    def add(
        self,
        *,
        at: float,
        purpose: Purpose,
        model: str,
        usage: Usage | None,
        step: str = "",
        speed: str | None = None,
        geo: str | None = None,
        batch: bool = False,
        conversation: str = "",
        **said: Any,
    ) -> Row:
        """Append a call; `said` are further fields of `Row`. Its step is inside of the one that the program is in.

        A `usage` of None says that the answer did not tell: the row has no tokens, the note `NOT_TOLD`, and no price,
        so that its cost is not known and counted among the unpriced.
        """
        price: Price | None = None
        if usage is None:
            usage, said["note"] = Usage(), ", ".join(filter(None, (said.get("note"), NOT_TOLD)))
        else:
            price = prices.price(model, prompt=usage.prompt, at=at, speed=speed, geo=geo, batch=batch)
        scope = current.get()
        step = step if scope is None else joined(step)
        row = Row(at, step, purpose, model, usage, price, **said, conversation=conversation or self.conversation)
        self.rows.append(row)
        if self.sinks or self.purses or self.parent is not None or scope is not None:
            self._told(row, scope)
        return row

    def _told(self, row: Row, scope: Scope | None) -> None:
        for purse in self._purses(scope):
            purse.charge(row)
        for ledger in self.chain():
            if ledger is not self:
                ledger.rows.append(row)
            for sink in ledger.sinks:
                ledger._kept(sink, row)  # noqa: SLF001  (its own kind)

    def _kept(self, sink: Callable[[Any], object], row: Row | ToolRow) -> None:
        try:
            sink(row)
        except Exception as error:  # noqa: BLE001  (the call is paid for; the row is in memory)
            if not self.lost:
                _log.warning("a ledger sink did not keep a row: %s: %s", type(error).__name__, error)
            self.lost += 1

    def chain(self) -> Iterator[Ledger]:
        """This ledger and those above it: every one that gets its rows."""
        ledger: Ledger | None = self
        while ledger is not None:
            yield ledger
            ledger = ledger.parent

    def note_tool(self, event: Event, *, step: str = "", conversation: str = "") -> ToolRow:
        """Book a call of a cached tool, here and in the ledgers above: `@cached(on_event=ledger.note_tool)`.

        `contextkit.run` and `arun` do so by themselves for every cached function that their tools call. A sink that
        has a method `tool` (those of `keep` have) gets the row by it.
        """
        row = self.tools.note(event, step=step, conversation=conversation or self.conversation)
        self._told_tool(row)
        return row

    def _told_tool(self, row: ToolRow) -> None:
        for ledger in self.chain():
            if ledger is not self:
                ledger.tools.add(row)
            for sink in ledger.sinks:
                if tool := getattr(sink, "tool", None):
                    ledger._kept(tool, row)  # noqa: SLF001  (its own kind)

    def _purses(self, scope: Scope | None, conversation: str | None = None) -> list[Purse]:
        """Every budget that a call of here and now is charged to: this ledger's, its parents', the steps'.

        Args:
            scope: the step that the program is in.
            conversation: whose call; None for those of every conversation.
        """
        found = list(scope.purses) if scope is not None else []
        for ledger in self.chain():
            found += [purse for purse in ledger.purses if conversation is None or purse.counts(conversation)]
        return found

    def child(self, conversation: str) -> Ledger:
        """A ledger for a sub-agent: its rows are its own, and stand in this one and its sums too."""
        return Ledger(conversation=conversation, parent=self)

    def take(self, rows: Iterable[Row], conversation: str = "") -> Self:
        """Append rows of another ledger as they are, with a conversation's name where they have none.

        For calls that were booked elsewhere: another process, a conversation with a ledger of its own. They count
        for this ledger's budgets from now on. Of a Ledger the rows of its cached tools are taken too.
        """
        tools = list(rows.tools.rows) if isinstance(rows, Ledger) else []
        for row in list(rows):
            named = row if row.conversation else row._replace(conversation=conversation or self.conversation)
            self.rows.append(named)
            self._told(named, None)
        for tool in tools:
            own = tool if tool.conversation else tool._replace(conversation=conversation or self.conversation)
            self.tools.add(own)
            self._told_tool(own)
        return self

    def limit(self, budget: Budget, where: str = "", *, conversation: str | None = None) -> Purse:
        """Keep a budget from now on; the purse says what is spent.

        Args:
            budget: the limits.
            where: whose budget it is, for messages.
            conversation: count and stop the calls of this conversation alone, as its rows name it; None for every call
                that is booked here or in a child.
        """
        made = Purse(budget, where or self.conversation, conversation)
        self.purses.append(made)
        return made

    def lift(self, purse: Purse) -> None:
        """Keep a budget no longer."""
        if purse in self.purses:
            self.purses.remove(purse)

    @property
    def limited(self) -> bool:
        """Whether a budget would be asked before a call of here and now."""
        return bool(self._purses(current.get()))

    def admit(self, model: str, *, prompt: int, output: int, conversation: str | None = None, **options: Any) -> None:
        """Ask every budget whether a call still fits, before it is made.

        Args:
            model: its id or short name.
            prompt: tokens of the whole prompt.
            output: `max_tokens`.
            conversation: whose call it is, as its row will name it; budgets of other conversations are not asked. None
                asks all of them.
            **options: as for `budget.expected`.

        Raises:
            SpendingError: it could pass one of them. Nothing was changed.
        """
        purses = self._purses(current.get(), self._named(conversation))
        if purses:
            purses_of.admit(purses, expected(model, prompt=prompt, output=output, **options))

    def _named(self, conversation: str | None) -> str | None:
        return conversation if conversation is None else conversation or self.conversation

    def holding(
        self, model: str, *, prompt: int, output: int, conversation: str | None = None, **options: Any
    ) -> AbstractContextManager[None]:
        """As `admit`, around a call: until the block is left, the call counts with the most that it may cost.

        So calls that run side by side cannot pass together what none of them passes alone.

        Raises:
            SpendingError: as `admit`, when the block is entered.
        """
        purses = self._purses(current.get(), self._named(conversation))
        if not purses:
            return nullcontext()
        return _held(purses, expected(model, prompt=prompt, output=output, **options))

    def note_verdict(
        self,
        verdict: str,
        reason: str,
        cost: float | None = None,
        saving: float | None = None,
        *,
        at: float | None = None,
    ) -> None:
        """Count what a compaction plan said; a fold is kept with its figures (USD). See `verdicts`."""
        self.verdicts.note(verdict, reason, cost, saving, at=at)

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    @overload
    def __getitem__(self, which: int) -> Row: ...

    @overload
    def __getitem__(self, which: slice) -> list[Row]: ...

    def __getitem__(self, which: int | slice) -> Row | list[Row]:
        """A call, or a slice of them, as of the list `rows`: `ledger[-1]` is the last one."""
        return self.rows[which]

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        name = f" {self.conversation!r}" if self.conversation else ""
        return f"<Ledger{name} {len(self.rows)} calls>"

    def totals(self, purpose: Purpose | None = None) -> Totals:
        """Sums over all rows, or over those of one purpose."""
        return sums(row for row in self.rows if purpose is None or row.purpose == purpose)

    def by(self, what: By, *, depth: int | None = None) -> dict[str, Totals]:
        """Sums by step, model, purpose or conversation, the dearest first.

        Args:
            what: the field.
            depth: names of a step's path that count: with 1, "review/classify" is booked under "review".

        Raises:
            ConfigError: another field.
        """
        if what not in _FIELDS:
            raise ConfigError(f"the ledger has no {what!r}", where="by()", fix=f"Give one of {', '.join(_FIELDS)}.")
        groups: dict[str, list[Row]] = {}
        for row in self.rows:
            key = getattr(row, what)
            if depth is not None and what == "step":
                key = "/".join(key.split("/")[:depth])
            groups.setdefault(key, []).append(row)
        found = {key: sums(rows) for key, rows in groups.items()}
        return dict(sorted(found.items(), key=lambda item: -(item[1].cost or 0.0)))

    def hot_spots(self, share: float = 0.8, *, depth: int | None = None) -> list[HotSpot]:
        """The steps that together take this share of the cost, the dearest first; see `HotSpot`."""
        return hot_spots(self.rows, share, depth=depth)

    def records(self) -> list[dict[str, Any]]:
        """The rows as flat dicts of numbers and texts: `pandas.DataFrame(ledger.records())`."""
        return [row.record() for row in self.rows]

    def keep(self, path: str | Path, *, durable: bool = True) -> Self:
        """Write the rows so far, and every further one, to a file: SQLite for .db, .sqlite or .sqlite3, else JSONL.

        Raises:
            StoreError: the file cannot be opened or written.
        """
        from contextkit.ledger.files import opened  # noqa: PLC0415  (files only for those who use them)

        sink = opened(path, durable=durable)
        for row in self.rows:
            sink(row)
        for tool in self.tools.rows:
            sink.tool(tool)
        self.sinks.append(sink)
        return self

    @classmethod
    def read(cls, path: str | Path) -> Ledger:
        """The rows of a file that a sink wrote, JSONL or SQLite. Lines that are no rows are left out and logged.

        Raises:
            FormatError: it is no ledger.
        """
        from contextkit.ledger.files import read_all  # noqa: PLC0415  (files only for those who use them)

        rows, tools = read_all(path)
        made = cls(rows)
        for tool in tools:
            made.tools.add(tool)
        return made


@contextmanager
def _held(purses: list[Purse], call: Expected) -> Iterator[None]:
    purses_of.admit(purses, call, hold=True)
    try:
        yield
    finally:
        purses_of.release(purses, call)
