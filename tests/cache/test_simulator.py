from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contextkit.api.usage import Usage
from contextkit.cache.prefix import Rules
from contextkit.cache.simulator import Bill, PromptCache

if TYPE_CHECKING:
    from collections.abc import Mapping

Body = dict[str, Any]
FIVE, HOUR = {"type": "ephemeral"}, {"type": "ephemeral", "ttl": "1h"}


class Round:
    """Round figures: a hundred tokens a block, of whatever kind; a `size` in a text block overrules it."""

    def base(self) -> float:
        """Nothing."""
        return 0

    def tool(self, tool: Mapping[str, Any]) -> float:
        """One tool."""
        return self.block(tool)

    def system(self, block: Mapping[str, Any]) -> float:
        """One system block."""
        return self.block(block)

    def message(self, message: Mapping[str, Any]) -> float:  # noqa: ARG002  (the protocol's name)
        """Nothing."""
        return 0

    def block(self, block: Mapping[str, Any]) -> float:
        """A text "1000 words" counts a thousand tokens."""
        first = str(block.get("text")).split(" ")[0]
        return float(first) if first.isdigit() else 100


def a_cache(**rules: Any) -> PromptCache:
    """A cache with these switches."""
    return PromptCache(lambda _: Round(), Rules(**rules))


def text(words: str, mark: Body | None = None) -> Body:
    """A text block."""
    return {"type": "text", "text": words, **({"cache_control": mark} if mark else {})}


def user(*blocks: Body | str) -> Body:
    """A user message; strings are text blocks."""
    return {"role": "user", "content": [text(block) if isinstance(block, str) else block for block in blocks]}


def assistant(*blocks: Body | str) -> Body:
    """An assistant message."""
    return {**user(*blocks), "role": "assistant"}


def a_body(*messages: Body, **more: Any) -> Body:
    """A request of a model with a minimum of 512 tokens; 1,000 tokens of system in front."""
    return {"model": "claude-opus-5", "max_tokens": 9, "system": [text("1000 s")], "messages": list(messages), **more}


def numbered(count: int, *marks: int, mark: Body | None = None) -> Body:
    """So many blocks, counted from 1, of a hundred tokens each; marks on these."""
    made = [text(f"b{n}", (mark or FIVE) if n in marks else None) for n in range(1, count + 1)]
    return {"model": "claude-opus-5", "max_tokens": 9, "messages": [{"role": "user", "content": made}]}


def classes(bill: Bill) -> tuple[int, int, int, int]:
    """Read, written for five minutes, for an hour, and plain tokens."""
    return bill.read, bill.write_5m, bill.write_1h, bill.uncached


def test_first_request_writes_up_to_its_mark() -> None:
    """What stands after the last mark is plain input; the rest is written, nothing is read."""
    bill = a_cache().bill(a_body(user(text("x", FIVE), "y")), 0)
    assert classes(bill) == (0, 1100, 0, 100)
    assert (bill.miss, bill.hit) == ("cold", None)


def test_without_marks_nothing_is_cached() -> None:
    """No mark, no entry: the same request again reads nothing."""
    cache = a_cache()
    cache.bill(a_body(user("x")), 0)
    bill = cache.bill(a_body(user("x")), 1)
    assert classes(bill) == (0, 0, 0, 1100)
    assert bill.miss == "no_marks"


def test_identical_request_reads_up_to_its_last_mark() -> None:
    """Within the lifetime the same request reads everything that it wrote and writes nothing."""
    cache = a_cache()
    body = a_body(user(text("x", FIVE), "y"))
    cache.bill(body, 0)
    bill = cache.bill(body, 299)
    assert classes(bill) == (1100, 0, 0, 100)
    assert (bill.miss, bill.hit) == ("", ("messages", 0, 0))


def test_automatic_mark_bills_as_an_explicit_one() -> None:
    """The top-level mark on the last block reads what an explicit mark at that place has written."""
    cache = a_cache()
    cache.bill(a_body(user(text("x", FIVE))), 0)
    assert classes(cache.bill(a_body(user("x"), cache_control=FIVE), 1)) == (1100, 0, 0, 0)


