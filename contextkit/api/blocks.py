"""Whether content blocks have the types that the API's schema asks for, alone and before they enter a history.

Law: a block is judged by itself and by the place where it stands, never by its neighbours (validity.py does that);
work grows with the new blocks alone. Texts are the API's where they are known; those marked (unverified) are ours.

Sources: parameter types of SDK 2.12.0; the tool-use and thinking pages.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from contextkit.errors import ContentError

__all__ = ["KINDS", "check_blocks", "is_list", "malformed_block", "malformed_mark", "refused_block"]

KINDS: Final = frozenset(
    {
        "text", "image", "document", "search_result", "thinking", "redacted_thinking", "tool_use", "tool_result",
        "server_tool_use", "web_search_tool_result", "web_fetch_tool_result", "code_execution_tool_result",
        "bash_code_execution_tool_result", "text_editor_code_execution_tool_result", "tool_search_tool_result",
        "advisor_tool_result", "mcp_tool_use", "mcp_tool_result", "mcp_tool_listing", "container_upload", "compaction",
        "tool_addition", "tool_removal", "browser_state", "fallback", "connector_text",
    }
)  # fmt: skip
_IN_RESULT: Final = frozenset({"text", "image", "document", "search_result", "tool_reference", "browser_state"})
_NEEDS: Final[dict[str, tuple[tuple[str, type], ...]]] = {
    # Fields that a block must have (SDK types).
    "text": (("text", str),),
    "thinking": (("thinking", str), ("signature", str)),
    "redacted_thinking": (("data", str),),
    "tool_use": (("id", str), ("name", str)),
    "tool_result": (("tool_use_id", str),),
    "image": (("source", Mapping),),
    "document": (("source", Mapping),),
    "search_result": (("source", str), ("title", str)),
    "container_upload": (("file_id", str),),
    "tool_reference": (("tool_name", str),),
}
_Fields = tuple[tuple[str, tuple[str, ...]], ...]
_LINKS: Final[dict[str, _Fields]] = {"url": (("url", ()),), "file": (("file_id", ()),)}
_SOURCES: Final[dict[str, dict[str, _Fields]]] = {
    # Of each type of source: the texts that it must have, and their values where those are listed (SDK types).
    "image": {
        "base64": (("media_type", ("image/jpeg", "image/png", "image/gif", "image/webp")), ("data", ())),
        **_LINKS,
    },
    "document": {
        "base64": (("media_type", ("application/pdf",)), ("data", ())),
        "text": (("media_type", ("text/plain",)), ("data", ())),
        "content": (),
        **_LINKS,
    },
}
_IN_SOURCE: Final = frozenset({"text", "image"})
_IN_SEARCH_RESULT: Final = frozenset({"text"})
_FROM_MODEL: Final = frozenset({"thinking", "redacted_thinking", "tool_use", "server_tool_use"})
_FROM_SYSTEM: Final = frozenset({"tool_addition", "tool_removal"})
_TO_MODEL: Final = frozenset({"tool_result", "image", "document", "search_result", "tool_reference"})

_FIX: Final = "The blocks of each kind are in anthropic.types.ContentBlockParam."
_SIGNED: Final = "Give it back as the API gave it, with its signature, or leave it out; record(message) takes it."
_SOURCE: Final = 'Give a "source" of the type "base64" (with media_type and data), "url" or "file".'
_FIXES: Final = {
    "image": _SOURCE + " Images are said by user(), or are in a tool's result.",
    "document": _SOURCE + " Documents are said by user(), or are in a tool's result.",
    "text": 'Give {"type": "text", "text": ...} without citations, which only answers have.',
    "thinking": _SIGNED,
    "redacted_thinking": _SIGNED,
    "tool_use": 'Calls are recorded with record(message): {"type", "id", "name", "input": {...}}.',
    "tool_result": "Call tool_result(id, output); its content is text or a list of blocks.",
}


def is_list(value: Any) -> bool:
    """Whether a value is what JSON writes as an array."""
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def malformed_mark(block: Mapping[str, Any], where: str) -> Iterator[str]:
    """What is wrong with the mark of a block, a tool or a request."""
    mark = block.get("cache_control")
    if mark is None:
        return
    if not isinstance(mark, Mapping):
        yield f"{where}.cache_control: Input should be a valid dictionary"
    elif not isinstance(mark.get("ttl"), str | None):
        yield f"{where}.cache_control.ttl: Input should be '5m' or '1h'"


def malformed_block(block: Any, where: str, kinds: frozenset[str]) -> Iterator[str]:
    """The API's message for every field of a block that does not have its type; `kinds` may stand in its place."""
    if not isinstance(block, Mapping):
        yield f"{where}: Input should be a valid dictionary"
        return
    kind = block.get("type")
    if not isinstance(kind, str):
        yield f"{where}.type: Field required"
        return
    if kind not in kinds:
        yield f"{where}: Input tag '{kind}' found using 'type' does not match any of the expected tags"
        return
    for name, wanted in _NEEDS.get(kind, ()):
        if not isinstance(block.get(name), wanted):
            yield f"{where}.{kind}.{name}: Field required"
    yield from malformed_mark(block, where)
    if kind == "tool_result":
        yield from _blocks(block.get("content"), f"{where}.tool_result.content", _IN_RESULT)
    elif kind == "search_result":
        content = block.get("content")
        if not is_list(content):
            yield f"{where}.search_result.content: Field required"
        yield from _blocks(content, f"{where}.search_result.content", _IN_SEARCH_RESULT)
    elif kind in _SOURCES and isinstance(block.get("source"), Mapping):
        yield from _source(block["source"], f"{where}.{kind}.source", _SOURCES[kind])


