"""The real SDK against the emulator, in this process."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import anthropic
import httpx2
import pytest

from contextkit.emulator import (
    Clock,
    Emulator,
    Options,
    broken,
    connection_error,
    fault,
    reply,
    stream_error,
    text,
    thinking,
    timeout,
    tool_use,
)

Body = Callable[..., dict[str, Any]]

MIXED = reply(
    thinking("Let me look at the file."),
    text("I read the file now."),
    tool_use("read", {"path": "a/ü.txt", "lines": [1, 2]}),
    seconds=10,
    first_token_seconds=2,
)


def test_a_second_call_reads_what_the_first_one_wrote(a_body: Body) -> None:
    """The SDK sees the cache at work in `usage`, with the classes disjoint and adding up to the prompt."""
    emulator = Emulator(["one", "two"])
    client = emulator.client()
    first = client.messages.create(**a_body()).usage
    second = client.messages.create(**a_body()).usage
    assert first.cache_creation_input_tokens
    assert first.cache_creation is not None
    assert first.cache_creation.ephemeral_5m_input_tokens == first.cache_creation_input_tokens
    assert first.cache_read_input_tokens == 0
    assert second.cache_read_input_tokens == first.cache_creation_input_tokens
    assert second.cache_creation_input_tokens == 0
    counted = client.messages.count_tokens(**a_body(max_tokens=None)).input_tokens
    assert first.input_tokens + first.cache_creation_input_tokens == counted


def test_the_log_holds_what_arrived_and_what_it_cost(a_body: Body) -> None:
    """Every request is kept with its body, time, bill and answer, and without its key."""
    emulator = Emulator(["Good."], clock=Clock(1000.0))
    message = emulator.client().messages.create(**a_body())
    (seen,) = emulator.requests
    assert (seen.at, seen.status, seen.path, seen.response_id) == (1000.0, 200, "/v1/messages", message.id)
    assert seen.body["messages"] == a_body()["messages"]
    assert "emulated" not in str(seen.headers)
    assert seen.bill is not None
    assert seen.usage is not None
    assert seen.usage.output == message.usage.output_tokens
    assert seen.usage.prompt == seen.bill.read + seen.bill.write_5m + seen.bill.write_1h + seen.bill.uncached


def test_a_stream_adds_up_to_the_plain_message(a_body: Body) -> None:
    """`messages.stream` ends with the same content, stop reason and usage that `create` gives."""
    emulator = Emulator([MIXED, MIXED])
    client = emulator.client()
    plain = client.messages.create(**a_body(system=None))
    with client.messages.stream(**a_body(system=None)) as stream:
        kinds = [event.type for event in stream]
        streamed = stream.get_final_message()
    assert kinds[0] == "message_start"
    assert kinds[-1] == "message_stop"
    assert kinds.count("text") >= 2
    assert streamed.stop_reason == plain.stop_reason == "tool_use"
    assert streamed.usage == plain.usage
    got = [block.model_dump(exclude={"id", "parsed_output"}) for block in streamed.content]
    assert got == [block.model_dump(exclude={"id", "parsed_output"}) for block in plain.content]


def test_raw_events_come_in_the_apis_order(a_body: Body) -> None:
    """`create(stream=True)` yields start, blocks, delta and stop; cache numbers stand in the first event."""
    emulator = Emulator([MIXED])
    events: list[Any] = list(emulator.client().messages.create(**a_body(stream=True)))
    assert events[0].type == "message_start"
    assert events[0].message.usage.cache_creation_input_tokens
    assert events[0].message.stop_reason is None
    assert [event.type for event in events[-2:]] == ["message_delta", "message_stop"]
    indexes = [event.index for event in events if event.type == "content_block_stop"]
    assert indexes == [0, 1, 2]
    parts = [event.delta for event in events if event.type == "content_block_delta"]
    assert {part.type for part in parts} == {"thinking_delta", "signature_delta", "text_delta", "input_json_delta"}


def test_the_clock_follows_the_stream(a_body: Body) -> None:
    """The response begins after its first-token time and ends after its whole time, event by event between them."""
    clock = Clock(0.0)
    client = Emulator([MIXED], clock=clock).client()
    stream = client.messages.create(**a_body(stream=True))
    assert clock.now == 2.0
    next(iter(stream))
    assert 2.0 <= clock.now < 10.0
    for _ in stream:
        pass
    assert clock.now == 10.0


def test_async_calls_and_streams_work(a_body: Body) -> None:
    """The async client gets the same answers, plain and streamed."""

    async def play() -> tuple[str | None, list[str]]:
        emulator = Emulator(["a plain answer", "a streamed answer that is longer"])
        async with emulator.async_client() as client:
            plain = await client.messages.create(**a_body())
            async with client.messages.stream(**a_body()) as stream:
                pieces = [piece async for piece in stream.text_stream]
        return plain.stop_reason, pieces

    reason, pieces = asyncio.run(play())
    assert reason == "end_turn"
    assert "".join(pieces) == "a streamed answer that is longer"
    assert len(pieces) >= 2


def test_requests_that_run_together_do_not_read_each_other(a_body: Body) -> None:
    """Parallel cold requests all write; the next one, after a response began, reads (prompt-caching page)."""
    emulator = Emulator(lambda _: "ok", options=Options(first_token_seconds=1.0, seconds=3.0), clock=Clock(0.0))

    async def play() -> list[int | None]:
        async with emulator.async_client() as client:
            together = await asyncio.gather(*(client.messages.create(**a_body()) for _ in range(3)))
            after = await client.messages.create(**a_body())
        return [answer.usage.cache_read_input_tokens for answer in (*together, after)]

    *together, after = asyncio.run(play())
    assert together == [0, 0, 0]
    assert after
    assert emulator.clock.now == 6.0


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (429, anthropic.RateLimitError),
        (500, anthropic.InternalServerError),
        (529, anthropic.InternalServerError),
        (403, anthropic.PermissionDeniedError),
    ],
)
def test_error_statuses_become_the_sdks_errors(a_body: Body, status: int, kind: type[Exception]) -> None:
    """A fault answers in the API's JSON shape, and writes nothing to the cache."""
    emulator = Emulator([fault(status), "fine"])
    client = emulator.client(max_retries=0)
    with pytest.raises(kind):
        client.messages.create(**a_body())
    assert emulator.requests[0].bill is None
    assert client.messages.create(**a_body()).usage.cache_read_input_tokens == 0


