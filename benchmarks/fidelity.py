"""The cache model against reality: for each recorded call, what should have been read, and what was billed.

Law: nothing is explained away. A pair is set aside by what the transcript declares before its bill is looked at;
every disagreement is listed by kind; what depends on an entry near its lifetime is a probability, not a hit or miss.

Run: `make benchmark-fidelity` (needs `../shared/data`; litellm is installed into `.peers/litellm` on the first run;
`--no-peer` leaves it out). Writes its section of docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

sys.path.insert(0, str(Path(__file__).parents[1]))  # the benchmarks are scripts beside the package

from benchmarks.fidelity_cases import Case, cases, sessions
from benchmarks.fidelity_peer import HEAD, Answer, litellm_answers
from contextkit.api.facts import TTL_SECONDS
from contextkit.cache.prefix import Rules
from contextkit.cache.simulator import PromptCache

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from contextkit.cache.simulator import Bill
    from contextkit.transcripts import Session

BAND: Final = (0.8, 1.2)
"""Ages, in lifetimes, between which neither a hit nor a miss is certain: 240 to 360 s for five minutes."""

NEAR: Final = 0.01
"""Agreement: the difference is at most this share of the prompt."""

RULES: Final = Rules(settings="messages")
"""Measured on these models (Opus and Sonnet 4.5): a thinking switch keeps tools and system."""


class _Given:
    """Sizes come from the bills, not from counting; the head alone is over every model's minimum."""

    def base(self) -> float:
        return 10_000

    def tool(self, tool: Mapping[str, Any]) -> float:  # noqa: ARG002  (the protocol's name)
        return 0

    def system(self, block: Mapping[str, Any]) -> float:  # noqa: ARG002  (the protocol's name)
        return 0

    def message(self, message: Mapping[str, Any]) -> float:  # noqa: ARG002  (the protocol's name)
        return 0

    def block(self, block: Mapping[str, Any]) -> float:  # noqa: ARG002  (the protocol's name)
        return 0


@dataclass(frozen=True, slots=True)
class Pair:
    """A call with the one before it, and what was predicted.

    Attributes:
        before, case: the two calls.
        first: marked tokens of the session's first call: the head and the first message.
        read: predicted tokens read; None for "nothing of the conversation", the head perhaps.
        age: seconds since the call before, in lifetimes of the entry.
    """

    before: Case
    case: Case
    first: int
    read: int | None
    age: float

    @property
    def near_the_end(self) -> bool:
        """Whether the entry is so old that only a probability can be given."""
        return BAND[0] <= self.age <= BAND[1]

    @property
    def agrees(self) -> bool:
        """Read and write within 1 % of the prompt; a lost conversation may still read the shared head.

        The write is the marked size minus the read on both sides, so one comparison decides both.
        """
        if self.read is None:
            return self.case.usage.read <= self.first
        return abs(self.case.usage.read - self.read) <= NEAR * self.case.usage.prompt

    @property
    def exact(self) -> bool:
        """Equal to the token."""
        return self.case.usage.read == self.read


def pairs(session: Session, *, switches_count: bool = True) -> Iterable[Pair]:
    """Every consecutive pair of a session with a prediction made from what came before.

    Args:
        session: a recorded session.
        switches_count: whether thinking that is switched on or off is part of the request.
    """
    cache = PromptCache(lambda _: _Given(), RULES)
    before: Case | None = None
    first = 0
    for case in cases(session):
        body = case.body if switches_count else {key: case.body[key] for key in case.body if key != "thinking"}
        bill = cache.bill(body, case.at)
        if before is None:
            first = case.marked
        else:
            lifetime = TTL_SECONDS["1h" if "'1h'" in str(case.body["system"]) else "5m"]
            yield Pair(before, case, first, _tokens(bill, case), (case.at - before.at) / lifetime)
        before = case


def _tokens(bill: Bill, case: Case) -> int | None:
    if bill.hit is None or bill.hit[0] != "messages":
        return None
    return case.ends.get(bill.hit[1])


