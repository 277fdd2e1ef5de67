from __future__ import annotations

import copy
import json
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contextkit.cache.levels import LEVELS
from contextkit.cache.prefix import Prefix, Rules, link, prefix, seeds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from contextkit.api import facts

Body = dict[str, Any]


class PerCharacter:
    """One token a character of text, ten a tool, a hundred for the request."""

    def base(self) -> float:
        """The request's own frame."""
        return 100

    def tool(self, tool: Mapping[str, Any]) -> float:  # noqa: ARG002  (the protocol's name)
        """One tool."""
        return 10

    def system(self, block: Mapping[str, Any]) -> float:
        """One system block."""
        return len(str(block.get("text")))

    def message(self, message: Mapping[str, Any]) -> float:  # noqa: ARG002  (the protocol's name)
        """One message's frame."""
        return 3

    def block(self, block: Mapping[str, Any]) -> float:
        """One block."""
        return len(json.dumps({key: value for key, value in block.items() if key != "cache_control"}))


def text(words: str, **more: Any) -> Body:
    """A text block."""
    return {"type": "text", "text": words, **more}


def user(*blocks: Body | str) -> Body:
    """A user message; strings are text blocks."""
    return {"role": "user", "content": [text(block) if isinstance(block, str) else block for block in blocks]}


def assistant(*blocks: Body | str) -> Body:
    """An assistant message."""
    return {**user(*blocks), "role": "assistant"}


def system(*blocks: Body | str, **more: Any) -> Body:
    """A message of the role system."""
    return {**user(*blocks), "role": "system", **more}


def tool_use(name: str = "a", **given: Any) -> Body:
    """A tool call."""
    return {"type": "tool_use", "id": name, "name": "look", "input": given}


def tool_result(name: str = "a", content: Any = "found") -> Body:
    """Its result."""
    return {"type": "tool_result", "tool_use_id": name, "content": content}


def thinking(words: str = "hm") -> Body:
    """A thinking block."""
    return {"type": "thinking", "thinking": words, "signature": "s"}


def image() -> Body:
    """An image."""
    return {"type": "image", "source": {"type": "url", "url": "https://example.org/a.png"}}


def a_tool(name: str = "look", **more: Any) -> Body:
    """A tool definition."""
    return {"name": name, "description": "d", "input_schema": {"type": "object"}, **more}


def a_body(*messages: Body, **more: Any) -> Body:
    """A request: one tool, one system block, these messages."""
    return {
        "model": "claude-opus-4-5",
        "max_tokens": 10,
        "tools": [a_tool()],
        "system": [text("be brief")],
        "messages": list(messages) or [user("hello")],
        **more,
    }


def chain(body: Body, rules: Rules | None = None) -> Prefix:
    """Its prefix, counted by character."""
    return prefix(body, PerCharacter(), rules)


def survives(before: Body, after: Body, rules: Rules | None = None) -> set[str]:
    """The levels of which every position of `before` is in `after`'s chain."""
    held = {found.digest for found in chain(after, rules).positions}
    lost = {found.path[0] for found in chain(before, rules).positions if found.digest not in held}
    return {"tools", "system", "messages"} - lost


def test_positions_stand_in_render_order_with_the_tokens_up_to_each() -> None:
    """Tools, system, messages: cumulative tokens, the last position's being the whole prompt."""
    found = chain(a_body(user("hello", "you")))
    assert [position.path for position in found.positions] == [
        ("tools", 0, 0),
        ("system", 0, 0),
        ("messages", 0, 0),
        ("messages", 0, 1),
    ]
    tokens = [position.tokens for position in found.positions]
    assert tokens == sorted(tokens)
    assert found.total == tokens[-1]


def test_appending_keeps_every_earlier_digest() -> None:
    """What is appended after a position never changes that position's digest."""
    body = a_body(user("hello"))
    grown = a_body(user("hello"), assistant("yes"), user("more"))
    assert survives(body, grown) == {"tools", "system", "messages"}


def test_link_is_the_chain() -> None:
    """A digest is the link of the digest before and the block's own hash, so that a caller can go on from any place."""
    positions = chain(a_body(user("hello", "you"))).positions
    assert link(positions[-2].digest, positions[-1].own) == positions[-1].digest


