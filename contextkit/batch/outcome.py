"""What the API said of an item: from a line of results, or a message, to what is kept and what is shown.

Law: deciding only. Only an answer is billed (batch-processing page); what may be sent again is what failed on the
API's side.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, cast

from contextkit.api import usage as prices
from contextkit.api.answer import Answer
from contextkit.api.messages import dumps
from contextkit.api.usage import Usage
from contextkit.batch.kept import CANCELED, ERRORED, EXPIRED, SUCCEEDED, Kept, Outcome
from contextkit.batch.values import ItemStates, Result
from contextkit.errors import ContentError
from contextkit.route import judge

if TYPE_CHECKING:
    from collections.abc import Mapping

    from contextkit.batch.prefix import Prefix
    from contextkit.route import Output

__all__ = ["failed", "of_line", "result_of", "succeeded"]

_AGAIN: Final = frozenset({"api_error", "overloaded_error", "rate_limit_error", "timeout_error"})
"""Error types that are not the request's fault (errors page)."""

_MAX_ERROR: Final = 500


def of_line(number: int, line: Mapping[str, Any], prefix: Prefix, output: Output, now: float) -> Outcome:
    """A line of a batch's results."""
    result = line.get("result") or {}
    kind = result.get("type")
    if kind == "succeeded":
        return succeeded(number, result.get("message") or {}, prefix, output, now, batch=True)
    if kind == "expired":
        return failed(number, "not answered within a day", state=EXPIRED, again=True)
    if kind == "canceled":
        return failed(number, "cancelled", state=CANCELED)
    error = result.get("error") or {}
    error = error.get("error") or error
    said = f"{error.get('type', 'error')}: {error.get('message', '')}"
    return failed(number, said, again=error.get("type") in _AGAIN)


def failed(number: int, error: str, *, state: int = ERRORED, again: bool = False) -> Outcome:
    """No answer."""
    return Outcome(number, state, again, None, error[:_MAX_ERROR], "", Usage(), None, None, None)


def succeeded(
    number: int, message: Mapping[str, Any], prefix: Prefix, output: Output, now: float, *, batch: bool
) -> Outcome:
    """An answer, judged and priced."""
    try:
        answer = Answer.of(message)
    except ContentError as error:  # it may have been paid for, and is kept as it came
        answer = Answer("assistant", [])
        fault = f"no message: {error.what}"
    else:
        fault = _fault(answer, output)
    billed = answer.usage or Usage()
    name = answer.model or prefix.model
    options: dict[str, Any] = {"prompt": billed.prompt, "at": now, "geo": prefix.body.get("inference_geo")}
    paid, full = prices.price(name, batch=batch, **options), prices.price(name, **options)
    alone = Usage(input=billed.prompt, output=billed.output)
    return Outcome(
        number,
        SUCCEEDED,
        False,  # noqa: FBT003  (a field of a tuple)
        dumps(message).encode("utf-8", "surrogatepass"),
        "",
        fault,
        billed,
        paid.of(billed) if paid else None,
        full.of(billed) if full else None,
        full.of(alone) if full else None,
    )


def _fault(answer: Answer, output: Output) -> str:
    """Why it will not do; a call of a tool is an answer too."""
    reason = judge(answer, output).reason
    called = any(block["type"] == "tool_use" for block in answer.blocks)
    return "" if reason == "empty" and called else reason


def result_of(kept: Kept, output: Output) -> Result:
    """What came of an item, with its value read again from the answer."""
    state = cast("Any", ItemStates[kept.state])
    message = _message(kept.message)
    if message is None:
        return Result(kept.id, state, error=kept.error, tries=kept.tries)
    try:
        answer = Answer.of(message)
        found = judge(answer, output)
    except ContentError:
        return Result(kept.id, state, fault=kept.fault, message=message, tries=kept.tries)
    return Result(
        kept.id, state, found.value, answer.text, kept.fault, kept.error, message, kept.usage, kept.cost, kept.tries
    )


def _message(kept: bytes | None) -> dict[str, Any] | None:
    if kept is None:
        return None
    message = json.loads(kept.decode("utf-8", "surrogatepass"))
    return message if isinstance(message, dict) else None
