"""`contextkit conversations` shows what a store keeps, and deletes it."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from contextkit import Conversation
from contextkit.cli import main
from contextkit.emulator import Emulator, reply, tool_use
from contextkit.kept import SPACE
from contextkit.store.base import opened, streams_of
from tests.builders import a_conversation, a_page

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def where(tmp_path: Path) -> str:
    """A file with two conversations, one of them with a tool call and a hostile text."""
    address = f"sqlite:///{tmp_path / 'agents.db'}"
    client = Emulator([reply(tool_use("read_page", {"page": 1})), reply("Done.")]).client()
    conv = a_conversation(store=address, id="one", max_output_chars=300).user("Read \x1b[31mpage 1.")
    conv.tool_result(conv.send(client).content[-1].id, a_page(30))
    conv.send(client)
    a_conversation(store=address, id="two").user("Hi")
    return address


def test_list(where: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A line a conversation: messages, calls, cost; or JSON."""
    assert main(["conversations", "list", "--store", where]) == 0
    assert [line.split()[:2] for line in capsys.readouterr().out.splitlines()] == [["one", "4"], ["two", "1"]]
    assert main(["conversations", "list", "tw", "--store", where, "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["id"], row["calls"], row["cost_usd"]) == ("two", 0, None)
    assert main(["conversations", "list", "three", "--store", where]) == 1


def test_show_and_export(where: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The messages as text that cannot steer a terminal; the events as JSON lines."""
    assert main(["conversations", "show", "one", "--store", where]) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "[assistant text] Done." in out
    assert main(["conversations", "export", "one", "--store", where]) == 0
    kinds = [json.loads(line)["kind"] for line in capsys.readouterr().out.splitlines()]
    assert kinds[0] == "begin"
    assert {"user", "result", "answer", "row"} <= set(kinds)


def test_results_that_repair_added_are_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A call that was closed by itself has its result in what is shown and exported: the history that is sent."""
    address = f"sqlite:///{tmp_path / 'agents.db'}"
    conv = a_conversation(store=address, id="a/b \U0001f642 ;--", repair=True).user("Read.")
    calls = [tool_use("read_page", {"page": at}) for at in (1, 2)]
    message = conv.send(Emulator([reply(*calls)]).client())
    conv.tool_result(message.content[0].id, "Page 1.")
    conv.user("Never mind.")
    assert main(["conversations", "show", conv.id, "--store", address]) == 0
    out = capsys.readouterr().out
    assert out.count("[user tool_result]") == 2
    assert main(["conversations", "export", conv.id, "--store", address]) == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    found = [event for event in events if event["kind"] == "result"]
    assert [event.get("repair", False) for event in found] == [False, True]
    assert [event["block"] for event in found] == conv.messages[-1]["content"][:2]
    said = [at for at, event in enumerate(events) if event["kind"] == "user"]
    assert events.index(found[1]) == said[-1] - 1
    assert main(["conversations", "export", "nobody", "--store", address]) == 1
    assert "no conversation" in capsys.readouterr().err


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    """`export | head -1` of more than a pipe holds: one line, no traceback, status 0."""
    address = f"sqlite:///{tmp_path / 'agents.db'}"
    conv = a_conversation(store=address, id="long")
    for at in range(60):
        conv.user(f"{at} " + "word " * 2_000)
    command = [sys.executable, "-m", "contextkit", "conversations", "export", "long", "--store", address]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:  # noqa: S603
        assert process.stdout is not None
        assert process.stderr is not None
        assert json.loads(process.stdout.readline())["kind"] == "begin"
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 0


def test_a_damaged_stream_is_exported_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What cannot be read as events is what one wants to see: the lines come out unchanged."""
    address = f"sqlite:///{tmp_path / 'agents.db'}"
    lines = [b'{"kind":"begin"}', b'{"kind":"user"}', b"{torn"]
    streams_of(opened(address)).append(SPACE + "bad", lines, 0)
    assert main(["conversations", "export", "bad", "--store", address]) == 0
    assert capsys.readouterr().out.encode().splitlines() == lines


def test_delete(where: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Events and archive are gone; what is not there is said."""
    assert main(["conversations", "delete", "one", "--store", where]) == 0
    assert main(["conversations", "delete", "one", "--store", where]) == 1
    assert "no conversation" in capsys.readouterr().err
    assert main(["conversations", "show", "one", "--store", where]) == 2
    assert Conversation.open(where, "two").messages
    assert len(list(Conversation.open(where, "two").archive)) == 0


def test_a_name_is_needed(where: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is deleted because nothing was named."""
    assert main(["conversations", "delete", "--store", where]) == 2
    assert "Give its id" in capsys.readouterr().err
