"""A side call's request: checked in full before anything is paid for.

Law: it is built of what is given here alone; a conversation's prefix has no part in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from contextkit.api import facts
from contextkit.api.messages import blocks_of, message_of
from contextkit.api.request import Request
from contextkit.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from contextkit.escalate.values import Asked
    from contextkit.route import Output, Rung

__all__ = ["body_of", "format_of", "request_for"]

_MARK: Final = {"type": "ephemeral"}
_TAKEN: Final = (facts.CREATE_PARAMS | {"tools"}) - {"cache_control"}


def body_of(
    messages: Any,
    *,
    system: Any,
    output: Output,
    max_tokens: int,
    structured: bool,
    cache: bool,
    params: Mapping[str, Any],
) -> dict[str, Any]:
    """The arguments of `messages.create` but the model; see `Route.ask`.

    Raises:
        ConfigError, ContentError: what the API would not take.
    """
    if unknown := sorted(set(params) - _TAKEN):
        raise ConfigError(f"a side call takes no {', '.join(unknown)}", where="Route.ask(**params)")
    if max_tokens < 1:
        raise ConfigError(f"max_tokens is {max_tokens}", where="Route.ask(max_tokens=)", fix="Give 1 or more.")
    body = {**params, "messages": _messages(messages), "max_tokens": max_tokens}
    blocks = blocks_of(system, where="system")
    if blocks:
        body["system"] = [*blocks[:-1], {**blocks[-1], "cache_control": dict(_MARK)}] if cache else blocks
    if structured and output.schema is not None:
        body["output_config"] = {
            **(params.get("output_config") or {}),
            "format": format_of(output.schema, where="ask(output=)"),
        }
    return body


def request_for(asked: Asked, rung: Rung) -> Request:
    """The request for a rung; what the rung sets goes before what the call sets, but for the declared format."""
    params = {**asked.params, **rung.params, "model": rung.model}
    if rung.max_tokens is not None:
        params["max_tokens"] = rung.max_tokens
    config = {**(asked.params.get("output_config") or {}), **(rung.params.get("output_config") or {})}
    if config:
        params["output_config"] = config
    return Request(params)


def _messages(given: Any) -> list[dict[str, Any]]:
    """Messages as the API takes them.

    Raises:
        ContentError: they are none.
    """
    if isinstance(given, str):
        return [{"role": "user", "content": blocks_of(given, where="ask()")}]
    return [dict(message_of(message)) for message in given]


def format_of(schema: dict[str, Any], *, where: str) -> dict[str, Any]:
    """The schema in the part of JSON Schema that the API keeps to, by the SDK's own rules.

    Raises:
        ConfigError: it has no such part.
    """
    from anthropic import transform_schema  # noqa: PLC0415  (over a second to import)

    try:
        return {"type": "json_schema", "schema": transform_schema(schema)}
    except (ValueError, TypeError, AttributeError, AssertionError) as error:
        raise ConfigError(
            f"the API takes no such schema: {error}",
            where=where,
            fix="Give every part a type, or set structured=False: the answer is checked in any case.",
        ) from error
