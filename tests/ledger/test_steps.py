"""Steps: names that follow tasks, nest, and never leak."""

from __future__ import annotations

import asyncio
import contextvars
from concurrent.futures import ThreadPoolExecutor
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contextkit.api.usage import Usage
from contextkit.errors import ConfigError
from contextkit.ledger import Budget, Ledger, Spent, current_step, step

if TYPE_CHECKING:
    from collections.abc import Iterator

NAMES = st.text(st.characters(codec="ascii", categories=["Ll"]), min_size=1, max_size=6)


def a_call(ledger: Ledger, *, name: str = "", tokens: int = 100) -> str:
    """Book a call; the step that it was booked under."""
    usage = Usage(input=tokens)
    return ledger.add(at=0, purpose="turn", model="claude-opus-5", usage=usage, step=name).step


@given(st.lists(NAMES, max_size=6), NAMES)
def test_steps_nest_and_end(names: list[str], own: str) -> None:
    """The path is every open step, outermost first, and the call's own name last; after the blocks there is none."""
    ledger = Ledger()

    def inside(left: list[str]) -> None:
        if not left:
            assert a_call(ledger) == "/".join(names)
            assert a_call(ledger, name=own) == "/".join([*names, own])
            return
        before = current_step()
        with step(left[0]):
            inside(left[1:])
        assert current_step() == before

    inside(names)
    assert current_step() == ""


def test_an_exception_ends_the_step() -> None:
    """Whatever leaves the block, the step is over."""
    with pytest.raises(ZeroDivisionError), step("a"), step("b"):
        1 / 0  # noqa: B018  (it raises)
    assert current_step() == ""


async def test_tasks_have_steps_of_their_own() -> None:
    """A task starts inside of the step that made it; what it enters itself is seen by nobody else."""
    ledger = Ledger()
    shared = step("shared")

    async def agent(name: str) -> str:
        with shared, step(name):
            await asyncio.sleep(0)
            found = a_call(ledger)
            await asyncio.sleep(0)
        return found

    with step("fan-out"):
        found = await asyncio.gather(*(agent(f"agent-{k}") for k in range(5)))
        assert current_step() == "fan-out"
        assert await asyncio.to_thread(a_call, ledger) == "fan-out"
    assert found == [f"fan-out/shared/agent-{k}" for k in range(5)]


def test_a_thread_starts_outside_unless_the_context_is_taken_along() -> None:
    """A plain thread and a pool's worker are outside of every step; `copy_context().run` takes the step along."""
    ledger = Ledger()
    found: list[str] = []
    with step("outer"):
        context = contextvars.copy_context()
        for target in (lambda: found.append(a_call(ledger)), lambda: found.append(context.run(a_call, ledger))):
            thread = Thread(target=target)
            thread.start()
            thread.join()
        with ThreadPoolExecutor(2) as pool:
            found += pool.map(lambda run: run(a_call, ledger), [contextvars.copy_context().run for _ in range(4)])
    assert found == ["", "outer", *["outer"] * 4]


def test_functions_can_be_decorated() -> None:
    """Each call of a decorated `def` or `async def` is inside of the step, recursion and parallel calls too."""

    @step("plain")
    def plain(depth: int) -> list[str]:
        return [current_step(), *(plain(depth - 1) if depth else [])]

    @step("waiting")
    async def waiting() -> str:
        await asyncio.sleep(0)
        return current_step()

    async def both() -> list[str]:
        return list(await asyncio.gather(waiting(), waiting()))

    assert plain(1) == ["plain", "plain/plain"]
    assert asyncio.run(both()) == ["waiting", "waiting"]
    assert current_step() == ""
    assert plain.__name__ == "plain"


def test_a_generator_is_refused() -> None:
    """It would run partly outside of the step without a word."""

    def numbers() -> Iterator[int]:
        yield 1

    with pytest.raises(ConfigError, match="a generator runs partly outside"):
        step("numbers")(numbers)


@pytest.mark.parametrize("name", ["", " ", "/", "x" * 201, None, 7])
def test_a_name_has_to_be_one(name: Any) -> None:
    """Empty, endless and no text: refused where they are given."""
    with pytest.raises(ConfigError, match="is no name for a step"):
        step(name)


def test_a_steps_budget_counts_what_is_booked_inside_by_any_ledger() -> None:
    """Each entry of the block starts anew; inner calls count for the outer steps; calls outside count for none."""
    one, other = Ledger(), Ledger()
    night = step("night", budget=Budget(tokens=10_000))
    a_call(one)
    with night as scope:
        a_call(one)
        with step("inner", budget=Budget(calls=5)) as inner:
            a_call(other, tokens=50)
            assert inner.spent.calls == 1
        a_call(one)
        assert scope.spent == Spent(50 * 5e-6 + 200 * 5e-6, 250, 3)
    a_call(one)
    assert scope.spent.calls == 3
    with night as again:
        assert again.spent == Spent()
    with pytest.raises(ConfigError, match="a step without a budget"), step("free") as free:
        assert free.spent


async def test_a_steps_budget_is_shared_by_its_tasks() -> None:
    """Tasks made inside of the block charge the same budget."""
    ledger = Ledger()

    async def agent() -> None:
        await asyncio.sleep(0)
        a_call(ledger)

    with step("fan-out", budget=Budget(calls=100)) as scope:
        await asyncio.gather(*(agent() for _ in range(10)))
    assert scope.spent.calls == 10
