"""From anything to plain JSON, and from a block to the bytes that stand for its content."""

from __future__ import annotations

import copy
import enum
import json
from types import MappingProxyType
from typing import Any

import pytest
from anthropic.types import Message, TextBlock, ThinkingBlock, ToolUseBlock, Usage
from hypothesis import given
from hypothesis import strategies as st

from contextkit.api.messages import blocks_of, canonical, cleaned, digest, dumps, has_user_text, message_of, plain, walk
from contextkit.errors import ContentError

WORDS = st.text(st.characters(codec="utf-8"), max_size=8)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | WORDS
JSON = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=4), max_leaves=12
)
OBJECTS = st.dictionaries(WORDS, JSON, max_size=4)
MARK = {"type": "ephemeral", "ttl": "1h"}


def texts(words: str) -> dict[str, Any]:
    """A text block."""
    return {"type": "text", "text": words}


INNER = st.builds(texts, WORDS) | st.just({"type": "image", "source": {"type": "url", "url": "https://example.org"}})
BLOCKS = (
    st.builds(texts, WORDS)
    | st.builds(lambda i, n, g: {"type": "tool_use", "id": i, "name": n, "input": g}, WORDS, WORDS, OBJECTS)
    | st.builds(
        lambda i, c, e: {"type": "tool_result", "tool_use_id": i, "content": c, "is_error": e},
        WORDS,
        WORDS | st.lists(INNER, max_size=3),
        st.booleans(),
    )
    | st.builds(lambda t, s: {"type": "thinking", "thinking": t, "signature": s}, WORDS, WORDS)
)


def respelled(block: dict[str, Any], turn: int) -> dict[str, Any]:
    """The same content in another spelling: keys turned round, a mark, an empty field, a string as a text block."""
    pairs = list(block.items())
    turn %= len(pairs)
    other = dict(pairs[turn:] + pairs[:turn])
    content = other.get("content")
    if isinstance(content, str):
        other["content"] = [{"text": content, "type": "text", "cache_control": MARK}]
    elif isinstance(content, list):
        other["content"] = [respelled(item, 1) for item in content]
    return {**other, "cache_control": MARK, "citations": None}


def same_content(first: dict[str, Any], second: dict[str, Any]) -> bool:
    """Whether two blocks without marks say the same: strings of content are single texts."""

    def spelled(block: dict[str, Any]) -> Any:
        content = block.get("content")
        if isinstance(content, str):
            content = [texts(content)]
        return json.dumps({**block, "content": content, "input": None}, sort_keys=True), dumps(block.get("input"))

    return bool(spelled(first) == spelled(second))


@given(BLOCKS, st.integers(0, 5))
def test_spelling_does_not_count(block: dict[str, Any], turn: int) -> None:
    """A moved mark, keys in another order, an empty field, text as a string or a block: the same bytes."""
    assert canonical(respelled(block, turn)) == canonical(block)


@given(BLOCKS, BLOCKS)
def test_different_content_never_collides(first: dict[str, Any], second: dict[str, Any]) -> None:
    """Two blocks have the same bytes exactly when they say the same."""
    assert (canonical(first) == canonical(second)) is same_content(first, second)


@given(st.dictionaries(WORDS, LEAVES, min_size=2, max_size=5))
def test_key_order_of_a_calls_input_counts(given_input: dict[str, Any]) -> None:
    """The server hashes a call's input with its keys as they stand (prompt-caching page)."""
    block = {"type": "tool_use", "id": "a", "name": "look", "input": given_input}
    turned = {**block, "input": dict(reversed(given_input.items()))}
    assert canonical(turned) != canonical(block)


def test_a_none_in_a_calls_input_counts() -> None:
    """An empty field of a block is no content; a null that the model wrote is."""
    block = {"type": "tool_use", "id": "a", "name": "look", "input": {"page": None}}
    assert canonical(block) != canonical({**block, "input": {}})


def test_bytes_never_hold_the_mark_of_a_nested_block() -> None:
    """A mark inside a tool result's content is spelling too."""
    inner = {**texts("x"), "cache_control": MARK}
    block = {"type": "tool_result", "tool_use_id": "a", "content": [inner]}
    assert b"cache_control" not in canonical(block)


@given(st.lists(st.binary(max_size=6), max_size=5), st.lists(st.binary(max_size=6), max_size=5))
def test_parts_of_a_digest_do_not_run_together(first: list[bytes], second: list[bytes]) -> None:
    """Two lists of parts have the same digest exactly when they are equal."""
    assert (digest(*first) == digest(*second)) is (first == second)


@given(JSON)
def test_plain_is_an_equal_deep_copy(value: Any) -> None:
    """Plain JSON comes back equal, byte for byte, and shares no list or dict with what was given."""
    before = copy.deepcopy(value)
    made = plain(value)
    assert dumps(made) == dumps(value)
    _spoil(made)
    assert dumps(value) == dumps(before)


def _spoil(value: Any) -> None:
    if isinstance(value, dict):
        for item in value.values():
            _spoil(item)
        value["spoiled"] = True
    elif isinstance(value, list):
        for item in value:
            _spoil(item)
        value.append("spoiled")


@given(JSON)
def test_the_careful_walk_agrees_with_the_quick_one(value: Any) -> None:
    """Tuples and mappings of other types take the slow way and give the same JSON."""
    assert dumps(plain((value, MappingProxyType({"a": value})))) == dumps([value, {"a": value}])


class Colour(str, enum.Enum):  # noqa: UP042  (the old style is the case: its str() is its name)
    """An old-style string enumeration, whose str() is its name."""

    RED = "red"


