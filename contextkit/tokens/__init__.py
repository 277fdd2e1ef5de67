"""How many tokens: an estimator that needs nothing, calibrated by billed usage, and counters by choice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from contextkit.tokens.estimate import Estimate, estimate_request

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Estimate", "count"]


def count(request: Mapping[str, Any] | str, model: str | None = None, counter: Any = None) -> Estimate:
    """Tokens of a request body or of a text, with the band of the estimate.

    Args:
        request: a Messages request body, or a plain text (counted as the one user message).
        model: the model, where it is not `request["model"]`; decides the tokenizer.
        counter: a `contextkit.tokens.counters.TokenCounter`; None for the estimate.
    """
    body = {"messages": [{"role": "user", "content": request}]} if isinstance(request, str) else request
    return estimate_request(body, model) if counter is None else counter.count(body, model)
