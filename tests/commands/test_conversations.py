"""`contextkit conversations` shows what a store keeps, and deletes it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from contextkit import Conversation
from contextkit.cli import main
from contextkit.emulator import Emulator, reply, tool_use
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
