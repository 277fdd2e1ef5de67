"""When items stand in one conversation that do not need each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from contextkit.errors import FormatError
from contextkit.replay.trace import trace
from contextkit.transcripts import read
from contextkit.transcripts.common import Call, Session
from contextkit.transcripts.independent import advise

if TYPE_CHECKING:
    from pathlib import Path

THINGS = ("a broken lamp", "a late parcel", "a lost invoice", "a kind word", "a wrong colour", "a double charge")


def a_talk(*texts: str, answers: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    """Texts of the user, each answered."""
    talk: list[dict[str, Any]] = []
    for at, text in enumerate(texts):
        talk.append({"role": "user", "content": text})
        talk.append({"role": "assistant", "content": answers[at] if answers else "That is a complaint."})
    return talk


def letters() -> list[str]:
    """Six letters over one form."""
    return [f"Sort this letter: I write about {thing} of mine. Answer with one word." for thing in THINGS]


def test_items_of_one_form_are_found() -> None:
    """Turns of one form that nobody goes back to are named, with what they cost here and alone."""
    (found,) = advise(a_talk("Hello, you sort letters.", *letters()))
    assert found.messages == (2, 4, 6, 8, 10, 12)
    assert found.form.startswith("Sort this letter: I write about a")
    assert found.prompt > 2 * found.alone
    assert "6 turns" in found.reason


def test_a_session_and_its_trace_say_the_same() -> None:
    """Recorded sessions and replay's traces are read as their messages."""
    messages = a_talk(*letters())
    call = Call(added=tuple(safe(message) for message in messages[:-1]), reply=safe(messages[-1]))
    session = Session("file", "requests", (call,))
    traced = trace(session)
    assert traced is not None
    assert advise(session) == advise(messages)
    assert [found.messages for found in advise(messages)] == [(0, 2, 4, 6, 8, 10)]
    (of_trace,) = advise(traced)
    assert of_trace.messages == (0, 2, 4, 6, 8)  # a trace ends with the last request, whose answer it does not hold


def safe(message: dict[str, Any]) -> dict[str, Any]:
    """A message with its text as a block."""
    return {"role": message["role"], "content": [{"type": "text", "text": message["content"]}]}


@pytest.mark.parametrize(
    "texts",
    [
        letters()[:4],
        [*letters()[:3], "And what do you think of it all, my friend?", *letters()[3:]],
        [*letters()[:5], letters()[5].replace("of mine", "like the previous letter")],
        [*letters(), "Compare them and give a table."],
        ["continue"] * 8,
        [letters()[0]] * 8,
        [f"yes {at}" for at in range(9)],
        [],
    ],
    ids=["few", "broken", "pointing-back", "needed-later", "continue", "repeated", "short", "none"],
)
def test_it_is_silent_where_turns_may_need_each_other(texts: list[str]) -> None:
    """Too few, a break in the form, a word that points back, a later turn that needs the answers: nothing is said."""
    assert advise(a_talk(*texts)) == ()


def test_a_name_that_an_earlier_answer_brought_is_a_reference() -> None:
    """A later item that uses a number which only an earlier answer gave depends on it."""
    texts = letters()
    answers = ("Filed as CASE-48813.", *["Filed."] * 5)
    assert advise(a_talk(*texts, answers=answers))
    texts[4] = texts[4].replace("of mine", "under CASE-48813")
    assert advise(a_talk(*texts, answers=answers)) == ()
    late = [*["Filed."] * 3, "As with broken/lamp_1 it is bad.", "See broken/lamp_1.", "Filed."]
    assert advise(a_talk(*letters(), answers=tuple(late))) == ()


def test_turns_that_call_tools_are_no_items() -> None:
    """What needs a loop cannot be one request of a batch."""
    talk = a_talk(*letters())
    for message in talk[1::2]:
        message["content"] = [{"type": "tool_use", "id": "t", "name": "look", "input": {}}]
    assert advise(talk) == ()


def test_recorded_sessions_raise_no_false_alarm(data: Path) -> None:
    """Nobody's recorded session holds independent items, and none is accused of it."""
    files = [path for path in sorted(data.rglob("*")) if path.is_file() and path.suffix in {".json", ".jsonl", ".traj"}]
    seen, turns = 0, 0
    for path in files:
        try:
            sessions = read(path)
        except FormatError:
            continue
        for session in sessions:
            seen += 1
            turns += len(session.calls)
            assert advise(session) == (), f"{path.name}: {advise(session)}"
    assert seen > 20
    assert turns > 1_000
