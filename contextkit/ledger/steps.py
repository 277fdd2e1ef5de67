"""Named places in the user's program, and whose budget a call made there is charged to.

Law: a step is a context variable and nothing else: it follows tasks, `asyncio.to_thread` and whatever else copies
the context, and never leaks out of its block. A plain thread starts outside of every step;
`contextvars.copy_context().run(function)` takes the step along.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self, TypeVar, cast

from contextkit.errors import ConfigError
from contextkit.ledger.purse import Purse

if TYPE_CHECKING:
    from types import TracebackType

    from contextkit.ledger.budget import Budget, Spent

__all__ = ["Scope", "current", "current_step", "joined", "limit", "step"]

_LONGEST: Final = 200
Function = TypeVar("Function", bound=Callable[..., Any])


class Scope(NamedTuple):
    """Where the program is.

    Attributes:
        path: names of the steps, outermost first, joined with "/"; "" for a limit outside of every step.
        purses: the budgets of this step and of those around it.
        outer: the step around it.
    """

    path: str
    purses: tuple[Purse, ...] = ()
    outer: Scope | None = None

    @property
    def spent(self) -> Spent:
        """What was billed inside this block; only where the step has a budget.

        Raises:
            ConfigError: it has none.
        """
        if not self.purses or (self.outer is not None and self.purses == self.outer.purses):
            raise ConfigError(
                "a step without a budget does not count what is spent in it",
                where=f"step({self.path!r})",
                fix='Give it a budget, or ask the ledger: ledger.by("step").',
            )
        return self.purses[-1].spent


current: Final[ContextVar[Scope | None]] = ContextVar("contextkit_step", default=None)


def current_step() -> str:
    """The path of the step that the program is in; "" for none."""
    scope = current.get()
    return scope.path if scope is not None else ""


def joined(name: str) -> str:
    """The path of a call that names its own step: inside of the step that the program is in."""
    scope = current.get()
    return "/".join(part for part in (scope.path if scope is not None else "", name) if part)


@contextmanager
def limit(budget: Budget | None, where: str) -> Iterator[None]:
    """A budget for everything that is called inside, as that of a step, without a name of its own; None for none."""
    if budget is None:
        yield
        return
    outer = current.get()
    path, purses = (outer.path, outer.purses) if outer is not None else ("", ())
    current.set(Scope(path, (*purses, Purse(budget, where)), outer))
    try:
        yield
    finally:
        current.set(outer)


class step:  # noqa: N801  (read as a verb: `with contextkit.step("classify"):`)
    """A named place in the program: every call made inside is booked under its name.

    `with contextkit.step("classify"):`, or as a decorator of a `def` or an `async def`. Steps nest: inside of "review",
    "classify" is booked as "review/classify"; so is a call with `step="classify"`.

    Args:
        name: the place; "a/b" is "b" inside of "a".
        budget: what may be spent inside, by all conversations and tasks together, each time the block is entered.

    Raises:
        ConfigError: the name is empty or longer than 200 characters, or a generator function is decorated.

    Example:
        >>> with step("review"), step("classify"):
        ...     current_step()
        'review/classify'
    """

    __slots__ = ("budget", "name")

    def __init__(self, name: str, *, budget: Budget | None = None) -> None:
        if not isinstance(name, str) or not name.strip("/ \t\n") or len(name) > _LONGEST:
            raise ConfigError(
                f"{str(name)[:40]!r} is no name for a step", where="step()", fix="Give 1 to 200 characters."
            )
        self.name = name.strip("/ \t\n")
        self.budget = budget

    def __enter__(self) -> Scope:
        outer, path = current.get(), joined(self.name)
        purses = outer.purses if outer is not None else ()
        if self.budget is not None:
            purses = (*purses, Purse(self.budget, f"step {path!r}"))
        scope = Scope(path, purses, outer)
        current.set(scope)
        return scope

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Not by a token: one `step` may be entered by several tasks at the same time.
        scope = current.get()
        current.set(scope.outer if scope is not None else None)

    def __call__(self, function: Function) -> Function:
        """Decorate a function: each call of it is inside of the step."""
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise ConfigError(
                "a generator runs partly outside of its call",
                where=f"step({self.name!r})",
                fix="Use `with contextkit.step(...)` around the loop that reads it.",
            )
        if inspect.iscoroutinefunction(function):

            @wraps(function)
            async def awaited(*args: Any, **named: Any) -> Any:
                with self._anew():
                    return await function(*args, **named)

            return cast("Function", awaited)

        @wraps(function)
        def called(*args: Any, **named: Any) -> Any:
            with self._anew():
                return function(*args, **named)

        return cast("Function", called)

    def _anew(self) -> Self:
        return type(self)(self.name, budget=self.budget)

    def __repr__(self) -> str:
        return f"step({self.name!r})"
