"""pydantic-ai-harness, driven: see compaction_drive.py."""

from __future__ import annotations

import asyncio
from importlib import import_module
from typing import TYPE_CHECKING, Any

from benchmarks.compaction_drive_peer import MODEL, Peer, text_of

if TYPE_CHECKING:
    from benchmarks.compaction_drive_peer import Piece, Shown

__all__ = ["Pydantic"]


class Pydantic(Peer):
    """pydantic-ai-harness: SummarizingCompaction, by its `before_model_request`."""

    def begin(self) -> None:
        """As in `Peer`."""
        self.kinds = import_module("pydantic_ai.messages")
        models = import_module("pydantic_ai.models")
        usage = import_module("pydantic_ai.usage")
        self.usage = usage.RequestUsage
        stub = import_module("pydantic_ai.models.function").FunctionModel(self._summarise)
        self.model = import_module("pydantic_ai.models.test").TestModel()
        context = import_module("pydantic_ai.tools").RunContext
        self.run = context(deps=None, model=self.model, usage=usage.RunUsage(), messages=[])
        self.request, self.parameters = models.ModelRequestContext, models.ModelRequestParameters
        compaction = import_module("pydantic_ai_harness.compaction")
        self.capability = compaction.SummarizingCompaction(model=stub, **self.settings)
        self.loop = asyncio.new_event_loop()
        self.known: dict[int, int] = {}
        self.first: Any = None
        self.kept: list[Any] = []

    def _summarise(self, messages: Any, _: Any) -> Any:
        parts = [part for message in messages for part in message.parts]
        text = self.written(sum(len(str(getattr(part, "content", ""))) for part in parts))
        return self.kinds.ModelResponse(parts=[self.kinds.TextPart(text)])

    def add(self, entry: list[Piece], usage: tuple[int, int] | None) -> None:
        """As in `Peer`."""
        parts = []
        for piece in entry:
            for part in map(self._part, [piece["role"]] * len(piece["blocks"]), piece["blocks"]):
                self.known[id(part)] = piece["id"]
                parts.append(part)
        self.kept += parts
        self.first = self.first or parts[0]
        if entry[0]["role"] == "user":
            self.run.messages.append(self.kinds.ModelRequest(parts=parts))
            return
        prompt, output = usage or (0, 0)
        billed = self.usage(input_tokens=prompt, output_tokens=output)
        self.run.messages.append(self.kinds.ModelResponse(parts=parts, usage=billed, model_name=MODEL))

    def _part(self, role: str, block: Any) -> Any:
        kinds = self.kinds
        if block["type"] == "tool_use":
            return kinds.ToolCallPart(block["name"], block["input"], tool_call_id=block["id"])
        if block["type"] == "tool_result":
            return kinds.ToolReturnPart("tool", text_of(block.get("content")), tool_call_id=block["tool_use_id"])
        if block["type"] == "thinking":
            return kinds.ThinkingPart(block.get("thinking", ""), signature=block.get("signature"))
        return (kinds.UserPromptPart if role == "user" else kinds.TextPart)(block.get("text", ""))

    def shown(self) -> Shown:
        """As in `Peer`."""
        request = self.request(
            model=self.model,
            messages=list(self.run.messages),
            model_settings=None,
            model_request_parameters=self.parameters(),
        )
        made = self.loop.run_until_complete(self.capability.before_model_request(self.run, request))
        self.run.messages[:] = made.messages
        seen: Shown = []
        for part in (part for message in made.messages for part in message.parts):
            number = self.known.get(id(part), -1)
            if number < 0 and getattr(part, "content", None) == self.first.content:
                number = self.known[id(self.first)]  # the first message is kept as a copy
            if number < 0:
                seen.append([len(str(getattr(part, "content", ""))), -1])
            elif number not in seen[-1:]:
                seen.append(number)
        return seen
