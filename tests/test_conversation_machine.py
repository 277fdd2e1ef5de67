"""Whatever the user does, every request that leaves is valid: random operations against the emulator."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from contextkit import Compaction, Conversation
from contextkit.api.validity import faults
from contextkit.emulator import Clock, Emulator, reply, text, thinking, tool_use
from contextkit.errors import HistoryError
from tests.builders import READ_TOOL, SYSTEM

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}}
MODELS = ("opus", "sonnet", "haiku", "fable", "claude-opus-4-6", "claude-haiku-4-5")
WORDS = st.text(st.characters(codec="utf-8"), max_size=200)


class Operations(RuleBasedStateMachine):
    """A user who does everything, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.counter = 0
        self.next_reply: Any = None
        self.sent = 0
        self.longest: list[Any] = []

    @initialize(
        model=st.sampled_from(MODELS),
        budget=st.sampled_from([4_000, 6_000, 20_000]),
        summarizer=st.sampled_from(["extractive", "claude-haiku-4-5"]),
        repair=st.booleans(),
    )
    def start(self, model: str, budget: int, summarizer: str, repair: bool) -> None:
        """A conversation with a model, a budget and a summariser."""
        self.emulator = Emulator(self.script, clock=Clock())
        self.client = self.emulator.client(max_retries=0)
        self.repair = repair
        self.conv = Conversation(
            model=model,
            system=SYSTEM[:400],
            tools=[READ_TOOL],
            compaction=Compaction(budget=budget, keep_recent=budget // 4, summary_tokens=200),
            summarizer=summarizer,
            repair=repair,
        )
        self.conv.user("The task: read everything.")

    def script(self, body: Any) -> Any:
        """Summary calls (the ones without tools) get a summary; the main thread what the rule chose."""
        return self.next_reply if body.get("tools") else reply("A summary of what was.")

    @rule(words=WORDS, pin=st.booleans())
    def say(self, words: str, pin: bool) -> None:
        """User text, refused while calls are open unless they are repaired, and refused when blank."""
        before = self.conv.messages
        try:
            self.conv.user(words, pin=pin)
        except ValueError:
            assert self.conv.messages == before

    @rule()
    def show(self) -> None:
        """An image from the user."""
        if not self.conv.open_calls or self.repair:
            self.conv.user([IMAGE, {"type": "text", "text": "Look at this."}])

    @precondition(lambda self: self.conv.open_calls)
    @rule(
        output=st.one_of(
            st.just(""), WORDS, st.just([IMAGE]), st.just({"rows": list(range(300))}), st.just("x" * 4000)
        ),
        failed=st.booleans(),
    )
    def answer(self, output: Any, failed: bool) -> None:
        """A result for one of the open calls."""
        self.conv.tool_result(next(iter(self.conv.open_calls)), output, is_error=failed)

    @rule(calls=st.integers(0, 25), said=st.booleans(), thought=st.booleans(), between=st.booleans())
    def ask(self, calls: int, said: bool, thought: bool, between: bool) -> None:
        """A call of the model, which thinks, speaks and calls tools as chosen."""
        blocks: list[Any] = [thinking("Let me see.")] if thought else []
        blocks += [text("I will look.")] if said else []
        for _ in range(calls):
            self.counter += 1
            blocks += [text("And.")] if between else []
            blocks.append(tool_use("read_page", {"page": self.counter}, id=f"toolu_{self.counter}"))
        self.next_reply = reply(*blocks)
        try:
            self.conv.send(self.client)
        except HistoryError:
            return  # calls are open, or there is nothing to answer
        self.sent += 1
        self.emulator.clock.advance(20)

    @rule()
    def fold(self) -> None:
        """Compaction at any time."""
        self.conv.compact(self.client, force=True)

    @rule(on=st.booleans())
    def tick(self, on: bool) -> None:
        """Volatile text comes and goes."""
        self.conv.volatile("now", f"tick {self.counter}" if on else None)

    @rule()
    def scribble(self) -> None:
        """The caller writes on a request that was handed out."""
        try:
            request = self.conv.request()
        except HistoryError:
            return
        assert not list(faults(request))
        request["messages"][0]["content"].clear()
        request["messages"][-1]["content"].append({"type": "nonsense"})

    @invariant()
    def every_request_was_accepted(self) -> None:
        """No request was refused, and the log only grows."""
        if not hasattr(self, "conv"):
            return
        refused = [exchange.error for exchange in self.emulator.requests if exchange.status != 200]
        assert not refused
        messages = self.conv.messages
        whole = messages[: len(self.longest) - 1]
        assert whole == self.longest[: len(whole)]
        self.longest = messages


TestOperations = Operations.TestCase
TestOperations.settings = TestOperations.settings.__class__(TestOperations.settings, stateful_step_count=25)
