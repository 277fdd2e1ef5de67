"""What a run decides: it goes on while the model calls, ends in bounds, and leaves a valid history."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import anthropic
import pytest

from contextkit import Conversation
from contextkit.emulator import Emulator, fault, reply, text, thinking, tool_use
from contextkit.errors import ConfigError
from contextkit.loop import Event, run
from contextkit.turn import BookkeepingWarning
from contextkit.when import Condition, answer_stable, confidence, spent, steps
from contextkit.when import tokens as tokens_over
from tests.loop.agents import (
    a_conversation,
    assert_valid,
    broken,
    calling,
    either,
    for_ever,
    last_user,
    look_up,
    results,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

DRIVERS = pytest.mark.parametrize("driver", ["run", "arun"])
TOOLS = [look_up, broken]
PAUSE = reply("I search.", stop_reason="pause_turn")
PREFILLS = "claude-opus-4-5"  # the emulator runs no server tools: it takes the paused turn back as a prefill


@DRIVERS
async def test_until_the_model_stops(driver: str) -> None:
    """Calls are run and answered in the model's order until it calls none; the result says what it cost."""
    emulator = Emulator([calling("look_up", "broken"), calling("look_up"), "Found them all."])
    conv = a_conversation()
    result = await either(driver, conv, emulator, TOOLS, step="look")
    assert (result.text, result.stopped_by, result.concluded, result.steps) == ("Found them all.", "end_turn", True, 3)
    assert [block.get("is_error", False) for block in results(conv)] == [False, True, False]
    assert results(conv)[0]["content"] == '{"word":"w0","means":"the meaning of w0"}'
    assert results(conv)[1]["content"] == "ValueError: no such word: w1"
    assert result.cost == conv.ledger.totals().cost
    assert result.usage == conv.ledger.totals().usage
    assert result.tokens == result.usage.prompt + result.usage.output
    assert {row.step for row in conv.ledger} == {"look"}
    assert_valid(conv)


@DRIVERS
async def test_a_condition_asks_for_the_conclusion(driver: str) -> None:
    """One last request with the same tools, system and tool_choice, which reads the whole prefix; calls are not run."""

    def script(body: Mapping[str, Any]) -> Any:
        asked = body["messages"][-1]["content"][-1]
        return reply("So far: two words.") if asked["type"] == "text" and len(body["messages"]) > 1 else for_ever(body)

    emulator = Emulator(script)
    conv = a_conversation()
    result = await either(driver, conv, emulator, TOOLS, stop_when=steps(3) | spent(5.0))
    assert (result.text, result.stopped_by, result.concluded, result.steps) == (
        "So far: two words.",
        "steps(3)",
        True,
        4,
    )
    assert [block.get("is_error", False) for block in results(conv)] == [False, False, True]
    before, last = emulator.requests[-2:]
    for name in ("tools", "system", "tool_choice", "model", "max_tokens"):
        assert last.body.get(name) == before.body.get(name)
    rows = list(conv.ledger)
    assert rows[-1].usage.read == rows[-2].usage.prompt - rows[-2].usage.input
    assert not conv.violations
    assert_valid(conv)


@DRIVERS
async def test_a_model_that_only_calls_is_asked_three_times(driver: str) -> None:
    """The conclusion ends in any case: after three requests with what there is, and the history is valid."""
    emulator = Emulator(for_ever)
    conv = a_conversation()
    result = await either(driver, conv, emulator, TOOLS, stop_when=steps(2))
    assert (result.stopped_by, result.concluded, result.steps) == ("steps(2)", False, 5)
    assert result.text == "Step 9."
    assert [block.get("is_error", False) for block in results(conv)] == [False, True, True, True, True]
    assert_valid(conv)


def test_every_run_ends() -> None:
    """Without a condition there is still a bound on the steps."""
    conv = a_conversation()
    result = run(conv, Emulator(for_ever).client(), TOOLS, max_steps=4)
    assert (result.stopped_by, result.steps) == ("steps(4)", 7)


