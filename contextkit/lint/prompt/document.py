"""A prompt file, and which parts of it are stable.

Law: everything is stable, that is, sent before the last breakpoint and again with every request, except: front matter
and comments that are not sent; what stands after the place where the volatile part begins; the last message of the
user; and files that are that message as a whole (`user_prompt.md`). Samples (fenced code, `<example>`) are stable, but
what looks like a date or a path in them is a sample. In YAML only the values of prompt keys are prompts.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePath
from typing import TYPE_CHECKING, Final

from contextkit.lint.prompt.front import Front, front_of
from contextkit.lint.prompt.yaml import values

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Prompt", "Span", "read"]

Span = tuple[int, int]
"""From one character up to, not including, another."""

_NEWLINE: Final = re.compile(r"\r\n|\r|\n")
_FENCE: Final = re.compile(r"^[ \t]{0,40}(`{3,}|~{3,})", re.MULTILINE)
_SAMPLE: Final = re.compile(r"<(examples?|sample|few_shot_examples?)\b", re.IGNORECASE)
_TICKS: Final = re.compile(r"(?<!`)`[^`\n]{1,400}`(?!`)")
_UNSENT: Final = {"{#": "#}", "{{!--": "--}}", "{{!": "}}"}
_UNSENT_START: Final = re.compile(r"\{#|\{\{!(?:--)?")
_RAW: Final = re.compile(r"\{%[-+]?[ \t\r\n]*(end)?(raw|verbatim)[ \t\r\n]*[-+]?%\}")
_ROLE: Final = re.compile(
    r"^[ \t]*(?:#{1,4}[ \t]*|\*\*|<\|im_start\|>|<\|start_header_id\|>|<\||\{\{-?[ \t]*role[ \t]+[\"'])?"
    r"(system|developer|user|human|assistant)(?:[ \t]+(?:prompt|message))?"
    r"(?:\*\*|:|\|>|<\|end_header_id\|>|[\"'][ \t]*-?\}\})*[ \t]*\r?$",
    re.MULTILINE | re.IGNORECASE,
)
_USER_FILE: Final = frozenset({"user", "human", "query", "question"})
_WORD: Final = re.compile(r"[a-z]+")


@dataclass(frozen=True, eq=False)
class Prompt:
    """One prompt file.

    Attributes:
        path: of the file.
        text: the whole of it.
        front: what it says about itself.
        stable: the spans that are sent with every request before anything new, in order.
    """

    path: str
    text: str
    front: Front
    stable: tuple[Span, ...]

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *(found.end() for found in _NEWLINE.finditer(self.text))]

    @cached_property
    def fences(self) -> tuple[Span, ...]:
        """Fenced code and samples."""
        return _merged([*_fences(self.text), *_samples(self.text)])

    @cached_property
    def ticks(self) -> tuple[Span, ...]:
        """Code within a line."""
        return tuple(found.span() for found in _TICKS.finditer(self.text))

    @cached_property
    def raw(self) -> tuple[Span, ...]:
        """What a template engine is told to leave as it is: braces in there are text."""
        return tuple(_raw(self.text))

    def place(self, offset: int) -> tuple[int, int]:
        """Line and column, from 1."""
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1

    def line_around(self, offset: int) -> tuple[str, int]:
        """What stands around a place on its line, at most 200 characters before and 100 after; where it begins."""
        start = self._starts[bisect_right(self._starts, offset) - 1]
        first = max(start, offset - 200)
        end = _NEWLINE.search(self.text, offset, offset + 100)
        return self.text[first : end.start() if end else offset + 100], first

    def is_stable(self, offset: int) -> bool:
        """Whether a place lies in the stable part."""
        return inside(self.stable, offset)


def inside(spans: tuple[Span, ...], offset: int) -> bool:
    """Whether a place lies in one of the spans, which are in order and do not overlap."""
    at = bisect_right(spans, (offset, 1 << 60)) - 1
    return at >= 0 and offset < spans[at][1]


def read(path: str, text: str) -> Prompt:
    """A file as a prompt."""
    pure = PurePath(path)
    yaml = pure.suffix.lower() in {".yaml", ".yml"}
    front = front_of(text, yaml=yaml)
    if yaml:
        spans = list(values(text))
    elif _USER_FILE & set(_WORD.findall(pure.name.lower())):
        spans = []
    else:
        spans = [(front.end, _last_user(text, front.end))]
    spans = [(start, min(end, front.volatile)) for start, end in spans if start < min(end, front.volatile)]
    return Prompt(path, text, front, _without(_merged(spans), _unsent(text)))


def _last_user(text: str, start: int) -> int:
    """Where the last message begins if it is the user's; the end of the text otherwise."""
    roles = [(found.start(), found[1].lower()) for found in _ROLE.finditer(text, start)]
    mixed = any(role not in {"user", "human"} for _, role in roles)
    return roles[-1][0] if mixed and roles[-1][1] in {"user", "human"} else len(text)


def _fences(text: str) -> list[Span]:
    """Fenced code; a fence that nobody closes ends with the text."""
    spans: list[Span] = []
    start, fence = -1, ""
    for found in _FENCE.finditer(text):
        if start < 0:
            start, fence = found.start(), found[1]
        elif found[1][0] == fence[0] and len(found[1]) >= len(fence):
            spans.append((start, found.end()))
            start = -1
    return spans if start < 0 else [*spans, (start, len(text))]


def _samples(text: str) -> list[Span]:
    """What stands in <example> and its like; a tag that is not closed is no sample."""
    low = text.lower()
    return _pairs(low, ((found, f"</{found[1]}>") for found in _SAMPLE.finditer(low)))


def _unsent(text: str) -> list[Span]:
    """Comments of template languages."""
    return _pairs(text, ((found, _UNSENT[found[0]]) for found in _UNSENT_START.finditer(text)))


def _raw(text: str) -> list[Span]:
    """`{% raw %}` up to its `{% endraw %}`, `{% verbatim %}` likewise; one that is not closed is none."""
    spans: list[Span] = []
    start, kind = -1, ""
    for found in _RAW.finditer(text):
        if start < 0 and not found[1]:
            start, kind = found.end(), found[2]
        elif start >= 0 and found[1] and found[2] == kind:
            spans.append((start, found.start()))
            start = -1
    return spans


def _pairs(text: str, starts: Iterable[tuple[re.Match[str], str]]) -> list[Span]:
    """Spans from a start to its end; an end that is nowhere is looked for once, not from every start."""
    spans: list[Span] = []
    nowhere: set[str] = set()
    last = 0
    for found, closing in starts:
        if found.start() < last or closing in nowhere:
            continue
        at = text.find(closing, found.end())
        if at < 0:
            nowhere.add(closing)
        else:
            last = at + len(closing)
            spans.append((found.start(), last))
    return spans


def _merged(spans: list[Span]) -> tuple[Span, ...]:
    """The same characters as spans in order that do not overlap."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return tuple(merged)


def _without(spans: tuple[Span, ...], holes: list[Span]) -> tuple[Span, ...]:
    """The spans without the characters of the holes, which are in order."""
    left: list[Span] = []
    for start, end in spans:
        at = start
        for first, last in holes[max(0, bisect_right(holes, (start, 0)) - 1) :]:
            if first >= end:
                break
            if last > at:
                left.append((at, max(at, first)))
                at = last
        left.append((at, end))
    return tuple((start, end) for start, end in left if start < end)
