"""The ledger: one row a call, whatever the call was for; what it says about them, and what it still lets through.

Law: rows are only appended, and appending never raises: a sink that fails is logged and counted. Adding a row costs
the same however long the ledger is.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, Self, get_args

from contextkit.api import usage as prices
from contextkit.errors import ConfigError
from contextkit.ledger import purse as purses_of
from contextkit.ledger.budget import expected
from contextkit.ledger.hotspots import HotSpot, hot_spots
from contextkit.ledger.purse import Purse
from contextkit.ledger.row import Row, Totals, sums
from contextkit.ledger.steps import Scope, current
from contextkit.ledger.tooluse import ToolUses
from contextkit.ledger.verdicts import Verdicts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from contextkit.api.request import Purpose
    from contextkit.api.usage import Usage
    from contextkit.ledger.budget import Budget, Expected

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
        tools: what tool caches did: `@cached(on_event=ledger.tools.note)`.
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
        usage: Usage,
        step: str = "",
        speed: str | None = None,
        geo: str | None = None,
        batch: bool = False,
        conversation: str = "",
        **said: Any,
    ) -> Row:
        """Append a call; `said` are further fields of `Row`. Its step is inside of the one that the program is in."""
        price = prices.price(model, prompt=usage.prompt, at=at, speed=speed, geo=geo, batch=batch)
        scope = current.get()
        if scope is not None:
            step = f"{scope.path}/{step}" if step else scope.path
        row = Row(at, step, purpose, model, usage, price, **said, conversation=conversation or self.conversation)
        self.rows.append(row)
        if self.sinks or self.purses or self.parent is not None or scope is not None:
            self._told(row, scope)
        return row

    def _told(self, row: Row, scope: Scope | None) -> None:
        for purse in self._purses(scope):
            purse.charge(row)
        ledger: Ledger | None = self
        while ledger is not None:
            if ledger is not self:
                ledger.rows.append(row)
            for sink in ledger.sinks:
                try:
                    sink(row)
                except Exception as error:  # noqa: BLE001  (the call is paid for; the row is in memory)
                    if not ledger.lost:
                        _log.warning("a ledger sink did not keep a row: %s: %s", type(error).__name__, error)
                    ledger.lost += 1
            ledger = ledger.parent

    def _purses(self, scope: Scope | None) -> list[Purse]:
        """Every budget that a call of here and now is charged to: this ledger's, its parents', the steps'."""
        found = list(scope.purses) if scope is not None else []
        ledger: Ledger | None = self
        while ledger is not None:
            found += ledger.purses
            ledger = ledger.parent
        return found

    def child(self, conversation: str) -> Ledger:
        """A ledger for a sub-agent: its rows are its own, and stand in this one and its sums too."""
        return Ledger(conversation=conversation, parent=self)

    def take(self, rows: Iterable[Row], conversation: str = "") -> Self:
        """Append rows of another ledger as they are, with a conversation's name where they have none.

        For calls that were booked elsewhere: another process, a conversation with a ledger of its own. They count
        for this ledger's budgets from now on.
        """
        for row in list(rows):
            named = row if row.conversation else row._replace(conversation=conversation or self.conversation)
            self.rows.append(named)
            self._told(named, None)
        return self

    def limit(self, budget: Budget, where: str = "") -> Purse:
        """Keep a budget from now on, for every call that is booked here or in a child; the purse says what is spent."""
        made = Purse(budget, where or self.conversation)
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

    def admit(self, model: str, *, prompt: int, output: int, **options: Any) -> None:
        """Ask every budget whether a call still fits, before it is made. Options as for `budget.expected`.

        Raises:
            SpendingError: it could pass one of them. Nothing was changed.
        """
        purses = self._purses(current.get())
        if purses:
            purses_of.admit(purses, expected(model, prompt=prompt, output=output, **options))

    def holding(self, model: str, *, prompt: int, output: int, **options: Any) -> AbstractContextManager[None]:
        """As `admit`, around a call: until the block is left, the call counts with the most that it may cost.

        So calls that run side by side cannot pass together what none of them passes alone.

        Raises:
            SpendingError: as `admit`, when the block is entered.
        """
        purses = self._purses(current.get())
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
        self.sinks.append(sink)
        return self

    @classmethod
    def read(cls, path: str | Path) -> Ledger:
        """The rows of a file that a sink wrote, JSONL or SQLite. Lines that are no rows are left out and logged.

        Raises:
            FormatError: it is no ledger.
        """
        from contextkit.ledger.files import read  # noqa: PLC0415  (files only for those who use them)

        return cls(read(path))


@contextmanager
def _held(purses: list[Purse], call: Expected) -> Iterator[None]:
    purses_of.admit(purses, call, hold=True)
    try:
        yield
    finally:
        purses_of.release(purses, call)
