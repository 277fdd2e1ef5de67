"""Which identifiers a text names: paths, URLs, ids, hashes, numbers, error codes, names of code; and how to write many.

Law: one pass, linear on any text, and every name stands verbatim in it. A written list gives every name back whole:
directories stand once, `src/{app.py,views/{list.py,edit.py}}`, and what is read off is exactly what was put in.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, Literal

from contextkit.compact.summary import result_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["Kind", "found", "said", "spelled", "written"]

Kind = Literal["path", "pair", "url", "file", "hash", "number", "code", "snake", "camel", "kebab", "mixed"]
"""What a name is. pair: two words with a slash between, a path or not; mixed: letters and digits with no joint."""

_SCAN: Final = 200_000
"""Characters of one block that are searched."""

_LONGEST: Final = 300
"""A word beyond this is data (base64, minified code), not a name."""

_SHORTEST: Final = 4
"""What is shorter is too common to be found again, and quickly written anew."""

# Numbers as people write them, or one character class, taken whole: nothing to backtrack into.
_WORD: Final = re.compile(r"(?<![\w.,\[])\d{1,3}(?:,\d{3}){1,5}(?:\.\d{1,9})?(?![\w,])|[\w./@+~:%#?=&-]{4,}+")
_URL: Final = re.compile(r"[a-z][a-z0-9+.-]{1,12}://[\w.-].*", re.DOTALL)
_CUT: Final = re.compile(r"[:=#?&%]+")
_LIMBS: Final = re.compile(r"[^\w.@-]+")
_VERSION: Final = re.compile(r"v?\d{1,6}(?:\.\d{1,6}){1,4}(?:-[\w.]{1,20})?")
_CODE: Final = re.compile(r"[A-Z]{1,10}[-_]?\d{2,10}|E[A-Z]{4,15}")
_HEX: Final = re.compile(r"[0-9a-f]{7,64}|[0-9A-F]{7,64}|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_HUMP: Final = re.compile(r"[a-z0-9][A-Z]|[A-Z]{2}[a-z]")
_DIGIT: Final = re.compile(r"\d")
_LETTER: Final = re.compile(r"[^\W\d_]")
_FIELD: Final = re.compile(r"[A-Za-z_]\w*")

_FILE: Final = re.compile(
    r"[^\W\d_].*\.(?:bat|bin|c|cc|cfg|conf|cpp|cs|css|csv|db|env|exs?|go|gradle|h|hpp|html?|ini|ipynb|java|jpg|jsx?"
    r"|json|jsonl|kt|lock|log|lua|md|mdx|mjs|mod|patch|pdf|php|png|proto|ps1|pyi?|rb|rs|rst|scala|scss|sh|sqlite|sql"
    r"|sum|svelte|svg|swift|tf|toml|tsx?|tsv|txt|vue|xml|ya?ml|zip)",
    re.IGNORECASE,
)
"""What makes `name.ending` a file and not a method of an object."""


def said(block: Mapping[str, Any]) -> str:
    """The text of a block that can name things; a call's input without the names of its parameters."""
    kind = block["type"]
    if kind == "text":
        return str(block["text"])
    if kind == "tool_use":
        return "\n".join(_strings(block.get("input")))
    return result_text(block.get("content")) if kind == "tool_result" else ""


def _strings(value: object) -> Iterator[str]:
    """The texts and numbers of a call's input as they are: in its JSON, an escape would run into the next word.

    Keys that look like parameters are left out: the tool's definition names them.
    """
    if isinstance(value, dict):
        for key, item in value.items():
            if not _FIELD.fullmatch(str(key)):
                yield str(key)
            yield from _strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)
    elif value is not None:
        yield str(value)


def found(text: str) -> dict[str, Kind]:
    """The identifiers in a text, each once, in the order of their first mention."""
    names: dict[str, Kind] = {}
    for word in dict.fromkeys(_WORD.findall(text, 0, _SCAN)):
        if len(word) > _LONGEST or (word.isalpha() and word[1:].islower()):  # data, or a plain word
            continue
        for name, kind in _parts(word):
            names.setdefault(name, kind)
    return names


