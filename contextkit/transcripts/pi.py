"""Sessions of the pi coding agent: JSON lines, one message a line, exact usage.

Law: an assistant line with tokens on its bill is a call; one without (aborted before anything came) is not, and the
next call notes it. Times are the request's start (in the message, milliseconds) and the line's own (its end).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from contextkit.api.usage import Usage
from contextkit.transcripts.common import Call, Session
from contextkit.transcripts.lines import Lines, mapping, safe_blocks, seconds, string
from contextkit.transcripts.thread import Thread

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from contextkit.api.messages import Block, Message

__all__ = ["looks_like", "read"]


def looks_like(first: Mapping[str, Any]) -> bool:
    """Whether an object is the first line of such a file."""
    return first.get("type") == "session" and "timestamp" in first and ("cwd" in first or "modelId" in first)


def read(path: Path) -> list[Session]:
    """The session in one file."""
    lines = Lines(path)
    log = _Log()
    for number, line in lines:
        log.line(line, number)
    skipped = {**log.skipped, **lines.skipped}
    return [
        Session(str(path), "pi", tuple(log.thread.calls), log.id, frozenset({"system", "tools"}), skipped),
    ]


class _Log:
    def __init__(self) -> None:
        self.thread = Thread()
        self.skipped: dict[str, int] = {}
        self.id = ""
        self._level = ""
        self._entries: list[tuple[str, Message]] = []

    def line(self, line: Mapping[str, Any], number: int) -> None:
        kind = string(line.get("type"))
        if kind == "session":
            self.id = self.id or string(line.get("id"))
            self._level = string(line.get("thinkingLevel"))
        elif kind == "message":
            self._message(line, mapping(line.get("message")), number)
        elif kind == "thinking_level_change":
            self._level = string(line.get("thinkingLevel"))
            self.thread.note(f"thinking level {self._level[:20]}")
        elif kind == "model_change":
            self.thread.note("model change")
        elif kind == "compaction":
            self._compacted(line)
        else:
            self._skip(kind or "no type")

    def _skip(self, kind: str) -> None:
        self.skipped[kind[:40]] = self.skipped.get(kind[:40], 0) + 1

    def _message(self, line: Mapping[str, Any], message: Mapping[str, Any], number: int) -> None:
        role = string(message.get("role"))
        if role == "assistant":
            self._answer(line, message, number)
            return
        blocks = _blocks(message.get("content"))
        if role == "toolResult":
            blocks = [_result(message, blocks)]
        elif role != "user":
            self._skip(f"role {role}")
            return
        if blocks:
            self._enter(line, {"role": "user", "content": blocks})

    def _enter(self, line: Mapping[str, Any], message: Message) -> None:
        self._entries.append((string(line.get("id")), message))
        self.thread.add(message)

    def _answer(self, line: Mapping[str, Any], message: Mapping[str, Any], number: int) -> None:
        usage = _usage(mapping(message.get("usage")))
        stopped = string(message.get("stopReason"))
        blocks = _blocks(message.get("content"))
        if not usage.prompt:
            self.thread.note(stopped if stopped in {"aborted", "error"} else "no usage")
            return
        reply: Message | None = {"role": "assistant", "content": blocks} if blocks else None
        if reply is not None:
            self._entries.append((string(line.get("id")), reply))
        self.thread.call(
            Call(
                added=(),
                reply=reply,
                at=seconds(message.get("timestamp")),
                ended=seconds(line.get("timestamp")),
                model=string(message.get("model")),
                usage=usage,
                settings={"thinking_level": self._level} if self._level else {},
                line=number,
            )
        )

    def _compacted(self, line: Mapping[str, Any]) -> None:
        """The history becomes the summary and what was kept, from `firstKeptEntryId` on."""
        first = string(line.get("firstKeptEntryId"))
        at = next((i for i, (name, _) in enumerate(self._entries) if name and name == first), len(self._entries))
        summary = safe_blocks(string(line.get("summary")))
        head: list[Message] = [{"role": "user", "content": summary}] if summary else []
        self._entries = self._entries[at:]
        self.thread.restart([*head, *(message for _, message in self._entries)], "compaction")


def _blocks(content: Any) -> list[Block]:
    """Pi's blocks in the API's spelling."""
    blocks: list[Block] = []
    for block in safe_blocks(content):
        if block["type"] == "toolCall":
            given = block.get("arguments")
            blocks.append(
                {
                    "type": "tool_use",
                    "id": string(block.get("id")),
                    "name": string(block.get("name")),
                    "input": given if isinstance(given, dict) else {},
                }
            )
        elif block["type"] == "thinking":
            signature = string(block.get("thinkingSignature"))
            blocks.append({"type": "thinking", "thinking": string(block.get("thinking")), "signature": signature})
        elif block["type"] == "image" and "data" in block:
            source = {"type": "base64", "media_type": string(block.get("mimeType")), "data": string(block["data"])}
            blocks.append({"type": "image", "source": source})
        else:
            blocks.append(block)
    return blocks


def _result(message: Mapping[str, Any], blocks: list[Block]) -> Block:
    found: Block = {"type": "tool_result", "tool_use_id": string(message.get("toolCallId")), "content": blocks}
    if message.get("isError") is True:
        found["is_error"] = True
    return found


def _usage(usage: Mapping[str, Any]) -> Usage:
    """Pi writes its writes without a lifetime; it asks for the default of five minutes."""
    names = ("input", "cacheRead", "cacheWrite", "output")
    got = [value if isinstance(value := usage.get(name), int) and value > 0 else 0 for name in names]
    return Usage(input=got[0], read=got[1], write_5m=got[2], output=got[3])
