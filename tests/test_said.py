"""What an answer states about itself is read, and nothing is guessed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contextkit.said import answer_in, confidence_in, json_in, share_of


@pytest.mark.parametrize(
    ("text", "stated"),
    [
        ('{"label": "refund", "confidence": 0.85}', 0.85),
        ('```json\n{"confidence": 1}\n```', 1.0),
        ("It is a refund.\nConfidence: 0.9", 0.9),
        ("confidence: 0.2 at first; after the second page **Confidence:** 85%", 0.85),
        ("My confidence is 90 %.", 0.9),
        ("confidence = .5", 0.5),
        ("Confidence: 85", None),
        ("Confidence: 140 %", None),
        ('{"confidence": true}', None),
        ('{"confidence": "high"}', None),
        ('{"label": "confidence: 0.9"}', None),
        ("overconfidence: 0.9", None),
        ("confidence, 3 pages of it", None),
        ("", None),
    ],
)
def test_the_stated_confidence(text: str, stated: float | None) -> None:
    """A share or a percentage that is named confidence counts, the last one; all else is not stated."""
    assert confidence_in(text) == (None if stated is None else pytest.approx(stated))


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ('{"answer": 42, "why": "seven times six"}', "42"),
        ('{"answer": {"b": 1, "a": 2}}', '{"a": 2, "b": 1}'),
        ("I add them up.\nAnswer:  Forty  Two", "forty two"),
        ("Answer: 41\nNo, again. **Answer:** 42", "42"),
        ("  Forty\n two ", "forty two"),
        ("Answer:", "answer:"),
        (" \n", None),
    ],
)
def test_the_answer_in_one_spelling(text: str, answer: str | None) -> None:
    """The declared field, the line that is named answer, or the whole; case and spaces do not count."""
    assert answer_in(text) == answer


def test_json_in_a_fence_or_not() -> None:
    """An answer that is JSON is read; one that is not, or that is nested beyond reason, is None."""
    assert json_in(' {"a": [1]} ') == {"a": [1]}
    assert json_in("```\n[1]\n```") == [1]
    assert json_in("Here it is: {}") is None
    assert json_in("[" * 200_000) is None


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -0.1, 1.1, True, "0.5", None])
def test_what_is_no_share(value: object) -> None:
    """Only a number between 0 and 1 is a share."""
    assert share_of(value) is None


@given(st.text(alphabet='confidenceANSWER:=*`"{}[]% .0123456789\n', max_size=300))
def test_nothing_raises(text: str) -> None:
    """Whatever the model wrote, a share or None and a text or None come back."""
    stated = confidence_in(text)
    assert stated is None or 0 <= stated <= 1
    answer = answer_in(text)
    assert answer is None or answer == answer.strip()