def _parts(word: str) -> Iterator[tuple[str, Kind]]:
    if "," in word:
        yield word, "number"
        return
    if "/" not in word:
        yield from _names(word)
        return
    url = _URL.search(word) if "://" in word else None
    if url:
        yield url.group().rstrip("./:?#&=-~+@%"), "url"
        return
    for part in _CUT.split(word):
        if "/" in part:
            yield from _path(part)
        else:
            yield from _names(part)


def _path(part: str) -> Iterator[tuple[str, Kind]]:
    path = part.rstrip("./-@+~").lstrip("-+@")
    if path[:2] in {"a/", "b/"} and path.count("/") > 1:  # the sides of a diff
        path = path[2:]
    segments = path.split("/")
    if len(segments) < 2 or not _LETTER.search(path):  # noqa: PLR2004  (no slash is left)
        yield from _names(path)
        return
    if segments[0] in {"", "~", ".", ".."} or len(segments) > 2 or "." in segments[-1]:  # noqa: PLR2004
        yield path, "path"
    else:
        yield path, "pair"


def _names(part: str) -> Iterator[tuple[str, Kind]]:
    for limb in _LIMBS.split(part):
        name = limb.strip(".-@")
        if len(name) < _SHORTEST:
            continue
        if "." not in name:
            pieces: Iterable[str] = (name,)
        elif _FILE.fullmatch(name):
            yield name, "file"
            continue
        elif _VERSION.fullmatch(name):
            yield name, "number"
            continue
        else:
            pieces = (piece.strip("-@") for piece in name.split("."))
        for piece in pieces:
            kind = _kind(piece)
            if kind:
                yield piece, kind


def _kind(name: str) -> Kind | None:
    """What a single word is; None for a plain one."""
    digit = _DIGIT.search(name)
    if len(name) < _SHORTEST or not (digit or _LETTER.search(name)):
        return None
    if digit and (name.isdigit() or _HEX.fullmatch(name)):
        return "number" if name.isdigit() else "hash"
    if not _LETTER.search(name):
        return None
    return "code" if _CODE.fullmatch(name) else _joined(name) or ("mixed" if digit else None)


def _joined(name: str) -> Kind | None:
    if "_" in name.strip("_"):
        return "snake"
    if "-" in name:
        return "kebab"
    return "camel" if _HUMP.search(name) else None


_Tree = dict[str, "_Tree"]
_HERE: Final = "\0"  # a leaf: the path ends here; no path holds it


def written(names: Iterable[str]) -> str:
    """The names as one text: paths first, as trees with braces, each directory once; then the rest, by spaces.

    Read it as a shell reads braces: `a/{b,c/d}` is `a/b` and `a/c/d`. `spelled` is its inverse.
    """
    tree: _Tree = {}
    rest: list[str] = []
    for name in names:
        if "/" not in name or "://" in name:
            rest.append(name)
            continue
        node = tree
        for segment in name.split("/"):
            node = node.setdefault(segment, {})
        node[_HERE] = {}
    return " ".join([*(text for segment, node in tree.items() for text in _branches(segment, node)), *rest])


def _branches(segment: str, node: _Tree) -> list[str]:
    """A directory as one text, or two where it is named itself as well."""
    below = [text for name, child in node.items() if name != _HERE for text in _branches(name, child)]
    own = [segment] if _HERE in node else []
    if not below:
        return own
    return [*own, f"{segment}/{below[0]}" if len(below) == 1 else f"{segment}/{{{','.join(below)}}}"]


def spelled(text: str) -> list[str]:
    """Every name of a `written` list, whole."""
    names: list[str] = []
    for word in text.split(" "):
        names += _expanded(word) if "{" in word else [word] if word else []
    return names


def _expanded(word: str) -> list[str]:
    names: list[str] = []
    heads = [""]  # what stands before the current brace, and before those around it
    start = 0
    for match in re.finditer(r"[{},]", word):
        piece, sign = word[start : match.start()], match.group()
        start = match.end()
        if sign == "{":
            heads.append(heads[-1] + piece)
            continue
        if piece:
            names.append(heads[-1] + piece)
        if sign == "}" and len(heads) > 1:
            heads.pop()
    return [*names, heads[-1] + word[start:]] if word[start:] else names