@pytest.mark.parametrize(
    ("model", "minimum"),
    [
        ("claude-opus-5-5", 512),
        ("claude-haiku-5-5", 512),
        ("claude-sonnet-5", 1024),
        ("claude-sonnet-4-5", 1024),
        ("claude-opus-4-7", 2048),
        ("claude-opus-4-5", 4096),
        ("claude-haiku-4-5-20251001", 4096),
        ("some-model", 1024),
    ],
)
def test_minimum_of_each_model(model: str, minimum: int) -> None:
    """One token below the model's minimum is neither written nor read; the minimum itself is."""
    cache = a_cache()
    for size, written in ((minimum - 1, 0), (minimum, minimum)):
        body = {"model": model, "messages": [user(text(f"{size} x", FIVE))]}
        bill = cache.bill(body, 0)
        assert classes(bill) == (0, written, 0, size - written)
        assert bill.miss == ("cold" if written else "below_minimum")
        assert cache.bill(body, 1).read == written


def test_minimum_is_of_the_whole_prefix() -> None:
    """A second mark a few tokens after the first writes its own entry: only the whole prefix counts."""
    cache = a_cache()
    cache.bill(a_body(user(text("x", FIVE))), 0)
    bill = cache.bill(a_body(user(text("x", FIVE), text("y", FIVE))), 1)
    assert classes(bill) == (1100, 100, 0, 0)


def test_marks_below_the_minimum_do_not_bill() -> None:
    """A short marked head is plain input unless a later mark is long enough."""
    body = {"model": "claude-opus-5", "messages": [user(text("100 x", FIVE), "300 y", text("300 z", FIVE), "50 w")]}
    assert classes(a_cache().bill(body, 0)) == (0, 700, 0, 50)


def test_worked_case_of_the_page() -> None:
    """Entry at block 15, mark at block 35: blocks 35 to 16 are tried, 15 is the twenty-first: a miss."""
    cache = a_cache()
    cache.bill(numbered(15, 15), 0)
    bill = cache.bill(numbered(35, 35), 1)
    assert classes(bill) == (0, 3500, 0, 0)
    assert bill.miss == "lookback"


def test_one_block_nearer_is_found() -> None:
    """A mark at block 34 tries blocks 34 to 15."""
    cache = a_cache()
    cache.bill(numbered(15, 15), 0)
    assert classes(cache.bill(numbered(34, 34), 1)) == (1500, 1900, 0, 0)


def test_second_mark_rescues() -> None:
    """A second mark at block 15 opens its own window; only what is after the hit is written."""
    cache = a_cache()
    cache.bill(numbered(15, 15), 0)
    assert classes(cache.bill(numbered(35, 15, 35), 1)) == (1500, 2000, 0, 0)


def test_unmarked_positions_hold_no_entry() -> None:
    """Identical content that was never marked is not found."""
    cache = a_cache()
    cache.bill(numbered(20, 20), 0)
    assert cache.bill(numbered(19, 19), 1).read == 0


def test_runs_of_tool_blocks_bridge_the_window() -> None:
    """Forty parallel calls and their forty results are two positions; with the switch off they are eighty."""
    calls = [{"type": "tool_use", "id": f"t{n}", "name": "f", "input": {}} for n in range(40)]
    results: list[Body] = [{"type": "tool_result", "tool_use_id": f"t{n}", "content": "r"} for n in range(40)]
    results[-1]["cache_control"] = FIVE
    before, after = a_body(user(text("x", FIVE))), a_body(user("x"), assistant(*calls), user(*results))
    for collapse, read in ((True, 1100), (False, 0)):
        cache = a_cache(collapse_runs=collapse)
        cache.bill(before, 0)
        assert cache.bill(after, 1).read == read


