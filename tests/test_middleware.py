"""`observe()` with the real SDK on the emulator: sync, async, streams, retries; and it never changes a request."""

from __future__ import annotations

import asyncio
import json
import logging
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import anthropic
import pytest
from opentelemetry import trace

from contextkit.emulator import Emulator, broken, fault
from contextkit.ledger import Ledger
from contextkit.middleware import Observer, observe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from contextkit.cache.violations import Violation

SYSTEM = "You are a careful engineer. " * 120


def an_emulator(**options: Any) -> Emulator:
    """An emulator that always has an answer."""
    return Emulator(lambda _: "Fine.", **options)


def an_observer(emulator: Emulator, **options: Any) -> Observer:
    """An observer on the emulator's clock."""
    return observe(clock=lambda: emulator.clock.now, **options)


def a_request(*messages: Any, **changes: Any) -> dict[str, Any]:
    """Arguments of `messages.create`."""
    return {
        "model": "claude-opus-5-5",
        "max_tokens": 100,
        "system": SYSTEM,
        "messages": [{"role": "user", "content": "Find the bug. " * 20}, *messages],
        "cache_control": {"type": "ephemeral"},
        **changes,
    }


def turns(count: int) -> list[dict[str, Any]]:
    """So many further turns."""
    return [
        message
        for n in range(count)
        for message in ({"role": "assistant", "content": f"Fine {n}."}, {"role": "user", "content": f"Next {n}."})
    ]


def causes(observer: Observer) -> list[str]:
    """The causes so far."""
    return [violation.cause for violation in observer.violations]


def test_a_clean_conversation_is_only_booked() -> None:
    """Every call has a row with the billed tokens and the cost; nothing is reported."""
    emulator = an_emulator()
    observer = an_observer(emulator, step="agent")
    client = emulator.client(middleware=[observer])
    for n in range(4):
        client.messages.create(**a_request(*turns(n)))
    assert causes(observer) == []
    assert [row.usage for row in observer.ledger] == [exchange.usage for exchange in emulator.requests]
    assert {row.step for row in observer.ledger} == {"agent"}
    assert all(row.cost for row in observer.ledger)
    assert observer.ledger.rows[-1].usage.read > 0


def test_nothing_about_a_request_changes() -> None:
    """The same bytes are sent, with the same headers, as through a middleware that does nothing."""
    plain, observed = an_emulator(), an_emulator()
    clients = (
        plain.client(middleware=[lambda request, call_next: call_next(request)]),
        observed.client(middleware=[an_observer(observed)]),
    )
    for client in clients:
        client.messages.create(**a_request())
        client.beta.messages.create(**a_request(*turns(1)), betas=["some-beta-2026"])
    ignored = {"idempotency-key", "x-stainless-read-timeout"}
    for a, b in zip(plain.requests, observed.requests, strict=True):
        assert json.dumps(a.body) == json.dumps(b.body)
        assert {k: v for k, v in a.headers.items() if k not in ignored} == {
            k: v for k, v in b.headers.items() if k not in ignored
        }


def test_a_break_is_reported_with_its_price() -> None:
    """A changed system prompt is reported once, confirmed by the bill, to the list and to the callback."""
    emulator, heard = an_emulator(), list[Any]()
    observer = an_observer(emulator, on_violation=heard.append)
    client = emulator.client(middleware=[observer])
    client.messages.create(**a_request())
    client.messages.create(**a_request(*turns(1), system=SYSTEM + "It is 12:01."))
    (violation,) = observer.violations
    assert heard == [violation]
    assert (violation.cause, violation.confirmed) == ("system_changed", True)
    first = emulator.requests[0].usage
    assert first is not None
    assert violation.tokens == first.write_5m
    assert violation.usd == pytest.approx(first.write_5m * (5 - 0.2) / 1e6)
    assert violation.request == emulator.requests[1].response_id


def test_a_callback_that_raises_is_said_and_harms_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """The answer arrives, the violation is in the list, and the log says what the callback raised."""
    emulator = an_emulator()
    observer = an_observer(emulator, on_violation=lambda _: 1 / 0)
    client = emulator.client(middleware=[observer])
    client.messages.create(**a_request())
    answer = client.messages.create(**a_request(*turns(1), system=SYSTEM + "It is 12:01."))
    assert answer.content[0].text == "Fine."
    assert causes(observer) == ["system_changed"]
    assert "on_violation raised" in caplog.text
    assert "ZeroDivisionError" in caplog.text


class Untold(anthropic.Middleware):
    """Somebody between the client and the API who loses the usage."""

    def handle(self, request: Any, call_next: Callable[[Any], Any]) -> Any:
        """Pass the answer on without its usage."""
        response = call_next(request)
        http = response.http_response
        http._content = json.dumps({**json.loads(http.content), "usage": None}).encode()
        return response


