"""Patterns of paths, as .gitignore writes them; also those of the settings.

Law: matching is bounded whatever the pattern: part by part, each by `fnmatch`, and `**` by dynamic programming.
Source: the gitignore manual page, "PATTERN FORMAT".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["Pattern", "last_match", "matches", "parse"]

_MAX: Final = 1_000
"""Characters of a pattern; a longer one is nobody's intention."""

_UNESCAPED: Final = re.compile(r"\\(.)")


@dataclass(frozen=True, slots=True)
class Pattern:
    """One line of a .gitignore.

    Attributes:
        parts: the pattern between slashes; "**" stands for any number of folders.
        negated: a match takes back what an earlier pattern said.
        folders: only folders match.
    """

    parts: tuple[str, ...]
    negated: bool = False
    folders: bool = False

    def match(self, parts: Sequence[str], *, folder: bool) -> bool:
        """Whether a path, relative to where the pattern stands, matches."""
        return (folder or not self.folders) and _match(self.parts, tuple(parts))


def parse(lines: Iterable[str]) -> tuple[Pattern, ...]:
    """The patterns of lines; empty ones and comments are none."""
    return tuple(found for line in lines if (found := _pattern(line.rstrip("\r\n"))))


def _pattern(line: str) -> Pattern | None:
    text = line.rstrip(" ") if not line.rstrip(" ").endswith("\\") else line
    if not text or text.startswith("#") or len(text) > _MAX:
        return None
    negated = text.startswith("!")
    text = text[negated:]
    folders = text.endswith("/")
    text = text.rstrip("/")
    anchored = "/" in text
    parts = [_part(part) for part in text.split("/") if part]
    if not parts:
        return None
    return Pattern(tuple(parts if anchored or parts[0] == "**" else ["**", *parts]), negated, folders)


def _part(part: str) -> str:
    """A part in fnmatch's spelling: a backslash makes the next character plain."""
    return _UNESCAPED.sub(lambda found: f"[{found[1]}]" if found[1] in "*?[" else found[1], part)


@lru_cache(maxsize=65_536)
def _match(pattern: tuple[str, ...], parts: tuple[str, ...]) -> bool:
    reached = {0}  # how many parts of the path the pattern so far can have used
    for at, piece in enumerate(pattern):
        if piece == "**":
            least = min(reached)
            # A "**" at the end is all that is inside: at least one part more.
            reached = set(range(least + (at == len(pattern) - 1), len(parts) + 1))
        else:
            reached = {used + 1 for used in reached if used < len(parts) and fnmatchcase(parts[used], piece)}
        if not reached:
            return False
    return len(parts) in reached


def last_match(patterns: Sequence[Pattern], parts: Sequence[str], *, folder: bool) -> Pattern | None:
    """The pattern that decides: the last one that matches."""
    return next((found for found in reversed(patterns) if found.match(parts, folder=folder)), None)


def matches(patterns: Sequence[Pattern], path: str) -> bool:
    """Whether a file, or a folder it is in, is named by the patterns."""
    parts = tuple(part for part in path.split("/") if part not in {"", "."})
    for end in range(1, len(parts) + 1):
        found = last_match(patterns, parts[:end], folder=end < len(parts))
        if found and not found.negated:
            return True
    return False
