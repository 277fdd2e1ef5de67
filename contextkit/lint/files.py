"""Which files are looked at.

Law: a path that the user names is looked at whatever the patterns say; below a folder, .gitignore files (also those
above it), the usual folders of tools, and `exclude` are left out. A link to a folder is not followed, so that no loop
can be walked; each is counted. What cannot be read is a problem, not a gap.
"""

from __future__ import annotations

import io
import os
import stat
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from contextkit.errors import ContextKitError
from contextkit.lint.given import STDIN, handed_over, irregular, read_limited, standard_input
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
_OTHER: Final = frozenset({".ipynb", ".pyi"})
"""Files that hold Python and are not read; a folder of them shall not look as if it had been."""


@dataclass(frozen=True, slots=True)
class File:
    """One file to analyse.

    Attributes:
        path: as it is shown.
        kind: what it is.
        named: the user named it.
        raw: its content, where it cannot be read from the path: standard input.
    """

    path: str
    kind: Kind
    named: bool
    raw: bytes | None = None

    def read(self) -> bytes:
        """All of it."""
        return Path(self.path).read_bytes() if self.raw is None else self.raw

    def open(self) -> BinaryIO:
        """It as a stream."""
        return Path(self.path).open("rb") if self.raw is None else io.BytesIO(self.raw)


@dataclass(slots=True)
class Found:
    """What lies under the paths.

    Attributes:
        files: to analyse.
        problems: what could not be looked at.
        unread: files given by name that no rule reads.
        links: to folders, not followed.
        other: notebooks and stubs that were met in a folder, by their ending: no rule reads them.
        odd: pipes, sockets and devices with the name of a file, not opened.
        seen: device and inode of each file.
    """

    files: list[File] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    links: int = 0
    other: Counter[str] = field(default_factory=Counter)
    odd: int = 0
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


def collect(paths: Sequence[str], config: Config, *, stdin_name: str = "") -> Found:
    """The files under the paths, each once, in the order of their names.

    Args:
        paths: files, folders, and `-` for standard input.
        config: what is excluded.
        stdin_name: the name that standard input goes by; its suffix says what it is.
    """
    found = Found()
    for given in dict.fromkeys(os.path.normpath(path) for path in paths):
        path = Path(given)
        try:
            if given == STDIN:
                _stream(standard_input(), stdin_name or STDIN, found)
                continue
            what = irregular(path)
            if what:
                found.problems.append(Problem(path.as_posix(), f"the path is {what}, no file", help="Give a file."))
            elif handed_over(path):
                with path.open("rb") as stream:
                    _stream(stream, path.as_posix(), found)
            elif path.is_dir():
                _walk(path, path, _above(path), config, found)
            else:
                _file(path, path.as_posix(), found, named=True)
        except ContextKitError as error:
            found.problems.append(Problem.of(path.as_posix(), error))
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or error
            found.problems.append(Problem(path.as_posix(), f"the path cannot be read: {why}"))
    found.files.sort(key=lambda file: file.path)
    return found


def _stream(stream: BinaryIO, name: str, found: Found) -> None:
    """Take in standard input: what its name says it is, else JSON where it begins so, else Python source."""
    raw = read_limited(stream, name)
    kind = kind_of(name, raw[:HEAD], named=True)
    if kind is None and not Path(name).suffix:
        kind = "source"
    if kind is None:
        found.unread.append(name)
    else:
        found.files.append(File(name, kind, named=True, raw=raw))


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
            other = path.suffix in _OTHER and not is_folder
            if not is_folder and not known(entry.name) and not entry.is_symlink() and not other:
                continue
            if _left_out(path, rules, folder=is_folder):
                continue
            if excluded and matches(excluded, relative(str(path), config.root) + "/" * is_folder):
                continue
            if is_folder:
                waiting.append((path, rules))
            elif entry.is_symlink() and path.is_dir():
                found.links += 1
            elif other:
                found.other[path.suffix] += 1
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
        if not stat.S_ISREG(state.st_mode):
            found.odd += 1
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
