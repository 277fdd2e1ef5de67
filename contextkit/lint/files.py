"""Which files are looked at.

Law: a path that the user names is looked at whatever the patterns say; below a folder, .gitignore files (also those
above it), the usual folders of tools, and `exclude` are left out. A link to a folder is not followed, so that no loop
can be walked; each is counted. What cannot be read is a problem, not a gap.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from contextkit.lint.kinds import HEAD, kind_of, known
from contextkit.lint.outcome import Problem
from contextkit.lint.patterns import last_match, matches, parse
from contextkit.lint.text import words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from contextkit.lint.config import Config
    from contextkit.lint.kinds import Kind
    from contextkit.lint.patterns import Pattern

__all__ = ["File", "Found", "collect", "relative"]

_USUAL: Final = parse(
    sorted(
        words(
            ".* __pycache__/ node_modules/ site-packages/ dist-packages/ venv/ env/ build/ dist/ *.egg-info/ _build/ "
            "__pypackages__/ bower_components/ target/"
        )
    )
)
_IGNORE_FILE_MAX: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class File:
    """One file to analyse: its path as it is shown, what it is, and whether the user named it."""

    path: str
    kind: Kind
    named: bool


@dataclass(slots=True)
class Found:
    """What lies under the paths."""

    files: list[File] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    links: int = 0
    seen: set[tuple[int, int]] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class _Ignores:
    """The patterns of one .gitignore.

    Attributes:
        inner: the folders between the .gitignore and the folder that is walked.
        depth: parts of a walked path that lie above `inner`.
        patterns: in their order.
    """

    inner: tuple[str, ...]
    depth: int
    patterns: tuple[Pattern, ...]


def collect(paths: Sequence[str], config: Config) -> Found:
    """The files under the paths, each once, in the order of their names."""
    found = Found()
    for given in dict.fromkeys(os.path.normpath(path) for path in paths):
        path = Path(given)
        try:
            mode = path.stat().st_mode
        except OSError as error:
            found.problems.append(Problem(path.as_posix(), f"the path cannot be read: {error.strerror}"))
            continue
        if stat.S_ISDIR(mode):
            _walk(path, path, _above(path), config, found)
        else:
            _file(path, path.as_posix(), found, named=True)
    found.files.sort(key=lambda file: file.path)
    return found


def relative(path: str, root: Path) -> str:
    """A path relative to the root of the settings, with slashes; as it is where it lies on another drive."""
    try:
        return Path(os.path.relpath(os.path.realpath(path), os.path.realpath(root))).as_posix()
    except ValueError:
        return path


def _walk(folder: Path, top: Path, rules: tuple[_Ignores, ...], config: Config, found: Found) -> None:
    """All below a folder; goes down with a list of its own, since folders may nest deeper than calls."""
    excluded = config.excluded()
    waiting = [(folder, rules)]
    while waiting:
        here, rules = waiting.pop()
        rules = (*rules, *_own(here))
        for entry in _entries(here, found):
            path = here / entry.name
            is_folder = entry.is_dir(follow_symlinks=False)
            if not is_folder and not known(entry.name) and not entry.is_symlink():
                continue
            if _left_out(path, rules, folder=is_folder):
                continue
            if excluded and matches(excluded, relative(str(path), config.root) + "/" * is_folder):
                continue
            if is_folder:
                waiting.append((path, rules))
            elif entry.is_symlink() and path.is_dir():
                found.links += 1
            elif known(entry.name):
                _file(path, path.relative_to(top).as_posix(), found, named=False, top=top)


def _entries(folder: Path, found: Found) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        found.problems.append(Problem(folder.as_posix(), f"the folder cannot be read: {error.strerror}"))
        return []


def _file(path: Path, inner: str, found: Found, *, named: bool, top: Path | None = None) -> None:
    """Look at one file: read its head, and take it in when it is something to the linter."""
    shown = path.as_posix()
    try:
        state = path.stat()
        if not stat.S_ISREG(state.st_mode) and not named:
            return
        if (state.st_dev, state.st_ino) in found.seen:
            return
        head = b"" if not named and path.suffix == ".py" else _head(path)
    except (OSError, ValueError) as error:
        found.problems.append(Problem(shown, f"the file cannot be read: {getattr(error, 'strerror', None) or error}"))
        return
    place = f"{top.name}/{inner}" if top else "/".join(path.parts[-2:])
    kind = kind_of(place, head, named=named)
    if kind:
        found.seen.add((state.st_dev, state.st_ino))
        found.files.append(File(shown, kind, named))
    elif named:
        found.unread.append(shown)


def _head(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(HEAD)


def _left_out(path: Path, rules: tuple[_Ignores, ...], *, folder: bool) -> bool:
    """Whether the usual patterns or a .gitignore leave a path out; the last pattern that matches decides."""
    usual = last_match(_USUAL, (path.name,), folder=folder)
    if usual and (folder or path.name.startswith(".")):
        return True
    for ignores in reversed(rules):
        parts = (*ignores.inner, *path.parts[ignores.depth :])
        if decides := last_match(ignores.patterns, parts, folder=folder):
            return not decides.negated
    return False


def _own(folder: Path) -> tuple[_Ignores, ...]:
    """The patterns of the .gitignore in a folder."""
    patterns = _patterns(folder)
    return (_Ignores((), len(folder.parts), patterns),) if patterns else ()


def _patterns(folder: Path) -> tuple[Pattern, ...]:
    try:
        with (folder / ".gitignore").open(encoding="utf-8", errors="replace") as stream:
            return parse(stream.read(_IGNORE_FILE_MAX).splitlines())
    except OSError:
        return ()


def _above(folder: Path) -> tuple[_Ignores, ...]:
    """The patterns of the .gitignore files above a folder, up to the top of its repository.

    They are dropped when they leave out the folder itself, since the user named it.
    """
    real = folder.resolve()
    tops = [place for place in (real, *real.parents) if (place / ".git").exists()][:1]
    rules: list[_Ignores] = []
    for base in real.parents if tops and tops[0] != real else ():
        inner = real.parts[len(base.parts) :]
        patterns = _patterns(base)
        for end in range(1, len(inner) + 1):
            decides = last_match(patterns, inner[:end], folder=True)
            if decides and not decides.negated:
                return ()
        rules.insert(0, _Ignores(inner, len(folder.parts), patterns))
        if base == tops[0]:
            break
    return tuple(rules)
