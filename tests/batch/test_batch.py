"""Batches against the emulator, from items to results."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel

from contextkit import Conversation
from contextkit.batch import Batch, Item, Progress
from contextkit.emulator import Emulator, Options, fault, reply, tool_use
from contextkit.errors import ConfigError, ContentError, HistoryError
from contextkit.ledger import Budget, Ledger, SpendingError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

SYSTEM = "You sort letters by these rules, and you are never in a hurry to do so. " * 80


class Label(BaseModel):
    """What every answer is."""

    label: str
    words: int


def said(body: Mapping[str, Any]) -> str:
    """The last text of the user."""
    content = body["messages"][-1]["content"]
    return str(content if isinstance(content, str) else content[-1]["text"])


def echo(body: Mapping[str, Any]) -> str:
    """A model that answers what it was asked."""
    return f"answer to {said(body)}"


def an_emulator(script: Callable[..., Any] = echo, seconds: float = 60.0) -> Emulator:
    """An emulator whose batches take a minute."""
    return Emulator(script, options=Options(batch_seconds=seconds))


def a_batch(emulator: Emulator, count: int = 5, **settings: Any) -> Batch:
    """Letters over one long system prompt, on the emulator's clock."""
    items = [f"letter {at}" for at in range(count)]
    given = {"prefix": {"system": SYSTEM}, "items": items, "model": "haiku", **settings}
    return Batch(**{"clock": lambda: emulator.clock.now, "sleep": emulator.clock.advance, **given})


def submitted(emulator: Emulator) -> list[list[str]]:
    """The custom_ids of every batch that reached the API, in order."""
    posts = [each for each in emulator.requests if each.method == "POST" and each.path == "/v1/messages/batches"]
    return [[item["custom_id"] for item in each.body["requests"]] for each in posts]


def test_results_are_matched_whatever_their_order() -> None:
    """The API gives results out of order; every item has its own answer, in the order of the items."""
    emulator = an_emulator()
    batch = a_batch(emulator, 30)
    done = batch.run(emulator.client())
    assert done.succeeded == 30
    assert [result.text for result in batch.results()] == [f"answer to letter {at}" for at in range(30)]
    raw = emulator.client().messages.batches.results(done.batches[0])
    assert [line.custom_id for line in raw] != submitted(emulator)[0]


def test_the_prefix_is_written_once_and_read_by_every_item() -> None:
    """One small request writes the prefix for an hour; each item reads it, and the saving is the sum of both."""
    emulator = an_emulator()
    ledger = Ledger()
    done = a_batch(emulator, 10, ledger=ledger).run(emulator.client())
    warm, side = ledger.totals("warm"), ledger.totals("side")
    assert (warm.calls, side.calls) == (1, 10)
    assert warm.usage.write_1h > 1_000
    assert side.usage.read == 10 * warm.usage.write_1h
    assert side.usage.write_1h == 0
    assert done.cost == pytest.approx((warm.cost or 0) + (side.cost or 0))
    assert done.standard == pytest.approx(2 * (side.cost or 0))
    assert done.saved is not None
    assert done.saved > 0.7 * (done.alone or 0)


async def test_the_asynchronous_run_sends_the_same_and_ends_the_same() -> None:
    """`arun` is the same flow: same requests, same results, same cost."""
    one, other = an_emulator(), an_emulator()
    first, second = a_batch(one, 7), a_batch(other, 7)
    done = first.run(one.client())
    adone = await second.arun(other.async_client())
    assert (adone.cost, adone.usage, adone.succeeded) == (done.cost, done.usage, done.succeeded)
    assert [result.text for result in second.results()] == [result.text for result in first.results()]


