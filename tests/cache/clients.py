"""A client whose answers are billed by the simulator, and requests to send with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from contextkit.cache.simulator import PromptCache
from contextkit.cache.watch import Ticket, Watch

if TYPE_CHECKING:
    from contextkit.cache.prefix import Counts
    from contextkit.cache.violations import Violation

Body = dict[str, Any]
MARK = {"type": "ephemeral"}
SYSTEM = "You are a careful engineer. " * 120


class Letters:
    """Counts a token for every four characters of a block's JSON, so that bills are exact and easy."""

    def base(self) -> float:
        """No frame."""
        return 0

    def message(self, _: Any) -> float:
        """No frame."""
        return 0

    def block(self, block: Any) -> float:
        """By length, marks aside."""
        return len(str({key: value for key, value in block.items() if key != "cache_control"})) // 4

    tool = system = block


def letters(_: Any) -> Counts:
    """The same counts for every request."""
    return Letters()


class Client:
    """A client whose answers are billed by the simulator.

    Args:
        options: of the Watch.
    """

    def __init__(self, **options: Any) -> None:
        self.watch = Watch(**options)
        self.cache = PromptCache(letters)
        self.now = 1_000.0

    def ask(self, body: Body, *, reason: str = "", **options: Any) -> list[Violation]:
        """Send a request and have it billed."""
        self.now += 1
        ticket = self.watch.sent(body, self.now, **options)
        usage = self.cache.bill(body, self.now).usage(5)
        billed = {
            "input_tokens": usage.input,
            "cache_read_input_tokens": usage.read,
            "cache_creation_input_tokens": usage.write_5m,
        }
        return self.watch.answered(ticket, billed, reason=reason, message_id=f"msg_{self.now:.0f}")

    def fail(self, body: Body) -> Ticket | None:
        """Send a request that fails: it is billed nothing and cached nowhere."""
        return self.watch.sent(body, self.now)


def a_body(first: str = "Find the bug.", **changes: Any) -> Body:
    """The first request of a conversation, marked automatically."""
    messages = [{"role": "user", "content": first * 30}]
    return {
        "model": "claude-opus-5-5",
        "max_tokens": 10,
        "system": SYSTEM,
        "messages": messages,
        "cache_control": MARK,
        **changes,
    }


def turn(body: Body, answer: str = "Sure.", question: str = "And then?") -> Body:
    """The next request of the same conversation."""
    added = [{"role": "assistant", "content": answer}, {"role": "user", "content": question}]
    return {**body, "messages": [*body["messages"], *added]}


def an_agent(given: Any = None, *, size: int = 3) -> list[Body]:
    """An agent's history: so many calls of a tool, the first with this input."""
    messages: list[Body] = [{"role": "user", "content": [{"type": "text", "text": "Find the bug. " * 60}]}]
    for n in range(size):
        call = {"type": "tool_use", "id": f"t{n}", "name": "bash", "input": {"n": n} if n or given is None else given}
        result = {"type": "tool_result", "tool_use_id": f"t{n}", "content": f"{n}: a line\n" * 60}
        messages += [{"role": "assistant", "content": [call]}, {"role": "user", "content": [result]}]
    return messages


EDITS: list[Any] = [
    lambda m: m[0]["content"][0].update(cache_control=MARK),
    lambda m: m[-1]["content"][0].update(cache_control=MARK),
    lambda m: m[0]["content"][0].update(text="Find it."),
    lambda m: m[1]["content"][0].update(input={"b": 1, "a": 2}),
    lambda m: m[1]["content"][0].update(input={"a": 2, "b": 1}),
    lambda m: m[1]["content"][0].update(input={"a": True, "b": {"c": [1, {"d": None}]}}),
    lambda m: m[1]["content"][0].update(input={"a": 1, "b": {"c": [1.0, {"d": None}]}}),
    lambda m: m[2]["content"][0].update(content=[{"type": "image", "source": {"type": "url", "url": "u"}}]),
    lambda m: m.extend(({"role": "assistant", "content": "Well."}, {"role": "user", "content": "Go on."})),
    lambda m: m.insert(3, {"role": "system", "content": "Only now.", "clear_at": "next_user_turn"}),
    lambda m: m.pop(),
    lambda m: m.pop(1),
    lambda m: m.reverse(),
]
