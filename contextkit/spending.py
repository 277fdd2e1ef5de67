"""What a conversation spends: whether the budgets let its next call through, and the row of a call that was made.

Law: asked before anything is changed or sent; without a budget it costs nothing.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from contextkit.api.answer import Answer
    from contextkit.api.request import Purpose
    from contextkit.ledger import Row
    from contextkit.state import State

__all__ = ["admit", "book_row", "holding", "warming"]


def admit(state: State, now: float) -> None:
    """Ask every budget whether the next call still fits.

    Raises:
        SpendingError: it could pass one of them; nothing was changed.
    """
    if state.ledger.limited:
        state.ledger.admit(state.model, **_expected(state, now))


def holding(state: State, now: float) -> AbstractContextManager[None]:
    """Count the call under way as spent, for calls beside it, until its bill is in."""
    return state.ledger.holding(state.model, **_expected(state, now)) if state.ledger.limited else nullcontext()


def warming(state: State, now: float) -> AbstractContextManager[None]:
    """As `holding`, for a call that reads or writes the prefix and answers nothing."""
    if not state.ledger.limited:
        return nullcontext()
    given = {**_expected(state, now), "output": 0}
    state.ledger.admit(state.model, **given)
    return state.ledger.holding(state.model, **given)


def _expected(state: State, now: float) -> dict[str, Any]:
    """The most that the next call may cost: what the last one wrote is read, if it should still be warm."""
    total = state.tokens()
    warm = state.calibration.anchor is not None and state.written is not None and state.own.warm(now)
    read = max(total - round(state.log.tokens(state.answered)), 0) if warm else 0
    given = {"speed": state.params.get("speed"), "geo": state.params.get("inference_geo")}
    given["conversation"] = state.ledger.conversation or state.id  # as its row will name it
    return {"prompt": total, "output": state.max_tokens, "read": read, "ttl": state.lifetime, "at": now, **given}


def book_row(
    state: State, answer: Answer, *, now: float, step: str, purpose: Purpose, estimate: int = 0, note: str = ""
) -> Row:
    """One ledger row for an answered call."""
    main = purpose in {"turn", "warm"}
    row = state.ledger.add(
        at=now,
        purpose=purpose,
        model=answer.model or (state.model if main else str(state.summarizer)),
        usage=answer.usage,
        step=step,
        speed=state.params.get("speed") if main else None,
        geo=state.params.get("inference_geo") if main else None,
        estimate=estimate,
        stop_reason=answer.stop_reason,
        message_id=answer.id,
        note=note,
        conversation=state.ledger.conversation or state.id,
    )
    if state.booked is not None:
        state.booked.append(row)
    if state.journal is not None:
        state.journal.note("row", row=row.as_dict())
    return row
