"""What shapes lose: of the identifiers that an agent used later, the share still in the window, or recallable.

Run: `make benchmark-recall`. Needs `../shared/data` (or $CONTEXTKIT_DATA): the recorded runs of tau-bench (airline)
and tau2-bench (retail). The third file there, retail-few_shot.jsonl, is text for reading without names of tools.
Writes its section of docs/benchmarks.md.

A use is an identifier in a tool call's input (a text of four or more characters without blanks that has a digit, or a
code of capitals) that stood in an earlier tool output of the same run. It is *in the window* when what entered of the
earlier outputs, or anything said before the call, still shows it; it is *recallable* when an original that holds it is
in the archive under a handle that a note in the window names.
"""

from __future__ import annotations

import os
import re
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.sections import replace_section
from contextkit.api.messages import dumps
from contextkit.compact.summary import result_text
from contextkit.history.archive import Archive
from contextkit.outputs import Outputs
from contextkit.shape.chain import Shape
from contextkit.shape.load import load_shapes
from contextkit.tokens.estimate import text_tokens
from contextkit.transcripts import read

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from contextkit.transcripts import Session

ROOT: Final = Path(__file__).resolve().parents[1]
DATA: Final = Path(os.environ.get("CONTEXTKIT_DATA") or ROOT.parent / "shared" / "data")
RUNS: Final = {
    "airline": DATA / "tau_bench" / "gpt-4o-airline.jsonl",
    "retail": DATA / "tau2_bench" / "gpt-4.1_retail.jsonl",
}
IDENTIFIER: Final = re.compile(r"(?=\S*\d)\S{4,80}|[A-Z]{5,8}")
HANDLE: Final = re.compile(r"handle (k[0-9a-f]{12,64})")
CAP: Final = 300
FAMILY: Final = "2026"


@dataclass
class Counts:
    """Sums over the runs of one file.

    Attributes:
        outputs: tool outputs.
        before: their tokens as recorded.
        after: tokens of what entered, without handles in the notes of declared selections.
        named: the same with handles, as with `Conversation(recall=True)`.
        uses: what became of the identifiers that were used: shown, said, recallable, lost.
        lost: the lost ones, with their tool.
    """

    outputs: int = 0
    before: float = 0.0
    after: float = 0.0
    named: float = 0.0
    uses: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)


def identifiers(value: Any) -> Iterator[str]:
    """The identifiers among the texts of a tool call's input."""
    if isinstance(value, dict):
        for item in value.values():
            yield from identifiers(item)
    elif isinstance(value, list):
        for item in value:
            yield from identifiers(item)
    elif isinstance(value, str) and IDENTIFIER.fullmatch(value):
        yield value


def holds(texts: list[str], name: str) -> bool:
    """Whether a text has the identifier, not as a part of a longer one."""
    pattern = re.compile(rf"(?<![A-Za-z0-9_]){re.escape(name)}(?![A-Za-z0-9_])")
    return any(name in text and pattern.search(text) for text in texts)


def follow(session: Session, shapes: Mapping[str, Any], counts: Counts) -> None:
    """Replay one run through the door, and look up every identifier when it is used."""
    archive = Archive()
    silent = Outputs(shapes, Archive(), 200_000, FAMILY)
    door = Outputs(shapes, archive, 200_000, FAMILY, recall=True)
    raw: list[str] = []
    shown: list[str] = []
    said: list[str] = []
    names: dict[str, str] = {}
    for message in session.history(len(session.calls) - 1, reply=True) if session.calls else ():
        for block in message["content"]:
            if block["type"] == "text":
                said.append(block["text"])
            elif block["type"] == "tool_use":
                _look_up(block, (raw, shown, said), archive, counts)
                names[block["id"]] = block["name"]
                said.append(dumps(block["input"]))
            elif block["type"] == "tool_result":
                text = result_text(block.get("content"))
                tool = names.get(block["tool_use_id"], "")
                raw.append(text)
                shown.append(str(door.enter(tool, text)))
                counts.outputs += 1
                counts.before += text_tokens(text, FAMILY)
                counts.named += text_tokens(shown[-1], FAMILY)
                counts.after += text_tokens(str(silent.enter(tool, text)), FAMILY)


def _look_up(
    call: Mapping[str, Any], texts: tuple[list[str], list[str], list[str]], archive: Archive, counts: Counts
) -> None:
    raw, shown, said = texts
    for name in dict.fromkeys(identifiers(call["input"])):
        if not holds(raw, name):
            continue
        handles = [handle for text in shown for handle in HANDLE.findall(text)]
        if holds(shown, name):
            counts.uses["shown"] += 1
        elif holds(said, name):
            counts.uses["said"] += 1
        elif holds([archive.get(handle) or "" for handle in handles], name):
            counts.uses["recallable"] += 1
        else:
            counts.uses["lost"] += 1
            counts.lost.append(f"{name} ({call['name']})")


def measured(path: Path, shapes: Mapping[str, Any]) -> Counts:
    """All runs of a file with these shapes."""
    counts = Counts()
    for session in read(path):
        follow(session, shapes, counts)
    return counts


def row(name: str, counts: Counts) -> str:
    """One line of the table."""
    uses = counts.uses.total()
    window = counts.uses["shown"] + counts.uses["said"]
    reachable = window + counts.uses["recallable"]
    return (
        f"| {name} | {counts.outputs} | {counts.before:,.0f} | {counts.after:,.0f}"
        f" | {1 - counts.after / counts.before:.1%}"
        f" | {counts.named:,.0f} | {uses} | {counts.uses['shown'] / uses:.1%} | {window / uses:.1%}"
        f" | {reachable / uses:.1%} | {counts.uses['lost']} |"
    )


def main() -> int:
    """Measure, print, and write the section."""
    if not all(path.exists() for path in RUNS.values()):
        print("no ../shared/data: nothing to measure", file=sys.stderr)
        return 1
    heads = ["runs, shapes", "outputs", "tokens before", "after", "saved", "after, handles named", "uses"]
    heads += ["in what entered", "in the window", "in the window or recallable", "lost"]
    rows = ["| " + " | ".join(heads) + " |", "| --- " * len(heads) + "|"]
    lost: list[str] = []
    for name, path in RUNS.items():
        careful = measured(path, load_shapes(ROOT / "examples" / "shapes" / f"{name}.json"))
        careless = measured(path, {"*": Shape(max_chars=CAP)})
        rows += [row(f"{name}, declared with care", careful), row(f"{name}, {CAP} characters of each", careless)]
        lost += careful.lost + careless.lost
    lines = [
        *(__doc__ or "").strip().split("\n\n")[-1].split("\n"),
        "",
        "*Declared with care* are the shapes of `examples/shapes/airline.json` and `retail.json`, *characters of each*",
        f"is one careless `Shape(max_chars={CAP})` for all tools. Tokens are estimates for the tokenizer of 2026.",
        "",
        *rows,
        "",
        f"Lost: {', '.join(lost[:10])}."
        if lost
        else "Nothing is lost: every identifier is in the window or recallable.",
    ]
    print("\n".join(lines))
    replace_section("recall", "Recall: what shapes lose", "make benchmark-recall", lines)
    return 0


if __name__ == "__main__":
    sys.exit(main())
