from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from contextkit.transcripts import Call, Session

if TYPE_CHECKING:
    from contextkit.api.messages import Message


def message(role: str, text: str) -> Message:
    """A message of one text."""
    return {"role": role, "content": [{"type": "text", "text": text}]}


def a_session(*calls: Call) -> Session:
    """A session of these calls."""
    return Session("file", "requests", calls)


def test_histories_are_built_from_what_each_call_adds() -> None:
    """A call's history is its predecessor's with the reply, cut to what it shares, and what it adds."""
    a, b, c, d = (message("user", text) for text in "abcd")
    reply = message("assistant", "r")
    session = a_session(
        Call((a,), reply=reply),
        Call((b,), follows=0, shared=2, reply=reply),
        Call((c,), follows=1, shared=1),
        Call((d,), follows=0, shared=2),
    )
    assert session.history(1) == [a, reply, b]
    assert session.history(1, reply=True) == [a, reply, b, reply]
    assert session.history(2) == session.history(2, reply=True) == [a, c]
    assert session.history(3) == [a, reply, d]
    assert [session.appends(i) for i in range(4)] == [False, True, False, True]
    assert [call.length for call in session.calls] == [2, 4, 2, 3]


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3), st.booleans()), min_size=1, max_size=30))
def test_length_is_the_length_of_the_history(steps: list[tuple[int, int, bool]]) -> None:
    """Whatever a call keeps and adds, its `length` is that of the history it gives with its reply."""
    calls: list[Call] = []
    for keep, add, answered in steps:
        follows = len(calls) - 1 if calls else None
        shared = min(keep, calls[-1].length) if calls else 0
        reply = message("assistant", "r") if answered else None
        calls.append(Call(tuple(message("user", str(i)) for i in range(add)), follows, shared, reply))
    session = a_session(*calls)
    for index, call in enumerate(calls):
        assert call.length == len(session.history(index, reply=True))
        assert call.shared + len(call.added) == len(session.history(index))