def test_each_mark_writes_its_own_entry() -> None:
    """A later request with another tail reads up to the mark that it shares, however far away the tail is."""
    cache = a_cache()
    cache.bill(a_body(user("x", text("y", FIVE)), system=[text("1000 s", FIVE)]), 0)
    other = a_body(user("other", text("tail", FIVE)), system=[text("1000 s", FIVE)])
    bill = cache.bill(other, 1)
    assert (bill.read, bill.hit) == (1000, ("system", 0, 0))


def mixed(*tail: Body | str) -> Body:
    """Marks of an hour on the system and of five minutes on the last block."""
    return a_body(user("x", *tail[:-1], text(str(tail[-1]), FIVE)), system=[text("1000 s", HOUR)])


def test_mixed_lifetimes_bill_a_b_c() -> None:
    """Read A, written for an hour B - A, for five minutes C - B, the rest plain (prompt-caching page)."""
    cache = a_cache()
    assert classes(cache.bill(mixed("y"), 0)) == (0, 200, 1000, 0)
    assert classes(cache.bill(mixed("y", "z"), 1)) == (1200, 100, 0, 0)
    grown = a_body(user(text("x", HOUR), "y", text("z", FIVE), "w"), system=[text("1000 s", HOUR)])
    assert classes(cache.bill(grown, 2)) == (1300, 0, 0, 100)
    afresh = a_body(user(text("q", HOUR), text("z", FIVE), "w"), system=[text("1000 s", HOUR)])
    assert classes(cache.bill(afresh, 3)) == (1000, 100, 100, 100)


def test_only_the_hour_survives_the_five_minutes() -> None:
    """After five minutes the tail is gone and the marked head of an hour is read."""
    cache = a_cache()
    cache.bill(mixed("y"), 0)
    bill = cache.bill(mixed("y"), 301)
    assert classes(bill) == (1000, 200, 0, 0)
    assert bill.miss == "expired"


@pytest.mark.parametrize(("mark", "life"), [(FIVE, 300), (HOUR, 3600)])
def test_lifetime_counts_from_the_start_of_the_request(mark: Body, life: int) -> None:
    """A long generation eats into the lifetime: it ends so many seconds after the request began."""
    for at, read in ((life - 1, 1100), (life, 0)):
        cache = a_cache()
        body = a_body(user(text("x", mark)))
        cache.bill(body, 0, began=120)
        bill = cache.bill(body, at)
        assert bill.read == read
        assert bill.miss == ("" if read else "expired")


def test_reading_renews() -> None:
    """Each read gives the entry its whole lifetime again, counted from that request's start."""
    cache = a_cache()
    body = a_body(user(text("x", FIVE)))
    assert [cache.bill(body, at).read for at in (0, 290, 580, 870, 1171)] == [0, 1100, 1100, 1100, 0]


def test_a_short_reader_renews_an_hour_for_an_hour() -> None:
    """A five-minute mark that reads an entry of an hour renews it as what it is."""
    cache = a_cache()
    cache.bill(a_body(user(text("x", HOUR))), 0)
    short = a_body(user(text("x", FIVE)))
    assert [cache.bill(short, at).read for at in (3000, 6500)] == [1100, 1100]


def test_ancestors_are_renewed_only_by_a_mark_on_them() -> None:
    """A hit on a longer entry leaves the shorter one to expire, unless a mark touches it or the switch is on."""
    short, tail = a_body(user(text("x", FIVE))), [assistant("y"), user(text("z", FIVE))]
    for marked, rules, read in ((False, {}, 0), (True, {}, 1100), (False, {"renew_ancestors": True}, 1100)):
        cache = a_cache(**rules)
        long = a_body(user(text("x", FIVE if marked else None)), *tail)
        cache.bill(short, 0)
        cache.bill(long, 1)
        cache.bill(long, 250)
        assert cache.bill(a_body(user(text("x", FIVE)), assistant("other")), 400).read == read


