"""Tokens of a prompt, estimated part by part: text by its features, structure by what it was billed.

The law: additive (a prompt is the sum of its parts, so a block is counted once and never again), linear, no
network, no vocabulary, and never an error, whatever the content. The coefficients are fitted on billed usage only
(`coefficients.py`, written by `benchmarks/fit_tokens.py`); a figure is an estimate until `calibrate.py` anchors it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from contextkit.tokens import coefficients, media
from contextkit.tokens.content import as_blocks, as_json, as_mapping, string
from contextkit.tokens.rates import RATES, Rates, family_of, row_of, tool_prompt

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from contextkit.api import facts

__all__ = [
    "Estimate",
    "banded",
    "block_tokens",
    "estimate_request",
    "family_of",
    "message_overhead",
    "message_tokens",
    "message_with",
    "prompt_tokens",
    "request_tokens",
    "system_tokens",
    "text_tokens",
    "tool_tokens",
    "tools_tokens",
]

_DEPTH: Final = 40
"""Nesting of blocks that is followed; deeper ones are counted as their JSON."""

_NOT_SHOWN: Final = frozenset({"cache_control", "type", "id", "tool_use_id", "signature", "strict", "defer_loading"})
"""Keys of tools and unknown blocks that are not part of the prompt's text."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """How many tokens, and how sure.

    Attributes:
        tokens: the best guess.
        low: nine of ten true values lie between `low` and `high`.
        high: see `low`.
        counter: who says so: "estimate", "calibrated", "count_tokens", "tiktoken", "ctok".
    """

    tokens: int
    low: int
    high: int
    counter: str


def text_tokens(text: str, family: facts.Family) -> float:
    """Tokens of a text in a prompt, without any structure around it; linear in its length, never raises."""
    return RATES[family].text(text)


def _tool_use(block: Mapping[str, Any], rates: Rates) -> float:
    given = block.get("input")
    total = rates.cost["tool_use"] + rates.text(string(block, "name"))
    if not isinstance(given, Mapping):
        return total + rates.text(as_json(given))
    for key, value in given.items():
        text = value if isinstance(value, str) else as_json(value)
        total += rates.cost["parameter"] + rates.text(str(key)) + rates.text(text)
    return total


def _document(block: Mapping[str, Any], rates: Rates, *, high_res: bool, depth: int) -> float:
    source = block.get("source")
    source = source if isinstance(source, Mapping) else {}
    total = rates.text(string(block, "title")) + rates.text(string(block, "context"))
    if source.get("type") == "text":
        return total + rates.cost["document"] + rates.text(string(source, "data"))
    if source.get("type") == "content":
        return total + rates.cost["document"] + _content(source.get("content"), rates, high_res=high_res, depth=depth)
    count = media.pages(source) if source.get("type") == "base64" else 1
    return total + count * rates.cost["pdf_page"]


def _content(content: Any, rates: Rates, *, high_res: bool, depth: int) -> float:
    return sum(_block(block, rates, high_res=high_res, depth=depth + 1) for block in as_blocks(content))


def _image(block: Mapping[str, Any], rates: Rates, *, high_res: bool) -> float:
    source = block.get("source")
    size = media.dimensions(source.get("data")) if isinstance(source, Mapping) else None
    return rates.cost["image"] + media.image_tokens(size, high_res=high_res, cells=rates.cells)


def _tool_result(block: Mapping[str, Any], rates: Rates, *, high_res: bool, depth: int) -> float:
    return rates.cost["tool_result"] + _content(block.get("content"), rates, high_res=high_res, depth=depth)


def _search_result(block: Mapping[str, Any], rates: Rates, *, high_res: bool, depth: int) -> float:
    head = rates.text(f"{string(block, 'title')} {string(block, 'source')}")
    return head + _content(block.get("content"), rates, high_res=high_res, depth=depth)


_LEAF: Final[dict[str, Callable[[Mapping[str, Any], Rates], float]]] = {
    "text": lambda block, rates: rates.text(string(block, "text")),
    "tool_use": _tool_use,
    "thinking": lambda block, rates: rates.cost["thinking"] + rates.text(string(block, "thinking")),
    "redacted_thinking": lambda block, rates: rates.cost["redacted_character"] * len(string(block, "data")),
    # The model sees the summary; seal, signature and the record of tool changes are for the server (compaction page).
    "compaction": lambda block, rates: rates.text(string(block, "content")),
}
_NESTED: Final = {"tool_result": _tool_result, "document": _document, "search_result": _search_result}


def _block(block: Mapping[str, Any], rates: Rates, *, high_res: bool, depth: int) -> float:
    kind = string(block, "type")
    leaf, nested = _LEAF.get(kind), _NESTED.get(kind)
    if leaf is not None:
        return leaf(block, rates)
    if kind == "image":
        return _image(block, rates, high_res=high_res)
    if nested is not None and depth <= _DEPTH:
        return nested(block, rates, high_res=high_res, depth=depth)
    return rates.text(as_json({key: value for key, value in block.items() if key not in _NOT_SHOWN}))


def block_tokens(block: Mapping[str, Any], family: facts.Family, *, high_res: bool = False) -> float:
    """Tokens of one content block with its structure; what the block's message costs is `message_overhead`.

    Args:
        block: a content block as the API takes it (or an SDK model); unknown kinds count as their JSON.
        family: the tokenizer, `facts.Model.tokenizer`.
        high_res: `facts.Model.high_res`, for images.
    """
    return _block(as_mapping(block), RATES[family], high_res=high_res, depth=0)


def _overhead(message: Mapping[str, Any], rates: Rates) -> float:
    total = rates.cost["message"]
    content = message.get("content")
    if not isinstance(content, str):
        kinds = {block.get("type") for block in as_blocks(content)}
        total += sum(rates.cost[name] for kind, name in _FIRST.items() if kind in kinds)
    return total


_FIRST: Final = {"tool_use": "first_tool_use", "tool_result": "first_tool_result"}


def message_overhead(message: Mapping[str, Any]) -> float:
    """Tokens a message costs beside its blocks; the cost of the request itself is in `prompt_tokens`."""
    return _overhead(message, RATES["classic"])


def message_with(message: Mapping[str, Any], rates: Rates, *, high_res: bool = False) -> float:
    """`message_tokens` with given rates: what the fit works with."""
    return _overhead(message, rates) + _content(message.get("content"), rates, high_res=high_res, depth=-1)


def message_tokens(message: Mapping[str, Any], family: facts.Family, *, high_res: bool = False) -> float:
    """Tokens of one message: its overhead and its blocks."""
    return message_with(message, RATES[family], high_res=high_res)


def _system(system: Any, rates: Rates) -> float:
    blocks = as_blocks(system)
    shown = sum(_block(block, rates, high_res=False, depth=0) for block in blocks)
    return rates.cost["system"] + shown if blocks else 0.0


def system_tokens(system: Any, family: facts.Family) -> float:
    """Tokens of a system prompt, text or blocks; 0 for none."""
    return _system(system, RATES[family])


def _tool(tool: Mapping[str, Any], rates: Rates, found: frozenset[str] = frozenset()) -> float:
    if tool.get("defer_loading") is True and tool.get("name") not in found:
        return 0.0  # not in the prompt until a tool_reference names it (tool-search page)
    built_in = tool.get("type")
    if isinstance(built_in, str) and built_in != "custom":
        known = next((cost for name, cost in coefficients.BUILT_IN.items() if built_in.startswith(name)), None)
        if known is not None:
            return known
    return rates.cost["tool"] + rates.text(as_json({k: v for k, v in tool.items() if k not in _NOT_SHOWN}))


def tool_tokens(tool: Mapping[str, Any], family: facts.Family) -> float:
    """Tokens of one tool definition; a deferred tool costs nothing until it is found."""
    return _tool(as_mapping(tool), RATES[family])


def _found(messages: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    """Names of the deferred tools that a tool_reference in some tool result has brought into the prompt."""
    inner = (
        piece
        for message in messages
        if not isinstance(message.get("content"), str)
        for block in as_blocks(message.get("content"))
        if block.get("type") == "tool_result" and not isinstance(block.get("content"), str)
        for piece in as_blocks(block.get("content"))
    )
    return frozenset(string(piece, "tool_name") for piece in inner if piece.get("type") == "tool_reference")


def _tools(tools: Any, prompt: str | float, rates: Rates, found: frozenset[str] = frozenset()) -> float:
    given = [as_mapping(tool) for tool in tools] if isinstance(tools, Sequence) else []
    if not given:
        return 0.0
    head = rates.cost[prompt] if isinstance(prompt, str) else prompt
    return head + sum(_tool(tool, rates, found) for tool in given)


def _forced(tool_choice: Any) -> bool:
    return isinstance(tool_choice, Mapping) and tool_choice.get("type") in {"any", "tool"}


def tools_tokens(
    tools: Any,
    row: facts.Model | None,
    tool_choice: Mapping[str, Any] | None = None,
    *,
    family: facts.Family | None = None,
) -> float:
    """Tokens of the tool definitions and of the built-in prompt that comes with them; 0 for no tools.

    Args:
        tools: the request's tools.
        row: the model's row in `facts.MODELS`; None when the model is unknown.
        tool_choice: the request's tool_choice; `any` and `tool` have their own prompt.
        family: the tokenizer, where `row` is None.
    """
    kind = family or (row.tokenizer if row else "2026")
    return _tools(tools, tool_prompt(row, kind, None, forced=_forced(tool_choice)), RATES[kind])


def _settings(body: Mapping[str, Any], rates: Rates) -> float:
    """What thinking and a wanted output format add."""
    total = 0.0
    thinking = body.get("thinking")
    if isinstance(thinking, Mapping) and thinking.get("type") == "enabled":  # adaptive adds nothing
        total += rates.cost["thinking_on"]
    wanted = body.get("output_config")
    form = wanted.get("format") if isinstance(wanted, Mapping) else body.get("output_format")
    if isinstance(form, Mapping):
        total += rates.cost["format"] + rates.text(as_json(form.get("schema")))
    return total


def _shown(messages: Iterable[Mapping[str, Any]], *, keeps: bool) -> Iterator[Mapping[str, Any]]:
    """The messages as the model reads them: older models drop the thinking of earlier turns (prompt-caching page)."""
    every = list(messages)
    last = max((place for place, message in enumerate(every) if _opens_turn(message)), default=0)
    for place, message in enumerate(every):
        content = message.get("content")
        if keeps or place >= last or isinstance(content, str):
            yield message
        else:
            kept = [block for block in as_blocks(content) if block.get("type") not in _THINKING]
            yield {**message, "content": kept}


_THINKING: Final = frozenset({"thinking", "redacted_thinking"})


def _opens_turn(message: Mapping[str, Any]) -> bool:
    content = message.get("content")
    if message.get("role") != "user":
        return False
    return isinstance(content, str) or any(block.get("type") != "tool_result" for block in as_blocks(content))


def request_tokens(body: Mapping[str, Any], model: str | None, rates: Rates) -> float:
    """`prompt_tokens` with given rates: what the fit works with."""
    row, family = row_of(model), family_of(model)
    high_res = row.high_res if row else rates.cells
    total = rates.cost["request"] + _system(body.get("system"), rates) + _settings(body, rates)
    choice = tool_prompt(row, family, model, forced=_forced(body.get("tool_choice")))
    messages = body.get("messages")
    given = [as_mapping(message) for message in messages] if isinstance(messages, Sequence) else []
    total += _tools(body.get("tools"), choice, rates, _found(given))
    keeps = row.keeps_thinking if row else family == "2026"
    return total + sum(message_with(message, rates, high_res=high_res) for message in _shown(given, keeps=keeps))


def _named(body: Mapping[str, Any], model: str | None) -> str | None:
    return model or (body["model"] if isinstance(body.get("model"), str) else None)


def prompt_tokens(body: Mapping[str, Any], model: str | None = None) -> float:
    """Tokens of a whole request body, the plain sum of its parts.

    Args:
        body: a Messages request: model, system, tools, tool_choice, thinking, messages.
        model: the model, where it is not `body["model"]`.
    """
    name = _named(body, model)
    return request_tokens(body, name, RATES[family_of(name)])


def estimate_request(body: Mapping[str, Any], model: str | None = None) -> Estimate:
    """A whole request with its error band."""
    name = _named(body, model)
    return banded(prompt_tokens(body, name), family_of(name))


def banded(tokens: float, family: facts.Family) -> Estimate:
    """An estimate with the band that nine of ten billed requests of the family kept to."""
    low, high = coefficients.BAND[family]
    return Estimate(round(tokens), int(tokens * low), round(tokens * high + 0.5), "estimate")
