"""Folding inside a turn: ask the plan, have the summary written, take it into the view.

Law: plan.py decides, this carries out. A summary that fails is noted, the history stays as it is, and the next try
waits; only at the model's hard limit, or without a client at the ceiling, the extractive summary takes over. The
plan is asked where it can have changed: at every call once holding has nearly cost what folding does, seldom before
that, and at once where the ceiling is passed or the cache is cold; so deciding costs a few microseconds a turn.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from math import inf
from typing import TYPE_CHECKING, Final

from contextkit.api.request import Ask
from contextkit.compact import plan
from contextkit.compact.policies import Compaction, window
from contextkit.errors import BudgetError, SummaryError
from contextkit.history.clearing import cleared
from contextkit.summarising import admitted, extracted, finished, job, merge, needs_client, reserved, written
from contextkit.tokens.quick import quick_tokens

if TYPE_CHECKING:
    from collections.abc import Generator

    from contextkit.api.request import Reply
    from contextkit.compact.job import Job
    from contextkit.state import State

__all__ = ["compact", "due"]

_AHEAD: Final = 0.7
"""The next plan is made after this share of the calls that holding still needs to cost what folding does."""

_LONGEST: Final = 16
"""Calls that one plan may stand."""

_GROWTH: Final = 0.2
"""A prompt that has grown by this share of the budget is looked at again."""

_BACK_OFF: Final = 0.05
"""After a summary failed: share of the budget that has to come before the next try; doubled at each failure."""


def due(state: State, now: float) -> bool:
    """Whether `compact` has something to look at before the next call."""
    if state.policy is None or state.server:
        return False
    if state.pending is not None and (state.pending[1].done() or over(state)):
        return True
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
    if made.verdict != "fold":
        _note(state, made, now)
    state.planned_at = state.since.seen
    state.plan_at = state.since.seen + _stands(made, policy, state.since)
    state.plan_from = min(state.ceiling + 1, int(tokens + _GROWTH * state.ceiling))


def _stands(made: plan.Plan, policy: Compaction, since: plan.Since) -> int:
    """For how many calls a plan need not be made again."""
    if policy.when is not None:
        return 1  # it may hold at any call
    if made.worth is None or made.worth.saving <= 0:
        return _LONGEST
    if policy.patience == inf:
        return _LONGEST if made.worth.now > 0 else 1
    left = policy.patience * made.worth.now - since.paid
    return int(max(1, min(_AHEAD * left / made.worth.saving, _LONGEST)))


def over(state: State) -> bool:
    """Whether the next prompt would pass the ceiling."""
    return state.policy is not None and state.tokens() > state.ceiling


def compact(
    state: State, *, now: float, step: str = "", force: bool = False, alone: bool = False
) -> Generator[Ask, Reply, int]:
    """Fold as planned; returns how many folds and clears were made.

    Args:
        state: the conversation's.
        now: Unix seconds.
        step: who pays.
        force: fold once whatever the plan says.
        alone: no client is at hand: models cannot be asked.
    """
    policy = state.policy or (Compaction() if force else None)
    if policy is None:
        return 0
    _check_fixed(state, policy.ceiling(state.row))
    folds = yield from _taken_in(state, policy, now=now, force=force)
    while True:
        found = plan.decide(_situation(state, now), policy, state.since)
        if force and found.clear is not None:
            found = found._replace(clear=None)  # who asks for a summary gets one
        made = yield from _carried_out(state, policy, found, now=now, step=step, force=force, alone=alone)
        if not made:
            break
        folds, force = folds + 1, False
        state.since = state.since.folded(reached=state.tokens() <= policy.ceiling(state.row))
        if state.since.short:
            break
    state.plan, state.plan_at = None, 0
    return folds


def _carried_out(
    state: State, policy: Compaction, found: plan.Plan, *, now: float, step: str, force: bool, alone: bool
) -> Generator[Ask, Reply, bool]:
    """One step of a plan; whether the history is shorter now."""
    hard = state.tokens() > window(state.row, state.max_tokens)
    pressed = hard or force
    if found.fold is None or not (pressed or found.verdict == "fold"):
        return False
    if found.clear is not None:
        _clear(state, found.clear)
        _note(state, found, now)
        return True
    if not pressed and (state.tokens() < state.retry_at or (alone and needs_client(state) and not found.forced)):
        return False  # a summary failed not long ago, or there is nobody to write one and no need yet
    if policy.background and not pressed and not found.forced and state.summarizer != "extractive":
        yield from _begin(state, found.fold, now=now, step=step)
        return False
    made = None
    if not (alone and needs_client(state)):
        made = yield from written(state, found.fold, now=now, step=step)
    if made is None and (hard or alone):
        made = extracted(state, found.fold)
    if made is None:
        _back_off(state, policy)
        return False
    merged = found.merge is not None and (yield from merge(state, found.merge, now=now, step=step, alone=alone))
    state.fold(made, rewritten=merged)
    _note(state, found, now)
    _note_merge(state, found, now, merged=merged)
    return True


def _note(state: State, found: plan.Plan, now: float) -> None:
    """Enter a verdict in the ledger: what waits is counted, what was done is kept with its figures."""
    value = found.worth
    cost, saving = (value.now, value.saving) if value is not None else (None, None)
    state.ledger.note_verdict(found.verdict, found.reason, cost, saving, at=now)


def _note_merge(state: State, found: plan.Plan, now: float, *, merged: bool) -> None:
    """Enter what became of the merge that a fold could have brought: it was made, or it waits."""
    joined = found.merge if merged else found.waits
    if joined is not None and joined.worth is not None:
        verdict = "merge" if merged else "defer"
        state.ledger.note_verdict(verdict, joined.reason, joined.worth.now, joined.worth.saving, at=now)


def _back_off(state: State, policy: Compaction) -> None:
    """A summary failed: the next try waits, longer each time."""
    state.failed_in_a_row += 1
    share = _BACK_OFF * 2 ** min(state.failed_in_a_row - 1, 5)
    state.retry_at = state.tokens() + int(share * policy.ceiling(state.row))


def _clear(state: State, wanted: plan.Clear) -> None:
    """Send handles in the place of old results; the originals go to the archive."""
    row, family = state.row, state.family
    thinking = row is not None and row.keeps_thinking and not row.binds_thinking
    instead = {}
    for at in range(wanted.first, wanted.end):
        blocks = cleared(
            state.log.entries[at], lambda block: quick_tokens([block], family), state.archive.put, thinking=thinking
        )
        if blocks is not None:
            instead[at] = blocks
    state.clear(instead, wanted.end)


def _begin(state: State, wanted: plan.Fold, *, now: float, step: str) -> Generator[Ask, Reply, None]:
    """Have a summary written while the conversation goes on."""
    if state.pending is not None:
        return
    held = ExitStack()
    try:
        made = job(state, wanted, now=now, step=step)
        admitted(state, made, now)
        held.enter_context(reserved(state, made, now))  # until its bill is in
        reply = yield replace(made.ask, background=True)
    except Exception as error:  # noqa: BLE001  (whatever the user's client raises: the history stays)
        held.close()
        state.note_failure(error)
        return
    state.pending = made, reply.later, held


def _taken_in(state: State, policy: Compaction, *, now: float, force: bool) -> Generator[Ask, Reply, int]:
    """What was written meanwhile, where it is done or cannot be waited for any longer."""
    if state.pending is None:
        return 0
    made, later, held = state.pending
    if not (later.done() or force or over(state)):
        return 0
    state.pending = None
    try:
        reply = yield Ask("summary", wait=later, step=made.ask.step)
        found = finished(state, made, reply, now=now)  # books it, whether there is a place for it or not
        _check_place(state, made)
    except Exception as error:  # noqa: BLE001  (as above)
        state.note_failure(error)
        _back_off(state, policy)
        return 0
    finally:
        held.close()
    state.fold(found)
    state.ledger.note_verdict("fold", "written in the background", at=now)
    state.since = state.since.folded(reached=state.tokens() <= policy.ceiling(state.row))
    return 1


def _check_place(state: State, made: Job) -> None:
    if state.view.start != made.start:
        raise SummaryError("the history was folded while the summary was written", fix="It is left out.")


def _situation(state: State, now: float) -> plan.Situation:
    return plan.Situation(
        log=state.log,
        start=state.view.start,
        fixed=state.fixed_tokens,
        summaries=state.view.summary_tokens,
        names=state.view.name_tokens,
        listed=state.listed,
        clears=state.clears,
        cleared=state.view.cleared,
        relief=state.view.relief,
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
