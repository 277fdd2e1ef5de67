"""Several conversations of one client: told apart, retried, billed; and nothing is said when nothing happened."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contextkit.cache.simulator import PromptCache
from contextkit.cache.spell import spell
from contextkit.cache.watch import Ticket, Watch

if TYPE_CHECKING:
    from contextkit.cache.prefix import Counts
    from contextkit.cache.violations import Violation

Body = dict[str, Any]
MARK = {"type": "ephemeral"}
SYSTEM = "You are a careful engineer. " * 120


class Letters:
    """Counts a token for every four characters of a block's JSON, so that bills are exact and easy."""

    def base(self) -> float:
        """No frame."""
        return 0

    def message(self, _: Any) -> float:
        """No frame."""
        return 0

    def block(self, block: Any) -> float:
        """By length, marks aside."""
        return len(str({key: value for key, value in block.items() if key != "cache_control"})) // 4

    tool = system = block


def letters(_: Any) -> Counts:
    """The same counts for every request."""
    return Letters()


class Client:
    """A client whose answers are billed by the simulator.

    Args:
        options: of the Watch.
    """

    def __init__(self, **options: Any) -> None:
        self.watch = Watch(**options)
        self.cache = PromptCache(letters)
        self.now = 1_000.0

    def ask(self, body: Body, *, reason: str = "", **options: Any) -> list[Violation]:
        """Send a request and have it billed."""
        self.now += 1
        ticket = self.watch.sent(body, self.now, **options)
        usage = self.cache.bill(body, self.now).usage(5)
        billed = {
            "input_tokens": usage.input,
            "cache_read_input_tokens": usage.read,
            "cache_creation_input_tokens": usage.write_5m,
        }
        return self.watch.answered(ticket, billed, reason=reason, message_id=f"msg_{self.now:.0f}")

    def fail(self, body: Body) -> Ticket | None:
        """Send a request that fails: it is billed nothing and cached nowhere."""
        return self.watch.sent(body, self.now)


def a_body(first: str = "Find the bug.", **changes: Any) -> Body:
    """The first request of a conversation, marked automatically."""
    messages = [{"role": "user", "content": first * 30}]
    return {
        "model": "claude-opus-5-5",
        "max_tokens": 10,
        "system": SYSTEM,
        "messages": messages,
        "cache_control": MARK,
        **changes,
    }


def turn(body: Body, answer: str = "Sure.", question: str = "And then?") -> Body:
    """The next request of the same conversation."""
    added = [{"role": "assistant", "content": answer}, {"role": "user", "content": question}]
    return {**body, "messages": [*body["messages"], *added]}


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


def test_the_bill_confirms_a_break_and_prices_it() -> None:
    """A predicted break that the bill shows is confirmed, with the billed tokens and their price."""
    client = Client()
    body = a_body()
    client.ask(body)
    read_before = client.cache.bill(body, client.now).read
    violation = client.ask({**turn(body), "system": "Changed. " * 400})[0]
    assert violation.confirmed is True
    assert violation.tokens == read_before
    assert violation.usd == pytest.approx(read_before * (5 - 0.2) / 1e6)


def test_a_break_that_the_bill_does_not_show_stays_in_the_report() -> None:
    """When the server read everything all the same, the prediction is shown as not confirmed, with no loss."""
    client = Client()
    body = a_body()
    client.ask(body, betas=("a",))
    violation = client.ask(turn(body), betas=("b",))[0]  # the simulator does not hash betas
    assert (violation.cause, violation.confirmed, violation.tokens) == ("betas_changed", False, 0)
    assert "no loss" in str(violation)


def test_a_loss_that_nothing_explains_is_the_providers() -> None:
    """Nothing changed, the time was short, the marks reach, and still nothing was read: evicted."""
    client = Client()
    body = a_body()
    client.ask(body)
    client.cache = PromptCache(letters)
    violation = client.ask(turn(body))[0]
    assert (violation.cause, violation.blame, violation.confirmed) == ("evicted", "provider", True)


def test_a_loss_near_the_end_of_the_lifetime_is_the_times() -> None:
    """Entries may go a little early: close to the end of the lifetime a miss is called expired."""
    client = Client()
    body = a_body()
    client.ask(body)
    client.cache = PromptCache(letters)
    client.now += 270
    assert [violation.cause for violation in client.ask(turn(body))] == ["expired"]


def test_an_entry_that_lived_longer_is_no_violation() -> None:
    """Lifetimes are minimums: a read after the end is luck, not a finding."""
    watch = Watch()
    body = a_body()
    watch.answered(watch.sent(body, 0), {"input_tokens": 5, "cache_creation_input_tokens": 1500})
    later = {"input_tokens": 5, "cache_read_input_tokens": 1500}
    assert watch.answered(watch.sent(turn(body), 310), later) == []


def test_the_apis_diagnosis_stands_beside_the_finding() -> None:
    """The API's reason is matched with ours, and where it says something else, that is shown."""
    client = Client()
    body = a_body()
    client.ask(body)
    agreed = client.ask({**turn(body), "system": "Changed. " * 400}, reason="system_changed")[0]
    assert (agreed.diagnosis, agreed.agrees) == ("system_changed", True)
    client = Client()
    client.ask(body)
    other = client.ask({**turn(body), "system": "Changed. " * 400}, reason="tools_changed")[0]
    assert (other.diagnosis, other.agrees) == ("tools_changed", False)
    assert "says tools_changed" in str(other)


def test_a_diagnosis_without_a_finding_is_unknown() -> None:
    """The API saw a change that this library did not: the loss is reported as unknown, with the API's word."""
    client = Client()
    body = a_body()
    client.ask(body)
    client.cache = PromptCache(letters)
    violation = client.ask(turn(body), reason="tools_changed")[0]
    assert (violation.cause, violation.blame, violation.diagnosis) == ("unknown", "unknown", "tools_changed")


