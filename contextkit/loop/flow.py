"""One run as a generator: ask, answer the calls, look whether a condition holds, conclude. No I/O, no clock.

Law: it yields what it wants done (`Ask`, `Batch`) or told (`Event`), and is sent what came of it. A paid answer never
makes it raise; whatever is thrown into it passes through, after every open call was closed, so that the history is
valid. Every run ends: steps, pauses in a row, and requests for the conclusion are bounded.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from contextlib import ExitStack, suppress
from copy import deepcopy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from contextkit.api.usage import Usage, price
from contextkit.errors import ContentError
from contextkit.loop.values import Ask, Batch, Call, Event, Function, Outcome, Result
from contextkit.tools.function import as_text
from contextkit.when import KEPT_TEXTS, Condition, View

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from contextkit.conversation import Conversation
    from contextkit.ledger import Budget

__all__ = ["CONCLUDE", "Flow", "Plan", "flow"]

CONCLUDE: Final = (
    "Stop here: no more tools are run. Give your final answer now, in words, from what you have found so far;"
    " say what is still open."
)
"""How the conclusion is asked for."""

_NOT_RUN: Final = "Not run: the tools of this run are used up."
_ONLY_WORDS: Final = "Not run: no more tools are run. Answer in words, without calling a tool."
_CUT: Final = "Not run: the answer was cut off at max_tokens, and this call with it. Make shorter calls, fewer at once."
_INTERRUPTED: Final = "Not finished: the run was interrupted. It may have been done in part, or not at all."
_ENDED: Final = "Not run: the answer ended before."
_MORE_WORDS: Final = 2  # further requests for a conclusion, when tools are called instead
_PAUSES: Final = 10  # in a row; each is a round of ten server tool calls (stop-reasons page)
_CUTS: Final = 2  # answers in a row whose calls are cut off

_FINAL: Final = frozenset({"refusal", "model_context_window_exceeded"})  # nothing follows, whatever else it says
_WHOLE: Final = frozenset({"end_turn", "stop_sequence"})

Flow = Generator[Ask | Batch | Event, Any, Result]


@dataclass(frozen=True, slots=True)
class Plan:
    """The settings of a run; see `run`."""

    functions: Mapping[str, Function]
    stop_when: Condition
    timeouts: Mapping[str, float]
    conclusion: str = CONCLUDE
    parallel: int = 8
    stream: bool = False
    name: str = ""
    budget: Budget | None = None


@dataclass(slots=True)
class _Run:
    """A run under way, and what it has come to."""

    conv: Conversation
    plan: Plan
    first_row: int
    steps: int = 0
    recorded: bool = True
    message: Any = None
    text: str = ""
    texts: deque[str] = field(default_factory=lambda: deque(maxlen=KEPT_TEXTS))
    usage: Usage = field(default_factory=Usage)
    cost: float | None = 0.0

    def took(self, message: Any, *, recorded: bool) -> str:
        """Enter an answer; its text."""
        text = _text(message)
        self.message, self.recorded = message, recorded
        if text.strip():
            self.text = text
            self.texts.append(text)
        for row in self.conv.ledger.rows[self.first_row :]:
            self.first_row += 1
            self.usage += row.usage
            self.cost = None if self.cost is None or row.cost is None else self.cost + row.cost
        return text

    def view(self) -> View:
        """What a condition sees."""
        state = self.conv._state  # noqa: SLF001  (the loop is the conversation's own driver)
        return View(
            tokens=state.tokens(),
            ceiling=state.ceiling,
            calls=state.since.seen,
            since_fold=state.since.calls,
            steps=self.steps,
            spent=self.cost,
            texts=tuple(self.texts),
        )

    def why(self) -> str:
        """The name of the condition that holds; "" when none does. One that fails stops the run: it cannot be kept."""
        try:
            return self.plan.stop_when.why(self.view())
        except Exception as error:  # noqa: BLE001  (an answer is paid for)
            return f"the condition failed: {type(error).__name__}: {error}"


def flow(conv: Conversation, plan: Plan) -> Flow:
    """A run of a conversation, from where it stands: open calls are run first.

    Raises:
        ConfigError, or what a condition raises when it is first asked; before anything is paid for.
    """
    run = _Run(conv, plan, len(conv.ledger))
    known = price(conv.model) is not None
    plan.stop_when(View(spent=0.0 if known else None))
    try:
        result = yield from _rounds(run)
    except BaseException:
        with suppress(Exception):  # what happened goes before what closing it meets
            _close(conv, _INTERRUPTED)
        raise
    yield Event("stopped", run.steps, text=result.stopped_by)
    return result


def _rounds(run: _Run) -> Flow:
    yield from _answer_calls(run)
    pauses = cuts = 0
    while True:
        stop = yield from _ask(run)
        calls, paused = bool(run.conv.open_calls), stop == "pause_turn"
        pauses = pauses + 1 if paused and not calls else 0
        cuts = cuts + 1 if stop == "max_tokens" and calls else 0
        if not run.recorded:
            return _result(run, "not_recorded")
        if pauses and pauses < _PAUSES:
            continue  # the model goes on from its own last message
        if not calls or stop in _FINAL or cuts >= _CUTS:
            _close(run.conv, _CUT if cuts else _ENDED)
            return _result(run, stop or "end_turn", concluded=_concluded(run, stop))
        if why := run.why():
            return (yield from _conclude(run, why))
        if cuts:
            _close(run.conv, _CUT)
        else:
            yield from _answer_calls(run)


def _ask(run: _Run) -> Generator[Ask | Event, Any, str]:
    """Have the model asked; its stop reason."""
    run.steps += 1
    yield Event("request", run.steps)
    before = len(run.conv._state.log.entries)  # noqa: SLF001  (as in `view`)
    message = yield Ask(run.plan.stream, run.plan.name, run.steps)
    content = getattr(message, "content", None)
    text = run.took(message, recorded=not content or len(run.conv._state.log.entries) > before)  # noqa: SLF001
    yield Event("answer", run.steps, text=text, message=message)
    return str(getattr(message, "stop_reason", None) or "")


def _conclude(run: _Run, why: str) -> Flow:
    """Ask for the conclusion with the same tools, system and tool_choice, so that the cached prefix stands."""
    yield Event("concluding", run.steps, text=why)
    if _forced(run.conv):  # nothing but a tool call can come of it
        _close(run.conv, _NOT_RUN)
        return _result(run, why)
    if _drops_thinking(run.conv):  # a text of the user's would cost the cache from the first thinking on
        _close(run.conv, f"{_NOT_RUN} {run.plan.conclusion}")
    else:
        _close(run.conv, _NOT_RUN)
        run.conv.user(run.plan.conclusion)
    for _ in range(1 + _MORE_WORDS):
        stop = yield from _ask(run)
        if not run.recorded:
            return _result(run, "not_recorded")
        if not run.conv.open_calls and stop != "pause_turn":
            return _result(run, why, concluded=_concluded(run, stop))
        _close(run.conv, _ONLY_WORDS)
    return _result(run, why)


def _concluded(run: _Run, stop: str) -> bool:
    return stop in _WHOLE and bool(_text(run.message).strip())


def _forced(conv: Conversation) -> bool:
    choice = conv._state.params.get("tool_choice") or {}  # noqa: SLF001  (as in `view`)
    return choice.get("type") in {"any", "tool"}


def _drops_thinking(conv: Conversation) -> bool:
    """Whether the API drops earlier thinking from the prompt when the user says something (prompt-caching page)."""
    state = conv._state  # noqa: SLF001  (as in `view`)
    return bool(state.params.get("thinking")) and state.row is not None and not state.row.keeps_thinking


def _result(run: _Run, stopped_by: str, *, concluded: bool = False) -> Result:
    return Result(run.message, run.text, stopped_by, concluded, run.steps, run.cost, run.usage)


def _answer_calls(run: _Run) -> Generator[Batch | Event, Any, None]:
    """Run the open calls and enter their results, in the model's order; those that are done even if interrupted."""
    calls = list(_open_calls(run.conv))
    batch = Batch([], run.plan.timeouts, run.plan.parallel, name=run.plan.name)
    own = "recall" if run.conv._state.recall else None  # noqa: SLF001  (as in `view`)
    for call in calls:
        function = run.plan.functions.get(call.name)
        if call.name == own:
            batch.outcomes[call.id] = Outcome("")  # the conversation answers it from its archive
        elif function is None:
            batch.outcomes[call.id] = _unknown(call, run.plan.functions)
        else:
            batch.calls.append((call._replace(input=deepcopy(call.input)), function))
            yield Event("call", run.steps, call=call)
    try:
        if batch.calls:
            yield batch
    finally:
        with ExitStack() as entering:  # each is entered, also after one that the store refused; then that is raised
            for call in reversed(calls):
                if call.id in batch.outcomes:
                    entering.callback(_enter, run.conv, call.id, batch.outcomes[call.id])
    for call in calls:
        yield Event("result", run.steps, call=call, outcome=batch.outcomes[call.id])


