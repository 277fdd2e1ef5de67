"""One item as bytes: what it adds to the shared prefix, checked when it is read.

Law: deciding only. An item that the API would refuse is named before its chunk is sent; nothing in it can change what
the items share.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from contextkit.api import facts
from contextkit.api.messages import blocks_of, digest, dumps, message_of, plain
from contextkit.api.validity import faults
from contextkit.batch.prefix import OWN
from contextkit.batch.values import Item
from contextkit.errors import ConfigError, ContentError
from contextkit.tokens.coefficients import BAND
from contextkit.tokens.estimate import family_of, message_tokens

if TYPE_CHECKING:
    from contextkit.batch.prefix import Prefix

__all__ = ["Line", "line_of"]

_PAIR: Final = 2


class Line(NamedTuple):
    """An item, ready to be kept.

    Attributes:
        id: its name.
        name: digest of its part.
        tail: its part of the request's JSON, after the prefix.
        tokens: of its part, estimated.
        most: its `max_tokens`.
    """

    id: str
    name: bytes
    tail: bytes
    tokens: int
    most: int


def line_of(given: Any, place: int, prefix: Prefix) -> Line:
    """An item in any of the forms that `Batch` takes.

    Args:
        given: a text, (id, content), a dict, or an Item.
        place: which of the items it is, from 0.
        prefix: what it shares with the others.

    Raises:
        ContentError: it is empty, too large, or what the API refuses. ConfigError: it sets what all items share.
    """
    item = _item(given, place)
    where = f"item {item.id or place!r}"
    most = prefix.max_tokens if item.max_tokens is None else item.max_tokens
    messages = _messages(item.content, where)
    own = {**prefix.own, **_own(item.params, where)}
    plain_text = isinstance(item.content, str) and item.max_tokens is None and not item.params
    body = {"model": prefix.model, "max_tokens": most, "messages": messages, **own}
    found = None if plain_text else next(faults(body), None)  # a text cannot be wrong, and nearly all items are texts
    if found is not None or most < 1:
        raise ContentError(
            f"the API would refuse it: {found.message if found else f'max_tokens is {most}'}",
            where=where,
            fix="Correct or leave out this item; what was sent before stays as it is.",
        )
    family = family_of(prefix.model)  # the figure is shown before anything is paid: not `quick_tokens`
    tokens = round(sum(message_tokens(message, family, high_res=family == "2026") for message in messages))
    _fits(prefix, tokens, where)
    rest = dumps({"max_tokens": most, **own})
    tail = f"{dumps(messages)[1:]},{rest[1:]}".encode()
    return Line(item.id or f"item-{place}", digest(tail), tail, tokens, most)


def _item(given: Any, place: int) -> Item:
    if isinstance(given, Item):
        return given
    if isinstance(given, tuple) and len(given) == _PAIR and isinstance(given[0], str):
        return Item(given[1], given[0])
    if isinstance(given, Mapping) and "role" not in given and "type" not in given:
        return _from_dict(given, place)
    return Item(given)


def _from_dict(given: Mapping[str, Any], place: int) -> Item:
    """{"id", "content" or "messages", ...}, or the API's own {"custom_id", "params": {...}}."""
    inner = given.get("params")
    whole = {**given, **(inner if isinstance(inner, Mapping) else {})}
    whole.pop("params", None)
    name = whole.pop("id", None) or whole.pop("custom_id", None) or ""
    whole.pop("custom_id", None)
    content = whole.pop("messages", None)
    content = whole.pop("content", None) if content is None else content
    limit = whole.pop("max_tokens", None)
    if content is None or not isinstance(name, str):
        raise ContentError(
            "it has no content" if content is None else "its id is no text",
            where=f"item {name or place!r}",
            fix='Give a text, (id, text), or {"id": ..., "content": ...}.',
        )
    return Item(content, name, limit, whole)


def _messages(content: Any, where: str) -> list[dict[str, Any]]:
    if isinstance(content, Mapping) and "role" in content:
        content = [content]
    if isinstance(content, Sequence) and not isinstance(content, str) and content and _is_message(content[0]):
        messages = [message_of(message) for message in content]
    else:
        messages = [{"role": "user", "content": blocks_of(content, where=where)}]
    if not all(message["content"] for message in messages):
        raise ContentError("it is empty", where=where, fix="Leave it out, or say something in it.")
    return messages


def _is_message(value: Any) -> bool:
    return isinstance(value, Mapping) and "role" in value and "content" in value


def _own(params: Mapping[str, Any], where: str) -> dict[str, Any]:
    shared = sorted(set(params) - OWN)
    if shared:
        raise ConfigError(
            f"it sets {', '.join(shared)}, which all items share",
            where=where,
            fix="Set it for the whole batch, or put such items into a batch of their own.",
        )
    return {name: plain(value, where=f"{where}.{name}") for name, value in params.items() if value is not None}


def _fits(prefix: Prefix, tokens: int, where: str) -> None:
    """Refuse what is over the model's window even by the lowest estimate."""
    row = facts.model(prefix.model)
    if row is None:
        return
    least = int((prefix.tokens + tokens) * BAND[row.tokenizer][0])
    if least > row.window:
        raise ContentError(
            f"with the prefix it is at least {least:,} tokens by estimate, and the model's window is {row.window:,}",
            where=where,
            fix="Split it, or shape it first.",
        )