@pytest.mark.parametrize(
    ("change", "kept"),
    [
        ({"tools": [a_tool(description="other")]}, set()),
        ({"tools": [a_tool(), a_tool("second")]}, {"tools"}),
        ({"model": "claude-opus-4-6"}, set()),
        ({"speed": "fast"}, set()),
        ({"thinking": {"type": "enabled", "budget_tokens": 2000}}, set()),
        ({"output_config": {"effort": "low"}}, set()),
        ({"output_config": {"format": {"type": "json_schema", "schema": {}}}}, set()),
        ({"output_config": {"task_budget": {"type": "tokens", "total": 5}}}, set()),
        ({"system": [text("be long")]}, {"tools"}),
        ({"tools": [a_tool(), {"type": "web_search_20250305", "name": "web_search"}]}, {"tools"}),
        ({"tool_choice": {"type": "any"}}, {"tools", "system"}),
        ({"tool_choice": {"type": "auto", "disable_parallel_tool_use": True}}, {"tools", "system"}),
        ({"context_management": {"edits": []}}, {"tools", "system"}),
        ({"tool_choice": {"type": "auto"}}, {"tools", "system", "messages"}),
        ({"speed": "standard"}, {"tools", "system", "messages"}),
        ({"max_tokens": 99}, {"tools", "system", "messages"}),
        ({"stop_sequences": ["x"]}, {"tools", "system", "messages"}),
        ({"metadata": {"user_id": "u"}}, {"tools", "system", "messages"}),
        ({"stream": True}, {"tools", "system", "messages"}),
        ({"service_tier": "auto"}, {"tools", "system", "messages"}),
        ({"cache_control": {"type": "ephemeral"}}, {"tools", "system", "messages"}),
    ],
)
def test_invalidation_table(change: Body, kept: set[str]) -> None:
    """Each setting loses exactly the levels that the invalidation table says."""
    assert survives(a_body(), {**a_body(), **change}) == kept


def test_reordered_tools_lose_everything_behind_them() -> None:
    """The order of tools is part of the prefix."""
    one, two = a_tool("one"), a_tool("two")
    assert survives(a_body(tools=[one, two]), a_body(tools=[two, one])) == set()


def test_dated_and_plain_model_id_share_a_cache() -> None:
    """A date suffix is the same model; a name that is not in the table stands for itself."""
    same = survives(a_body(), a_body(model="claude-opus-4-5-20251101"))
    assert same == {"tools", "system", "messages"}
    assert survives(a_body(model="x-1"), a_body(model="x-2")) == set()


def test_effort_at_its_default_is_as_left_out() -> None:
    """Sending the model's default effort is the same prompt as sending none; any other is not."""
    plain = a_body(model="claude-opus-5-5")
    assert survives(plain, {**plain, "output_config": {"effort": "medium"}}) == {"tools", "system", "messages"}
    assert survives(plain, {**plain, "output_config": {"effort": "high"}}) == set()


@pytest.mark.parametrize("level", ["all", "system", "messages", "none"])
def test_settings_switch(level: facts.Effect) -> None:
    """`Rules.settings` says from which level a thinking switch loses the cache."""
    kept = {"all": set(), "system": {"tools"}, "messages": {"tools", "system"}, "none": {"tools", "system", "messages"}}
    changed = a_body(thinking={"type": "enabled", "budget_tokens": 2000})
    assert survives(a_body(), changed, Rules(settings=level)) == kept[level]


def test_speed_and_context_management_switches() -> None:
    """Each doubtful level is a switch of its own."""
    rules = Rules(speed="system", context_management="none")
    assert survives(a_body(), a_body(speed="fast"), rules) == {"tools"}
    edited = a_body(context_management={"edits": []})
    assert survives(a_body(), edited, rules) == {"tools", "system", "messages"}


@pytest.mark.parametrize(
    "with_image", [user("see", image()), user(tool_result(content=[text("a"), image()]))], ids=["block", "in a result"]
)
def test_first_image_anywhere_loses_all_messages(with_image: Body) -> None:
    """The first image, even at the end or in a tool result, loses the messages and keeps tools and system."""
    before = a_body(user("hello"), assistant(tool_use()))
    after = a_body(user("hello"), assistant(tool_use()), with_image)
    assert survives(before, after) == {"tools", "system"}
    later = a_body(user("hello"), assistant(tool_use()), with_image, assistant("ok"), user(image()))
    assert survives(after, later) == {"tools", "system", "messages"}


