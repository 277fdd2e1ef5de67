"""Nothing is said of a history that only grows, and something of one that is edited: over drawn histories."""

from __future__ import annotations

from copy import deepcopy

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cache.clients import MARK, Body, Client, a_body

BLOCKS = st.one_of(
    st.builds(lambda text: {"type": "text", "text": text}, st.text(min_size=1, max_size=30)),
    st.builds(
        lambda name, given: {"type": "tool_use", "id": name, "name": "run", "input": given},
        st.text("abc", min_size=1, max_size=3),
        st.dictionaries(st.text(max_size=3), st.integers() | st.text(max_size=5) | st.none(), max_size=3),
    ),
    st.builds(
        lambda name, text: {"type": "tool_result", "tool_use_id": name, "content": text},
        st.text("abc", min_size=1, max_size=3),
        st.text(max_size=30) | st.just([]),
    ),
    st.just({"type": "thinking", "thinking": "hm", "signature": "s"}),
)
TURNS = st.lists(st.lists(BLOCKS, min_size=1, max_size=6), min_size=1, max_size=12)


def marked_at(messages: list[Body], spots: set[int]) -> list[Body]:
    """The messages with marks on the last markable block of some."""
    made = deepcopy(messages)
    for at in spots:
        for block in reversed(made[at]["content"]):
            if block["type"] != "thinking":
                block["cache_control"] = MARK
                break
    return made


@settings(max_examples=60, deadline=None)
@given(TURNS, st.data())
def test_a_history_that_only_grows_is_silent(turns: list[list[Body]], data: st.DataObject) -> None:
    """On any append-only history, whose marks move as they like at its end, nothing is reported."""
    client = Client()
    messages: list[Body] = [{"role": "user", "content": [{"type": "text", "text": "Begin. " * 50}]}]
    for at, blocks in enumerate(turns):
        messages.append({"role": "user" if at % 2 else "assistant", "content": blocks})
        messages[-1] = {**messages[-1], "content": [*blocks, {"type": "text", "text": f"End of {at}."}]}
        spots = {0, len(messages) - 1, len(messages) - 2} if data.draw(st.booleans()) else {0, len(messages) - 1}
        body = a_body(messages=marked_at(messages, spots))
        del body["cache_control"]
        assert client.ask(body) == []


@settings(max_examples=60, deadline=None)
@given(TURNS.filter(lambda turns: len(turns) > 1), st.data())
def test_a_history_that_is_edited_is_not(turns: list[list[Body]], data: st.DataObject) -> None:
    """On any history, a block that changes before the last mark is reported, at its message."""
    client = Client()
    messages: list[Body] = [{"role": "user", "content": [{"type": "text", "text": "Begin. " * 50}]}]
    messages += [{"role": "user" if at % 2 else "assistant", "content": blocks} for at, blocks in enumerate(turns)]
    messages.append({"role": "user", "content": [{"type": "text", "text": "End. " * 200}]})
    client.ask(a_body(messages=messages))
    at = data.draw(st.integers(0, len(messages) - 2))
    later = deepcopy(messages)
    later[at]["content"].insert(0, {"type": "text", "text": "edited just now"})
    later.append({"role": "assistant", "content": "Well."})
    found = client.ask(a_body(messages=later))
    assert [violation.where.split("/")[2].split(" ")[0] for violation in found if violation.where] == [str(at)]
