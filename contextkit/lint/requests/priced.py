"""A model's price for reports: None where it is not known, also where warnings are errors.

Law: that a price is unknown is said once, by a warning, and by the report itself; it stops nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from contextkit.api.usage import UnknownPriceWarning, price

if TYPE_CHECKING:
    from contextkit.api.usage import Price

__all__ = ["priced"]


def priced(model: str, prompt: int, at: float | None = None, speed: str | None = None) -> Price | None:
    """The price of a call of `prompt` tokens at a time, Unix seconds; None of the time takes the newest."""
    try:
        return price(model, prompt=prompt, at=at, speed=speed)
    except UnknownPriceWarning:  # where warnings are errors
        return None
