"""Several conversations of one client: told apart, retried, bounded; what cannot be read is not watched."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

import pytest

from contextkit.cache.watch import Watch
from tests.cache.clients import Body, Client, a_body, turn

if TYPE_CHECKING:
    from contextkit.cache.violations import Violation


def test_conversations_that_take_turns_are_told_apart() -> None:
    """Two conversations over one client do not look like changes of each other."""
    client = Client()
    one, two = a_body("Find the bug."), a_body("Write a poem.")
    for n in range(5):
        assert client.ask(one) == client.ask(two) == []
        one, two = turn(one, f"one {n}"), turn(two, f"two {n}")
    assert not client.watch.violations


def test_the_longest_shared_head_decides() -> None:
    """Where conversations began alike, a change is reported against the one that goes furthest with the request."""
    client = Client()
    root = a_body()
    one, two = turn(root, "Way one."), turn(root, "Way two.")
    for body in (root, root, one, two):
        assert client.ask(body) == []
    later = deepcopy(turn(two, "More.", "What else?"))
    later["messages"][2]["content"] = "And then!"
    assert [violation.where for violation in client.ask(later)] == ["/messages/2/content/text"]
    assert client.ask(turn(one, "More.")) == []


def test_samples_of_one_prompt_are_no_changes() -> None:
    """The same prompt asked several times may go on in several ways."""
    client = Client()
    root = a_body()
    for _ in range(3):
        assert client.ask(root) == []
    for n in range(3):
        assert client.ask(turn(root, f"Sample {n}.")) == []


def test_a_retry_is_no_violation_and_a_failed_attempt_is_forgotten() -> None:
    """A failed attempt wrote nothing; its retry is compared with what was cached, and a break is reported once."""
    client = Client()
    first = a_body()
    client.ask(first)
    second = turn(first)
    client.fail(second)
    client.fail(second)
    assert client.ask(second) == []
    broken = {**turn(second), "system": "Changed. " * 300}
    client.fail(broken)
    found = client.ask(broken)
    assert [violation.cause for violation in found] == ["system_changed"]
    assert list(client.watch.violations) == found


def test_two_efforts_that_take_turns_are_two_warm_caches() -> None:
    """The first switch is a violation; going back finds what was written before, and is none."""
    client = Client()
    low: Body = {"output_config": {"effort": "low"}}
    body = a_body()
    client.ask(body)
    assert [violation.cause for violation in client.ask({**body, **low})] == ["effort_changed"]
    assert client.ask(turn(body)) == []
    assert client.ask({**turn(body), **low}) == []


def test_a_side_call_by_another_model_is_another_conversation() -> None:
    """A summary of the same messages by another model with another system prompt breaks nothing."""
    client = Client()
    body = a_body()
    client.ask(body)
    side = {**turn(body), "model": "claude-haiku-5-5", "system": "Summarise. " * 200}
    assert client.ask(side) == []
    assert client.ask(turn(body)) == []


def test_a_window_that_slides_is_found() -> None:
    """Dropping the oldest messages changes the first one; the conversation is found by what is left of it."""
    client = Client()
    body = a_body()
    for n in range(4):
        body = turn(body, f"Answer {n}. " * 20, f"Question {n}? " * 20)
    client.ask(body)
    slid = {**turn(body), "messages": turn(body)["messages"][2:]}
    violation = client.ask(slid)[0]
    assert (violation.cause, violation.where) == ("message_removed", "/messages/0 (2 blocks)")
    assert violation.tokens > 0


def test_a_first_message_that_changes_is_found() -> None:
    """A date in the first message breaks everything after it, even when it is most of the prompt."""
    client = Client()
    body = a_body("Monday. " * 50)
    for n in range(3):
        body = turn(body, f"Answer {n}.", f"Question {n}?")
    client.ask(body)
    later = deepcopy(turn(body))
    later["messages"][0]["content"] = "Tuesday. " * 900
    assert [violation.where for violation in client.ask(later)] == ["/messages/0/content/text"]


def test_strangers_are_not_compared() -> None:
    """Another first message, and nothing else in common, is a new conversation."""
    client = Client()
    client.ask(turn(a_body("One thing."), "yes", "go on"))
    assert client.ask(turn(a_body("Quite another."), "yes", "go on")) == []


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"model": "m"},
        {"model": "m", "messages": None},
        {"model": "m", "messages": [{"role": "user"}]},
        {"model": "m", "messages": [{"role": "user", "content": 5}]},
        {"model": "m", "messages": [{"role": "user", "content": [{"text": "no type"}]}]},
        {"model": "m", "messages": [{"role": "user", "content": [{"type": "text", "text": None}]}]},
        {"model": "m", "messages": [{"role": "user", "content": "x"}], "tools": [5]},
        {"model": "m", "messages": [{"role": "user", "content": "x"}], "output_config": "high"},
    ],
)
def test_what_cannot_be_read_is_not_watched(body: Body) -> None:
    """A request that is none raises nothing here; the SDK or the API will say what is wrong with it."""
    watch = Watch()
    assert watch.answered(watch.sent(body, 0), {"input_tokens": 5}) == []


def test_odd_content_is_watched_all_the_same() -> None:
    """Lone surrogates, objects, deep and huge values go through, and a change beside them is found."""
    odd: Any = {"deep": [[[[[]]]]], "set": {1, 2}, "big": "x" * 3_000_000, "nan": float("nan"), "lone": "\ud800"}
    body = a_body()
    body["messages"].append(
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "n", "input": odd}]}
    )
    body["messages"].append({"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "ok"}]})
    watch = Watch()
    watch.answered(watch.sent(body, 0), {"input_tokens": 5, "cache_creation_input_tokens": 9000})
    later = deepcopy(turn(body))
    later["messages"][1]["content"][0]["input"]["big"] += "y"
    violation = watch.answered(watch.sent(later, 5), {"input_tokens": 5, "cache_creation_input_tokens": 9000})[0]
    assert violation.where.startswith("/messages/1/content/0")


def test_a_callback_that_raises_does_not_reach_the_request(caplog: pytest.LogCaptureFixture) -> None:
    """The user's own function may fail; it is logged, and the rest goes on."""

    def broken(violation: Violation) -> None:
        raise RuntimeError(violation.cause)

    client = Client(on_violation=broken)
    body = a_body()
    client.ask(body)
    assert len(client.ask({**turn(body), "system": "Changed. " * 400})) == 1
    assert "on_violation raised" in caplog.text