def kind(pair: Pair) -> str:
    """What a disagreement looks like; the bill is looked at here, where nothing is set aside any more."""
    usage, before = pair.case.usage, pair.before
    expected = pair.read or 0
    if usage.read > expected:
        return "read more: a call that is not in the file had cached the last answer or kept the entry alive"
    if usage.prompt < before.usage.prompt * (1 - NEAR):
        return "shrunk history, not declared: old tool results were cleared"
    if _thinks(pair.case) != _thinks(before):
        return "thinking seen in one answer and not in the other, no switch declared"
    return f"lost {'at a user prompt' if _asked(pair) else 'inside a tool loop'}, unexplained"


def _asked(pair: Pair) -> bool:
    return any(block["type"] != "tool_result" for message in pair.case.call.added for block in message["content"])


def _thinks(case: Case) -> bool:
    reply = case.call.reply
    return reply is not None and any(block["type"] == "thinking" for block in reply["content"])


def half(file: str) -> int:
    """Which half of the sessions a file is in: by a hash of its name, the same on every machine."""
    return hashlib.sha256(Path(file).name.encode()).digest()[0] % 2


def cross_read(recorded: Sequence[tuple[str, Session]], found: Sequence[tuple[str, str, Pair]]) -> list[str]:
    """The one rule that was found in these sessions, chosen on one half of the files and read on the other."""
    without = [(name, s.file, pair) for name, s in recorded for pair in pairs(s, switches_count=False)]
    sure = {"loses the messages": _sure(found), "loses nothing": _sure(without)}
    rows, wrong = [], list[Pair]()
    for reading in (0, 1):
        good = {
            rule: sum(pair.agrees for _, file, pair in every if half(file) != reading) for rule, every in sure.items()
        }
        chosen, other = sorted(good, key=lambda rule: -good[rule])
        read, against = ([one for one in sure[rule] if half(one[1]) == reading] for rule in (chosen, other))
        wrong += [pair for _, _, pair in read if not pair.agrees]
        agree, others = (sum(pair.agrees for _, _, pair in every) for every in (read, against))
        files = str(len({file for _, file, _ in read}))
        rows.append([files, str(len(read)), f"{chosen} ({good[chosen]} to {good[other]})", str(agree)])
        rows[-1] += [_share(agree, len(read)), _share(others, len(against))]
    kinds = Counter(kind(pair) for pair in wrong)
    listed = [[what, str(count)] for what, count in kinds.most_common()]
    head = ["files read", "certain pairs", "rule chosen on the other half", "agree", "share", "the other rule here"]
    return [_HELD_OUT, table(head, rows), "Disagreements of both readings:", table(["kind", "pairs"], listed)]


def _sure(found: Sequence[tuple[str, str, Pair]]) -> list[tuple[str, str, Pair]]:
    return [one for one in found if not one[2].case.aside and not one[2].near_the_end]


def summary(name: str, found: Sequence[Pair]) -> list[str]:
    """One row of the first table."""
    aside = [pair for pair in found if pair.case.aside]
    band = [pair for pair in found if not pair.case.aside and pair.near_the_end]
    sure = [pair for pair in found if not pair.case.aside and not pair.near_the_end]
    good = sum(pair.agrees for pair in sure)
    lost = sum(pair.read is None for pair in sure)
    exact = sum(pair.exact for pair in sure if pair.read is not None)
    exactly = f"{exact} of {len(sure) - lost}"
    figures = (len(found), len(aside), len(band), len(sure), good, _share(good, len(sure)), exactly, lost)
    return [name, *(str(figure) for figure in figures)]


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def bands(found: Sequence[Pair]) -> list[list[str]]:
    """Hits by age of the entry, for ages at which only a probability can be given."""
    rows = []
    for low in (0.8, 0.9, 1.0, 1.1):
        inside = [pair for pair in found if not pair.case.aside and low <= pair.age < low + 0.1 - 1e-9]
        hits = sum(pair.case.usage.read > pair.first for pair in inside)
        chance = f"{(hits + 1) / (len(inside) + 2):.2f}"  # the rule of succession: few pairs, no certainty
        rows.append([f"{low:.1f} to {low + 0.1:.1f}", str(len(inside)), str(hits), chance])
    return rows


