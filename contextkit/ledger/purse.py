"""A budget with what was spent of it: charged by every row, asked before every call.

Law: a purse only ever stops a call that was not made. Calls that are under way count with the most that they may
cost, so that a fan-out of parallel calls cannot pass together what none of them passes alone. Threads may share one.
"""

from __future__ import annotations

import warnings
from threading import Lock
from typing import TYPE_CHECKING, Final

from contextkit.ledger.budget import BudgetWarning, SpendingError, Spent, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from contextkit.ledger.budget import Budget, Expected
    from contextkit.ledger.row import Row

__all__ = ["Purse", "admit", "release"]

_LOCK: Final = Lock()  # one for all: it is held for microseconds, and a ledger stays a value that can be copied


class Purse:
    """One budget in use.

    Args:
        budget: the limits.
        where: whose budget it is, for messages.
        conversation: whose calls alone it counts and stops; None for all that reach it.

    Attributes:
        budget: the limits.
        conversation: as given.
    """

    __slots__ = ("_calls", "_held", "_said", "_tokens", "_unpriced", "_usd", "budget", "conversation", "where")

    def __init__(self, budget: Budget, where: str = "", conversation: str | None = None) -> None:
        self.budget = budget
        self.where = where
        self.conversation = conversation
        self._usd, self._tokens, self._calls, self._unpriced = 0.0, 0, 0, 0
        self._held: list[Expected] = []
        self._said: set[str] = set()

    @property
    def spent(self) -> Spent:
        """What was billed since the purse was opened."""
        return Spent(self._usd, self._tokens, self._calls, self._unpriced)

    def counts(self, conversation: str) -> bool:
        """Whether it is this conversation's budget too."""
        return self.conversation is None or self.conversation == conversation

    def charge(self, row: Row) -> None:
        """Take a billed call off; a call that is not this budget's changes nothing."""
        if not self.counts(row.conversation):
            return
        cost = row.cost
        with _LOCK:
            self._calls += bool(
                row.usage.prompt or row.usage.output or row.message_id
            )  # an attempt that failed is none
            self._tokens += row.usage.prompt + row.usage.output
            if cost is None:
                self._unpriced += 1
            else:
                self._usd += cost

    def verdict(self, call: Expected) -> Verdict:
        """What the budget says to a call, beside those that are under way."""
        with _LOCK:
            return self.budget.check(self._with_held(), call)

    def hold(self, call: Expected) -> Verdict:
        """As `verdict`; unless it is "stop", the call counts as under way from now on."""
        with _LOCK:
            found = self.budget.check(self._with_held(), call)
            if found.verdict != "stop":
                self._held.append(call)
            return found

    def release(self, call: Expected) -> None:
        """A call is over, billed or not."""
        with _LOCK:
            if call in self._held:
                self._held.remove(call)

    def _with_held(self) -> Spent:
        if not self._held:
            return self.spent
        strict = self.budget.strict
        return Spent(
            self._usd + sum((call.unread if strict else call.usd) or 0.0 for call in self._held),
            self._tokens + sum(call.tokens for call in self._held),
            self._calls + sum(call.calls for call in self._held),
            self._unpriced,
        )

    def say(self, found: Verdict, call: Expected) -> None:
        """Refuse, or warn: once a limit, and once that a limit cannot be kept.

        Raises:
            SpendingError: the call does not fit.
        """
        if found.verdict == "stop":
            raise SpendingError(
                found.reason,
                where=self.where,
                fix="Nothing was sent. Raise the budget, or make the call smaller: max_tokens, history, model.",
            )
        if found.verdict == "warn":
            self._once(found.unit, found)
        if self.budget.usd is not None and call.usd is None and not self.budget.strict:
            reason = "the model's price is not known: its calls are not counted in USD"
            self._once("unpriced", Verdict("warn", reason, "usd", found.share))

    def _once(self, key: str, found: Verdict) -> None:
        if key in self._said:
            return
        self._said.add(key)
        if self.budget.on_warn is not None:
            self.budget.on_warn(found)
        else:
            place = f" ({self.where})" if self.where else ""
            warnings.warn(f"budget{place}: {found.reason}", BudgetWarning, stacklevel=4)

    def __repr__(self) -> str:
        return f"<Purse {self.where} {self.spent}>"


def admit(purses: Sequence[Purse], call: Expected, *, hold: bool = False) -> None:
    """Let a call pass every purse, or none: then nothing is held.

    Args:
        purses: all that it would be charged to.
        call: what it may cost.
        hold: count it as under way until `release`.

    Raises:
        SpendingError: the first purse that it does not fit.
    """
    held: list[Purse] = []
    try:
        for purse in purses:
            found = purse.hold(call) if hold else purse.verdict(call)
            if hold and found.verdict != "stop":
                held.append(purse)
            purse.say(found, call)
    except BaseException:
        release(held, call)
        raise


def release(purses: Sequence[Purse], call: Expected) -> None:
    """The call is over: it counts with what was billed, or not at all."""
    for purse in purses:
        purse.release(call)
