"""The planned marks, proved against the cache's model: on a history that only grows, all that was written is read."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contextkit.api.facts import LOOKBACK, MAX_MARKS
from contextkit.api.validity import faults
from contextkit.cache.breakpoints import Marks, Spot, plan
from contextkit.cache.simulator import PromptCache
from contextkit.history.view import Summary
from contextkit.state import State
from contextkit.tokens.parts import Remembering
from contextkit.turn import build
from tests.history.histories import Player, Turn, said, turns

if TYPE_CHECKING:
    from contextkit.api.request import Request
    from contextkit.history.log import Log

MODELS = ("claude-opus-5-5", "claude-opus-4-6", "claude-sonnet-5", "claude-haiku-5-5")
LONG = said("You audit ledgers, and you are careful. " * 120)


def a_state(log: Log, *, model: str = MODELS[0], system: bool = True) -> State:
    """What a conversation holds, around a log."""
    return State(
        model=model,
        max_tokens=1_000,
        system=[LONG] * system,
        tools=[],
        params={},
        ttl="5m",
        policy=None,
        summarizer="extractive",
        log=log,
    )


def ask(state: State) -> Request:
    """Build the next request, and take it as sent and answered."""
    request = build(state, now=0.0)
    assert state.sent is not None
    state.learn(state.sent.last, state.sent.raw, 0, thinking=False)
    return request


def marks_of(request: Request) -> int:
    """How many marks a request carries."""
    body = request.body()
    blocks = [*body.get("system", ()), *(block for message in body["messages"] for block in message["content"])]
    return sum("cache_control" in block for block in blocks)


def unread(history: list[Turn], *, model: str, system: bool, folds: tuple[int, ...] = ()) -> list[tuple[int, int]]:
    """Of each call after the first: tokens that stood in the cache before, and tokens that it read."""
    player = Player.new()
    state = a_state(player.log, model=model, system=system)
    cache = PromptCache(Remembering())
    found: list[tuple[int, int]] = []
    held, calls = 0, 0
    for turn in history:
        if player.log.entries and player.log.entries[-1].role == "user":
            player.log.assistant([said("Done.")], 5.0)
        for step in player.play(turn):
            if step != "ask":
                continue
            calls += 1
            folded = calls in folds and _fold(state)
            request = ask(state)
            assert marks_of(request) <= MAX_MARKS
            assert list(faults(request.body())) == []
            bill = cache.bill(request.body(), at=float(calls))
            if calls > 1 and not folded:
                found.append((held, bill.read))
                assert bill.miss in {"", "below_minimum", "cold"}
            held = bill.read + bill.write_5m
    return found


def _fold(state: State) -> bool:
    log = state.log
    ends = [at for at in range(max(state.view.start, 1) + 1, len(log.entries)) if log.may_cut(at)]
    if not ends:
        return False
    first = max(state.view.start, 1)
    text = f"Entries {first} to {ends[-1]}, condensed."
    state.fold(Summary(text, first, ends[-1], 20.0, "nobody"))
    return True


@given(turns(), st.sampled_from(MODELS), st.booleans())
@settings(max_examples=20)
def test_all_that_was_written_is_read(history: list[Turn], model: str, system: bool) -> None:
    """Turns of up to sixty blocks and forty parallel calls: each call reads all that the call before left behind."""
    for held, read in unread(history, model=model, system=system):
        assert read == held


@settings(max_examples=15)
@given(turns(size=8), st.sampled_from(MODELS), st.lists(st.integers(3, 12), max_size=3).map(tuple))
def test_it_holds_between_folds_too(history: list[Turn], model: str, folds: tuple[int, ...]) -> None:
    """A fold is the one place where less is read than stands in the cache; every call after it reads all again."""
    for held, read in unread(history, model=model, system=True, folds=folds):
        assert read == held


@pytest.mark.long
@given(turns(size=60), st.sampled_from(MODELS), st.booleans())
def test_all_that_was_written_is_read_in_long_histories(history: list[Turn], model: str, system: bool) -> None:
    """The same over hundreds of messages."""
    for held, read in unread(history, model=model, system=system):
        assert read == held


def test_a_run_of_many_messages() -> None:
    """Three hundred messages in a row lose nothing and need two marks a request."""
    player = Player.new()
    state = a_state(player.log)
    cache = PromptCache(Remembering())
    held = 0
    for number in range(150):
        for step in player.play(Turn()):
            if step == "ask":
                request = ask(state)
                bill = cache.bill(request.body(), at=float(number))
                assert (bill.read, bill.miss) == (held, "" if number else "cold")
                assert marks_of(request) == 2
                held = bill.read + bill.write_5m


def test_a_new_summary_leaves_the_older_ones_to_be_read() -> None:
    """After a second fold the call still reads head and first summary, which earlier calls wrote."""
    player = Player.new()
    state = a_state(player.log)
    cache = PromptCache(Remembering())
    reads = []
    for number in range(1, 31):
        for step in player.play(Turn()):
            if step != "ask":
                continue
            if number in {10, 20}:
                assert _fold(state)
            reads.append(cache.bill(ask(state).body(), at=float(number)).read)
    fixed = reads[1] - (reads[2] - reads[1])
    assert 0 < fixed <= reads[9] < reads[8]  # the first fold reads tools, system and the head
    assert reads[9] < reads[19] < reads[18]  # the second one the first summary as well


SPOTS = st.integers(1, 200).map(lambda step: Spot(step, step // 7, step % 7))


@given(SPOTS, SPOTS | st.none(), SPOTS | st.none(), st.integers(0, 9_000), st.sampled_from([512, 1_024, 4_096]))
def test_at_most_four_and_none_for_nothing(
    last: Spot, summary: Spot | None, written: Spot | None, fixed: int, minimum: int
) -> None:
    """Three places in order beside the fixed end; the last block always, what was written only where out of reach."""
    summary = min(summary, last) if summary else None  # a summary stands before what follows it
    marks = plan(last=last, summary=summary, written=written, fixed_tokens=fixed, minimum=minimum)
    wanted = {last} | ({summary} if summary else set())
    assert marks.fixed is (fixed >= minimum)
    assert marks.fixed + len(marks.spots) <= MAX_MARKS
    assert all(first < second for first, second in pairwise(marks.spots))
    assert wanted <= set(marks.spots) <= wanted | ({written} if written else set())
    if written and written not in wanted:
        reached = any(0 <= spot.step - written.step < LOOKBACK for spot in wanted)
        assert (written in marks.spots) is not reached


@pytest.mark.parametrize(("steps", "spots"), [(1, 1), (19, 1), (20, 2), (60, 2)])
def test_the_lagging_mark_is_set_from_the_twentieth_step_on(steps: int, spots: int) -> None:
    """Nineteen steps back are tried from the last mark, itself the first of twenty; one more needs a mark there."""
    written = Spot(10, 1, 0)
    marks = plan(last=Spot(10 + steps, 2, 0), written=written, fixed_tokens=0, minimum=512)
    assert len(marks.spots) == spots
    assert (written in marks.spots) is (spots == 2)


def test_a_summary_within_reach_of_what_was_written_spares_a_mark() -> None:
    """The summary's own mark opens a window; what was written shortly before it needs none."""
    marks = plan(last=Spot(90, 9, 0), summary=Spot(20, 0, 3), written=Spot(15, 0, 2), fixed_tokens=900, minimum=512)
    assert marks == Marks(fixed=True, spots=(Spot(20, 0, 3), Spot(90, 9, 0)))


def test_without_the_lagging_mark_the_cache_would_be_lost() -> None:
    """The proof can fail: the same history, marked at its last block alone, reads nothing of the long turn before."""
    player = Player.new()
    cache = PromptCache(Remembering())
    state = a_state(player.log, system=False)
    reads = []
    for number, turn in enumerate((Turn(blocks=60), Turn(blocks=60))):
        for step in player.play(turn):
            if step != "ask":
                continue
            body: dict[str, Any] = ask(state).body()
            for message in body["messages"][:-1]:
                for block in message["content"]:
                    dict.pop(block, "cache_control", None)
            bill = cache.bill(body, at=float(number))
            reads.append((bill.read, bill.miss))
    assert reads == [(0, "cold"), (0, "lookback")]