def test_forced_tools_cannot_conclude() -> None:
    """Where tool_choice forces a call nothing is asked that could only be answered by another call."""
    conv = a_conversation(model="claude-sonnet-4-6", tool_choice={"type": "any"})
    result = run(conv, Emulator(for_ever).client(), TOOLS, stop_when=steps(2))
    assert (result.stopped_by, result.concluded, result.steps) == ("steps(2)", False, 2)
    assert_valid(conv)


def test_a_model_that_drops_thinking_is_asked_in_the_results() -> None:
    """There a text of the user's would cost the cached messages: the conclusion is asked for in the error results."""
    budget = {"type": "enabled", "budget_tokens": 1_024}
    conv = a_conversation(model="claude-haiku-4-5", thinking=budget, max_tokens=2_000)
    think = reply(thinking("Hm."), tool_use("look_up", {"word": "w"}))
    emulator = Emulator([think, think, reply(thinking("Well."), text("Done."))])
    result = run(conv, emulator.client(), TOOLS, stop_when=steps(2))
    assert (result.stopped_by, result.text) == ("steps(2)", "Done.")
    (asked,) = last_user(emulator)
    assert asked["type"] == "tool_result"
    assert "final answer" in asked["content"]
    assert not conv.violations


@pytest.mark.parametrize(
    ("condition", "answers", "why", "count"),
    [
        (confidence(0.8), ["Confidence: 0.5", "Confidence: 0.9", "Sure."], "confidence(0.8)", 3),
        (answer_stable(2), ["Answer: 1", "Answer: 2", "Answer: 2", "It is 2."], "answer_stable(2)", 4),
        (steps(9) & spent(0.0) | answer_stable(2), ["Answer: 1", "Answer: 1", "It is 1."], "answer_stable(2)", 3),
        (spent(0.000_001), ["One.", "That is all."], "spent(1e-06)", 2),
        (tokens_over(1), ["One.", "That is all."], "tokens(1)", 2),
    ],
)
def test_conditions_see_the_run(condition: Condition, answers: list[str], why: str, count: int) -> None:
    """Each condition stops at the answer where it first holds, and is named."""
    script = [*(calling("look_up", say=said) for said in answers[:-1]), answers[-1]]
    result = run(a_conversation(), Emulator(script).client(), TOOLS, stop_when=condition)
    assert (result.stopped_by, result.steps, result.text) == (why, count, answers[-1])