def test_context_editing_on_the_server_is_planned() -> None:
    """When the answer says that context editing was applied, the loss is what was asked for."""
    watch = Watch()
    body = a_body()
    watch.answered(watch.sent(body, 0), {"input_tokens": 5, "cache_creation_input_tokens": 9000})
    usage = {"input_tokens": 5, "cache_read_input_tokens": 3000, "cache_creation_input_tokens": 10}
    violation = watch.answered(watch.sent(turn(body), 5), usage, edited=True)[0]
    assert (violation.cause, violation.blame, violation.tokens) == ("context_edited", "planned", 6000)


def test_below_the_minimum_is_said_once() -> None:
    """Marks on a prompt that is too short do nothing; the second request says so, later ones do not repeat it."""
    client = Client()
    body = a_body(system="Short.", model="claude-opus-4-6")
    found = []
    for _ in range(4):
        found += client.ask(body)
        body = turn(body)
    assert [(violation.cause, violation.blame, violation.tokens) for violation in found] == [
        ("below_minimum", "expected", 0)
    ]


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
    assert sum(tip.spelled.size for tip in tips if tip.texts) <= 10_000


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


def an_agent(given: Any = None, *, size: int = 3) -> list[Body]:
    """An agent's history: so many calls of a tool, the first with this input."""
    messages: list[Body] = [{"role": "user", "content": [{"type": "text", "text": "Find the bug. " * 60}]}]
    for n in range(size):
        call = {"type": "tool_use", "id": f"t{n}", "name": "bash", "input": {"n": n} if n or given is None else given}
        result = {"type": "tool_result", "tool_use_id": f"t{n}", "content": f"{n}: a line\n" * 60}
        messages += [{"role": "assistant", "content": [call]}, {"role": "user", "content": [result]}]
    return messages


EDITS: list[Any] = [
    lambda m: m[0]["content"][0].update(cache_control=MARK),
    lambda m: m[-1]["content"][0].update(cache_control=MARK),
    lambda m: m[0]["content"][0].update(text="Find it."),
    lambda m: m[1]["content"][0].update(input={"b": 1, "a": 2}),
    lambda m: m[1]["content"][0].update(input={"a": 2, "b": 1}),
    lambda m: m[1]["content"][0].update(input={"a": True, "b": {"c": [1, {"d": None}]}}),
    lambda m: m[1]["content"][0].update(input={"a": 1, "b": {"c": [1.0, {"d": None}]}}),
    lambda m: m[2]["content"][0].update(content=[{"type": "image", "source": {"type": "url", "url": "u"}}]),
    lambda m: m.extend(({"role": "assistant", "content": "Well."}, {"role": "user", "content": "Go on."})),
    lambda m: m.insert(3, {"role": "system", "content": "Only now.", "clear_at": "next_user_turn"}),
    lambda m: m.pop(),
    lambda m: m.pop(1),
    lambda m: m.reverse(),
]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sets(st.integers(0, len(EDITS) - 1), max_size=3), min_size=2, max_size=6))
def test_what_is_taken_over_is_what_would_be_read_anew(steps: list[set[int]]) -> None:
    """Whatever changes between requests, one that is read from the first difference on is as one read as a whole."""
    known: list[Any] = []
    for edits in steps:
        messages = an_agent()
        for number in sorted(edits):  # those of blocks come before those that move messages
            EDITS[number](messages)
        body = a_body(messages=messages)
        made = spell(body, known=known, keep=True)
        assert made == spell(body)
        known.insert(0, made)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ({"a": 1}, {"a": True}),
        ({"a": [1]}, {"a": [1.0]}),
        ({"a": {"b": "x", "c": "y"}}, {"a": {"c": "y", "b": "x"}}),
    ],
)
def test_inputs_that_python_calls_equal_are_told_apart(before: Body, after: Body) -> None:
    """The order of an input's keys and the type of its values count, also where the last request was kept."""
    client = Client()
    client.ask(a_body(messages=an_agent(before)), own=True)
    found = client.ask(a_body(messages=an_agent(after, size=4)), own=True)
    assert [(one.cause, one.where.split("/")[2]) for one in found] == [("message_changed", "1")]


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("change", [EDITS[2], EDITS[3]])
def test_a_change_in_place_is_found(change: Any, own: bool) -> None:
    """A block or an input that is changed in the very objects that were sent before is reported."""
    client = Client()
    messages = an_agent()
    client.ask(a_body(messages=messages), own=own)
    change(messages)
    found = client.ask(turn(a_body(messages=messages)), own=own)
    assert [one.cause for one in found] == ["message_changed"]


def test_only_the_last_request_is_kept_and_nothing_with_redact() -> None:
    """A conversation keeps the messages of its last request; with `redact`, and of a shared body, none are kept."""
    for options, own, kept in (({}, True, True), ({"redact": True}, True, False), ({}, False, False)):
        client = Client(**options)
        for size in (1, 2, 3):
            body = a_body(messages=an_agent(size=size))
            client.ask(body, own=own)
        (tip,) = client.watch._tips
        assert (tip.spelled.messages is body["messages"]) is kept
        assert (tip.spelled.messages is None) is not kept


def test_kept_messages_are_bounded() -> None:
    """Beyond `text_bytes` no messages are kept, and the watch goes on."""
    client = Client(text_bytes=100)
    client.ask(a_body(messages=an_agent()), own=True)
    assert [tip.spelled.messages for tip in client.watch._tips] == [None]
    assert [one.cause for one in client.ask(a_body(messages=an_agent({"n": 9}, size=4)), own=True)] == [
        "message_changed"
    ]


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
