"""The day's parts, each sent three ways: as most programs do, with one technique alone, and with all of contextkit.

The law: every way really sends its requests, through contextkit's own code where a technique is at work, to an
emulator that bills like the prompt cache. *Plain* is a list of messages sent whole to one model, without marks. *Alone*
runs the technique with every mark taken off on the way out (`Unmarked`), so that nothing but the technique saves.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from benchmarks import techniques_day as day
from contextkit import Compaction, Conversation
from contextkit.api.usage import price
from contextkit.batch import Batch
from contextkit.emulator import Emulator
from contextkit.escalate import Route
from contextkit.ledger import Ledger
from contextkit.loop import run
from contextkit.toolcache import cached
from contextkit.when import confidence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from contextkit.batch.values import Quote

DAY = 86_400.0
MAX_TOKENS = 1_024
NOTES = 225
"""Tokens of notes on a document, as whoever asks for a quote would guess them."""
TASKS = {
    "classify": day.CHEAP,
    "faq": day.CHEAP,
    "order": day.MAIN,
    "complaint": day.MAIN,
    "other": day.MAIN,
    "extract": day.CHEAP,
}
"""Tasks to models: what a handbook answers word for word, what is sorted and what is extracted is the cheap model's."""
INTENT = {
    "type": "object",
    "properties": {"intent": {"enum": ["faq", "order", "complaint", "other"]}},
    "required": ["intent"],
    "additionalProperties": False,
}


@dataclass(slots=True)
class Way:
    """One way to send a part of the day.

    Attributes:
        emulator: who answers and bills.
        client: the SDK's client.
        ledger: contextkit's own book; empty for the plain way.
        tools: how often tools ran.
    """

    emulator: Emulator = field(default_factory=lambda: Emulator(day.model))
    client: Any = None
    ledger: Ledger = field(default_factory=Ledger)
    tools: int = 0

    def __post_init__(self) -> None:
        self.client = self.emulator.client(max_retries=0)

    @property
    def clock(self) -> Callable[[], float]:
        """The emulator's time."""
        return lambda: self.emulator.clock.now

    def wait(self, seconds: float) -> None:
        """Time passes."""
        self.emulator.clock.advance(seconds)

    def counted(self, tool: Callable[..., Any]) -> Callable[..., Any]:
        """A tool whose runs are counted."""

        def counting(**given: Any) -> Any:
            self.tools += 1
            return tool(**given)

        counting.__name__ = tool.__name__
        return counting

    @contextmanager
    def booked(self, conv: Conversation) -> Iterator[Conversation]:
        """A conversation whose rows are in this way's ledger at the end."""
        try:
            yield conv
        finally:
            self.ledger.rows += conv.ledger.rows


@dataclass(frozen=True, slots=True)
class Billed:
    """What the emulator billed.

    Attributes:
        usd: all of it.
        prompt_usd: of the prompts, without the answers.
        calls: billed requests.
        prompt: tokens of all prompts.
        read: those of them that were read from the cache.
        cheap: requests that the cheap model answered.
    """

    usd: float
    prompt_usd: float
    calls: int
    prompt: int
    read: int
    cheap: int


def billed(way: Way) -> Billed:
    """The bill of everything that was sent one way, by today's prices; a batch's items at half."""
    usd, prompts, calls, tokens, read, cheap = 0.0, 0.0, 0, 0, 0, 0
    for seen in way.emulator.requests:
        if seen.usage is None:
            continue
        model = str(seen.body["model"])
        found = price(model, prompt=seen.usage.prompt, batch=seen.tier == "batch")
        if found is None:
            raise SystemExit(f"no price is known for {model}")
        usd += found.of(seen.usage)
        prompts += found.of(seen.usage) - seen.usage.output * found.output
        calls += 1
        tokens += seen.usage.prompt
        read += seen.usage.read
        cheap += model == day.CHEAP
    return Billed(usd, prompts, calls, tokens, read, cheap)