def test_a_condition_that_fails_stops_the_run() -> None:
    """After a paid answer it cannot raise: the run concludes, and says what went wrong."""
    faulty = Condition("faulty", lambda view: 1 // (1 - view.steps) > 0)
    conv = a_conversation()
    result = run(conv, Emulator([calling("look_up"), "Well."]).client(), TOOLS, stop_when=faulty)
    assert result.stopped_by.startswith("the condition failed: ZeroDivisionError")
    assert result.text == "Well."


def test_an_unknown_price_is_refused_before_anything_is_paid() -> None:
    """A limit in USD needs a price; a model without one is refused before the first request."""
    emulator = Emulator(for_ever)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        conv = a_conversation(model="my-own-model")
        with pytest.raises(ConfigError, match="no known price"):
            run(conv, emulator.client(), TOOLS, stop_when=spent(0.05))
    assert not emulator.requests


@DRIVERS
async def test_a_paused_turn_goes_on(driver: str) -> None:
    """pause_turn is answered by the same history, with nothing added."""
    emulator = Emulator([PAUSE, "Found."])
    conv = a_conversation(model=PREFILLS)
    result = await either(driver, conv, emulator)
    assert (result.text, result.steps, result.stopped_by) == ("Found.", 2, "end_turn")
    assert [message["role"] for message in conv.messages] == ["user", "assistant", "assistant"]


def test_pauses_are_bounded() -> None:
    """A turn that only pauses ends after ten pauses in a row."""
    emulator = Emulator(lambda _: PAUSE)
    result = run(a_conversation(model=PREFILLS), emulator.client())
    assert (result.stopped_by, result.concluded, result.steps) == ("pause_turn", False, 10)


def test_calls_that_are_cut_off_are_not_run() -> None:
    """At max_tokens the last call may lack half its input: none is run, and the model is told; twice in a row ends."""
    ran: list[str] = []

    def note(word: str) -> str:
        ran.append(word)
        return word

    tool = {"name": "note", "input_schema": {"type": "object"}}
    cut = reply(text("I note."), tool_use("note", {"word": "w"}), stop_reason="max_tokens")
    conv = a_conversation(tools=[tool])
    result = run(conv, Emulator([cut, reply(tool_use("note", {"word": "v"})), "Done."]).client(), {"note": note})
    assert (result.text, ran) == ("Done.", ["v"])
    assert "cut off at max_tokens" in results(conv)[0]["content"]
    conv = a_conversation(tools=[tool])
    result = run(conv, Emulator([cut, cut]).client(), {"note": note})
    assert (result.stopped_by, result.concluded, result.steps) == ("max_tokens", False, 2)
    assert_valid(conv)


@pytest.mark.parametrize("stop", ["max_tokens", "refusal", "model_context_window_exceeded"])
def test_other_ends(stop: str) -> None:
    """The API's stop reason is the run's, and no conclusion is claimed."""
    result = run(a_conversation(), Emulator([reply("I cannot", stop_reason=stop)]).client())
    assert (result.stopped_by, result.concluded, result.text) == (stop, False, "I cannot")


def test_a_refusal_that_calls_is_closed() -> None:
    """Nothing is run for a refused turn, and its calls are not left open."""
    conv = a_conversation()
    result = run(conv, Emulator([reply(tool_use("look_up", {"word": "w"}), stop_reason="refusal")]).client(), TOOLS)
    assert result.stopped_by == "refusal"
    assert_valid(conv)


@DRIVERS
async def test_an_error_of_the_api_passes_and_the_run_goes_on_later(driver: str) -> None:
    """The SDK's error is the caller's to see; the history stands, and a second run goes on where it was."""
    conv = a_conversation()
    emulator = Emulator([calling("look_up"), fault(529), calling("look_up"), "Done."])
    with pytest.raises(anthropic.APIStatusError):
        await either(driver, conv, emulator, TOOLS)
    assert_valid(conv)
    result = await either(driver, conv, emulator, TOOLS)
    assert (result.text, result.steps) == ("Done.", 2)
    assert len(results(conv)) == 2


@DRIVERS
async def test_open_calls_are_run_first(driver: str) -> None:
    """A conversation that was saved or sent by hand with open calls goes on with those."""
    messages = [
        {"role": "user", "content": "Look."},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "look_up", "input": {"word": "w"}}]},
    ]
    conv = Conversation.from_messages(messages, model="sonnet", tools=[look_up], recall=False)
    emulator = Emulator(["Done."])
    assert (await either(driver, conv, emulator, [look_up])).text == "Done."
    assert last_user(emulator)[0]["tool_use_id"] == "t1"


def test_an_answer_that_cannot_be_recorded_ends_the_run() -> None:
    """It was paid for and is given back; asking the same again would only be paid again."""
    twice = reply(text("I look."), tool_use("look_up", {"word": "w"}, id="t1"))
    conv = a_conversation()
    with pytest.warns(BookkeepingWarning, match="used before"):
        result = run(conv, Emulator([twice, twice]).client(), TOOLS)
    assert (result.stopped_by, result.concluded, result.steps) == ("not_recorded", False, 2)
    assert result.message.content[1].id == "t1"
    assert_valid(conv)


def test_an_unknown_tool_is_an_error_result() -> None:
    """The model is told which tools there are."""
    conv = a_conversation()
    run(conv, Emulator([calling("look_down"), "Well."]).client(), TOOLS)
    assert results(conv)[0]["content"] == "There is no tool 'look_down' here. Tools: broken, look_up."