def test_an_answer_without_usage_has_no_cost() -> None:
    """What was billed is not known: None, a note, and a count among the unpriced; never 0."""
    emulator = an_emulator()
    observer = an_observer(emulator)
    emulator.client(middleware=[observer]).messages.create(**a_request())
    emulator.client(middleware=[observer, Untold()]).messages.create(**a_request())
    told, untold = observer.ledger
    assert told.cost is not None
    assert told.cost > 0
    assert (untold.cost, untold.note) == (None, "usage not told")
    assert observer.ledger.totals().unpriced == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda messages: messages[0]["content"][0]["input"].update(command="ls"),
        lambda messages: messages[0]["content"][0].update(name="read"),
        lambda messages: messages[1]["content"][0].update(content="[cut]"),
    ],
)
def test_what_the_caller_changes_in_place_is_found(change: Callable[[Any], None]) -> None:
    """A history whose objects the caller goes on using is compared by what they hold, not by who they are."""
    emulator = an_emulator()
    observer = an_observer(emulator)
    client = emulator.client(middleware=[observer])
    call = {"type": "tool_use", "id": "toolu_1", "name": "bash", "input": {"command": "cat parser.py", "n": 1}}
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "def parse(): ..." * 40}
    history: list[Any] = [{"role": "assistant", "content": [call]}, {"role": "user", "content": [result]}]
    client.messages.create(**a_request(*history))
    client.messages.create(**a_request(*history, *turns(1)))
    assert causes(observer) == []
    change(history)
    client.messages.create(**a_request(*history, *turns(2)))
    assert causes(observer) == ["message_changed"]


async def test_async_clients_are_observed_alike() -> None:
    """The same observer serves an asynchronous client, and parallel conversations over it."""
    emulator = an_emulator()
    observer = an_observer(emulator)
    client = emulator.async_client(middleware=[observer])

    async def talk(name: str) -> None:
        for n in range(3):
            first = {"role": "user", "content": f"{name} " * 200}
            await client.messages.create(**{**a_request(), "messages": [first, *turns(n)]})

    await asyncio.gather(talk("one"), talk("two"), talk("three"))
    assert len(observer.ledger) == 9
    assert causes(observer) == []
    await client.messages.create(**a_request())
    await client.messages.create(**a_request(*turns(1), system=SYSTEM + "!"))
    assert causes(observer) == ["system_changed"]


def test_a_stream_is_read_by_its_caller_alone() -> None:
    """A stream gives the caller the same events; its usage is booked when it is over."""
    emulator = an_emulator()
    observer = an_observer(emulator)
    plain, client = emulator.client(), emulator.client(middleware=[observer])
    expected = [event.type for event in plain.messages.create(**a_request(), stream=True)]
    stream = client.messages.create(**a_request(*turns(1)), stream=True)
    assert len(observer.ledger) == 0
    assert [event.type for event in stream] == expected
    assert [row.usage for row in observer.ledger] == [emulator.requests[-1].usage]
    with client.messages.stream(**a_request(*turns(2))) as helper:
        assert "".join(helper.text_stream) == "Fine."
    assert len(observer.ledger) == 2
    assert observer.ledger.rows[-1].stop_reason == "end_turn"
    assert causes(observer) == []


async def test_an_async_stream_is_observed_alike() -> None:
    """An asynchronous stream is booked when it is over, and its break is reported."""
    emulator = an_emulator()
    observer = an_observer(emulator)
    client = emulator.async_client(middleware=[observer])
    async with client.messages.stream(**a_request()) as stream:
        assert await stream.get_final_text() == "Fine."
    async with client.messages.stream(**a_request(*turns(1), system=SYSTEM + "!")) as stream:
        await stream.get_final_message()
    assert [row.usage for row in observer.ledger] == [exchange.usage for exchange in emulator.requests]
    assert causes(observer) == ["system_changed"]


def test_a_stream_that_is_left_is_booked_as_far_as_it_came() -> None:
    """A caller that stops reading still paid for the prompt; the row says that the stream broke off."""
    emulator = an_emulator()
    observer = an_observer(emulator)
    client = emulator.client(middleware=[observer])
    with client.messages.create(**a_request(), stream=True) as stream:
        for event in stream:
            if event.type == "content_block_start":
                break
    del stream, event
    (row,) = observer.ledger
    assert "broke off" in row.note
    billed = emulator.requests[0].usage
    assert billed is not None
    assert row.usage.write_5m == billed.write_5m > 0


