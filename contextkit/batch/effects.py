"""What a batch's flow wants done outside.

Law: values only; drivers.py does them. A flow yields one and is sent what came of it, or gets its exception thrown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

__all__ = ["Answered", "Begin", "Cancel", "Create", "Effect", "Fetch", "Listed", "Look", "Next", "Wait", "Warm"]


@dataclass(frozen=True, slots=True)
class Create:
    """Send a chunk, once, without a retry of the SDK's; gives the API's batch.

    Attributes:
        parts: makes the body, piece by piece.
        size: of the body, bytes.
        betas: beta headers.
    """

    parts: Callable[[], Iterator[bytes]]
    size: int
    betas: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Look:
    """How a batch is; gives the API's batch."""

    id: str


@dataclass(frozen=True, slots=True)
class Listed:
    """A page of the workspace's batches, newest first.

    Attributes:
        after: id of the last one seen; "" for the first page.
    """

    after: str = ""


@dataclass(frozen=True, slots=True)
class Fetch:
    """Read a batch's results, page by page.

    Attributes:
        id: the batch.
        take: called with every page of results (plain dicts); False ends the reading.
    """

    id: str
    take: Callable[[Sequence[dict[str, Any]]], bool]


@dataclass(frozen=True, slots=True)
class Cancel:
    """Cancel a batch; gives the API's batch."""

    id: str


@dataclass(frozen=True, slots=True)
class Warm:
    """Write the prefix to the cache; gives the API's message."""

    params: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Wait:
    """Let time pass, seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Begin:
    """Start asking for an item, and go on.

    Attributes:
        number: the item.
        params: the request.
    """

    number: int
    params: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Next:
    """Wait for one of what was begun, at most so many seconds; gives an `Answered`, or None."""

    seconds: float


class Answered(NamedTuple):
    """What came of a `Begin`.

    Attributes:
        number: the item.
        message: the API's message; None where there was an error.
        headers: of the answer, names in lower case.
        error: what the client raised; None for nothing.
    """

    number: int
    message: Any
    headers: Mapping[str, str]
    error: Exception | None = None


Effect = Create | Look | Listed | Fetch | Cancel | Warm | Wait | Begin | Next
