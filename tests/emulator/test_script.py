"""Scripts: lists, iterators and functions, and scripts from files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contextkit.emulator import Failure, broken, fault, reply, stream_error, text, thinking, timeout, tool_use
from contextkit.emulator.script import Script
from contextkit.emulator.scriptfile import lines_of
from contextkit.errors import ConfigError, ContentError, FormatError

if TYPE_CHECKING:
    from collections.abc import Iterator


def test_a_list_is_taken_one_a_call_and_then_says_so() -> None:
    """Texts, blocks, replies and failures in order; the error counts what was there."""
    script = Script(["a", tool_use("f"), reply("b"), fault(500)])
    assert script.next({}) == reply("a")
    assert script.next({}) == reply(tool_use("f"))
    assert script.next({}) == reply("b")
    assert script.next({}) == fault(500)
    with pytest.raises(ConfigError, match="had 4 replies and this is messages call 5"):
        script.next({})


def test_iterators_and_functions_go_on() -> None:
    """An iterator is asked for the next line, a function gets the body."""

    def lines() -> Iterator[str]:
        yield "one"
        yield "two"

    script = Script(lines())
    assert [script.next({}), script.next({})] == [reply("one"), reply("two")]
    assert Script(lambda body: body["model"]).next({"model": "m"}) == reply("m")


def test_what_is_no_script_is_refused_at_once() -> None:
    """A single text is not taken for a list of letters."""
    for source in ("text", 3, {"type": "text"}):
        with pytest.raises(ConfigError):
            Script(source)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="gave a int"):
        Script([3]).next({})  # type: ignore[list-item]


def test_replies_and_faults_are_checked_when_made() -> None:
    """Negative numbers, blocks that are not JSON and statuses that are no errors are refused."""
    for options in ({"seconds": -1}, {"output_tokens": -1}, {"first_token_seconds": -0.1}):
        with pytest.raises(ConfigError):
            reply("a", **options)
    with pytest.raises(ContentError):
        reply({"type": "text", "text": object()})
    with pytest.raises(ConfigError):
        fault(200)


def test_faults_carry_what_the_api_says() -> None:
    """Type, text and retry-after of a status, unless given."""
    limit = fault(429, retry_after=1.5)
    assert (limit.type, limit.headers) == ("rate_limit_error", {"retry-after": "1.5"})
    assert fault(529).message == "Overloaded"
    assert fault(400, type="x", message="y").message == "y"


FILE: list[Any] = [
    "a text",
    {"content": ["b", {"type": "thinking", "thinking": "t"}], "stop_reason": "refusal", "seconds": 2},
    {"fault": {"status": 429, "retry_after": 1}},
    {"timeout": True},
    {"broken": {"content": ["c"], "after": 2}},
    {"stream_error": {"content": ["d"], "status": 500}},
]


def test_a_file_holds_the_same_lines() -> None:
    """Every form of line has its JSON form."""
    assert lines_of(FILE, where="f") == [
        reply("a text"),
        reply("b", thinking("t"), stop_reason="refusal", seconds=2),
        fault(429, retry_after=1),
        timeout(),
        broken("c", after=2),
        stream_error("d", status=500),
    ]


@pytest.mark.parametrize(
    "value",
    [
        {},
        [3],
        [None],
        [{}],
        [{"content": "text"}],
        [{"content": [3]}],
        [{"content": [], "secs": 1}],
        [{"fault": 429}],
        [{"fault": {"status": 99}}],
        [{"fault": {"code": 500}}],
        [{"broken": []}],
        [{"content": [], "seconds": "x"}],
    ],
)
def test_a_wrong_file_names_its_entry(value: Any) -> None:
    """The error says where, and what the forms are."""
    with pytest.raises(FormatError, match="f"):
        lines_of(value, where="f.json")


@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=4),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["content", "fault", "broken", "after", "status", "timeout", "type", "text"]), inner
            )
        ),
        max_leaves=8,
    )
)
def test_any_json_is_a_script_or_an_error(value: Any) -> None:
    """Nothing but FormatError comes out of a file."""
    try:
        lines = lines_of(value, where="f")
    except FormatError:
        return
    assert all(isinstance(line, Failure) or line.content is not None for line in lines)


def test_text_blocks_are_plain() -> None:
    """Builders give what the API takes."""
    assert text("a") == {"type": "text", "text": "a"}
    assert tool_use("f", {"a": 1}, id="t") == {"type": "tool_use", "name": "f", "input": {"a": 1}, "id": "t"}
