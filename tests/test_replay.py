"""Replay: sizes that are the bill's, a bill that is the cache's, policies that do what their names say."""

from __future__ import annotations

import json
import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contextkit.api import facts
from contextkit.api.usage import UnknownPriceWarning, Usage
from contextkit.cache.prefix import Position, Prefix
from contextkit.cache.simulator import PromptCache
from contextkit.errors import ConfigError
from contextkit.history.log import Entry, Log
from contextkit.replay import break_even, compare, load_policies, policy, suggest, traces
from contextkit.replay import policies as plain_policies
from contextkit.replay.bill import Move, bill
from contextkit.replay.break_even import BreakEven
from contextkit.replay.policies import Automatic, Nothing, Policy, Rolling, Sliding, Threshold
from contextkit.replay.recall import recall, references
from contextkit.replay.trace import Step, Trace, trace
from contextkit.replay.window import Part, Window
from contextkit.transcripts.common import Call, Session

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

SONNET = "claude-sonnet-4-5"


def use(number: int, given: str = "x") -> dict[str, Any]:
    """A tool call."""
    return {"type": "tool_use", "id": f"toolu_{number}", "name": "read", "input": {"path": given}}


def result(number: int, text: str = "ok") -> dict[str, Any]:
    """Its result."""
    return {"type": "tool_result", "tool_use_id": f"toolu_{number}", "content": text}


def a_trace(sizes: Sequence[tuple[int, int]], gaps: Sequence[float] = (), *, fixed: int = 2_000) -> Trace:
    """A tool loop: (tokens of the answer, tokens of its result) a call, seconds between the calls."""
    log = Log([Entry("user", [{"type": "text", "text": "task"}], fresh=True)], [500.0])
    steps, now = [Step(1, 10, 0.0, None)], 0.0
    for at, (answer, output) in enumerate(sizes):
        for entry, size in ((Entry("assistant", [use(at)]), answer), (Entry("user", [result(at)]), output)):
            log.entries.append(entry)
            log.ends.append(log.ends[-1] + size)
        now += gaps[at] if at < len(gaps) else 10.0
        steps.append(Step(len(log.entries), 10, now, None))
    return Trace("a file", SONNET, float(fixed), log, tuple(steps))


LONG = a_trace([(300, 1_500)] * 60)


class Recorded(Window):
    """A window that remembers which summaries stood in it at each call."""

    __slots__ = ()
    stood: list[tuple[int, list[Part]]] = []  # noqa: RUF012  (one a test, cleared by it)

    def move(self, at: int, kept: float | None = None, made: tuple[Any, ...] = ()) -> Move:
        """As it is, and remembered."""
        Recorded.stood.append((self.start, list(self.parts)))
        return super().move(at, kept, made)


def by_simulator(found: Trace, marked: Policy) -> tuple[int, int, int]:
    """Read, written and uncached tokens of what a policy sends, by the cache simulator and its rules."""
    cache = PromptCache(lambda _: None)  # type: ignore[arg-type, return-value]  # chains are given, nothing is counted
    totals = [0, 0, 0]
    for at, (start, parts) in enumerate(Recorded.stood):
        pieces: list[tuple[str, float]] = [("fixed", found.fixed)]
        if start:
            pieces.append(("head", found.log.ends[0]))
        summaries = [(f"summary {part}", part.tokens) for part in parts]
        entries = range(start, found.steps[at].end)
        pieces += [*summaries, *((f"entry {i}", found.log.tokens(i, i + 1)) for i in entries)]
        marks = {0, len(pieces) - 1, *([1 + len(parts)] if parts else [])}
        chain, tokens, digest = [], 0.0, b""
        for i, (name, size) in enumerate(pieces):
            tokens, digest = tokens + size, digest + name.encode()
            own = name.encode()
            mark = marked.ttl if i in marks else None
            chain.append(Position(digest, own, round(tokens), ("messages", i, 0), i + 1, markable=True, mark=mark))
        billed = cache.bill_prefix(Prefix(found.model, tuple(chain), round(tokens), {}), found.steps[at].at or 0.0)
        totals[0] += billed.read
        totals[1] += billed.write_5m + billed.write_1h
        totals[2] += billed.uncached
    return totals[0], totals[1], totals[2]


_SIZES = st.lists(st.tuples(st.integers(20, 800), st.integers(20, 6_000)), min_size=5, max_size=60)
_GAPS = st.lists(st.sampled_from([5.0, 20.0, 90.0, 299.0, 300.0, 400.0, 4_000.0]), max_size=60)
_POLICIES = st.sampled_from(
    [
        BreakEven(budget=20_000, keep=3_000, patience=1.0),
        BreakEven(budget=20_000, keep=3_000, patience=2.0, ttl="1h", fan_out=2),
        Threshold(budget=20_000, keep=3_000),
        Sliding(turns=4),
        Rolling(turns=4),
    ]
)


