"""`contextkit shape`: try a shape on samples, or ask the samples what could be dropped."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from contextkit.errors import FormatError, ShapeError
from contextkit.shape.chain import Shape, apply
from contextkit.shape.load import Declared, load_shapes
from contextkit.shape.suggest import suggest
from contextkit.shape.text import cut
from contextkit.tokens.estimate import text_tokens

if TYPE_CHECKING:
    import argparse

    from contextkit.api.facts import Family

__all__ = ["arguments", "run"]

_SHOWN: Final = 1_200
_LISTS: Final = ("select", "drop", "keep_lines", "columns")
_NUMBERS: Final = ("max_chars", "max_tokens", "max_items", "max_lines", "max_string", "round_to", "context_lines")
_FLAGS: Final = ("as_table", "drop_null", "drop_empty", "elide_binary", "dedupe", "diff", "allow_regex")
_CHOICES: Final = {
    "dates": ("day", "minute", "second"),
    "html": ("text", "markdown"),
    "dialect": ("jsonpath", "rfc9535"),
}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options; each has the name of the option of `Shape` that it sets."""
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="samples: JSON, JSON lines (.jsonl) or text; - is stdin"
    )
    parser.add_argument("--suggest", action="store_true", help="propose what to drop, and say what each saves")
    parser.add_argument("--shapes", metavar="FILE", help="a pyproject.toml or JSON file with declared shapes")
    parser.add_argument("--shape", metavar="NAME", help="the declared shape to try")
    parser.add_argument("--fields", metavar="NAME=PATH", action="append", default=[], help="flatten and rename")
    for name in _LISTS:
        parser.add_argument(_option(name), metavar="PATH" if name in ("select", "drop") else "TEXT", action="append")
    for name in _NUMBERS:
        parser.add_argument(_option(name), metavar="N", type=int)
    for name in _FLAGS:
        parser.add_argument(_option(name), action="store_true", default=None)
    for name, choices in _CHOICES.items():
        parser.add_argument(_option(name), choices=choices)
    parser.add_argument("--family", choices=("classic", "2026"), default="2026", help="whose tokens are estimated")
    parser.add_argument("--full", action="store_true", help="print outputs in full")
    parser.add_argument("--json", action="store_true", help="print the figures as one JSON object a sample")


def run(args: argparse.Namespace) -> int:
    """Try the shape on each sample, or propose; 0 when done, 1 when a sample drifted from nothing matched."""
    samples = [pair for name in args.files for pair in _samples(name)]
    if args.suggest:
        return _suggest(samples, args)
    shape = _declared(args)
    status = 0
    for name, text in samples:
        status = max(status, _try(name, text, shape, args))
    return status


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")


def _samples(name: str) -> list[tuple[str, str]]:
    """The samples of a file with their names: the lines of a .jsonl, else the whole."""
    try:
        text = sys.stdin.read() if name == "-" else Path(name).read_text("utf-8", errors="replace")
    except OSError as error:
        raise FormatError(f"The sample cannot be read: {error.strerror}", where=name) from None
    if not name.endswith(".jsonl"):
        return [(name, text)]
    return [(f"{name}:{number}", line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]


def _declared(args: argparse.Namespace) -> Declared:
    if args.shape or args.shapes:
        shapes = load_shapes(args.shapes or "pyproject.toml")
        if args.shape not in shapes:
            known = ", ".join(sorted(shapes)) or "none"
            raise ShapeError(
                f"No shape is called {args.shape!r}",
                where=args.shapes or "pyproject.toml",
                fix=f"Declared are: {known}. Name one with --shape.",
            )
        return shapes[args.shape]
    names = (*_LISTS, *_NUMBERS, *_FLAGS, *_CHOICES)
    options = {name: value for name in names if (value := getattr(args, name)) is not None}
    pairs = [pair.partition("=") for pair in args.fields]
    if not all(separator and key for key, separator, _ in pairs):
        raise ShapeError("--fields takes NAME=PATH", where=" ".join(args.fields))
    return Shape(**options, fields={key: path for key, _, path in pairs})


def _try(name: str, text: str, shape: Declared, args: argparse.Namespace) -> int:
    family: Family = args.family
    shaped = apply(shape, text, family=family)
    before, after = text_tokens(text, family), text_tokens(shaped.text, family)
    saved = 1 - after / before if before else 0.0
    if args.json:
        row = {
            "sample": name,
            "chars_before": len(text),
            "chars_after": len(shaped.text),
            "tokens_before": round(before),
            "tokens_after": round(after),
            "saved": round(saved, 4),
            "note": shaped.note,
        }
        _say(json.dumps(row, ensure_ascii=False))
    else:
        _say(f"== {name}\n-- before\n{_shown(text, args)}\n-- after\n{_shown(shaped.text, args)}")
        _say(
            f"-- {len(text):,} -> {len(shaped.text):,} characters, about {before:,.0f} -> {after:,.0f} tokens "
            f"({family}, estimated): {saved:.1%} saved\n"
        )
    return int("no selection matched" in shaped.note)


def _shown(text: str, args: argparse.Namespace) -> str:
    return text if args.full else cut(text, _SHOWN)[0]


def _suggest(samples: list[tuple[str, str]], args: argparse.Namespace) -> int:
    documents = [_read(name, text) for name, text in samples]
    found = suggest(documents)
    if args.json:
        for one in found:
            _say(
                json.dumps(
                    {
                        "path": one.path,
                        "reason": one.reason,
                        "detail": one.detail,
                        "chars": one.chars,
                        "share": round(one.share, 4),
                    },
                    ensure_ascii=False,
                )
            )
        return 0
    if not found:
        _say("Nothing to propose: no field is empty, constant, a duplicate, an address or encoded data.")
        return 0
    width = max(len(one.path) for one in found)
    for one in found:
        _say(f"{one.reason:<10} {one.path:<{width}} {one.chars:>8,} characters {one.share:>6.1%}  {one.detail}")
    shape = Shape(drop=[one.path for one in found[:200]])
    before = sum(text_tokens(text, args.family) for _, text in samples)
    after = sum(text_tokens(shape.apply(text).text, args.family) for _, text in samples)
    _say(
        f"\nAll of them: about {before:,.0f} -> {after:,.0f} tokens ({1 - after / max(before, 1):.1%} saved). "
        "Look at each: a field that never changed in the samples may change tomorrow."
    )
    return 0


def _read(name: str, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"The sample is not JSON: {error}", where=name, fix="--suggest reads JSON only.") from None


def _say(text: str) -> None:
    sys.stdout.write(text.encode("utf-8", "replace").decode("utf-8") + "\n")
