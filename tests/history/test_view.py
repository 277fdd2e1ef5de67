"""The view only grows, except at a fold; what borrowers do to it stays with them."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contextkit.cache.breakpoints import Spot
from contextkit.cache.prefix import prefix
from contextkit.compact import plan
from contextkit.compact.summary import quoted
from contextkit.history.loan import returned
from contextkit.history.log import Log
from contextkit.history.view import Summary, View
from contextkit.tokens.parts import counts_for
from tests.history.histories import Answer, Player, Turn, a_log, call, result, said, thought, turns

Message = dict[str, Any]


def a_summary(first: int, end: int, number: int = 0) -> Summary:
    """A summary of a range, as it is sent."""
    return Summary(quoted(f"Summary {number}.", first=first, end=end), first, end, 50.0, "nobody")


def folded(view: View, keep: int, number: int = 0) -> bool:
    """Fold what is older than `keep` tokens; whether there was anything to fold."""
    wanted = plan.fold(view.log, view.start, keep=keep, worth=1)
    if wanted is None:
        return False
    view.fold(a_summary(wanted.first, wanted.end, number))
    return True


def sent(view: View) -> list[Message]:
    """The messages as plain JSON."""
    return list(returned(view.messages()))


def blocks(messages: list[Message]) -> list[tuple[str, Any]]:
    """All blocks in order, each with its role."""
    return [(message["role"], block) for message in messages for block in message["content"]]


@given(turns(blocks=6, calls=8), st.booleans(), st.lists(st.integers(0, 12), max_size=3))
def test_messages_only_grow_except_at_a_fold(history: list[Turn], binds: bool, folds: list[int]) -> None:
    """Every block that was sent is sent again at its place, until a fold; summaries are never written anew."""
    player = Player.new()
    view = View(player.log, binds_thinking=binds)
    before: list[tuple[str, Any]] = []
    summaries: list[Summary] = []
    steps = 0
    for turn in history:
        if player.log.entries and player.log.entries[-1].role == "user":
            player.log.assistant([said("Done.")], 5.0)
        for _ in player.play(turn):
            now = blocks(sent(view))
            assert now[: len(before)] == before
            before = now
            steps += 1
            if steps in folds and folded(view, 200, steps):
                before = []
                summaries.append(view.summaries[-1])
                assert view.summaries == summaries


def test_an_old_summary_stays_where_it_stood() -> None:
    """A second fold appends its summary; the head and the first summary are the same bytes at the same place."""
    log = a_log(Turn(answers=tuple(Answer(calls=1) for _ in range(20))))
    view = View(log)
    view.fold(a_summary(1, 11, 1))
    first = sent(view)[0]["content"]
    end = view.summary_end()
    view.fold(a_summary(11, 21, 2))
    second = sent(view)[0]["content"]
    assert second[: len(first)] == first
    assert len(second) == len(first) + 1
    assert end == Spot(2, 0, 1)
    assert view.summary_end() == Spot(3, 0, 2)


def test_the_head_and_what_follows_a_fold() -> None:
    """Head, summary, then the raw entries from the range's end on, in roles that the API takes."""
    log = a_log(Turn(answers=tuple(Answer(calls=1) for _ in range(5))))
    view = View(log)
    assert view.summary_end() is None
    view.fold(a_summary(1, 5))
    messages = sent(view)
    assert messages[0]["content"][0] == log.entries[0].blocks[0]
    assert "Summary 0." in messages[0]["content"][1]["text"]
    assert messages[1:] == [{"role": e.role, "content": e.blocks} for e in log.entries[5:]]
    assert len(log.entries) == 11  # the log keeps all of it


def test_pins_stand_after_their_own_summary() -> None:
    """A pinned message stays word for word; the tool results it came with are folded."""
    log = Log()
    log.user([said("task")], 10)
    log.assistant([call("a")], 10)
    log.result("a", result("a"), 10)
    log.user([said("never delete")], 10, pinned=True)
    log.assistant([said("ok")], 10)
    log.user([said("next")], 10)
    log.assistant([said("done")], 10)
    log.user([said("last")], 10)
    view = View(log)
    view.fold(a_summary(1, 4, 1))
    view.fold(a_summary(4, 6, 2))
    (lead, last) = sent(view)
    assert [block["text"] for block in lead["content"] if "Summary" not in block["text"]] == ["task", "never delete"]
    assert "Summary 1." in lead["content"][1]["text"]
    assert lead["content"][2] == said("never delete")
    assert "Summary 2." in lead["content"][3]["text"]
    assert last == {"role": "user", "content": [said("last")]}


def test_tokens_count_pins_and_summaries() -> None:
    """What is in the window is counted: head, summaries, the entries that pins keep, and the rest."""
    log = Log()
    log.user([said("task")], 10)
    log.assistant([said("yes")], 20)
    log.user([said("rule")], 5_000, pinned=True)
    log.assistant([said("ok")], 40)
    log.user([said("go")], 80)
    view = View(log)
    assert view.tokens() == 5_150
    view.fold(a_summary(1, 4))
    assert view.tokens() == 10 + 50 + 5_000 + 80


