"""Blocks and messages as the API takes them: from anything to plain JSON, and from a block to the bytes it is.

Law: what enters is copied once into plain dicts, lists and strings, checked on the way; nothing that a caller
holds is kept. Two spellings of the same content (`"text"` and `[{"type": "text", "text": "text"}]`, keys of a
block in another order, a moved `cache_control`) have the same canonical bytes, because the server hashes content,
not spelling. The order of keys inside a tool call's `input` does count (prompt-caching page, "JSON key order").
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Any, Final, NoReturn, cast

from contextkit.errors import ContentError

__all__ = [
    "Block",
    "Message",
    "blocks_of",
    "canonical",
    "cleaned",
    "digest",
    "dumps",
    "has_user_text",
    "message_of",
    "plain",
    "walk",
]

Block = dict[str, Any]
Message = dict[str, Any]

DIGEST_BYTES: Final = 16
_MAX_DEPTH: Final = 200
_MAX_BITS: Final = 14_000  # of a whole number: json writes at most 4,300 digits (sys.set_int_max_str_digits)

# What SDK helpers add to response blocks and the API does not take back.
_RESPONSE_ONLY: Final = frozenset({"parsed_output", "parsed"})
_BARE_TEXT: Final = frozenset({"type", "text"})


# Made once: json.dumps with options makes an encoder at every call, which is most of its time on a small block.
_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def dumps(value: Any) -> str:
    """JSON without spaces, non-ASCII kept, keys in their given order."""
    return _ENCODER.encode(value)


def plain(value: Any, *, where: str = "") -> Any:
    """A deep copy of `value` as plain JSON: dicts, lists, strings, numbers, booleans, None.

    SDK objects (anything with `model_dump`) become dicts without their empty fields.

    Raises:
        ContentError: a value that JSON has no form for, a lone surrogate, nesting deeper than 200.
    """
    try:
        return _copied(value, 0)
    except _NotPlainError:
        return _plain(value, where, 0)  # slower: knows where it is, so that the error can say so


class _NotPlainError(Exception):
    """Something that is not a plain, clean JSON value; the careful walk says what."""


def _copied(value: Any, depth: int) -> Any:
    """The copy of what is plain JSON already: nearly everything."""
    kind = type(value)
    if kind is str:
        if value.isascii() or _clean(value):
            return value
    elif kind is dict and depth <= _MAX_DEPTH:
        made = {}
        for key, item in value.items():
            if type(key) is not str or not (key.isascii() or _clean(key)):
                raise _NotPlainError
            made[key] = item if type(item) is str and item.isascii() else _copied(item, depth + 1)
        return made
    elif kind is list and depth <= _MAX_DEPTH:
        return [_copied(item, depth + 1) for item in value]
    elif kind is int:
        if value.bit_length() <= _MAX_BITS:
            return value
    elif value is None or kind is bool or (kind is float and math.isfinite(value)):
        return value
    raise _NotPlainError


def _clean(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _plain(value: Any, where: str, depth: int) -> Any:  # noqa: PLR0911  (one return a JSON type)
    kind = type(value)
    if kind is str:
        return _text(value, where)
    if value is None or kind is bool:
        return value
    if depth > _MAX_DEPTH:
        raise ContentError(f"content is nested deeper than {_MAX_DEPTH}", where=where, fix="Flatten it or send text.")
    if isinstance(value, Mapping):
        return {_key(k, where): _plain(v, f"{where}.{k}", depth + 1) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item, f"{where}[{i}]", depth + 1) for i, item in enumerate(value)]
    if isinstance(value, float):
        return _number(value, where)
    if isinstance(value, str):
        return _text(str.__str__(value), where)  # an Enum's own str() is its name, not its value
    if isinstance(value, int):
        return _whole(value, where)
    if hasattr(value, "model_dump"):
        return _plain(_dumped(value), where, depth + 1)
    raise ContentError(
        f"a {kind.__name__} is not JSON", where=where, fix="Convert it to text, numbers, lists or dicts first."
    )


def cleaned(text: str) -> str:
    """Text with U+FFFD in the place of lone surrogates, which JSON in UTF-8 cannot carry; a pair is its character."""
    return text if text.isascii() else text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _text(value: str, where: str) -> str:
    if value.isascii():
        return value
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise ContentError(
            f"text holds a lone surrogate at character {error.start}, which JSON in UTF-8 cannot carry",
            where=where,
            fix="Decode the bytes with errors='replace', or text.encode('utf-8', 'replace').decode().",
        ) from None
    return value


def _key(key: Any, where: str) -> str:
    if not isinstance(key, str):
        raise ContentError(f"a key is a {type(key).__name__}, not a string", where=where, fix="Use string keys.")
    return _text(str.__str__(key), where)


def _number(value: float, where: str) -> float:
    if math.isfinite(value):
        return float(value)
    raise ContentError(f"{value} has no form in JSON", where=where, fix="Send null or a string instead.")


def _whole(value: int, where: str) -> int:
    if value.bit_length() <= _MAX_BITS:
        return int(value)
    raise ContentError("a number has too many digits to be written as JSON", where=where, fix="Send it as text.")


def _dumped(value: Any) -> dict[str, Any]:
    """An SDK object's set fields. A tool call's `input` is taken as it is: a None in it is the model's own."""
    data = cast("dict[str, Any]", value.model_dump(mode="json", by_alias=True, exclude_none=True, warnings=False))
    given = getattr(value, "input", None)
    if isinstance(given, Mapping):
        data["input"] = given
    inner = getattr(value, "content", None)
    if isinstance(inner, list):
        data["content"] = inner
    return {key: item for key, item in data.items() if key not in _RESPONSE_ONLY}


