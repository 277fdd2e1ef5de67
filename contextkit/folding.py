"""Folding inside a turn: ask the plan, have the summary written, take it into the view.

Law: plan.py decides, this carries out. A summary that fails is noted, the history stays as it is, and the next try
waits; only at the model's hard limit, or without a client at the ceiling, the extractive summary takes over. The
plan is asked where it can have changed: at every call once holding has nearly cost what folding does, seldom before
that, and at once where the ceiling is passed or the cache is cold; so deciding costs a few microseconds a turn.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from contextkit.api import facts
from contextkit.api.answer import Answer
from contextkit.api.request import Ask, Reply
from contextkit.compact import plan, summary
from contextkit.compact.extract import extractive
from contextkit.compact.policies import Compaction, window
from contextkit.errors import BudgetError, SummaryError
from contextkit.history.log import Entry
from contextkit.history.view import Summary
from contextkit.tokens.quick import quick_tokens

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from contextkit.state import State

__all__ = ["compact", "due"]

_AHEAD: Final = 0.7
"""The next plan is made after this share of the calls that holding still needs to cost what folding does."""

_LONGEST: Final = 16
"""Calls that one plan may stand."""

_GROWTH: Final = 0.1
"""A prompt that has grown by this share is looked at again."""

_BACK_OFF: Final = 0.05
"""After a summary failed: share of the budget that has to come before the next try; doubled at each failure."""


def due(state: State, now: float) -> bool:
    """Whether `compact` has something to look at before the next call."""
    if state.policy is None:
        return False
    if not state.frozen or len(state.log.entries) == 1:
        return True  # the fixed part is yet to be looked at; neither it nor the head changes later
    cold = state.called_at is not None and now - state.called_at >= state.seconds
    tokens = state.tokens()
    if cold or state.since.seen >= state.plan_at or tokens >= state.plan_from:
        _plan(state, state.policy, now, tokens)
    return state.plan is not None and state.plan.verdict == "fold"


def _plan(state: State, policy: Compaction, now: float, tokens: int) -> None:
    """Ask for a plan, and say when the next is due."""
    before = state.plan
    made = state.plan = plan.decide(_situation(state, now), policy, state.since)
    if made.worth is not None and before is not None and before.worth is not None:
        # The history grew while the last plan stood, and what holding it costs grew with it.
        stood = max(state.since.seen - state.planned_at - 1, 0)
        state.since = state.since.corrected((made.worth.saving - before.worth.saving) / 2 * stood)
    state.planned_at = state.since.seen
    state.plan_at = state.since.seen + _stands(made, policy, state.since)
    state.plan_from = min(state.ceiling + 1, int(tokens * (1 + _GROWTH)))


def _stands(made: plan.Plan, policy: Compaction, since: plan.Since) -> int:
    """For how many calls a plan need not be made again."""
    if policy.when is not None:
        return 1  # it may hold at any call
    if made.worth is None or made.worth.saving <= 0:
        return _LONGEST
    left = policy.patience * made.worth.now - since.paid
    return max(1, int(min(_AHEAD * left / made.worth.saving, _LONGEST)))


def over(state: State) -> bool:
    """Whether the next prompt would pass the ceiling."""
    return state.policy is not None and state.tokens() > state.ceiling


def compact(
    state: State, *, now: float, step: str = "", force: bool = False, alone: bool = False
) -> Generator[Ask, Reply, int]:
    """Fold as planned; returns how many folds were made.

    Args:
        state: the conversation's.
        now: Unix seconds.
        step: who pays.
        force: fold once whatever the plan says.
        alone: no client is at hand: models cannot be asked.
    """
    policy, folds = state.policy or (Compaction() if force else None), 0
    if policy is None:
        return 0
    ceiling = policy.ceiling(state.row)
    _check_fixed(state, ceiling)
    while True:
        found = plan.decide(_situation(state, now), policy, state.since)
        hard = state.tokens() > window(state.row, state.max_tokens)
        pressed = hard or force
        if found.fold is None or not (pressed or found.verdict == "fold"):
            break
        if not pressed and (state.tokens() < state.retry_at or (alone and _needs_client(state) and not found.forced)):
            break  # a summary failed not long ago, or there is nobody to write one and no need yet
        made = yield from _made_by(state, found.fold, now=now, step=step, alone=alone, last_resort=hard or alone)
        if made is None:
            state.failed_in_a_row += 1
            state.retry_at = state.tokens() + int(_BACK_OFF * ceiling * 2 ** min(state.failed_in_a_row - 1, 5))
            break
        merged = False
        if found.merge is not None:
            merged = yield from _merge(state, found.merge, now=now, step=step, alone=alone)
        state.fold(made, rewritten=merged)
        folds, force = folds + 1, False
        state.since = state.since.folded(reached=state.tokens() <= ceiling)
        if state.since.short:
            break
    state.plan, state.plan_at = None, 0
    return folds


def _situation(state: State, now: float) -> plan.Situation:
    return plan.Situation(
        log=state.log,
        start=state.view.start,
        fixed=state.fixed_tokens,
        summaries=state.view.summary_tokens,
        levels=[found.level for found in state.view.summaries],
        total=state.tokens(),
        new=state.log.tokens(state.answered),
        ceiling=state.ceiling or window(state.row, state.max_tokens),
        window=window(state.row, state.max_tokens),
        row=state.row,
        model=state.model,
        ttl=state.lifetime,
        summarizer=state.summarizer if isinstance(state.summarizer, str) else "callable",
        idle=None if state.called_at is None else max(now - state.called_at, 0.0),
        expires=state.seconds,
        now=now,
    )


def _check_fixed(state: State, ceiling: int) -> None:
    """What can never be folded has to fit, or every further call would fold in vain."""
    head = quick_tokens([{"type": "text", "text": ""}, *state.view.head()], state.family)
    fixed = state.fixed_tokens + head
    if fixed > ceiling:
        raise BudgetError(
            f"the budget of {ceiling:,} tokens is smaller than the fixed prefix: tools and system hold about"
            f" {state.fixed_tokens:,.0f}, the first message about {head:,.0f}",
            where="Compaction(budget=)",
            fix="Raise the budget, or shorten tools, system or the first message.",
        )


def _needs_client(state: State) -> bool:
    return not callable(state.summarizer) and state.summarizer != "extractive"


def _made_by(
    state: State, wanted: plan.Fold, *, now: float, step: str, alone: bool, last_resort: bool
) -> Generator[Ask, Reply, Summary | None]:
    """The summary of a range by whoever the conversation names, or as a last resort without a model."""
    entries = state.log.entries[wanted.first : wanted.end]
    if not (alone and _needs_client(state)):
        made = yield from _written(state, entries, wanted, now=now, step=step, level=1)
        if made is not None:
            return made
    return _extract(state, entries, wanted, level=1) if last_resort else None


def _merge(state: State, merge: plan.Merge, *, now: float, step: str, alone: bool) -> Generator[Ask, Reply, bool]:
    """One summary of the next level in the place of several; they stay as they are where it fails."""
    old = state.view.summaries[merge.first : merge.end]
    entries = [Entry("assistant", [{"type": "text", "text": each.text} for each in old])]
    wanted = plan.Fold(old[0].first, old[-1].end, sum(each.tokens for each in old))
    if alone and _needs_client(state):
        return False
    made = yield from _written(state, entries, wanted, now=now, step=step, level=merge.level)
    if made is not None:
        state.view.merge(merge.first, merge.end, made)
    return made is not None


def _written(
    state: State, entries: Sequence[Entry], wanted: plan.Fold, *, now: float, step: str, level: int
) -> Generator[Ask, Reply, Summary | None]:
    """A summary by the conversation's summariser; None when it failed, with the failure noted."""
    if state.summarizer == "extractive":
        return _extract(state, entries, wanted, level=level)
    try:
        if callable(state.summarizer):
            maker = getattr(state.summarizer, "__name__", "callable")
            reply = yield Ask("summary", call=state.summarizer, text=summary.transcript(entries), step=step)
            return _checked(state, wanted, reply.text, maker, level=level)
        maker = facts.resolve(state.summarizer)
        request = summary.request(entries, model=maker, max_tokens=state.summary_tokens)
        reply = yield Ask("summary", request, estimate=int(wanted.tokens), step=step)
        answer = Answer.of(reply.message)
        state.book_row(answer, now=now, step=step, purpose="summary")
        called = any(block["type"] == "tool_use" for block in answer.blocks)
        return _checked(state, wanted, answer.text, maker, level=level, stop_reason=answer.stop_reason, called=called)
    except Exception as error:  # noqa: BLE001  (whatever the user's client or callable raises: the history stays)
        state.note_failure(error)
        return None