def test_citations_switched_on_lose_system_and_messages() -> None:
    """A document with citations changes what stands from the system level on."""
    plain = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "d"}}
    cited = {**plain, "citations": {"enabled": True}}
    assert survives(a_body(user("hello")), a_body(user("hello"), assistant("a"), user(cited))) == {"tools"}
    off = {**plain, "citations": {"enabled": False}}
    assert survives(a_body(user("hello")), a_body(user("hello"), assistant("a"), user(off))) == {
        "tools",
        "system",
        "messages",
    }


def test_web_search_is_switched_off_and_on_without_losing_the_other_tools() -> None:
    """Wherever it stands in the list, a web tool counts from the system level on."""
    web = {"type": "web_search_20250305", "name": "web_search"}
    assert survives(a_body(tools=[a_tool()]), a_body(tools=[web, a_tool()])) == {"tools"}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"system": "be brief"}, {"system": [text("be brief")]}),
        (
            {"messages": [{"role": "user", "content": "hello"}]},
            {"messages": [{"role": "user", "content": [text("hello")]}]},
        ),
        ({"messages": [user(tool_result(content="x"))]}, {"messages": [user(tool_result(content=[text("x")]))]}),
        (
            {"messages": [user(tool_result(content="x"))]},
            {"messages": [user(tool_result(content=[text("x", cache_control={"type": "ephemeral"})]))]},
        ),
        (
            {"messages": [user(tool_result(content=[text("x"), text("y")]))]},
            {"messages": [user(tool_result(content=[text("x", citations=None), text("y")]))]},
        ),
        (
            {"messages": [user({"type": "text", "text": "hello"})]},
            {"messages": [user({"text": "hello", "type": "text"})]},
        ),
        ({"messages": [user(text("hello", citations=None))]}, {"messages": [user("hello")]}),
    ],
)
def test_spelling_is_no_difference(one: Body, other: Body) -> None:
    """Text and a list of one text block, keys of a block in any order, a null field: one prefix."""
    assert survives(a_body(**one), a_body(**other)) == {"tools", "system", "messages"}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (user("ab", "c"), user("a", "bc")),
        (user("a"), assistant("a")),
        (user(tool_result("a", "bc")), user(tool_result("ab", "c"))),
        (user(tool_result("a", "x")), user({**tool_result("a", "x"), "is_error": True})),
        (user(tool_result("a", [text("x"), text("y")])), user(tool_result("a", "xy"))),
        (user(tool_result("a", "x")), user("a", "x")),
        (user(text("x", citations=[{"type": "char_location"}])), user("x")),
    ],
)
def test_other_content_is_a_difference(one: Body, other: Body) -> None:
    """No two contents run together: neither at the borders of blocks nor across roles, ids and kinds."""
    assert "messages" not in survives(a_body(one), a_body(other))


def test_key_order_inside_a_tool_calls_input_counts() -> None:
    """JSON key order of `tool_use.input` is part of the prefix (prompt-caching page)."""
    before = a_body(user("x"), assistant(tool_use(a=1, b=2)))
    after = a_body(user("x"), assistant(tool_use(b=2, a=1)))
    assert "messages" not in survives(before, after)


def test_marks_are_not_content() -> None:
    """A mark set, moved or taken away anywhere changes no digest."""
    mark = {"type": "ephemeral", "ttl": "1h"}
    marked = a_body(
        user(text("hello", cache_control=mark)),
        assistant({**tool_use(), "cache_control": mark}),
        tools=[a_tool(cache_control=mark)],
        system=[text("be brief", cache_control=mark)],
    )
    plain = a_body(user("hello"), assistant(tool_use()))
    assert [p.digest for p in chain(marked).positions] == [p.digest for p in chain(plain).positions]
    assert [p.mark for p in chain(marked).positions] == ["1h", "1h", "1h", "1h"]


def test_runs_of_tool_blocks_are_one_step() -> None:
    """Neighbouring tool_use blocks are one lookback position, as are tool_results; other blocks are one each."""
    body = a_body(
        user("x", "y"),
        assistant("go", tool_use("a"), tool_use("b"), tool_use("c")),
        user(tool_result("a"), tool_result("b"), tool_result("c"), "and"),
    )
    assert [p.step for p in chain(body).positions] == [1, 2, 3, 4, 5, 6, 6, 6, 7, 7, 7, 8]
    apart = [p.step for p in chain(body, Rules(collapse_runs=False)).positions]
    assert apart == list(range(1, 13))


