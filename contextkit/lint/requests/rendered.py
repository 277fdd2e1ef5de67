"""The cacheable prefix of a request as text that people review: what is in it, how large it is, what it costs.

Law: the same request gives the same text on every machine; the hash changes exactly when the cached prefix does. All
tokens are estimates and say so.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from contextkit.api.marks import blocks_in_order
from contextkit.api.messages import plain
from contextkit.cache.prefix import prefix
from contextkit.lint.requests.priced import priced
from contextkit.tokens.parts import counts_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from contextkit.cache.prefix import Position

__all__ = ["rendered"]

_NOT_SHOWN: Final = frozenset(
    {"model", "messages", "system", "tools", "cache_control", "max_tokens", "stream", "metadata", "stop_sequences"}
)


def rendered(request: Any) -> str:
    """The prefix up to the last mark; without a mark, tools and system.

    Args:
        request: a body or keyword arguments of `messages.create`, or an exchange of the emulator.
    """
    body = plain(getattr(request, "body", request))
    chain = prefix(body, counts_for(body))
    marked = [at for at, one in enumerate(chain.positions) if one.mark]
    heads = [at for at, one in enumerate(chain.positions) if one.path[0] != "messages"]
    end = (marked or heads or [-1])[-1]
    kept = chain.positions[: end + 1]
    tokens = kept[-1].tokens if kept else 0
    name, state = kept[-1].digest.hex() if kept else "none", "" if marked else ", no mark: not cached"
    lines = [
        f"model: {body['model']}",
        f"prefix: {tokens:,} tokens (estimated), {len(kept)} blocks, hash {name}{state}",
        _priced(str(body["model"]), tokens),
    ]
    settings = {key: value for key, value in sorted(body.items()) if key not in _NOT_SHOWN}
    if settings:
        lines.append(f"settings: {json.dumps(settings, sort_keys=True, ensure_ascii=False)}")
    blocks = dict(blocks_in_order(body))
    before = 0
    for one in kept:
        lines += ["", _title(body, one, before), *_content(blocks.get(one.path, {}))]
        before = one.tokens
    return "\n".join(lines)


def _priced(model: str, tokens: int) -> str:
    found = priced(model, tokens)
    if found is None:
        return "price: not known"
    costs = [("write 5m", found.write_5m), ("write 1h", found.write_1h), ("read", found.read)]
    return "price: " + ", ".join(f"{name} ${tokens * usd:.6f}" for name, usd in costs)


def _title(body: Mapping[str, Any], one: Position, before: int) -> str:
    place, at, index = one.path
    name = f"{place}/{at}" if place != "messages" else f"messages/{at}/{index} {body['messages'][at]['role']}"
    mark = f", mark {one.mark}" if one.mark else ""
    return f"--- {name} ({one.tokens - before:,} tokens{mark})"


def _content(block: Mapping[str, Any]) -> Iterator[str]:
    """The block: its text, or its JSON in the order that is hashed, the mark aside."""
    bare = {key: value for key, value in block.items() if key != "cache_control"}
    if bare.keys() == {"type", "text"}:
        yield from str(bare["text"]).split("\n")
    else:
        yield from json.dumps(bare, indent=2, ensure_ascii=False).split("\n")
