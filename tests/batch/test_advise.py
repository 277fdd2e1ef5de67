"""Batches give the advice of transcripts."""

from __future__ import annotations

from contextkit import batch
from contextkit.batch.advise import advise
from contextkit.transcripts import independent


def test_the_advice_is_the_transcripts() -> None:
    """`contextkit.batch.advise` is the judgement that replay gives too, and its value has the same class."""
    assert batch.advise is advise is independent.advise
    assert batch.Advice is independent.Advice
