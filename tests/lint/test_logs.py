from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

from contextkit.lint import logs
from contextkit.lint.config import Config
from contextkit.lint.engine import lint
from contextkit.lint.outcome import FOUND, NOT_ANALYSED

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def a_line(head: str, turns: int, model: str, *, read: int, written: int) -> str:
    """A call in a log, with its bill."""
    system = [{"type": "text", "text": head + "You are careful. " * 3_000, "cache_control": {"type": "ephemeral"}}]
    messages: list[dict[str, Any]] = [{"role": "user", "content": "hi"}]
    for _ in range(turns):
        messages += [{"role": "assistant", "content": "a"}, {"role": "user", "content": "b"}]
    usage = {
        "input_tokens": 10,
        "output_tokens": 5,
        "cache_read_input_tokens": read,
        "cache_creation_input_tokens": written,
    }
    body = {"model": model, "max_tokens": 10, "system": system, "messages": messages}
    return json.dumps({"request": body, "response": {"usage": usage}})


def a_log(file: Path, model: str = "claude-opus-5-5", between: str = "") -> str:
    """Two calls of one conversation; the second has another system prompt."""
    first = a_line("", 0, model, read=0, written=12_000)
    file.write_text(
        "\n".join([first, *([between] if between else []), a_line("12:01", 1, model, read=0, written=12_000)])
    )
    return str(file)


def test_a_break_is_found_at_its_request(tmp_path: Path) -> None:
    """With the line in the file, the index of the request and the pointer to the part."""
    outcome = lint([a_log(tmp_path / "log.jsonl")], Config(tmp_path))
    found = next(one for one in outcome.findings if one.code == "CK310")
    assert (found.line, found.request) == (2, 1)
    assert (found.pointer or "").startswith("/system")
    assert outcome.status() == FOUND


def test_an_unknown_model_is_told_and_not_fatal(tmp_path: Path) -> None:
    """The break is found all the same; that its price is not known stands in the summary, once."""
    outcome = lint([a_log(tmp_path / "log.jsonl", "claude-nobody-knows-9")], Config(tmp_path))
    assert "CK310" in [one.code for one in outcome.findings]
    assert sum("claude-nobody-knows-9" in note for note in outcome.notes) == 1


def test_a_broken_line_does_not_hide_the_others(tmp_path: Path) -> None:
    """It is a problem with its line; what could be read is reported."""
    outcome = lint([a_log(tmp_path / "log.jsonl", between="{broken")], Config(tmp_path))
    assert [(one.line, one.code) for one in outcome.problems] == [(2, "CK300")]
    assert "CK310" in [one.code for one in outcome.findings]
    assert outcome.status() == NOT_ANALYSED
    quiet = lint([str(tmp_path / "log.jsonl")], Config(tmp_path, ignore=("CK300",)))
    assert quiet.problems == []


def test_no_line_is_longer_than_what_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """A longer one is cut just behind the limit, its rest is skipped, and the next line is whole."""
    monkeypatch.setattr(logs, "MAX_LINE", 8)
    lines = list(logs.lines(io.BytesIO(b"short\n" + b"x" * 100 + b"\nnext\n" + b"y" * 8)))
    assert lines == [b"short\n", b"xxxxxxxxx", b"next\n", b"yyyyyyyy"]
