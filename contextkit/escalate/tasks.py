"""The object people hold: tasks, their models, and the ladder.

Law: what is given is checked when it is given; nothing is asked here (drive.py does).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from contextkit import drive
from contextkit.errors import ConfigError
from contextkit.escalate.climb import climb
from contextkit.escalate.request import body_of
from contextkit.escalate.values import Asked, Routed
from contextkit.ledger import Ledger
from contextkit.route import Rung, Switch, output_of, rungs_of, switch, thread_of

if TYPE_CHECKING:
    from contextkit.api.request import Ask, Reply
    from contextkit.route.judge import Confidence

__all__ = ["Route"]

_MAX_TOKENS: Final = 1_024

Chooser = Callable[[str, Mapping[str, Any]], Any]
"""Chooses for a task and the request without a model: a name, a Rung, or a sequence of them."""


class Route:
    """Tasks, and the models that they go to.

    Args:
        tasks: by name: a model ("haiku", an id, a `Rung`), which climbs `ladder` from its place there; a sequence of
            models, which is the task's own ladder; or a function of the task's name and the request (without a model)
            that gives either, as an adapter for any router.
        ladder: the common ladder, the cheapest first; none for no climbing.
        confidence: the confidence that an answer has to state, 0 to 1: of every task, or by task; None for any. A task
            whose answers state none would climb to the top each time.
        max_tokens: upper bound of an answer.
        ledger: where the attempts are booked, such as `conv.ledger`; None for one of its own.
        clock: gives Unix seconds, for the ledger.

    Raises:
        ConfigError: a name that is no model, or a figure out of range.

    Example:
        >>> route = Route({"classify": "haiku", "write": "sonnet"}, ladder=("haiku", "sonnet", "opus"))
        >>> [rung.model for rung in route.rungs("classify")]
        ['claude-haiku-5-5', 'claude-sonnet-5-5', 'claude-opus-5-5']
    """

    def __init__(
        self,
        tasks: Mapping[str, Any],
        *,
        ladder: Sequence[Any] = (),
        confidence: float | Mapping[str, float] | None = None,
        max_tokens: int = _MAX_TOKENS,
        ledger: Ledger | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if not tasks:
            raise ConfigError("no task is named", where="Route(tasks=)", fix='Give {"classify": "haiku", ...}.')
        if type(max_tokens) is not int or max_tokens < 1:
            raise ConfigError(f"max_tokens is {max_tokens!r}", where="Route(max_tokens=)", fix="Give 1 or more.")
        self._ladder = rungs_of(ladder, where="Route(ladder=)") if ladder else ()
        self._tasks: dict[str, tuple[Rung, ...] | Chooser] = {
            task: given if callable(given) else rungs_of(given, self._ladder, where=f"Route, task {task}")
            for task, given in tasks.items()
        }
        self._least = {
            task: _share(confidence.get(task) if isinstance(confidence, Mapping) else confidence, "Route(confidence=)")
            for task in tasks
        }
        if isinstance(confidence, Mapping) and (unknown := sorted(set(confidence) - set(tasks))):
            raise ConfigError(f"there is no task {unknown[0]!r}", where="Route(confidence=)")
        self._max_tokens = max_tokens
        self._clock = clock
        self.ledger = Ledger() if ledger is None else ledger

    def rungs(self, task: str, request: Mapping[str, Any] | None = None) -> tuple[Rung, ...]:
        """The models that a task is asked of, in order.

        Args:
            task: its name.
            request: what is asked, for a task whose model is chosen by a function.

        Raises:
            ConfigError: there is no such task, or the function chose no model.
        """
        found = self._tasks.get(task)
        if found is None:
            known = ", ".join(self._tasks)
            raise ConfigError(f"there is no task {task!r}", where="Route.ask()", fix=f"Known: {known}.")
        if callable(found):
            return rungs_of(found(task, request or {}), self._ladder, where=f"the function for {task}")
        return found

    def ask(
        self,
        client: Any,
        task: str,
        messages: Any,
        *,
        system: Any = (),
        output: Any = None,
        confidence: float | None = None,
        stated: Confidence | None = None,
        max_tokens: int | None = None,
        structured: bool = True,
        cache: bool = True,
        step: str = "",
        **params: Any,
    ) -> Routed:
        """Ask the task's model; when its answer will not do, the next one of the ladder.

        Reasons to climb: no confidence or too little, not what was declared, a refusal, an answer cut off at
        max_tokens, and errors of the API (but those of key and billing).

        Args:
            client: a synchronous client of the SDK.
            task: its name.
            messages: a text, or messages as the API takes them.
            system: system prompt, text or blocks.
            output: what the answer has to be: a pydantic model or type, a JSON Schema, or a function of its text.
            confidence: as for the Route, for this call.
            stated: where the answer states its confidence: a field of the value ("verdict.confidence"), or a function
                of the value. None: the field "confidence", or the words "confidence: 0.9" in a text.
            max_tokens: as for the Route, for this call.
            structured: ask the API to keep to the declared schema (`output_config.format`). The answer is checked
                against it in any case.
            cache: mark the system prompt, so that the task's next call reads it. Below the model's minimum prefix a
                mark has no effect and no price.
            step: a name for the ledger.
            **params: further arguments of `client.messages.create`.

        Raises:
            ConfigError: task, output or parameters; nothing was asked. BudgetError: the first call would pass a budget
            of the ledger. Errors of the SDK: where no rung gave an answer, that of the last.
        """
        flow = self._flow(
            task,
            messages,
            system=system,
            output=output,
            confidence=confidence,
            stated=stated,
            max_tokens=max_tokens,
            structured=structured,
            cache=cache,
            step=step,
            params=params,
        )
        return drive.run(flow, client)

    async def aask(self, client: Any, task: str, messages: Any, **settings: Any) -> Routed:
        """As `ask`, with an asynchronous client."""
        own = {name: settings.pop(name) for name in _SETTINGS if name in settings}
        return await drive.arun(self._flow(task, messages, **{**_SETTINGS, **own}, params=settings), client)

    def main(self, conv: Any, task: str, *, remaining: int | None = None) -> Switch:
        """Whether a conversation's own thread should move to the task's model: priced, not done.

        Args:
            conv: a Conversation.
            task: whose first model is meant.
            remaining: calls expected from now on; None for as many again as there were.
        """
        now = self._clock()
        thread = thread_of(conv.ledger, model=conv.model, now=now, open_calls=bool(conv.open_calls))
        return switch(thread, self.rungs(task)[0].model, remaining=remaining, at=now)

    def _flow(
        self,
        task: str,
        messages: Any,
        *,
        system: Any,
        output: Any,
        confidence: float | None,
        stated: Confidence | None,
        max_tokens: int | None,
        structured: bool,
        cache: bool,
        step: str,
        params: Mapping[str, Any],
    ) -> Generator[Ask, Reply, Routed]:
        """Everything that can be refused is refused here, before anything is paid for."""
        declared = output_of(output)
        body = body_of(
            messages,
            system=system,
            output=declared,
            max_tokens=self._max_tokens if max_tokens is None else max_tokens,
            structured=structured,
            cache=cache,
            params=params,
        )
        rungs = self.rungs(task, body)
        least = self._least[task] if confidence is None else _share(confidence, "ask(confidence=)")
        asked = Asked(task, rungs, body, declared, least, stated, step)
        return climb(asked, self.ledger, self._clock)


_SETTINGS: Final[dict[str, Any]] = {
    "system": (),
    "output": None,
    "confidence": None,
    "stated": None,
    "max_tokens": None,
    "structured": True,
    "cache": True,
    "step": "",
}


def _share(given: float | None, where: str) -> float | None:
    if given is not None and not 0 <= given <= 1:
        raise ConfigError(f"confidence is {given}", where=where, fix="Give a share, 0 to 1.")
    return given
