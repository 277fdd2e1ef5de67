"""What shaping costs and what it saves: four selections against other engines, and tokens on real API documents.

Run: `make benchmark-shaping`. The other engines are installed into `.peers/shaping` on the first run; `--no-peer`
leaves them out. The savings need `../shared/data` (or $CONTEXTKIT_DATA). Writes its section of docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.sections import replace_section
from benchmarks.shaping_fuzz import Memory, long_texts, memory, worst
from benchmarks.shaping_peers import PATHS, peers, timed
from contextkit.shape.chain import Shape, apply
from contextkit.shape.declare import paths
from contextkit.shape.load import load_shapes
from contextkit.shape.pause import paused
from contextkit.tokens.estimate import text_tokens

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOT: Final = Path(__file__).resolve().parents[1]
DATA: Final = Path(os.environ.get("CONTEXTKIT_DATA") or ROOT.parent / "shared" / "data")
SIZES: Final = (("100 KB", 134, 200), ("5 MB", 6_620, 7))
CLOCKS: Final = (time.perf_counter, time.process_time)
OURS: Final = "contextkit, one pass"


def orders(count: int) -> dict[str, Any]:
    """A list of orders as a shop's API gives it, about 760 characters each; the same at every run."""
    return {"object": "list", "has_more": False, "data": [_order(number) for number in range(count)]}


def _order(number: int) -> dict[str, Any]:
    lines = [
        {
            "sku": f"sku-{number % 97}-{line}",
            "qty": line + 1,
            "url": f"https://api.example.com/v1/items/{number}/{line}",
            "amount": {"value": 12.5 * (line + 1), "currency": "EUR"},
            "image": "https://img.example.com/x.png",
        }
        for line in range(3)
    ]
    return {
        "id": f"ord_{number:06d}",
        "status": "paid",
        "created": "2026-11-22T10:11:12Z",
        "line_items": lines,
        "customer": {
            "id": f"cus_{number}",
            "email": f"u{number}@example.com",
            "address": {"city": "Ulm", "zip": "89073"},
        },
        "meta": {"channel": "web", "coupon": None, "tags": [1, 2, 3]},
    }


def speed(*, with_peers: bool) -> tuple[list[str], dict[str, dict[str, float | str]]]:
    """The table of engines, and the times by size and engine."""
    times = {size: _times(json.dumps(orders(count)), repeats, with_peers=with_peers) for size, count, repeats in SIZES}
    names = list(times[SIZES[0][0]])
    rows = ["| engine | " + " | ".join(f"{size}, ms" for size, _, _ in SIZES) + " |", "| --- |" + " --- |" * len(SIZES)]
    rows += [f"| {name} | " + " | ".join(_cell(times[size][name]) for size, _, _ in SIZES) + " |" for name in names]
    return rows, times


def _times(text: str, repeats: int, *, with_peers: bool) -> dict[str, float | str]:
    shape = Shape(select=PATHS)
    # From text to text first, while no other copy of the document is in memory.
    beyond = _beyond(text, shape, repeats)
    walk = paths(PATHS, "jsonpath", allow_regex=False)
    document = json.loads(text)
    found: dict[str, float | str] = {OURS: timed(lambda: walk.keep(document), repeats)[0]}
    if with_peers:
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            file.write(text)
            file.flush()
            found |= peers(Path(file.name), repeats)
    return {**found, **beyond}


def _beyond(text: str, shape: Shape, repeats: int) -> dict[str, float | str]:
    """What shaping takes from text to text beyond `json.loads`, least of rounds in turns.

    Shaping pauses garbage collection for a long text, so `json.loads` has it paused here too: with collection it takes
    half as long again, which would make the difference look small.
    """

    def loads() -> object:
        with paused(len(text)):
            return json.loads(text)

    rounds = [
        (timed(work, 1, clock)[0] for work in (loads, lambda: shape.apply(text)) for clock in CLOCKS)
        for _ in range(max(repeats, 9))
    ]
    alone, alone_process, whole, whole_process = (min(column) for column in zip(*rounds, strict=True))
    return {
        "(json.loads alone)": alone,
        "(Shape.apply, text to text, beyond json.loads)": whole - alone,
        "(the same, process time)": whole_process - alone_process,
    }


def _cell(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.2f}" if value < 10 else f"{value:.0f}"


def samples() -> Iterator[tuple[str, str, list[Any]]]:
    """(file of shapes, name of the shape, documents that it is declared for)."""
    fixtures = DATA / "octokit_fixtures"
    for name, file in (("repository", "get-repository"), ("issues", "search-issues"), ("release", "release-assets")):
        yield "github", name, [json.loads((fixtures / f"{file}.json").read_text("utf-8"))[0]["response"]]
    events = [
        json.loads(line) for line in (DATA / "octokit_webhooks" / "payloads.jsonl").read_text("utf-8").splitlines()
    ]
    kinds = {
        "issue_event": ("issues/", "issue_comment/"),
        "pull_request_event": ("pull_request/", "pull_request_review/"),
        "push_event": ("push/",),
    }
    for name, prefixes in kinds.items():
        yield "github", name, [event["payload"] for event in events if event["name"].startswith(prefixes)]
    resources = json.loads((DATA / "stripe_fixtures" / "fixtures3.json").read_text("utf-8"))["resources"]
    for name in load_shapes(ROOT / "examples" / "shapes" / "stripe.json"):
        yield "stripe", name, [resources[name]]
    retail = json.loads((DATA / "tau_bench" / "retail_orders.json").read_text("utf-8")).values()
    yield "orders", "order_status", list(retail)
    users: dict[str, list[Any]] = {}
    for order in retail:
        users.setdefault(order["user_id"], []).append(order)
    yield "orders", "orders_of_a_user", list(users.values())


