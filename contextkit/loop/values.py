"""What a run is made of: a call and what came of it, what a flow asks of its driver, events, and the result.

Law: values only; the one thing that a driver writes on is the `outcomes` of a batch.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from contextkit.api.usage import Usage

__all__ = ["Ask", "Batch", "Call", "Event", "Function", "Kind", "Outcome", "Result"]


class Function(NamedTuple):
    """A tool's function, however it was given.

    Attributes:
        name: as the model sees it.
        call: gets the input of a call, gives the output, or an awaitable of it.
        is_async: `call` is known to give an awaitable and to do nothing before it is awaited.
        definition: the tool's definition where it has one.
    """

    name: str
    call: Callable[[dict[str, Any]], Any]
    is_async: bool = False
    definition: Any = None


class Call(NamedTuple):
    """A tool call of the model's.

    Attributes:
        id: the call's id.
        name: the tool's name.
        input: the arguments; a copy.
    """

    id: str
    name: str
    input: dict[str, Any]


class Outcome(NamedTuple):
    """What came of a call.

    Attributes:
        output: what the tool gave, or the text of its error.
        is_error: it failed, was not run, or ran out of time.
        seconds: how long it ran.
    """

    output: Any
    is_error: bool = False
    seconds: float = 0.0


class Ask(NamedTuple):
    """The flow wants the model asked; the driver sends back the message.

    Attributes:
        stream: by a stream, whose events are handed on.
        name: the step's name for the ledger.
        step: which answer of this run it will be, counted from 1.
    """

    stream: bool
    name: str
    step: int


@dataclass(slots=True)
class Batch:
    """The flow wants these calls run, all at once; the driver sends nothing back.

    Attributes:
        calls: in the model's order, each with its function.
        timeouts: seconds by tool name; "*" for all others.
        parallel: how many run at the same time.
        name: the step's name for the ledger.
        outcomes: by call id, written by the driver as each is done, so that what is done is known even when it is
            interrupted.
    """

    calls: list[tuple[Call, Function]]
    timeouts: Mapping[str, float]
    parallel: int
    name: str = ""
    outcomes: dict[str, Outcome] = field(default_factory=dict)

    def timeout(self, name: str) -> float | None:
        """Seconds that a tool may run; None for as long as it takes."""
        return self.timeouts.get(name, self.timeouts.get("*"))


Kind = Literal["request", "stream", "answer", "call", "result", "concluding", "stopped"]


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened in a run.

    Attributes:
        kind: "request" (the model is asked), "stream" (an event of the SDK's stream), "answer" (its message is
            recorded), "call" (a tool call is run), "result" (it has its result), "concluding" (a condition holds: the
            conclusion is asked for), "stopped".
        step: answers so far, the one under way included.
        text: of "stream" what was added to the text, of "answer" all of it, of "concluding" and "stopped" why.
        message: of "answer" the SDK's Message.
        call: of "call" and "result".
        outcome: of "result".
        data: of "stream" the SDK's event.
    """

    kind: Kind
    step: int
    text: str = ""
    message: Any = None
    call: Call | None = None
    outcome: Outcome | None = None
    data: Any = None


@dataclass(frozen=True, slots=True)
class Result:
    """How a run ended.

    Attributes:
        message: the model's last message, as the SDK gave it; None when nothing was asked.
        text: the last text that it said in this run.
        stopped_by: the API's stop reason ("end_turn", "refusal", "max_tokens", ...) when the model stopped by itself;
            the name of the condition that held, such as "steps(10)", or "the condition failed: " and why;
            "pause_turn" when it paused without an end; or "not_recorded" when an answer could not be entered in the
            history (a warning said why).
        concluded: the model gave an answer in words at the end, by itself or when it was asked to. False: `text` is
            what there is.
        steps: answers of the model in this run.
        cost: USD of all calls of this run, summaries included; None when the price of one is not known.
        usage: billed tokens of these calls, by class.
    """

    message: Any
    text: str
    stopped_by: str
    concluded: bool
    steps: int
    cost: float | None
    usage: Usage

    @property
    def tokens(self) -> int:
        """All tokens that were billed in this run, prompt and output."""
        return self.usage.prompt + self.usage.output