def test_answers_are_typed_and_a_misfit_says_why() -> None:
    """A declared model gives objects; what does not fit has its fault, and no item is lost by it."""

    def answer(body: Mapping[str, Any]) -> str:
        assert body["max_tokens"] <= 1 or body["output_config"]["format"]["type"] == "json_schema"
        bad = said(body) == "letter 1"
        return '{"label": 3}' if bad else json.dumps({"label": said(body), "words": 2})

    emulator = an_emulator(answer)
    batch = a_batch(emulator, 3, output=Label)
    done = batch.run(emulator.client())
    first, second, _ = batch.results()
    assert first.value == Label(label="letter 0", words=2)
    assert not second.ok
    assert "words" in second.fault
    assert (done.succeeded, done.faults) == (3, 1)


def test_failed_items_are_sent_again_and_refused_ones_are_not() -> None:
    """A server error is tried again up to the bound; a request that is wrong is not."""
    seen: dict[str, int] = {}

    def answer(body: Mapping[str, Any]) -> Any:
        if body["max_tokens"] == 0:
            return ""
        name = said(body)
        seen[name] = seen.get(name, 0) + 1
        if name == "letter 0" and seen[name] == 1:
            return fault(529)
        if name == "letter 1":
            return fault(500)
        return fault(400, message="no") if name == "letter 2" else echo(body)

    emulator = an_emulator(answer)
    batch = a_batch(emulator, 4, retries=2)
    done = batch.run(emulator.client())
    assert seen == {"letter 0": 2, "letter 1": 3, "letter 2": 1, "letter 3": 1}
    assert (done.succeeded, done.errored, done.open) == (2, 2, 0)
    assert [result.tries for result in batch.results()] == [2, 3, 1, 1]
    assert "api_error" in list(batch.results())[1].error


def test_expired_items_are_sent_again() -> None:
    """What a day did not suffice for is sent again, and only that."""
    emulator = an_emulator(seconds=40 * 3600.0)  # of five items two are not reached within 24 hours

    def sleep(seconds: float) -> None:
        emulator.clock.advance(seconds)
        emulator._world.options = Options(batch_seconds=60.0)  # the next batch finds less of a queue

    batch = a_batch(emulator, sleep=sleep)
    done = batch.run(emulator.client())
    first, second = submitted(emulator)
    assert (len(first), len(second)) == (5, 2)
    assert set(second) < set(first)
    assert (done.succeeded, done.expired) == (5, 0)


def test_expired_items_end_as_expired_when_the_tries_are_used_up() -> None:
    """The bound holds for expiry too; what had been answered stays."""
    emulator = an_emulator(seconds=40 * 3600.0)
    batch = a_batch(emulator, retries=0)
    done = batch.run(emulator.client())
    assert len(submitted(emulator)) == 1
    assert done.expired == 5 - done.succeeded > 0
    assert all(result.error for result in batch.results() if result.state == "expired")


def test_a_batch_is_split_by_requests_and_each_is_submitted_once() -> None:
    """No chunk has more than the limit, and every item is in exactly one."""
    emulator = an_emulator()
    batch = a_batch(emulator, 10, chunk=(4, 256_000_000))
    assert batch.run(emulator.client()).succeeded == 10
    assert [len(ids) for ids in submitted(emulator)] == [4, 4, 2]
    assert len({name for ids in submitted(emulator) for name in ids}) == 10


def test_a_chunk_is_under_way_before_the_next_is_read() -> None:
    """Items are read as they are sent: the second chunk's are asked for after the first was submitted."""
    emulator = an_emulator()

    def items() -> Any:
        for at in range(2_100):
            if at == 2_099:
                assert len(submitted(emulator)) >= 1
            yield f"letter {at}"

    done = a_batch(emulator, items=items(), chunk=(1_000, 256_000_000)).run(emulator.client())
    assert done.succeeded == 2_100


def test_cancelling_keeps_what_was_answered_and_sends_nothing_more() -> None:
    """After `cancel` a run collects the answers there are; `reopen` sends the cancelled ones."""
    emulator = an_emulator(seconds=1_000.0)
    client = emulator.client()

    def stop(seconds: float) -> None:
        emulator.clock.advance(seconds)
        if emulator.clock.now - start > 500 and not batch.done().canceled and not stopped:
            stopped.append(True)
            batch.cancel(client)

    start, stopped = emulator.clock.now, list[bool]()
    batch = a_batch(emulator, 10, sleep=stop)
    done = batch.run(client)
    assert done.succeeded > 0
    assert done.canceled == 10 - done.succeeded > 0
    assert len(submitted(emulator)) == 1
    again = batch.reopen().run(client)
    assert (again.succeeded, again.canceled) == (10, 0)
    assert len(submitted(emulator)[1]) == done.canceled