def savings() -> tuple[list[str], dict[str, float]]:
    """The table of what the declared shapes save, and the share saved by file of shapes."""
    rows = [
        "| shape | documents | tokens before | compact | shaped | saved | saved of compact |",
        "| --- |" + " --- |" * 6,
    ]
    sums: dict[str, list[float]] = {}
    for file, name, documents in samples():
        shape = load_shapes(ROOT / "examples" / "shapes" / f"{file}.json")[name]
        before = compact = after = 0.0
        for document in documents:
            text = json.dumps(document)
            before += text_tokens(text, "2026")
            compact += text_tokens(json.dumps(document, separators=(",", ":"), ensure_ascii=False), "2026")
            after += text_tokens(apply(shape, text).text, "2026")
        total = sums.setdefault(file, [0.0, 0.0, 0.0])
        for at, tokens in enumerate((before, compact, after)):
            total[at] += tokens
        rows.append(_saved(f"{file}: {name}", len(documents), (before, compact, after)))
    rows += [_saved(f"**all of {file}**", None, total) for file, total in sums.items()]
    return rows, {file: 1 - total[2] / total[0] for file, total in sums.items()}


def _saved(name: str, count: int | None, tokens: Sequence[float]) -> str:
    before, compact, after = tokens
    return (
        f"| {name} | {count or ''} | {before:,.0f} | {compact:,.0f} | {after:,.0f} "
        f"| {1 - after / before:.1%} | {1 - after / compact:.1%} |"
    )


def bounds(count: int) -> list[str]:
    """What the fuzz cases cost at worst, and the memory on them and on recorded documents."""
    slowest = worst(count)
    random, large = memory(long_texts(300)), memory(long_texts(40, 200_000, copies=250))
    lines = [
        f"Of {slowest.cases:,} random shapes and outputs, hostile ones among them (`benchmarks/shaping_fuzz.py`), none",
        f"raised and the slowest took {slowest.seconds * 1e3:.0f} ms (seed {slowest.seed}).",
        "",
        "Most memory, in multiples of the characters of the text (`tracemalloc`):",
        "",
        "| JSON | json.loads alone | shaping with it | beyond ten times the text |",
        "| --- | --- | --- | --- |",
        _memory("dense random, 10 to 200 KB", random),
        _memory("dense random, over 200 KB", large),
    ]
    if DATA.exists():
        real = [
            (load_shapes(ROOT / "examples" / "shapes" / f"{file}.json")[name], json.dumps(document))
            for file, name, documents in samples()
            if file != "orders"
            for document in documents
        ]
        lines.append(_memory("recorded", memory((shape, text) for shape, text in real if isinstance(shape, Shape))))
    return lines


def _memory(name: str, found: Memory) -> str:
    over = f"{found.over / 1e3:,.0f} KB" if found.over > 0 else "never"
    return f"| {name} | {found.loads:.1f} | {found.shaping:.1f} | {over} |"


def main() -> int:
    """Measure, print, and write the section."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--no-peer", action="store_true", help="leave the other engines out")
    parser.add_argument("--print", action="store_true", help="only print; leave docs/benchmarks.md as it is")
    parser.add_argument("--cases", type=int, default=20_000, help="random shapes and outputs for the bounds")
    chosen = parser.parse_args()
    table, times = speed(with_peers=not chosen.no_peer)
    lines = [
        "Four selections ("
        + ", ".join(f"`{path}`" for path in PATHS)
        + ") on a list of orders, parsed document to pruned",
        "document; every engine must give the same one. Least of many runs; the paths are compiled before.",
        "",
        *table,
        "",
    ]
    ours, theirs = times["100 KB"][OURS], times["100 KB"].get("jsonpath-ng find + prune")
    if isinstance(ours, float) and isinstance(theirs, float):
        lines += [f"On 100 KB the one pass is {theirs / ours:.1f} times as fast as jsonpath-ng find + prune.", ""]
    if DATA.exists():
        saved, shares = savings()
        lines += [
            "Tokens (estimated, tokenizer of 2026) of real API documents from `../shared/data`, with the shapes of",
            "`examples/shapes/`; *before* is the JSON as Python writes it, *compact* without its blanks.",
            "",
            *saved,
            "",
            "Saved in all: " + ", ".join(f"{file} {share:.1%}" for file, share in shares.items()) + ".",
        ]
    else:
        print("no ../shared/data: the savings are left out", file=sys.stderr)
    lines += ["", *bounds(chosen.cases)]
    print("\n".join(lines))
    if not chosen.print:
        replace_section("shaping", "Shaping: speed and savings", "make benchmark-shaping", lines)
    return 0


if __name__ == "__main__":
    sys.exit(main())
