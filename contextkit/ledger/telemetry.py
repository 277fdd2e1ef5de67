"""Rows as OpenTelemetry metrics and spans, by the GenAI semantic conventions. This module calls OpenTelemetry.

Law: a sink as any other: it is called after a call was billed, and what it raises is the ledger's to log. Without an
SDK and an exporter, which are the program's to set up, OpenTelemetry does nothing and this costs next to nothing.

Source: OpenTelemetry semantic conventions for generative AI (client metrics; Anthropic), and the names that the
Anthropic SDK's own spans use (anthropic/_tracing.py, 2.12): `gen_ai.usage.cache_read.input_tokens` and its kin.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from contextkit.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from contextkit.ledger.row import Row
    from contextkit.ledger.tooluse import ToolRow

__all__ = ["Telemetry", "attributes"]

_SCOPE: Final = "contextkit"
_NANO: Final = 1_000_000_000
_TOKENS: Final = tuple(4**k for k in range(14))
"""Bucket bounds of gen_ai.client.token.usage (semantic conventions)."""
_SECONDS: Final = tuple(0.01 * 2**k for k in range(14))
"""Bucket bounds of gen_ai.client.operation.duration (semantic conventions)."""


class Telemetry:
    """A sink that records every row: `ledger.sinks.append(Telemetry())`.

    Metrics: `gen_ai.client.token.usage` (histogram, tokens, by input and output), `gen_ai.client.operation.duration`
    (histogram, seconds from the row's `at` until it was booked), `contextkit.cost` (counter, USD), `contextkit.saved`
    (up-down counter, USD that the prompt cache saved) and `contextkit.cache.tokens` (counter, by what the cache did);
    `contextkit.tool.calls` (counter, by what a cached tool's cache did) and `contextkit.tool.saved`
    (counter, seconds).

    Args:
        meter: an OpenTelemetry meter; None takes the program's.
        spans: make a span of every row as well. The Anthropic SDK makes spans itself: only for rows that did not come
            through its client, or where its tracing is off.
        tracer: an OpenTelemetry tracer for them; None takes the program's.
        clock: gives Unix seconds; the ledger's own clock, where that is not the system's.

    Raises:
        ConfigError: OpenTelemetry's API is not installed.
    """

    def __init__(
        self,
        meter: Any = None,
        *,
        spans: bool = False,
        tracer: Any = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        try:
            from opentelemetry import metrics, trace  # noqa: PLC0415  (optional)
        except ImportError as error:
            raise ConfigError(
                "OpenTelemetry's API is not installed", where="Telemetry()", fix="Install opentelemetry-api."
            ) from error
        found = metrics.get_meter(_SCOPE) if meter is None else meter
        self._tokens = found.create_histogram(
            "gen_ai.client.token.usage",
            unit="{token}",
            description="Number of input and output tokens used.",
            explicit_bucket_boundaries_advisory=_TOKENS,
        )
        self._seconds = found.create_histogram(
            "gen_ai.client.operation.duration",
            unit="s",
            description="GenAI operation duration.",
            explicit_bucket_boundaries_advisory=_SECONDS,
        )
        self._cost = found.create_counter("contextkit.cost", unit="USD", description="Billed, by known prices.")
        self._saved = found.create_up_down_counter(
            "contextkit.saved", unit="USD", description="What the same calls would have cost more without a cache."
        )
        self._cache = found.create_counter(
            "contextkit.cache.tokens", unit="{token}", description="Prompt tokens by what the cache did with them."
        )
        self._tools = found.create_counter("contextkit.tool.calls", unit="{call}", description="Of cached tools.")
        self._spared = found.create_counter(
            "contextkit.tool.saved", unit="s", description="How long tools would have run without their caches."
        )
        self._trace = trace
        self._tracer = (trace.get_tracer(_SCOPE) if tracer is None else tracer) if spans else None
        self._clock = clock

    def __call__(self, row: Row) -> None:
        """Record a row."""
        usage, shared = row.usage, _shared(row)
        now = max(self._clock(), row.at)
        self._tokens.record(usage.prompt, {**shared, "gen_ai.token.type": "input"})
        self._tokens.record(usage.output, {**shared, "gen_ai.token.type": "output"})
        self._seconds.record(now - row.at, shared)
        for what, tokens in (
            ("read", usage.read),
            ("write", usage.write_5m + usage.write_1h),
            ("uncached", usage.input),
        ):
            self._cache.add(tokens, {**shared, "contextkit.cache": what})
        cost, uncached = row.cost, row.uncached
        if cost is not None and uncached is not None:
            self._cost.add(cost, shared)
            self._saved.add(uncached - cost, shared)
        if self._tracer is not None:
            self._span(self._tracer, row, now)

    def tool(self, row: ToolRow) -> None:
        """Record a call of a cached tool."""
        shared = {"gen_ai.tool.name": row.tool, "contextkit.step": row.step}
        self._tools.add(1, {**shared, "contextkit.cache": row.kind})
        self._spared.add(row.saved_seconds, shared)

    def _span(self, tracer: Any, row: Row, now: float) -> None:
        span = tracer.start_span(
            f"chat {row.model}",
            kind=self._trace.SpanKind.CLIENT,
            attributes=attributes(row),
            start_time=int(row.at * _NANO),
        )
        span.end(end_time=int(now * _NANO))


def _shared(row: Row) -> dict[str, Any]:
    """Attributes of every measurement: few values each, as metrics need it."""
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "anthropic",
        "gen_ai.request.model": row.model,
        "gen_ai.response.model": row.model,
        "contextkit.purpose": row.purpose,
        "contextkit.step": row.step,
    }


def attributes(row: Row) -> dict[str, Any]:
    """A row as attributes of a span."""
    usage = row.usage
    told: dict[str, Any] = _shared(row) | {
        "gen_ai.response.id": row.message_id,
        "gen_ai.response.finish_reasons": [row.stop_reason] if row.stop_reason else [],
        "gen_ai.usage.input_tokens": usage.prompt,
        "gen_ai.usage.output_tokens": usage.output,
        "gen_ai.usage.cache_read.input_tokens": usage.read,
        "gen_ai.usage.cache_write.input_tokens": usage.write_5m + usage.write_1h,
    }
    if row.conversation:
        told["gen_ai.conversation.id"] = row.conversation
    if row.cost is not None:
        told["contextkit.cost.usd"] = row.cost
    if row.note:
        told["contextkit.note"] = row.note
    return told