class Unmarked:
    """A client that takes every `cache_control` off a request before it leaves."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.messages = self

    def create(self, **params: Any) -> Any:
        """`client.messages.create` without marks."""
        return self._client.messages.create(**without_marks(params))


def without_marks(value: Any) -> Any:
    """JSON without the key `cache_control`, at any depth."""
    if isinstance(value, dict):
        return {key: without_marks(item) for key, item in value.items() if key != "cache_control"}
    return [without_marks(item) for item in value] if isinstance(value, list) else value


def ask(way: Way, system: str, content: str, *, model: str = day.MAIN) -> Any:
    """One plain question."""
    messages = [{"role": "user", "content": content}]
    return way.client.messages.create(model=model, max_tokens=MAX_TOKENS, system=system, messages=messages)


def agent(way: Way, system: str, task: str, tools: Mapping[str, Any], definitions: list[Any], pause: float) -> None:
    """The loop as everybody writes it: the whole list is sent at every step, until no tool is called."""
    messages: list[dict[str, Any]] = [{"role": "user", "content": task}]
    while True:
        message = way.client.messages.create(
            model=day.MAIN, max_tokens=MAX_TOKENS, system=system, tools=definitions, messages=messages
        )
        messages.append({"role": "assistant", "content": [block.model_dump() for block in message.content]})
        way.wait(pause)
        results = [
            {"type": "tool_result", "tool_use_id": block.id, "content": str(tools[block.name](**block.input))}
            for block in message.content
            if block.type == "tool_use"
        ]
        if not results:
            return
        messages.append({"role": "user", "content": results})


# The support desk: 500 questions, each classified and then answered with the handbook of 2,000 tokens.


def support_plain(way: Way, *, classify: bool = True) -> None:
    """Both by the main model."""
    for question in day.questions():
        if classify:
            ask(way, day.CLASSIFY, question.text)
        ask(way, day.SUPPORT, question.text)
        way.wait(DAY / day.QUESTIONS)


def support_routed(way: Way) -> None:
    """The intent by the cheap model; what the handbook answers word for word too; nothing is marked."""
    route = Route(TASKS, max_tokens=MAX_TOKENS, ledger=way.ledger, clock=way.clock)
    for question in day.questions():
        found = route.ask(way.client, "classify", question.text, system=day.CLASSIFY, output=INTENT, cache=False)
        route.ask(way.client, found.value["intent"], question.text, system=day.SUPPORT, cache=False)
        way.wait(DAY / day.QUESTIONS)


def support_all(way: Way, *, routed: bool = True) -> None:
    """Routed (or all by the main model), and each model's handbook stays in its cache."""
    tasks = TASKS if routed else dict.fromkeys(TASKS, day.MAIN)
    route = Route(tasks, max_tokens=MAX_TOKENS, ledger=way.ledger, clock=way.clock)
    for question in day.questions():
        found = route.ask(way.client, "classify", question.text, system=day.CLASSIFY, output=INTENT)
        _answer(way, question.text, route.rungs(found.value["intent"])[0].model)
        way.wait(DAY / day.QUESTIONS)


def answers_cached(way: Way) -> None:
    """The answers with contextkit's marks: the handbook is written once and read from then on."""
    for question in day.questions():
        _answer(way, question.text, day.MAIN)
        way.wait(DAY / day.QUESTIONS)


def _answer(way: Way, content: str, model: str) -> None:
    conv = Conversation(model=model, system=day.SUPPORT, max_tokens=MAX_TOKENS, ttl="1h", clock=way.clock)
    with way.booked(conv.user(content)):
        conv.send(way.client)


# The weather: 50 questions that need a tool.


def weather_plain(way: Way) -> None:
    """The tool runs at every question."""
    for city in day.cities():
        tools = {"weather": way.counted(day.weather)}
        agent(way, day.SUPPORT, f"What is the weather in {city}?", tools, [day.WEATHER], 2.0)
        way.wait(DAY / day.LOOKUPS)


