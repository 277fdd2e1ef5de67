"""A path as a value. The law: what is unclear, dangerous or unbounded is refused here, when the shape is built.

Names, quoted names, indices, slices, lists of these, `[*]`, `.*`, filters and one `..` are read here into segments
and walked by `select`. What stands inside a filter is left as text for `engine`, and so is every path that is not
read here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from contextkit.errors import ShapeError

__all__ = ["ANY", "MAX_PATH_CHARS", "MAX_SEGMENTS", "Segment", "Slice", "Where", "bare", "check", "segments"]

MAX_SEGMENTS: Final = 64
MAX_PATH_CHARS: Final = 1_000
ANY: Final = None
"""In `Segment.steps`: every member of an object, every element of an array."""

_STEP: Final = re.compile(
    r"(?P<deep>\.\.)?(?:(?:(?<=\.\.)|(?P<dot>\.)|(?P<start>^))"
    r"(?:(?P<name>(?:[A-Za-z_]|[^\x00-\x7f])(?:[\w@$-]|[^\x00-\x7f])*|[@$][\w@$-]+)|(?P<star>\*))|\s*(?P<list>\[))"
)
_NUMBER: Final = r"0|-?[1-9]\d{0,15}"
_ITEM: Final = re.compile(
    rf"""(?P<quoted>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")|(?P<index>{_NUMBER})|(?P<star>\*)
      |(?P<slice>(?P<first>{_NUMBER})?\s*:\s*(?P<end>{_NUMBER})?\s*(?::\s*(?P<by>{_NUMBER})?)?)
      |\?\s*(?P<filter>.+)""",
    re.VERBOSE | re.DOTALL,
)
_MARKS: Final = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[\[\](),'"]""")
_ESCAPED: Final = (
    r"[^\\\x00-\x1f]|\\(?:[bfnrt/\\]|u(?![dD][89a-fA-F])[0-9a-fA-F]{4}"
    r"|u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
)
_VALID_NAME: Final = re.compile(rf"'(?:(?!'){_ESCAPED}|'))*'|\"(?:(?!\"){_ESCAPED}|\"))*\"")
_ESCAPE: Final = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_ESCAPES: Final = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
_QUOTED: Final = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"")


@dataclass(frozen=True, slots=True)
class Slice:
    """Elements of an array by position, as in Python."""

    first: int | None = None
    end: int | None = None
    by: int | None = None

    def places(self, length: int) -> range:
        """The positions that it takes of an array of this length; none when the step is 0."""
        return range(length)[self.first : self.end : self.by] if self.by != 0 else range(0)


@dataclass(frozen=True, slots=True)
class Where:
    """A filter as it was written, without its question mark: `@.qty > 1`."""

    text: str


Step = str | int | Slice | Where | None


@dataclass(frozen=True, slots=True)
class Segment:
    """One step down: what it takes, at this level or (deep) at every level below.

    Attributes:
        steps: names, indices, slices, filters (as `Where`, or as an engine has made them ready) and ANY.
        deep: at every level below.
    """

    steps: tuple[Any, ...]
    deep: bool = False

    @property
    def single(self) -> bool:
        """Whether it can match at most one place."""
        return not self.deep and len(self.steps) == 1 and isinstance(self.steps[0], (str, int))


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
    """The segments of a path, or None when it is not of a form that is read here.

    Raises:
        ShapeError: see `check`.
    """
    check(path)
    text = path.strip()
    if text == "$":
        return ()
    if re.match(r"\$\s*[.\[]", text):
        text = text[1:].lstrip()
    found: list[Segment] = []
    at = 0
    while at < len(text):
        match = _STEP.match(text, at)
        if match is None:
            return None
        at = match.end()
        steps: tuple[Step, ...] | None
        if match["list"]:
            inside, at = _inside(text, at)
            steps = _items(inside)
        else:
            steps = (ANY if match["star"] else match["name"],)
        if steps is None:
            return None
        found.append(Segment(steps, match["deep"] is not None))
    return tuple(found) if len(found) <= MAX_SEGMENTS else None


def _inside(text: str, at: int) -> tuple[list[str], int]:
    """What stands between commas up to the bracket that closes the one before `at`, and where it goes on after it.

    Nothing, when it does not close.
    """
    parts, depth, start = [], 0, at
    for mark in _MARKS.finditer(text, at):
        if mark[0] in "[(":
            depth += 1
        elif depth and mark[0] in "])":
            depth -= 1
        elif not depth and mark[0] in ",]":
            parts.append(text[start : mark.start()].strip())
            start = mark.end()
            if mark[0] == "]":
                return parts, start
        elif mark[0] in "'\")":
            break
    return [], len(text)


def _items(inside: list[str]) -> tuple[Step, ...] | None:
    steps = []
    for one in inside:
        item = _ITEM.fullmatch(one)
        if item is None:
            return None
        steps.append(_step(item))
    return tuple(steps) or None


def _step(item: re.Match[str]) -> Step:
    if item["quoted"] is not None:
        if not _VALID_NAME.fullmatch(item["quoted"]):
            raise ShapeError("A quoted name has an escape or a character that JSON does not know", where=item["quoted"])
        return _unquote(item["quoted"])
    if item["index"] is not None:
        return int(item["index"])
    if item["slice"] is not None:
        first, end, by = (None if item[part] is None else int(item[part]) for part in ("first", "end", "by"))
        return Slice(first, end, by)
    return ANY if item["star"] else Where(item["filter"])


def _unquote(quoted: str) -> str:
    raw = _ESCAPE.sub(
        lambda found: chr(int(found[1], 16)) if found[1] else _ESCAPES.get(found[2], found[2]), quoted[1:-1]
    )
    # Two escapes of a surrogate pair are one character, as in JSON.
    return raw.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace") if "\\u" in quoted else raw