def switches(found: Sequence[Pair]) -> str:
    """What a thinking switch lost, on pairs whose entries were young."""
    young = [pair for pair in found if pair.age < BAND[0] and not pair.case.aside]
    switched = [pair for pair in young if ("thinking" in pair.case.body) != ("thinking" in pair.before.body)]
    lost = [pair for pair in switched if pair.case.usage.read <= pair.first]
    head = sum(pair.case.usage.read > 0 for pair in lost)
    return (
        f"Thinking was switched between {len(switched)} pairs: {len(lost)} lost the conversation, {head} of these "
        "still read the head; the others read further, as the model says of entries from before an earlier switch."
    )


def heads(found: Sequence[tuple[str, str, Pair]]) -> str:
    """What the unexplained losses of pi have in common."""
    asked = [
        pair
        for name, _, pair in found
        if name == "pi_mono" and not pair.case.aside and not pair.near_the_end and _asked(pair)
    ]
    lost = [pair for pair in asked if not pair.agrees and pair.case.usage.read < (pair.read or 0)]
    nothing = sum(pair.case.usage.read == 0 for pair in lost)
    ages = sorted(TTL_SECONDS["5m"] * pair.age for pair in lost)
    if not lost:
        return "No prompt of pi lost what it should have read."
    return (
        f"Of pi's {len(asked)} certain user prompts {len(lost)} lost what they should have read, {ages[0]:.0f} to "
        f"{ages[-1]:.0f} s after the call before; {nothing} of them read nothing at all, not even system and tools, so "
        "the head of the prompt had changed. The file records no system prompt, no restart and nothing else that sets "
        "these prompts apart from the others, so no rule is made of it. A client whose system prompt holds the time at "
        "which it was started, and which is started anew, would look like this (conjecture)."
    )


def peer_part(found: Sequence[tuple[str, str, Pair]], answers: Mapping[tuple[str, int], Answer]) -> list[str]:
    """The same certain pairs, answered by litellm; and ours on those that it answered."""
    sure = [(file, pair) for _, file, pair in found if not pair.case.aside and not pair.near_the_end]
    asked = [(pair, answers.get((file, pair.case.index), Answer(None, "not asked"))) for file, pair in sure]
    answered = [(pair, answer.read) for pair, answer in asked if answer.read is not None]
    theirs = sum(_near(pair, read) for pair, read in answered)
    ours = sum(pair.agrees for _, pair in sure)
    same = sum(pair.agrees for pair, _ in answered)
    refused = Counter(answer.reason for _, answer in asked if answer.read is None)
    told = "; ".join(f"{reason}: {count}" for reason, count in refused.most_common()) or "none"
    rows = [
        ["contextkit", str(len(sure)), str(ours), _share(ours, len(sure)), _share(same, len(answered))],
        ["litellm", str(len(answered)), str(theirs), _share(theirs, len(sure)), _share(theirs, len(answered))],
    ]
    head = ["model", "answered", "agree", f"of all {len(sure)}", f"of the {len(answered)} that both answer"]
    return [_PEER, table(head, rows), f"Pairs that litellm did not answer, by its own reason: {told}."]


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "-"


def _near(pair: Pair, read: int) -> bool:
    """Its "the head or nothing" is as right as our "nothing of the conversation"."""
    if read <= HEAD:
        return pair.case.usage.read <= pair.first
    return abs(pair.case.usage.read - read) <= NEAR * pair.case.usage.prompt


