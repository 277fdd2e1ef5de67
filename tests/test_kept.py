"""Conversations that survive: what was acknowledged is there again, and the next request is the same to the byte."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contextkit import Budget, Conversation, Shape
from contextkit.emulator import Clock, Emulator, reply, text, tool_use
from contextkit.errors import ConfigError, ConflictError, StoreError
from contextkit.forking import forked
from contextkit.ledger import SpendingError
from contextkit.store.base import streams_of
from contextkit.store.memory import MemoryStore
from contextkit.store.sqlite import SQLiteStore
from contextkit.turn import BookkeepingWarning, build
from tests.builders import READ_TOOL, SMALL, SYSTEM, a_conversation, a_page, reading, run

if TYPE_CHECKING:
    from pathlib import Path

    from contextkit.store.base import Store


def body(conv: Conversation) -> bytes:
    """The next request as bytes, by a copy that is thrown away."""
    return bytes(build(forked(conv._state), conv._clock()))


def an_audit(store: Store, pages: int, **more: Any) -> tuple[Conversation, Emulator]:
    """A kept run over so many pages."""
    emulator = Emulator(reading(pages), clock=Clock())
    conv = a_conversation(clock=lambda: emulator.clock.now, store=store, id="audit", **more)
    run(conv.user("Audit the ledger."), emulator)
    return conv, emulator


@pytest.mark.parametrize(
    "more",
    [
        {"compaction": None},
        {"compaction": SMALL},
        {"compaction": replace(SMALL, fan_out=2)},
        {"compaction": replace(SMALL, clear=True, patience=0.5), "recall": True},
        {"compaction": SMALL, "ttl": "auto", "model": "claude-haiku-4-5"},
        {"compaction": SMALL, "summarizer": "extractive", "thinking": {"type": "adaptive"}},
    ],
)
def test_a_reopened_conversation_sends_the_same_bytes(more: dict[str, Any]) -> None:
    """Whatever was folded, merged, cleared or marked: the next request is the same, and so are ledger and window."""
    store = MemoryStore()
    conv, emulator = an_audit(store, 40, **more)
    conv.user("And what about page 3?")
    again = Conversation.open(store, "audit", clock=lambda: emulator.clock.now)
    assert body(again) == body(conv)
    assert again.messages == conv.messages
    assert again.context == conv.context
    assert again.ledger.rows == conv.ledger.rows
    read = again.send(emulator.client()).usage.cache_read_input_tokens
    assert 0 < read <= conv.ledger.rows[-1].usage.prompt  # what stood in the cache is read, also by the new object


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(["user", "pin", "send", "open", "result", "fold"]), min_size=3, max_size=30))
def test_reopening_at_any_moment(tmp_path_factory: pytest.TempPathFactory, steps: list[str]) -> None:
    """After any operations, and with any reopening between them, the kept conversation is the one in memory."""
    store = SQLiteStore(tmp_path_factory.mktemp("kept") / "a.db", durable=False)
    answers = [reply(text("Yes. " * 40), tool_use("read_page", {"page": 1})), reply(text("No. " * 60))] * 40
    emulator = Emulator(answers, clock=Clock())
    client = emulator.client()
    kept = a_conversation(clock=lambda: emulator.clock.now, store=store, id="x", compaction=SMALL)
    for at, step in enumerate(steps):
        emulator.clock.advance(7)
        calls, entries = list(kept.open_calls), kept._state.log.entries
        if step in {"user", "pin"} and not calls:
            kept.user(f"Note {at}. " * 30, pin=step == "pin")
        elif step == "send" and not calls and entries and entries[-1].role == "user":
            kept.send(client)
        elif step == "result" and calls:
            kept.tool_result(calls[0], a_page(9, at))
        elif step == "fold" and not calls:
            kept.compact(client, force=True)
        elif step == "open":
            before = kept
            kept = Conversation.open(store, "x", clock=lambda: emulator.clock.now)
            assert kept.messages == before.messages
            if not calls and entries and entries[-1].role == "user":
                assert body(kept) == body(before)
    assert len(kept.ledger) == sum(json.loads(line)["kind"] == "row" for line in lines(store, "x"))


def lines(store: Store, name: str) -> list[bytes]:
    """The kept events."""
    return streams_of(store).read(f"conversation:{name}")


def test_a_second_writer_is_found_before_anything_is_paid_for() -> None:
    """Two objects on one conversation: the second to write is told so, and what to do."""
    store = MemoryStore()
    emulator = Emulator([reply(text("One."))] * 9, clock=Clock())
    first = a_conversation(store=store, id="two").user("Hello")
    second = Conversation.open(store, "two")
    first.send(emulator.client())
    with pytest.raises(ConflictError, match="open it again"):
        second.send(emulator.client())
    assert len(second.ledger) == 0
    again = Conversation.open(store, "two")
    assert again.user("And?").send(emulator.client()).content[0].text == "One."


def test_an_id_is_used_once() -> None:
    """A second conversation of the same id is refused; ids are opaque texts."""
    store = MemoryStore()
    odd = "../../etc/passwd\0 ' ; DROP TABLE"
    a_conversation(store=store, id=odd).user("Hi")
    with pytest.raises(ConflictError, match="already"):
        a_conversation(store=store, id=odd)
    assert len(Conversation.open(store, odd).messages) == 1
    with pytest.raises(ConfigError, match="no conversation"):
        Conversation.open(store, "../../etc/passwd")


def test_code_has_to_be_given_again() -> None:
    """Functions are not kept: opening without them says which; what is kept cannot be given."""
    store = MemoryStore()
    policy = replace(SMALL, pins=lambda _: False)
    a_conversation(store=store, id="c", summarizer=str.upper, shapes={"x": Shape(max_chars=9)}, compaction=policy)
    with pytest.raises(ConfigError, match="shapes, summarizer, compaction"):
        Conversation.open(store, "c")
    again = Conversation.open(store, "c", summarizer=str.upper, shapes=None, compaction=policy)
    assert again.system[0]["text"] == SYSTEM
    with pytest.raises(ConfigError, match="model is kept"):
        Conversation.open(store, "c", summarizer=str.upper, shapes=None, compaction=policy, model="haiku")
    other = [{**READ_TOOL, "description": "Another."}]
    with pytest.raises(ConfigError, match="read_page"):
        Conversation.open(store, "c", summarizer=str.upper, shapes=None, compaction=policy, tools=other)


def test_the_archive_is_kept_too(tmp_path: Path) -> None:
    """What a shape cut is recalled after reopening, from the same file."""
    where = f"sqlite:///{tmp_path / 'a.db'}"
    emulator = Emulator([reply(tool_use("read_page", {"page": 1})), reply("Done.")], clock=Clock())
    conv = a_conversation(store=where, id="a", max_output_chars=400, recall=True).user("Go.")
    call = conv.send(emulator.client()).content[-1]
    conv.tool_result(call.id, a_page(50))
    shown = conv.messages[-1]["content"][0]["content"]
    handle = re.findall(r"\bk[0-9a-f]{12,}", shown)[0]
    again = Conversation.open(where, "a")
    assert "rec_1_49" in again.recall(handle, search="rec_1_49")


class Broken(MemoryStore):
    """A store whose streams can be made to fail."""

    def __init__(self) -> None:
        super().__init__()
        self.fails = False
        real = self.streams.append

        def append(key: str, events: Any, expected_version: int | None = None) -> int:
            if self.fails:
                raise StoreError("the disk is full", where="a.db", fix="Make room.")
            return real(key, events, expected_version)

        self.streams.append = append  # type: ignore[method-assign]


def test_a_full_disk_loses_nothing_that_was_paid_for() -> None:
    """Before the call the error is raised; after it the answer is returned with a warning, and written later."""
    store = Broken()
    emulator = Emulator(lambda _: failing(store), clock=Clock())
    conv = a_conversation(store=store, id="f").user("Hi")
    with pytest.warns(BookkeepingWarning, match="disk is full"):
        assert conv.send(emulator.client()).content[0].text == "Paid."
    with pytest.raises(StoreError, match="disk is full"):
        conv.user("More?")
    with pytest.raises(StoreError, match="disk is full"):
        conv.send(emulator.client())
    assert len(conv.ledger) == 1
    store.fails = False
    conv.user("More!")
    again = Conversation.open(store, "f")
    assert again.messages == conv.messages
    assert again.ledger.rows == conv.ledger.rows


def failing(store: Broken) -> Any:
    """The disk is full from the moment the model answers."""
    store.fails = True
    return reply(text("Paid."))


async def test_async_and_streaming_keep_too() -> None:
    """Every way to send ends with what happened in the store."""
    store = MemoryStore()
    emulator = Emulator([reply(text("One.")), reply(text("Two.")), reply(text("Three."))], clock=Clock())
    conv = a_conversation(store=store, id="s").user("1")
    await conv.asend(emulator.async_client())
    with conv.user("2").stream(emulator.client()) as stream:
        list(stream.text_stream)
    async with conv.user("3").astream(emulator.async_client()) as other:
        async for _ in other.text_stream:
            pass
    again = Conversation.open(store, "s")
    assert again.messages == conv.messages
    assert len(again.ledger) == 3


def test_damage_is_named() -> None:
    """A stream that is none of a conversation's, and one of a later schema, are refused with what to do."""
    store = MemoryStore()
    streams = streams_of(store)
    streams.append("conversation:n", [b'{"kind":"begin","schema":99}'])
    with pytest.raises(StoreError, match="schema 99"):
        Conversation.open(store, "n")
    streams.append("conversation:m", [b"not json"])
    with pytest.raises(StoreError, match="not JSON"):
        Conversation.open(store, "m")
    streams.append("conversation:o", [b'{"kind":"other"}'])
    with pytest.raises(StoreError, match="no conversation"):
        Conversation.open(store, "o")