def test_retries_are_safe() -> None:
    """Attempts that failed leave no row and no violation; the answer's row says which attempt it was."""
    script: Iterator[Any] = iter([fault(529), fault(529), "Fine.", fault(529), "Fine."])
    emulator = Emulator(lambda _: next(script))
    observer = an_observer(emulator)
    client = emulator.client(middleware=[observer], max_retries=3)
    client._sleep_for_retry = lambda **_: None  # type: ignore[method-assign]
    client.messages.create(**a_request())
    client.messages.create(**a_request(*turns(1), system=SYSTEM + "!"))
    assert [row.note for row in observer.ledger] == ["attempt 3", "attempt 2"]
    assert causes(observer) == ["system_changed"]


def test_errors_reach_the_caller_as_they_are() -> None:
    """A refusal, and a connection that breaks, come through unchanged and leave nothing behind."""
    script: Iterator[Any] = iter([fault(400, message="no"), broken("Fine.", after=0)])
    emulator = Emulator(lambda _: next(script))
    observer = an_observer(emulator)
    client = emulator.client(middleware=[observer], max_retries=0)
    with pytest.raises(anthropic.BadRequestError, match="no"):
        client.messages.create(**a_request())
    with pytest.raises(anthropic.APIConnectionError):
        client.messages.create(**a_request())
    assert len(observer.ledger) == 0


@pytest.mark.parametrize("way", ["raw", "streaming"])
def test_raw_responses_are_observed_too(way: str) -> None:
    """Callers that take the HTTP response get all of it, and are booked."""
    emulator = an_emulator()
    observer = an_observer(emulator)
    client = emulator.client(middleware=[observer])
    if way == "raw":
        message = client.messages.with_raw_response.create(**a_request()).parse()
    else:
        with client.messages.with_streaming_response.create(**a_request()) as response:
            message = response.parse()
    assert message.content[0].to_dict()["text"] == "Fine."
    assert len(observer.ledger) == 1


def test_other_endpoints_are_left_alone() -> None:
    """Counting tokens and listing models is not booked."""
    emulator = an_emulator()
    observer = an_observer(emulator)
    client = emulator.client(middleware=[observer])
    client.messages.count_tokens(model="claude-opus-5-5", messages=[{"role": "user", "content": "Hello"}])
    client.models.list()
    assert len(observer.ledger) == 0


def test_an_observer_that_fails_does_not_stop_the_request(caplog: pytest.LogCaptureFixture) -> None:
    """Whatever breaks in the observer, a clock or a ledger, the caller gets the answer."""

    class Full(Ledger):
        def add(self, **said: Any) -> Any:
            raise OSError(f"disk full, {len(said)} fields lost")

    emulator = an_emulator()
    client = emulator.client(middleware=[observe(Full()), observe(clock=lambda: 1 / 0)])
    assert client.messages.create(**a_request()).stop_reason == "end_turn"
    assert "disk full" in caplog.text


def test_redact_keeps_content_out_of_reports_and_logs(caplog: pytest.LogCaptureFixture) -> None:
    """With redact neither the report, the violations nor the log hold a character of the content."""
    caplog.set_level(logging.DEBUG, "contextkit")
    emulator = an_emulator()
    observer = an_observer(emulator, redact=True)
    client = emulator.client(middleware=[observer])
    client.messages.create(**a_request(system="password-one " * 300))
    client.messages.create(**a_request(*turns(1), system="password-two " * 300))
    told = observer.report() + repr(observer.violations) + caplog.text
    assert causes(observer) == ["system_changed"]
    assert "password" not in told
    assert "3900 bytes" in told


def test_diagnostics_are_asked_where_the_platform_has_them() -> None:
    """From the second request on the API is asked about the message before; its answer stands in the report."""
    emulator = an_emulator()
    observer = an_observer(emulator, diagnostics=True)
    client = emulator.client(middleware=[observer])
    for n in range(3):
        client.messages.create(**a_request(*turns(n)))
    client.messages.create(**a_request(*turns(3), system=SYSTEM + "!"))
    asked = [exchange.body.get("diagnostics") for exchange in emulator.requests]
    ids = [exchange.response_id for exchange in emulator.requests]
    assert asked == [None, *({"previous_message_id": name} for name in ids[:3])]
    (violation,) = observer.violations
    assert (violation.cause, violation.diagnosis, violation.agrees) == ("system_changed", "system_changed", True)


