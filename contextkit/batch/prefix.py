"""What all items share, as bytes: model, tools, system and messages, marked once.

Law: the same prefix has the same bytes in every request, and one mark at its end. Deciding only: nothing is asked
here. A prefix that the API would refuse is refused when it is given, with the API's words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from contextkit.api import facts
from contextkit.api.messages import blocks_of, digest, dumps, message_of, plain
from contextkit.api.validity import faults
from contextkit.errors import ConfigError, HistoryError
from contextkit.history.loan import returned
from contextkit.tokens.estimate import prompt_tokens
from contextkit.tools.function import definition_of

if TYPE_CHECKING:
    from contextkit.conversation import Conversation
    from contextkit.route import Output
from contextkit.escalate.request import format_of

__all__ = ["OWN", "Prefix", "prefix_of"]

OWN: Final = frozenset({"metadata", "stop_sequences"})
"""What an item may set for itself: it is not part of the prompt (the invalidation table in facts)."""

_REFUSED: Final = ("stream", "speed", "thread", "fallbacks", "diagnostics", "cache_control")  # batch-processing page
_TRANSPORT: Final = facts.TRANSPORT_PARAMS - {"betas"}
_TAKEN: Final = (facts.CREATE_PARAMS | {"model", "max_tokens", "system", "tools", "messages"}) - _TRANSPORT
_PLACEHOLDER: Final = {"role": "user", "content": [{"type": "text", "text": "(warm-up)"}]}


@dataclass(frozen=True, slots=True)
class Prefix:
    """A shared prefix.

    Attributes:
        model: the model id.
        max_tokens: of an answer that sets no bound of its own.
        betas: beta headers.
        head: the beginning of every request's JSON, up to where an item's own messages begin.
        body: the same as a dict, with its mark.
        own: what an item sends that sets nothing else in its place: `metadata`, `stop_sequences`.
        tokens: estimated.
        shared: it is marked and long enough to be cached.
        ttl: lifetime of the mark; None without one.
    """

    model: str
    max_tokens: int
    betas: tuple[str, ...]
    head: bytes
    body: Mapping[str, Any]
    own: Mapping[str, Any]
    tokens: int
    shared: bool
    ttl: facts.Ttl | None

    @property
    def name(self) -> bytes:
        """Digest of everything that is the same in all requests."""
        return digest(self.head, dumps([self.max_tokens, list(self.betas), self.own]).encode())

    def warm(self) -> dict[str, Any]:
        """The one small request that writes the prefix: no output where the API takes that, else the least."""
        body = {**self.body, "messages": [*self.body["messages"], _PLACEHOLDER], "max_tokens": 0}
        if any(faults(body)):
            thinking = body.get("thinking") or {}
            body["max_tokens"] = 1 + int(thinking.get("budget_tokens") or 0)
        return body

    def of(self, tail: bytes) -> bytes:
        """A whole request, with an item's part."""
        return self.head + tail


def prefix_of(
    given: Conversation | Mapping[str, Any] | None,
    *,
    model: str | None,
    max_tokens: int | None,
    output: Output,
    structured: bool,
    ttl: facts.Ttl | None,
    params: Mapping[str, Any],
) -> Prefix:
    """The prefix of a conversation as it stands, or of the arguments of `messages.create`.

    Raises:
        ConfigError: no model, or what batches do not take. HistoryError: tool calls are open. ContentError: not JSON.
    """
    body = {**_given(given), **{key: value for key, value in params.items() if value is not None}}
    body = {key: value for key, value in body.items() if key not in {"diagnostics", "cache_control"}}
    _check_names(body)
    chosen = facts.resolve(model or str(body.pop("model", "") or ""))
    if not chosen:
        raise ConfigError("no model is named", where="Batch(model=)", fix='Give an id, or "haiku".')
    limit = max_tokens if max_tokens is not None else body.pop("max_tokens", None) or 1_024
    for name in ("model", "max_tokens"):
        body.pop(name, None)
    betas = tuple(body.pop("betas", None) or ())
    if structured and output.schema is not None:
        body["output_config"] = {
            **(body.get("output_config") or {}),
            "format": format_of(output.schema, where="Batch(output=)"),
        }
    made = _ordered(chosen, body)
    _check(made, limit)
    own = {name: made.pop(name) for name in sorted(OWN) if name in made}
    tokens = round(prompt_tokens(made, chosen)) if _has_prefix(made) else 0
    row = facts.model(chosen)
    marked = _marked(made, ttl) if ttl and tokens else made
    long = tokens >= (row.min_prefix if row else 1_024)
    shared = marked is not made and long
    return Prefix(chosen, limit, betas, _head(marked), marked, own, tokens, shared, ttl if shared else None)


