"""LangChain's middleware, driven: see compaction_drive.py."""

from __future__ import annotations

import json
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from benchmarks.compaction_drive_peer import MODEL, Peer, text_of

if TYPE_CHECKING:
    from benchmarks.compaction_drive_peer import Piece, Shown

__all__ = ["LangChain"]

_CLEARED: Final = "[cleared]"
"""LangChain's placeholder."""


class LangChain(Peer):
    """langchain.agents.middleware: SummarizationMiddleware or ContextEditingMiddleware with ClearToolUsesEdit."""

    def begin(self) -> None:
        """As in `Peer`."""
        self.kinds = import_module("langchain_core.messages")
        self.types = import_module("langchain.agents.middleware.types")
        middleware = import_module("langchain.agents.middleware")
        self.model = import_module("langchain_anthropic").ChatAnthropic(model=MODEL, api_key="x")
        self.messages: list[Any] = []
        self.number: dict[str, int] = {}
        self.names: dict[str, str] = {}
        self.sizes: dict[str, float] = {}
        given = dict(self.settings)
        self.clears = given.pop("kind") == "clear"
        counter = self._exactly if given.pop("exact", False) else None
        if self.clears:
            edits = [middleware.ClearToolUsesEdit(**given)]
            self.middleware = middleware.ContextEditingMiddleware(edits=edits, token_counter=counter)
        else:
            given = {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}
            self.middleware = middleware.SummarizationMiddleware(self.model, summarizer=self._summarise, **given)

    def _summarise(self, messages: list[Any]) -> str:
        return self.written(sum(len(self._plain(message)) for message in messages))

    def _exactly(self, messages: Any) -> int:
        """A token counter that knows what will be billed, tools and system included."""
        return round(self.fixed + sum(map(self._tokens, messages)))

    def _tokens(self, message: Any) -> float:
        known = self.sizes.get(str(message.id))
        if known is None or message.content == _CLEARED:
            return len(self._plain(message)) * self.per_character
        return known

    @staticmethod
    def _plain(message: Any) -> str:
        calls = json.dumps(getattr(message, "tool_calls", None) or "")
        return str(message.text) + calls

    def add(self, entry: list[Piece], usage: tuple[int, int] | None) -> None:
        """As in `Peer`."""
        for piece in entry:
            name = str(piece["id"])
            self.number[name], self.sizes[name] = piece["id"], piece["tokens"]
            first = piece["blocks"][0]
            if piece["role"] == "assistant":
                self.messages.append(self._answer(piece["blocks"], name, usage))
            elif first["type"] == "tool_result":
                self.messages.append(
                    self.kinds.ToolMessage(
                        text_of(first.get("content")),
                        tool_call_id=first["tool_use_id"],
                        name=self.names.get(first["tool_use_id"], "tool"),
                        id=name,
                    )
                )
            else:
                self.messages.append(self.kinds.HumanMessage(piece["blocks"], id=name))

    def _answer(self, blocks: list[Any], name: str, usage: tuple[int, int] | None) -> Any:
        uses = [block for block in blocks if block["type"] == "tool_use"]
        self.names.update((block["id"], block["name"]) for block in uses)
        prompt, output = usage or (0, 0)
        return self.kinds.AIMessage(
            blocks,
            id=name,
            tool_calls=[{"id": use["id"], "name": use["name"], "args": use["input"]} for use in uses],
            usage_metadata={"input_tokens": prompt, "output_tokens": output, "total_tokens": prompt + output},
            response_metadata={"model_provider": "anthropic", "model_name": MODEL},
        )

    def shown(self) -> Shown:
        """As in `Peer`."""
        sent = self.messages
        if self.clears:
            seen: list[Any] = []
            request = self.types.ModelRequest(model=self.model, messages=self.messages, tools=[], state={})
            self.middleware.wrap_model_call(request, lambda made: seen.append(made.messages))
            sent = seen[0]
        elif update := self.middleware.before_model({"messages": self.messages}, None):
            sent = self.messages = [message for message in update["messages"] if message.type != "remove"]
        return [self._piece(message) for message in sent]

    def _piece(self, message: Any) -> Any:
        number = self.number.get(str(message.id), -1)
        if number >= 0 and message.content != _CLEARED:
            return number
        return [len(self._plain(message)), number]
