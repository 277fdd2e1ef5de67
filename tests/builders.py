"""Small conversations and replies for tests: builders instead of mocks."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from contextkit import Compaction, Conversation
from contextkit.emulator import Clock, Emulator, reply, text, thinking, tool_use

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

READ_TOOL = {
    "name": "read_page",
    "description": "Read one page of the ledger.",
    "input_schema": {"type": "object", "properties": {"page": {"type": "integer"}}, "required": ["page"]},
}
SYSTEM = "You audit a ledger. Read every page, note what is odd, and report with page and row. " * 40


def a_conversation(**settings: Any) -> Conversation:
    """A conversation with a tool and a system prompt long enough to be cached."""
    return Conversation(**{"model": "sonnet", "system": SYSTEM, "tools": [READ_TOOL], **settings})


def a_page(rows: int = 12, page: int = 1) -> str:
    """A tool's output: JSON rows."""
    return json.dumps(
        [{"id": f"rec_{page}_{k}", "amount": k * 1.5, "status": "ok", "note": "x" * 40} for k in range(rows)]
    )


def reading(pages: int, *, think: bool = False, summary: str = "Pages were read; all is well.") -> Callable[..., Any]:
    """A script: one page a call, then a report; summary calls get `summary`."""
    made = iter(range(1, 10_000))

    def answer(body: Mapping[str, Any]) -> Any:
        if not body.get("tools"):
            return reply(text(summary))
        page = next(made)
        if page > pages:
            return reply("All pages are read.")
        head = [thinking("Which page is next?")] if think else []
        return reply(*head, text(f"Page {page}."), tool_use("read_page", {"page": page}))

    return answer


def run(conv: Conversation, emulator: Emulator, *, rows: int = 12, seconds: float = 5.0) -> Any:
    """Drive a conversation until the model calls no tool; the last message."""
    client = emulator.client(max_retries=0)
    while True:
        message = conv.send(client)
        emulator.clock.advance(seconds)
        uses = [block for block in message.content if block.type == "tool_use"]
        if not uses:
            return message
        for block in uses:
            conv.tool_result(block.id, a_page(rows, block.input["page"]))


def an_audit(pages: int = 30, *, think: bool = False, rows: int = 12, **settings: Any) -> tuple[Conversation, Emulator]:
    """A finished run over so many pages."""
    emulator = Emulator(reading(pages, think=think), clock=Clock())
    conv = a_conversation(clock=lambda: emulator.clock.now, **settings).user("Audit the ledger. Never delete a row.")
    run(conv, emulator, rows=rows)
    return conv, emulator


SMALL = Compaction(budget=12_000, keep_recent=3_000, summary_tokens=300)
"""A budget that a test's run passes several times."""
