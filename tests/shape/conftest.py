"""Builders of this room's tests: random documents and paths, and where the recorded API documents are."""

from __future__ import annotations

import json
import os
import warnings
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume
from hypothesis import strategies as st

NAMES = ("id", "sku", "items", "a-b", "名前", "*", "it's", "0", "where", "$ref", "@type", "len")


def api_files() -> list[Path]:
    """Every JSON file of the recorded API samples; empty where the data is absent."""
    root = Path(os.environ.get("CONTEXTKIT_DATA") or Path(__file__).parents[2].parent / "shared" / "data")
    folders = ("octokit_fixtures", "octokit_webhooks", "stripe_fixtures", "slack_samples")
    return sorted(path for folder in folders for path in (root / folder).glob("*.json*"))


def api_texts(limit: int = 400) -> list[str]:
    """The recorded API documents as texts: a file, or a line of a JSONL file."""
    texts: list[str] = []
    for path in api_files():
        content = path.read_text("utf-8")
        found = content.splitlines() if path.suffix == ".jsonl" else [content]
        step = max(1, len(found) // limit)
        texts.extend(found[::step])
    return texts


@pytest.fixture(scope="session")
def recorded() -> list[str]:
    """The recorded API documents, or a skip that says what is missing."""
    texts = api_texts()
    if not texts:
        pytest.skip("recorded API samples are absent (../shared/data or $CONTEXTKIT_DATA)")
    return texts


scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**60), 2**60),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=12),
    st.sampled_from(["2026-11-22T10:11:12.123Z", "x" * 300, "data:image/png;base64," + "Ab1/" * 40]),
)


def documents(leaves: int = 25) -> st.SearchStrategy[Any]:
    """Random JSON documents with names that meet the random paths."""
    names = st.one_of(st.sampled_from(NAMES), st.text(max_size=4))
    return st.recursive(
        scalars,
        lambda inner: st.one_of(st.lists(inner, max_size=5), st.dictionaries(names, inner, max_size=5)),
        max_leaves=leaves,
    )


containers = documents().filter(lambda value: isinstance(value, (dict, list)))


def engine_places(path: str, document: Any) -> list[tuple[str | int, ...]]:
    """Where jsonpath-ng alone finds a path, with no part of this room between: what its answers are checked against."""
    from jsonpath_ng.ext.parser import parse  # noqa: PLC0415  (heavy)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return [_place(match) for match in parse(path).find(document)]


def _place(match: Any) -> tuple[str | int, ...]:
    steps: list[str | int] = []
    while match.context is not None:
        fields = getattr(match.path, "fields", None)
        index = match.path.indices[0] if fields is None else 0
        steps.append(fields[0] if fields is not None else index + len(match.context.value) if index < 0 else index)
        match = match.context
    return tuple(reversed(steps))


def step(name: str) -> str:
    """One quoted step of a path, in a form that every engine reads."""
    return f"[{json.dumps(name, ensure_ascii=False)}]" if "'" in name else f"['{name}']"


FILTERS = (
    "[?@.id]",
    "[?!@.sku]",
    "[?@ == 1]",
    "[?@['id'] != null && @.items]",
    "[?@.id || @.sku > 'a']",
    "[?@.*]",
    "[?@ == $[0]]",
    "[?@[0] == $.id]",
    "[?@.items[?@.id]]",
)
SLICES = ("[:]", "[1:]", "[:-1]", "[::2]", "[-2:]", "[3:0:-1]", "[1:9:3]")


@st.composite
def simple_paths(draw: st.DrawFn, *, deep: bool = True, tested: bool = False) -> str:
    """Paths for the walk: names, indices, unions of them, wildcards, at most one `..`; `tested`: filters, slices."""
    one = st.one_of(
        st.sampled_from(NAMES).map(step),
        st.integers(-3, 3).map(lambda index: f"[{index}]"),
        st.sampled_from(["[*]", ".*", "['id','sku']", "[0,-1]", "[1,0]"]),
        *([st.sampled_from(FILTERS), st.sampled_from(SLICES)] if tested else []),
    )
    parts = draw(st.lists(one, min_size=1, max_size=4))
    unions = [at for at, part in enumerate(parts) if "," in part]
    for at in unions[1:]:
        parts[at] = "[*]"  # several unions in one path are for the walk alone
    if deep and draw(st.booleans()):
        at = draw(st.integers(0, len(parts) - 1))
        parts[at] = f"..{parts[at].lstrip('.')}"
    path = "$" + "".join(parts)
    assume(path.count("?") <= 3)  # more filters in a path are refused
    return path
