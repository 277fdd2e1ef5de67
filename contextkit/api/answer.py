"""What the API answered, read once: content, id, model, usage, why it stopped.

Law: reading never fails on what is missing; a message that is no message is refused with its type.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from contextkit.api.messages import Block, message_of
from contextkit.api.usage import Usage

__all__ = ["Answer"]


class Answer(NamedTuple):
    """A response of the Messages API.

    Attributes:
        role: "assistant" for what the model said.
        blocks: its content as plain blocks.
        id: as the API gave it; "" for none.
        model: as the API gave it; "" for none.
        usage: what was billed; None when the message does not say, or says nothing that could be a bill.
        stop_reason: as the API gave it; "" for none.
        edited: the API compacted or cleared the history before it answered.
        miss_reason: the `type` of the API's `cache_miss_reason`; "" when it was not asked or named none.
    """

    role: str
    blocks: list[Block]
    id: str = ""
    model: str = ""
    usage: Usage | None = None
    stop_reason: str = ""
    miss_reason: str = ""
    edited: bool = False

    @classmethod
    def of(cls, message: Any) -> Answer:
        """From the SDK's Message or a dict.

        Raises:
            ContentError: not a message.
        """
        said = message_of(message)
        plain = type(message) is dict or isinstance(message, Mapping)
        got: Mapping[str, Any] = message if plain else vars(message)
        billed = got.get("usage")
        return cls(
            said["role"],
            said["content"],
            str(got.get("id") or ""),
            str(got.get("model") or ""),
            _told(billed),
            str(got.get("stop_reason") or ""),
            _miss_reason(found) if (found := got.get("diagnostics")) is not None else "",
            _edited(got.get("context_management"), said["content"]),
        )

    @classmethod
    def billed(cls, message: Any) -> Answer:
        """What was billed, of a message whose content cannot be taken; never raises."""
        got: Mapping[str, Any] = message if isinstance(message, Mapping) else getattr(message, "__dict__", {})
        usage = got.get("usage")
        named, model, stop = (str(got.get(name) or "") for name in ("id", "model", "stop_reason"))
        return cls("assistant", [], named, model, _told(usage), stop)

    @property
    def text(self) -> str:
        """The text blocks, one after the other."""
        return "\n".join(block["text"] for block in self.blocks if block["type"] == "text")


def _told(usage: Any) -> Usage | None:
    """What was billed; None where that was not told: no prompt is empty."""
    found = None if usage is None else Usage.of(usage)
    return found if found is not None and found.prompt else None


def _edited(management: Any, blocks: list[Block]) -> bool:
    if management is not None:
        fields = management if isinstance(management, Mapping) else getattr(management, "__dict__", {})
        edits = fields.get("applied_edits")
        if edits:
            return True
    return bool(blocks) and blocks[0]["type"] == "compaction" and blocks[0].get("content") is not None


def _miss_reason(diagnostics: Any) -> str:
    reason: Any = diagnostics
    for name in ("cache_miss_reason", "type"):
        if reason is None:
            return ""
        reason = reason.get(name) if isinstance(reason, Mapping) else getattr(reason, name, None)
    return str(reason or "")
