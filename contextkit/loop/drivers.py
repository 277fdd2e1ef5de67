"""The two drivers of a run: each does what the flow asks for, and hands on what it tells.

Law: no decision is made here. Whatever is raised while something is done, an interruption included, is thrown into
the flow, which closes what is open and lets it pass.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from contextlib import closing
from typing import TYPE_CHECKING, Any, cast

from contextkit.errors import ConfigError
from contextkit.ledger.steps import limit
from contextkit.loop.booked import hearing_tools
from contextkit.loop.flow import CONCLUDE, Plan, flow
from contextkit.loop.functions import check_offered, functions_of
from contextkit.loop.perform import atogether, together
from contextkit.loop.values import Ask, Batch, Event, Result
from contextkit.recall import NAME
from contextkit.when import Condition, steps

if TYPE_CHECKING:
    from collections.abc import Callable

    from contextkit.conversation import Conversation
    from contextkit.ledger import Budget
    from contextkit.loop.functions import Tools

__all__ = ["arun", "run"]

Timeouts = Mapping[str, float] | float | None


def run(
    conv: Conversation,
    client: Any,
    tools: Tools | None = None,
    *,
    stop_when: Condition | None = None,
    max_steps: int = 100,
    on_event: Callable[[Event], object] | None = None,
    stream: bool = False,
    timeout: Timeouts = None,
    parallel: int = 8,
    step: str = "",
    budget: Budget | None = None,
    conclusion: str = CONCLUDE,
) -> Result:
    """Let the model work: ask, run the tools that it calls, and again, until it stops or a condition holds.

    A conversation that was not asked anything yet is given the tools (and, unless it was made with `recall=False`,
    the `recall` tool). One that was left with open calls goes on with those. Calls of one answer run at the same
    time; a tool's error is told to the model as an error result. When a condition holds while the model wants to go
    on, its calls are not run; it is asked for its conclusion, at most three times.

    Args:
        conv: the conversation, with something to answer.
        client: a synchronous client of the SDK.
        tools: what runs the model's calls: `@contextkit.tool` functions, tools of the SDK's runner, callables by
            their names, or a mapping of names to any of these.
        stop_when: looked at after each answer that calls tools; conditions of `contextkit.when`.
        max_steps: a condition of its own, so that every run ends.
        on_event: called with every `Event`, in this thread. What it raises ends the run.
        stream: ask by streams, and hand on their events.
        timeout: seconds that a tool may run, of all, or by tool name ("*" for all others); None for no limit. A
            function in a thread cannot be stopped: it is given up, and the model is told that it may be at work.
        parallel: calls of one answer that run at the same time.
        step: a name for the ledger.
        budget: what this run may spend, beside the conversation's own budget: its calls, summaries included, and
            whatever its tools ask of models through contextkit. A call that could pass it is not made.
        conclusion: how the conclusion is asked for.

    Returns:
        How it ended, with the last message, and what it cost.

    Raises:
        ConfigError: tools and conversation do not fit, or a figure is out of range; nothing was asked.
        SpendingError: the next call could pass a budget. It, errors of the SDK, what `on_event` raises, and
        interruptions pass through: the history is valid then, and `run` goes on.
    """
    plan = _plan(conv, tools, stop_when, max_steps, timeout, conclusion=conclusion, parallel=parallel, stream=stream,
                 name=step, budget=budget)  # fmt: skip
    emit = on_event or _ignore
    with limit(plan.budget, "run(budget=)"), closing(flow(conv, plan)) as running:
        try:
            wish = next(running)
            while True:
                try:
                    got = _do(wish, conv, client, emit)
                except BaseException as error:  # noqa: BLE001  (the flow closes what is open, and lets it pass)
                    wish = running.throw(error)
                else:
                    wish = running.send(got)
        except StopIteration as stop:
            return cast("Result", stop.value)


async def arun(
    conv: Conversation,
    client: Any,
    tools: Tools | None = None,
    *,
    stop_when: Condition | None = None,
    max_steps: int = 100,
    on_event: Callable[[Event], object] | None = None,
    stream: bool = False,
    timeout: Timeouts = None,  # noqa: ASYNC109  (of the tools, not of this function)
    parallel: int = 8,
    step: str = "",
    budget: Budget | None = None,
    conclusion: str = CONCLUDE,
) -> Result:
    """As `run`, with an asynchronous client; `on_event` may be `async def`.

    `async def` tools run as tasks on this event loop, and end when they are out of time or the run is cancelled; `def`
    tools run in threads. A cancelled run leaves a valid history: what was done is in it, what was not is closed.
    """
    plan = _plan(conv, tools, stop_when, max_steps, timeout, conclusion=conclusion, parallel=parallel, stream=stream,
                 name=step, budget=budget)  # fmt: skip
    emit = on_event or _ignore
    with limit(plan.budget, "run(budget=)"), closing(flow(conv, plan)) as running:
        try:
            wish = next(running)
            while True:
                try:
                    got = await _ado(wish, conv, client, emit)
                except BaseException as error:  # noqa: BLE001  (the flow closes what is open, and lets it pass)
                    wish = running.throw(error)
                else:
                    wish = running.send(got)
        except StopIteration as stop:
            return cast("Result", stop.value)


def _ignore(_: Event) -> None:
    """Nobody listens."""


def _plan(
    conv: Conversation,
    tools: Tools | None,
    stop_when: Condition | None,
    max_steps: int,
    timeout: Timeouts,
    **more: Any,
) -> Plan:
    """Check everything that can be wrong before the first request, and offer the tools."""
    functions = functions_of(conv.functions if tools is None else tools)
    most = steps(max_steps)
    if stop_when is not None and not isinstance(stop_when, Condition):
        raise ConfigError(
            f"stop_when is a {type(stop_when).__name__}",
            where="run(stop_when=)",
            fix="Give a condition of contextkit.when, such as steps(10) | spent(0.05).",
        )
    if more["budget"] is not None and not hasattr(more["budget"], "check"):
        raise ConfigError(
            "budget is no budget", where="run(budget=)", fix="Give Budget(usd=..., tokens=..., calls=...)."
        )
    if more["parallel"] < 1:
        raise ConfigError(f"parallel is {more['parallel']}", where="run(parallel=)", fix="Give 1 or more.")
    timeouts = timeout if isinstance(timeout, Mapping) else {} if timeout is None else {"*": timeout}
    if wrong := [name for name, seconds in timeouts.items() if not seconds > 0]:
        raise ConfigError(f"the timeout of {wrong[0]} is not above 0", where="run(timeout=)", fix="Give seconds.")
    _offer(conv, functions)
    return Plan(functions, most if stop_when is None else stop_when | most, timeouts, **more)


def _offer(conv: Conversation, functions: Mapping[str, Any]) -> None:
    """Give a conversation that has none its tools, and the `recall` tool where that is left to the loop."""
    state = conv._state  # noqa: SLF001  (the loop is the conversation's own driver)
    new = not state.frozen and all(entry.role == "user" for entry in state.log.entries)
    own = [one.definition for one in functions.values() if one.definition is not None]
    if new and own and not state.tools:
        conv.tools = own
    offered = [one for one in state.tools if not (state.recall and one.get("name") == NAME)]
    check_offered(offered, functions)
    named = any(one.get("name") == NAME for one in offered)
    if new and offered and not named and not state.recall and conv._recall == "auto":  # noqa: SLF001  (as above)
        conv._offer_recall()  # noqa: SLF001  (as above)


def _do(wish: Ask | Batch | Event, conv: Conversation, client: Any, emit: Callable[[Event], object]) -> Any:
    if isinstance(wish, Event):
        _told(emit(wish))
        return None
    if isinstance(wish, Batch):
        with hearing_tools(conv, wish.name):
            return together(wish)
    if not wish.stream:
        return conv.send(client, step=wish.name)
    with conv.stream(client, step=wish.name) as opened:
        for event in opened:
            _told(emit(_streamed(wish, event)))
        return opened.get_final_message()


def _told(answer: object) -> None:
    if inspect.isawaitable(answer):
        getattr(answer, "close", lambda: None)()
        raise ConfigError("on_event is asynchronous", where="run(on_event=)", fix="Use `await contextkit.arun(...)`.")


async def _ado(wish: Ask | Batch | Event, conv: Conversation, client: Any, emit: Callable[[Event], object]) -> Any:
    if isinstance(wish, Event):
        return await _atold(emit(wish))
    if isinstance(wish, Batch):
        with hearing_tools(conv, wish.name):
            return await atogether(wish)
    if not wish.stream:
        return await conv.asend(client, step=wish.name)
    async with conv.astream(client, step=wish.name) as opened:
        async for event in opened:
            await _atold(emit(_streamed(wish, event)))
        return await opened.get_final_message()


async def _atold(answer: object) -> None:
    if inspect.isawaitable(answer):
        await answer


def _streamed(wish: Ask, event: Any) -> Event:
    text = event.text if getattr(event, "type", "") == "text" else ""
    return Event("stream", wish.step, text=text, data=event)
