"""What would make every later request invalid is refused at the door, and the log is unharmed."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contextkit import Conversation
from contextkit.api.validity import faults
from contextkit.errors import ContentError, ContextKitError, HistoryError

if TYPE_CHECKING:
    from collections.abc import Callable

TOOL = {"name": "t", "input_schema": {"type": "object"}}
CALL = {"type": "tool_use", "id": "a1", "name": "t", "input": {}}
USAGE = {"input_tokens": 1, "output_tokens": 1}


def said(*blocks: Any, **more: Any) -> dict[str, Any]:
    """An answer of the model."""
    return {"role": "assistant", "content": list(blocks), **more}


def asked(**settings: Any) -> Conversation:
    """A conversation with one message."""
    return Conversation(model="sonnet", tools=[TOOL], **settings).user("Hi.")


REFUSED: dict[str, Callable[[Conversation], object]] = {
    "an image without a source": lambda conv: conv.user([{"type": "image"}]),
    "an image of nothing": lambda conv: conv.user([{"type": "image", "source": {}}]),
    "a block of no known kind": lambda conv: conv.user([{"type": "bogus"}]),
    "the second block": lambda conv: conv.user(["Look:", {"type": "document", "source": {"type": "url"}}]),
    "citations": lambda conv: conv.user([{"type": "text", "text": "a", "citations": [{"type": "char_location"}]}]),
    "a result as an answer": lambda conv: conv.record(said({"type": "tool_result", "tool_use_id": "a1"})),
    "an image as an answer": lambda conv: conv.record(said({"type": "image", "source": {"type": "url", "url": "u"}})),
    "thinking without signature": lambda conv: conv.record(said({"type": "thinking", "thinking": "t"})),
    "a call of nothing": lambda conv: conv.record(said({**CALL, "name": None})),
    "an id that is a number": lambda conv: conv.record(said({**CALL, "id": 5})),
    "input that is text": lambda conv: conv.record(said({**CALL, "input": "str"}, usage=USAGE)),
    "a user's message": lambda conv: conv.record({"role": "user", "content": "Hi."}),
}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("repair", [False, True])
def test_a_refused_call_changes_nothing(name: str, repair: bool) -> None:
    """A clear error; messages, open calls, ledger and the next request are what they were."""
    conv = asked(repair=repair)
    before, request = conv.messages, copy.deepcopy(conv.request())
    with pytest.raises((ContentError, HistoryError)) as caught:
        REFUSED[name](conv)
    assert caught.value.where
    assert caught.value.fix
    assert (conv.messages, dict(conv.open_calls), len(conv.ledger), conv.request()) == (before, {}, 0, request)


@pytest.mark.parametrize("repair", [False, True])
def test_open_calls_stay_open_when_a_message_is_refused(repair: bool) -> None:
    """`repair` closes them only for a message that can be said."""
    conv = asked(repair=repair).record(said(CALL))
    with pytest.raises(ContentError):
        conv.user([{"type": "bogus"}])
    assert list(conv.open_calls) == ["a1"]


@pytest.mark.parametrize(
    ("content", "place"),
    [(5, "messages[2][0].tool_result.content"), ([{"type": "nonsense"}], "messages[2][0].tool_result.content.0")],
    ids=repr,
)
def test_a_history_with_a_wrong_result_is_refused(content: Any, place: str) -> None:
    """The error names the message and the place in it."""
    answered = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a1", "content": content}]}
    history = [{"role": "user", "content": "Hi."}, said(CALL), answered]
    with pytest.raises(ContentError) as caught:
        Conversation.from_messages(history, model="sonnet", tools=[TOOL])
    assert caught.value.where == place


def test_a_wrong_answer_in_a_history_is_refused() -> None:
    """As `record` does, with the message's place."""
    with pytest.raises(ContentError) as caught:
        Conversation.from_messages([{"role": "user", "content": "Hi."}, said({**CALL, "input": []})], model="sonnet")
    assert caught.value.where == "messages[1][0].tool_use.input"


def test_a_tool_result_with_a_wrong_image_leaves_the_call_open() -> None:
    """The call can be answered again."""
    conv = asked().record(said(CALL))
    with pytest.raises(ContentError, match="source"):
        conv._add_result(
            "a1", {"type": "tool_result", "tool_use_id": "a1", "content": [{"type": "image", "source": {}}]}
        )
    conv.tool_result("a1", "found")
    assert not list(faults(conv.request()))


def test_what_a_newer_api_answers_is_taken() -> None:
    """The answer is paid for: kinds that nobody knows yet, and server tools, go into the log as they are."""
    blocks = [
        {"type": "quantum", "x": 1},
        {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}},
        {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []},
        {"type": "text", "text": "Done.", "citations": [{"type": "x"}]},
    ]
    assert asked().record(said(*blocks)).messages[-1]["content"] == blocks


KINDS = st.sampled_from(["text", "image", "document", "tool_result", "tool_use", "thinking", "search_result", "x"])
FIELDS = {
    "text": st.sampled_from(["a", "", 5, None]),
    "source": st.sampled_from([{}, {"type": "url", "url": "u"}, {"type": "base64", "data": ""}, 5]),
    "content": st.sampled_from(["a", 5, None, [5], [{"type": "text", "text": "a"}], [{"type": "nonsense"}]]),
    "tool_use_id": st.sampled_from(["a1", 5, []]),
    "id": st.sampled_from(["a2", "a1", 5, "", "a b"]),
    "name": st.sampled_from(["t", "", None]),
    "input": st.sampled_from([{}, "a", None, [1]]),
    "signature": st.sampled_from(["s", None]),
    "thinking": st.sampled_from(["t", None]),
    "title": st.sampled_from(["t", None]),
}
BLOCKS = st.lists(st.fixed_dictionaries({"type": KINDS}, optional=FIELDS), max_size=3)


@given(BLOCKS, BLOCKS, st.sampled_from(["user", "record", "result", "load"]))
def test_whatever_is_given_the_next_request_is_valid(first: list[Any], second: list[Any], how: str) -> None:
    """Each call is refused by an error of ours or leads to a valid request (kinds of a newer API left aside)."""
    conv = asked()
    for blocks in (first, second):
        try:
            if how == "user":
                conv.user(blocks)
            elif how == "record":
                conv.record(said(*blocks))
            elif how == "result":
                conv.record(said(CALL))
                conv.tool_result("a1", blocks)
            else:
                conv = Conversation.from_messages(
                    [{"role": "user", "content": "Hi."}, said(CALL), {"role": "user", "content": blocks}],
                    model="sonnet",
                    tools=[TOOL],
                )
        except ContextKitError:
            pass  # as promised
    for name in list(conv.open_calls):
        conv.tool_result(name, "x")
    if conv.messages[-1]["role"] == "assistant":
        conv.user("Go on.")
    if "x" in {block["type"] for block in (*first, *second)}:
        return
    assert [fault.message for fault in faults(conv.request())] == []