def test_the_sdk_retries_after_the_given_time(a_body: Body) -> None:
    """A 429 with retry-after is retried by the SDK itself and then succeeds."""
    emulator = Emulator([fault(429, retry_after=0.001), "fine"])
    assert emulator.client().messages.create(**a_body()).content
    assert [seen.status for seen in emulator.requests] == [429, 200]


@pytest.mark.parametrize(
    ("failure", "kind"),
    [(timeout(), anthropic.APITimeoutError), (connection_error(), anthropic.APIConnectionError)],
)
def test_lost_requests_leave_nothing_in_the_cache(a_body: Body, failure: Any, kind: type[Exception]) -> None:
    """A timeout or a refused connection raises what the SDK raises for a real one; nothing was cached."""
    emulator = Emulator([failure, "fine"])
    client = emulator.client(max_retries=0)
    with pytest.raises(kind):
        client.messages.create(**a_body())
    assert client.messages.create(**a_body()).usage.cache_read_input_tokens == 0


@pytest.mark.parametrize("after", [1, 2, 4])
def test_a_broken_stream_has_written_once_it_began(a_body: Body, after: int) -> None:
    """A stream that breaks off delivers its first events, raises, and its prompt is in the cache."""
    emulator = Emulator([broken("a long enough text to have several deltas", after=after), "fine"])
    client = emulator.client(max_retries=0)
    stream: Any = client.messages.create(**a_body(stream=True))
    seen: list[str] = []
    with pytest.raises(httpx2.RemoteProtocolError):
        seen.extend(event.type for event in stream)
    assert len(seen) == after - (after > 1)  # the SDK keeps pings to itself
    assert client.messages.create(**a_body()).usage.cache_read_input_tokens


def test_a_stream_that_breaks_before_it_began_writes_nothing(a_body: Body) -> None:
    """Broken after 0 events is a lost connection."""
    emulator = Emulator([broken("text", after=0), "fine"])
    client = emulator.client(max_retries=0)
    with pytest.raises(anthropic.APIConnectionError):
        client.messages.create(**a_body(stream=True))
    assert client.messages.create(**a_body()).usage.cache_read_input_tokens == 0


def test_a_plain_response_can_break_off_too(a_body: Body) -> None:
    """Half a JSON body is a connection error to the SDK, and the prompt is cached."""
    emulator = Emulator([broken("text", after=2), "fine"])
    client = emulator.client(max_retries=0)
    with pytest.raises(anthropic.APIConnectionError):
        client.messages.create(**a_body())
    assert client.messages.create(**a_body()).usage.cache_read_input_tokens


def test_a_stream_can_carry_an_error_event_after_200(a_body: Body) -> None:
    """The error event raises in the SDK; without streaming the same line is the plain status."""
    emulator = Emulator([stream_error("some text", after=3), stream_error("some text", after=3)])
    client = emulator.client(max_retries=0)
    with pytest.raises(anthropic.APIStatusError) as caught:
        list(client.messages.create(**a_body(stream=True)))
    assert "overloaded_error" in str(caught.value)
    assert emulator.requests[0].bill is not None
    with pytest.raises(anthropic.InternalServerError):
        client.messages.create(**a_body())
    assert emulator.requests[1].bill is None


def test_a_used_up_script_says_so_once(a_body: Body) -> None:
    """The error names the script and is not retried."""
    emulator = Emulator(["only one"])
    client = emulator.client()
    client.messages.create(**a_body())
    with pytest.raises(anthropic.APIStatusError, match="the script is used up: it had 1 replies"):
        client.messages.create(**a_body())
    assert len(emulator.requests) == 2


def test_models_are_listed_over_pages() -> None:
    """The SDK's own pager walks the whole table; an unknown model is not found."""
    client = Emulator().client()
    whole = [model.id for model in client.models.list()]
    assert [model.id for model in client.models.list(limit=3)] == whole
    assert client.models.retrieve("claude-haiku-5-5").max_input_tokens == 1_000_000
    with pytest.raises(anthropic.NotFoundError):
        client.models.retrieve("claude-nothing")


def test_importing_the_emulator_is_light() -> None:
    """Neither the SDK nor its HTTP library is imported before a client is asked for."""
    code = (
        "import sys, contextkit.emulator; print([m for m in ('anthropic', 'httpx2', 'pydantic') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout.strip() == "[]"