@pytest.mark.parametrize("binds", [True, False])
def test_thinking_after_a_fold(binds: bool) -> None:
    """Only models that bind thinking to its prefix lose, at a fold, what was thought before it."""
    log = a_log(Turn(answers=tuple(Answer(thinks=True, calls=1) for _ in range(6))))
    view = View(log, binds_thinking=binds)
    thinking = [block for _, block in blocks(sent(view)) if block["type"] == "thinking"]
    assert len(thinking) == 6
    view.fold(a_summary(1, 5))
    kept = [block for _, block in blocks(sent(view)) if block["type"] == "thinking"]
    assert len(kept) == (0 if binds else 4)
    log.assistant([thought("new"), said("x")], 5)
    log.user([said("y")], 5)
    assert len([block for _, block in blocks(sent(view)) if block["type"] == "thinking"]) == len(kept) + 1


@pytest.mark.parametrize("binds", [True, False])
def test_unbound_thinking(binds: bool) -> None:
    """Thinking that was made after volatile text goes back only to models that do not bind it."""
    log = Log()
    log.user([said("x")], 1)
    log.assistant([thought()], 1, unbound=True)
    log.user([said("y")], 1)
    found = sent(View(log, binds_thinking=binds))[1]["content"]
    assert found == ([said("(no text)")] if binds else [thought()])


@given(turns(blocks=3, calls=5, size=3), st.booleans(), st.data())
def test_what_a_borrower_does_stays_with_the_borrower(history: list[Turn], fold: bool, data: st.DataObject) -> None:
    """Spoil any part of a request: the next one and the log are as if nothing had happened."""
    log = a_log(*history)
    view = View(log)
    if fold:
        folded(view, 50)
    clean = sent(view)
    before = copy.deepcopy(log)
    for _ in range(3):
        borrowed = view.messages()
        spoiled = data.draw(st.sampled_from(borrowed))
        how = data.draw(st.integers(0, 4))
        if how == 0:
            spoiled["role"] = "system"
        elif how == 1:
            spoiled["content"].clear()
        elif how == 2:
            spoiled["content"][0]["text"] = "spoiled"
        elif how == 3:
            spoiled.update(content="spoiled")
        else:
            borrowed.clear()
        assert sent(view) == clean
    assert log == before
    log.assistant([said("on")], 1) if log.entries[-1].role == "user" else None
    log.user([said("and on")], 1)
    assert sent(view)[: len(clean) - 1] == clean[:-1]


def test_an_untouched_message_is_lent_again_and_not_made_again() -> None:
    """Work follows what is new: an old message is the same object in every request, its list a fresh one."""
    log = a_log(Turn(answers=tuple(Answer(calls=1) for _ in range(3))))
    view = View(log)
    first = view.messages()
    log.assistant([said("x")], 1)
    second = view.messages()
    assert first is not second
    assert all(old is new for old, new in zip(first, second, strict=False))


def test_the_open_user_entry_grows_in_place() -> None:
    """Text after results joins their message; all older messages stay the same objects, spoiled or not."""
    log = a_log(Turn(answers=(Answer(calls=2),)))
    view = View(log)
    first = view.messages()
    first[-1]["content"].clear()
    log.user([said("more")], 1)
    second = view.messages()
    assert second[0] is first[0]
    assert [block["type"] for block in second[-1]["content"]] == ["tool_result", "tool_result", "text"]
    assert view.last() == Spot(second_steps(second), len(second) - 1, 2)


def second_steps(messages: list[Any]) -> int:
    """The lookback positions of the messages, by the cache's own model."""
    chain = prefix({"model": "claude-opus-5", "messages": messages}, counts_for({"model": "claude-opus-5"}))
    return chain.positions[-1].step


@given(turns(blocks=8, calls=8), st.booleans())
def test_steps_are_those_of_the_cache(history: list[Turn], fold: bool) -> None:
    """The view numbers positions as the cache's model does: runs of calls and of results are one."""
    view = View(a_log(*history))
    if fold:
        folded(view, 50)
    messages = view.messages()
    assert view.last().step == second_steps(messages)
    if view.summaries:
        assert view.summary_end() == Spot(second_steps(messages[:1]), 0, len(messages[0]["content"]) - 1)


@pytest.mark.parametrize("when", ["before the fold", "after the fold"])
def test_a_loan_outlives_a_fold(when: str) -> None:
    """Entries that stay keep their loans through a fold; who writes on one, before or after, does not reach the log."""
    log = a_log(Turn(answers=tuple(Answer(calls=1) for _ in range(8))))
    view = View(log)
    borrowed = view.messages()
    expected = [{"role": entry.role, "content": entry.blocks} for entry in log.entries[9:]]
    if when == "before the fold":
        borrowed[12]["content"].clear()
    view.fold(a_summary(1, 9))
    kept = view.messages()
    if when == "after the fold":
        assert kept[4] is borrowed[12]
        borrowed[12]["content"][0]["type"] = "nonsense"
        borrowed[3]["content"].clear()  # folded away: nobody's business
    assert sent(view)[1:] == returned(expected)
    assert view.last() == View(log, summaries=view.summaries, start=9).last()


def test_a_fold_of_what_was_never_sent() -> None:
    """A view that was not asked for messages before a fold gives the same ones after it."""
    log = a_log(Turn(answers=tuple(Answer(thinks=True, calls=2) for _ in range(6))))
    asked, fresh = View(log, binds_thinking=True), View(log, binds_thinking=True)
    asked.messages()
    for view in (asked, fresh):
        view.fold(a_summary(1, 5, 1))
    asked.messages()
    for view in (asked, fresh):
        view.fold(a_summary(5, 9, 2))
        view.merge(0, 2, a_summary(1, 9, 3))
    assert sent(asked) == sent(fresh)
    assert asked.last() == fresh.last()
