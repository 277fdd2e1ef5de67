from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contextkit.api import facts
from contextkit.tokens import count
from contextkit.tokens.estimate import (
    block_tokens,
    message_overhead,
    message_tokens,
    prompt_tokens,
    system_tokens,
    text_tokens,
    tools_tokens,
)
from contextkit.tokens.rates import family_of

SONNET = "claude-sonnet-4-5"
TOOL = {"name": "look", "description": "Look it up.", "input_schema": {"type": "object", "properties": {}}}

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)
kinds = st.sampled_from(
    ["text", "tool_use", "tool_result", "thinking", "redacted_thinking", "image", "document", "search_result", "new"]
)
blocks = st.fixed_dictionaries(
    {"type": kinds},
    optional=dict.fromkeys(("text", "input", "name", "content", "source", "data", "thinking", "title"), anything),
)


def a_body(**changes: Any) -> dict[str, Any]:
    """A small request."""
    return {"model": SONNET, "messages": [{"role": "user", "content": "hello there"}]} | changes


@given(st.text(st.characters(codec=None), max_size=300), st.sampled_from(["classic", "2026"]))
def test_a_text_never_raises_and_never_costs_less_than_nothing(text: str, family: facts.Family) -> None:
    """Any string, lone surrogates and NUL included, has a finite count that is not negative."""
    tokens = text_tokens(text, family)
    assert math.isfinite(tokens)
    assert tokens >= 0


@pytest.mark.parametrize("piece", ["a", " ", "\n", "-", "0", "A", "\0", "\ud800", "\u4e2d", "\U0001f600", "()"])
def test_a_megabyte_of_one_character_is_counted_and_is_not_free(piece: str) -> None:
    """One character repeated a million times costs at least a token in a hundred."""
    assert text_tokens(piece * 1_000_000, "classic") >= 10_000


@given(blocks)
def test_any_block_is_counted(block: dict[str, Any]) -> None:
    """Whatever stands in a block, it is counted without an error."""
    tokens = block_tokens(block, "classic")
    assert math.isfinite(tokens)
    assert tokens >= 0


@given(st.dictionaries(st.sampled_from(["messages", "system", "tools", "thinking", "tool_choice", "model"]), anything))
def test_any_body_is_counted(body: dict[str, Any]) -> None:
    """A body that the API would refuse is counted all the same."""
    assert math.isfinite(prompt_tokens(body))


def test_circular_and_bottomless_content_is_counted() -> None:
    """Content that refers to itself or nests beyond any stack is bounded work, not an error."""
    round_: dict[str, Any] = {"type": "tool_result"}
    round_["content"] = [round_]
    deep: Any = "end"
    for _ in range(5_000):
        deep = [deep]
    assert block_tokens(round_, "classic") > 0
    assert block_tokens({"type": "tool_use", "name": "x", "input": {"deep": deep}}, "classic") > 0


def test_a_prompt_is_the_sum_of_its_parts() -> None:
    """System, tools and messages counted apart add up to the request."""
    messages: list[dict[str, Any]] = [
        {"role": "user", "content": "hello"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "look", "input": {"q": "x"}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "content": "found it"}]},
    ]
    body = a_body(messages=messages, system="Be brief.", tools=[TOOL])
    row = facts.model(SONNET)
    empty = prompt_tokens({"model": SONNET, "messages": []})
    parts = empty + system_tokens("Be brief.", "classic") + tools_tokens([TOOL], row)
    parts += sum(message_tokens(message, "classic") for message in messages)
    assert prompt_tokens(body) == pytest.approx(parts)


def test_a_message_is_its_overhead_and_its_blocks() -> None:
    """Blocks counted once can be added up later."""
    content: list[dict[str, Any]] = [
        {"type": "text", "text": "one"},
        {"type": "tool_use", "id": "a", "name": "look", "input": {}},
    ]
    message = {"role": "assistant", "content": content}
    whole = message_overhead(message) + sum(block_tokens(block, "classic") for block in content)
    assert message_tokens(message, "classic") == pytest.approx(whole)


def test_a_plain_string_counts_as_its_text_block() -> None:
    """The two spellings of a text message are the same prompt."""
    as_blocks = a_body(messages=[{"role": "user", "content": [{"type": "text", "text": "hello there"}]}])
    assert prompt_tokens(a_body()) == prompt_tokens(as_blocks)


