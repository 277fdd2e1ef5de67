"""Parts add up: counted one by one they are the whole prompt's estimate."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contextkit.api.facts import MODELS
from contextkit.tokens.estimate import prompt_tokens
from contextkit.tokens.parts import Parts, Remembering, counts_for
from tests.history.histories import Turn, a_log, said, turns

TOOLS = [
    {"name": "look", "description": "Look at a page.", "input_schema": {"type": "object", "properties": {"page": {}}}},
    {"name": "read", "description": "Read it.", "input_schema": {"type": "object"}},
]
LARGE = said("a larger block of text, which is remembered " * 20)


def summed(body: dict[str, Any], counts: Parts) -> float:
    """The sum of all parts."""
    total = counts.base()
    total += sum(counts.tool(tool) for tool in body.get("tools", ()))
    total += sum(counts.system(block) for block in body.get("system", ()))
    for message in body["messages"]:
        total += counts.message(message) + sum(counts.block(block) for block in message["content"])
    return total


@given(
    turns(blocks=4, calls=5, size=3),
    st.sampled_from([name for name, row in MODELS.items() if row.keeps_thinking] + ["claude-unheard-of"]),
    st.integers(0, 2),
    st.integers(0, 2),
    st.sampled_from([None, {"type": "auto"}, {"type": "any"}]),
)
def test_the_sum_of_the_parts_is_the_prompt(
    history: list[Turn], model: str, tools: int, system: int, choice: dict[str, Any] | None
) -> None:
    """Base, tools, system blocks, messages and blocks together are `prompt_tokens` of the body."""
    log = a_log(*history)
    body: dict[str, Any] = {
        "model": model,
        "messages": [{"role": entry.role, "content": entry.blocks} for entry in log.entries],
        **({"tools": TOOLS[:tools], **({"tool_choice": choice} if choice else {})} if tools else {}),
        **({"system": [said("Be brief, and careful.")] * system} if system else {}),
    }
    assert summed(body, counts_for(body)) == pytest.approx(prompt_tokens(body))
    assert summed(body, Remembering()(body)) == pytest.approx(prompt_tokens(body))


def test_a_mark_costs_nothing() -> None:
    """A block counts the same with and without `cache_control`, remembered or not."""
    counts = Remembering()({"model": "claude-opus-5"})
    marked = {**LARGE, "cache_control": {"type": "ephemeral"}}
    assert counts.block(marked) == counts.block(LARGE) == counts_for({"model": "claude-opus-5"}).block(marked)


def test_what_is_remembered_belongs_to_its_tokenizer() -> None:
    """The same block under another model is counted by that model's tokenizer."""
    remembering = Remembering()
    old, new = (remembering({"model": name}).block(LARGE) for name in ("claude-opus-4-6", "claude-opus-5"))
    assert old == counts_for({"model": "claude-opus-4-6"}).block(LARGE)
    assert new == counts_for({"model": "claude-opus-5"}).block(LARGE)
    assert old < new


def test_memory_is_bounded() -> None:
    """Past its limit the memory begins anew, and counts stay right."""
    remembering = Remembering(limit=5)
    for number in range(40):
        block = said(f"{number} " + LARGE["text"])
        assert remembering({"model": "haiku"}).block(block) == counts_for({"model": "haiku"}).block(block)
        assert len(remembering._memo) <= 7
    assert json.dumps(LARGE)
