"""The seven techniques that practitioners publish, each before and after, and all together, on one made-up day.

The law: every row's requests are really sent to an emulator that bills like the prompt cache, at today's prices
(`benchmarks/techniques_ways.py` sends them, `benchmarks/techniques_day.py` is the day); nothing is computed from a
claim. contextkit's own ledger has to agree with the emulator's bill to the last digit, or this fails.

    python benchmarks/techniques.py [--write]
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import techniques_day as day
from benchmarks import techniques_ways as ways
from benchmarks.sections import replace_section
from benchmarks.techniques_ways import Billed, Unmarked, Way, billed
from contextkit import Compaction

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

TARGET = 0.85
RECIPE = Compaction(budget=4_000, keep_recent=1_000, summary_tokens=400)
"""The published recipe: keep the last turns, and have what is older summarised when it passes a few thousand tokens."""


@dataclass(frozen=True, slots=True)
class Done:
    """One way, done: what was billed, and how often tools ran."""

    bill: Billed
    tools: int
    result: Any


def done(name: str, work: Callable[[Way], object], *, booked: bool = True) -> Done:
    """Send a part of the day one way.

    Raises:
        SystemExit: contextkit's ledger and the emulator's bill differ.
    """
    way = Way()
    result = work(way)
    bill = billed(way)
    if booked and abs((way.ledger.totals().cost or 0.0) - bill.usd) > 1e-9 * max(bill.usd, 1.0):
        raise SystemExit(f"{name}: the ledger says {way.ledger.totals().cost}, the emulator billed {bill.usd}")
    print(f"{name:28} {bill.usd:9.4f} USD {bill.calls:6,} calls {bill.prompt:11,} tokens", file=sys.stderr, flush=True)
    return Done(bill, way.tools, result)


@dataclass(frozen=True, slots=True)
class Row:
    """A technique: its part of the day the plain way, with it alone, and with all of contextkit.

    `gain` says what it saves where that is not in the bill.
    """

    name: str
    part: str
    claim: str
    plain: Done
    alone: Done
    whole: Done
    gain: str = ""

    def cells(self) -> list[str]:
        """The row of the table."""
        before, alone, after = (each.bill for each in (self.plain, self.alone, self.whole))
        return [
            self.name,
            self.part,
            self.claim,
            f"{before.usd:.3f}",
            f"{alone.usd:.3f}",
            f"**{self.gain or saved(before.usd, alone.usd)}**",
            saved(before.prompt_usd, alone.prompt_usd),
            f"{after.usd:.3f}",
            saved(before.usd, after.usd),
        ]


HEADER = (
    "technique",
    "part of the day",
    "published",
    "plain, USD",
    "alone, USD",
    "saved",
    "of the prompts",
    "all of contextkit, USD",
    "saved",
)


def saved(before: float, after: float) -> str:
    """The share of a cost that is gone."""
    return f"{1 - after / before:.1%}"


def parts() -> tuple[list[Row], list[str], float]:
    """Every row, the notes below the table, and what all techniques save together."""
    support = done("support, plain", ways.support_plain, booked=False)
    answers = done("answers, plain", lambda way: ways.support_plain(way, classify=False), booked=False)
    weather = done("weather, plain", ways.weather_plain, booked=False)
    research = done("research, plain", ways.research_plain, booked=False)
    chats = done("chats, plain", ways.chats_plain, booked=False)
    night = done("night, plain", ways.night_plain, booked=False)

    routed = done("support, routed", ways.support_routed)
    cached = done("answers, cached", ways.answers_cached)
    remembered = done("weather, tool cache", lambda way: ways.weather(way, Unmarked(way.client), remember=True))
    shaped = done("research, shaped", lambda way: ways.research(way, Unmarked(way.client), shaped=True, early=False))
    early = done("research, early", lambda way: ways.research(way, Unmarked(way.client), shaped=False, early=True))
    folded = done("chats, summaries", lambda way: ways.chats(way, Unmarked(way.client), RECIPE))
    batched = done("night, batch", lambda way: ways.night(way, model=day.MAIN, marked=False))

    support_all = done("support, all", ways.support_all)
    support_main = done("support, all but routing", lambda way: ways.support_all(way, routed=False))
    weather_all = done("weather, all", lambda way: ways.weather(way, way.client, remember=True))
    research_all = done("research, all", lambda way: ways.research(way, way.client, shaped=True, early=True))
    chats_both = done("chats, summaries, cache", lambda way: ways.chats(way, way.client, RECIPE))
    chats_all = done("chats, all", lambda way: ways.chats(way, way.client, Compaction()))
    night_main = done("night, all but routing", lambda way: ways.night(way, model=day.MAIN, marked=True))
    night_all = done("night, all", lambda way: ways.night(way, model=day.CHEAP, marked=True))

    before = (support, weather, research, chats, night)
    after = (support_all, weather_all, research_all, chats_all, night_all)
    rows = [
        Row("routing", f"{day.QUESTIONS} questions, classified and answered", "40-60 %", support, routed, support_all),
        Row("tool cache", f"{day.LOOKUPS} weather questions", "70 % hits", weather, remembered, weather_all,
            f"{1 - remembered.tools / weather.tools:.0%} hits"),
        Row("prompt caching", f"{day.QUESTIONS} answers, 2,000-token system", "85-90 %", answers, cached, cached),
        Row("truncation", f"{day.RESEARCHES} x {day.STEPS} searches, 5,000 tokens", "30-50 %", research, shaped,
            research_all),
        Row("history summaries", f"{day.CHATS} chats of {day.TURNS} turns", "40-60 %", chats, folded, chats_all),
        Row("early exit", f"{day.RESEARCHES} x {day.STEPS} steps", "20-40 %", research, early, research_all),
        Row("batch", f"{day.DOCUMENTS} documents at night", "50 %", night, batched, night_all),
    ]  # fmt: skip
    plain, whole = (sum(each.bill.usd for each in found) for found in (before, after))
    main_night = whole - night_all.bill.usd + night_main.bill.usd
    no_route = main_night - support_all.bill.usd + support_main.bill.usd
    unlucky = whole + night_all.result.usd_worst - night_all.result.usd
    together = (
        f"**All together: {plain:.2f} USD become {whole:.2f}, {saved(plain, whole)} less** (published: 58-65 %)."
        f" With the night on the main model: {saved(plain, main_night)}. Without any routing:"
        f" {saved(plain, no_route)}. Were the batch's items to read the prefix as seldom as was ever seen (30 %):"
        f" {saved(plain, unlucky)}."
    )
    notes = [*mechanisms(rows, night_all), "", *_notes(folded, chats_both, chats_all, night_all)]
    return rows, [together, "", *notes], 1 - whole / plain


def mechanisms(rows: Sequence[Row], night: Done) -> list[str]:
    """What did it in each row, in their order: the part of contextkit that was at work, and what was counted."""
    routing, tool, cache, shape, summaries, early, batch = rows

    def prompts(row: Row) -> str:
        return f"{row.plain.bill.prompt:,} prompt tokens became {row.alone.bill.prompt:,}"

    read, made = cache.alone.bill.read / cache.alone.bill.prompt, summaries.alone.result[0]
    shared = night.bill.read / night.bill.prompt
    counted = {
        "`Route.ask`": f"{routing.alone.bill.cheap} of {routing.alone.bill.calls:,} calls to the cheap model",
        "`@cached`": f"the tool ran {tool.alone.tools} times instead of {tool.plain.tools}",
        "the marks of `Conversation`": f"{read:.0%} of the prompt tokens read from the cache",
        "`Shape(select=[...])`": prompts(shape),
        "`Compaction`, as published": f"{made} summaries; {prompts(summaries)}, those of the summary calls included",
        "`run(stop_when=...)`": f"{early.plain.bill.calls} answers became {early.alone.bill.calls}, conclusions too",
        "`Batch`": f"{batch.alone.bill.calls} items at half price; in the last column one small request wrote the"
        f" prefix, and {shared:.0%} of all prompt tokens were read",
    }
    cells = [[row.name, *found] for row, found in zip(rows, counted.items(), strict=True)]
    return table(("technique", "by", "what was counted, alone"), cells)


def _notes(folded: Done, both: Done, chats: Done, night: Done) -> list[str]:
    """What the figures of a row do not say."""
    (made, _), (own, reason), quote = folded.result, chats.result, night.result
    text = f"""\
