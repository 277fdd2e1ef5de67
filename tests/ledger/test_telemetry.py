"""Telemetry: rows as OpenTelemetry measurements and spans, by the names of the GenAI conventions."""

from __future__ import annotations

import builtins
import subprocess
import sys
from typing import Any

import pytest
from opentelemetry.metrics import NoOpMeter
from opentelemetry.trace import NoOpTracer

from contextkit.api.usage import Usage
from contextkit.errors import ConfigError
from contextkit.ledger import Ledger
from contextkit.ledger.telemetry import Telemetry, attributes
from contextkit.toolcache import CacheEvent


class Noting(NoOpMeter):
    """A meter that keeps what is measured: name, value, attributes."""

    def __init__(self) -> None:
        super().__init__("test")
        self.seen: list[tuple[str, float, dict[str, Any]]] = []

    def _instrument(self, name: str, **_: Any) -> Any:
        def note(value: float, said: Any = None) -> None:
            self.seen.append((name, value, dict(said or {})))

        return type("Instrument", (), {"record": staticmethod(note), "add": staticmethod(note)})()

    create_histogram = create_counter = create_up_down_counter = _instrument  # type: ignore[assignment]  # fewer types

    def values(self, name: str, *wanted: str) -> list[float]:
        """What was measured under a name, where these are among the attributes' values."""
        return [value for found, value, said in self.seen if found == name and set(wanted) <= set(said.values())]


class Spans(NoOpTracer):
    """A tracer that keeps what is started and ended."""

    def __init__(self) -> None:
        self.seen: list[dict[str, Any]] = []

    def start_span(self, name: str, *_: Any, **said: Any) -> Any:
        """Keep a span."""
        span = {"name": name, **said}
        self.seen.append(span)
        return type("Span", (), {"end": staticmethod(lambda end_time: span.update(end=end_time))})()


def a_ledger(telemetry: Telemetry) -> Ledger:
    """A ledger with one booked call."""
    ledger = Ledger(conversation="conv-1", sinks=[telemetry])
    usage = Usage(input=10, read=900, write_5m=90, output=50)
    ledger.add(
        at=100.0, purpose="turn", model="claude-opus-5", usage=usage, step="plan", stop_reason="end_turn",
        message_id="msg_1", note="attempt 2",
    )  # fmt: skip
    return ledger


def test_metrics_have_the_names_and_units_of_the_conventions() -> None:
    """Tokens by type, seconds until it was booked, cost and saving in USD, what the cache did."""
    meter = Noting()
    ledger = a_ledger(Telemetry(meter, clock=lambda: 102.5))
    row = ledger.rows[0]
    assert ledger.lost == 0
    assert meter.values("gen_ai.client.token.usage", "input") == [1_000]
    assert meter.values("gen_ai.client.token.usage", "output") == [50]
    assert meter.values("gen_ai.client.operation.duration") == [2.5]
    assert meter.values("contextkit.cost") == [row.cost]
    assert meter.values("contextkit.saved") == [pytest.approx((row.uncached or 0) - (row.cost or 0))]
    assert [meter.values("contextkit.cache.tokens", key) for key in ("read", "write", "uncached")] == [
        [900], [90], [10],
    ]  # fmt: skip
    for _, _, said in meter.seen:
        assert said["gen_ai.provider.name"] == "anthropic"
        assert said["gen_ai.operation.name"] == "chat"
        assert said["gen_ai.response.model"] == "claude-opus-5"
        assert said["contextkit.step"] == "plan"
        assert "gen_ai.response.id" not in said  # a metric with an id a call would never be summed


def test_cached_tools_are_counted_by_what_their_cache_did() -> None:
    """One call a row, with the tool and what happened; the seconds that were saved."""
    meter = Noting()
    ledger = Ledger(sinks=[Telemetry(meter)])
    for kind, saved in (("miss", 0.0), ("hit", 1.5), ("hit", 1.5)):
        ledger.note_tool(CacheEvent(kind, "weather", "", "", 9.0, saved_seconds=saved))  # type: ignore[arg-type]
    assert ledger.lost == 0
    assert meter.values("contextkit.tool.calls", "weather", "hit") == [1, 1]
    assert meter.values("contextkit.tool.calls", "miss") == [1]
    assert sum(meter.values("contextkit.tool.saved")) == 3.0


def test_a_span_only_where_it_is_asked_for() -> None:
    """From the row's time until it was booked, with the usage as attributes; by default there is none."""
    tracer = Spans()
    a_ledger(Telemetry(Noting(), tracer=tracer, clock=lambda: 101.0))
    assert tracer.seen == []
    ledger = a_ledger(Telemetry(Noting(), spans=True, tracer=tracer, clock=lambda: 101.0))
    (span,) = tracer.seen
    assert (span["name"], span["start_time"], span["end"]) == ("chat claude-opus-5", 100 * 10**9, 101 * 10**9)
    assert span["attributes"] == attributes(ledger.rows[0])
    assert span["attributes"]["gen_ai.usage.cache_read.input_tokens"] == 900
    assert span["attributes"]["gen_ai.conversation.id"] == "conv-1"


def test_a_clock_that_runs_back_measures_nothing_negative() -> None:
    """Seconds are never below 0, so that a histogram takes them."""
    meter = Noting()
    a_ledger(Telemetry(meter, clock=lambda: 1.0))
    assert meter.values("gen_ai.client.operation.duration") == [0.0]


def test_without_a_program_that_listens_nothing_happens() -> None:
    """With OpenTelemetry's API alone, every measurement goes nowhere and no row is lost."""
    assert a_ledger(Telemetry(spans=True)).lost == 0


def test_without_the_api_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """An optional part that is missing is a clear error where it is asked for."""
    real = builtins.__import__

    def without(name: str, *args: Any, **named: Any) -> Any:
        if name.startswith("opentelemetry"):
            raise ImportError(name)
        return real(name, *args, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ConfigError, match="Install opentelemetry-api"):
        Telemetry()


def test_a_ledger_without_telemetry_imports_none() -> None:
    """The ledger, its files and its budgets load neither OpenTelemetry nor sqlite3 nor a price list."""
    code = (
        "import sys, contextkit.ledger, contextkit.ledger.files, contextkit.ledger.telemetry;"
        "print([name for name in ('opentelemetry', 'sqlite3', 'genai_prices', 'anthropic') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout.strip() == "[]"
