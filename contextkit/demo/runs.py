"""Four ways to hold the history of one agent run.

Law: each way gets the same task, tools and answers, and only decides what to send. The rivals are written as their
readers write them: nothing clever, nothing wrong.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final, Protocol

from contextkit.compact.policies import Compaction
from contextkit.compact.summary import request as summary_request
from contextkit.conversation import Conversation
from contextkit.demo import tools
from contextkit.demo.script import SYSTEM, TASK
from contextkit.history.log import Entry
from contextkit.shape.chain import Shape

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["NAMES", "SHAPES", "Run", "drive", "holder"]

NAMES: Final = ("none", "automatic", "sliding", "contextkit")

SHAPES: Final = {
    "list_distributions": Shape(select=["$.count", "$.distributions[*]"], as_table=True),
    "metadata": Shape(
        select=[
            "$.metadata.Name",
            "$.metadata.Version",
            "$.metadata.Summary",
            "$.metadata.License",
            "$.metadata['License-Expression']",
            "$.requires",
            "$.files",
        ]
    ),
    "list_files": Shape(select=["$.count", "$.files[*].path", "$.files[*].size"], max_items=40, as_table=True),
    "search_source": Shape(
        select=["$.truncated", "$.hits[*].file", "$.hits[*].line", "$.hits[*].text"],
        max_items=40,
        as_table=True,
    ),
    "read_file": Shape(max_chars=6_000),
}
"""What a careful person declares for these tools: the fields that the audit needs."""

_KEEP_TURNS: Final = 8
_MAX_TOKENS: Final = 2_000
_SUMMARY_TOKENS: Final = 1_000


class Holder(Protocol):
    """One way to hold the history."""

    own: float

    @property
    def folds(self) -> int:
        """How often older turns were replaced by a summary so far."""

    def ask(self, client: Any) -> Any: ...

    def answer(self, results: Sequence[tuple[str, str, bool]]) -> None: ...


@dataclass(slots=True)
class Plain:
    """A list of messages, sent whole every time; with `automatic`, the API's automatic caching is switched on."""

    model: str
    automatic: bool = False
    own: float = 0.0
    folds: int = 0
    messages: list[dict[str, Any]] = field(default_factory=lambda: [{"role": "user", "content": TASK}])

    def ask(self, client: Any) -> Any:
        cache = {"cache_control": {"type": "ephemeral"}} if self.automatic else {}
        message = client.messages.create(**_fixed(self.model), messages=self.messages, **cache)
        self.messages.append(_assistant(message))
        return message

    def answer(self, results: Sequence[tuple[str, str, bool]]) -> None:
        self.messages.append(_results(results))


@dataclass(slots=True)
class Sliding:
    """The recipe of popular posts: keep the last 8 turns, and have the rest summarised again at every turn."""

    model: str
    summarizer: str = "claude-haiku-5-5"
    own: float = 0.0
    folds: int = 0
    summary: str = ""
    recent: list[dict[str, Any]] = field(default_factory=list)

    def ask(self, client: Any) -> Any:
        began = perf_counter()
        if len(self.recent) > 2 * _KEEP_TURNS:
            gone, self.recent = self.recent[: -2 * _KEEP_TURNS], self.recent[-2 * _KEEP_TURNS :]
            earlier = [Entry("user", [{"type": "text", "text": self.summary}])] if self.summary else []
            entries = [*earlier, *(Entry(message["role"], message["content"]) for message in gone)]
            asked = summary_request(entries, model=self.summarizer, max_tokens=_SUMMARY_TOKENS)
            self.own += perf_counter() - began
            self.summary = client.messages.create(**asked.params).content[0].text
            self.folds += 1
            began = perf_counter()
        task = TASK + (f"\n\nSummary of the work so far:\n{self.summary}" if self.summary else "")
        messages = [{"role": "user", "content": task}, *self.recent]
        self.own += perf_counter() - began
        message = client.messages.create(**_fixed(self.model), messages=messages, cache_control={"type": "ephemeral"})
        self.recent.append(_assistant(message))
        return message

    def answer(self, results: Sequence[tuple[str, str, bool]]) -> None:
        self.recent.append(_results(results))


class Kit:
    """contextkit's own: a Conversation with shapes, compaction and planned marks."""

    def __init__(self, model: str, clock: Callable[[], float], budget: int, *, shaped: bool) -> None:
        self.own = 0.0
        began = perf_counter()
        self.conversation = Conversation(
            model=model,
            system=SYSTEM,
            tools=tools.DEFINITIONS,
            max_tokens=_MAX_TOKENS,
            shapes=SHAPES if shaped else None,
            compaction=Compaction(budget=budget, summary_tokens=_SUMMARY_TOKENS),
            clock=clock,
        ).user(TASK)
        self.own += perf_counter() - began

    @property
    def folds(self) -> int:
        """Folds that were made. Not summary calls: one may be paid for and refused, and an extractive fold has none."""
        return len(self.conversation.ledger.verdicts.folds)

    def ask(self, client: Any) -> Any:
        began = perf_counter()
        timed = _Timed(client)
        message = self.conversation.send(timed)
        self.own += perf_counter() - began - timed.spent
        return message

    def answer(self, results: Sequence[tuple[str, str, bool]]) -> None:
        began = perf_counter()
        for name, output, failed in results:
            self.conversation.tool_result(name, output, is_error=failed)
        self.own += perf_counter() - began


class _Timed:
    """A client that knows how long its calls took, so that the rest is contextkit's own time."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.spent = 0.0
        self.messages = self

    def create(self, **params: Any) -> Any:
        began = perf_counter()
        try:
            return self._client.messages.create(**params)
        finally:
            self.spent += perf_counter() - began


def holder(name: str, *, model: str, clock: Callable[[], float], budget: int, shaped: bool = True) -> Holder:
    """The named way to hold the history; `shaped` lets contextkit's own declare what it needs of each output."""
    if name == "contextkit":
        return Kit(model, clock, budget, shaped=shaped)
    return Sliding(model) if name == "sliding" else Plain(model, automatic=name == "automatic")


@dataclass(frozen=True, slots=True)
class Run:
    """What a run took.

    Attributes:
        own_seconds: of the way's own work.
        folds: how often older turns became a summary.
        thread: ids of the main thread's messages; whatever else was sent was a side call, by whichever model.
    """

    own_seconds: float
    folds: int
    thread: frozenset[str]


def drive(way: Holder, client: Any, calls: int, *, tick: Callable[[], None]) -> Run:
    """The agent's loop: ask, run the tools, answer, until the model asks for no tool or `calls` are made."""
    thread: set[str] = set()
    for _ in range(calls):
        message = way.ask(client)
        thread.add(message.id)
        tick()
        uses = [block for block in message.content if block.type == "tool_use"]
        if not uses:
            break
        way.answer([(block.id, *tools.call(block.name, dict(block.input))) for block in uses])
    return Run(way.own, way.folds, frozenset(thread))


def _fixed(model: str) -> dict[str, Any]:
    return {"model": model, "max_tokens": _MAX_TOKENS, "system": SYSTEM, "tools": list(tools.DEFINITIONS)}


def _assistant(message: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": [block.model_dump(exclude_none=True) for block in message.content]}


def _results(results: Sequence[tuple[str, str, bool]]) -> dict[str, Any]:
    return {
        "role": "user",
        "content": [
            {"type": "tool_result", "tool_use_id": name, "content": output, "is_error": failed}
            for name, output, failed in results
        ],
    }
