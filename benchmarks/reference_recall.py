"""What a fold loses: of the identifiers that calls use and only a folded range held, what does a list hold?

Run: `make benchmark-reference-recall`; needs `../shared/data` (or $CONTEXTKIT_DATA). Writes its section of
docs/benchmarks.md. `--fit` fits the weights of contextkit/compact/mentions.py anew on the training half and prints
them.

A recorded session is played as one history. Whenever its window is over 60,000 tokens it is cut to the newest 20,000
(first message kept, cut where no tool call is open). A need is an identifier in a tool call that a folded message
named and that the window, character for character, does not hold any more.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.logistic import fit
from benchmarks.reference_folds import DATA, FAMILY, History, histories, needs, stands
from benchmarks.sections import replace_section
from contextkit.compact.identifiers import said, written
from contextkit.compact.mentions import FEATURES, Mentions, features
from contextkit.tokens.estimate import text_tokens

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
LIMITS: Final = (300, 600, 1_200, 2_000, 2_400)
WINDOW: Final = (60_000, 20_000)
WINDOWS: Final = (WINDOW, (40_000, 13_000), (80_000, 20_000))
OTHERS: Final = 0.15  # share of the names without a need that the fit looks at


def frequent(named: Iterable[tuple[int, set[str]]], limit: float) -> list[str]:
    """The plain list: the most often named, a little recency, separated by commas."""
    seen: Counter[str] = Counter()
    last: dict[str, int] = {}
    for at, names in named:
        seen.update(names)
        last.update(dict.fromkeys(names, at))
    end = max(last.values(), default=0) + 1
    kept: list[str] = []
    for name in sorted(seen, key=lambda name: (-(seen[name] + last[name] / end), name)):
        limit -= text_tokens(name, FAMILY) + 1
        if limit < 0:
            break
        kept.append(name)
    return kept


@dataclass(slots=True)
class Score:
    """Hits of one way to list, over all folds."""

    needs: int = 0
    read: int = 0
    verbatim: int = 0
    tokens: float = 0.0
    lists: int = 0

    def add(self, wanted: Sequence[str], names: Sequence[str], text: str) -> None:
        """Count the needs that can be read off the list, and those that stand in it letter by letter."""
        whole = "\n".join(names)
        self.needs += len(wanted)
        self.read += sum(stands(name, whole) for name in wanted)
        self.verbatim += sum(stands(name, text) for name in wanted)
        self.tokens += text_tokens(text, FAMILY)
        self.lists += 1

    def shown(self) -> str:
        """Both shares."""
        return f"{self.read / self.needs:.2f} ({self.verbatim / self.needs:.2f})"


Key = tuple[str, int, bool]


def measured(sessions: Sequence[History]) -> dict[Key, Score]:
    """The scores by way, limit and half."""
    scores: dict[Key, Score] = {}
    for history in sessions:
        plain = [(at, needs("\n".join(map(said, blocks)))) for at, blocks in enumerate(history.blocks)]
        mentions, seen, frozen = Mentions(), 0, {limit: list[str]() for limit in LIMITS}
        for fold in history.folds(*WINDOW):
            seen = _counted(mentions, history, seen, fold.at + 1)
            for limit in LIMITS:
                ways = {"plain": frequent(plain[: fold.end], limit)}
                for family in ("classic", "2026"):
                    ways[family] = mentions.best(limit, end=fold.end, family="2026" if family == "2026" else "classic")
                frozen[limit] += mentions.best(limit, first=fold.start, end=fold.end, family=FAMILY)
                ways["frozen"] = frozen[limit]
                for way, names in ways.items():
                    text = ", ".join(names) if way == "plain" else written(names)
                    scores.setdefault((way, limit, history.held_out), Score()).add(fold.needs, names, text)
    return scores


def _counted(mentions: Mentions, history: History, first: int, end: int) -> int:
    for at in range(first, end):
        for block in history.blocks[at]:
            mentions.add(block, at, stays=at == 0)
    return end


def fitted(sessions: Sequence[History]) -> list[float]:
    """The weights, from the training half, over three windows."""
    draw = random.Random(1)  # which of the many names without a need are looked at
    rows: list[tuple[Sequence[float], bool, float]] = []
    for history in sessions:
        for window in WINDOWS if not history.held_out else ():
            mentions, seen = Mentions(), 0
            for fold in history.folds(*window):
                seen = _counted(mentions, history, seen, fold.at + 1)
                wanted = set(fold.needs)
                paths = [name for name in fold.needs if "/" in name]
                for text, name in mentions.names.items():
                    if name.stays or name.last >= fold.end:
                        continue
                    meant = text in wanted or ("/" in text and any(text.endswith("/" + path) for path in paths))
                    if meant or draw.random() < OTHERS:
                        rows.append((features(name, mentions.now), meant, 1.0 if meant else 1 / OTHERS))
    return fit(rows)


def cases() -> Iterator[tuple[Mapping[str, Any], list[str]]]:
    """The recorded compactions, each with what contextkit would list of the same range in 2,000 tokens."""
    for line in (DATA / "compaction_cases" / "cases.jsonl").read_text(encoding="utf-8").splitlines():
        case = json.loads(line)
        path = DATA / Path(case["session"]).parent.name / Path(case["session"]).name
        first, end = case["pre_rows"]
        mentions = Mentions()
        for at, row in enumerate(path.read_text(encoding="utf-8").splitlines()[first:end]):
            message = json.loads(row).get("message") or {}
            content = message.get("content") or ()
            blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
            for block in blocks:
                mentions.add(block, at)
        yield case, mentions.best(2_000, family=FAMILY)


def report(sessions: Sequence[History]) -> list[str]:
    """The section's lines."""
    scores = measured(sessions)
    folds = {half: scores["classic", 300, half] for half in (False, True)}
    cuts = sum(score.lists for score in folds.values())
    intro = (
        f"{cuts} cuts of the window from {WINDOW[0]:,} to {WINDOW[1]:,} tokens in {len(sessions)} recorded sessions;"
        f" {folds[False].needs} needs in the half that the weights were fitted on, {folds[True].needs} in the held-out"
        " half (split by session). A need: an identifier in a tool call that a folded message named and that the window"
        " does not hold any more."
    )
    how = (
        "Share of the needs in the window, by nothing but a list beside the summary, no model. First figure: the whole"
        " identifier can be read off (`a/{b,c}` holds `a/b` and `a/c`); in brackets: it stands there letter by letter."
    )
    columns = "plain frequency list, held out | contextkit, fitted half | contextkit, held out | the same, sized for"
    lines = [intro, "", how, "", f"| tokens of the list | {columns} the newer tokenizer |", "|---|---|---|---|---|"]
    for limit in LIMITS:
        shown = [scores[way, limit, half].shown() for way, half in (("plain", True), ("classic", False))]
        shown += [scores[way, limit, True].shown() for way in ("classic", "2026")]
        lines.append(f"| {limit:,} | {' | '.join(shown)} |")
    lines += ["", "One list made anew at each fold, against a list frozen with each summary (held out):", ""]
    lines += ["| tokens a list | renewed | frozen | tokens of all frozen lists in the window |", "|---|---|---|---|"]
    for limit in LIMITS[:3]:
        one, many = (scores[way, limit, True] for way in ("classic", "frozen"))
        lines.append(f"| {limit:,} | {one.shown()} | {many.shown()} | {many.tokens / many.lists:,.0f} |")
    return [*lines, "", *_cases_shown()]