def weather(way: Way, client: Any, *, remember: bool) -> None:
    """The loop of contextkit, with or without the tool cache."""
    tool = way.counted(day.weather)
    if remember:
        tool = cached(ttl=2 * DAY, clock=way.clock, name="weather")(tool)
    for city in day.cities():
        conv = Conversation(
            model=day.MAIN, system=day.SUPPORT, tools=[day.WEATHER], max_tokens=MAX_TOKENS, ttl="1h", recall=False,
            clock=way.clock,
        ).user(f"What is the weather in {city}?")  # fmt: skip
        with way.booked(conv):
            run(conv, client, {"weather": tool})
        way.wait(DAY / day.LOOKUPS)


# Research: ten steps with a search of 5,000 tokens each.


def research_plain(way: Way) -> None:
    """Every result whole, every step to the end."""
    for at in range(day.RESEARCHES):
        agent(way, day.RESEARCH, day.topic(at), {"search": way.counted(day.search)}, [day.SEARCH], 8.0)


def research(way: Way, client: Any, *, shaped: bool, early: bool) -> None:
    """The loop of contextkit, with shaped results, an early exit, or both."""
    for at in range(day.RESEARCHES):
        conv = Conversation(
            model=day.MAIN,
            system=day.RESEARCH,
            tools=[day.SEARCH],
            max_tokens=MAX_TOKENS,
            shapes={"search": day.SEARCH_SHAPE} if shaped else None,
            recall=False,
            clock=way.clock,
        ).user(day.topic(at))

        def searching(query: str) -> str:
            way.wait(8.0)
            return day.search(query)

        with way.booked(conv):
            run(
                conv,
                client,
                {"search": way.counted(searching)},
                stop_when=confidence(0.85) if early else None,
                max_steps=20,
            )


# Chats of 15 turns, each turn with a paragraph that it is about.


def chats_plain(way: Way) -> None:
    """The whole history at every turn."""
    for chat in range(day.CHATS):
        messages: list[dict[str, Any]] = []
        for turn in range(day.TURNS):
            messages.append({"role": "user", "content": day.said(chat, turn)})
            message = way.client.messages.create(
                model=day.MAIN, max_tokens=MAX_TOKENS, system=day.SUPPORT, messages=messages
            )
            messages.append({"role": "assistant", "content": message.content[0].text})
            way.wait(60.0)


def chats(way: Way, client: Any, compaction: Compaction | None) -> tuple[int, str]:
    """Conversations; how many summaries were made, and why the last plan waited."""
    folds, reason = 0, ""
    for chat in range(day.CHATS):
        conv = Conversation(
            model=day.MAIN, system=day.SUPPORT, max_tokens=MAX_TOKENS, compaction=compaction, clock=way.clock
        )
        with way.booked(conv):
            for turn in range(day.TURNS):
                conv.user(day.said(chat, turn)).send(client)
                way.wait(60.0)
        folds += conv.ledger.totals("summary").calls
        reason = conv.ledger.verdicts.reasons.get("defer", reason)
    return folds, reason


# The night: documents, each read on its own.


def night_plain(way: Way) -> None:
    """One call a document, at once."""
    for at in range(day.DOCUMENTS):
        ask(way, day.NIGHT, day.document(at))
        way.wait(20.0)


def night(way: Way, *, model: str, marked: bool) -> Quote:
    """One `Batch`; marked, all items read one prefix, which a small request has written before. What it reckoned."""
    documents = ((f"doc-{at}", day.document(at)) for at in range(day.DOCUMENTS))
    prefix = {"system": day.NIGHT}
    with Batch(
        prefix, documents, model=model, max_tokens=MAX_TOKENS, ttl="1h" if marked else None, prewarm=marked,
        ledger=way.ledger, step="night", clock=way.clock, sleep=way.wait,
    ) as batch:  # fmt: skip
        quote = batch.dry_run(output_tokens=NOTES)
        batch.run(way.client)
        return quote