def test_usable_once_the_writers_response_began() -> None:
    """Parallel cold requests all miss; the next one after the first response began reads."""
    cache = a_cache()
    body = a_body(user(text("x", FIVE)))
    assert cache.bill(body, 0, began=10).read == 0
    second = cache.bill(body, 5, began=20)
    assert (second.read, second.miss) == (0, "not_begun")
    assert cache.bill(body, 10, began=30).read == 1100, "the first writer's response has begun"


def test_workspaces_are_apart() -> None:
    """An entry is read only in the workspace that wrote it."""
    cache = a_cache()
    body = a_body(user(text("x", FIVE)))
    cache.bill(body, 0, workspace="a")
    assert cache.bill(body, 1, workspace="b").miss == "cold"
    assert cache.bill(body, 2, workspace="a").read == 1100


def test_models_and_speeds_are_apart() -> None:
    """Another model or speed reads nothing, and going back reads the old entries: two caches, not one thrashing."""
    cache = a_cache()
    body = a_body(user(text("x", FIVE)))
    others = [{**body, "model": "claude-opus-5-5"}, {**body, "speed": "fast"}, {**body, "thinking": {"type": "x"}}]
    cache.bill(body, 0)
    assert [cache.bill(other, 1).read for other in others] == [0, 0, 0]
    assert [cache.bill(other, 2).read for other in [body, *others]] == [1100] * 4


def test_ttl_in_the_key_is_a_switch() -> None:
    """By default a five-minute mark reads an entry of an hour; with the switch each lifetime reads its own."""
    for switch, read in ((False, 1100), (True, 0)):
        cache = a_cache(ttl_in_key=switch)
        cache.bill(a_body(user(text("x", HOUR))), 0)
        assert cache.bill(a_body(user(text("x", FIVE))), 1).read == read


def test_with_ttl_in_the_key_the_longest_hit_over_all_marks_counts() -> None:
    """A five-minute mark's old hit does not hide a longer hit of an earlier mark of an hour."""
    cache = a_cache(ttl_in_key=True)
    cache.bill(a_body(user(text("x", FIVE))), 0)
    cache.bill(a_body(user("x", text("y", HOUR))), 1)
    bill = cache.bill(a_body(user("x", text("y", HOUR), text("z", FIVE))), 2)
    assert classes(bill) == (1200, 100, 0, 0)


def test_stripped_thinking_falls_back_to_the_last_entry_before_it() -> None:
    """On Sonnet 4.5 the first call of a new turn reads what the turn before had written before it thought."""
    cache = a_cache(settings="messages")
    think = {"type": "thinking", "thinking": "t", "signature": "s"}
    call = {"type": "tool_use", "id": "t", "name": "f", "input": {}}
    result = {"type": "tool_result", "tool_use_id": "t", "content": "r"}
    model = {"model": "claude-sonnet-4-5"}
    cache.bill(a_body(user(text("x", FIVE)), **model), 0)
    loop = a_body(user("x"), assistant(think, call), user({**result, "cache_control": FIVE}), **model)
    assert cache.bill(loop, 1).read == 1100
    fresh = a_body(user("x"), assistant(think, call), user(result), assistant("done"), user(text("n", FIVE)), **model)
    assert classes(cache.bill(fresh, 2)) == (1100, 400, 0, 0)


def test_a_removed_turn_scoped_message_costs_nothing() -> None:
    """The cached prefix of a request with a `clear_at` message ends before it, so the next turn reads all of it."""
    cache = a_cache()
    note = {"role": "system", "content": [text("now")], "clear_at": "next_user_message"}
    cache.bill(a_body(user("x"), note, cache_control=FIVE), 0)
    bill = cache.bill(a_body(user("x"), note, assistant("y"), user("z"), cache_control=FIVE), 1)
    assert classes(bill) == (1100, 200, 0, 0)


def test_usage_of_a_bill() -> None:
    """A bill as usage has the same classes and the given output."""
    bill = Bill(read=1, write_5m=2, write_1h=3, uncached=4)
    assert bill.usage(5) == Usage(input=4, read=1, write_5m=2, write_1h=3, output=5)


