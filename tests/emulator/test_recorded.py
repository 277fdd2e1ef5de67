"""Recorded request bodies are accepted as the real API accepted them (`../shared/data/counted_requests`)."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Final

import pytest

from contextkit.emulator import Emulator, Options

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("CONTEXTKIT_DATA") or ROOT.parent / "shared" / "data")
FILE = DATA / "counted_requests" / "counted_requests.jsonl"
SAMPLE: Final = 7  # the short form plays every seventh body

IMPLIED: Final = {
    # The recordings do not keep the beta header; what the body carries shows which one was sent.
    "context_management": "context-management-2025-06-27,compact-2026-01-12",
    "output_format": "structured-outputs-2025-11-13",
    "tool_addition": "mid-conversation-tool-changes-2026-07-01",
    "tool_removal": "mid-conversation-tool-changes-2026-07-01",
    "compaction": "compact-2026-01-12",
}


def skipped(record: dict[str, Any]) -> str:
    """Why a recording is not a plain Messages request; empty when it is one."""
    body = record["request"]
    if record["format"] not in {"messages", "count_tokens"}:
        return f"another format: {record['format']}"
    if "messages" not in body:
        return "another platform's form of count_tokens"
    for name in ("container", "mcp_servers"):
        if body.get(name):
            return f"needs {name}, which the emulator refuses by design"
    return ""


def replayed(record: dict[str, Any]) -> tuple[int, str, int]:
    """Status, error and prompt tokens of a recorded body."""
    text = json.dumps(record["request"])
    betas = ",".join(beta for name, beta in IMPLIED.items() if f'"{name}"' in text)
    headers = {"x-api-key": "k", "anthropic-version": "2023-06-01", "anthropic-beta": betas}
    path = "/v1/messages" if record["format"] == "messages" else "/v1/messages/count_tokens"
    emulator = Emulator(["ok"], options=Options(server_tools="offer"))
    answer = emulator.handle("POST", path, headers, text.encode())
    usage = emulator.requests[0].usage
    return answer.status, answer.error, usage.prompt if usage else 0


def replay(every: int) -> None:
    """Play the recordings and hold every one to its status."""
    if not FILE.exists():
        pytest.skip(f"recorded data is not here: {FILE.name} under $CONTEXTKIT_DATA or ../shared/data")
    records = [json.loads(line) for line in FILE.read_text(encoding="utf-8").splitlines()]
    plain = [record for record in records if not skipped(record)]
    assert len(plain) > 600
    wrong = {}
    for record in plain[::every]:
        status, error, _ = replayed(record)
        if status != 200:  # every body in this file was answered and billed
            wrong[record["id"]] = error
    assert wrong == {}


def test_a_sample_is_accepted_as_recorded() -> None:
    """Every seventh recorded body that is a plain Messages request is accepted."""
    replay(SAMPLE)


@pytest.mark.long
def test_every_body_is_accepted_as_recorded() -> None:
    """All recorded bodies that are plain Messages requests are accepted."""
    replay(1)


def test_a_recorded_compaction_is_a_compaction_here() -> None:
    """The one recorded request whose threshold was reached has the same two passes in the emulator."""
    if not FILE.exists():
        pytest.skip(f"recorded data is not here: {FILE.name} under $CONTEXTKIT_DATA or ../shared/data")
    records = (json.loads(line) for line in FILE.read_text(encoding="utf-8").splitlines())
    (record,) = [
        record
        for record in records
        if "multi_iteration" in record["flags"] and "context_management" in record["request"]
    ]
    headers = {"x-api-key": "k", "anthropic-version": "2023-06-01", "anthropic-beta": IMPLIED["context_management"]}
    answer = Emulator(["ok"]).handle("POST", "/v1/messages", headers, json.dumps(record["request"]).encode())
    played = json.loads(answer.body)["usage"]["iterations"]
    recorded = record["usage"]["iterations"]
    assert [step["type"] for step in played] == [step["type"] for step in recorded] == ["compaction", "message"]
    assert played[0]["input_tokens"] == pytest.approx(recorded[0]["input_tokens"], rel=0.1)
