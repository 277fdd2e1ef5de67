"""Who writes a summary, and what becomes of it: a model, a fork of the conversation, a callable, or nobody.

Law: whatever the user's client or callable raises or says, the history stays as it was until a summary has passed
every check; a call that was paid for is booked, once. A job is a value: what to ask, and what the answer stands for.
"""

from __future__ import annotations

import sys
from contextlib import nullcontext
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from contextkit.api import facts
from contextkit.api.answer import Answer
from contextkit.api.request import Ask, Reply, Request
from contextkit.api.usage import Usage
from contextkit.compact import plan, summary
from contextkit.compact.extract import extractive
from contextkit.compact.fork import cheaper, fork, fresh
from contextkit.compact.job import Job
from contextkit.errors import SummaryError
from contextkit.history.log import Entry
from contextkit.history.view import Summary
from contextkit.spending import book_row
from contextkit.tokens.quick import quick_tokens

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from contextlib import AbstractContextManager

    from contextkit.state import State

__all__ = ["admitted", "extracted", "finished", "job", "merge", "needs_client", "reserved", "written"]

_SIDE: Final = "haiku"
"""Who writes a fresh summary where "auto" was asked for."""


def needs_client(state: State) -> bool:
    """Whether summaries are written by calls of the API."""
    return not callable(state.summarizer) and state.summarizer != "extractive"


def job(state: State, wanted: plan.Fold, *, now: float, step: str) -> Job:
    """The summary of a range, by whoever the conversation names.

    Raises:
        SummaryError, ConfigError: it cannot be asked for.
    """
    return _job(state, state.log.entries[wanted.first : wanted.end], wanted, now=now, step=step, level=1)


def _job(state: State, entries: Sequence[Entry], wanted: plan.Fold, *, now: float, step: str, level: int) -> Job:
    start, named = state.view.start, state.summarizer
    if callable(named):
        ask = Ask("summary", call=named, text=summary.transcript(entries), step=step)
        return Job(wanted, level, ask, getattr(named, "__name__", "callable"), start)
    maker = {"own": state.model, "auto": facts.resolve(_SIDE)}.get(named) or facts.resolve(named)
    request = summary.request(entries, model=maker, max_tokens=state.summary_tokens)
    if named in {"own", "auto"} and level == 1 and not state.failed_in_a_row:
        forked = _forked(state, wanted, request, maker, now)
        if forked is not None:
            return Job(wanted, level, Ask("summary", forked, estimate=state.tokens(), step=step), "own", start)
    return Job(wanted, level, Ask("summary", request, estimate=int(wanted.tokens), step=step), maker, start)


def _forked(state: State, wanted: plan.Fold, other: Request, maker: str, now: float) -> Request | None:
    """The fork of the last request, where it can be made and was asked for or costs less than a fresh call."""
    if state.last is None:
        return None
    last, billed = state.last
    messages = state.view.messages()
    warm = state.called_at is not None and now - state.called_at < state.seconds
    try:
        made = fork(
            last,
            billed,
            summary_tokens=state.summary_tokens,
            warm=warm,
            added=messages[len(last.params["messages"]) :],
            kept=len(state.log.entries) - wanted.end,
            fixed_tokens=int(state.fixed_tokens),
            thinking_tokens=state.fork_thinking,
        )
    except SummaryError:
        return None
    if state.summarizer == "own":
        return made.request
    against = fresh(other, summary_tokens=state.summary_tokens)
    return made.request if cheaper(made.usage, against, model=state.model, maker=maker, at=now).maker == "own" else None


def written(state: State, wanted: plan.Fold, *, now: float, step: str) -> Generator[Ask, Reply, Summary | None]:
    """The summary of a range; None when it failed, with the failure noted."""
    return (yield from _written(state, state.log.entries[wanted.first : wanted.end], wanted, now=now, step=step))


def _written(
    state: State, entries: Sequence[Entry], wanted: plan.Fold, *, now: float, step: str, level: int = 1
) -> Generator[Ask, Reply, Summary | None]:
    if state.summarizer == "extractive":
        return _extracted(state, entries, wanted, level=level)
    try:
        made = _job(state, entries, wanted, now=now, step=step, level=level)
        admitted(state, made, now)
        with reserved(state, made, now):
            reply = yield made.ask
            return finished(state, made, reply, now=now)
    except Exception as error:  # noqa: BLE001  (whatever the user's client or callable raises: the history stays)
        state.note_failure(error)
        return None