def test_dead_entries_are_swept() -> None:
    """Memory follows what is alive: a hundred thousand expired writes do not stay."""
    cache = a_cache()
    for n in range(20_000):
        cache.bill(a_body(user(text(f"x{n}", FIVE))), n * 301.0)
    assert len(cache._entries) <= 4096


block = st.one_of(
    st.integers(0, 900).map(lambda size: text(f"{size} x")),
    st.integers(0, 9).map(lambda n: {"type": "tool_use", "id": f"t{n}", "name": "f", "input": {}}),
    st.integers(0, 9).map(lambda n: {"type": "tool_result", "tool_use_id": f"t{n}", "content": "r"}),
    st.just({"type": "thinking", "thinking": "t", "signature": "s"}),
)
marks = st.sampled_from([None, None, FIVE, HOUR])


@st.composite
def bodies(draw: st.DrawFn) -> Body:
    """Requests over a small alphabet, so that prefixes repeat; marks anywhere, in any order."""
    messages = []
    for role in draw(st.lists(st.sampled_from(["user", "assistant"]), min_size=1, max_size=6)):
        content = draw(st.lists(block, min_size=1, max_size=8))
        marked = [{**b, "cache_control": m} if (m := draw(marks)) and b["type"] != "thinking" else b for b in content]
        messages.append({"role": role, "content": marked})
    more = draw(st.fixed_dictionaries({}, optional={"cache_control": st.sampled_from([FIVE, HOUR])}))
    model = draw(st.sampled_from(["claude-opus-5", "claude-sonnet-4-5", "claude-opus-4-5"]))
    return a_body(*messages, model=model, **more)


@given(st.lists(st.tuples(bodies(), st.integers(0, 400)), min_size=1, max_size=8), st.booleans(), st.booleans())
def test_classes_add_up_and_are_never_negative(calls: list[tuple[Body, int]], in_key: bool, ancestors: bool) -> None:
    """Whatever is sent, and whatever the switches: read, written and plain tokens are the prompt, none below zero."""
    cache = a_cache(ttl_in_key=in_key, renew_ancestors=ancestors)
    at = 0.0
    for body, gap in calls:
        at += gap
        bill = cache.bill(body, at)
        alone = a_cache().bill(body, at)
        assert min(classes(bill)) >= 0
        assert sum(classes(bill)) == sum(classes(alone))


@given(bodies(), st.integers(0, 299))
def test_again_within_the_lifetime_writes_nothing(body: Body, gap: int) -> None:
    """The same request within five minutes reads exactly what it wrote and writes nothing."""
    cache = a_cache()
    first, second = cache.bill(body, 0), cache.bill(body, gap)
    assert second.read == first.write_5m + first.write_1h
    assert (second.write_5m, second.write_1h) == (0, 0)


@given(st.lists(st.integers(1, 19), min_size=1, max_size=12), st.integers(0, 299))
def test_growing_by_at_most_19_positions_reads_everything_written(turns: list[int], gap: int) -> None:
    """With one mark on the last block and at most 19 new positions a turn, nothing that was written is lost."""
    cache = a_cache()
    count, written = 6, 0
    for turn, grown in enumerate([0, *turns]):
        count += grown
        bill = cache.bill(numbered(count, count), turn * gap)
        assert bill.read == written
        assert bill.uncached == 0
        written = count * 100


@given(st.integers(20, 60))
def test_growing_by_more_than_19_positions_loses_everything(grown: int) -> None:
    """The twentieth new position puts the last write out of the window of a single mark."""
    cache = a_cache()
    cache.bill(numbered(10, 10), 0)
    bill = cache.bill(numbered(10 + grown, 10 + grown), 1)
    assert (bill.read, bill.miss) == (0, "lookback")


@given(st.lists(bodies(), min_size=2, max_size=6))
def test_same_requests_same_bills(calls: list[Body]) -> None:
    """The simulator is a function of requests and times."""
    one, other = a_cache(), a_cache()
    assert [one.bill(body, at) for at, body in enumerate(calls)] == [
        other.bill(body, at) for at, body in enumerate(calls)
    ]
