"""Every exception of contextkit, one tree; each says what is wrong, where, and what to do.

The root is `ContextKitError`: catching it catches everything that contextkit itself raises. Errors of the
SDK (rate limits, timeouts, refusals by the API) pass through unchanged.
"""

from __future__ import annotations

from typing import Any

__all__ = [
    "BudgetError",
    "ConfigError",
    "ConflictError",
    "ContentError",
    "ContextKitError",
    "FormatError",
    "FrozenError",
    "HistoryError",
    "ShapeError",
    "StoreError",
    "SummaryError",
]


class ContextKitError(Exception):
    """The root of the tree.

    Args:
        what: what is wrong, one sentence without a full stop.
        where: which entry, option, file or line; empty when there is only one place it can be.
        fix: what to do about it.
    """

    def __init__(self, what: str, *, where: str = "", fix: str = "") -> None:
        self.what = what
        self.where = where
        self.fix = fix
        place = f" ({where})" if where else ""
        advice = f" {fix}" if fix else ""
        super().__init__(f"{what}{place}.{advice}")

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (type(self), self.what, self.where, self.fix)


def _again(kind: type[ContextKitError], what: str, where: str, fix: str) -> ContextKitError:
    """An error as it was, in another process: pickle would make it of its text alone."""
    return kind(what, where=where, fix=fix)


class ConfigError(ContextKitError, ValueError):
    """A setting is wrong: an unknown model family, a negative budget, two options that exclude each other."""


class ContentError(ContextKitError, ValueError):
    """Content cannot be sent as it is: not JSON, a lone surrogate, an empty text, an unknown block."""


class HistoryError(ContextKitError, ValueError):
    """The call would make an invalid history; nothing was changed."""


class FrozenError(ContextKitError, AttributeError):
    """Tools and system are part of the cached prefix and cannot change after the first request."""


class BudgetError(ContextKitError):
    """The request cannot be made to fit: the fixed prefix alone is over the budget or the window."""


class ShapeError(ContextKitError, ValueError):
    """A shape cannot be built: a path that does not parse, or one that is refused and why."""


class SummaryError(ContextKitError):
    """A summary could not be made. Raised only inside a turn, which goes on with the history as it was."""


class FormatError(ContextKitError, ValueError):
    """A file is not what its reader expects: which file, which line, what was found."""


class StoreError(ContextKitError):
    """A store cannot be read or written: the disk is full, the file is not a store, another process holds it."""


class ConflictError(ContextKitError):
    """Somebody else has written since you read; nothing of yours was written. Read again, then decide again."""