def blocks_of(content: Any, *, where: str = "content") -> list[Block]:
    """Message content (text, one block, or several; dicts or SDK objects) as a list of plain blocks.

    Empty text blocks are left out, because the API refuses them.
    """
    if isinstance(content, str):
        return [{"type": "text", "text": _text(content, where)}] if content.strip() else []
    if type(content) is not list:
        if isinstance(content, Mapping) or hasattr(content, "model_dump"):
            content = [content]
        elif not isinstance(content, Iterable):
            content = _not_content(content, where)
    blocks = [_block(item, where, at) for at, item in enumerate(content)]
    return [block for block in blocks if block["type"] != "text" or block["text"].strip()]


def _not_content(content: Any, where: str) -> NoReturn:
    raise ContentError(f"content is a {type(content).__name__}", where=where, fix="Give text or a list of blocks.")


def _block(item: Any, where: str, at: int) -> Block:
    if type(item) is dict:
        said = item.get("text")
        if len(item) == 2 and item.get("type") == "text" and type(said) is str and said.isascii():  # noqa: PLR2004
            return {"type": "text", "text": said}  # by far the most frequent block
        try:
            block = _copied(item, 0)
        except _NotPlainError:
            block = _plain(item, f"{where}[{at}]", 0)
    elif isinstance(item, str):
        return {"type": "text", "text": _text(item, f"{where}[{at}]")}
    else:
        block = plain(item, where=f"{where}[{at}]")
    where = f"{where}[{at}]"
    if not isinstance(block, dict) or not isinstance(block.get("type"), str):
        raise ContentError("a content block has no type", where=where, fix='For text: {"type": "text", "text": ...}.')
    if block["type"] == "text" and not isinstance(block.get("text"), str):
        raise ContentError("a text block has no text", where=where, fix='Give {"type": "text", "text": ...}.')
    # Marks are the planner's business; a caller's own would exceed the limit of four sooner or later.
    block.pop("cache_control", None)
    if block["type"] == "tool_result" and isinstance(block.get("content"), list):
        for inner in block["content"]:
            if isinstance(inner, dict):
                inner.pop("cache_control", None)
    return block


def message_of(message: Any) -> Message:
    """A message (dict or SDK object) as {"role", "content": [plain blocks]}; other fields of a response are dropped."""
    plain_dict = type(message) is dict or isinstance(message, Mapping)
    source = message if plain_dict else vars(message) if hasattr(message, "__dict__") else {}
    role, content = source.get("role"), source.get("content")
    if role not in {"user", "assistant"} or content is None:
        raise ContentError(
            f"not a message: role {role!r}",
            where=type(message).__name__,
            fix='Give {"role": "user" or "assistant", "content": ...} or the SDK\'s Message.',
        )
    return {"role": role, "content": blocks_of(content)}


def canonical(block: Mapping[str, Any]) -> bytes:
    """The bytes that stand for a block's content, whatever its spelling; never contains the mark."""
    kind = block.get("type")
    if kind == "text" and len(block) == 2 + ("cache_control" in block):  # by far the most frequent block
        return b"text\0" + str(block["text"]).encode("utf-8", "surrogatepass")
    ordered = _ordered(block)
    if kind == "text" and ordered.keys() == _BARE_TEXT:  # a text with empty fields beside it
        return b"text\0" + str(block["text"]).encode("utf-8", "surrogatepass")
    return dumps(ordered).encode("utf-8", "surrogatepass")


def _ordered(block: Mapping[str, Any]) -> dict[str, Any]:
    result = {}
    for key in sorted(block):
        value = block[key]
        if key == "cache_control" or value is None:
            continue
        if key == "content" and isinstance(value, str):
            value = [{"text": value, "type": "text"}]
        elif key == "content" and isinstance(value, list):
            value = [_ordered(item) if isinstance(item, Mapping) else item for item in value]
        elif key == "source" and isinstance(value, Mapping):  # of an image or a document
            value = _ordered(value)
        result[key] = value
    return result


def digest(*parts: bytes) -> bytes:
    """16 bytes of BLAKE2b over length-prefixed parts, so that no two lists of parts run together."""
    state = blake2b(digest_size=DIGEST_BYTES)
    for part in parts:
        state.update(len(part).to_bytes(8, "little"))
        state.update(part)
    return state.digest()


def has_user_text(content: Any) -> bool:
    """Whether a user message's content starts a new turn: anything in it that is not a tool result."""
    if isinstance(content, str):
        return True
    return any(isinstance(block, Mapping) and block.get("type") != "tool_result" for block in content or ())


def walk(message: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """A message's content as a list of blocks, plain text spelled out."""
    content = message["content"]
    return [{"type": "text", "text": content}] if isinstance(content, str) else list(content)
