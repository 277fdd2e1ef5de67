"""When a fold that is due had better wait for a large entry to leave the kept tail."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from contextkit.compact.plan import Since, decide
from contextkit.compact.plan_range import Pace, fold, worth_waiting
from contextkit.compact.worth import rates
from contextkit.history.log import Entry, Log
from tests.compact.test_plan import POLICY, a_situation

PRICE = rates("claude-sonnet-5-5", "5m", prompt=50_000)
KEEP = 5_000.0


def a_loop(*sizes: float) -> Log:
    """A head, then calls that each add an answer of 50 tokens and a result of the given size."""
    log = Log([Entry("user", [{"type": "text", "text": "task"}], fresh=True)], [100.0])
    for at, size in enumerate(sizes):
        use = {"type": "tool_use", "id": f"t{at}", "name": "read", "input": {}}
        log.assistant([use], 50.0)
        log.result(f"t{at}", {"type": "tool_result", "tool_use_id": f"t{at}", "content": "x"}, size)
    return log


def a_pace(**changes: float) -> Pace:
    """A cycle of 25 calls in which holding costs about what folding does."""
    told = {"keep": KEEP, "growth": 650.0, "scale": 1.0, "saving": 0.002, "waiting": 1.0, "cycle": 25.0}
    return Pace(**{**told, **changes})


def waits(log: Log, **changes: float) -> int:
    """For how many calls the fold of a log had better wait."""
    found = fold(log, 0, keep=KEEP, worth=0)
    assert found is not None
    return worth_waiting(log, found, a_pace(**changes), PRICE)


EVEN = [600.0] * 30


def test_a_large_entry_is_waited_for() -> None:
    """One that leaves the tail soon is worth waiting for; once it has left, or just came, the fold is made."""
    large = [*EVEN, 3_000.0, 600.0, 600.0]
    assert 0 < waits(a_loop(*large)) <= 3
    assert waits(a_loop(*large, *EVEN[:6])) == 0
    assert waits(a_loop(*EVEN)) == 0


def test_waiting_has_its_price() -> None:
    """The dearer holding is, the more patience there was, and the sooner the next fold comes, the less it waits."""
    large = a_loop(*EVEN, 3_000.0, 600.0, 600.0)
    assert waits(large, saving=1.0) == 0
    assert waits(large, waiting=50.0, saving=0.004) == 0
    assert waits(large, cycle=0.0, saving=0.01) == 0
    assert waits(large, growth=0.0) == 0


@given(st.floats(10, 5_000), st.integers(12, 80), st.floats(0.1, 60), st.floats(0.0001, 0.1))
def test_without_a_large_entry_nothing_waits(size: float, calls: int, cycle: float, saving: float) -> None:
    """Where every call adds the same, the tail is as long later as it is now: the fold is made when it is due."""
    log = a_loop(*[size] * calls)
    found = fold(log, 0, keep=KEEP, worth=0)
    assert found is not None
    # The first answer and the head do not make the average: it is that of the raw entries.
    pace = a_pace(growth=size + 50.0 + 1e-6, cycle=cycle, saving=saving)
    assert worth_waiting(log, found, pace, PRICE) == 0


@given(st.lists(st.floats(10, 9_000), min_size=4, max_size=60), st.floats(1, 3_000), st.floats(0, 100))
def test_it_never_waits_for_more_than_the_tail(sizes: list[float], growth: float, cycle: float) -> None:
    """No wait is longer than the calls in which the whole tail would have been replaced."""
    log = a_loop(*sizes)
    found = fold(log, 0, keep=KEEP, worth=0)
    assert found is not None
    calls = worth_waiting(log, found, a_pace(growth=growth, cycle=cycle), PRICE)
    assert 0 <= calls <= KEEP / growth + 1


def test_the_plan_defers_and_says_why() -> None:
    """A fold that is due is put off for a large entry, and made at the ceiling and on a cold cache."""
    log = a_loop(*EVEN * 3, 3_000.0, 600.0, 600.0)
    seen = a_situation(log)
    value = decide(seen, POLICY, Since(calls=50, seen=100)).worth
    assert value is not None
    since = Since(calls=25, seen=100, paid=value.now * 1.01)
    waiting = decide(seen, POLICY, since)
    assert waiting.verdict == "defer"
    assert "large entry" in waiting.reason
    assert waiting.fold is not None
    assert decide(a_situation(log, ceiling=1_000), POLICY, since).verdict == "fold"
    assert decide(a_situation(log, idle=301.0), POLICY, since).verdict == "fold"
    for at in range(6):  # until the large entry has left the tail
        log.assistant([{"type": "tool_use", "id": f"u{at}", "name": "read", "input": {}}], 50.0)
        log.result(f"u{at}", {"type": "tool_result", "tool_use_id": f"u{at}", "content": "x"}, 600.0)
    assert decide(a_situation(log), POLICY, since).verdict == "fold"
