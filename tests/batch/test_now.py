"""Items side by side within the API's limits."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from contextkit.batch import Batch, drivers
from contextkit.batch.effects import Answered, Begin
from contextkit.emulator import Emulator, Options, fault

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def a_batch(emulator: Emulator, count: int = 6, **settings: Any) -> Batch:
    """Items to be asked at once."""
    given: dict[str, Any] = {"run_now": True, "clock": lambda: emulator.clock.now, "sleep": emulator.clock.advance}
    return Batch({"system": "Sort."}, [f"letter {at}" for at in range(count)], model="haiku", **{**given, **settings})


def said(body: Mapping[str, Any]) -> str:
    """The letter that is asked about."""
    return str(body["messages"][-1]["content"][-1]["text"])


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_starts_are_spaced_by_the_headers_of_the_answers(*, asynchronous: bool) -> None:
    """With sixty requests a minute and none left, one starts a second."""
    starts: list[float] = []

    def answer(body: Mapping[str, Any]) -> str:
        starts.append(emulator.clock.now)
        return said(body)

    emulator = Emulator(answer)
    handle = emulator.handle

    def limited(method: str, target: str, headers: Any, data: bytes) -> Any:
        answer = handle(method, target, headers, data)
        named = {"anthropic-ratelimit-requests-limit": "60", "anthropic-ratelimit-requests-remaining": "0"}
        return replace(answer, headers={**answer.headers, **named})

    emulator.handle = limited  # type: ignore[method-assign]
    batch = a_batch(emulator, parallel=1)
    done = await batch.arun(emulator.async_client()) if asynchronous else batch.run(emulator.client())
    assert done.succeeded == 6
    assert all(later - sooner >= 0.99 for sooner, later in pairwise(starts))


def test_what_is_under_way_is_at_most_so_many() -> None:
    """No more requests than `parallel` are begun before one is back."""
    under_way: list[int] = []
    emulator = Emulator(said)
    do, begun = drivers._do, [0]

    def counting(wish: Any, *given: Any) -> Any:
        got = do(wish, *given)
        begun[0] += isinstance(wish, Begin)
        begun[0] -= isinstance(got, Answered)
        under_way.append(begun[0])
        return got

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(drivers, "_do", counting)
        assert a_batch(emulator, 30, parallel=4).run(emulator.client()).succeeded == 30
    assert max(under_way) == 4


def test_an_item_that_fails_is_asked_again_and_then_named() -> None:
    """Server errors are tried again up to the bound; what is refused is kept with its reason; the others go on."""
    asked: list[str] = []

    def answer(body: Mapping[str, Any]) -> Any:
        asked.append(said(body))
        if said(body) == "letter 1":
            return fault(500)
        return fault(400, message="not this one") if said(body) == "letter 2" else said(body)

    emulator = Emulator(answer)
    batch = a_batch(emulator, retries=2, parallel=3)
    done = batch.run(emulator.client())
    assert (done.succeeded, done.errored) == (4, 2)
    assert (asked.count("letter 1"), asked.count("letter 2")) == (3, 1)
    assert "not this one" in list(batch.results())[2].error
    assert not [each for each in emulator.requests if each.path.endswith("/batches")]


def test_what_a_batch_left_open_is_asked_at_once(tmp_path: Path) -> None:
    """A batch that expired in part is ended by asking for the rest now, and not by another batch."""
    emulator = Emulator(said, options=Options(batch_seconds=40 * 3600.0))
    first = a_batch(emulator, 5, run_now=False, retries=0, state=tmp_path / "b.db").run(emulator.client())
    assert first.expired == 2
    done = a_batch(emulator, 5, retries=1, state=tmp_path / "b.db").run(emulator.client())
    assert (done.succeeded, len(done.batches)) == (5, 1)


def test_an_interruption_keeps_what_has_arrived(tmp_path: Path) -> None:
    """Ctrl-C: answers that were kept are not asked for again."""
    emulator = Emulator(said)
    do, count = drivers._do, [0]

    def interrupted(wish: Any, *given: Any) -> Any:
        got = do(wish, *given)
        count[0] += isinstance(got, Answered)
        if count[0] == 4 and isinstance(wish, Begin):
            raise KeyboardInterrupt
        return got

    batch = a_batch(emulator, 20, parallel=2, state=tmp_path / "b.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(drivers, "_do", interrupted)
        with pytest.raises(KeyboardInterrupt):
            batch.run(emulator.client())
    done = a_batch(emulator, 20, state=tmp_path / "b.db").run(emulator.client())
    assert done.succeeded == 20
    assert len(emulator.requests) <= 22  # at most those that were under way are asked twice
