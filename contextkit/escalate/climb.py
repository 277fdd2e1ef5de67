"""The climb as a generator: ask a rung, judge its answer, book it, and go on while it will not do.

Law: it yields an `Ask` and is sent a `Reply`; drive.py does the asking. After a paid answer nothing raises: a later
rung's error, or a budget that is used up, ends the climb with the best answer there was.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from contextkit.api.answer import Answer
from contextkit.api.request import Ask, Reply, Request
from contextkit.errors import BudgetError, ContentError
from contextkit.escalate.request import request_for
from contextkit.escalate.values import Asked, Attempt, Routed
from contextkit.route import Finding, Rung, climbs, judge
from contextkit.tokens.estimate import prompt_tokens

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from contextkit.ledger import Ledger, Row

__all__ = ["climb"]

_MAX_NOTE: Final = 300
_NOTHING: Final = Answer("assistant", [])


@dataclass(slots=True)
class _Climb:
    """A climb under way."""

    asked: Asked
    ledger: Ledger
    attempts: list[Attempt] = field(default_factory=list)
    best: tuple[Any, Answer, Finding] | None = None
    trouble: str = ""

    def failed(self, rung: Rung, error: Exception, now: float) -> None:
        """Note a rung that gave no answer."""
        self.trouble = f"{rung.model}: {type(error).__name__}"
        self._book(rung, _NOTHING, self.trouble, now)
        self.attempts.append(Attempt(rung.model, self.trouble))

    def took(self, rung: Rung, message: Any, now: float) -> bool:
        """Judge and book an answer, and keep the better one; whether it will do."""
        asked = self.asked
        try:
            answer = Answer.of(message)
        except ContentError as error:  # of a client of the user's own making; it may have been paid for
            answer, found = _NOTHING, Finding(f"no message: {error.what}")
        else:
            found = judge(answer, asked.output, least=asked.least, stated=asked.stated)
        answer = answer._replace(model=answer.model or rung.model)
        row = self._book(rung, answer, found.reason, now)
        self.attempts.append(Attempt(answer.model, found.reason, found.confidence, row.cost, row.usage))
        if self.best is None or _worth(found) >= _worth(self.best[2]):
            self.best = message, answer, found
        return not found.reason

    def _book(self, rung: Rung, answer: Answer, reason: str, now: float) -> Row:
        asked = self.asked
        note = f"{asked.task} {len(self.attempts) + 1}/{len(asked.rungs)}: {reason or 'accepted'}"
        return self.ledger.add(
            at=now,
            purpose="route",
            model=answer.model or rung.model,
            usage=answer.usage,
            step=asked.step,
            speed=asked.params.get("speed"),
            geo=asked.params.get("inference_geo"),
            stop_reason=answer.stop_reason,
            message_id=answer.id,
            note=note[:_MAX_NOTE],
        )

    def held(self, request: Request, now: float) -> AbstractContextManager[object]:
        """Hold what the call may cost against the ledger's budgets: calls side by side do not pass one together.

        Raises:
            BudgetError: when it is entered: the call would pass one.
        """
        if not self.ledger.limited:
            return nullcontext()
        prompt = round(prompt_tokens(request.body(), request.model))
        most = int(request.params["max_tokens"])
        return self.ledger.holding(request.model, prompt=prompt, output=most, at=now, conversation="")

    def ended(self) -> Routed:
        """The result, of the best answer there was."""
        message, answer, found = self.best or (None, _NOTHING, Finding("no answer"))
        reason = "; ".join(filter(None, (found.reason, self.trouble if found.reason else "")))
        attempts = tuple(self.attempts)
        return Routed(
            found.value, not found.reason, reason, answer.text, message, answer.model, found.confidence, attempts
        )


def _worth(found: Finding) -> tuple[bool, bool, float]:
    """What was declared before what was not, then the surer, then (by `>=`) the later, which a better model gave."""
    return not found.reason, found.whole, found.confidence or 0.0


def climb(asked: Asked, ledger: Ledger, clock: Callable[[], float]) -> Generator[Ask, Reply, Routed]:
    """Ask one rung after the other until an answer will do.

    Raises:
        BudgetError: the first call would pass a budget. What the client raises, where no rung gave an answer.
    """
    state = _Climb(asked, ledger)
    for at, rung in enumerate(asked.rungs, 1):
        request = request_for(asked, rung)
        now = clock()
        try:
            with state.held(request, now):
                reply = yield Ask("route", request, step=asked.step)
        except Exception as error:
            hopeless = at == len(asked.rungs) or isinstance(error, BudgetError) or not climbs(error)
            if hopeless and state.best is None:
                raise
            state.failed(rung, error, now)
            if hopeless:
                break
        else:
            if state.took(rung, reply.message, now):
                break
    return state.ended()