class Odd:
    """An object that JSON does not know."""

    def __repr__(self) -> str:
        return "<odd>"


class Hopeless:
    """An object whose own text fails."""

    def __repr__(self) -> str:
        raise ZeroDivisionError


@pytest.mark.parametrize(
    ("output", "content"),
    [(Odd(), '"<odd>"'), ({"a": Odd()}, '{"a":"<odd>"}'), (None, None), ([1, 2], "[1,2]"), (("a", 1), '["a",1]')],
)
def test_what_a_tool_gives(output: object, content: str | None) -> None:
    """Any output enters: JSON as it is, other objects as their text, and nothing as nothing."""
    conv = a_conversation(tools=[{"name": "give", "input_schema": {"type": "object"}}])
    run(conv, Emulator([reply(tool_use("give")), "Done."]).client(), {"give": lambda: output})
    assert results(conv)[0].get("content") == content
    assert_valid(conv)


def test_an_output_without_any_form_is_an_error() -> None:
    """Whatever a tool gives, the run goes on."""
    conv = a_conversation(tools=[{"name": "give", "input_schema": {"type": "object"}}])
    run(conv, Emulator([reply(tool_use("give")), "Done."]).client(), {"give": Hopeless})
    assert results(conv)[0]["is_error"]
    assert "no form in JSON" in results(conv)[0]["content"]


def test_a_tool_cannot_change_the_history() -> None:
    """Functions get a copy of the input, however deep they write in it."""

    def vandal(words: list[str]) -> str:
        words.clear()
        return "gone"

    conv = a_conversation(tools=[{"name": "vandal", "input_schema": {"type": "object"}}])
    run(conv, Emulator([reply(tool_use("vandal", {"words": ["a"]})), "Done."]).client(), {"vandal": vandal})
    assert conv.messages[1]["content"][0]["input"] == {"words": ["a"]}


@DRIVERS
async def test_recall_is_offered_and_answered(driver: str) -> None:
    """recall="auto" is turned on before the first request, after the tools, and reads the archive."""

    def script(body: Mapping[str, Any]) -> Any:
        if len(body["messages"]) == 1:
            return calling("long")
        note = body["messages"][-1]["content"][0]["content"]
        if len(body["messages"]) == 3:
            handle = note.split("handle ")[1].split()[0].strip("].:;,")
            return reply(tool_use("recall", {"handle": handle, "search": "needle"}))
        return reply(f"It says: {note}")

    conv = a_conversation(recall="auto", max_output_chars=1_000, tools=[{"name": "long", "input_schema": {}}])
    long = "\n".join("needle 7" if at == 500 else f"line {at}" for at in range(1_000))
    emulator = Emulator(script)
    result = await either(driver, conv, emulator, {"long": lambda **_: long})
    assert [tool["name"] for tool in emulator.requests[0].body["tools"]] == ["long", "recall"]
    assert result.text == "It says: 501: needle 7"


def test_events_tell_what_happens() -> None:
    """One callable gets every event, in order, with what it is about."""
    seen: list[Event] = []
    conv = a_conversation()
    run(conv, Emulator([calling("look_up"), calling("look_up"), "Done."]).client(), TOOLS, stop_when=steps(2),
        on_event=seen.append)  # fmt: skip
    assert [(event.kind, event.step) for event in seen] == [
        ("request", 1), ("answer", 1), ("call", 1), ("result", 1),
        ("request", 2), ("answer", 2), ("concluding", 2), ("request", 3), ("answer", 3), ("stopped", 3),
    ]  # fmt: skip
    assert seen[2].call is not None
    assert seen[2].call.input == {"word": "w0"}
    assert seen[3].outcome is not None
    assert seen[3].outcome.output == {"word": "w0", "means": "the meaning of w0"}
    assert (seen[6].text, seen[-2].text, seen[-1].text) == ("steps(2)", "Done.", "steps(2)")
    assert seen[-2].message.stop_reason == "end_turn"