def test_diagnostics_are_not_asked_elsewhere() -> None:
    """On other hosts, and where the caller asks itself, the request is left as it is."""
    emulator = an_emulator()
    observer = an_observer(emulator, diagnostics=True)
    client = emulator.client(middleware=[observer], base_url="https://gateway.example.com")
    for n in range(3):
        client.messages.create(**a_request(*turns(n)))
    assert all("diagnostics" not in exchange.body for exchange in emulator.requests)
    own = emulator.client(middleware=[an_observer(emulator, diagnostics=True)])
    for n in range(2):
        own.messages.create(**a_request(*turns(n)), diagnostics={"previous_message_id": None})
    assert emulator.requests[-1].body["diagnostics"] == {"previous_message_id": None}


def test_a_planned_change_is_reported_as_planned() -> None:
    """Requests made under `planned()` change their history on purpose; the cost is shown without blame."""
    emulator = an_emulator()
    observer = an_observer(emulator)
    client = emulator.client(middleware=[observer])
    client.messages.create(**a_request(*turns(8)))
    folded = a_request(*turns(8)[8:], {"role": "assistant", "content": "Fine."}, {"role": "user", "content": "Go on."})
    with observer.planned("compaction"):
        client.messages.create(**folded)
    assert [(v.cause, v.blame) for v in observer.violations] == [("compaction", "planned")]


def test_an_unknown_model_is_watched_without_a_price() -> None:
    """Tokens are counted, the cost is None and said so; the user is warned once by the ledger."""
    emulator = an_emulator()
    observer = an_observer(emulator)
    client = emulator.client(middleware=[observer])
    with pytest.warns(UserWarning, match="no price is known"):
        client.messages.create(**a_request(model="claude-watched-9"))
    client.messages.create(**a_request(*turns(1), model="claude-watched-9", system=SYSTEM + "!"))
    (violation,) = observer.violations
    assert violation.tokens > 0
    assert violation.usd is None
    assert "price unknown" in observer.report()


def test_the_report_says_it_all_in_text() -> None:
    """Calls, tokens, share read, cost with and without cache, and each cause with its loss."""
    emulator = an_emulator()
    observer = an_observer(emulator)
    client = emulator.client(middleware=[observer])
    client.messages.create(**a_request())
    client.messages.create(**a_request(*turns(1)))
    client.messages.create(**a_request(*turns(2), model="claude-sonnet-5-5"))
    report = observer.report()
    for part in ("3 calls", "read from cache", "without a cache: $", "cache violations: 1", "model_changed"):
        assert part in report


class Recording(trace.NonRecordingSpan):
    """A span that keeps what it is told."""

    def __init__(self) -> None:
        super().__init__(trace.INVALID_SPAN_CONTEXT)
        self.said: dict[str, Any] = {}
        self.events: list[str] = []

    def is_recording(self) -> bool:
        """It does."""
        return True

    def set_attribute(self, key: str, value: Any) -> None:
        """Keep one."""
        self.said[key] = value

    def set_attributes(self, attributes: Any) -> None:
        """Keep several."""
        self.said.update(attributes)

    def add_event(self, name: str, attributes: Any = None, timestamp: int | None = None) -> None:
        """Keep its name."""
        self.events.append(name if timestamp is None else f"{name} at {timestamp}")
        self.said.update(attributes)


@pytest.fixture
def span() -> Iterator[Recording]:
    """A recording span that is the current one."""
    made = Recording()
    with trace.use_span(made, end_on_exit=False):
        yield made


def test_the_current_span_is_told(span: Recording) -> None:
    """Where OpenTelemetry is there, usage and violations stand on the caller's span."""
    emulator = an_emulator()
    client = emulator.client(middleware=[an_observer(emulator)])
    client.messages.create(**a_request())
    client.messages.create(**a_request(*turns(1), system=SYSTEM + "!"))
    assert span.said["gen_ai.usage.input_tokens"] > 500
    assert span.said["gen_ai.usage.cache_write.input_tokens"] > 500
    assert span.said["contextkit.violations"] == ["system_changed"]
    assert span.said["contextkit.violation.blame"] == "caller"
    assert span.events == ["contextkit.violation"]


def test_importing_the_middleware_does_not_import_the_sdk() -> None:
    """`import contextkit.middleware` is light; the SDK comes with the first `observe()`."""
    code = "import sys, contextkit.middleware; print('anthropic' in sys.modules, 'opentelemetry' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout.split() == ["False", "False"]


def test_violations_hold_what_a_log_needs() -> None:
    """A violation can be written as plain JSON."""
    emulator = an_emulator()
    observer = an_observer(emulator)
    client = emulator.client(middleware=[observer])
    client.messages.create(**a_request())
    client.messages.create(**a_request(*turns(1), tool_choice={"type": "none"}))
    made: list[Violation] = list(observer.violations)
    assert [json.loads(json.dumps(violation.as_dict()))["cause"] for violation in made] == ["tool_choice_changed"]