def test_a_subtasks_spending_is_kept_with_its_parent() -> None:
    """Rows of a subtask stand in the parent's stream; its messages do not."""
    store = MemoryStore()
    emulator = Emulator([reply(text("One.")), reply(text("Aside."))], clock=Clock())
    conv = a_conversation(store=store, id="p").user("1")
    conv.send(emulator.client())
    with conv.subtask("aside") as sub:
        sub.user("Do it.").send(emulator.client())
    again = Conversation.open(store, "p")
    assert [row.step for row in again.ledger] == ["", "aside"]
    assert again.messages == conv.messages


def test_budgets_stop_a_call_before_it_is_made() -> None:
    """The call that could pass the budget is not sent, nothing changes, and a larger budget goes on."""
    emulator = Emulator([reply(text("Yes."))] * 9, clock=Clock())
    conv = a_conversation(budget=Budget(calls=2), max_tokens=50)
    for _ in range(2):
        conv.user("Again?").send(emulator.client())
    with pytest.raises(SpendingError, match="2"):
        conv.user("Again?").send(emulator.client())
    with pytest.raises(SpendingError):
        conv.request()
    assert len(conv.ledger) == 2
    poor = a_conversation(budget=Budget(usd=0.0001), max_tokens=50).user("Hi")
    with pytest.raises(SpendingError):
        poor.send(emulator.client())


