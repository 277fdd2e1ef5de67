"""`contextkit count FILE --model M`: how many tokens a text or a request body is, without the network."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from contextkit.errors import FormatError
from contextkit.tokens import count
from contextkit.tokens.counters import ApiCounter, TokenCounter, named
from contextkit.tokens.estimate import banded, text_tokens
from contextkit.tokens.rates import family_of

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from contextkit.tokens import Estimate

__all__ = ["arguments", "run"]


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("file", metavar="FILE", help="a text, or a request body as JSON; - reads standard input")
    parser.add_argument(
        "--model", metavar="M", help="decides the tokenizer; default: the body's model, else the newest"
    )
    parser.add_argument(
        "--counter",
        choices=("estimate", "tiktoken", "ctok", "api"),
        default="estimate",
        help="who counts; api asks Anthropic (network, ANTHROPIC_API_KEY), the others do not leave this machine",
    )
    parser.add_argument("--json", action="store_true", help='print {"model", "counter", "tokens", "low", "high"}')


def run(args: argparse.Namespace) -> int:
    """Count and print; 0."""
    text = _read(args.file)
    body = _body(text)
    model = args.model or (body.get("model") if body else None)
    found = _count(text, body, model, args.counter)
    if args.json:
        shown = {"model": model, "counter": found.counter, "tokens": found.tokens, "low": found.low, "high": found.high}
        print(json.dumps(shown))  # noqa: T201  (the terminal is the output)
    else:
        span = "" if found.low == found.high else f" ({found.low:,} to {found.high:,})"
        print(f"{found.tokens:,} tokens{span}, {found.counter}, {model or 'newest models'}")  # noqa: T201  (as above)
    return 0


def _read(name: str) -> str:
    try:
        raw = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise FormatError("the file cannot be read", where=f"{name}: {error.strerror}", fix="Check the path.") from None
    return raw.decode("utf-8", "replace")


def _body(text: str) -> Mapping[str, Any] | None:
    """The text as a request body: a JSON object with a list of messages; None for any other text."""
    if not text.lstrip().startswith("{"):
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) and isinstance(value.get("messages"), list) else None


def _count(text: str, body: Mapping[str, Any] | None, model: str | None, counter: str) -> Estimate:
    if counter == "estimate":
        # A bare text is counted as it is, without the frame of a message around it.
        family = family_of(model)
        return count(body, model) if body else banded(text_tokens(text, family), family)
    request = body or {"messages": [{"role": "user", "content": text}]}
    return count(request, model, _api() if counter == "api" else named(counter))


def _api() -> TokenCounter:
    from anthropic import Anthropic  # noqa: PLC0415  (the SDK takes a second to import)

    return ApiCounter(Anthropic())
