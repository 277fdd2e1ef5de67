from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contextkit.api.messages import dumps
from contextkit.errors import FormatError
from contextkit.transcripts import Format, detect, read

if TYPE_CHECKING:
    from pathlib import Path

USER = {"type": "user", "uuid": "u", "message": {"role": "user", "content": "hi"}, "sessionId": "s"}
ANSWER = {
    "type": "assistant",
    "uuid": "a",
    "parentUuid": "u",
    "message": {"id": "m", "model": "claude-opus-5", "content": [{"type": "text", "text": "x"}], "usage": {}},
}
PI = [
    {"type": "session", "timestamp": "2026-01-01T00:00:00Z", "cwd": "/x"},
    {"type": "message", "message": {"role": "user", "content": [{"type": "text", "text": "x"}]}},
    {"type": "message", "message": {"role": "assistant", "content": [], "usage": {"input": 1}}},
]
CHAT = [{"role": "user", "content": "x"}, {"role": "assistant", "content": "y"}]
SAMPLES: dict[Format, list[Any]] = {
    "claude-code": [USER, ANSWER],
    "pi": PI,
    "swe-agent": [{"history": CHAT}],
    "openai": [{"task_id": 1, "traj": CHAT}],
    "requests": [{"model": "claude-opus-5", "max_tokens": 1, "messages": CHAT}],
}


def write(folder: Path, raw: str | bytes) -> Path:
    """A file with this content and a name that says nothing."""
    path = folder / "recording"
    path.write_bytes(raw.encode("utf-8", "surrogatepass") if isinstance(raw, str) else raw)
    return path


@pytest.mark.parametrize("kind", SAMPLES)
def test_format_is_found_by_content(tmp_path: Path, kind: Format) -> None:
    """Each format is recognised by what is in it, after a few lines that nobody knows, and read by its reader."""
    lines = [{"something": "else"}, *SAMPLES[kind]] if kind != "swe-agent" else SAMPLES[kind]
    path = write(tmp_path, "\n".join(json.dumps(line) for line in lines))
    assert detect(path) == kind
    sessions = read(path)
    assert {session.format for session in sessions} == {kind}
    assert sum(len(session.calls) for session in sessions) == 1


def test_a_document_over_several_lines_is_found_too(tmp_path: Path) -> None:
    """Indented JSON is no JSON lines; it is read as one document."""
    assert detect(write(tmp_path, json.dumps({"history": CHAT}, indent=2))) == "swe-agent"
    assert detect(write(tmp_path, json.dumps(SAMPLES["requests"], indent=2))) == "requests"


@pytest.mark.parametrize("raw", [b"", b"\n\n", b"hello\n", b'{"a": 1}\n', b"[1, 2]", b"\x00\x01\x02", b"[" * 99_999])
def test_other_files_are_refused_with_their_name(tmp_path: Path, raw: bytes) -> None:
    """A file in no known format is an error that names the file."""
    with pytest.raises(FormatError, match="recording"):
        read(write(tmp_path, raw))


def test_a_format_can_be_told(tmp_path: Path) -> None:
    """Where the content is ambiguous, the caller decides."""
    path = write(tmp_path, json.dumps({"messages": CHAT}))
    assert read(path)[0].format == "openai"
    assert read(path, "openai")[0].calls[0].reply is not None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(["user", "text"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON value."""
    found = [path]
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        found += places(inner, (*path, key))
    return found


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """A copy with something else at one place."""
    if not path:
        return new
    if isinstance(value, dict):
        return {key: replaced(inner, path[1:], new) if key == path[0] else inner for key, inner in value.items()}
    return [replaced(inner, path[1:], new) if at == path[0] else inner for at, inner in enumerate(value)]


@pytest.mark.parametrize("kind", SAMPLES)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_hostile_values_are_sessions_or_a_format_error(tmp_path: Path, kind: Format, data: st.DataObject) -> None:
    """With anything in the place of anything, a reader gives sessions whose histories are JSON, or a FormatError."""
    lines: Any = SAMPLES[kind]
    for _ in range(data.draw(st.integers(1, 3))):
        lines = replaced(lines, data.draw(st.sampled_from(places(lines)[1:])), data.draw(JSON))
    path = write(tmp_path, "\n".join(json.dumps(line) for line in lines))
    try:
        sessions = read(path, kind)
    except FormatError:
        return
    for session in sessions:
        for index in range(len(session.calls)):
            dumps(session.history(index, reply=True)).encode()


@pytest.mark.parametrize("kind", SAMPLES)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_torn_files_are_sessions_or_a_format_error(tmp_path: Path, kind: Format, data: st.DataObject) -> None:
    """A file cut at any byte, with any bytes put in, never crashes a reader."""
    raw = "\n".join(json.dumps(line) for line in SAMPLES[kind]).encode()
    at = data.draw(st.integers(0, len(raw)))
    torn = raw[:at] + data.draw(st.binary(max_size=20)) + raw[at + data.draw(st.integers(0, 9)) :]
    try:
        read(write(tmp_path, torn), kind)
    except FormatError:
        return


def test_recorded_claude_code_sessions(data: Path) -> None:
    """28 sessions, 2,554 API calls each billed once, 14 compactions (README of the data; 4 answers are synthetic)."""
    sessions = [read(path)[0] for path in sorted((data / "claude_code_entireio_cli").glob("*.jsonl"))]
    calls = [call for session in sessions for call in session.calls]
    assert (len(sessions), len(calls)) == (28, 2554)
    assert all(call.usage and call.at is not None and call.reply for call in calls)
    notes = Counter(note for call in calls for note in call.notes)
    assert notes["compaction"] == 14
    assert sum(session.appends(i) for session in sessions for i in range(len(session.calls))) == 2554 - 28 - 14


def test_recorded_pi_session(data: Path) -> None:
    """439 calls with a bill, none lost and none twice, each appending to the one before it."""
    (session,) = read(data / "pi_mono" / "large-session.jsonl")
    assert len(session.calls) == 439
    assert all(session.appends(i) for i in range(1, 439))


@pytest.mark.parametrize(
    ("path", "sessions", "calls"),
    [
        ("tau_bench/gpt-4o-airline.jsonl", 100, 1381),
        ("tau2_bench/gpt-4.1_retail.jsonl", 40, 476),
        ("swe_agent/ab7432_marshmallow-code__marshmallow-1867.traj.json", 1, 13),
        ("swe_agent/92f969_i_got_id_demo.traj.json", 1, 21),
    ],
)
def test_other_recordings(data: Path, path: str, sessions: int, calls: int) -> None:
    """Every recorded format is found by its content and read whole."""
    found = read(data / path)
    assert (len(found), sum(len(session.calls) for session in found)) == (sessions, calls)
    for session in found:
        assert not session.skipped
        last = session.history(len(session.calls) - 1)
        assert all(one["role"] != other["role"] for one, other in pairwise(last))
