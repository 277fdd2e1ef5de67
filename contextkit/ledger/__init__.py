"""One row a call: what it was for, what was billed, what it would have cost without a cache, and who may spend more.

Law: tokens are what was billed; a cost says which price made it; an unknown price is None, never 0. Rows are only
appended, and appending never raises. A budget stops a call before it is made, never after it was paid for. Only
files.py, sqlite.py and telemetry.py do anything outside of the process, and only where the caller asks for it.
"""

from __future__ import annotations

from contextkit.ledger.book import By, Ledger
from contextkit.ledger.budget import Budget, BudgetWarning, Expected, SpendingError, Spent, Verdict, expected
from contextkit.ledger.hotspots import HotSpot
from contextkit.ledger.purse import Purse
from contextkit.ledger.row import Row, Totals
from contextkit.ledger.steps import current_step, step
from contextkit.ledger.tooluse import ToolRow, ToolUse, ToolUses
from contextkit.ledger.verdicts import FoldRow, Verdicts

__all__ = [
    "Budget",
    "BudgetWarning",
    "By",
    "Expected",
    "FoldRow",
    "HotSpot",
    "Ledger",
    "Purse",
    "Row",
    "SpendingError",
    "Spent",
    "ToolRow",
    "ToolUse",
    "ToolUses",
    "Totals",
    "Verdict",
    "Verdicts",
    "current_step",
    "expected",
    "step",
]