@given(_SIZES, _GAPS, _POLICIES)
def test_the_bill_is_the_cache_simulators(sizes: list[tuple[int, int]], gaps: list[float], chosen: Policy) -> None:
    """Whatever is folded and however long the pauses, both say the same tokens by class."""
    found = a_trace(sizes, gaps)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(break_even, "Window", Recorded)
        patch.setattr(plain_policies, "Window", Recorded)
        Recorded.stood.clear()
        ours = bill(found, chosen.moves(found), chosen.ttl)
    assert by_simulator(found, chosen) == (round(ours.read), round(ours.write), round(ours.uncached))


def test_without_marks_nothing_is_cached() -> None:
    """`none` pays the base price for every token of every prompt."""
    total = bill(LONG, Nothing().moves(LONG), "5m")
    assert total.read == total.write == 0
    assert total.uncached == sum(LONG.prompt(at) for at in range(len(LONG.steps)))


def test_what_each_policy_does() -> None:
    """Automatic never breaks; a window that slides breaks nearly always; folds break once each and keep the ceiling."""
    told = {
        type(one): bill(LONG, one.moves(LONG), "5m")
        for one in (Automatic(), Sliding(), Rolling(), Threshold(budget=30_000, keep=5_000), BreakEven(budget=30_000))
    }
    assert told[Automatic].breaks == told[Automatic].folds == 0
    assert told[Sliding].breaks > 45
    assert told[Sliding].summaries == 0
    assert told[Rolling].summaries > 0
    assert 0 < told[Threshold].folds < told[BreakEven].folds < 12
    for kind in (Threshold, BreakEven):
        assert told[kind].breaks == told[kind].folds
        assert told[kind].largest <= 30_000
    assert told[Threshold].input_cost < told[Automatic].input_cost


def test_patience_spares_folds() -> None:
    """The higher the patience, the fewer folds."""
    folds = [
        bill(LONG, BreakEven(patience=patience, budget=100_000).moves(LONG), "5m").folds for patience in (0.5, 2, 8)
    ]
    assert folds == sorted(folds, reverse=True)
    assert folds[0] > folds[2]


def a_call(at: int, prompt: int, *, name: str = "x", **changes: Any) -> Call:
    """A call of a tool loop whose prompt was billed so much."""
    added = ({"role": "user", "content": [result(at - 1) if at else {"type": "text", "text": "look for it"}]},)
    told: dict[str, Any] = {
        "added": added,
        "follows": at - 1 if at else None,
        "shared": 2 * at,
        "reply": {"role": "assistant", "content": [use(at, name)]},
        "at": 100.0 + 10 * at,
        "model": SONNET,
        "usage": Usage(read=prompt, output=7),
    }
    return Call(**{**told, **changes})


def test_sizes_are_the_bills() -> None:
    """Every prompt of a session that only grew is what was billed, to the token; the rest of the first is fixed."""
    calls = tuple(a_call(at, 5_000 + 321 * at) for at in range(6))
    found = trace(Session("f", "claude-code", calls, missing=frozenset({"system", "tools"})))
    assert found is not None
    assert [found.prompt(at) for at in range(6)] == pytest.approx([5_000 + 321 * at for at in range(6)])
    assert 4_900 < found.fixed < 5_000
    assert any("first billed totals" in note for note in found.notes)


def test_a_recorded_compaction_is_undone() -> None:
    """Where the record was compacted the history grows on, without the summary that nobody made here, and says so."""
    summary = {"type": "text", "text": "This session is being continued. " * 400}
    calls = [a_call(at, 20_000 + 5_000 * at) for at in range(4)]
    added = ({"role": "user", "content": [summary, {"type": "text", "text": "go on"}]},)
    calls.append(a_call(4, 23_000, added=added, follows=None, shared=0, notes=("compaction",)))
    found = trace(Session("f", "claude-code", tuple(calls)))
    assert found is not None
    assert 35_000 < found.prompt(4) < 35_500
    assert any("rewritten 1 times" in note for note in found.notes)


def test_missing_parts_are_said() -> None:
    """No times, no bill, another model: each is a note."""
    calls = tuple(replace(a_call(at, 0), usage=None, at=None, model="") for at in range(3))
    missing: Any = frozenset({"system", "tools", "times", "usage"})
    found = trace(Session("f", "openai", calls, missing=missing))
    assert found is not None
    told = " ".join(found.notes)
    for words in ("count as 0 tokens", "no times", "no bill", f"priced as {SONNET}"):
        assert words in told
    report = compare(found, [Automatic()])
    assert report.billed()["cost_usd"] is None
    assert trace(Session("f", "openai", ())) is None


def test_recall_counts_what_was_folded_and_needed() -> None:
    """An identifier of a folded result that a later call uses is a miss, unless the list beside the summary has it."""
    found = a_trace([(300, 1_500)] * 40)
    found.log.entries[2].blocks[0]["content"] = "see src/billing/ledger_core.py for the rest"
    found.log.entries[79].blocks[0]["input"]["path"] = "src/billing/ledger_core.py"
    known = references(found)
    assert [(one.call, one.name) for one in known.found] == [(39, "src/billing/ledger_core.py")]
    counts = {
        listed: recall(found, known, list(BreakEven(budget=20_000, keep=3_000, identifiers=listed).moves(found)))
        for listed in (0, 300)
    }
    assert (counts[0].folded, counts[0].window, counts[0].lost) == (1, 0, 1)
    assert (counts[300].window, counts[300].listed) == (1, 1)
    assert recall(found, known, list(Automatic().moves(found))).share == 1.0


