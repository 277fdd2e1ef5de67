"""Side calls to the model that a task needs, and up the ladder when its answer will not do.

Law: a side call is a request of its own: it never touches a conversation's prefix, so a route is free there. One flow
climbs, whoever drives it; each rung's attempt is a row of the ledger with its reason. An answer that was paid for is
returned, good enough or not, and says which; only where no rung gave any does the last error pass through.
"""

from __future__ import annotations

from contextkit.escalate.tasks import Route
from contextkit.escalate.values import Attempt, Routed

__all__ = ["Attempt", "Route", "Routed"]