class Number(enum.IntEnum):
    """A number with a name."""

    ONE = 1


def test_enumerations_are_their_values() -> None:
    """Members of string and integer enumerations become what json writes for them, as keys too."""
    made = plain({Colour.RED: [Colour.RED, Number.ONE]})
    assert dumps(made) == '{"red":["red",1]}'
    assert type(made["red"][0]) is str


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"a": [1, "\ud800"]}, "lone surrogate at character 0"),
        ({"a": {"\ud800": 1}}, "lone surrogate"),
        (float("nan"), "no form in JSON"),
        ({"a": float("inf")}, "no form in JSON"),
        ({"a": {1: 2}}, "a key is a int"),
        ({"a": {1, 2}}, "a set is not JSON"),
        ({"a": b"bytes"}, "a bytes is not JSON"),
        ({"a": object()}, "a object is not JSON"),
        ({"a": 10**5_000}, "too many digits"),
        ({"a": -(10**5_000)}, "too many digits"),
    ],
)
def test_what_json_cannot_carry_is_refused_with_its_place(value: Any, said: str) -> None:
    """The error says what, and the path from the caller's own name for it."""
    with pytest.raises(ContentError, match=said) as caught:
        plain({"deep": [value]}, where="output of look")
    assert caught.value.where.startswith("output of look.deep[0]")
    assert caught.value.fix


def nested(depth: int, leaf: Any = 1) -> Any:
    """A list in a list in a list."""
    value = leaf
    for _ in range(depth):
        value = [value]
    return value


def test_deep_nesting_is_refused_and_not_a_crash() -> None:
    """Two hundred levels pass; more, or a circle, is a ContentError, never a RecursionError."""
    assert plain(nested(200)) == nested(200)
    with pytest.raises(ContentError, match="nested deeper than 200"):
        plain(nested(202), where="x")
    circle: list[Any] = []
    circle.append(circle)
    with pytest.raises(ContentError, match="nested deeper than 200"):
        plain(circle)


def test_sdk_objects_keep_none_in_tool_inputs() -> None:
    """Empty fields of SDK objects are left out; a null in a call's input is the model's own and stays, in any depth."""
    message = Message(
        id="msg_1",
        type="message",
        role="assistant",
        model="claude-opus-5",
        stop_reason="tool_use",
        usage=Usage(input_tokens=1, output_tokens=1),
        content=[
            ThinkingBlock(type="thinking", thinking="", signature="sig"),
            TextBlock(type="text", text="ü", citations=None),
            ToolUseBlock(type="tool_use", id="a", name="look", input={"page": None, "deep": [{"x": None}]}),
        ],
    )
    made = message_of(message)
    assert made == {
        "role": "assistant",
        "content": [
            {"type": "thinking", "thinking": "", "signature": "sig"},
            {"type": "text", "text": "ü"},
            {"type": "tool_use", "id": "a", "name": "look", "input": {"page": None, "deep": [{"x": None}]}},
        ],
    }
    assert plain(message)["content"] == made["content"]


def test_an_sdk_object_with_a_surrogate_is_a_content_error() -> None:
    """What a server sent as an escaped lone surrogate is refused with its place, not by pydantic."""
    with pytest.raises(ContentError, match="lone surrogate"):
        plain(TextBlock(type="text", text="a\ud800"), where="reply")


def test_blank_text_and_marks_are_left_out() -> None:
    """Blank texts are refused by the API and marks are the planner's: neither enters, nested marks included."""
    assert blocks_of(" \n\t") == []
    assert blocks_of(["", texts(" "), "hello"]) == [texts("hello")]
    assert blocks_of({**texts("x"), "cache_control": MARK}) == [texts("x")]
    result = {"type": "tool_result", "tool_use_id": "a", "content": [{**texts("x"), "cache_control": MARK}]}
    assert blocks_of([result]) == [{**result, "content": [texts("x")]}]
    assert result["content"][0]["cache_control"] == MARK  # type: ignore[index]  # the caller's own is untouched


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (7, "content is a int"),
        ([{"text": "no type"}], "has no type"),
        ([{"type": "text"}], "has no text"),
        ([["list"]], "has no type"),
        ("a\ud800", "lone surrogate"),
    ],
)
def test_content_that_is_none_is_refused(content: Any, said: str) -> None:
    """Each wrong content has its own sentence."""
    with pytest.raises(ContentError, match=said):
        blocks_of(content, where="user()")


@pytest.mark.parametrize("message", [{}, {"role": "system", "content": "x"}, {"role": "user"}, "text", 7, None])
def test_what_is_no_message_is_refused(message: Any) -> None:
    """Only user and assistant messages with content are messages of a history."""
    with pytest.raises(ContentError, match="not a message"):
        message_of(message)


def test_reading_content() -> None:
    """A string is one text block; a user's turn begins with anything but tool results."""
    result = {"type": "tool_result", "tool_use_id": "a"}
    assert walk({"content": "x"}) == [texts("x")]
    assert walk({"content": [result]}) == [result]
    assert has_user_text("x")
    assert has_user_text([result, texts("x")])
    assert not has_user_text([result])
    assert not has_user_text([])


@given(st.text(st.characters()))
def test_cleaned_text_can_be_sent(text: str) -> None:
    """Lone surrogates become U+FFFD and nothing else changes."""
    made = cleaned(text)
    assert made.encode().decode() == made
    if not any("\ud800" <= each <= "\udfff" for each in text):
        assert made == text


def test_a_surrogate_pair_is_its_character() -> None:
    """Two halves that belong together are joined, a half alone is marked."""
    assert cleaned("a\ud83d\ude00b\ud83d") == "a\U0001f600b\ufffd"