def test_cache_marks_cost_nothing() -> None:
    """A `cache_control` mark on a tool or a block changes no count."""
    mark = {"cache_control": {"type": "ephemeral"}}
    plain = a_body(tools=[TOOL], system=[{"type": "text", "text": "s"}])
    marked = a_body(tools=[TOOL | mark], system=[{"type": "text", "text": "s"} | mark])
    assert prompt_tokens(plain) == prompt_tokens(marked)


def test_the_tool_prompt_is_the_published_one() -> None:
    """The built-in prompt comes from the facts table, larger where a tool is forced."""
    row = facts.model(SONNET)
    assert row is not None
    auto, forced = tools_tokens([TOOL], row), tools_tokens([TOOL], row, {"type": "any"})
    assert forced - auto == 588 - 496
    assert tools_tokens([], row) == 0


def test_a_deferred_tool_costs_nothing_until_it_is_found() -> None:
    """A tool with `defer_loading` enters the prompt when a tool_reference names it."""
    deferred = TOOL | {"name": "rare", "defer_loading": True}
    found = {"type": "tool_result", "tool_use_id": "a", "content": [{"type": "tool_reference", "tool_name": "rare"}]}
    other = {"type": "tool_result", "tool_use_id": "a", "content": [{"type": "tool_reference", "tool_name": "none"}]}
    before = prompt_tokens(a_body(tools=[TOOL, deferred], messages=[{"role": "user", "content": [other]}]))
    after = prompt_tokens(a_body(tools=[TOOL, deferred], messages=[{"role": "user", "content": [found]}]))
    assert prompt_tokens(a_body(tools=[TOOL, deferred])) == prompt_tokens(a_body(tools=[TOOL]))
    assert after > before + 5


def test_earlier_thinking_is_dropped_where_the_model_drops_it() -> None:
    """Thinking of a finished turn is free on last-turn-only models and costs its text on the others."""
    thought = {"type": "thinking", "thinking": "a long thought " * 50, "signature": "s"}
    messages = [
        {"role": "user", "content": "one"},
        {"role": "assistant", "content": [thought, {"type": "text", "text": "done"}]},
        {"role": "user", "content": "two"},
    ]
    body = {"messages": messages}
    bare = {"messages": [messages[0], {"role": "assistant", "content": "done"}, messages[2]]}
    assert prompt_tokens(body, SONNET) == pytest.approx(prompt_tokens(bare, SONNET))
    assert prompt_tokens(body, "claude-opus-4-5") > prompt_tokens(bare, "claude-opus-4-5") + 100


@pytest.mark.parametrize(
    ("model", "family"),
    [
        ("claude-3-5-haiku-20241022", "classic"),
        ("anthropic/claude-3.5-haiku", "classic"),
        ("claude-sonnet-4-20250514", "classic"),
        ("us.anthropic.claude-haiku-4-5-20251001-v1:0", "classic"),
        ("databricks-claude-opus-4-5", "classic"),
        ("claude-opus-4-1-20250805", "classic"),
        ("claude-opus-4-7", "2026"),
        ("haiku", "2026"),
        ("claude-opus-9", "2026"),
        ("", "2026"),
    ],
)
def test_the_tokenizer_follows_the_model(model: str, family: str) -> None:
    """Old names are the older tokenizer in any platform's spelling; unknown ones are taken for new."""
    assert family_of(model) == family


def test_an_estimate_carries_its_band() -> None:
    """`count` gives low, tokens and high in order, wider for the newer tokenizer; a str is one user message."""
    old, new = count("some words to count " * 40, SONNET), count("some words to count " * 40, "claude-opus-5")
    assert old.low < old.tokens < old.high
    assert old.counter == "estimate"
    assert new.tokens > old.tokens
    assert (new.high - new.low) / new.tokens > (old.high - old.low) / old.tokens


def test_of_a_compaction_block_only_the_summary_counts() -> None:
    """Seal, signature and the record of tool changes are not part of the prompt; a block without content is nothing."""
    text = "Three files were changed and the parser was fixed. " * 30
    sealed = {"type": "compaction", "content": text, "encrypted_content": "QUJD" * 300, "signature": "f00d" * 90}
    assert block_tokens(sealed, "2026") == block_tokens({"type": "text", "text": text}, "2026")
    assert block_tokens({"type": "compaction", "content": None, "signature": "f00d"}, "2026") == 0