def report(
    found: Sequence[tuple[str, str, Pair]],
    held_out: Sequence[str],
    answers: Mapping[tuple[str, int], Answer] | None,
) -> str:
    """The section of docs/benchmarks.md."""
    every = [pair for _, _, pair in found]
    names = sorted({name for name, _, _ in found})
    rows = [summary(name, [pair for its, _, pair in found if its == name]) for name in names]
    rows.append(summary("**all**", every))
    head = ["sessions", "pairs", "declared", "near the end", "certain", "agree", "share", "exact", "lost"]
    wrong = [(name, pair) for name, _, pair in found if not pair.case.aside and not pair.near_the_end]
    kinds = Counter((kind(pair), name) for name, pair in wrong if not pair.agrees)
    listed = [[what, name, str(count)] for (what, name), count in kinds.most_common()]
    parts = [
        _INTRODUCTION,
        table(head, rows),
        "Every disagreement, by kind:",
        table(["kind", "sessions", "pairs"], listed),
        heads(found),
        switches(every),
        "Entries near the end of their lifetime (age = seconds between the starts of two calls / lifetime):",
        table(["age in lifetimes", "pairs", "still read", "probability"], bands(every)),
        *held_out,
    ]
    if answers is not None:
        parts += peer_part(found, answers)
    return "\n\n".join(parts)


_INTRODUCTION: Final = """## The cache model against billed usage

`make benchmark-fidelity` replays the recorded sessions in `../shared/data` (Claude Code and pi) through
`contextkit.cache.simulator.PromptCache` and compares what it says is read and written with the bill.
Given are prompt sizes (billed prompt minus uncached input, the tokens up to the last mark); predicted is how they
split. Agreement: within
1 % of the prompt, for read and write at once. *Declared* pairs (compactions, microcompactions, sidechains) are set
aside by what the transcript says; pairs *near the end* are 0.8 to 1.2 lifetimes apart and get a probability below;
*lost* are pairs for which the model says that nothing of the conversation is read (expired, thinking switched):
they agree when the bill read no more than the session's first prompt, since other sessions may keep the head warm.
*Exact* counts the others to the token.

System and tools are not in these files: one stand-in block with a mark takes their place, and a second mark stands
on the last block. Whether thinking was on comes from the transcript (pi records it; on 4.5 models a turn's first
answer shows it), and a switch keeps the head there (`Rules(settings="messages")`)."""

_HELD_OUT: Final = """### Read on files that chose nothing

One rule was found by looking at these sessions: thinking that is switched on or off loses the messages and keeps
the head (the documentation says "depends on the model"). Here it is chosen, against "loses nothing", on one half of
the files (by a hash of the file's name; in brackets the pairs that agree there) and read on the other half, both
ways round. Whether tools and system are lost too makes no difference to these figures: a lost conversation counts as
right whether or not its head was read."""

_PEER: Final = """### Beside litellm

The same bodies, marks, sizes and times through litellm's own code in the same run: `parse_cache_plan` and
`count_cache_plan` of `llms/anthropic/prompt_cache_prediction.py`, with the given sizes in the place of its token
counter, and `advance_baseline_history`, which keeps its entries. It answers nothing in the first lifetime of a
history, because earlier writes could be unknown to it; here its history begins two hours before the session. It
refuses bodies with blocks that it does not model, and thinking on models that drop it."""


def write_section(name: str, text: str) -> None:
    """Replace what stands between this section's marks; make the file or the section where there is none."""
    path = Path(__file__).parents[1] / "docs" / "benchmarks.md"
    start, end = f"<!-- {name}:start -->", f"<!-- {name}:end -->"
    path.parent.mkdir(exist_ok=True)
    old = path.read_text(encoding="utf-8") if path.exists() else "# Benchmarks\n"
    if start not in old:
        old = f"{old.rstrip()}\n\n{start}\n{end}\n"
    head, _, rest = old.partition(start)
    _, _, tail = rest.partition(end)
    path.write_text(f"{head}{start}\n{text}\n{end}{tail}", encoding="utf-8")


def main() -> int:
    """Print the section, and write it into docs/benchmarks.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--no-peer", action="store_true", help="leave litellm out")
    chosen = parser.parse_args()
    recorded = sessions()
    if not recorded:
        print("benchmarks/fidelity.py: no recorded sessions in ../shared/data and $CONTEXTKIT_DATA is not set")
        return 2
    found = [(name, session.file, pair) for name, session in recorded for pair in pairs(session)]
    answers = None if chosen.no_peer else litellm_answers([session for _, session in recorded])
    text = report(found, cross_read(recorded, found), answers)
    print(text)
    write_section("fidelity", text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
