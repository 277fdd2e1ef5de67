"""What other houses' compaction really does to a recorded session: the packages driven, their windows billed.

The law: the package decides (compaction_drive.py feeds it, in an environment of its own under `.peers/`); here its
windows become the same moves that every policy's are, billed by the same bill. Where a window changed, what stands
before the change counts as read, as if a mark stood there: the best that marks could do for it. `marked` bills the
same windows by the cache simulator with the marks that these packages set: after tools and system, and on the last
block.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from benchmarks.compaction_pieces import Pieces
from contextkit.cache.prefix import Position, Prefix
from contextkit.cache.simulator import PromptCache
from contextkit.compact.worth import Sizes, rates, summary_call
from contextkit.replay.bill import Made, Move, warm

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from benchmarks.compaction_pieces import Piece
    from contextkit.api.facts import Ttl
    from contextkit.replay.trace import Trace

__all__ = ["Driven", "Peer", "drive", "marked", "peers"]

ROOT: Final = Path(__file__).resolve().parents[1]
DRIVER: Final = Path(__file__).with_name("compaction_drive.py")
WANTED: Final = {
    "langchain": ("langchain==1.5.0", "langchain-anthropic==1.7.7"),
    "strands": ("strands-agents[anthropic]==1.62.0",),
    "pydantic": ("pydantic-ai-harness==0.62.0",),
}


@dataclass(frozen=True, slots=True)
class Peer:
    """A package with settings.

    Attributes:
        name: for the table.
        package: of `WANTED`.
        settings: as compaction_drive.py takes them.
        archive: what leaves the window can be read again.
    """

    name: str
    package: str
    settings: Mapping[str, Any]
    archive: bool = False


def peers(budget: int, keep: int) -> list[Peer]:
    """Every package at a ceiling: by its defaults, and with the benchmark's kept tail where it can say it."""
    trigger = ["tokens", budget]
    kept = {"trigger": trigger, "keep": ["tokens", keep], "trim_tokens_to_summarize": None}
    return [
        Peer("LangChain SummarizationMiddleware, defaults", "langchain", {"kind": "summary", "trigger": trigger}),
        Peer("LangChain SummarizationMiddleware, keep tokens", "langchain", {"kind": "summary", **kept}),
        Peer("LangChain ContextEditing, own counter", "langchain", {"kind": "clear", "trigger": budget}),
        Peer(
            "LangChain ContextEditing, exact counter", "langchain", {"kind": "clear", "trigger": budget, "exact": True}
        ),
        Peer(
            "strands ContextManager auto (summaries only)",
            "strands",
            {"kind": "summaries", "window": budget, "share": 0.85},
            archive=True,
        ),
        # It acts at 70 % of the model's window; were the window the ceiling, it would fold without end.
        Peer("strands SummarizingConversationManager", "strands", {"kind": "manager", "window": round(budget / 0.7)}),
        Peer("pydantic-ai-harness SummarizingCompaction, defaults", "pydantic", {"max_tokens": budget}),
        Peer(
            "pydantic-ai-harness SummarizingCompaction, keep_tokens",
            "pydantic",
            {"max_tokens": budget, "keep_tokens": keep},
        ),
    ]


@dataclass(frozen=True, slots=True)
class Driven:
    """What a package sent over a trace, as a policy of the benchmark."""

    peer: Peer
    pieces: Sequence[Piece]
    calls: Sequence[Any]
    per_character: float
    ttl: Ttl = "5m"

    @property
    def name(self) -> str:
        """For the table."""
        return self.peer.name

    @property
    def archive(self) -> bool:
        """Whether the model can read what left the window."""
        return self.peer.archive

    def windows(self) -> Iterator[list[tuple[int, float]]]:
        """Each call's window: (piece or a negative number for another text, tokens), in order."""
        for runs, _ in self.calls:
            yield [part for run in runs for part in self._parts(run)]

    def _parts(self, run: Sequence[int]) -> Iterator[tuple[int, float]]:
        if len(run) == 2:  # [characters, piece]: not what was recorded
            characters, of = run
            tokens = characters * self.per_character
            yield -2 - of if of >= 0 else -1, tokens if of < 0 else min(tokens, self.pieces[of].tokens)
            return
        yield from ((at, self.pieces[at].tokens) for at in range(run[0], run[1] + 1))

    def moves(self, found: Trace) -> Iterator[Move]:
        """The windows as moves."""
        before: list[tuple[int, float]] = []
        for at, window in enumerate(self.windows()):
            same = next((i for i, pair in enumerate(zip(before, window, strict=False)) if pair[0] != pair[1]), None)
            summed = self.calls[at][1]
            same = min(len(before), len(window)) if same is None else same
            if summed:  # a summary that is written anew is another text of the same length
                new = next((i for i, (name, _) in enumerate(window) if name == -1), same)
                same = min(same, new)
            folded = same < len(before)
            kept = found.fixed + sum(size for _, size in window[:same])
            yield self._move(found, at, window, kept, folded=folded)
            before = window

    def _move(self, found: Trace, at: int, window: list[tuple[int, float]], kept: float, *, folded: bool) -> Move:
        verbatim = [self.pieces[name].entry for name, _ in window if name >= 0 and self.pieces[name].entry > 0]
        cleared = [self.pieces[-2 - name].entry for name, _ in window if name < -1]
        sizes = [size for _, size in window]
        return Move(
            found.fixed + sum(sizes),
            kept if at else 0.0,
            min([*verbatim, *cleared], default=found.steps[at].end),
            sum(size for name, size in window if name == -1),
            made=self.made(found, at, window),
            folded=folded,
            cleared=range(max(cleared) + 1) if cleared else range(0),
        )

    def made(self, found: Trace, at: int, window: list[tuple[int, float]]) -> tuple[Made, ...]:
        """The summary calls by Haiku, as every other policy's; each reads what the package gave it."""
        size = sum(tokens for name, tokens in window if name == -1)
        told = []
        for given in self.calls[at][1]:
            text = given * self.per_character
            sizes = Sizes(0.0, text, 0.0, 0.0, size)
            call = summary_call(sizes, "haiku", model=found.model, ttl=self.ttl, warm=warm(found, at, self.ttl))
            told.append(Made(text, size, call.cost))
        return tuple(told)


