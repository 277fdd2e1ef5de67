"""No input raises, hangs or grows: random documents, paths and shapes, and every recorded API document."""

from __future__ import annotations

import json
from functools import partial

import pytest

from benchmarks.shaping_fuzz import Case, cases, long_texts, memory, peak
from contextkit.shape.chain import Shape
from contextkit.shape.document import MISSING, read

CHUNKS, CHUNK = 10, 10_000


def hold(case: Case) -> None:
    """The promises that every case keeps."""
    shaped = case.shape.apply(case.output, handle="k3f9a1" if case.seed % 2 else None)
    shaped.text.encode()
    assert shaped.note in shaped.text, case.seed
    assert case.shape.max_chars is None or len(shaped.text) <= case.shape.max_chars, case.seed
    if not isinstance(case.output, str) or read(case.output) is not MISSING:
        json.loads(shaped.text)


def test_random_cases_hold() -> None:
    """Random shapes on random outputs give sendable text within the cap, and JSON from JSON."""
    for case in cases(300):
        hold(case)


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_a_hundred_thousand_random_cases_hold(chunk: int) -> None:
    """The same for 100,000 of them, in ten parts."""
    for case in cases(CHUNK, first=100_000 * (chunk + 1)):
        hold(case)


ALLOWANCE = 1_000_000
"""Bytes that shaping may take beyond ten times its text: what it works with, which a short text does not pay for."""


def test_memory_is_within_ten_times_the_text_and_a_megabyte() -> None:
    """Dense random documents of 10 to 200 KB are shaped within ten times their text and one megabyte."""
    assert memory(long_texts(40)).over <= ALLOWANCE


@pytest.mark.long
@pytest.mark.timeout(600)
def test_memory_is_bounded_on_many_documents() -> None:
    """The same for thousands of random shapes."""
    assert memory(long_texts(1_000)).over <= ALLOWANCE


def test_memory_of_large_documents_is_that_of_two_copies() -> None:
    """Where `json.loads` alone takes eight times a dense text, shaping takes one more copy and its text at most."""
    for shape, text in long_texts(20, 150_000, copies=250):
        shape.apply(text[:100])
        loads = peak(partial(json.loads, text))
        assert peak(partial(shape.apply, text)) <= 2 * loads + 4 * len(text) + ALLOWANCE


def test_memory_of_recorded_documents_is_within_ten_times(recorded: list[str]) -> None:
    """Recorded GitHub, Stripe and Slack documents of more than 10 KB need a tenth of that allowance at most."""
    for shape in (Shape(select=["$..id", "$.*.login"]), Shape(drop=["$..url"], drop_empty=True, as_table=True)):
        assert memory((shape, text) for text in recorded[::3] if len(text) > 10_000).over <= ALLOWANCE / 10


RECORDED_SHAPES = [
    Shape(select=["$..id", "$.*.login", "$.data[*].object"]),
    Shape(drop=["$..url", "$..[?@.html_url]"], drop_empty=True, as_table=True),
    Shape(fields={"ids": "$..id", "type": "$.type"}, max_chars=500),
    Shape(max_chars=700, max_items=2, max_string=50, dates="day", round_to=1, elide_binary=True),
    Shape(max_tokens=150),
]


@pytest.mark.parametrize("shape", RECORDED_SHAPES, ids=range(len(RECORDED_SHAPES)))
def test_every_recorded_document_holds(shape: Shape, recorded: list[str]) -> None:
    """Recorded GitHub, Stripe and Slack documents, whole and broken off, keep the same promises."""
    for seed, text in enumerate(recorded):
        hold(Case(seed * 2, shape, text))
        hold(Case(seed * 2 + 1, shape, text[: len(text) // 2]))
