"""One turn as a generator: plan, summarise, mark, ask, record. No I/O, no clock.

Law: a turn yields an `Ask` and is sent a `Reply`; whoever drives it does the I/O (drive.py). An exception thrown in
at an Ask leaves the log as it was: a failed summary is noted and the turn goes on, a failed main call is the
caller's to see. After a reply to the main call nothing here raises because of contextkit's own bookkeeping.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from contextkit import folding
from contextkit.api.answer import Answer
from contextkit.api.request import Abandoned, Ask, Reply, Request
from contextkit.cache import breakpoints
from contextkit.errors import ConfigError, HistoryError
from contextkit.history.clearing import thought
from contextkit.spending import admit, book_row, holding, warming
from contextkit.state import Sent, State
from contextkit.tokens.quick import quick_tokens

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

    from contextkit.api.messages import Block

__all__ = ["BookkeepingWarning", "build", "prepare", "ready", "record", "turn", "warm"]


class BookkeepingWarning(UserWarning):
    """A paid response could not be entered as it is; the text says what was done instead."""


def turn(state: State, *, now: float, step: str = "") -> Generator[Ask, Reply, Any]:
    """One call of the model, with what has to come before it; returns the message."""
    request = yield from prepare(state, now=now, step=step)
    with holding(state, now):
        try:
            reply = yield Ask("turn", request, estimate=state.sent.estimate if state.sent else 0, step=step)
        except Abandoned as gone:
            if gone.message is not None:
                book_row(state, Answer.of(gone.message), now=now, step=step, purpose="turn", note="stream abandoned")
            raise
        book(state, reply, now=now, step=step)
    return reply.message


def prepare(state: State, *, now: float, step: str = "", alone: bool = False) -> Generator[Ask, Reply, Request]:
    """Everything before the main call: check that there is something to answer, fold if need be, build.

    `alone` says that no client is at hand: past the budget, the fold is extractive.
    """
    _check_answerable(state)
    if folding.due(state, now):
        yield from folding.compact(state, now=now, step=step, alone=alone)
    admit(state, now)
    return build(state, now)


def ready(state: State, now: float) -> bool:
    """Whether the next request can be built as things stand, without folding.

    Raises:
        HistoryError: there is nothing to answer, or tool calls are open.
    """
    _check_answerable(state)
    if folding.due(state, now):
        return False
    admit(state, now)
    return True


def _check_answerable(state: State) -> None:
    if state.log.open_calls:
        raise HistoryError(
            f"{len(state.log.open_calls)} tool call(s) have no result yet: {', '.join(state.log.open_calls)}",
            where="request()",
            fix="Call tool_result(id, output) for each first.",
        )
    entries = state.log.entries
    if not entries or (entries[-1].role == "assistant" and not state.paused):
        raise HistoryError("there is nothing to answer", where="request()", fix="Call user(...) or tool_result(...).")


def warm(state: State, *, now: float) -> Generator[Ask, Reply, Any]:
    """One call with `max_tokens=0`: prefill only, writing or renewing what the next turn will read."""
    request = _warm_request(state)
    with warming(state, now):
        state.begin(now)
        reply = yield Ask("warm", request)
    state.own.renewed(now)
    book_row(state, Answer.of(reply.message), now=now, step="", purpose="warm")
    return reply.message


def _warm_request(state: State) -> Request:
    """What was written last, or tools and system alone; a placeholder to answer, unmarked (prompt-caching page)."""
    fixed = state.fixed(mark=True)
    refused = [
        name
        for name, found in (
            ("thinking", (fixed.get("thinking") or {}).get("type") == "enabled"),
            ("output_config.format", (fixed.get("output_config") or {}).get("format")),
            ("tool_choice", (fixed.get("tool_choice") or {}).get("type") in {"any", "tool"}),
        )
        if found
    ]
    if refused:
        raise ConfigError(
            f"the API refuses max_tokens=0 together with {', '.join(refused)}",
            where="prewarm()",
            fix="Warm up by an ordinary call, or leave the parameter out of this conversation.",
        )
    state.frozen = True
    placeholder = {"role": "user", "content": [{"type": "text", "text": "(warm-up)"}]}
    if state.written is None:
        return Request({**fixed, "max_tokens": 0, "messages": [placeholder]})
    messages: list[Any] = state.view.messages()[: state.written.message + 1]
    messages[-1] = _marked(messages[-1], state.written.block, state.mark)
    return Request({**fixed, "max_tokens": 0, "messages": messages})


def build(state: State, now: float) -> Request:
    """The request for what is in the window at Unix time `now`."""
    state.frozen = True
    state.begin(now)
    state.own.sent(now, state.seconds)
    messages, last, summary = state.view.window()
    row = state.row
    marks = breakpoints.plan(
        last=last,
        fixed_tokens=int(state.fixed_tokens),
        minimum=row.min_prefix if row else 0,
        summary=summary,
        written=state.written,
    )
    mark = state.mark
    for spot in marks.spots:
        messages[spot.message] = _marked(messages[spot.message], spot.block, mark)
    tail = state.volatile_blocks() if state.volatile else []
    if tail:
        final = messages[-1]
        messages[-1] = {**final, "content": [*final["content"], *tail]}
    raw = state.raw_tokens()
    made = Request({**state.fixed(mark=marks.fixed), **state.diagnosed, "messages": messages})
    state.sent = Sent(last, raw, state.tokens(raw), bool(tail), _held(state, made))
    return made


def _held(state: State, made: Request) -> Request | None:
    """The request as it is sent, where a summary may be a fork of it; whatever the caller does to the list."""
    if state.summarizer not in {"own", "auto"}:
        return None
    return Request({**made.params, "messages": list(made.params["messages"])})


def _marked(message: Mapping[str, Any], block: int, mark: Mapping[str, str]) -> dict[str, Any]:
    content = list(message["content"])
    content[block] = {**content[block], "cache_control": dict(mark)}
    return {"role": message["role"], "content": content}


def book(state: State, reply: Reply, *, now: float, step: str) -> None:
    """Enter a paid response in log and ledger; whatever is wrong with one of them becomes a warning."""
    estimate = state.sent.estimate if state.sent else 0
    answer = Answer.billed(reply.message)
    try:
        answer = Answer.of(reply.message)
        record(state, answer)
    except Exception as error:  # noqa: BLE001  (the response is paid for: the caller gets it, whatever we make of it)
        warnings.warn(f"the response was returned but not recorded: {error}", BookkeepingWarning, stacklevel=2)
    try:
        book_row(state, answer, now=now, step=step, purpose="turn", estimate=estimate)
    except Exception as error:  # noqa: BLE001  (as above)
        warnings.warn(f"the response was returned but not booked: {error}", BookkeepingWarning, stacklevel=2)


def record(state: State, answer: Answer) -> None:
    """Append an assistant message to the log, and learn from its usage.

    Raises:
        HistoryError: as `Log.assistant`; nothing was changed.
    """
    if answer.role != "assistant":
        raise HistoryError("only the assistant's messages are recorded", where="record()", fix="Use user() for others.")
    tokens = quick_tokens(answer.blocks, state.family)
    sent = state.sent
    unbound = sent is not None and sent.volatile
    spare = _spare(state, answer.blocks)
    entry = state.log.assistant(answer.blocks, tokens, message_id=answer.id, unbound=unbound, spare=spare)
    if state.journal is not None:
        said = {"blocks": answer.blocks, "tokens": tokens, "id": answer.id, "unbound": unbound, "spare": spare}
        state.journal.note("answer", **said)
    state.paused = answer.stop_reason == "pause_turn"
    state.called(len(state.log.entries) - 1 if answer.blocks else len(state.log.entries))
    if sent is not None and answer.usage is not None:
        if answer.edited:
            state.own.expect("compaction", "planned")
        state.own.answered(
            answer.usage, message_id=answer.id, reason=answer.miss_reason, speed=state.params.get("speed")
        )
    if answer.edited:
        state.own.expect("compaction", "planned")  # the bill held the API's own pass, too: what stands now is less
    if sent is not None:
        state.last = (sent.request, answer.usage) if sent.request and answer.usage else None
        state.learn(sent.last, sent.raw, answer.usage.prompt if answer.usage else 0, thinking=entry.thinking)
    state.sent = None


def _spare(state: State, blocks: Sequence[Block]) -> float:
    """Tokens of an answer's thinking, where the model keeps it and would not mind to lose it later."""
    if state.row is None or state.row.binds_thinking or not state.row.keeps_thinking:
        return 0.0
    found = thought(blocks)
    return quick_tokens(found, state.family) if found else 0.0
