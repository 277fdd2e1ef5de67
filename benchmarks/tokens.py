"""How far the token estimates are from what was billed, on files that were not fitted on, and how fast they are.

    python benchmarks/tokens.py            print the table
    python benchmarks/tokens.py --write    and put it into docs/benchmarks.md

Billed data is read from `../shared/data` (or `$CONTEXTKIT_DATA`); without it only the speeds are measured.
"""

from __future__ import annotations

import argparse
import base64
import os
import platform
import random
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final

ROOT: Final = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks import token_kinds  # noqa: E402  (a script finds its package)
from benchmarks.billed import Counted, counted, data, growths, held_out, sessions  # noqa: E402  (a script finds its package)
from contextkit.tokens import coefficients  # noqa: E402
from contextkit.tokens.calibrate import Calibration  # noqa: E402
from contextkit.tokens.counters import vocabulary  # noqa: E402
from contextkit.tokens.estimate import banded, message_tokens, prompt_tokens, text_tokens  # noqa: E402
from contextkit.tokens.rates import family_of  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from contextkit.api.facts import Family

START_MARK: Final = "<!-- tokens:start -->"
END_MARK: Final = "<!-- tokens:end -->"

HIDDEN: Final = frozenset({
    "server_or_builtin_tool", "server_tool_block", "context_management", "mcp", "compaction",
})  # fmt: skip
"""Flags of bodies with something in the prompt that the body does not show (tools that Anthropic runs)."""


ERRORS: Final = """\
Errors against billed input tokens on files that were not fitted on (`benchmarks/billed.py` names them). Set aside:
bodies whose prompt holds what the request does not show (tools that Anthropic runs, images by URL), calls after a
declared compaction, and prompts that shrank. The data holds two different PDFs, and no body of the newer tokenizer
was fitted on. Most growth of Claude Code sessions that misses badly holds reminders that the file does not show."""


SCALES: Final = """\
Growth from call to call with a running scale, learned from the bills before it: sum of errors over sum of bills. A
scale a kind of block is no better than none at all, and neither is one a conversation, where the coefficients fit;
the one is kept because it takes 20 % off or on within a few calls where they do not (another tokenizer, another
script). So there is no scale a kind."""

UNBILLED: Final = """\
No recording bills CJK text or base64 in quantity (logs: the table of growths above). Beside counts that were never
fitted to, with what the estimate is off by: ctok, a third party's reconstruction of these tokenizers, and OpenAI's
published vocabularies, which bound a prior and are not Claude's. On billed code and shell output Claude's older
tokenizer takes about 1.15 times cl100k's tokens."""


@dataclass(frozen=True, slots=True)
class Errors:
    """Estimates against bills; errors relative to the bill."""

    pairs: tuple[tuple[float, int], ...]

    def at(self, share: float) -> float:
        """The error that `share` of the cases stay below, in percent."""
        errors = sorted(abs(guess / billed - 1) for guess, billed in self.pairs)
        return 100 * errors[min(len(errors) - 1, int(len(errors) * share))]

    @property
    def mean(self) -> float:
        """Mean error in percent."""
        return 100 * sum(abs(guess / billed - 1) for guess, billed in self.pairs) / len(self.pairs)

    @property
    def bias(self) -> float:
        """Sum of estimates over sum of bills, minus one, in percent."""
        return 100 * (sum(guess for guess, _ in self.pairs) / sum(billed for _, billed in self.pairs) - 1)


def _remote(body: Counted) -> bool:
    """An image or document that the request only points at: its size is not in the request."""
    text = str(body.body.get("messages"))
    return any(f"'type': '{kind}'" in text for kind in ("url", "file")) and bool(body.flags & {"image", "document"})


def _visible(root: Path) -> Iterator[Counted]:
    """Every counted body all of whose prompt is in it."""
    return (body for body in counted(root) if not body.flags & HIDDEN and not _remote(body))


def bodies(root: Path) -> list[Counted]:
    """Whole requests with tools, held out, all of whose prompt is in the body."""
    return [body for body in _visible(root) if held_out(body.path) and body.body.get("tools")]


def _generation(model: str) -> bool:
    return any(number in model.replace(".", "-") for number in ("-4-5", "-4-6"))


def whole(found: Iterable[Counted]) -> Errors:
    """Whole requests without any anchor."""
    return Errors(tuple((prompt_tokens(body.body, body.model), body.billed) for body in found))


def covered(found: Sequence[Counted]) -> float:
    """Share of requests whose bill lies between `low` and `high`, in percent."""
    inside = 0
    for body in found:
        guess = banded(prompt_tokens(body.body, body.model), family_of(body.model))
        inside += guess.low <= body.billed <= guess.high
    return 100 * inside / len(found)


