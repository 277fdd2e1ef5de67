"""The comparison: which calls are the thread, and what counts as a fold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from contextkit.api.usage import Usage
from contextkit.compact.policies import Compaction
from contextkit.conversation import Conversation
from contextkit.demo import tools
from contextkit.demo.compare import Seen, breaks, compare, outcome
from contextkit.demo.runs import NAMES, Kit, Run, drive
from contextkit.demo.script import SYSTEM, TASK, script
from contextkit.emulator import Emulator, reply, text

if TYPE_CHECKING:
    from collections.abc import Mapping


def quiet(_name: str, _done: int) -> None:
    """Nobody watches."""


@pytest.mark.parametrize("model", ["claude-haiku-5-5", "claude-sonnet-5-5"])
def test_side_calls_are_no_calls_of_the_thread(model: str) -> None:
    """A summary is a side call whichever model writes it: a fold breaks the thread once, not twice."""
    runs = {each.name: each for each in compare(NAMES, model=model, calls=24, budget=12_000, tick=quiet)}
    assert runs["none"].breaks == runs["automatic"].breaks == 0
    assert runs["sliding"].breaks == runs["sliding"].folds == 15
    assert runs["sliding"].calls == 24 + 15
    assert runs["contextkit"].breaks == runs["contextkit"].folds > 0


def test_only_the_threads_prompts_can_be_the_largest() -> None:
    """A summary call may read more than any call of the thread: it is billed, and its size is no prompt's."""
    body = {"model": "claude-haiku-5-5", "messages": [{"role": "user", "content": "Hello."}]}
    seen = [
        Seen(body, Usage(input=100, output=5), "claude-haiku-5-5", "msg_a"),
        Seen(body, Usage(input=9_000, output=5), "claude-haiku-5-5", "msg_summary"),
    ]
    row = outcome("sliding", seen, Run(0.0, 1, frozenset({"msg_a"})))
    assert (row.calls, row.uncached, row.largest_prompt) == (2, 9_100, 100)


def played(summary: str) -> Emulator:
    """The demo's script with another summary."""
    main = script(60)

    def answer(body: Mapping[str, Any]) -> Any:
        return main(body) if body.get("tools") else reply(text(summary))

    return Emulator(answer)


def driven(way: Kit, emulator: Emulator) -> tuple[Run, int]:
    """Twenty calls, and how often the thread broke."""
    run = drive(way, emulator.client(), 20, tick=lambda: None)
    return run, breaks([dict(each.body) for each in emulator.requests if each.response_id in run.thread])


def test_a_summary_that_was_refused_is_no_fold() -> None:
    """Paid for, booked, and not in the window: folds counts what became of it."""
    emulator = played(" ")
    way = Kit("claude-sonnet-5-5", lambda: emulator.clock.now, 12_000, shaped=True)
    run, broken = driven(way, emulator)
    assert way.conversation.ledger.totals("summary").calls > 0
    assert run.folds == broken == 0
    assert len(run.thread) == 20


def test_a_fold_without_a_call_is_a_fold() -> None:
    """The extractive summariser asks no model: no row in the ledger, and still a fold that breaks the prefix."""
    emulator = played(" ")
    way = Kit("claude-sonnet-5-5", lambda: emulator.clock.now, 12_000, shaped=True)
    way.conversation = Conversation(
        model="claude-sonnet-5-5",
        system=SYSTEM,
        tools=tools.DEFINITIONS,
        max_tokens=2_000,
        summarizer="extractive",
        compaction=Compaction(budget=12_000),
        clock=lambda: emulator.clock.now,
    ).user(TASK)
    run, broken = driven(way, emulator)
    assert way.conversation.ledger.totals("summary").calls == 0
    assert run.folds == broken > 0
