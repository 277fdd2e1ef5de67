"""Random documents, paths and shapes, hostile ones among them, from a seed. The law: the same seed, the same cases.

Used by the long test of the shape room, and by `benchmarks/shaping.py`, which reports the slowest case and the memory.
"""

from __future__ import annotations

import json
import time
import tracemalloc
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any

from contextkit.errors import ShapeError
from contextkit.shape.chain import Shape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["Case", "Memory", "Worst", "cases", "long_texts", "memory", "peak", "worst"]

NAMES = ("id", "sku", "items", "a-b", "名前", "*", "it's", "url", "data", "x")
WORDS = ("", "a", "2026-11-22T10:11:12Z", "https://example.com/a/b", "é" * 40, "x" * 900, "aA1/" * 80, "\n", '"\\"')


@dataclass(frozen=True, slots=True)
class Case:
    """One shape and one output, with the seed that makes it again."""

    seed: int
    shape: Shape
    output: Any


def cases(count: int, first: int = 0) -> Iterator[Case]:
    """As many cases as wanted; seeds whose shape is refused are left out, as construction leaves them out."""
    seed = first
    made = 0
    while made < count:
        random = Random(seed)
        try:
            shape = Shape(**_options(random))
        except ShapeError:
            seed += 1
            continue
        yield Case(seed, shape, _output(random))
        made += 1
        seed += 1


def _options(random: Random) -> dict[str, Any]:
    options: dict[str, Any] = {
        "select": [_path(random) for _ in range(random.choice((0, 1, 1, 3)))],
        "drop": [_path(random) for _ in range(random.choice((0, 0, 1, 2)))],
        "as_table": random.random() < 0.3,
        "max_chars": random.choice((None, None, 2, 60, 300, 4_000)),
        "max_items": random.choice((None, None, 0, 3)),
        "max_string": random.choice((None, None, 1, 80)),
        "round_to": random.choice((None, 2)),
        "dates": random.choice((None, "day")),
        "drop_empty": random.random() < 0.3,
        "elide_binary": random.random() < 0.3,
        "keep_lines": random.choice(((), ("error",))),
        "dedupe": random.random() < 0.3,
        "max_lines": random.choice((None, 5)),
    }
    return options


def _path(random: Random) -> str:
    """A path of any kind, also of kinds that are refused."""
    if random.random() < 0.05:
        return "".join(random.choice("$.[]*'\"?@=<>!&|()0123456789abc,:~+-/`\\ ") for _ in range(random.randint(1, 30)))
    steps = [_step(random) for _ in range(random.randint(1, 6))]
    if random.random() < 0.4:
        at = random.randrange(len(steps))
        steps[at] = ".." + steps[at].removeprefix(".")
    return "$" + "".join(steps)


def _step(random: Random) -> str:
    name = json.dumps(random.choice(NAMES), ensure_ascii=False)
    return random.choice(
        (
            f"[{name}]",
            f"[{name}]",
            "[*]",
            ".*",
            f"[{random.randint(-3, 3)}]",
            f"[{random.randint(-3, 3)}:]",
            "[::2]",
            f"[{name},'id']",
            "[?@.id]",
            "[?@.id > 1]",
            f"[?@[{name}] == 'a']",
            "[?@.id && @.sku]",
            "[?!@.x]",
            ".id",
            ".items",
        )
    )


def _output(random: Random) -> Any:
    kind = random.random()
    if kind < 0.75:
        document = _document(random, random.choice((3, 20, 200)))
        return json.dumps(document, ensure_ascii=random.random() < 0.5) if random.random() < 0.6 else document
    if kind < 0.85:
        return "\n".join(
            random.choice(("error: no", "ok", "x" * 200, "@@ -1 +1 @@", "+a", "a;b;c")) for _ in range(200)
        )
    depth = random.choice((50, 250, 1_200, 20_000))
    opening, closing = random.choice((("[", "]"), ('{"id":', "}")))
    text = opening * depth + "1" + closing * depth
    return text if kind < 0.95 else text[: len(text) // 2]


def _document(random: Random, leaves: int) -> Any:
    if leaves <= 1:
        return random.choice((None, True, False, 0, 1, -1, 2.5, 1e300, 5e-05, 2**70, random.choice(WORDS), [], {}))
    parts = random.randint(1, min(leaves, 12))
    below = [_document(random, random.randint(0, max(1, 2 * leaves // parts - 1))) for _ in range(parts)]
    if random.random() < 0.5:
        return below
    return {random.choice(NAMES) if random.random() < 0.8 else f"n{at}": one for at, one in enumerate(below)}


@dataclass(frozen=True, slots=True)
class Worst:
    """The slowest of some cases."""

    cases: int
    seconds: float
    seed: int


def worst(count: int) -> Worst:
    """Shape every case once; the slowest of them."""
    slowest = Worst(count, 0.0, -1)
    for case in cases(count):
        start = time.perf_counter()
        case.shape.apply(case.output)
        took = time.perf_counter() - start
        if took > slowest.seconds:
            slowest = Worst(count, took, case.seed)
    return slowest


@dataclass(frozen=True, slots=True)
class Memory:
    """The most memory of shaping some JSON texts.

    Attributes:
        loads: of `json.loads` alone, as a multiple of the text.
        shaping: of shaping with it, as a multiple of the text.
        over: bytes of shaping beyond ten times its text; negative when it never was.
    """

    loads: float
    shaping: float
    over: int


def memory(given: Iterable[tuple[Shape, str]]) -> Memory:
    """Measure every text once with `json.loads` and once with its shape."""
    loads = shaping = 0.0
    over = -(10**12)
    for shape, text in given:
        shape.apply(text[:100])  # what is compiled or imported at the first use is no memory of a document
        took = peak(partial(shape.apply, text))
        loads = max(loads, peak(partial(json.loads, text)) / len(text))
        shaping = max(shaping, took / len(text))
        over = max(over, took - 10 * len(text))
    return Memory(loads, shaping, over)


def long_texts(count: int, least: int = 10_000, copies: int = 40) -> Iterator[tuple[Shape, str]]:
    """Shapes and JSON texts of at least so many characters, dense ones: mostly brackets and short values.

    Args:
        count: random cases to choose from.
        least: characters.
        copies: how often a random document stands in its text.
    """
    for case in cases(count, first=1_000_000):
        many = not isinstance(case.output, str)
        text = json.dumps([case.output] * copies) if many else case.output
        if len(text) >= least:
            yield case.shape, text


def peak(work: Callable[[], Any]) -> int:
    """The most bytes that Python held while it worked."""
    tracemalloc.start()
    with suppress(ValueError, RecursionError):
        work()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak
