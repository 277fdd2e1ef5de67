"""Message Batches: items that are answered one after the other on the clock, at half price, billed by the same cache.

Law: an item is run when its time has come, and not before; so cancelling and expiring leave out exactly what was
still waiting. Results come in another order than the requests. What the API does not take in an item makes that item
an error and nothing else (batch-processing page).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from contextkit.api.messages import digest, dumps
from contextkit.emulator.answer import Refusal, error_body
from contextkit.emulator.exchange import Exchange
from contextkit.emulator.messages import respond

if TYPE_CHECKING:
    from collections.abc import Callable

    from contextkit.api.usage import Usage
    from contextkit.cache.simulator import Bill
    from contextkit.emulator.parameters import Headers
    from contextkit.emulator.world import World

__all__ = ["Batch", "Batches"]

_MOST: Final = 100_000
_ID: Final = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_LIFE: Final = 24 * 3600.0
_KEPT: Final = 29 * 24 * 3600.0
_REFUSED: Final = ("stream", "speed", "thread", "fallbacks")


@dataclass(slots=True)
class Batch:
    """One batch.

    Attributes:
        name: its id.
        created: Unix seconds.
        items: custom id and request, in order.
        headers: of the request that made it.
        due: when each item is answered.
        results: by custom id, as far as they are there.
        cancelled: when it was cancelled.
        ended: when it ended.
    """

    name: str
    created: float
    items: list[tuple[str, dict[str, Any]]]
    headers: Headers
    due: list[float]
    results: dict[str, dict[str, Any]] = field(default_factory=dict)
    cancelled: float | None = None
    ended: float | None = None

    def json(self, origin: str, now: float) -> dict[str, Any]:
        """As the API shows it.

        Args:
            origin: scheme and host for the results' address.
            now: Unix seconds.
        """
        status = "ended" if self.ended is not None else "in_progress" if self.cancelled is None else "canceling"
        archived = now >= self.created + _KEPT
        kinds = [result["type"] for result in self.results.values()] if self.ended is not None else []
        counts = {kind: kinds.count(kind) for kind in ("succeeded", "errored", "canceled", "expired")}
        return {
            "id": self.name,
            "type": "message_batch",
            "processing_status": status,
            # "Requests start as processing and move only once the entire batch ends" (SDK docstring)
            "request_counts": {"processing": len(self.items) - len(kinds), **counts},
            "created_at": _stamp(self.created),
            "expires_at": _stamp(self.created + _LIFE),
            "ended_at": None if self.ended is None else _stamp(self.ended),
            "cancel_initiated_at": None if self.cancelled is None else _stamp(self.cancelled),
            "archived_at": _stamp(self.created + _KEPT) if archived else None,
            "results_url": f"{origin}/v1/messages/batches/{self.name}/results" if self.ended and not archived else None,
        }


class Batches:
    """All batches of an emulator.

    Args:
        world: who answers the items.
        log: gets a record of every item.
    """

    def __init__(self, world: World, log: Callable[[Exchange], None]) -> None:
        self._world = world
        self._log = log
        self._all: dict[str, Batch] = {}

    def create(self, body: Mapping[str, Any], headers: Headers, now: float) -> Batch:
        """Accept a batch.

        Raises:
            Refusal: the list is empty, too long or not one; an id is missing, wrong or doubled.
        """
        items = _items(body)
        seconds = self._world.options.batch_seconds
        due = [now + seconds * at / len(items) for at in range(1, len(items) + 1)]
        batch = Batch(self._world.new_id("msgbatch"), now, items, headers, due)
        self._all[batch.name] = batch
        return batch

    def get(self, name: str) -> Batch:
        """One batch.

        Raises:
            Refusal: there is none of that id (404).
        """
        if name not in self._all:
            raise Refusal(f"Message Batch {name} not found", status=404)
        return self._all[name]

    def newest_first(self) -> list[Batch]:
        """Every batch, as the API lists them."""
        return list(self._all.values())[::-1]

    def cancel(self, name: str, now: float) -> Batch:
        """Answer no further items; the batch ends when it is looked at next.

        Raises:
            Refusal: it has ended.
        """
        batch = self.get(name)
        if batch.ended is not None:
            raise Refusal(f"Message Batch {name} has already ended and cannot be canceled")  # (unverified)
        batch.cancelled = now if batch.cancelled is None else batch.cancelled
        return batch

    def delete(self, name: str) -> None:
        """Forget a batch.

        Raises:
            Refusal: it has not ended.
        """
        if self.get(name).ended is None:
            raise Refusal(f"Message Batch {name} must be ended or canceled before it is deleted")  # (unverified)
        del self._all[name]

    def results(self, name: str, now: float) -> bytes:
        """The results as JSONL, in no particular order.

        Raises:
            Refusal: it has not ended, or its results are no longer kept (404).
        """
        batch = self.get(name)
        if batch.ended is None or now >= batch.created + _KEPT:
            raise Refusal(f"Results for Message Batch {name} are not available", status=404)
        shuffled = sorted(batch.results, key=lambda custom_id: digest(custom_id.encode()))
        lines = (dumps({"custom_id": custom_id, "result": batch.results[custom_id]}) for custom_id in shuffled)
        return "".join(line + "\n" for line in lines).encode("utf-8", "surrogatepass")

    def settle(self, now: float) -> None:
        """Answer every item whose time has come, in order of time over all batches."""
        waiting = [
            (due, batch, custom_id, params)
            for batch in self._all.values()
            if batch.ended is None
            for due, (custom_id, params) in zip(batch.due, batch.items, strict=True)
            if custom_id not in batch.results and due <= min(now, _stops(batch))
        ]
        for due, batch, custom_id, params in sorted(waiting, key=lambda item: item[0]):
            batch.results[custom_id] = self._run(batch, params, due)
        for batch in self._all.values():
            if batch.ended is None:
                _end(batch, now)

    def _run(self, batch: Batch, params: dict[str, Any], at: float) -> dict[str, Any]:
        name = self._world.new_id("req")
        status, error = 200, ("", "")
        try:
            _check_item(params)
            outcome = respond(self._world, params, batch.headers, at, "batch")
        except Refusal as refusal:
            status, error = refusal.status, (refusal.type, refusal.message)
        except Exception as problem:  # noqa: BLE001  (a script may raise anything; the other items go on)
            status, error = 500, ("api_error", f"contextkit emulator: {type(problem).__name__}: {problem}")
        else:
            failure, message = outcome.failure, outcome.message
            if failure is None and message is not None:
                self._log(_record(at, params, 200, name, message, outcome.bill, outcome.usage))
                return {"type": "succeeded", "message": message}
            # Nothing of a failed item is billed (batch-processing page); whatever broke, the result is an error.
            status = failure.status or 500 if failure else 500
            error = (failure.type or "api_error", failure.message or "Internal server error") if failure else error
        self._log(_record(at, params, status, name, {"error": error[1]}))
        return {"type": "errored", "error": error_body(*error, name)}


def _items(body: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    for name in body.keys() - {"requests"}:
        raise Refusal(f"{name}: Extra inputs are not permitted")
    requests = body.get("requests")
    if not isinstance(requests, list) or not requests:
        raise Refusal("requests: List should have at least 1 item after validation")
    if len(requests) > _MOST:
        raise Refusal(f"requests: List should have at most {_MOST} items after validation")
    items: dict[str, dict[str, Any]] = {}
    for at, item in enumerate(requests):
        custom_id = item.get("custom_id") if isinstance(item, Mapping) else None
        if not isinstance(custom_id, str) or not _ID.fullmatch(custom_id):
            raise Refusal(f"requests.{at}.custom_id: String should match pattern '^[a-zA-Z0-9_-]{{1,64}}$'")
        if custom_id in items:
            raise Refusal(f"requests.{at}.custom_id: custom_id must be unique: {custom_id}")  # (unverified)
        if not isinstance(item.get("params"), dict):
            raise Refusal(f"requests.{at}.params: Field required")
        items[custom_id] = item["params"]
    return list(items.items())


def _check_item(params: Mapping[str, Any]) -> None:
    """What an item must not have (batch-processing page).

    Raises:
        Refusal: it has it.
    """
    for name in _REFUSED:
        if params.get(name) not in {None, False}:
            raise Refusal(f"{name}: not supported in Message Batches")  # (unverified)
    if params.get("max_tokens") == 0:
        raise Refusal("max_tokens: 0 is not supported in Message Batches")  # (unverified)


def _stops(batch: Batch) -> float:
    """When no further item is answered."""
    expires = batch.created + _LIFE
    return expires if batch.cancelled is None else min(expires, batch.cancelled)


def _end(batch: Batch, now: float) -> None:
    """End a batch whose items are all answered, or will not be any more."""
    stop = _stops(batch)
    left = [custom_id for custom_id, _ in batch.items if custom_id not in batch.results]
    if left and now < stop:
        return
    kind = "expired" if batch.cancelled is None or batch.cancelled > stop else "canceled"
    batch.results |= {custom_id: {"type": kind} for custom_id in left}
    batch.ended = stop if left else batch.due[-1]


def _record(
    at: float, params: Mapping[str, Any], status: int, name: str, said: Mapping[str, Any], bill: Bill | None = None,
    usage: Usage | None = None,
) -> Exchange:  # fmt: skip
    return Exchange(
        at, "POST", "/v1/messages", {}, params, status, str(said.get("error") or ""), str(said.get("id") or ""), name,
        bill, usage, str(said.get("stop_reason") or ""), "batch",
    )  # fmt: skip


def _stamp(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")
