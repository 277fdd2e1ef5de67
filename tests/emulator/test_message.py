"""Limits of a reply: max_tokens, the window, stop sequences, and what is counted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from contextkit.api.messages import dumps
from contextkit.emulator import Emulator, fault, reply, text, thinking, tool_use
from contextkit.emulator.message import said

Body = Callable[..., dict[str, Any]]


class Letters:
    """Counts one token a character of a text, ten for anything else."""

    def base(self) -> float:
        """Nothing."""
        return 0

    def tool(self, tool: Mapping[str, Any]) -> float:
        """Its JSON."""
        return len(dumps(tool))

    def system(self, block: Mapping[str, Any]) -> float:
        """As a block."""
        return self.block(block)

    def message(self, message: Mapping[str, Any]) -> float:  # noqa: ARG002  (the protocol's)
        """Nothing."""
        return 0

    def block(self, block: Mapping[str, Any]) -> float:
        """See the class."""
        return len(block["text"]) if block["type"] == "text" else 10


def asked(limit: int, **more: Any) -> dict[str, Any]:
    """The part of a request that limits a reply."""
    return {"max_tokens": limit, **more}


def test_a_reply_that_fits_is_left_alone() -> None:
    """Content, reason and size follow from the blocks."""
    got = said(reply("abc", tool_use("f")), asked(100), Letters(), 100)
    assert [block["type"] for block in got.content] == ["text", "tool_use"]
    assert (got.stop_reason, got.output, got.thinking) == ("tool_use", 13, 0)


def test_the_scripts_own_number_counts() -> None:
    """`output_tokens` stands for what the model generated, whatever the blocks say."""
    got = said(reply(thinking("hm"), "abc", output_tokens=40), asked(100), Letters(), 100)
    assert (got.output, got.thinking, got.stop_reason) == (40, 10, "end_turn")


def test_max_tokens_cuts_the_text_it_falls_into() -> None:
    """The text is cut at its share, what follows is gone, and the output is exactly the limit."""
    got = said(reply("abcdefghij", "more", tool_use("f")), asked(4), Letters(), 100)
    assert got.content == (text("abcd"),)
    assert (got.output, got.stop_reason) == (4, "max_tokens")


def test_half_a_call_or_thought_is_left_out() -> None:
    """A tool call and a thinking block are whole or absent."""
    assert said(reply(tool_use("f")), asked(4), Letters(), 100).content == ()
    assert said(reply(thinking("a long thought"), "x"), asked(4), Letters(), 100).content == ()


def test_the_window_ends_a_reply_with_its_own_reason() -> None:
    """Less room than max_tokens: `model_context_window_exceeded` (context-windows page)."""
    got = said(reply("abcdefghij"), asked(8), Letters(), 5)
    assert (got.output, got.stop_reason) == (5, "model_context_window_exceeded")


def test_a_stop_sequence_ends_the_text_before_it() -> None:
    """The earliest stop sequence counts, is named, and is not part of the text."""
    got = said(reply("one STOP two END", "three"), asked(100, stop_sequences=["END", "STOP"]), Letters(), 100)
    assert got.content == (text("one "),)
    assert (got.stop_reason, got.stop_sequence) == ("stop_sequence", "STOP")


@given(
    st.lists(st.text(min_size=1, max_size=30).map(text) | st.just(tool_use("f")) | st.just(thinking("t")), max_size=6),
    st.integers(0, 60),
    st.integers(0, 60),
)
def test_no_limit_is_ever_exceeded(blocks: list[dict[str, Any]], limit: int, room: int) -> None:
    """Output stays within max_tokens and the window, and the content is a head of the reply."""
    got = said(reply(*blocks), asked(limit), Letters(), room)
    assert got.output <= limit
    assert got.output <= max(room, 0) or limit == 0
    assert sum(Letters().block(block) for block in got.content) <= max(got.output, 1)
    for kept, given_ in zip(got.content, blocks, strict=False):
        assert kept == given_ or given_["text"].startswith(kept["text"])


def test_max_tokens_0_only_warms_the_cache(a_body: Body) -> None:
    """Pre-warming writes the prompt, generates nothing, and a list keeps its replies (prompt-caching page)."""
    emulator = Emulator(["the reply"])
    client = emulator.client()
    warmed = client.messages.create(**a_body(max_tokens=0))
    assert (warmed.content, warmed.stop_reason, warmed.usage.output_tokens) == ([], "max_tokens", 0)
    assert warmed.usage.cache_creation_input_tokens
    after = client.messages.create(**a_body())
    assert after.usage.cache_read_input_tokens == warmed.usage.cache_creation_input_tokens
    assert after.content[0].type == "text"


def test_a_function_can_fail_a_warming_call(a_body: Body) -> None:
    """A function is asked even when nothing is generated, so that a keep-alive can fail."""
    emulator = Emulator(lambda body: fault(529) if body["max_tokens"] == 0 else "ok")
    assert emulator.handle("POST", "/v1/messages", KEY, dumps(a_body(max_tokens=0)).encode()).status == 529


KEY = {"x-api-key": "k", "anthropic-version": "2026-10-21"}