NURSERY = """
import os, sys
from contextkit import Conversation

class Client:
    base_url, made = "", 0
    def __init__(self):
        self.messages = self
    def create(self, **_):
        self.made += 1
        call = {"type": "tool_use", "id": f"toolu_w{self.made}", "name": "t", "input": {"n": 1}}
        return {"id": f"msg_w{self.made}", "role": "assistant", "model": "claude-sonnet-5-5",
                "content": [{"type": "text", "text": "Yes. " * 20}, call], "stop_reason": "tool_use",
                "usage": {"input_tokens": 9, "cache_read_input_tokens": 900, "output_tokens": 40}}

def say(line):
    os.write(1, f"{line}\\n".encode())  # whole or not at all: a kill must not leave half a line

def write(store):
    client = Client()
    conv = Conversation(model="sonnet", system="s " * 900, store=store, id="k", compaction=None, tools=[
        {"name": "t", "input_schema": {"type": "object"}}])
    told = lambda: say(f"{len(conv.messages)} {len(conv.ledger)}")
    conv.user("Go.")
    told()
    while True:
        message = conv.send(client)
        told()
        conv.tool_result(message["content"][-1]["id"], "ok " * 50)
        told()

Conversation(model="sonnet").user("Warm.").send(Client())
say("ready")
for line in sys.stdin:
    child = os.fork()
    if not child:
        write(line.strip())
    say(f"pid {child}")
    os.waitpid(child, 0)
    say("gone")
"""
"""Forks a writer for every address that it is given: nothing is imported anew, so that two hundred take seconds."""


