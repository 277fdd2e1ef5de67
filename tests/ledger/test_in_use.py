"""The ledger where it is used: conversations, observed clients, tools in threads, many tasks at once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

import contextkit
from contextkit import Conversation
from contextkit.api.usage import Usage, cost
from contextkit.emulator import Emulator, fault, reply, tool_use
from contextkit.ledger import Budget, Ledger, SpendingError, step
from contextkit.loop import run
from contextkit.middleware import observe
from tests.builders import SMALL, an_audit

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from contextkit.emulator import Exchange, Failure, Reply

SYSTEM = "You answer questions about orders, with the number of the order. " * 60


def a_conversation(emulator: Emulator, **settings: Any) -> Conversation:
    """A conversation on the emulator's clock."""
    return Conversation(**{"model": "sonnet", "system": SYSTEM, "clock": lambda: emulator.clock.now, **settings})


def billed(requests: Iterable[Exchange]) -> float:
    """What the emulator billed, by the price list."""
    return sum(
        cost(str(seen.body["model"]), seen.usage, at=seen.at) or 0.0 for seen in requests if seen.usage is not None
    )


def test_a_compacted_run_is_booked_to_the_last_token() -> None:
    """Turns and summaries: the ledger's sums are what the emulator billed, and every fold has its verdict."""
    conv, emulator = an_audit(25, compaction=SMALL)
    totals = conv.ledger.totals()
    assert totals.cost == pytest.approx(billed(emulator.requests), rel=1e-12)
    assert totals.usage == sum((seen.usage for seen in emulator.requests if seen.usage), Usage())
    assert conv.ledger.totals("summary").calls > 0
    assert totals.uncached is not None
    assert totals.cost is not None
    assert totals.cost < totals.uncached


async def test_agents_at_the_same_time_are_booked_under_their_own_steps() -> None:
    """Ten tasks on one client: every row carries the step of the task that made the call, streams too."""
    emulator = Emulator(lambda _: "It ships.")
    client, main = emulator.async_client(), Ledger()

    async def agent(at: int) -> None:
        conv = a_conversation(emulator, ledger=main.child(f"conv-{at}"))
        with step(f"agent-{at}"):
            for turn in range(3):
                conv.user(f"Order {turn}?")
                if turn == 1:
                    async with conv.astream(client, step="stream") as stream:
                        async for _ in stream:
                            await asyncio.sleep(0)
                else:
                    await conv.asend(client)

    with step("night"):
        await asyncio.gather(*(agent(at) for at in range(10)))
    for name, found in main.by("conversation").items():
        at = name.removeprefix("conv-")
        assert [row.step for row in main if row.conversation == name] == [
            f"night/agent-{at}",
            f"night/agent-{at}/stream",
            f"night/agent-{at}",
        ]
        assert found.calls == 3
    assert main.totals().cost == pytest.approx(billed(emulator.requests), rel=1e-12)


def test_an_observed_client_books_under_the_step_with_its_retries() -> None:
    """Code that knows nothing of contextkit: its calls have the step, and the retry that was billed its note."""
    replies: Iterator[Reply | Failure] = iter([reply("Fine."), fault(529), reply("Fine again.")])
    emulator = Emulator(lambda _: next(replies))
    observer = observe(clock=lambda: emulator.clock.now, step="sdk")
    client = emulator.client(middleware=[observer], max_retries=2)
    with step("outer"):
        for _ in range(2):
            client.messages.create(model="claude-opus-5", max_tokens=10, messages=[{"role": "user", "content": "Hi."}])
    assert [(row.step, row.note) for row in observer.ledger] == [("outer/sdk", ""), ("outer/sdk", "attempt 2")]


def test_a_sub_agent_in_a_tools_thread_keeps_step_and_budget() -> None:
    """`run` takes the step along into the threads of its tools, so sub-agents are booked and stopped with the rest."""

    def answer(body: dict[str, Any]) -> Any:
        if not body.get("tools"):
            return "Sub-agent done."
        done = any(message["role"] == "assistant" for message in body["messages"])
        return reply("All done.") if done else reply(*(tool_use("delegate", {"task": f"{k}"}) for k in range(4)))

    emulator = Emulator(answer)
    client, book = emulator.client(max_retries=0), Ledger()

    @contextkit.tool
    def delegate(task: str) -> str:
        """Give a task to a sub-agent.

        Args:
            task: what to do.
        """
        sub = a_conversation(emulator, model="haiku", ledger=book.child(f"sub-{task}")).user(task)
        sub.send(client, step="sub")
        return "done"

    conv = a_conversation(emulator, tools=[delegate]).user("Do four things.")
    with step("job", budget=Budget(calls=100)) as job:
        run(conv, client, [delegate])
    assert {row.step for row in book} == {"job/sub"}
    assert len(book) == 4
    assert {row.step for row in conv.ledger} == {"job"}
    assert job.spent.calls == 6
    assert job.spent.usd == pytest.approx(billed(emulator.requests), rel=1e-12)


async def test_a_fan_out_stays_within_its_budget() -> None:
    """Forty tasks at once against one budget: what was billed is within it, and the others were never sent."""
    emulator = Emulator(lambda _: "word " * 40)
    client, ledger = emulator.async_client(max_retries=0), Ledger()
    purse = ledger.limit(Budget(usd=0.02, on_warn=lambda _: None))

    async def ask() -> bool:
        try:
            with ledger.holding("claude-opus-5-5", prompt=30, output=100, cached=False):
                message = await client.messages.create(
                    model="claude-opus-5-5", max_tokens=100, messages=[{"role": "user", "content": "Say something."}]
                )
                usage = Usage.of(message.usage)
                ledger.add(at=emulator.clock.now, purpose="side", model="claude-opus-5-5", usage=usage)
        except SpendingError:
            return False
        return True

    asked = await asyncio.gather(*(ask() for _ in range(40)))
    assert 0 < sum(asked) < 40
    assert len(emulator.requests) == sum(asked)
    assert purse.spent.usd == pytest.approx(billed(emulator.requests), rel=1e-12)
    assert purse.spent.usd <= 0.02
