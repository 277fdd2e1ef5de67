"""Whether messages of one conversation are independent items that belong in a batch.

Law: deciding only, and rather silent than wrong: it speaks where several texts of the user have one form, with other
contents, and nothing that a later turn says goes back to what an earlier answer brought.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Advice", "advise"]


@dataclass(frozen=True, slots=True)
class Advice:
    """Turns that do not need each other."""

    turns: tuple[int, ...]
    reason: str


def advise(messages: object) -> Advice | None:
    """Placeholder until written."""
    del messages
    return None
