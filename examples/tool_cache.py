"""Remember what tools answered: the same question, asked fifty times a day, is worked out a few times.

python examples/tool_cache.py                                     # offline, in a file of its own
python examples/tool_cache.py --store redis://localhost:6379/0    # or sqlite:///FILE.db
"""

from __future__ import annotations

import sys
import tempfile
import time
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import contextkit
from contextkit.toolcache import cached

TENANT: ContextVar[str] = ContextVar("tenant", default="nobody")


def main(where: str) -> None:
    """A day of questions about the weather, from two tenants."""

    @contextkit.tool(cache=cached(ttl=1_800, stale=600, namespace=TENANT.get, store=where))
    def weather(city: str, days: int = 3) -> dict[str, Any]:
        """The weather of the next days.

        Args:
            city: name of the city.
            days: how many.
        """
        time.sleep(0.02)  # a slow service
        return {"city": city, "days": [{"day": day, "high": 9 + day} for day in range(days)]}

    for tenant in ("north", "south"):
        TENANT.set(tenant)
        for asked in range(25):
            # As the model writes it: defaults given or not, in any order.
            given = {"city": ["Ulm", "Bonn", "Kiel"][asked % 3]} | ({"days": 3} if asked % 2 else {})
            weather.call(given)

    stats = weather.cache.stats
    print(f"{stats.calls} calls, {stats.misses} of them worked out: {stats.hit_rate:.0%} from the cache")
    print(f"{stats.saved_seconds:.2f} s of waiting saved, {stats.seconds:.2f} s spent")
    print("forgotten for tenant south:", weather.cache.clear("south"))


if __name__ == "__main__":
    if "--store" in sys.argv:
        main(sys.argv[sys.argv.index("--store") + 1])
    else:
        with tempfile.TemporaryDirectory() as folder:
            main(f"sqlite:///{Path(folder) / 'tools.db'}")
