"""The comparison against the real API: the model decides, the money is real.

Law: nothing is sent before an upper bound of the cost was shown and agreed to, and no run sends a call that could
take it past its part of that bound. What was paid for is never lost to an error: the runs that were finished have
been handed over. Not verified here: this code has run against the emulator only (there was no API key); see the
tests.
"""

from __future__ import annotations

import time
from math import ceil
from typing import TYPE_CHECKING, Any, Final

from contextkit.api.messages import dumps
from contextkit.api.usage import Usage, cost
from contextkit.demo.compare import Outcome, Seen, outcome
from contextkit.demo.runs import NAMES, drive, holder
from contextkit.errors import ConfigError, ContextKitError
from contextkit.ledger import Budget, Ledger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["LiveError", "agreed", "bound", "compare", "connect"]

_PER_CALL: Final = 60_000
"""Tokens of prompt that the bound makes room for with every call: three tool outputs of the demo's largest kind, and
the answer. A model that asks for more is stopped by its run's budget."""

_OUTPUT: Final = 2_000

_OVERHEAD: Final = 1_000
"""Tokens that the API itself puts before a prompt with tools: 804 at most (pricing page, 2026-10)."""


class LiveError(ContextKitError):
    """A live run ended before its time: the API's error, or its part of the bound. The runs before it are whole."""


def connect() -> Any:
    """The SDK's client, with whatever credentials it finds: key, token, profile, identity federation.

    Raises:
        ConfigError: it finds none, or cannot read those that it finds.
    """
    import anthropic  # noqa: PLC0415  (over a second to import)

    try:
        client = anthropic.Anthropic()
    except (anthropic.AnthropicError, OSError, TypeError, ValueError) as error:
        raise ConfigError(
            f"the SDK cannot use the credentials that it found: {error}",
            where="contextkit demo --live",
            fix="Nothing was sent. Set ANTHROPIC_API_KEY.",
        ) from error
    headers = {name.lower() for name, value in client.default_headers.items() if isinstance(value, str) and value}
    known = (client.api_key, client.auth_token, getattr(client, "credentials", None))  # the SDK's own order of looking
    if not any(known) and not headers & {"x-api-key", "authorization"}:
        client.close()
        raise ConfigError(
            "there is no API key",
            where="contextkit demo --live",
            fix="Nothing was sent. Set ANTHROPIC_API_KEY, or leave out --live: the emulator needs no key.",
        )
    return client


def bound(model: str, calls: int) -> float | None:
    """USD that the runs together cannot pass; None when the model's price is not known.

    The sum of what each run may spend, which `compare` holds it to. It does not count an answer that was billed and
    never arrived: a lost connection leaves no usage behind.
    """
    one = _share(model, calls)
    return None if one is None else one * len(NAMES)


def _share(model: str, calls: int) -> float | None:
    """USD that one run may spend: every call's prompt at the write price, every answer at its longest."""
    grown = sum(min(_PER_CALL * made, 1_000_000) for made in range(1, calls + 1))
    return cost(model, Usage(write_5m=grown, output=_OUTPUT * calls))


def agreed(model: str, calls: int, budget: int, *, ask: Callable[[str], bool]) -> bool:
    """Show the bound and ask.

    Raises:
        ConfigError: the model's price is not known, so there is no bound to show.
    """
    most = bound(model, calls)
    if most is None:
        raise _unpriced(model)
    return ask(
        f"{len(NAMES)} runs of up to {calls} calls with {model}, contextkit's at a budget of {budget:,} tokens:"
        f" at most {_cents(most)} USD, and probably far less. A run is stopped before the call that could take it past"
        f" {_cents(most / len(NAMES))} USD. This uses your API key and real money."
    )


def _cents(usd: float) -> str:
    """Rounded up: a bound is never said smaller than it is."""
    return f"{ceil(usd * 100) / 100:,.2f}"


def _unpriced(model: str) -> ConfigError:
    return ConfigError(
        f"no price is known for {model}, so there is no bound of what the runs cost",
        where="contextkit demo --live",
        fix="Nothing was sent. Choose another model.",
    )


class _Recording:
    """A client that keeps what was sent and billed, and makes no call that could pass the run's budget."""

    def __init__(self, client: Any, name: str, most: float) -> None:
        self._client = client
        self.seen: list[Seen] = []
        self.ledger = Ledger()
        self.ledger.limit(Budget(usd=most, strict=True, warn_at=1.0), name)
        self.messages = self

    def create(self, **params: Any) -> Any:
        model = str(params["model"])
        said = dumps(params)
        self.ledger.admit(
            model,
            # A token for every byte: kinds of recorded text had 2.1 to 3.9 characters a token.
            prompt=len(said.encode("utf-8", "surrogatepass")) + _OVERHEAD,
            output=int(params["max_tokens"]),
            ttl="1h" if '"1h"' in said else "5m",
        )
        message = self._client.messages.create(**params)
        body, usage = {**params, "messages": list(params["messages"])}, Usage.of(message.usage)
        self.seen.append(Seen(body, usage, model, str(message.id)))
        self.ledger.add(at=time.time(), purpose="turn", model=model, usage=usage)
        return message


def compare(
    names: Sequence[str],
    *,
    model: str,
    calls: int,
    budget: int,
    shaped: bool = True,
    tick: Callable[[str, int], None],
    client: Any,
) -> Iterator[Outcome]:
    """Every named run with the real SDK's client, each handed over when it is finished.

    Raises:
        ConfigError: the model's price is not known.
        LiveError: a run was ended by an error of the SDK, by its part of the bound or by the user. Its cause is the
            error.
    """
    most = _share(model, calls)
    if most is None:
        raise _unpriced(model)
    for name in names:
        made = _Recording(client, name, most)
        yield _one(name, made, model=model, calls=calls, budget=budget, shaped=shaped, tick=tick)


def _one(
    name: str,
    client: _Recording,
    *,
    model: str,
    calls: int,
    budget: int,
    shaped: bool = True,
    tick: Callable[[str, int], None],
) -> Outcome:
    done = 0

    def step() -> None:
        nonlocal done
        done += 1
        tick(name, done)

    way = holder(name, model=model, clock=time.time, budget=budget, shaped=shaped)
    try:
        run = drive(way, client, calls, tick=step)
    except (Exception, KeyboardInterrupt) as error:  # whatever it was: the runs before it were paid for
        raise _ended(name, client.ledger, error) from error
    return outcome(name, client.seen, run)


def _ended(name: str, ledger: Ledger, error: BaseException) -> LiveError:
    total = ledger.totals()
    said = " ".join(str(error).split())
    return LiveError(
        f"the run {name!r} ended early: {type(error).__name__}{': ' if said else ''}{said.rstrip('.')}",
        fix=f"Its {total.calls} answered calls cost {total.cost or 0.0:.4f} USD and are in no row.",
    )