def _cases_shown() -> list[str]:
    kept, total, ours, letters, tokens = 0, 0, 0, 0, 0.0
    for case, names in cases():
        whole, text = "\n".join(names), written(names)
        wanted = [need["entity"] for need in case["needed"]]
        total += len(wanted)
        kept += sum(stands(name, case["summary"]) for name in wanted)
        ours += sum(stands(name, whole) for name in wanted)
        letters += sum(stands(name, text) for name in wanted)
        tokens += text_tokens(case["summary"], FAMILY)
    count = len(list(cases()))
    own = f"the main model's own summaries (on average {tokens / count:,.0f} tokens) kept {kept / total:.2f}"
    listed = f"contextkit's list of 2,000 tokens of the same ranges holds {ours / total:.2f} ({letters / total:.2f}"
    return [f"{count} real compactions, {total} identifiers needed afterwards: {own}; {listed} letter by letter)."]


def main() -> int:
    """Measure and write, or fit and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fit", action="store_true", help="fit the weights anew and print them")
    options = parser.parse_args()
    if not DATA.is_dir():
        print("no recorded sessions: set CONTEXTKIT_DATA, or put them at ../shared/data", file=sys.stderr)
        return 1
    sessions = [history for history in histories() if history.messages]
    if options.fit:
        for name, weight in zip(FEATURES, fitted(sessions), strict=True):
            print(f"{name:12} {weight:6.2f}")
        return 0
    lines = report([history for history in sessions if sum(history.sizes) > WINDOW[0]])
    print("\n".join(lines))
    replace_section("reference-recall", "What a fold loses", "make benchmark-reference-recall", lines)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
