"""Tool outputs at the door: shaped once, capped, and the original kept.

Law: an output enters once and never changes afterwards. What is cut is in the archive under the handle that the
visible note names; a selection that was declared names it only where the `recall` tool is offered to read it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from contextkit.api.blocks import refused_block
from contextkit.api.messages import Block, dumps, plain
from contextkit.errors import ConfigError, ContentError
from contextkit.recall import MAX_CHARS, NAME, Recalled, answer

if TYPE_CHECKING:
    from contextkit.api.facts import Family
    from contextkit.history.archive import Archive
    from contextkit.shape.chain import Shape

__all__ = ["Outputs", "Shapes", "ToolDrift", "declared"]

Shapes = Mapping[str, "Shape | Any"]
"""What enters of each tool's output, by tool name; "*" stands for every tool without its own."""

_DRIFTS: Final = 1_000  # findings that are kept; a tool that drifts does so in every output

_RESULT_BLOCKS: Final = frozenset({"text", "image", "document", "search_result", "tool_reference", "browser_state"})
_HOLDS: Final[dict[str, tuple[str, type]]] = {
    "text": ("text", str),
    "image": ("source", Mapping),
    "document": ("source", Mapping),
    "search_result": ("content", list),
    "tool_reference": ("tool_name", str),
}
"""The field by which content blocks are told from other data (SDK types)."""
_LEAST_CAP: Final = 200
_DEEP: Final = 200  # levels that are looked through for lone surrogates; deeper ones are refused anyway
_SILENT_ERROR: Final = "(the tool failed without a message)"


@dataclass(frozen=True, slots=True)
class ToolDrift:
    """An output that is not what its declared model says.

    Attributes:
        tool: whose output.
        path: the declared path, as written.
        expected: the declared type, or what was wanted of it.
        found: what stood there: a JSON type name, or "nothing".
        sample: the beginning of what was found, as JSON.
    """

    tool: str
    path: str
    expected: str
    found: str
    sample: str = ""


def declared(shapes: Shapes | str | Path | None, own: Mapping[str, Any]) -> dict[str, Any]:
    """The shapes of a conversation, by tool name.

    Args:
        shapes: as given, or the path of a JSON file or pyproject.toml that holds them.
        own: what tools declare for themselves; a shape given by name goes first.

    Raises:
        ConfigError: not a mapping. ShapeError: the file cannot be read, or a shape in it is wrong.
    """
    if isinstance(shapes, (str, Path)):
        from contextkit.shape.load import load_shapes  # noqa: PLC0415  (shapes are imported by those who use them)

        shapes = load_shapes(shapes)
    if not isinstance(shapes, Mapping | None):
        raise ConfigError(
            f"shapes is a {type(shapes).__name__}",
            where="Conversation(shapes=)",
            fix='Give {"tool name": Shape(...)}, or the path of a file that holds such shapes.',
        )
    return {**own, **(shapes or {})}