def test_a_run_ends_with_its_message() -> None:
    """Results in two messages are two runs."""
    body = a_body(user(tool_result("a")), user(tool_result("b")))
    assert [p.step for p in chain(body).positions][-2:] == [3, 4]


def test_heads_need_not_count_as_positions() -> None:
    """With the switch off, only message blocks count for the lookback."""
    assert [p.step for p in chain(a_body(), Rules(heads_are_positions=False)).positions] == [0, 0, 1]


def test_last_turn_only_models_drop_older_thinking() -> None:
    """On Sonnet 4.5 a new user text strips earlier thinking: the prefix holds up to the first stripped block."""
    turn = [user("x"), assistant(thinking(), tool_use()), user(tool_result())]
    before = a_body(*turn, model="claude-sonnet-4-5")
    loop = a_body(*turn, assistant(tool_use("b")), user(tool_result("b")), model="claude-sonnet-4-5")
    fresh = a_body(*turn, assistant("done"), user("next"), model="claude-sonnet-4-5")
    assert survives(before, loop) == {"tools", "system", "messages"}
    kept = {p.digest for p in chain(fresh).positions}
    lost = [p.path for p in chain(before).positions if p.digest not in kept]
    assert lost == [("messages", 1, 0), ("messages", 1, 1), ("messages", 2, 0)]
    assert all(p.path != ("messages", 1, 0) for p in chain(fresh).positions)


def test_keep_all_models_keep_thinking() -> None:
    """On Opus 4.5 and later a new user text changes nothing before it."""
    before = a_body(user("x"), assistant(thinking(), "y"))
    after = a_body(user("x"), assistant(thinking(), "y"), user("next"))
    assert survives(before, after) == {"tools", "system", "messages"}


def test_turn_scoped_messages_vanish_at_the_next_user_message() -> None:
    """A `clear_at` message counts only until a later user message, of tool results too, and is never marked."""
    note = system("now", clear_at="next_user_message")
    before = a_body(user("x"), note, cache_control={"type": "ephemeral"})
    shown = chain(before).positions
    assert [(p.path, p.markable, p.mark) for p in shown[-2:]] == [
        (("messages", 0, 0), True, "5m"),
        (("messages", 1, 0), False, None),
    ]
    after = a_body(user("x"), note, assistant(tool_use()), user(tool_result()))
    without = a_body(user("x"), assistant(tool_use()), user(tool_result()))
    assert [p.digest for p in chain(after).positions] == [p.digest for p in chain(without).positions]


def test_mid_conversation_system_and_tool_changes_are_appended_blocks() -> None:
    """A `role: "system"` message keeps everything before it, and is part of everything after it."""
    before = a_body(user("x"))
    change = {"type": "tool_addition", "tool": a_tool("new")}
    removal = {"type": "tool_removal", "tool": {"type": "tool_reference", "name": "look"}}
    after = a_body(user("x"), system("note", change, removal), assistant("y"))
    assert survives(before, after) == {"tools", "system", "messages"}
    assert "messages" not in survives(after, a_body(user("x"), assistant("y")))
    assert "messages" not in survives(after, a_body(user("x"), user("note", change, removal), assistant("y")))


def test_effort_message_keeps_what_is_before_and_marks_what_follows() -> None:
    """A content-less effort change keeps the whole prefix; history without it is another history."""
    low = {"role": "system", "content": [], "output_config": {"effort": "low"}}
    before = a_body(user("x"))
    after = a_body(user("x"), low, assistant("y"))
    assert survives(before, after) == {"tools", "system", "messages"}
    assert "messages" not in survives(after, a_body(user("x"), assistant("y")))
    assert all(not p.markable for p in chain(after).positions if p.path[:2] == ("messages", 1))


def test_deferred_tools_stay_out_until_they_are_referenced() -> None:
    """A deferred definition counts neither for hash nor for tokens; where a tool_reference names it, for both."""
    late = a_tool("late", defer_loading=True)
    assert [p.digest for p in chain(a_body(tools=[a_tool(), late])).positions] == [
        p.digest for p in chain(a_body(tools=[a_tool()])).positions
    ]
    found = user(tool_result(content=[{"type": "tool_reference", "tool_name": "late"}]))
    named = a_body(user("x"), assistant(tool_use()), found, tools=[a_tool(), late])
    other = copy.deepcopy(named)
    other["tools"][1]["description"] = "changed"
    assert survives(named, other) == {"tools", "system"}
    alone = a_body(user("x"), assistant(tool_use()), found, tools=[a_tool()])
    assert chain(named).total == chain(alone).total + 10


