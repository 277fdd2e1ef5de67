"""Exported conversations of contextkit's own: what was said, and what was billed for it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from contextkit import Compaction, Conversation
from contextkit.cli import main
from contextkit.emulator import Emulator, reply, text, tool_use
from contextkit.replay import compare, policy, traces
from contextkit.transcripts import detect, read

if TYPE_CHECKING:
    from pathlib import Path

    from contextkit.transcripts.common import Session


def exported(tmp_path: Path, capsys: pytest.CaptureFixture[str], conv: Conversation) -> Path:
    """A conversation's file, as the command writes it."""
    assert conv.id
    assert main(["conversations", "export", conv.id, "--store", f"sqlite:///{tmp_path / 'kept.db'}"]) == 0
    file = tmp_path / "exported.jsonl"
    file.write_text(capsys.readouterr().out, encoding="utf-8")
    return file


def a_loop(tmp_path: Path, calls: int, compaction: Compaction | None = None) -> Conversation:
    """Pages read by a tool, then an answer."""
    uses = [reply(tool_use("read", {"page": at}, id=f"toolu_{at}")) for at in range(calls)]
    client = Emulator([*uses, reply(text("Done."))]).client()
    conv = Conversation(
        model="claude-sonnet-5-5",
        system="You read pages. " * 300,
        tools=[{"name": "read", "input_schema": {"type": "object"}}],
        compaction=compaction,
        summarizer="extractive",
        store=f"sqlite:///{tmp_path / 'kept.db'}",
        id="pages",
    )
    conv.user("Read them.").send(client)
    for at in range(calls):
        conv.tool_result(f"toolu_{at}", f"line {at} of the page. " * 150)
        conv.send(client)
    return conv


def only(file: Path) -> Session:
    """The one session of a file."""
    (session,) = read(file)
    return session


def test_an_export_is_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Calls, messages, bills, times and settings are the conversation's own."""
    conv = a_loop(tmp_path, 5)
    file = exported(tmp_path, capsys, conv)
    assert detect(file) == "contextkit"
    session = only(file)
    assert session.id == "pages"
    assert not session.skipped
    turns = [row for row in conv.ledger if row.purpose == "turn"]
    assert [call.usage for call in session.calls] == [row.usage for row in turns]
    assert [call.at for call in session.calls] == [row.at for row in turns]
    assert {call.model for call in session.calls} == {"claude-sonnet-5-5"}
    assert session.calls[0].settings.keys() == {"system", "tools"}
    said = [message["role"] for message in session.history(5, reply=True)]
    assert said == ["user", "assistant"] * 6
    (found,) = traces(file)
    assert [found.prompt(at) for at in range(6)] == pytest.approx([row.usage.prompt for row in turns])
    assert not found.notes
    assert compare(found, [policy("automatic")]).billed()["cost_usd"] == pytest.approx(conv.ledger.totals("turn").cost)


def test_a_fold_does_not_shrink_the_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where the window was folded the history grows on, and the notes say that it was rewritten."""
    conv = a_loop(tmp_path, 40, Compaction(budget=12_000, keep_recent=2_000, patience=1, summary_tokens=300))
    assert conv.context.folded > 0
    file = exported(tmp_path, capsys, conv)
    (found,) = traces(file)
    sizes = [found.prompt(at) for at in range(len(found.steps))]
    assert sizes == sorted(sizes)
    assert sizes[-1] > max(row.usage.prompt for row in conv.ledger)
    assert any("rewritten" in note for note in found.notes)


def test_two_in_a_file_and_damage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Several conversations in one file are several sessions; what is broken is skipped and counted."""
    whole = exported(tmp_path, capsys, a_loop(tmp_path, 2)).read_text(encoding="utf-8")
    odd = [{"kind": "unheard of"}, {"kind": "row", "row": 3}, {"kind": "user", "blocks": 7}, {"kind": 5}]
    file = tmp_path / "two.jsonl"
    file.write_text(whole + "{broken\n" + "\n".join(map(json.dumps, odd)) + "\n" + whole, encoding="utf-8")
    first, second = read(file)
    assert len(first.calls) == len(second.calls) == 3
    assert first.skipped["unheard of"] == 1