@pytest.mark.parametrize("choice", ["leave", "cancel"])
def test_an_interruption_leaves_or_cancels_by_choice(choice: Any, tmp_path: Path) -> None:
    """Ctrl-C passes through; what is in flight goes on or is cancelled, and the next run collects it."""
    emulator = an_emulator(seconds=100.0)

    def interrupt(seconds: float) -> None:
        raise KeyboardInterrupt

    settings: dict[str, Any] = {"state": tmp_path / "b.db", "on_interrupt": choice}
    with pytest.raises(KeyboardInterrupt):
        a_batch(emulator, sleep=interrupt, **settings).run(emulator.client())
    (left,) = emulator.client().messages.batches.list().data
    assert (left.cancel_initiated_at is not None) == (choice == "cancel")
    done = a_batch(emulator, **settings).run(emulator.client())
    assert done.succeeded == 5
    assert len(submitted(emulator)) == (1 if choice == "leave" else 2)


async def test_a_cancelled_task_cancels_what_is_in_flight() -> None:
    """Without a state the results would be lost, so cancelling the task cancels the batch."""
    emulator = an_emulator(seconds=100.0)

    waiting = asyncio.Event()

    async def forever(seconds: float) -> None:
        waiting.set()
        await asyncio.Event().wait()

    task = asyncio.ensure_future(a_batch(emulator, sleep=forever).arun(emulator.async_client()))
    await waiting.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    (left,) = emulator.client().messages.batches.list().data
    assert left.cancel_initiated_at is not None


def test_run_now_gives_the_same_answers_at_the_standard_price() -> None:
    """Side by side on the Messages API: same results, twice the price, no batch."""
    emulator, other = an_emulator(), an_emulator()
    batch, now = a_batch(emulator, 20), a_batch(other, 20, run_now=True)
    done, at_once = batch.run(emulator.client()), now.run(other.client())
    assert [result.text for result in now.results()] == [result.text for result in batch.results()]
    assert submitted(other) == []
    assert at_once.usage == done.usage
    assert at_once.standard == pytest.approx(done.standard)


async def test_run_now_asynchronously() -> None:
    """The same flow with tasks instead of threads."""
    emulator = an_emulator()
    batch = a_batch(emulator, 20, run_now=True)
    assert (await batch.arun(emulator.async_client())).succeeded == 20


def test_run_now_honours_retry_after_and_tries_again() -> None:
    """A 429 puts everything off by what it asks for; no item is lost and none is asked twice."""
    asked: list[tuple[float, str]] = []

    def answer(body: Mapping[str, Any]) -> Any:
        asked.append((emulator.clock.now, said(body)))
        return fault(429, retry_after=20) if len(asked) == 3 else echo(body)

    emulator = Emulator(answer)
    batch = a_batch(emulator, 6, run_now=True, parallel=1, prewarm=False)
    assert batch.run(emulator.client()).succeeded == 6
    assert len(asked) == 7
    assert asked[3][0] - asked[2][0] >= 20


def test_run_now_keeps_what_was_paid_for_when_the_key_fails(tmp_path: Path) -> None:
    """A key that stops working ends the run; the answers so far are kept, and the rest waits for the next run."""
    calls: list[str] = []

    def answer(body: Mapping[str, Any]) -> Any:
        calls.append(said(body))
        return fault(401) if len(calls) == 4 else echo(body)

    emulator = Emulator(answer)
    settings: dict[str, Any] = {"run_now": True, "parallel": 1, "prewarm": False, "state": tmp_path / "b.db"}
    batch = a_batch(emulator, 6, **settings)
    with pytest.raises(Exception, match="401"):
        batch.run(emulator.client())
    assert batch.done().succeeded == 3
    assert a_batch(emulator, 6, **settings).run(emulator.client()).succeeded == 6
    assert calls.count("letter 0") == 1