def test_the_report_has_the_keys() -> None:
    """The JSON of a session is what the command promises; only an archive makes everything recallable."""
    report = compare(LONG, [Threshold(budget=30_000, keep=5_000), BreakEven(budget=30_000, ttl="1h")])
    told = json.loads(json.dumps(report.as_dict()))
    assert told["calls"] == 61
    assert {"file", "calls", "billed", "policies"} <= told.keys()
    expected = (
        "name read write_5m write_1h uncached output summary_tokens_in summary_tokens_out cost_usd folds breaks"
        " largest_prompt recall_window recall_archive"
    )
    assert list(told["policies"][0]) == expected.split()
    assert told["policies"][0]["write_1h"] == 0 == told["policies"][1]["write_5m"]
    assert told["policies"][1]["recall_archive"] == 1.0


def test_an_unknown_model_has_no_cost() -> None:
    """Tokens are counted, USD are not made up."""
    found = replace(LONG, model="somebody-elses-model")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnknownPriceWarning)  # said once a process, here or in another test
        told = compare(found, [BreakEven(budget=30_000)]).as_dict()
    assert told["policies"][0]["cost_usd"] is None
    assert told["policies"][0]["read"] > 0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("none", Nothing()),
        ("automatic", Automatic()),
        ("sliding:turns=8", Sliding(turns=8)),
        ("threshold:budget=60000,keep=10000", Threshold(budget=60_000, keep=10_000)),
        ("break-even:budget=60000,keep=10000,summary=1000", BreakEven(budget=60_000, keep=10_000, summary=1_000)),
        ("break-even:patience=1.5,ttl=1h", BreakEven(patience=1.5, ttl="1h")),
    ],
)
def test_policies_by_name(text: str, expected: Policy) -> None:
    """The spelling of the command line."""
    assert policy(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "often",
        "sliding:turns=0",
        "sliding:turns",
        "sliding:turns=many",
        "sliding:budget=3",
        "threshold:budget=5000,keep=5000",
        "break-even:patience=nan",
        "break-even:budget=1000,keep=2000",
        "break-even:archive=",
        "automatic:ttl=2h",
        "missing.toml",
    ],
)
def test_wrong_policies_are_refused(text: str) -> None:
    """The error names the policy."""
    with pytest.raises(ConfigError) as caught:
        load_policies(text)
    assert caught.value.where


def test_policies_of_a_file(tmp_path: Path) -> None:
    """A TOML file declares several."""
    file = tmp_path / "policies.toml"
    file.write_text('[[policy]]\nname = "threshold"\nbudget = 60000\n\n[[policy]]\nname = "break-even"\npatience = 1\n')
    assert load_policies(str(file)) == [Threshold(budget=60_000), BreakEven(patience=1.0)]
    file.write_text('policy = "none"\n')
    with pytest.raises(ConfigError, match="no policy"):
        load_policies(str(file))


def test_a_suggestion_is_the_cheapest_that_keeps_enough() -> None:
    """What is suggested keeps the recall that was asked for, and costs less than no folds."""
    advice = suggest([LONG], recall=0.5)
    assert advice.policy is not None
    assert advice.recall.share >= 0.5
    assert advice.cost < advice.automatic
    again = bill(LONG, advice.policy.moves(LONG), advice.policy.ttl).cost
    assert again == pytest.approx(advice.cost)
    assert suggest([LONG], recall=1.1).policy is None


@pytest.mark.parametrize(
    "name",
    ["claude_code_entireio_cli/*.jsonl", "pi_mono/*.jsonl", "swe_agent/*.json", "tau*_bench/gpt*.jsonl"],
)
def test_every_kind_of_recording_is_replayed(data: Path, name: str) -> None:
    """One file of each kind: prompts only grow, and every policy gives a finite bill."""
    files = list(data.glob(name))
    if not files:
        pytest.skip(f"no recordings in {name}")
    found = traces(min(files, key=lambda file: file.stat().st_size))
    assert found
    for one in found[:3]:
        sizes = [one.prompt(at) for at in range(len(one.steps))]
        assert sizes == sorted(sizes)
        report = compare(one, [Automatic(), Threshold(), BreakEven(identifiers=500)]).as_dict()
        for told in report["policies"]:
            assert told["read"] + told["write_5m"] + told["uncached"] > 0
            assert 0 <= told["recall_window"] <= told["recall_archive"] <= 1


def test_the_models_minimum_holds() -> None:
    """A prompt below the smallest cacheable prefix is neither read nor written."""
    row = facts.model(SONNET)
    assert row is not None
    small = a_trace([(5, 5)] * 10, fixed=100)
    total = bill(small, Automatic().moves(small), "5m")
    assert total.largest < row.min_prefix
    assert total.read == total.write == 0