def _unknown(call: Call, functions: Mapping[str, Function]) -> Outcome:
    known = ", ".join(sorted(functions)) or "none"
    return Outcome(f"There is no tool {call.name!r} here. Tools: {known}.", is_error=True)


def _enter(conv: Conversation, call_id: str, outcome: Outcome) -> None:
    """Enter a result; an output that is no JSON as text, and one that has not even that as an error."""
    try:
        conv.tool_result(call_id, outcome.output, is_error=outcome.is_error)
    except ContentError as error:
        try:
            conv.tool_result(call_id, as_text(outcome.output), is_error=outcome.is_error)
        except Exception:  # noqa: BLE001  (an object whose own text fails)
            conv.tool_result(call_id, f"The output has no form in JSON: {error.what}"[:500], is_error=True)


def _close(conv: Conversation, text: str) -> None:
    """Answer all open calls with an error."""
    for call_id in conv.open_calls:
        conv.tool_result(call_id, text, is_error=True)


def _open_calls(conv: Conversation) -> Iterator[Call]:
    """The open calls with their inputs, in the model's order."""
    log = conv._state.log  # noqa: SLF001  (as in `view`)
    for entry in log.entries[-2:]:  # the calls, and the results so far
        for block in entry.blocks:
            if block["type"] == "tool_use" and block.get("id") in log.open_calls:
                given = block.get("input")
                yield Call(str(block["id"]), str(block.get("name")), dict(given) if isinstance(given, dict) else {})


def _text(message: Any) -> str:
    """The text blocks of an answer, one after the other."""
    blocks = getattr(message, "content", None) or ()
    return "\n".join(str(block.text) for block in blocks if getattr(block, "type", "") == "text")
