"""Recorded sessions: every call that lost its cache, its cause or "unknown", and a loss that is the bill's own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from contextkit.lint.requests import Billed, Break, check, examine

if TYPE_CHECKING:
    from pathlib import Path

START = "2026-02-02T10:{minute:02d}:00.000Z"


def a_call(n: int, read: int, written: int, *, minute: int | None = None, model: str = "claude-opus-4-6") -> list[Any]:
    """Two lines of a Claude Code session: what the user says, and the answer with its bill."""
    at = START.format(minute=n if minute is None else minute)
    asked = {"role": "user", "content": f"Question {n}."}
    usage = {
        "input_tokens": 3,
        "cache_read_input_tokens": read,
        "cache_creation_input_tokens": written,
        "cache_creation": {"ephemeral_5m_input_tokens": written, "ephemeral_1h_input_tokens": 0},
        "output_tokens": 9,
    }
    content = [{"type": "text", "text": f"Answer {n}."}]
    answer = {"id": f"msg_{n}", "role": "assistant", "model": model, "usage": usage, "content": content}
    parent = f"a{n - 1}" if n else None
    user: dict[str, Any] = {"type": "user", "uuid": f"u{n}", "parentUuid": parent, "timestamp": at, "sessionId": "s"}
    said = {"type": "assistant", "uuid": f"a{n}", "parentUuid": f"u{n}", "timestamp": at, "sessionId": "s"}
    return [{**user, "message": asked}, {**said, "message": answer}]


def breaks(lines: list[Any]) -> list[Break]:
    """The breaks of a session."""
    return [one for one in examine("s.jsonl", [json.dumps(line).encode() for line in lines]) if isinstance(one, Break)]


def test_a_growing_session_is_silent() -> None:
    """Calls that read all that was written give nothing."""
    lines = [*a_call(0, 0, 20_000), *a_call(1, 20_000, 500), *a_call(2, 20_500, 700)]
    assert list(check("s.jsonl", [json.dumps(line).encode() for line in lines])) == []


def test_losses_are_the_bills_own() -> None:
    """A loss is what had been written and was not read, to the token and the cent, at the answer's line."""
    (one,) = breaks([*a_call(0, 0, 20_000), *a_call(1, 12_000, 8_600)])
    assert (one.violation.tokens, one.line, one.request) == (8_000, 4, 1)
    assert one.violation.usd == pytest.approx(8_000 * (6.25 - 0.5) / 1e6)
    assert (one.violation.cause, one.violation.confirmed) == ("unknown", True)


def test_causes_that_the_recording_shows() -> None:
    """Time and the model are named; a total loss without a sign is unknown and says what it could be."""
    (late,) = breaks([*a_call(0, 0, 20_000), *a_call(1, 0, 20_600, minute=9)])
    assert (late.violation.cause, late.hint[:5]) == ("expired", "9 min")
    (other,) = breaks([*a_call(0, 0, 20_000), *a_call(1, 0, 20_600, model="claude-opus-4-5")])
    assert (other.violation.cause, other.pointer) == ("model_changed", "/model")
    (dark,) = breaks([*a_call(0, 0, 20_000), *a_call(1, 0, 20_600)])
    assert dark.violation.cause == "unknown"
    assert "not even tools and system" in dark.hint


def test_a_compaction_is_planned() -> None:
    """Claude Code's own compaction is reported as planned, with what it cost."""
    lines = [*a_call(0, 0, 50_000), *a_call(1, 50_000, 700)]
    boundary = {"type": "system", "subtype": "compact_boundary", "uuid": "b", "parentUuid": None, "sessionId": "s"}
    summed = {"role": "user", "content": "This session is being continued from a previous conversation."}
    summary = {"type": "user", "uuid": "c", "parentUuid": "b", "isCompactSummary": True, "message": summed}
    after = a_call(2, 15_000, 9_000)
    after[0]["parentUuid"] = "c"
    found = [json.dumps(line).encode() for line in [*lines, boundary, summary, *after]]
    (one,) = check("s.jsonl", found)
    assert (one.code, one.severity, one.tokens) == ("CK326", "info", 9_003)


def test_broken_lines_of_a_session() -> None:
    """A broken line in a session is told with its number, and the calls around it are read."""
    lines = [json.dumps(line).encode() for line in [*a_call(0, 0, 20_000), *a_call(1, 0, 20_600)]]
    found = list(check("s.jsonl", [*lines[:2], b'{"type": "user", "uu', *lines[2:]]))
    assert [(one.code, one.line) for one in found] == [("CK300", 3), ("CK328", 5)]


RECORDED = ("claude_code_entireio_cli", "pi_mono")


@pytest.mark.parametrize("name", RECORDED)
def test_recorded_losses_agree_with_the_bills(data: Path, name: str) -> None:
    """Each call that read less than was written is found with a cause; losses are within 2 % of the bills' own."""
    for path in sorted((data / name).glob("*.jsonl")):
        lost = direct = calls = 0
        found: list[Break] = []
        before = None
        with path.open("rb") as lines:
            for one in examine(str(path), lines):
                if isinstance(one, Break):
                    lost += one.violation.tokens
                    found.append(one)
                elif isinstance(one, Billed) and one.usage is not None and one.usage.prompt:
                    if before is not None:
                        short = min(before.prompt - before.input, one.usage.prompt) - one.usage.read
                        direct += max(0, short)
                        calls += short > 32
                    before = one.usage
        assert lost == pytest.approx(direct, rel=0.02, abs=100), path.name
        assert len(found) == calls, path.name
        assert all(one.violation.cause for one in found)
