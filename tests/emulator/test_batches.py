"""Message Batches with the real SDK (batch-processing page; facts sheet 7)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anthropic
import pytest

from contextkit.emulator import Clock, Emulator, Options, fault

Body = Callable[..., dict[str, Any]]
DAY = 24 * 3600.0


def items(a_body: Body, number: int, **fields: Any) -> list[Any]:
    """So many requests that share their system prompt."""
    return [{"custom_id": f"item-{at}", "params": a_body(f"Question {at}", **fields)} for at in range(number)]


def by_id(client: anthropic.Anthropic, name: str) -> dict[str, Any]:
    """The results of a batch."""
    return {line.custom_id: line.result for line in client.messages.batches.results(name)}


def test_a_batch_is_answered_and_billed_by_the_same_cache(a_body: Body) -> None:
    """Every item succeeds at the batch tier; later items read what earlier ones wrote; results come unordered."""
    emulator = Emulator(lambda body: f"To {body['messages'][0]['content']}")
    client = emulator.client()
    made = client.messages.batches.create(requests=items(a_body, 6))
    assert made.processing_status == "in_progress"
    assert made.request_counts.processing == 6
    assert made.results_url is None
    ended = client.messages.batches.retrieve(made.id)
    assert ended.processing_status == "ended"
    assert (ended.request_counts.succeeded, ended.request_counts.processing) == (6, 0)
    lines = list(client.messages.batches.results(made.id))
    assert [line.custom_id for line in lines] != [f"item-{at}" for at in range(6)]
    results = by_id(client, made.id)
    for at in range(6):
        message = results[f"item-{at}"].message
        assert message.content[0].text == f"To Question {at}"
        assert message.usage.service_tier == "batch"
        assert bool(message.usage.cache_read_input_tokens) == (at > 0)
    assert [seen.tier for seen in emulator.requests].count("batch") == 6


def test_items_fail_one_by_one(a_body: Body) -> None:
    """A refused item, an item with what batches do not take, and an overloaded one are errors; the rest goes on."""
    requests = items(a_body, 5)
    requests[0]["params"]["messages"] = []
    requests[1]["params"]["stream"] = True
    requests[2]["params"]["max_tokens"] = 0
    emulator = Emulator([fault(529), "fine"])
    client = emulator.client()
    batch = client.messages.batches.create(requests=requests)
    assert client.messages.batches.retrieve(batch.id).request_counts.errored == 4
    results = by_id(client, batch.id)
    kinds = [results[f"item-{at}"].type for at in range(5)]
    assert kinds == ["errored"] * 4 + ["succeeded"]
    assert results["item-1"].error.error.type == "invalid_request_error"
    assert results["item-3"].error.error.type == "overloaded_error"
    assert sum(seen.usage is not None for seen in emulator.requests) == 1


def test_a_script_that_raises_fails_the_item_only(a_body: Body) -> None:
    """The user's function may break; the batch still ends."""
    nothing: dict[str, str] = {}
    client = Emulator(lambda body: nothing[body["model"]]).client()
    batch = client.messages.batches.create(requests=items(a_body, 2))
    assert client.messages.batches.retrieve(batch.id).request_counts.errored == 2


def test_cancelling_leaves_out_what_was_waiting(a_body: Body) -> None:
    """Status canceling, then ended with the results that were there; the others are canceled and unbilled."""
    emulator = Emulator(lambda _: "ok", options=Options(batch_seconds=100))
    client = emulator.client()
    batch = client.messages.batches.create(requests=items(a_body, 10))
    emulator.clock.advance(35)
    cancelled = client.messages.batches.cancel(batch.id)
    assert cancelled.processing_status == "canceling"
    assert cancelled.cancel_initiated_at is not None
    ended = client.messages.batches.retrieve(batch.id)
    counts = ended.request_counts
    assert (ended.processing_status, counts.succeeded, counts.canceled) == ("ended", 3, 7)
    assert [by_id(client, batch.id)[f"item-{at}"].type for at in (2, 3)] == ["succeeded", "canceled"]
    emulator.clock.advance(1000)
    assert client.messages.batches.retrieve(batch.id).request_counts.succeeded == 3
    with pytest.raises(anthropic.BadRequestError):
        client.messages.batches.cancel(batch.id)


def test_a_batch_expires_after_a_day(a_body: Body) -> None:
    """What was not answered in 24 hours is expired."""
    emulator = Emulator(lambda _: "ok", options=Options(batch_seconds=2 * DAY), clock=Clock(0.0))
    client = emulator.client()
    batch = client.messages.batches.create(requests=items(a_body, 4))
    emulator.clock.advance(DAY - 1)
    assert client.messages.batches.retrieve(batch.id).processing_status == "in_progress"
    emulator.clock.advance(1)
    ended = client.messages.batches.retrieve(batch.id)
    assert (ended.request_counts.succeeded, ended.request_counts.expired) == (2, 2)
    assert ended.ended_at == ended.expires_at


def test_results_are_kept_29_days(a_body: Body) -> None:
    """After that the batch is archived and its results are gone."""
    emulator = Emulator(lambda _: "ok")
    client = emulator.client()
    batch = client.messages.batches.create(requests=items(a_body, 1))
    assert by_id(client, batch.id)
    emulator.clock.advance(29 * DAY)
    archived = client.messages.batches.retrieve(batch.id)
    assert archived.archived_at is not None
    assert archived.results_url is None


def test_items_run_at_their_own_time(a_body: Body) -> None:
    """An entry that dies between two items is written again, although nobody looked in between."""
    emulator = Emulator(lambda _: "ok", options=Options(batch_seconds=1200))
    client = emulator.client()
    batch = client.messages.batches.create(requests=items(a_body, 3))
    emulator.clock.advance(1200)
    results = by_id(client, batch.id)
    assert [results[f"item-{at}"].message.usage.cache_read_input_tokens for at in range(3)] == [0, 0, 0]


def test_lists_and_deletes(a_body: Body) -> None:
    """Batches are listed newest first over pages, deleted only after their end, and then gone."""
    emulator = Emulator(lambda _: "ok", options=Options(batch_seconds=10))
    client = emulator.client()
    made = [client.messages.batches.create(requests=items(a_body, 1)).id for _ in range(3)]
    assert [batch.id for batch in client.messages.batches.list(limit=2)] == made[::-1]
    with pytest.raises(anthropic.BadRequestError):
        client.messages.batches.delete(made[0])
    emulator.clock.advance(10)
    assert client.messages.batches.delete(made[0]).type == "message_batch_deleted"
    with pytest.raises(anthropic.NotFoundError):
        client.messages.batches.retrieve(made[0])


@pytest.mark.parametrize(
    ("requests", "words"),
    [
        ([], "at least 1 item"),
        ("all", "at least 1 item"),
        ([{"custom_id": "a b", "params": {}}], "requests.0.custom_id"),
        ([{"params": {}}], "requests.0.custom_id"),
        ([{"custom_id": "x" * 65, "params": {}}], "requests.0.custom_id"),
        ([{"custom_id": "a", "params": {}}, {"custom_id": "a", "params": {}}], "must be unique"),
        ([{"custom_id": "a"}], "requests.0.params"),
        ([3], "requests.0.custom_id"),
    ],
)
def test_a_wrong_list_is_refused_as_a_whole(post: Any, requests: Any, words: str) -> None:
    """Ids are checked when the batch is made; the items themselves are not."""
    status, answer = post(Emulator(), {"requests": requests}, path="/v1/messages/batches")
    assert status == 400
    assert words in answer["error"]["message"]
