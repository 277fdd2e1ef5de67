"""Which lines changed since a git revision.

Law: git says so, and is only read. What is compared is the working tree with the point where the branch left the
revision (the merge base), so that what others changed since then does not count; files that git does not know yet
are new from end to end.
"""

from __future__ import annotations

import os
import re
import subprocess
from bisect import bisect_right
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from contextkit.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from contextkit.lint.rule import Finding

__all__ = ["Changed", "changed_since"]

_HUNK: Final = re.compile(rb"@@ -\d+(?:,\d+)? \+(\d+)(?:,(\d+))? @@")
_QUOTED: Final = re.compile(rb"\\([0-7]{3}|.)")
_ESCAPES: Final = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"a": b"\a", b"b": b"\b", b"f": b"\f", b"v": b"\v"}
_TIME: Final = 120


@dataclass(frozen=True, slots=True)
class Changed:
    """Changed lines by file.

    Attributes:
        ranges: by the file's real path, in order: first and last line; None where the whole file is new.
    """

    ranges: Mapping[str, Sequence[tuple[int, int]] | None]

    def touches(self, finding: Finding) -> bool:
        """Whether any line of the finding, or of the way its value came, was changed."""
        if self._has(finding.path, finding.line, max(finding.line, finding.end_line)):
            return True
        return any(self._has(place.path, place.line, place.line) for place in finding.flow)

    def _has(self, path: str, first: int, last: int) -> bool:
        ranges = self.ranges.get(os.path.realpath(path), ())
        if ranges is None:
            return True
        at = bisect_right(ranges, (last, 1 << 60)) - 1
        return at >= 0 and ranges[at][1] >= first


def changed_since(revision: str, folder: Path) -> Changed:
    """The lines that differ between a revision and the working tree.

    Args:
        revision: a commit, a branch, a tag.
        folder: inside the repository.

    Raises:
        ConfigError: there is no git, no repository, or no such revision.
    """
    top = Path(os.fsdecode(_git(folder, revision, "rev-parse", "--show-toplevel").rstrip(b"\n")))
    found = _git(folder, revision, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    commit = found.decode().strip()
    base = _git(folder, revision, "merge-base", commit, "HEAD", refuse=False).decode().strip() or commit
    plain = ("-c", "core.quotePath=false", "-c", "diff.external=")
    options = ("--unified=0", "--no-color", "--no-ext-diff", "--no-textconv", "--src-prefix=a/", "--dst-prefix=b/")
    diff = _git(top, revision, *plain, "diff", *options, "--no-renames", "--inter-hunk-context=0", base, "--")
    ranges: dict[str, list[tuple[int, int]] | None] = {}
    for name, lines in _hunks(diff):
        ranges[os.path.realpath(top / os.fsdecode(name))] = lines
    new = _git(top, revision, "ls-files", "--others", "--exclude-standard", "-z")
    for name in filter(None, new.split(b"\0")):
        ranges[os.path.realpath(top / os.fsdecode(name))] = None
    return Changed(ranges)


def _hunks(diff: bytes) -> list[tuple[bytes, list[tuple[int, int]]]]:
    """Files with the ranges of their new lines.

    A changed line begins with a sign, so only one that adds "++ x" looks like the head of a file: heads are looked
    for only between "diff" and the first hunk.
    """
    files: list[tuple[bytes, list[tuple[int, int]]]] = []
    head = False
    for line in diff.split(b"\n"):
        if line.startswith(b"diff --git "):
            head = True
        elif head and line.startswith(b"+++ "):
            files.append((_name(line[4:]), []))
            head = False
        elif files and not head and (found := _HUNK.match(line)):
            first, count = int(found[1]), int(found[2] or 1)
            if count:
                files[-1][1].append((first, first + count - 1))
    return files


def _name(shown: bytes) -> bytes:
    """A file's name as git shows it: "b/" before it, a tab after one with blanks, quotes around an odd one."""
    name = shown.rstrip(b"\t")
    if name.startswith(b'"'):
        name = _QUOTED.sub(_plain, name.strip(b'"'))
    return name.removeprefix(b"b/")


def _plain(found: re.Match[bytes]) -> bytes:
    sign = found[1]
    return bytes([int(sign, 8) & 0xFF]) if sign.isdigit() else _ESCAPES.get(sign, sign)


def _git(folder: Path, revision: str, *words: str, refuse: bool = True) -> bytes:
    try:
        done = subprocess.run(  # noqa: S603  (a list of words, and the revision stands behind --end-of-options)
            ["git", "-C", str(folder), *words],  # noqa: S607  (the user's git)
            capture_output=True,
            check=False,
            timeout=_TIME,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ConfigError(f"git cannot be run: {error}", where=f"--diff {revision}") from None
    if done.returncode and refuse:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        why = said[-1][:200] if said else "no such revision"
        raise ConfigError(f"git refuses: {why}", where=f"--diff {revision}", fix="Name a commit or a branch.")
    return done.stdout if not done.returncode else b""