def test_memory_is_bounded() -> None:
    """Conversations and kept texts are forgotten, oldest first."""
    client = Client(conversations=5, text_bytes=10_000)
    for n in range(20):
        client.ask(a_body(f"Question {n} is this. "))
    tips = client.watch._tips
    assert len(tips) == 5
    assert sum(tip.spelled.size for tip in tips if tip.kept) <= 10_000


def test_redact_keeps_no_text() -> None:
    """With redact nothing readable of the content is remembered at all."""
    client = Client(redact=True)
    client.ask(a_body("secret "))
    assert "secret" not in repr(client.watch._tips)


def test_the_callers_later_edits_are_not_seen_as_the_past() -> None:
    """What is kept is a copy: a caller that edits its dicts in place is found out."""
    call = {"type": "tool_use", "id": "t", "name": "n", "input": {"path": "a.py"}}
    result = {"type": "tool_result", "tool_use_id": "t", "content": "ok"}
    body = a_body()
    body["messages"] += [{"role": "assistant", "content": [call]}, {"role": "user", "content": [result]}]
    client = Client()
    client.ask(body)
    call["input"]["path"] = "b.py"  # type: ignore[index]
    violation = client.ask(turn(body))[0]
    assert violation.where == "/messages/1/content/0/input/path"
    assert ("a.py" in violation.before, "b.py" in violation.after) == (True, True)


def test_a_task_budget_is_a_setting() -> None:
    """Another task budget is reported under its own name."""
    client = Client()
    first = a_body(output_config={"task_budget": {"type": "tokens", "total": 50_000}})
    client.ask(first)
    assert client.ask(turn(first)) == []
    later = turn(turn(first)) | {"output_config": {"task_budget": {"type": "tokens", "total": 90_000}}}
    assert [(one.cause, one.where) for one in client.ask(later)] == [
        ("task_budget_changed", "output_config.task_budget")
    ]


def test_the_first_cited_document_is_a_change_of_settings() -> None:
    """Citations that are switched on by a new document lose what the table says they lose."""
    client = Client()
    first = a_body()
    client.ask(first)
    source = {"type": "text", "media_type": "text/plain", "data": "Grass is green."}
    document = {"type": "document", "source": source, "citations": {"enabled": True}}
    later = turn(first)
    later["messages"][-1] = {"role": "user", "content": [document, {"type": "text", "text": "Which colour?"}]}
    assert "citations_changed" in [one.cause for one in client.ask(later)]
