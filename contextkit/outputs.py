"""Tool outputs at the door: shaped once, capped, and the original kept.

Law: an output enters once and never changes afterwards. What is cut is in the archive under the handle that the
visible note names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from contextkit.api.messages import Block, dumps, plain
from contextkit.errors import ConfigError

if TYPE_CHECKING:
    from contextkit.api.facts import Family
    from contextkit.history.archive import Archive
    from contextkit.shape.chain import Shape

__all__ = ["Outputs", "Shapes"]

Shapes = Mapping[str, "Shape | Any"]
"""What enters of each tool's output, by tool name; "*" stands for every tool without its own."""

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
_SILENT_ERROR: Final = "(the tool failed without a message)"


@dataclass(frozen=True, slots=True)
class Outputs:
    """The door.

    Attributes:
        shapes: by tool name.
        archive: where originals are kept.
        max_chars: cap of any one output, characters.
        family: tokenizer for caps in tokens.
    """

    shapes: Shapes
    archive: Archive
    max_chars: int
    family: Family

    def __post_init__(self) -> None:
        if self.max_chars < _LEAST_CAP:
            raise ConfigError(
                f"max_output_chars is {self.max_chars}",
                where="Conversation(max_output_chars=)",
                fix=f"Give {_LEAST_CAP} or more.",
            )

    def enter(self, tool: str, output: Any, *, is_error: bool = False) -> str | list[Block]:
        """What enters the conversation of a tool's output: text, or content blocks; "" for nothing.

        Text with lone surrogates enters with U+FFFD in their place, because JSON in UTF-8 cannot carry them.

        Raises:
            ContentError: the output has no form in JSON.
        """
        if _are_blocks(output):
            blocks = [self._block(block) for block in plain(output, where=f"output of {tool}")]
            blocks = [block for block in blocks if block["type"] != "text" or block["text"].strip()]
            return blocks or (_SILENT_ERROR if is_error else "")
        value = _clean(output) if isinstance(output, str) else plain(output, where=f"output of {tool}")
        shape = None if is_error else self.shapes.get(tool, self.shapes.get("*"))
        text = self._shaped(shape, value) if shape is not None else _text(value)
        text = self._capped(text, value)
        if not text.strip():
            return _SILENT_ERROR if is_error else ""
        return text

    def _shaped(self, shape: Any, value: Any) -> str:
        from contextkit.shape.chain import apply  # noqa: PLC0415  (shapes are imported by those who use them)

        # Without a handle in its note: what was declared away is not announced in every output, at thirty tokens each.
        shaped = apply(shape, value, family=self.family)
        if shaped.changed:
            self.archive.put(_text(value))
        return _clean(shaped.text)

    def _capped(self, text: str, value: Any) -> str:
        if len(text) <= self.max_chars:
            return text
        from contextkit.shape.text import cap  # noqa: PLC0415  (shapes are imported by those who use them)

        return cap(text, self.max_chars, handle=self.archive.put(_text(value))).text

    def _block(self, block: Block) -> Block:
        block.pop("cache_control", None)
        if block["type"] == "text":
            block["text"] = self._capped(block["text"], block["text"])
        return block


def _are_blocks(output: Any) -> bool:
    return (
        isinstance(output, Sequence)
        and not isinstance(output, str)
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
    return isinstance(item.get(name), wanted)


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else dumps(value)


def _clean(text: str) -> str:
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")  # a pair becomes its character