- *Tool cache*: a hit saves the tool's own time and price, which are not in the USD here; the prompt has the same bytes.
- *History summaries*: alone, {made} summaries. With the cache the same summaries would make {both.bill.usd:.3f} USD,
  and none {chats.bill.usd:.3f}: they break the prefix. contextkit's default made {own}; its ledger says why:
  "{reason}".
- *Prompt caching*: less of the whole bill than published, because answers are in the bill; of the prompts it is in the
  next column.
- *Truncation* and *early exit* are of the same research: their last columns have both, and the cache.
- *Batch*: `dry_run` had reckoned {quote.usd:.4f} USD before anything was sent (answers of {ways.NOTES} tokens, 98 % of
  the items reading the prefix), {quote.usd_worst:.4f} at 30 %; {night.bill.usd:.4f} were billed. The emulator's batches
  read the prefix every time; the API promises no share."""
    return text.splitlines()


INTRO = f"""\
A made-up day of one assistant (`benchmarks/techniques_day.py`): the same questions, tools and answers every way.
*Plain*: a list of messages sent whole to `{day.MAIN}`, without marks, as most programs do. *Alone*: only this
technique, through contextkit's code, with every cache mark taken off on the way out. *All of contextkit*: the part with
every technique that applies to it. The emulator bills like the prompt cache, at today's prices; contextkit's ledger
agrees with its bill to the last digit. *Published*: what practitioners report for the technique, of their workloads;
they do not say what of the bill it is a share of. The cheap model is `{day.CHEAP}`, a twentieth of the main one's price
here, so routing saves more than it did with older prices. What is measured here is the bill, not the quality: what goes
to the cheap model (intents, answers of the handbook, notes on documents), what a shape leaves out (the pages' texts;
titles, addresses and snippets stay) and when to be sure (after seven searches of ten) are choices of whoever writes the
program, and part of the made-up day."""


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A Markdown table."""
    return [f"| {' | '.join(row)} |" for row in (header, ["---"] * len(header), *rows)]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the day; 1 when the target is missed."""
    parser = argparse.ArgumentParser(description="Seven techniques, before and after.")
    parser.add_argument("--write", action="store_true", help="write the section of docs/benchmarks.md")
    args = parser.parse_args(argv)
    rows, notes, total = parts()
    lines = [INTRO, "", *table(HEADER, [row.cells() for row in rows]), "", *notes]
    if total < TARGET:
        lines += ["", f"Target missed: {TARGET:.0%}."]
    print("\n".join(lines))
    if args.write:
        replace_section("techniques", "Seven techniques, and all together", "make benchmark-techniques", lines)
    return 0 if total >= TARGET else 1


if __name__ == "__main__":
    sys.exit(main())
