"""Answers become findings: what will do, and why the rest will not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import pytest
from pydantic import BaseModel, Field

from contextkit.api.answer import Answer
from contextkit.errors import ConfigError
from contextkit.route import Finding, judge, output_of


class Label(BaseModel):
    """A classification."""

    label: Literal["refund", "question"]
    confidence: float = Field(ge=0, le=1)


@dataclass
class Point:
    """A dataclass is an output, too."""

    x: int
    y: int


SCHEMA = {"type": "object", "properties": {"label": {"type": "string"}}, "required": ["label"]}


def said(text: str, stop: str = "end_turn") -> Answer:
    """An answer that says this."""
    return Answer("assistant", [{"type": "text", "text": text}], stop_reason=stop)


def short(text: str) -> bool:
    """A check of the user's."""
    return len(text) < 10


def shout(text: str) -> str:
    """A function that makes the value, or raises."""
    if not text.islower():
        raise ValueError("not lower")
    return text.upper()


@pytest.mark.parametrize(
    ("output", "text", "value", "reason"),
    [
        (None, "Hello.", "Hello.", ""),
        (None, " ", None, "empty"),
        (Label, '{"label": "refund", "confidence": 0.9}', Label(label="refund", confidence=0.9), ""),
        (Label, '```json\n{"label": "refund", "confidence": 1}\n```', Label(label="refund", confidence=1.0), ""),
        (Label, "A refund.", None, "invalid: "),
        (Label, '{"label": "joke", "confidence": 2}', None, "invalid: label: Input should be"),
        (Point, '{"x": 1, "y": 2}', Point(1, 2), ""),
        (list[int], "[1, 2]", [1, 2], ""),
        (int | None, "null", None, ""),
        (SCHEMA, '{"label": "x"}', {"label": "x"}, ""),
        (SCHEMA, '{"lable": "x"}', None, "invalid: $.label: missing"),
        (SCHEMA, "x", None, "invalid: not JSON"),
        (short, "Short.", "Short.", ""),
        (short, "Much too long.", None, "invalid: short said no"),
        (shout, "hello", "HELLO", ""),
        (shout, "Hello", None, "invalid: ValueError: not lower"),
    ],
)
def test_what_was_declared(output: Any, text: str, value: Any, reason: str) -> None:
    """Models, types, schemas and functions give the value, or the fault in words."""
    found = judge(said(text), output_of(output))
    assert found.value == value
    assert found.reason.startswith(reason)
    assert bool(found.reason) == bool(reason)
    assert found.whole == (not reason)


@pytest.mark.parametrize("stop", ["refusal", "max_tokens", "model_context_window_exceeded", "tool_use"])
def test_answers_that_are_not_whole(stop: str) -> None:
    """What stopped short will not do, whatever it says."""
    assert judge(said("Hello.", stop), output_of(None)) == Finding(stop)


class Trap(BaseModel):
    """A value whose reading fails."""

    x: int

    @property
    def confidence(self) -> float:
        """What cannot be read."""
        raise ZeroDivisionError


class Unknown:
    """A class that pydantic makes nothing of."""


@pytest.mark.parametrize(
    ("output", "text", "stated", "confidence", "reason"),
    [
        (Label, '{"label": "refund", "confidence": 0.9}', None, 0.9, ""),
        (Label, '{"label": "refund", "confidence": 0.7}', None, 0.7, "confidence 0.7 < 0.8"),
        (None, "A refund. Confidence: 80%", None, 0.8, ""),
        (None, "A refund.", None, None, "no confidence stated"),
        (dict, '{"a": {"sure": 0.85}}', "a.sure", 0.85, ""),
        (dict, '{"a": 1}', "a.sure.more", None, "no confidence stated"),
        (dict, '{"p": 0.4}', lambda value: 2 * value["p"], 0.8, ""),
        (dict, '{"q": 0.4}', lambda value: 2 * value["p"], None, "no confidence stated"),
        (Trap, '{"x": 1}', None, None, "no confidence stated"),
        (list[float], "[90]", lambda value: value[0], None, "no confidence stated"),
    ],
)
def test_confidence(output: Any, text: str, stated: Any, confidence: float | None, reason: str) -> None:
    """From the declared value, a named field, a function of the value, or the words of a text."""
    found = judge(said(text), output_of(output), least=0.8, stated=stated)
    assert (found.confidence, found.reason) == (confidence, reason)
    assert found.whole


def test_what_declares_no_output() -> None:
    """Is refused before anything is asked."""
    for given in (3, "text", {"type": "nothing"}):
        with pytest.raises(ConfigError):
            output_of(given)
    with pytest.raises(ConfigError, match="no JSON Schema"):
        output_of(Unknown)
