"""A contextkit tool as the SDK's runner takes it.

Law: the runner sees the same definition and the same shaped output as a Conversation. It is the only module of the
tools' room that imports the SDK, because the runner knows its tools by their classes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from anthropic.lib.tools import BetaAsyncBuiltinFunctionTool, BetaBuiltinFunctionTool

from contextkit.shape.chain import apply
from contextkit.tools.function import as_text

if TYPE_CHECKING:
    from contextkit.history.archive import Archive
    from contextkit.tools.function import Tool

__all__ = ["runnable"]


class _Sync(BetaBuiltinFunctionTool):
    def __init__(self, tool: Tool[Any, Any], archive: Archive | None) -> None:
        self.tool, self.archive = tool, archive

    def to_dict(self) -> Any:
        return self.tool.to_dict()

    def call(self, input: object) -> str:  # noqa: A002  (the SDK's name)
        return _entered(self.tool, self.tool.call(_mapping(input)), self.archive)


class _Async(BetaAsyncBuiltinFunctionTool):
    def __init__(self, tool: Tool[Any, Any], archive: Archive | None) -> None:
        self.tool, self.archive = tool, archive

    def to_dict(self) -> Any:
        return self.tool.to_dict()

    async def call(self, input: object) -> str:  # noqa: A002  (the SDK's name)
        return _entered(self.tool, await self.tool.call(_mapping(input)), self.archive)


def _mapping(given: object) -> dict[str, Any]:
    return given if isinstance(given, dict) else {}


def _entered(tool: Tool[Any, Any], output: Any, archive: Archive | None) -> str:
    """The text of an output, shaped as its tool declares; the original in the archive when there is one."""
    text = as_text(output)
    shaped = apply(tool.shape, text, handle=archive.name(text) if archive is not None else None)
    if archive is not None and shaped.changed:
        archive.put(text)
    return shaped.text


def runnable(tool: Tool[Any, Any], archive: Archive | None) -> Any:
    """The tool for `client.beta.messages.tool_runner`, of its own kind: sync or async."""
    return _Async(tool, archive) if tool.is_async else _Sync(tool, archive)
