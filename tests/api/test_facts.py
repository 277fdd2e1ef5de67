"""The tables of facts: spelled by any platform, and the same as the pages say."""

from __future__ import annotations

import pytest

from contextkit.api import facts

SPELLINGS = (
    "claude-opus-4-5",
    "claude-opus-4-5-20251101",
    "claude-opus-4-5@20251101",
    "anthropic/claude-opus-4.5",
    "us.anthropic.claude-opus-4-5-20251101-v1:0",
    "anthropic.claude-opus-4-5-20251101-v1:0",
    "CLAUDE-OPUS-4-5",
    "claude-opus-4-5[1m]",
)


@pytest.mark.parametrize("name", SPELLINGS)
def test_any_platforms_spelling_finds_the_row(name: str) -> None:
    """Bedrock, Vertex and OpenRouter put things around an id; the row is the same."""
    row = facts.model(name)
    assert row is not None
    assert row.id == "claude-opus-4-5"


@pytest.mark.parametrize("name", ["", "gpt-5", "claude-9", "claude-opus-4-5-mini", "opus-4-5", "notclaude-opus-4-5"])
def test_an_unknown_model_is_unknown(name: str) -> None:
    """No row is guessed for a name that is not in the table."""
    assert facts.model(name) is None


def test_short_names_are_current_models() -> None:
    """Every short name resolves to a row of the table, and no other name is touched."""
    for short, full in facts.ALIASES.items():
        assert facts.resolve(short) == full
        assert facts.model(short) is facts.MODELS[full]
    assert facts.resolve("claude-x") == "claude-x"


@pytest.mark.parametrize(
    ("minimum", "names"),
    [
        (512, "fable-5 fable-5-1 mythos-5 mythos-5-1 opus-5 opus-5-5 sonnet-5-5 haiku-5-5"),
        (1_024, "opus-4-8 sonnet-5 sonnet-4-6 sonnet-4-5"),
        (2_048, "opus-4-7"),
        (4_096, "opus-4-6 opus-4-5 haiku-4-5"),
    ],
)
def test_smallest_cacheable_prefixes(minimum: int, names: str) -> None:
    """The minimums are those of the prompt-caching page."""
    assert {facts.MODELS[f"claude-{name}"].min_prefix for name in names.split()} == {minimum}


def test_models_that_bind_thinking() -> None:
    """Signatures are bound to their prefix on the models that the preserved-thinking page names, on no other."""
    binding = {name for name, row in facts.MODELS.items() if row.binds_thinking}
    named = "fable-5-1 fable-5-2 mythos-5-1 mythos-5-2 opus-5-5 sonnet-5-5 haiku-5-5"
    assert binding == {f"claude-{name}" for name in named.split()}


def test_models_that_drop_older_thinking() -> None:
    """The API drops earlier turns' thinking on Sonnet 4.5 and Haiku 4.5 (older ones are retired)."""
    dropping = {name for name, row in facts.MODELS.items() if not row.keeps_thinking}
    assert dropping == {"claude-sonnet-4-5", "claude-haiku-4-5"}


def test_windows_and_rows_that_do_not_contradict_each_other() -> None:
    """The 4.5 generation has 200k and prefill, all others a million and none; a row's id is its key."""
    for name, row in facts.MODELS.items():
        old = name.endswith("-4-5")
        assert row.id == name
        assert (row.window, row.max_output) == ((200_000, 64_000) if old else (1_000_000, 128_000))
        assert row.prefill is old
        assert not (row.tool_prompt_forced and not row.forced_tools)


def test_an_unknown_change_loses_everything() -> None:
    """What the invalidation table does not know is planned for as a full loss."""
    assert facts.invalidation("something new") == "all"
    assert facts.invalidation("tool_choice") == "messages"
    assert facts.invalidation("system") == "system"
    assert facts.invalidation("max_tokens") == "none"


def test_every_table_by_model_names_models_that_are_known() -> None:
    """A table about thinking, fast mode or compaction holds no id that `MODELS` does not hold."""
    tables = (
        facts.THINKING_REFUSED,
        facts.THINKING_OFF_UP_TO,
        facts.THINKING_RESTS,
        facts.THINKS_ALWAYS,
        facts.READS_THINKING,
        facts.THINKING_OWN_ONLY,
        facts.FAST_MODE,
        facts.NO_COMPACTION,
    )
    assert [name for table in tables for name in table if name not in facts.MODELS] == []


def test_a_model_is_never_told_to_rest_in_a_way_that_it_refuses() -> None:
    """The `thinking.type` that keeps a model from thinking is one that it takes."""
    for name, kind in facts.THINKING_RESTS.items():
        assert kind not in facts.THINKING_REFUSED.get(name, ())


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [
        ("claude-haiku-5-5", "disabled", False),
        ("claude-haiku-5-5", None, True),
        ("claude-sonnet-5-5", "between_tools", True),
        ("claude-opus-5-5", None, True),
        ("us.anthropic.claude-sonnet-4-6", None, False),
        ("claude-sonnet-4-6", "adaptive", True),
        ("somebody-elses", None, True),
        ("somebody-elses", "between_tools", False),
    ],
)
def test_may_think(name: str, kind: str | None, expected: bool) -> None:
    """An answer may begin with thinking when it is asked for, or when the model thinks unless told otherwise."""
    assert facts.may_think(name, kind) is expected


@pytest.mark.parametrize(
    ("name", "maker", "expected"),
    [
        ("claude-opus-5-5", "claude-sonnet-5", True),
        ("claude-opus-5-5", "claude-fable-5", False),
        ("claude-sonnet-5-5", "claude-opus-5", False),
        ("claude-opus-5", "claude-fable-5-2", False),
        ("claude-mythos-5-2", "claude-fable-5-2", True),
        ("claude-opus-5", "claude-fable-5", True),
        ("claude-opus-5-5", "somebody-elses", True),
    ],
)
def test_whose_thinking_a_model_reads(name: str, maker: str, expected: bool) -> None:
    """As the preserved-thinking page lists it; where the page says nothing, it is read."""
    assert facts.reads_thinking(name, maker) is expected
