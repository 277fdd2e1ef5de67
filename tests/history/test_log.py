"""The log is append-only, refuses before it changes, and knows which calls are open."""

from __future__ import annotations

import copy
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from contextkit.errors import ContentError, HistoryError
from contextkit.history.log import Log
from tests.history.histories import Block, Turn, a_log, call, result, said, thought, turns


def snapshot(log: Log) -> Any:
    """Everything that is in a log."""
    return copy.deepcopy(log)


def an_open_log() -> Log:
    """A question, and an answer that makes two calls."""
    log = Log()
    log.user([said("look")], 10)
    log.assistant([call("a"), call("b")], 20, message_id="msg_1")
    return log


def a_closed_log() -> Log:
    """The same with its results."""
    log = an_open_log()
    log.result("a", result("a"), 30)
    log.result("b", result("b"), 40)
    return log


REFUSED: dict[str, tuple[Any, type[Exception], str]] = {
    "nothing to say": (lambda log: log.user([], 1), ContentError, "the message is empty"),
    "calls are open": (lambda log: log.user([said("x")], 1), HistoryError, r"2 tool call\(s\) have no result yet"),
    "a result as user text": (lambda log: log.user([result("a")], 1, repair=True), ContentError, "tool_result block"),
    "a call as user text": (lambda log: log.user([call("z")], 1, repair=True), ContentError, "tool_use block"),
    "thinking as user text": (lambda log: log.user([thought()], 1, repair=True), ContentError, "thinking block"),
    "an unknown id": (lambda log: log.result("z", result("z"), 1), HistoryError, "no open tool call has the id 'z'"),
    "an answer too early": (lambda log: log.assistant([said("x")], 1), HistoryError, "while tool calls have no result"),
    "the message again": (
        lambda log: log.assistant([said("x")], 1, message_id="msg_1"),
        HistoryError,
        "msg_1 was recorded already",
    ),
}
REFUSED_CLOSED: dict[str, tuple[Any, type[Exception], str]] = {
    "an id that is none": (lambda log: log.result([], result("z"), 1), HistoryError, "no open tool call has the id"),
    "answered already": (lambda log: log.result("a", result("a"), 1), HistoryError, "has a result already"),
    "an id again": (lambda log: log.assistant([call("a")], 1), HistoryError, "'a' was used before"),
    "an id twice": (lambda log: log.assistant([call("c"), call("c")], 1), HistoryError, "'c' was used before"),
    "an id of other characters": (lambda log: log.assistant([call("c d")], 1), HistoryError, "not of the form"),
    "no id": (
        lambda log: log.assistant([{"type": "tool_use", "name": "look", "input": {}}], 1),
        HistoryError,
        "not of the form",
    ),
    "the message again": (
        lambda log: log.assistant([said("x")], 1, message_id="msg_1"),
        HistoryError,
        "msg_1 was recorded already",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_refused_call_changes_nothing_while_calls_are_open(name: str) -> None:
    """What, where and what to do is said, and the log is as before."""
    wrong, kind, words = REFUSED[name]
    log = an_open_log()
    before = snapshot(log)
    with pytest.raises(kind, match=words) as caught:
        wrong(log)
    assert caught.value.where  # type: ignore[attr-defined]  # every error of ours has a place
    assert log == before


@pytest.mark.parametrize("name", REFUSED_CLOSED)
def test_a_refused_call_changes_nothing_between_turns(name: str) -> None:
    """The same when no call is open."""
    wrong, kind, words = REFUSED_CLOSED[name]
    log = a_closed_log()
    before = snapshot(log)
    with pytest.raises(kind, match=words):
        wrong(log)
    assert log == before


def test_nothing_was_asked() -> None:
    """An answer to nothing is refused, and the log stays empty."""
    log = Log()
    with pytest.raises(HistoryError, match="nothing was asked yet"):
        log.assistant([said("x")], 1)
    assert log == Log()
    assert log.tokens(0) == 0.0


def test_repair_closes_open_calls_with_errors() -> None:
    """Each open call gets an error result before what the user says, in one entry."""
    log = an_open_log()
    log.result("b", result("b"), 40)
    entry = log.user([said("never mind")], 5, repair=True)
    assert [block["type"] for block in entry.blocks] == ["tool_result", "tool_result", "text"]
    assert entry.blocks[1]["is_error"] is True
    assert entry.blocks[1]["tool_use_id"] == "a"
    assert log.open_calls == {}
    assert entry.fresh


def test_results_and_text_share_an_entry_until_the_model_answers() -> None:
    """The user's open entry grows; the answer closes it."""
    log = a_closed_log()
    log.user([said("and this")], 5)
    assert [entry.role for entry in log.entries] == ["user", "assistant", "user"]
    assert log.ends == [10, 30, 105]
    log.assistant([said("ok")], 1)
    log.user([said("next")], 1)
    assert [entry.role for entry in log.entries] == ["user", "assistant", "user", "assistant", "user"]


def test_an_answer_without_content_leaves_no_entry() -> None:
    """The API sends empty answers; they are remembered by their id alone, so that they are not recorded twice."""
    log = Log()
    log.user([said("x")], 1)
    log.assistant([], 1, message_id="msg_9")
    assert len(log.entries) == len(log.ends) == 1
    with pytest.raises(HistoryError, match="msg_9"):
        log.assistant([said("y")], 1, message_id="msg_9")
    log.user([said("z")], 1)
    assert len(log.entries) == 1


def test_thinking_can_be_left_out() -> None:
    """Thinking blocks are sent, or left out, and the entry itself keeps them."""
    log = Log()
    log.user([said("x")], 1)
    entry = log.assistant([thought(), said("y")], 1, unbound=True)
    plain = log.assistant([said("z")], 1, unbound=True)
    assert entry.thinking
    assert entry.unbound
    assert not plain.unbound
    assert entry.sent(without_thinking=False) == entry.blocks
    assert entry.sent(without_thinking=True) == [said("y")]
    assert len(entry.blocks) == 2


@given(turns(blocks=5, calls=6))
def test_a_range_ends_only_where_no_call_is_open(history: list[Turn]) -> None:
    """Before and after a cut, every call of a part has its result in that part."""
    log = a_log(*history)
    for at in range(1, len(log.entries)):
        parts = log.entries[:at], log.entries[at:]
        closed = all(_calls(part, "tool_use", "id") == _calls(part, "tool_result", "tool_use_id") for part in parts)
        assert log.may_cut(at) is closed


def _calls(part: list[Any], kind: str, key: str) -> set[str]:
    return {block[key] for entry in part for block in entry.blocks if block["type"] == kind}


def test_a_paused_turn_is_not_cut_in_two() -> None:
    """A server tool's result may stand in the assistant message after the one that called it."""
    log = Log()
    log.user([said("search")], 1)
    log.assistant([{"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}}], 1)
    log.assistant([{"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []}], 1)
    log.user([said("thanks")], 1)
    assert [log.may_cut(at) for at in range(4)] == [True, True, False, True]


@given(turns(blocks=5, calls=6), st.data())
def test_tokens_of_a_range_add_up(history: list[Turn], data: st.DataObject) -> None:
    """Neighbouring ranges hold what both together hold; the running ends never fall."""
    log = a_log(*history)
    count = len(log.entries)
    first, middle, end = sorted(data.draw(st.lists(st.integers(0, count), min_size=3, max_size=3)))
    assert log.tokens(first, middle) + log.tokens(middle, end) == pytest.approx(log.tokens(first, end))
    assert log.tokens(first) == pytest.approx(log.tokens(first, count))
    assert log.ends == sorted(log.ends)
    assert len(log.ends) == count


class Growing(RuleBasedStateMachine):
    """Anyone who calls anything, in any order; a plain model says what must stand in the log."""

    def __init__(self) -> None:
        super().__init__()
        self.log = Log()
        self.said: list[Block] = []
        self.open: list[str] = []
        self.size = 0.0
        self.names = 0

    @rule(repair=st.booleans(), tokens=st.integers(0, 50))
    def user(self, repair: bool, tokens: int) -> None:
        """The user says something."""
        block = said("u")
        try:
            self.log.user([block], tokens, repair=repair)
        except HistoryError:
            assert self.open
            assert not repair
            return
        assert not self.open or repair
        self.said += [{"type": "tool_result", "tool_use_id": name} for name in self.open] + [block]
        self.size = self.log.ends[-1] if self.open else self.size + tokens
        self.open = []

    @rule(calls=st.integers(0, 3), text=st.booleans(), tokens=st.integers(0, 50))
    def assistant(self, calls: int, text: bool, tokens: int) -> None:
        """The model answers."""
        made = [said("a")] * text + [call(f"c{self.names + at}") for at in range(calls)]
        try:
            self.log.assistant(made, tokens)
        except HistoryError:
            assert self.open or not self.said
            return
        assert not self.open
        self.names += calls
        self.said += made
        self.size += tokens if made else 0
        self.open = [block["id"] for block in made if block["type"] == "tool_use"]

    @rule(at=st.integers(0, 4), tokens=st.integers(0, 50))
    def result(self, at: int, tokens: int) -> None:
        """A result comes, for an open call or for none."""
        name = self.open[at] if at < len(self.open) else f"c{at}"
        known = name in self.open
        block = result(name)
        try:
            self.log.result(name, block, tokens)
        except HistoryError:
            assert not known
            return
        assert known
        self.said.append(block)
        self.size += tokens
        self.open.remove(name)

    @invariant()
    def holds(self) -> None:
        """Blocks in order, roles by turns, open calls and sizes are what was said."""
        log = self.log
        found = [block for entry in log.entries for block in entry.blocks]
        keys = ("type", "id", "tool_use_id")
        assert [[b.get(key) for key in keys] for b in found] == [[b.get(key) for key in keys] for b in self.said]
        assert list(log.open_calls) == self.open
        assert log.tokens(0) == pytest.approx(self.size)
        assert all(entry.blocks for entry in log.entries)
        users = [entry.role == "user" for entry in log.entries]
        assert not any(first and second for first, second in pairwise(users))
        assert not log.entries or log.entries[0].role == "user"


TestGrowing = Growing.TestCase