def _given(given: Conversation | Mapping[str, Any] | None) -> dict[str, Any]:
    if given is None:
        return {}
    if isinstance(given, Mapping):
        return dict(given)
    state = getattr(given, "_state", None)
    if state is None:
        raise ConfigError(
            f"a {type(given).__name__} is no prefix",
            where="Batch(prefix=)",
            fix="Give a Conversation, or a dict of arguments of messages.create: system, tools, messages, ...",
        )
    if state.log.open_calls:
        raise _open(list(state.log.open_calls))
    fixed: dict[str, Any] = returned(state.fixed(mark=False))
    return {**fixed, "messages": [returned(message) for message in state.view.messages()]}


def _check_names(body: Mapping[str, Any]) -> None:
    refused = [name for name in _REFUSED if body.get(name) not in {None, False}]
    if refused:
        raise ConfigError(f"batches do not take {', '.join(refused)}", where="Batch(prefix=)", fix="Leave it out.")
    unknown = sorted(set(body) - _TAKEN - set(_REFUSED))
    if unknown:
        raise ConfigError(
            f"a batch takes no {', '.join(unknown)}",
            where="Batch(**params)",
            fix=f"Known: {', '.join(sorted(_TAKEN))}.",
        )


def _ordered(model: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """The body without limits: plain JSON, texts as blocks, no marks, messages last."""
    tools = [definition_of(tool, f"tools[{at}]") for at, tool in enumerate(body.get("tools") or ())]
    system = blocks_of(body.get("system") or (), where="system")
    messages = [message_of(message) for message in body.get("messages") or ()]
    rest = {
        name: plain(value, where=name)
        for name, value in sorted(body.items())
        if name not in {"tools", "system", "messages"} and value is not None and value is not False
    }
    made = {"model": model, **rest}
    made |= {"tools": tools} if tools else {}
    made |= {"system": system} if system else {}
    return {**made, "messages": [message for message in messages if message["content"]]}


def _check(body: Mapping[str, Any], limit: int) -> None:
    if not isinstance(limit, int) or limit < 1:
        raise ConfigError(f"max_tokens is {limit}", where="Batch(max_tokens=)", fix="Give 1 or more.")
    open_calls = _open_calls(body["messages"])
    if open_calls:
        raise _open(open_calls)
    whole = {**body, "max_tokens": limit, "messages": [*body["messages"], _PLACEHOLDER]}
    found = next(faults(whole), None)
    if found is not None:
        raise ConfigError(f"the API would refuse the prefix: {found.message}", where="Batch(prefix=)")


def _open_calls(messages: Sequence[Mapping[str, Any]]) -> list[str]:
    """Calls of the last message: nothing follows that could answer them."""
    last = messages[-1] if messages else None
    if last is None or last["role"] != "assistant":
        return []
    return [str(block.get("id")) for block in last["content"] if block["type"] == "tool_use"]


def _open(calls: Sequence[str]) -> HistoryError:
    return HistoryError(
        f"{len(calls)} tool call(s) of the prefix have no result yet: {', '.join(calls)}",
        where="Batch(prefix=)",
        fix="Answer them first, or end the prefix before them: no item could follow.",
    )


def _has_prefix(body: Mapping[str, Any]) -> bool:
    return bool(body.get("tools") or body.get("system") or body["messages"])


def _marked(body: dict[str, Any], ttl: facts.Ttl) -> dict[str, Any]:
    """The body with a mark on the last block that takes one; itself where none does."""
    mark = {"cache_control": {"type": "ephemeral", "ttl": ttl}}
    messages = body["messages"]
    for at in range(len(messages) - 1, -1, -1):
        content = _mark_last(messages[at]["content"], mark)
        if content is not None:
            return {**body, "messages": [*messages[:at], {**messages[at], "content": content}, *messages[at + 1 :]]}
    for name in ("system", "tools"):
        blocks = _mark_last(body.get(name) or [], mark)
        if blocks is not None:
            return {**body, name: blocks}
    return body


def _mark_last(blocks: Sequence[Mapping[str, Any]], mark: Mapping[str, Any]) -> list[Mapping[str, Any]] | None:
    for at in range(len(blocks) - 1, -1, -1):
        if blocks[at].get("type") not in facts.UNMARKABLE and not blocks[at].get("defer_loading"):
            return [*blocks[:at], {**blocks[at], **mark}, *blocks[at + 1 :]]
    return None


def _head(body: Mapping[str, Any]) -> bytes:
    """The JSON of the body, `messages` last and open, so that an item's part can follow."""
    whole = dumps({**{name: value for name, value in body.items() if name != "messages"}, "messages": body["messages"]})
    return (whole[: -len("]}")] + ("," if body["messages"] else "")).encode()