def test_a_search_result_block_expands_its_references() -> None:
    """The server's own search result names tools one level deeper; they are expanded too."""
    references = [{"type": "tool_reference", "tool_name": "late"}]
    searched = {
        "type": "tool_search_tool_result",
        "tool_use_id": "srvtoolu_1",
        "content": {"type": "tool_search_tool_search_result", "tool_references": references},
    }
    with_tool = a_body(user("x"), assistant(searched), tools=[a_tool(), a_tool("late", defer_loading=True)])
    assert chain(with_tool).total == chain({**with_tool, "tools": [a_tool()]}).total + 10


@pytest.mark.parametrize(
    ("last", "marked"),
    [
        (user("x", "y"), ("messages", 0, 1)),
        (user("x", "  "), ("messages", 0, 0)),
        (assistant("x", thinking()), ("messages", 0, 0)),
        (assistant(thinking()), ("system", 0, 0)),
    ],
)
def test_automatic_mark_steps_back_to_an_eligible_block(last: Body, marked: tuple[str, int, int]) -> None:
    """The top-level mark goes to the last block that can carry one: no thinking, no blank text."""
    found = chain(a_body(last, cache_control={"type": "ephemeral", "ttl": "1h"}))
    assert [p.path for p in found.positions if p.mark == "1h"] == [marked]


def test_automatic_mark_leaves_an_explicit_one_alone() -> None:
    """On a block that is marked already the automatic mark does nothing."""
    mark = {"type": "ephemeral"}
    found = chain(a_body(user(text("x", cache_control=mark)), cache_control=mark))
    assert [p.path for p in found.positions if p.mark] == [("messages", 0, 0)]


def test_nothing_eligible_means_no_mark() -> None:
    """With only thinking in the prompt the automatic mark is not set at all."""
    found = chain(a_body(assistant(thinking()), tools=[], system=[], cache_control={"type": "ephemeral"}))
    assert [p.mark for p in found.positions] == [None]


def test_seeds_are_one_hash_a_level() -> None:
    """Settings that differ at one level differ in that level's hash alone."""
    one, other = seeds(a_body(), Rules()), seeds(a_body(tool_choice={"type": "none"}), Rules())
    assert set(one) == set(LEVELS)
    assert [level for level in LEVELS if one[level] != other[level]] == ["messages"]


blocks = st.one_of(
    st.text(min_size=1, max_size=8).map(text),
    st.text(max_size=4).map(thinking),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=3).map(lambda given: tool_use(x=given)),
    st.text(max_size=8).map(lambda words: tool_result(content=words)),
)
messages = st.builds(
    lambda role, content: {"role": role, "content": content},
    st.sampled_from(["user", "assistant", "system"]),
    st.lists(blocks, min_size=1, max_size=6),
)


@given(st.lists(messages, min_size=1, max_size=8), st.lists(messages, max_size=4))
def test_a_history_that_only_grows_keeps_every_digest(old: list[Body], new: list[Body]) -> None:
    """On a model that keeps thinking, appending anything without images or citations keeps every position."""
    before, after = chain(a_body(*old)).positions, chain(a_body(*old, *new)).positions
    assert [p.digest for p in before] == [p.digest for p in after[: len(before)]]


@given(st.lists(messages, min_size=1, max_size=6), st.data())
def test_one_changed_block_loses_it_and_all_behind_it(history: list[Body], data: st.DataObject) -> None:
    """A change at one block leaves the digests before it and changes that one and every later one."""
    at = data.draw(st.integers(0, len(history) - 1))
    changed = copy.deepcopy(history)
    changed[at]["content"][0] = text("something else entirely")
    one, other = chain(a_body(*history)).positions, chain(a_body(*changed)).positions
    first = next(i for i, p in enumerate(one) if p.path == ("messages", at, 0))
    assert [p.digest for p in one[:first]] == [p.digest for p in other[:first]]
    assert all(p.digest != q.digest for p, q in zip(one[first:], other[first:], strict=True))


@given(st.lists(messages, min_size=1, max_size=6))
def test_steps_never_fall_and_rise_by_one(history: list[Body]) -> None:
    """Steps number the positions without gaps, and tokens never fall."""
    positions = chain(a_body(*history)).positions
    for one, other in pairwise(positions):
        assert other.step - one.step in {0, 1}
        assert other.tokens >= one.tokens