def growth(root: Path, *, pi: bool, count: Callable[[str], float] | None = None) -> Errors:
    """Growth from call to call, no anchoring; `count` replaces the text counter by a simple one."""
    pairs = []
    for grown in growths(root):
        if (
            grown.session.startswith("pi_mono") is pi
            and grown.whole
            and (pi or grown.plain)
            and held_out(grown.session)
        ):
            if count is None:
                guess = sum(message_tokens(message, "classic") for message in grown.messages)
            else:
                guess = count(str([message["content"] for message in grown.messages]))
            pairs.append((guess, grown.billed))
    return Errors(tuple(pairs))


def anchored(root: Path, *, fitted: bool) -> tuple[Errors, float]:
    """Totals of the next prompt from the last bill, over all sessions; and the share of bills inside the band.

    Set aside: the call after a declared compaction, calls of another model, and prompts that shrank, where the
    client cut what the file still shows.
    """
    pairs, inside = [], 0
    for name, calls in sessions(root):
        if held_out(name) is fitted:
            continue
        state, running, last = Calibration("classic"), 0.0, None
        for call in calls:
            running += message_tokens({"role": "user", "content": call.new}, "classic") if call.new else 0.0
            if last is not None and not call.broken and call.total > last.total and call.model == last.model:
                guess = state.total(running)
                pairs.append((float(guess.tokens), call.total))
                inside += guess.low <= call.total <= guess.high
            state.observe(running, call.total)
            running += message_tokens({"role": "assistant", "content": call.content}, "classic")
            last = call
    return Errors(tuple(pairs)), 100 * inside / len(pairs)


def _row(what: str, errors: Errors, target: str, note: str = "") -> str:
    return (
        f"| {what} | {len(errors.pairs)} | {errors.at(0.5):.2f} % | {errors.at(0.95):.2f} % | {errors.mean:.2f} % "
        f"| {errors.bias:+.2f} % | {target} | {note} |"
    )


def accuracy(root: Path) -> Iterator[str]:
    """The table of errors."""
    yield "| what | n | median | p95 | mean | bias | target | inside low..high |"
    yield "|---|---|---|---|---|---|---|---|"
    every = bodies(root)
    newer = [body for body in every if _generation(body.model)]
    for name, found, target in (
        ("whole requests with tools, 4.5/4.6 generation", newer, "median 1 %, p95 5 %"),
        ("the same without PDFs", [body for body in newer if "document" not in body.flags], ""),
        ("whole requests with tools, all families", every, "median 4 %, p95 12 %"),
    ):
        yield _row(name, whole(found), target, f"{covered(found):.0f} %")
    later = [body for body in _visible(root) if family_of(body.model) == "2026"]
    yield _row("whole requests, newer tokenizer only", whole(later), "", f"{covered(later):.0f} %")
    yield _row("growth, pi_mono", growth(root, pi=True), "mean 6 %, bias within 2 %")
    yield _row("growth, pi_mono, chars/4", growth(root, pi=True, count=lambda text: len(text) / 4), "")
    yield _row("growth, held-out Claude Code sessions", growth(root, pi=False), "")
    for name, fitted in (("anchored totals, held-out sessions", False), ("anchored totals, fitted sessions", True)):
        errors, inside = anchored(root, fitted=fitted)
        yield _row(name, errors, "median 0.2 %, p95 0.8 %", f"{inside:.0f} %")