def killed(nursery: subprocess.Popen[str], where: Path, lines: int, delay: float) -> tuple[int, int]:
    """Start a writer; `delay` seconds after it acknowledged so many steps, kill it -9; the last acknowledged step."""
    assert nursery.stdin is not None
    assert nursery.stdout is not None
    nursery.stdin.write(f"sqlite:///{where}\n")
    nursery.stdin.flush()
    pid, alive, told = 0, True, list[str]()
    while (line := nursery.stdout.readline().strip()) != "gone":
        if line.startswith("pid "):
            pid = int(line.split()[1])
        else:
            told.append(line)
        if pid and alive and len(told) >= lines:
            time.sleep(delay)
            os.kill(pid, signal.SIGKILL)
            alive = False
    messages, rows = told[-1].split()
    return int(messages), int(rows)


@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("times", [5, pytest.param(200, marks=pytest.mark.long)])
def test_a_killed_writer_loses_nothing_that_it_acknowledged(tmp_path: Path, times: int) -> None:
    """Kill -9 at random moments: every acknowledged message and row is there, at most one step more, and it goes on."""
    chance = random.Random(7)
    client = Emulator(lambda _: "Done.").client()
    command = [sys.executable, "-c", NURSERY]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as nursery:  # noqa: S603
        assert nursery.stdout is not None
        assert nursery.stdout.readline() == "ready\n"
        for at in range(times):
            where = tmp_path / f"{at}.db"
            messages, rows = killed(nursery, where, chance.randint(1, 40), chance.random() * 0.01)
            again = Conversation.open(f"sqlite:///{where}", "k")
            assert messages <= len(again.messages) <= messages + 1
            assert rows <= len(again.ledger) <= rows + 1
            for call in again.open_calls:
                again.tool_result(call, "late")
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                assert again.send(client).content[0].text == "Done."
        assert nursery.stdin is not None
        nursery.stdin.close()


def test_a_failed_subtask_leaves_the_parents_stream_as_it_was() -> None:
    """What a subtask did before it failed is in the ledger, and the parent goes on after reopening."""
    store = MemoryStore()
    emulator = Emulator([reply(text("Word. " * 90))] * 9, clock=Clock())
    conv = a_conversation(store=store, id="q").user("1")
    conv.send(emulator.client())

    def failing_block() -> None:
        with conv.subtask("aside") as sub:
            for at in range(3):
                sub.user(f"Do {at}.").send(emulator.client())
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        failing_block()
    again = Conversation.open(store, "q")
    assert len(again.ledger) == 4
    assert again.messages == conv.messages
    again.user("Go on.").send(emulator.client())


def test_a_budget_is_asked_for_again_and_charged_with_what_was_spent() -> None:
    """Opening without the budget says so; with it, earlier calls count."""
    store = MemoryStore()
    emulator = Emulator([reply(text("Yes."))] * 9, clock=Clock())
    conv = a_conversation(store=store, id="b", budget=Budget(calls=2), max_tokens=50)
    for _ in range(2):
        conv.user("Again?").send(emulator.client())
    with pytest.raises(ConfigError, match="budget"):
        Conversation.open(store, "b")
    with pytest.raises(SpendingError):
        Conversation.open(store, "b", budget=Budget(calls=2)).user("More?").send(emulator.client())


def test_warming_up_is_spending() -> None:
    """A prewarm that could pass the budget is refused before it is made."""
    conv = a_conversation(budget=Budget(usd=0.000_001))
    with pytest.raises(SpendingError):
        conv.prewarm(Emulator([]).client())


def test_parameters_cannot_change_at_opening() -> None:
    """Whatever stands in requests is kept: giving it, set before or not, is refused."""
    store = MemoryStore()
    a_conversation(store=store, id="t").user("Hi")
    with pytest.raises(ConfigError, match="thinking is kept"):
        Conversation.open(store, "t", thinking={"type": "adaptive"})