def admitted(state: State, made: Job, now: float) -> None:
    """Ask the budgets for the summary's call, too.

    Raises:
        SpendingError: it could pass one of them.
    """
    if made.ask.request is not None and state.ledger.limited:
        state.ledger.admit(made.ask.request.model, **_expected(state, made, now))


def reserved(state: State, made: Job, now: float) -> AbstractContextManager[None]:
    """Count the summary's call as spent, for calls beside it, until its bill is in."""
    if made.ask.request is None or not state.ledger.limited:
        return nullcontext()
    return state.ledger.holding(made.ask.request.model, **_expected(state, made, now))


def _expected(state: State, made: Job, now: float) -> dict[str, Any]:
    given = {"conversation": state.ledger.conversation or state.id, "cached": False, "at": now}
    return {"prompt": made.ask.estimate, "output": state.summary_tokens, **given}


def finished(state: State, made: Job, reply: Reply, *, now: float) -> Summary:
    """The summary that an answer holds; a call of the API is booked, whatever is in it.

    Raises:
        SummaryError: the answer is no summary of the range.
    """
    if made.ask.call is not None:
        return _checked(state, made.wanted, reply.text, made.maker, level=made.level)
    answer = Answer.of(reply.message)
    book_row(state, answer, now=now, step=made.ask.step, purpose="summary", estimate=made.ask.estimate)
    if made.maker == "own":
        billed = answer.usage or Usage()
        said = quick_tokens(answer.blocks, state.family)
        state.fork_thinking = max(int(billed.output - said), 0)
    called = any(block["type"] == "tool_use" for block in answer.blocks)
    maker = state.model if made.maker == "own" else made.maker
    return _checked(
        state, made.wanted, answer.text, maker, level=made.level, stop_reason=answer.stop_reason, called=called
    )


def merge(state: State, joined: plan.Merge, *, now: float, step: str, alone: bool) -> Generator[Ask, Reply, bool]:
    """One summary of the next level in the place of several; they stay as they are where it fails."""
    if alone and needs_client(state):
        return False
    old = state.view.summaries[joined.first : joined.end]
    entries = [Entry("assistant", [{"type": "text", "text": each.text} for each in old])]
    wanted = plan.Fold(old[0].first, old[-1].end, sum(each.tokens for each in old))
    made = yield from _written(state, entries, wanted, now=now, step=step, level=joined.level)
    if made is not None:
        state.view.merge(joined.first, joined.end, made)
        if state.journal is not None:
            state.journal.note("merge", first=joined.first, end=joined.end, summary=asdict(made))
    return made is not None


def _checked(state: State, wanted: plan.Fold, text: object, maker: str, *, level: int, **said: Any) -> Summary:
    if not isinstance(text, str):
        raise SummaryError(f"the summariser gave a {type(text).__name__}, not text", where=maker)
    text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    tokens = quick_tokens([{"type": "text", "text": text}], state.family)
    stop_reason, called = said.get("stop_reason", "end_turn"), said.get("called", False)
    kept = summary.checked(text, tokens=tokens, range_tokens=wanted.tokens, stop_reason=stop_reason, calls=called)
    shown = summary.quoted(kept, first=wanted.first, end=wanted.end, handle=_archived(state, wanted))
    size = quick_tokens([{"type": "text", "text": shown}], state.family)
    return Summary(shown, wanted.first, wanted.end, size, maker, level)


def _archived(state: State, wanted: plan.Fold) -> str:
    """The handle under which the model can read a folded range again; "" where it cannot."""
    if not state.recall:
        return ""
    return state.archive.put(summary.transcript(state.log.entries[wanted.first : wanted.end], sys.maxsize))


def extracted(state: State, wanted: plan.Fold) -> Summary | None:
    """The summary of a range without a model."""
    return _extracted(state, state.log.entries[wanted.first : wanted.end], wanted, level=1)


def _extracted(state: State, entries: Sequence[Entry], wanted: plan.Fold, *, level: int) -> Summary | None:
    try:
        text = extractive(entries, max_tokens=state.summary_tokens, names=() if state.listed else None)
        return _checked(state, wanted, text, "extractive", level=level)
    except SummaryError as error:
        state.note_failure(error)
        return None