def _blocks(content: Any, where: str, kinds: frozenset[str]) -> Iterator[str]:
    """Of what is text, or a list of blocks of some kinds, or left out."""
    if content is None or isinstance(content, str):
        return
    if not is_list(content):
        yield f"{where}: Input should be a valid string or list"
        return
    for index, block in enumerate(content):
        yield from malformed_block(block, f"{where}.{index}", kinds)


def _source(source: Mapping[str, Any], where: str, types: Mapping[str, _Fields]) -> Iterator[str]:
    kind = source.get("type")
    if kind is None:
        yield f"{where}: Unable to extract tag using discriminator 'type'"  # (unverified)
        return
    if not isinstance(kind, str) or kind not in types:
        tags = ", ".join(repr(each) for each in sorted(types))
        yield f"{where}: Input tag '{kind}' found using 'type' does not match any of the expected tags: {tags}"
        return
    for name, values in types[kind]:
        value = source.get(name)
        if not isinstance(value, str):
            yield f"{where}.{kind}.{name}: Field required"
        elif values and value not in values:
            yield f"{where}.{kind}.{name}: Input should be {' or '.join(repr(each) for each in values)}"
    if kind == "content":
        if source.get("content") is None:
            yield f"{where}.content.content: Field required"
        yield from _blocks(source.get("content"), f"{where}.content.content", _IN_SOURCE)


def check_blocks(blocks: Sequence[Any], place: str, *, where: str) -> None:
    """Refuse new blocks with which every request from now on would be invalid.

    What the model answered may hold blocks of a type that is not known yet: the answer is paid for, and a newer API
    takes them back.

    Args:
        blocks: of `blocks_of`; for "tool_result" the list that is a result's content.
        place: where they stand: in what the "user" says, in what the "assistant" answered, in a "tool_result".
        where: names the place in the error.

    Raises:
        ContentError: which block, and what is wrong with it.
    """
    for block in blocks:  # this loop is passed by every block of every conversation: a plain text or call ends it early
        if type(block) is dict:
            kind = block.get("type")
            if kind == "text":
                if len(block) == 2 and type(block.get("text")) is str:  # noqa: PLR2004  (a third could be citations)
                    continue
            elif kind == "tool_use" and place == "assistant" and _is_call(block):
                continue
        _refuse(block, place, where, blocks)


def _is_call(block: Mapping[str, Any]) -> bool:
    name = block.get("name")
    return type(name) is str and name != "" and type(block.get("id")) is str and type(block.get("input")) is dict


def _refuse(block: Any, place: str, where: str, blocks: Sequence[Any]) -> None:
    at = next(at for at, each in enumerate(blocks) if each is block)
    for text in refused_block(block, place, f"{where}[{at}]"):
        path, _, what = text.partition(": ")
        kind = block.get("type") if isinstance(block, Mapping) else None
        fix = _FIXES.get(kind) if isinstance(kind, str) else None
        raise ContentError(f"a block is not what the API takes: {what}", where=path, fix=fix or _FIX)


def refused_block(block: Any, place: str, where: str) -> Iterator[str]:
    """What `check_blocks` finds in one block, one text a fault: the path from `where` on, a colon, what is wrong."""
    kind = block.get("type") if isinstance(block, Mapping) else None
    if place == "tool_result":
        yield from malformed_block(block, where, _IN_RESULT)
    elif place == "user":
        if kind in _FROM_MODEL or kind in _FROM_SYSTEM:
            yield f"{where}: `{kind}` blocks are nothing that a user says"
            return
        yield from malformed_block(block, where, KINDS)
        if kind == "text" and block.get("citations"):
            yield f"{where}.text.citations: Extra inputs are not permitted"
    elif kind in _TO_MODEL or kind in _FROM_SYSTEM:
        yield f"{where}: `{kind}` blocks are nothing that the model answers"
    elif kind in KINDS:
        yield from malformed_block(block, where, KINDS)
        if kind == "tool_use" and not isinstance(block.get("input"), Mapping):
            yield f"{where}.tool_use.input: Input should be a valid dictionary"
        if kind == "tool_use" and block.get("name") == "":
            yield f"{where}.tool_use.name: Field required"