def _sample() -> str:
    files = sorted((ROOT / "contextkit").rglob("*.py"))
    text = "".join(file.read_text(encoding="utf-8") for file in files)
    return (text * (2_000_000 // len(text) + 1))[:2_000_000]


def _seconds(work: Callable[[str], object], text: str, times: int) -> float:
    """Seconds a call, the best of five rounds."""
    best = float("inf")
    for _ in range(5):
        begun = time.perf_counter()
        for _ in range(times):
            work(text)
        best = min(best, (time.perf_counter() - begun) / times)
    return best


def lend_vocabulary() -> None:
    """Let tiktoken find the vocabulary that litellm carries, where `.peers` has it and no folder is named."""
    found = sorted((ROOT / ".peers" / "litellm").glob("lib/*/site-packages/litellm/litellm_core_utils/tokenizers"))
    if found:
        os.environ.setdefault("TIKTOKEN_CACHE_DIR", str(found[0]))


def speed() -> Iterator[str]:
    """Megabytes a second on 2 MB of Python source and microseconds for 2 KB, all in this run."""
    text = _sample()
    short = text[:2_000]
    yield "| counter | MB/s on 2 MB | us for 2 KB |"
    yield "|---|---|---|"
    counters: list[tuple[str, Callable[[str], object]]] = [
        ("contextkit estimate", lambda given: text_tokens(given, "classic")),
        ("chars/4", lambda given: len(given) / 4),
    ]
    encoding = vocabulary()
    if encoding is not None:
        counters.insert(1, ("tiktoken cl100k_base", encoding))
    for name, work in counters:
        large = _seconds(work, text, 1)
        small = _seconds(work, short, 200)
        yield f"| {name} | {len(text) / large / 1e6:,.0f} | {small * 1e6:.1f} |"
    if encoding is None:
        yield "| tiktoken | no vocabulary here | - |"


VERSIONS: Final[dict[Family, str]] = {"classic": "3.0", "2026": "4.8"}
"""The tokenizers in the names of ctok."""

SAMPLES: Final = {
    "Chinese": "数据库连接超时请检查网络设置后重试。" * 20,
    "Japanese": "データベースへの接続が切れました。" * 20,
    "Korean": "데이터베이스 연결 시간이 초과되었습니다. " * 20,
    "base64": base64.b64encode(random.Random(7).randbytes(3_000)).decode(),
    "log lines": "".join(
        f"2026-11-22T10:{n % 60:02d}:07.{n:03d}Z INFO worker-{n % 7} request id={n * 2654435761 % 2**32:08x} ok\n"
        for n in range(100)
    ),
}


def _reconstruction() -> Callable[[str, str], int] | None:
    """Tokens by ctok of a bare text, for comparison only; None when it is not installed."""
    try:
        token_count = import_module("ctok").token_count
    except (ImportError, AttributeError):
        return None
    return lambda text, version: int(token_count(text, version)) - int(token_count("x", version)) + 1


def scripts() -> Iterator[str]:
    """What no bill holds in quantity, beside published vocabularies and a third party's reconstruction."""
    other = _reconstruction()
    published = [vocabulary("cl100k_base"), vocabulary("o200k_base")]
    yield "| text | estimate, older tokenizer | ctok | cl100k | o200k | estimate, newer | ctok |"
    yield "|---|---|---|---|---|---|---|"
    for name, text in SAMPLES.items():
        cells = []
        for family, version in VERSIONS.items():
            mine = text_tokens(text, family)
            cells += [f"{mine:,.0f}", _beside(mine, other(text, version) if other else None)]
            if family == "classic":
                cells += [_beside(mine, count(text) if count else None) for count in published]
        yield f"| {name}, {len(text):,} characters | {' | '.join(cells)} |"


def _beside(mine: float, theirs: int | None) -> str:
    return f"{theirs:,} ({100 * (mine / theirs - 1):+.0f} %)" if theirs else "-"


def report() -> str:
    """The whole section as Markdown."""
    root = data()
    today = datetime.now(tz=UTC).date().isoformat()
    where = f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores"
    lines = ["## Token counts", "", f"`python benchmarks/tokens.py --write` on {today} ({where}).", ""]
    if root is None:
        lines += ["No recordings here: only the speeds were measured.", ""]
    else:
        lines += [
            ERRORS,
            "",
            *accuracy(root),
            "",
            *token_kinds.billed_kinds(root),
            "",
            SCALES,
            "",
            *token_kinds.scales(root),
            "",
        ]
    lines += [
        *speed(),
        "",
        UNBILLED,
        "",
    ]
    return "\n".join([*lines, *scripts(), "", f"Coefficients of {coefficients.AS_OF}.", ""])


def write(section: str) -> None:
    """Replace the section between the marks in docs/benchmarks.md; append it when the marks are not there."""
    path = ROOT / "docs" / "benchmarks.md"
    text = path.read_text(encoding="utf-8") if path.exists() else "# Benchmarks\n"
    block = f"{START_MARK}\n{section}{END_MARK}"
    if START_MARK in text and END_MARK in text:
        head, rest = text.split(START_MARK, 1)
        text = head + block + rest.split(END_MARK, 1)[1]
    else:
        text = f"{text.rstrip()}\n\n{block}\n"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")


def main(argv: Sequence[str] | None = None) -> int:
    """Print the tables; write them on request."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="replace the section in docs/benchmarks.md")
    args = parser.parse_args(argv)
    lend_vocabulary()
    section = report()
    print(section)
    if args.write:
        write(section)
    return 0


if __name__ == "__main__":
    sys.exit(main())