def marked(found: Trace, driven: Driven) -> float:
    """USD of the prompts and summaries by the cache simulator, with a mark after the fixed part and one at the end."""
    cache = PromptCache(lambda _: None)  # type: ignore[arg-type, return-value]  # chains are given, nothing is counted
    total, count = 0.0, 0
    for at, window in enumerate(driven.windows()):
        count += len(driven.calls[at][1])
        names = ["fixed", *(str(name) if name != -1 else f"summary {count}" for name, _ in window)]
        sizes = [found.fixed, *(size for _, size in window)]
        chain, tokens, digest = [], 0.0, b""
        for i, (name, size) in enumerate(zip(names, sizes, strict=True)):
            tokens, digest = tokens + size, blake2b(digest + name.encode(), digest_size=16).digest()
            mark = driven.ttl if i in {0, len(names) - 1} else None
            own = name.encode()
            chain.append(Position(digest, own, round(tokens), ("messages", i, 0), i + 1, markable=True, mark=mark))
        billed = cache.bill_prefix(Prefix(found.model, tuple(chain), round(tokens), {}), found.steps[at].at or 0.0)
        price = rates(found.model, driven.ttl, prompt=tokens)
        total += billed.read * price.read + billed.write_5m * price.write + billed.uncached * price.input
        total += sum(summary.cost for summary in driven.made(found, at, window))
    return total


def drive(sessions: Sequence[tuple[Trace, int]], wanted: Sequence[Peer]) -> dict[tuple[int, str], Driven]:
    """Run packages over sessions, each with the tokens of its stub's summaries; by session and name.

    A package that cannot be installed, or that fails, is left out, and why is printed.
    """
    made = [Pieces(found) for found, _ in sessions]
    for session in made:
        session.prepare()
    found: dict[tuple[int, str], Driven] = {}
    with TemporaryDirectory() as place:
        file = Path(place) / "sessions.json"
        file.write_text(json.dumps([session.as_json() for session in made]), encoding="utf-8")
        for package in dict.fromkeys(peer.package for peer in wanted):
            python = _environment(package)
            if python is None:
                print(f"{package} is not driven: it could not be installed", flush=True)
                continue
            here = {peer.name: peer for peer in wanted if peer.package == package}
            for (at, name), calls in _run(python, package, here, file, [size for _, size in sessions]):
                found[at, name] = Driven(here[name], made[at].pieces, calls, made[at].per_character)
    return found


def _run(
    python: Path, package: str, wanted: Mapping[str, Peer], file: Path, summaries: Sequence[int]
) -> Iterator[tuple[tuple[int, str], Any]]:
    runs = [
        {"name": [at, name], "session": at, "settings": dict(peer.settings), "summary": size}
        for name, peer in wanted.items()
        for at, size in enumerate(summaries)
    ]
    job = file.with_name(f"{package}.json")
    job.write_text(json.dumps({"peer": package, "sessions": str(file), "runs": runs}), encoding="utf-8")
    done = subprocess.run([str(python), str(DRIVER), str(job)], capture_output=True, text=True, check=False)
    for line in done.stdout.splitlines():
        if line.startswith('{"run"'):
            told = json.loads(line)
            yield (told["run"][0], told["run"][1]), told["calls"]
    if done.returncode:
        print(f"{package} failed: {done.stderr.strip().splitlines()[-1:]}", flush=True)


def _environment(package: str) -> Path | None:
    """The interpreter of a package's own environment, made when absent; None when it cannot be installed."""
    home = ROOT / ".peers" / f"compaction-{package}"
    python, ready, wanted = home / "bin" / "python", home / ".ready", WANTED[package]
    if ready.exists() and ready.read_text() == " ".join(wanted):
        return python
    home.parent.mkdir(exist_ok=True)
    # langchain-core asks for a certifi newer than some indexes have; any recent one does without network.
    override = home.parent / "override.txt"
    override.write_text("certifi>=2025\n")
    uv = shutil.which("uv")
    steps = (
        [
            [uv, "venv", "-q", "--clear", "--python", sys.executable, str(home)],
            [uv, "pip", "install", "-q", "--python", str(python), "--override", str(override), *wanted],
        ]
        if uv
        else [
            [sys.executable, "-m", "venv", "--clear", str(home)],
            [str(python), "-m", "pip", "install", "-q", *wanted],
        ]
    )
    if any(subprocess.run(step, check=False).returncode for step in steps):
        return None
    ready.write_text(" ".join(wanted))
    return python