def _checked(
    state: State,
    wanted: plan.Fold,
    text: object,
    maker: str,
    *,
    level: int,
    stop_reason: str = "end_turn",
    called: bool = False,
) -> Summary:
    if not isinstance(text, str):
        raise SummaryError(f"the summariser gave a {type(text).__name__}, not text", where=maker)
    tokens = quick_tokens([{"type": "text", "text": text}], state.family)
    kept = summary.checked(text, tokens=tokens, range_tokens=wanted.tokens, stop_reason=stop_reason, calls=called)
    shown = summary.quoted(kept, first=wanted.first, end=wanted.end, handle=_archived(state, wanted))
    size = quick_tokens([{"type": "text", "text": shown}], state.family)
    return Summary(shown, wanted.first, wanted.end, size, maker, level)


def _archived(state: State, wanted: plan.Fold) -> str:
    """The handle under which the model can read a folded range again; "" where it cannot."""
    if not state.recall:
        return ""
    return state.archive.put(summary.transcript(state.log.entries[wanted.first : wanted.end], sys.maxsize))


def _extract(state: State, entries: Sequence[Entry], wanted: plan.Fold, *, level: int) -> Summary | None:
    try:
        text = extractive(entries, max_tokens=state.summary_tokens)
        return _checked(state, wanted, text, "extractive", level=level)
    except SummaryError as error:
        state.note_failure(error)
        return None
