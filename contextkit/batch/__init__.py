"""Independent items at batch price: one shared, cached prefix, split, sent, waited for, and collected.

Law: what was paid for is kept before it is counted, and nothing is sent twice that may have been taken: an intent is
on the disk before its chunk leaves, and a doubt is looked up. One flow decides (flow.py, now.py), two drivers do
(drivers.py). This room does I/O: a SQLite file, the API, the clock, a progress bar.
"""

from __future__ import annotations

from contextkit.batch.advise import Advice, advise
from contextkit.batch.batch import Batch
from contextkit.batch.values import Done, Item, Progress, Quote, Result, UndecidedError

__all__ = ["Advice", "Batch", "Done", "Item", "Progress", "Quote", "Result", "UndecidedError", "advise"]
