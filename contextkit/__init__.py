"""Long Claude conversations, several times cheaper, and the cause and price of every cache miss.

The public names are resolved when they are first used (PEP 562), so that `import contextkit` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from contextkit.batch import Batch
    from contextkit.cache.violations import Violation
    from contextkit.compact.policies import Compaction
    from contextkit.conversation import Conversation
    from contextkit.errors import ContextKitError
    from contextkit.escalate import Route
    from contextkit.ledger import Budget, Ledger, step
    from contextkit.loop import Result, arun, run
    from contextkit.middleware import observe
    from contextkit.shape.chain import Shape
    from contextkit.toolcache import cached
    from contextkit.tools.function import tool

__all__ = [
    "Batch",
    "Budget",
    "Compaction",
    "ContextKitError",
    "Conversation",
    "Ledger",
    "Result",
    "Route",
    "Shape",
    "Violation",
    "__version__",
    "arun",
    "cached",
    "observe",
    "run",
    "step",
    "tool",
]

__version__: Final = "0.1.0"

_HOMES: Final = {
    "Batch": "contextkit.batch",
    "Budget": "contextkit.ledger",
    "Result": "contextkit.loop",
    "Route": "contextkit.escalate",
    "arun": "contextkit.loop",
    "cached": "contextkit.toolcache",
    "run": "contextkit.loop",
    "step": "contextkit.ledger",
    "Compaction": "contextkit.compact.policies",
    "ContextKitError": "contextkit.errors",
    "Conversation": "contextkit.conversation",
    "Ledger": "contextkit.ledger",
    "Shape": "contextkit.shape.chain",
    "Violation": "contextkit.cache.violations",
    "observe": "contextkit.middleware",
    "tool": "contextkit.tools.function",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'contextkit' has no attribute {name!r}")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
