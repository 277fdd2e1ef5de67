"""A path as a value. The law: what is unclear, dangerous or unbounded is refused here, when the shape is built.

Simple paths (names, quoted names, indices, lists of these, `[*]`, `.*`, one `..`) are read here into segments and
walked by `select`; every other path goes to jsonpath-ng through `engine`, after the same refusals.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from contextkit.errors import ShapeError

__all__ = ["ANY", "MAX_PATH_CHARS", "MAX_SEGMENTS", "Segment", "bare", "check", "segments"]

MAX_SEGMENTS: Final = 64
MAX_PATH_CHARS: Final = 1_000
ANY: Final = None
"""In `Segment.steps`: every member of an object, every element of an array."""

_STEP: Final = re.compile(
    r"""(?P<deep>\.\.)?(?:
        (?:(?<=\.\.)|(?P<dot>\.)|(?P<start>^))(?:(?P<name>[^\W\d][\w@$-]*|[@$][\w@$-]+)|(?P<star>\*))
      | \[\s*(?P<list>(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[^\[\]'"?()])*)\]
    )""",
    re.VERBOSE,
)
_ITEM: Final = re.compile(
    r"""\s*(?:(?P<quoted>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")|(?P<index>-?(?:0|[1-9]\d{0,8}))|(?P<star>\*))\s*(?:,|$)""",
    re.VERBOSE,
)
_ESCAPE: Final = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_ESCAPES: Final = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
_QUOTED: Final = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"")


@dataclass(frozen=True, slots=True)
class Segment:
    """One step down: the names, indices or ANY that it takes, at this level or (deep) at every level below."""

    steps: tuple[str | int | None, ...]
    deep: bool = False

    @property
    def single(self) -> bool:
        """Whether it can match at most one place."""
        return not self.deep and len(self.steps) == 1 and self.steps[0] is not ANY


def bare(path: str) -> str:
    """The path with the inside of quoted names and strings blanked, so that operators can be looked for."""
    return _QUOTED.sub(lambda found: found[0][0] + "_" * (len(found[0]) - 2) + found[0][0], path)


def check(path: str) -> None:
    """Refuse what no dialect may do here.

    Raises:
        ShapeError: not text, empty, too long, too many segments, or more than one `..`.
    """
    if not isinstance(path, str) or not path.strip():
        raise ShapeError("A path must be text that is not empty", where=repr(path)[:80])
    if len(path) > MAX_PATH_CHARS:
        raise ShapeError(
            f"The path has {len(path):,} characters; at most {MAX_PATH_CHARS:,} are read", where=path[:60] + "..."
        )
    open_text = bare(path)
    if "..." in open_text:
        raise ShapeError("The path has three dots in a row", where=path)
    if open_text.count("..") > 1:
        raise ShapeError(
            "More than one `..` in a path can match a document many times over",
            where=path,
            fix="Name the levels between, or use two shapes in a chain.",
        )
    count = open_text.count(".") + open_text.count("[")
    if count > MAX_SEGMENTS + 1:
        raise ShapeError(f"The path has more than {MAX_SEGMENTS} segments", where=path[:60] + "...")


def segments(path: str) -> tuple[Segment, ...] | None:
    """The segments of a simple path, or None when the path needs an engine.

    Raises:
        ShapeError: see `check`.
    """
    check(path)
    text = path.strip()
    if text == "$":
        return ()
    if text.startswith(("$.", "$[")):
        text = text[1:]
    found: list[Segment] = []
    at = 0
    while at < len(text):
        match = _STEP.match(text, at)
        if match is None or match.end() == at:
            return None
        segment = _segment(match)
        if segment is None:
            return None
        found.append(segment)
        at = match.end()
    return tuple(found) if len(found) <= MAX_SEGMENTS else None


def _segment(match: re.Match[str]) -> Segment | None:
    deep = match["deep"] is not None
    if match["name"] is not None:
        return Segment((match["name"],), deep)
    if match["star"] is not None:
        return Segment((ANY,), deep)
    steps = _items(match["list"])
    return None if steps is None else Segment(steps, deep)


def _items(inside: str) -> tuple[str | int | None, ...] | None:
    steps: list[str | int | None] = []
    at = 0
    while at < len(inside):
        item = _ITEM.match(inside, at)
        if item is None:
            return None
        if item["quoted"] is not None:
            steps.append(_unquote(item["quoted"]))
        else:
            steps.append(ANY if item["star"] else int(item["index"]))
        at = item.end()
    if not steps or inside.rstrip().endswith(","):
        return None
    return tuple(steps)


def _unquote(quoted: str) -> str:
    raw = _ESCAPE.sub(
        lambda found: chr(int(found[1], 16)) if found[1] else _ESCAPES.get(found[2], found[2]), quoted[1:-1]
    )
    # Two escapes of a surrogate pair are one character, as in JSON.
    return raw.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace") if "\\u" in quoted else raw
