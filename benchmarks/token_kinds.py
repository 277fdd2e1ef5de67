"""Token estimates by kind of content: what bills say of logs and hashes, and whether a scale a kind would pay.

Law: a growth belongs to a kind by its text alone, before its bill is looked at. The scales are what
`contextkit.tokens.calibrate` keeps, once for the whole conversation and once a kind of block, from the same bills.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from benchmarks.billed import growths, held_out, sessions
from contextkit.tokens.estimate import block_tokens, message_overhead, message_tokens

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

__all__ = ["billed_kinds", "scales"]

_KINDS: Final = {
    "lines with a time (logs)": re.compile(r"^.*(?:\d{2}:\d{2}:\d{2}|\d{4}-\d{2}-\d{2}[T ]).*$", re.MULTILINE),
    "hashes, ids and paths of 24 characters or more, digits in them": re.compile(r"(?=[^\s]*\d)[A-Za-z0-9+/=_-]{24,}"),
}
_SHARES: Final = {"lines with a time (logs)": 0.3}
_SHARE: Final = 0.15
_LEAST: Final = 400
_MEMORY: Final = 0.97
_CLIP: Final = 1.6
_BLOCKS: Final = ("text", "tool_use", "tool_result", "thinking")


def _texts(value: Any) -> Iterator[str]:
    """Every string inside a message's content."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def billed_kinds(root: Path) -> Iterator[str]:
    """A table: growths whose text is to a good part of a kind, estimate over bill."""
    found: dict[str, list[tuple[float, int, int]]] = {name: [] for name in _KINDS}
    for grown in growths(root):
        if not grown.whole or not (grown.tool_only or held_out(grown.session)):
            continue
        text = "\n".join(part for message in grown.messages for part in _texts(message["content"]))
        for name, pattern in _KINDS.items():
            share = sum(len(match) for match in pattern.findall(text)) / max(1, len(text))
            if len(text) >= _LEAST and share >= _SHARES.get(name, _SHARE):
                guess = sum(message_tokens(message, "classic") for message in grown.messages)
                found[name].append((guess, grown.billed, len(text)))
    yield "| growth that is to a good part | share of its text | n | characters | estimates / bills | worst |"
    yield "|---|---|---|---|---|---|"
    for name, rows in found.items():
        if rows:
            ratio = sum(guess for guess, _, _ in rows) / sum(billed for _, billed, _ in rows)
            worst = max((guess / billed - 1 for guess, billed, _ in rows), key=abs)
            size = sum(chars for *_, chars in rows)
            least = f"{100 * _SHARES.get(name, _SHARE):.0f} % or more"
            yield f"| {name} | {least} | {len(rows)} | {size:,} | {100 * (ratio - 1):+.1f} % | {100 * worst:+.0f} % |"


@dataclass(slots=True)
class _Scale:
    """Billed over estimated tokens so far, with a prior."""

    prior: float
    billed: float = 0.0
    estimated: float = 0.0

    @property
    def value(self) -> float:
        return (self.billed + self.prior) / (self.estimated + self.prior)

    def learn(self, billed: float, estimated: float, memory: float) -> None:
        self.billed = self.billed * memory + billed
        self.estimated = self.estimated * memory + estimated


def _step(scales: Mapping[str, _Scale], parts: Mapping[str, float], paid: int) -> float:
    """The guess for a growth before its bill, and what the scales learn of the bill after it."""
    raw = sum(parts.values())
    guesses = {kind: size * scales[kind].value for kind, size in parts.items()}
    guess = sum(guesses.values())
    kept = min(max(paid, raw / _CLIP), raw * _CLIP)
    for kind in parts:
        alone = scales[kind] is not scales["all"]
        size, billed = (parts[kind], kept * guesses[kind] / guess) if alone else (raw, kept)
        if alone or kind == next(iter(parts)):
            scales[kind].learn(billed, size, 1 - (1 - _MEMORY) * size / raw)
    return guess


def _parts(content: list[Any], new: list[Any]) -> dict[str, float]:
    """Estimated tokens of a growth by kind of block; frames count as text."""
    parts = {"text": 0.0}
    for role, blocks in (("assistant", content), ("user", new)):
        parts["text"] += message_overhead({"role": role, "content": blocks}) if blocks else 0.0
        for block in blocks:
            kind = block.get("type") if block.get("type") in _BLOCKS else "text"
            parts[kind] = parts.get(kind, 0.0) + block_tokens(block, "classic")
    return {kind: size for kind, size in parts.items() if size}


def _error(root: Path, *, pi: bool, prior: float, each: bool) -> tuple[int, float]:
    """How many growths, and the sum of errors over the sum of bills in percent, on sessions that were not fitted on."""
    number, missed, total = 0, 0.0, 0.0
    for name, calls in sessions(root):
        if not held_out(name) or name.startswith("pi_mono") is not pi:
            continue
        one = _Scale(prior)
        scales = {kind: _Scale(prior) if each else one for kind in _BLOCKS} | {"all": one}
        for first, second in pairwise(calls):
            paid, plain = second.total - first.total, all(block.get("type") == "tool_result" for block in second.new)
            parts = _parts(first.content, second.new)
            if second.broken or paid <= 0 or first.model != second.model or not parts:
                continue
            guess = _step(scales, parts, paid)
            if pi or plain:
                number, missed, total = number + 1, missed + abs(guess - paid), total + paid
    return number, 100 * missed / total


def scales(root: Path) -> Iterator[str]:
    """A table: error of growth under one running scale, one a kind of block, and none, by the weight of the prior."""
    yield "| scale | prior, tokens | Claude Code, held out | pi_mono |"
    yield "|---|---|---|---|"
    for name, prior, each in (
        ("none", 1e12, False),
        ("one a conversation", 3_000.0, False),
        ("one a kind of block", 3_000.0, True),
        ("one a conversation", 10_000.0, False),
        ("one a kind of block", 10_000.0, True),
    ):
        cells = [_error(root, pi=pi, prior=prior, each=each) for pi in (False, True)]
        weight = "-" if name == "none" else f"{prior:,.0f}"
        yield f"| {name} | {weight} | " + " | ".join(f"{error:.2f} % (n {number})" for number, error in cells) + " |"
