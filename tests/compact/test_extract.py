"""A summary without a model: bounded, deterministic, and every identifier verbatim from the range."""

from __future__ import annotations

import copy
import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contextkit.api.messages import dumps
from contextkit.compact.extract import extractive, identifiers, listed, quoted_names
from contextkit.compact.identifiers import written
from contextkit.history.log import Entry
from contextkit.tokens.estimate import text_tokens
from tests.history.histories import a_long_log, call, result, said

WORDS = st.text(st.sampled_from(string.ascii_letters + string.digits + '/._-~\n"\\ é漢😀:'), max_size=60)
ENTRIES = st.lists(
    st.builds(lambda text: Entry("user", [said(text)]), WORDS)
    | st.builds(lambda key, text: Entry("assistant", [call("a", **{key: [text, None, 12345.5]})]), WORDS, WORDS)
    | st.builds(lambda text, error: Entry("user", [result("a", text, is_error=error)]), WORDS, st.booleans()),
    max_size=8,
)


def strings(value: Any) -> list[str]:
    """Every text and number inside a JSON value."""
    if isinstance(value, dict):
        return [found for pair in value.items() for item in pair for found in strings(item)]
    if isinstance(value, list):
        return [found for item in value for found in strings(item)]
    return [value if isinstance(value, str) else dumps(value)]


@given(ENTRIES, st.integers(0, 500))
def test_every_identifier_stands_in_the_range(entries: list[Entry], limit: int) -> None:
    """Verbatim, inside one text, key or value of the range; no two the same; within the limit as they are written."""
    before = copy.deepcopy(entries)
    texts = [text for entry in entries for block in entry.blocks for text in strings(block)]
    names = identifiers(entries, limit)
    assert names == identifiers(entries, limit)
    assert all(any(name in text for text in texts) for name in names)
    assert len(names) == len(set(names))
    assert text_tokens(written(names), "2026") <= limit
    assert entries == before


def test_the_list_says_how_it_is_read() -> None:
    """Braces are explained where there are any, and only there; no names, no list."""
    assert listed(["rec_81b2", "E1042"]) == "Identifiers: rec_81b2 E1042"
    assert listed(["/a/b.py", "/a/c.py"]) == "Identifiers (a/{b,c/d} is a/b and a/c/d): /a/{b.py,c.py}"
    assert listed([]) == quoted_names([]) == ""
    assert quoted_names(["rec_81b2"]).splitlines()[-2:] == ["Identifiers: rec_81b2", "</conversation_identifiers>"]


@given(ENTRIES, st.integers(200, 2_000))
def test_it_is_bounded_and_the_same_every_time(entries: list[Entry], max_tokens: int) -> None:
    """No more tokens than allowed, by the estimator of either tokenizer."""
    made = extractive(entries, max_tokens=max_tokens)
    assert made == extractive(entries, max_tokens=max_tokens)
    assert text_tokens(made, "2026") <= max_tokens
    assert text_tokens(made, "classic") <= max_tokens


DENSE = {
    "words": "a plain sentence of common words ",
    "han": "漢字仮名交じり文",
    "emoji": "😀🎉",
    "hashes": "deadbeef0123456789abcdef ",
    "numbers": "1.5,22,333.25,4444 ",
    "json": '{"id":"rec_1","n":[1,2,3]},',
    "paths": "/usr/lib/x86_64-linux-gnu/libm.so.6 ",
    "punctuation": "!?#$%&*()",
    "capitals": "XQZJKV WPTRHN ",
    "cyrillic": "съешь же ещё этих ",
}


@pytest.mark.parametrize("kind", DENSE)
@pytest.mark.parametrize("max_tokens", [200, 1_000, 4_000])
def test_it_is_bounded_on_dense_text(kind: str, max_tokens: int) -> None:
    """Scripts, numbers and hashes that take many tokens a character keep to the bound too."""
    entries = [
        Entry("user" if at % 2 else "assistant", [said(f"{at} " + DENSE[kind] * 40), result("a", DENSE[kind] * 400)])
        for at in range(200)
    ]
    made = extractive(entries, max_tokens=max_tokens)
    assert text_tokens(made, "2026") <= max_tokens
    assert max_tokens < 1_000 or len(made) > max_tokens / 4  # and the room is used


def test_what_the_user_said_is_kept_first() -> None:
    """With little room, the user's words stay before calls and results, the newest before the oldest."""
    log = a_long_log(60)
    log.assistant([said("ok")], 5)
    log.user([said("Only count paid invoices.")], 10)
    made = extractive(log.entries, max_tokens=300)
    assert "- user: Question 0, part 0" in made
    assert "- user: Only count paid invoices." in made
    assert "further steps are left out" in made
    assert made.index("Question 0") < made.index("Only count paid")


def test_rules_stand_before_everything_else() -> None:
    """With room for little, the lines that say what must be are kept, verbatim, however much was said after them."""
    rules = ("Never touch src/legacy.", "Antworte nur auf Deutsch.", "Please refund at most 50 EUR without asking.")
    first = Entry("user", [said("Hello there.\n" + "\n".join(rules) + "\nThanks.")])
    rest = [Entry("user", [said(f"Some remark number {at} about the weather of today.")]) for at in range(200)]
    made = extractive([first, *rest], max_tokens=250)
    assert [f"- user: {rule}" for rule in rules] == made.splitlines()[:3]
    assert text_tokens(made, "2026") <= 250


def test_the_list_can_stand_elsewhere() -> None:
    """Given names are used as they are; with none the summary has no list of its own."""
    entries = [Entry("user", [said("See rec_81b2 and rec_90ff.")])]
    assert extractive(entries, max_tokens=300, names=["rec_90ff"]).endswith("Identifiers: rec_90ff")
    assert "Identifiers" not in extractive(entries, max_tokens=300, names=())


@pytest.mark.parametrize("text", ["x" * 10**6, "a/" * 10**6, "a_" * 10**6, "/" * 10**6, "0.1" * 10**6, "< " * 10**6])
def test_a_hostile_line_is_no_trouble(text: str) -> None:
    """A megabyte without an end gives a short summary; a pattern that backtracked would not come back from it."""
    made = extractive([Entry("user", [result("a", text), said(text)])], max_tokens=300)
    assert text_tokens(made, "2026") <= 300


def test_nothing_gives_nothing() -> None:
    """An empty range has an empty summary, which `checked` then refuses."""
    assert extractive([], max_tokens=500) == ""
    assert identifiers([], 500) == []