def test_a_dry_run_sends_nothing_and_its_quote_is_near_the_bill() -> None:
    """The quote comes before anything is sent, of items that are read once; with true lengths it is near the bill."""
    emulator = an_emulator()
    batch = a_batch(emulator, items=(f"letter {at}" for at in range(40)))
    quote = batch.dry_run(hits=1.0, output_tokens=5)
    assert not emulator.requests
    assert (quote.requests, quote.chunks) == (40, 1)
    done = batch.run(emulator.client())
    assert done.succeeded == 40
    assert quote.usd == pytest.approx(done.cost, rel=0.25)
    assert quote.usd_without_batch is not None
    assert quote.usd is not None
    assert quote.usd < quote.usd_without_batch
    assert quote.bytes >= max(len(json.dumps(each.body)) for each in emulator.requests if each.body) * 0.5


def test_a_conversation_is_a_prefix() -> None:
    """Items go on from a conversation as it stands, and it does not change."""
    emulator = an_emulator()
    conv = Conversation(model="haiku", system=SYSTEM).user("Here are the rules.").record(
        {"role": "assistant", "content": [{"type": "text", "text": "I know them."}]}
    )  # fmt: skip
    before = conv.messages
    batch = a_batch(emulator, prefix=conv, model=None)
    assert batch.run(emulator.client()).succeeded == 5
    assert conv.messages == before
    sent = [each for each in emulator.requests if each.path.endswith("/batches") and each.method == "POST"]
    first = sent[0].body["requests"][0]["params"]["messages"]
    assert [message["role"] for message in first] == ["user", "assistant", "user"]
    assert first[1]["content"][-1]["cache_control"] == {"type": "ephemeral", "ttl": "1h"}


def test_a_prefix_with_open_tool_calls_is_refused() -> None:
    """No item could follow an unanswered tool call: said at once, for a conversation and for messages."""
    tool = {"name": "look", "description": "Look.", "input_schema": {"type": "object"}}
    emulator = Emulator([reply(tool_use("look"))])
    conv = Conversation(model="haiku", tools=[tool]).user("Look.")
    conv.send(emulator.client())
    with pytest.raises(HistoryError, match="no result yet"):
        Batch(conv, ["a"])
    messages = conv.messages
    with pytest.raises(HistoryError, match="no result yet"):
        Batch({"model": "haiku", "tools": [tool], "messages": messages}, ["a"])


def test_no_items_are_no_requests() -> None:
    """A nightly job with nothing to do costs nothing."""
    emulator = an_emulator()
    done = a_batch(emulator, 0).run(emulator.client())
    assert (done.requests, done.cost) == (0, 0.0)
    assert not emulator.requests


@pytest.mark.parametrize(
    ("items", "error", "match"),
    [
        ([("a", "x"), ("a", "y")], ContentError, "two items have this id"),
        ([Item("x", "a"), Item("x", "a")], ContentError, "two items have this id"),
        (["x", ""], ContentError, "empty"),
        (["x", []], ContentError, "empty"),
        ([{"id": "a"}], ContentError, "no content"),
        (["x" * 5_000_000], ContentError, "window"),
        ([{"id": "a", "content": "x", "system": "other"}], ConfigError, "which all items share"),
        ([{"custom_id": "a", "params": {"messages": [{"role": "user", "content": "x"}], "model": "opus"}}],
         ConfigError, "which all items share"),
        ([Item("x", max_tokens=0)], ContentError, "max_tokens"),
        ([[{"role": "assistant", "content": "hm"}]], ContentError, "refuse"),
        ([("a", b"bytes")], ContentError, "content"),
    ],
)  # fmt: skip
def test_items_that_cannot_be_sent_are_named(items: Any, error: type[Exception], match: str) -> None:
    """A bad item is named with the reason before its chunk leaves."""
    emulator = an_emulator()
    with pytest.raises(error, match=match):
        a_batch(emulator, items=items).run(emulator.client())
    assert not emulator.requests