@dataclass(frozen=True, slots=True)
class Outputs:
    """The door.

    Attributes:
        shapes: by tool name.
        archive: where originals are kept.
        max_chars: cap of any one output, characters.
        family: tokenizer for caps in tokens.
        recall: the model can read the archive: then every note names the handle.
        drift: findings of declared output models, oldest first; the last 1,000.
    """

    shapes: Shapes
    archive: Archive
    max_chars: int
    family: Family
    recall: bool = False
    drift: deque[ToolDrift] = field(default_factory=lambda: deque(maxlen=_DRIFTS))

    def __post_init__(self) -> None:
        if self.max_chars < _LEAST_CAP:
            raise ConfigError(
                f"max_output_chars is {self.max_chars}",
                where="Conversation(max_output_chars=)",
                fix=f"Give {_LEAST_CAP} or more.",
            )

    def enter(self, tool: str, output: Any, *, is_error: bool = False) -> str | list[Block]:
        """What enters the conversation of a tool's output: text, or content blocks; "" for nothing.

        Lone surrogates enter as U+FFFD, because JSON in UTF-8 cannot carry them. Of content blocks (as MCP tools give
        them) each text is shaped; the cap holds for all their texts together.

        Raises:
            ContentError: the output has no form in JSON, or holds a file that no request can carry.
        """
        own = self.recall and tool == NAME  # what was recalled was shaped as it was asked for
        shape = None if is_error or own else self.shapes.get(tool, self.shapes.get("*"))
        where = f"output of {tool}"
        if _are_blocks(output):
            return self._blocks(tool, shape, _plain(output, where), where) or (_SILENT_ERROR if is_error else "")
        value = _clean(output) if isinstance(output, str) else _plain(output, where)
        text = self._shaped(tool, shape, value) if shape is not None else _text(value)
        text = self._capped(text, value)
        if not text.strip():
            return _SILENT_ERROR if is_error else ""
        return text

    def recalled(self, given: Mapping[str, Any]) -> Recalled:
        """The answer to a call of the `recall` tool, within the cap of any output; never raises."""
        return answer(self.archive, given, limit=min(MAX_CHARS, self.max_chars))

    def _shaped(self, tool: str, shape: Any, value: Any) -> str:
        from contextkit.shape.chain import apply  # noqa: PLC0415  (shapes are imported by those who use them)

        # What was declared away is not announced in every output, at thirty tokens each, to a model that cannot ask.
        handle = self.archive.name(_text(value)) if self.recall else None
        shaped = apply(shape, value, handle=handle, family=self.family)
        if shaped.changed:
            self.archive.put(_text(value))
        self.drift.extend(
            ToolDrift(tool, found.path, found.expected, found.found, found.sample) for found in shaped.drift
        )
        return _clean(shaped.text)

    def _capped(self, text: str, value: Any) -> str:
        if len(text) <= self.max_chars:
            return text
        from contextkit.shape.text import cap  # noqa: PLC0415  (shapes are imported by those who use them)

        return cap(text, self.max_chars, handle=self.archive.put(_text(value))).text

    def _blocks(self, tool: str, shape: Any, blocks: list[Block], where: str) -> list[Block]:
        from contextkit.shape.blocks import bounded  # noqa: PLC0415  (as above)
        from contextkit.shape.text import cap  # noqa: PLC0415  (as above)

        for block in blocks:
            block.pop("cache_control", None)
            if block["type"] == "text" and shape is not None:
                block["text"] = self._shaped(tool, shape, block["text"])
        said = [block for block in blocks if block["type"] != "text" or block["text"].strip()]
        return bounded(
            said, self.max_chars, lambda text, most: cap(text, most, handle=self.archive.put(text)).text, where=where
        )


def _are_blocks(output: Any) -> bool:
    return (
        not isinstance(output, str)
        and isinstance(output, Sequence)
        and len(output) > 0
        and all(_is_block(item) for item in output)
    )


def _is_block(item: Any) -> bool:
    """A dict with the fields of a block of its type; rows of data may have a "type" of their own."""
    if not isinstance(item, Mapping):
        return hasattr(item, "model_dump") and getattr(item, "type", None) in _RESULT_BLOCKS
    kind = item.get("type")
    if not isinstance(kind, str) or kind not in _RESULT_BLOCKS:
        return False
    name, wanted = _HOLDS.get(kind, ("type", str))
    return isinstance(item.get(name), wanted) and not any(refused_block(item, "tool_result", ""))


def _plain(output: Any, where: str) -> Any:
    try:
        return plain(output, where=where)
    except ContentError:
        return plain(_cleaned(output, 0), where=where)  # what is wrong beside surrogates is still named


def _cleaned(value: Any, depth: int) -> Any:
    """The output with every text clean; what is too deep or strange is left for `plain` to name."""
    if isinstance(value, str):
        return _clean(value)
    if depth > _DEEP:
        return value
    if isinstance(value, Mapping):
        return {_cleaned(key, depth + 1): _cleaned(item, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_cleaned(item, depth + 1) for item in value]
    return value


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else dumps(value)


def _clean(text: str) -> str:
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")  # a pair becomes its character
