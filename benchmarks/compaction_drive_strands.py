"""strands-agents, driven: see compaction_drive.py."""

from __future__ import annotations

import asyncio
import json
from importlib import import_module
from typing import TYPE_CHECKING, Any

from benchmarks.compaction_drive_peer import Peer, text_of

if TYPE_CHECKING:
    from benchmarks.compaction_drive_peer import Piece, Shown

__all__ = ["Strands"]


class Strands(Peer):
    """strands.Agent with its own hooks: context_manager= or conversation_manager=, as its event loop calls them."""

    def begin(self) -> None:
        """As in `Peer`."""
        model = import_module("strands.models.model").Model
        written, limit = self.written, self.settings["window"]

        class Stub(model):  # type: ignore[misc, valid-type]
            """A model that knows its window and writes the stub's summary."""

            def __init__(self) -> None:
                self.config = {"context_window_limit": limit}

            def update_config(self, **changes: Any) -> None:
                self.config.update(changes)

            def get_config(self) -> Any:
                return self.config

            async def structured_output(self, *_: Any, **__: Any) -> Any:
                yield {}

            async def stream(self, messages: Any, *_: Any, **__: Any) -> Any:
                text = written(sum(len(_strands_text(block)) for message in messages for block in message["content"]))
                yield {"messageStart": {"role": "assistant"}}
                yield {"contentBlockStart": {"start": {}}}
                yield {"contentBlockDelta": {"delta": {"text": text}}}
                yield {"contentBlockStop": {}}
                yield {"messageStop": {"stopReason": "end_turn"}}

        self.loop = asyncio.new_event_loop()
        self.hooks = import_module("strands.hooks")
        self.estimate = import_module("strands.event_loop.event_loop")._estimate_input_tokens  # noqa: SLF001
        self.agent = import_module("strands").Agent(model=Stub(), callback_handler=None, **self._managed())
        self.known: dict[int, int] = {}
        self.kept: list[Any] = []  # blocks stay alive, so that no id is used twice

    def _managed(self) -> dict[str, Any]:
        if self.settings["kind"] == "auto":
            return {"context_manager": "auto"}
        if self.settings["kind"] == "summaries":
            offload = import_module("strands._context_manager.strategies.offload").Offload
            # What the preset "auto" has beside its truncation of tool results.
            strategy = offload.summarize("*").when(utilization=self.settings["share"], preserve_recent=4)
            return {"context_manager": {"strategies": [strategy]}}
        managers = import_module("strands.agent.conversation_manager")
        return {"conversation_manager": managers.SummarizingConversationManager(proactive_compression=True)}

    def add(self, entry: list[Piece], usage: tuple[int, int] | None) -> None:
        """As in `Peer`."""
        blocks = []
        for piece in entry:
            for block in map(_as_strands, piece["blocks"]):
                self.known[id(block)] = piece["id"]
                blocks.append(block)
        self.kept += blocks
        message: dict[str, Any] = {"role": entry[0]["role"], "content": blocks}
        if usage is not None:
            prompt, output = usage
            usage_there = {"inputTokens": prompt, "outputTokens": output, "totalTokens": prompt + output}
            message["metadata"] = {"usage": usage_there}
        self.loop.run_until_complete(self._add(message))

    async def _add(self, message: Any) -> None:
        self.agent.messages.append(message)
        event = self.hooks.MessageAddedEvent(agent=self.agent, message=message)
        await self.agent.hooks.invoke_callbacks_async(event)

    def shown(self) -> Shown:
        """As in `Peer`."""
        self.loop.run_until_complete(self._prepare())
        seen: Shown = []
        for message in self.agent.messages:
            for block in message["content"]:
                number = self.known.get(id(block), -1)
                if number < 0:
                    self.kept.append(block)
                    seen.append([len(_strands_text(block)), -1])
                elif number not in seen[-1:]:  # several blocks of one piece
                    seen.append(number)
        return seen

    async def _prepare(self) -> None:
        tokens = await self.estimate(self.agent)
        event = self.hooks.BeforeModelCallEvent(agent=self.agent, projected_input_tokens=tokens, invocation_state={})
        await self.agent.hooks.invoke_callbacks_async(event)


def _as_strands(block: Any) -> Any:
    if block["type"] == "tool_use":
        return {"toolUse": {"toolUseId": block["id"], "name": block["name"], "input": block["input"]}}
    if block["type"] == "tool_result":
        status = "error" if block.get("is_error") else "success"
        content = [{"text": text_of(block.get("content"))}]
        return {"toolResult": {"toolUseId": block["tool_use_id"], "status": status, "content": content}}
    if block["type"] == "thinking":
        inner = {"text": block.get("thinking", ""), "signature": block.get("signature", "")}
        return {"reasoningContent": {"reasoningText": inner}}
    return {"text": block.get("text", "")}


def _strands_text(block: Any) -> str:
    if "toolResult" in block:
        return "".join(str(part.get("text", "")) for part in block["toolResult"]["content"])
    if "toolUse" in block:
        return json.dumps(block["toolUse"]["input"])
    return str(block.get("text", ""))
