"""Turns that do not need each other: a hint, once a conversation, however long the log is."""

from __future__ import annotations

from typing import Any

from contextkit.lint.requests.rules import independent_turns
from tests.lint.requests.logs import a_body, a_log, found

LETTERS = ["the parcel came broken", "please send me an invoice", "where is my order now", "I want my money returned",
           "the colour is wrong here", "thank you for the help", "cancel my membership today"]  # fmt: skip


def bodies(count: int, who: str = "", back: str = "") -> list[dict[str, Any]]:
    """A conversation in which letters are classified one after the other; `back` is put before the last question."""
    messages: list[dict[str, Any]] = []
    made = []
    for at in range(count):
        lead = back if at == count - 1 else ""
        text = f"{lead}Classify this letter of a customer{who} in one word: {LETTERS[at]}, kindly yours."
        messages = [*messages, {"role": "user", "content": text}]
        made.append({"model": "claude-opus-5-5", "max_tokens": 5, "messages": messages})
        messages = [*messages, {"role": "assistant", "content": ["complaint", "billing", "status", "thanks"][at % 4]}]
    return made


def hints(lines: list[Any]) -> list[tuple[int | None, str | None, str]]:
    """Request, pointer and severity of each hint."""
    return [(one.request, one.pointer, str(one.severity)) for one in found(lines) if one.code == "CK330"]


def test_items_in_one_conversation_are_told_once() -> None:
    """At the last request, with the place of the first item; the answer of the log counts."""
    assert hints(bodies(7)) == [(6, "/messages/0", "info")]
    last = [{"request": body, "response": {"content": [{"type": "text", "text": "other"}]}} for body in bodies(5)]
    assert hints(last) == [(4, "/messages/0", "info")]


def test_turns_that_need_each_other_are_let_alone() -> None:
    """Few turns, an agent's log, and a question that goes back to an earlier answer."""
    assert hints(bodies(4)) == []
    assert hints(bodies(7, back="As you said above, ")) == []

    assert hints(a_log([a_body(n) for n in range(8)], billed=True)) == []


def test_only_the_latest_conversations_are_held(monkeypatch: Any) -> None:
    """One that has to make room is judged then, and none is told twice."""
    monkeypatch.setattr(independent_turns, "_HELD", 2)
    lines = [body for who in "abcd" for body in bodies(6, f" named {who}")]
    assert [request for request, _, _ in hints(lines)] == [5, 11, 17, 23]


def test_strange_answers_are_no_trouble() -> None:
    """Whatever a log holds as an answer, the reading goes on."""
    for content in (7, {"a": 1}, [None, 5], [{"type": "text"}], "text"):
        found([{"request": body, "response": {"content": content}} for body in bodies(6)])
