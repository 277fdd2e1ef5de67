"""Billed usage in `../shared/data`, read as rows: what was sent, and how many input tokens Anthropic billed for it.

The law: only what was billed is read (`usage` of the response), never another counter's figure. A file is either
fitted on or held out, by a hash of its name; `pi_mono` is held out whole.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks.bodies import as_messages

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Counted", "Growth", "counted", "data", "growths", "held_out", "sessions"]

SKIP: Final = frozenset({"body_scrubbed", "suspect_mismatch", "server_tool_used", "multi_iteration", "media_omitted"})
"""Flags of recorded bodies whose text is not what was billed (README of the data)."""


_RECORDED_AS: Final = re.compile(
    r"anthropic|bedrock|openrouter|vertexai|databricks|us_|_v1_0|[-_.]?(?:claude|haiku|sonnet|opus)[-_.0-9]*|[-_/.]"
)


@dataclass(frozen=True, slots=True)
class Growth:
    """Two consecutive calls of one session.

    Attributes:
        session: the file it comes from.
        messages: what the second prompt has more than the first, as API messages.
        billed: tokens by which the billed prompt grew.
        before: billed tokens of the first prompt.
        model: the model that answered.
        whole: all that was added is in the file: text, tool calls and the results of all of them.
        tool_only: no user text came in; beside user text Claude Code hides reminders.
        plain: whole and tool_only.
    """

    session: str
    messages: list[dict[str, Any]]
    billed: int
    before: int
    model: str
    whole: bool
    tool_only: bool

    @property
    def plain(self) -> bool:
        """Nothing hidden can be in it."""
        return self.whole and self.tool_only


@dataclass(frozen=True, slots=True)
class Counted:
    """One recorded request body and its billed prompt.

    Attributes:
        path: the file of the recording, the unit of the split (`held_out`).
        model: the id it was sent to, any platform's spelling.
        form: how the body was written ("messages", "bedrock_converse", "openai_compat", ...).
        body: the body as a Messages request.
        billed: input tokens, cache reads and writes included.
        flags: what the recording says is in it.
    """

    path: str
    model: str
    form: str
    body: dict[str, Any]
    billed: int
    flags: frozenset[str] = field(default_factory=frozenset)


def data() -> Path | None:
    """The folder of the recordings: `$CONTEXTKIT_DATA` or `../shared/data`; None where there is none."""
    named = os.environ.get("CONTEXTKIT_DATA")
    folder = Path(named) if named else Path(__file__).resolve().parents[2] / "shared" / "data"
    return folder if folder.is_dir() else None


def held_out(name: str) -> bool:
    """Two files in five are never fitted on, the same ones on every machine; `pi_mono` never at all.

    One test recorded against several models or platforms is one file here: its bodies are near copies.
    """
    same = _RECORDED_AS.sub("", name.lower())
    return name.startswith("pi_mono") or hashlib.sha256(same.encode()).digest()[0] % 5 < 2


@dataclass(slots=True)
class _Call:
    model: str
    total: int
    content: list[dict[str, Any]]
    new: list[dict[str, Any]]  # user content that came after the call before this one
    broken: bool  # something stands between the two calls that the file does not show


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        for line in file:
            if line.strip():
                yield json.loads(line)


def _as_blocks(content: Any) -> list[dict[str, Any]]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else list(content or [])


def _claude_code(path: Path) -> list[_Call]:
    calls: list[_Call] = []
    seen: dict[str, _Call] = {}
    new: list[dict[str, Any]] = []
    broken = False
    for row in _lines(path):
        message = row.get("message") or {}
        if row.get("isSidechain") or row.get("isCompactSummary") or row.get("type") == "system":
            broken = broken or row.get("type") != "system" or row.get("subtype") == "compact_boundary"
        elif row.get("type") == "user":
            new += _as_blocks(message.get("content"))
        elif row.get("type") == "assistant" and message.get("usage"):
            call = seen.get(message["id"])
            if call is None:
                usage = message["usage"]
                total = sum(usage.get(f"{kind}input_tokens") or 0 for kind in ("", "cache_creation_", "cache_read_"))
                call = _Call(message.get("model", ""), total, [], new, broken)
                seen[message["id"]] = call
                calls.append(call)
                new, broken = [], False
            call.content += _as_blocks(message.get("content"))
    return calls


def _pi_block(block: dict[str, Any]) -> dict[str, Any]:
    if block.get("type") == "toolCall":
        return {"type": "tool_use", "id": block["id"], "name": block["name"], "input": block["arguments"]}
    return block


def _pi(path: Path) -> list[_Call]:
    calls: list[_Call] = []
    new: list[dict[str, Any]] = []
    broken = False
    for row in _lines(path):
        message = row.get("message") or {}
        role = message.get("role")
        if role == "user":
            new += _as_blocks(message["content"])
        elif role == "toolResult":
            new.append(
                {"type": "tool_result", "tool_use_id": message["toolCallId"], "content": _as_blocks(message["content"])}
            )
        elif role == "assistant":
            usage = message["usage"]
            total = usage["input"] + usage["cacheRead"] + usage["cacheWrite"]
            if message.get("provider") != "anthropic" or not total:
                broken = True
                continue
            content = [_pi_block(block) for block in message["content"]]
            calls.append(_Call(message["model"], total, content, new, broken))
            new, broken = [], False
    return calls


def sessions(root: Path) -> Iterator[tuple[str, list[_Call]]]:
    """Every recorded session with billed usage: its file name and its calls, oldest first."""
    for path in sorted((root / "claude_code_entireio_cli").glob("*.jsonl")):
        yield path.name, _claude_code(path)
    for path in sorted((root / "pi_mono").glob("*.jsonl")):
        yield f"pi_mono/{path.name}", _pi(path)


def growths(root: Path) -> Iterator[Growth]:
    """What was added from one call to the next and what it was billed, where the file shows all of it."""
    for name, calls in sessions(root):
        for first, second in pairwise(calls):
            grown = second.total - first.total
            if second.broken or grown <= 0 or first.model != second.model:
                continue
            kinds = {block.get("type") for block in second.new} | {block.get("type") for block in first.content}
            open_calls = {block["id"] for block in first.content if block.get("type") == "tool_use"}
            closed = {block["tool_use_id"] for block in second.new if block.get("type") == "tool_result"}
            messages = [{"role": "assistant", "content": first.content}, {"role": "user", "content": second.new}]
            whole = open_calls == closed and kinds <= {"text", "tool_use", "tool_result"}
            tool_only = all(block.get("type") == "tool_result" for block in second.new)
            yield Growth(name, messages, grown, first.total, first.model, whole, tool_only)


def counted(root: Path) -> Iterator[Counted]:
    """Every recorded body whose text is what was billed."""
    for row in _lines(root / "counted_requests" / "counted_requests.jsonl"):
        flags = frozenset(row["flags"])
        body = as_messages(row["format"], row["request"])
        scrubbed = body is None or flags & SKIP
        if body is not None and not scrubbed and row["input_total"]:
            yield Counted(row["path"], row["model_base"], row["format"], body, row["input_total"], flags)