def test_an_item_larger_than_a_batch_is_refused() -> None:
    """What alone is over the byte limit is said so, with its name."""
    emulator = an_emulator()
    with pytest.raises(ContentError, match="may have 10,000"):
        a_batch(emulator, items=[("big", "x" * 9_000)], chunk=(10, 10_000)).run(emulator.client())


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"model": None}, "no model"),
        ({"retries": -1}, "retries"),
        ({"parallel": 0}, "parallel"),
        ({"ttl": "2h"}, "ttl"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"stream": True}, "stream"),
        ({"speed": "fast"}, "speed"),
        ({"colour": 1}, "colour"),
        ({"items": "one text"}, "several"),
        ({"items": 3}, "items is a int"),
        ({"chunk": 5}, "chunk"),
        ({"parallel": "8"}, "parallel"),
        ({"on_interrupt": "wait"}, "on_interrupt"),
        ({"undecided": "ask"}, "undecided"),
        ({"id": ""}, "the id"),
        ({"budget": 0.5}, "no budget"),
        ({"chunk": (100_001, 5)}, "chunk"),
        ({"prefix": 5}, "no prefix"),
        ({"state": "redis://localhost"}, "SQLite"),
    ],
)
def test_wrong_settings_are_refused_when_they_are_given(settings: dict[str, Any], match: str) -> None:
    """A setting that cannot work says its name."""
    with pytest.raises(ConfigError, match=match):
        a_batch(an_emulator(), **settings)


def test_a_budget_stops_the_chunk_that_could_pass_it() -> None:
    """Nothing is sent that could pass the budget; what was sent before is waited for and kept."""
    emulator = an_emulator()
    batch = a_batch(emulator, 10, chunk=(5, 256_000_000), budget=Budget(calls=8))
    with pytest.raises(SpendingError):
        batch.run(emulator.client())
    assert [len(ids) for ids in submitted(emulator)] == [5]
    assert (batch.done().succeeded, batch.done().open) == (5, 5)


def test_a_budget_below_the_warm_up_sends_nothing() -> None:
    """The one small request is asked for too."""
    emulator = an_emulator()
    with pytest.raises(SpendingError):
        a_batch(emulator, 10, budget=Budget(tokens=100)).run(emulator.client())
    assert not emulator.requests


def test_run_now_waits_for_what_is_under_way_when_a_budget_ends_it() -> None:
    """Items that were asked before the budget was full are kept."""
    emulator = an_emulator()
    batch = a_batch(emulator, 10, run_now=True, prewarm=False, budget=Budget(calls=4))
    with pytest.raises(SpendingError):
        batch.run(emulator.client())
    assert batch.done().succeeded == 4


def test_progress_is_told_and_a_callback_that_fails_stops_nothing() -> None:
    """Every step is told; an error of the listener's own is only logged."""
    told: list[Progress] = []

    def listen(progress: Progress) -> None:
        told.append(progress)
        raise RuntimeError("no")

    emulator = an_emulator()
    assert a_batch(emulator, on_progress=listen).run(emulator.client()).succeeded == 5
    assert {each.doing for each in told} == {"submitted", "waiting", "collecting"}
    assert (told[-1].known, told[-1].done) == (5, 5)


def test_results_are_written_whole(tmp_path: Path) -> None:
    """JSON lines with the value as JSON, and rows with one set of columns."""
    emulator = an_emulator(lambda _: json.dumps({"label": "ok", "words": 1}))
    batch = a_batch(emulator, output=Label)
    batch.run(emulator.client())
    assert batch.write(tmp_path / "out.jsonl") == 5
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert lines[0]["value"] == {"label": "ok", "words": 1}
    rows = list(batch.rows())
    assert {tuple(row) for row in rows} == {tuple(lines[0])}
    assert rows[0]["value"] == '{"label":"ok","words":1}'
    assert [path.name for path in tmp_path.iterdir()] == ["out.jsonl"]
