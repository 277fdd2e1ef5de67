"""Text: caps, kept lines, repeated lines, diffs, CSV."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contextkit.shape.chain import Shape
from contextkit.shape.lines import changes_only, dedupe_lines, keep_lines
from contextkit.shape.shaped import is_note
from contextkit.shape.table import csv_columns
from contextkit.shape.text import cap

prose = st.text(alphabet=st.sampled_from("ab .\n,é😀"), max_size=900)


@settings(max_examples=300, deadline=None)
@given(st.one_of(prose, st.text(max_size=600)), st.integers(0, 500), st.floats(0, 1), st.booleans())
def test_a_cap_holds_is_idempotent_and_cuts_only_the_middle(text: str, limit: int, head: float, named: bool) -> None:
    """The result is within the cap, a second cap changes nothing, and what stays is verbatim from both ends."""
    handle = "k3f9a1" if named else None
    shaped = cap(text, limit, head=head, handle=handle)
    assert len(shaped.text) <= limit or shaped.text == text
    assert cap(shaped.text, limit, head=head, handle=handle).text == shaped.text
    assert shaped.changed == (shaped.text != text)
    assert shaped.original_chars == len(text)
    if shaped.note:
        before, _, after = shaped.text.partition(shaped.note)
        assert text.startswith(before.removesuffix("\n"))
        assert text.endswith(after.removeprefix("\n"))


@given(st.integers(120, 2_000))
def test_the_note_counts_what_was_cut(limit: int) -> None:
    """The figure in the note is the length of what is missing between the two ends."""
    text = "".join(f"line {number} says something. And more\n" for number in range(400))
    shaped = cap(text, limit, handle="k3f9a1")
    match = re.fullmatch(r"\[\.\.\. ([\d,]+) of ([\d,]+) characters cut; handle k3f9a1 \.\.\.\]", shaped.note)
    assert match is not None
    missing = int(match[1].replace(",", ""))
    assert int(match[2].replace(",", "")) == len(text)
    assert abs(len(shaped.text) - len(shaped.note) + missing - len(text)) <= 3


def test_cuts_stand_at_line_or_sentence_ends() -> None:
    """Where a line end is near the limit, no line is cut in two."""
    text = "".join(f"{number:03d} a line of some length\n" for number in range(200))
    shaped = cap(text, 1_000)
    assert all(re.fullmatch(r"\d{3} a line of some length", line) or is_note(line) for line in shaped.text.splitlines())
    sentences = cap("One short sentence here. " * 100, 400).text.split("\n")
    assert sentences[0].endswith(". ")
    assert sentences[2].startswith("One")


def test_the_head_share_decides_which_end_stays() -> None:
    """`head=1` keeps the beginning, `head=0` the end."""
    text = "".join(f"{number}\n" for number in range(1_000))
    assert cap(text, 200, head=1.0).text.startswith("0\n1\n")
    assert cap(text, 200, head=1.0).text.endswith("...]")
    assert cap(text, 200, head=0.0).text.endswith("998\n999\n")


def test_lines_are_capped_with_a_count() -> None:
    """`max_lines` keeps first and last lines and says how many went."""
    lines = Shape(max_lines=10).apply("\n".join(map(str, range(100)))).text.split("\n")
    assert lines == ["0", "1", "2", "3", "4", "5", "[... 91 of 100 lines cut ...]", "97", "98", "99"]


LOG = "\n".join(f"INFO step {number} went well and took some time" for number in range(40))
LOG = LOG.replace("INFO step 20 went", "ERROR step 20 went")


def test_matching_lines_stay_with_their_context() -> None:
    """Lines with a word stay, with neighbours when asked, and gaps are counted."""
    assert keep_lines(LOG, ["error"]).split("\n") == [
        "[... 20 lines without a match ...]",
        "ERROR step 20 went well and took some time",
        "[... 19 lines without a match ...]",
    ]
    assert keep_lines(LOG, ["error"], context=1).count("INFO") == 2
    assert keep_lines(LOG, ["nowhere"]) == LOG, "a log without a match is not said to be empty"
    once = keep_lines(LOG, ["error"])
    assert keep_lines(once, ["error"]) == once


@given(st.lists(st.sampled_from(["a", "bb", "same line", "same line [x3]"]), max_size=30))
def test_repeated_lines_are_written_once_with_their_count(lines: list[str]) -> None:
    """Runs of equal lines shrink, nothing grows, and a second pass changes nothing."""
    text = "\n".join(lines)
    once = dedupe_lines(text)
    assert len(once) <= len(text)
    assert dedupe_lines(once) == once
    assert dedupe_lines("retry\nretry\nretry\nretry\ndone") == "retry [x4]\ndone"


DIFF = "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1,4 +1,4 @@\n same\n-old\n+new\n same too\n"


def test_a_diff_keeps_headers_and_changes() -> None:
    """Unchanged lines of a unified diff go; a text that is no diff stays."""
    assert changes_only(DIFF) == "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1,4 +1,4 @@\n-old\n+new"
    assert changes_only("- a list\n- of things") == "- a list\n- of things"


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_csv_keeps_named_columns(separator: str) -> None:
    """Columns are found by their names with any of the usual separators; quoting is kept."""
    text = separator.join(["id", "name", "note"]) + "\n" + separator.join(["1", "Ulm", f'"a{separator}b"']) + "\n"
    expected = separator.join(["id", "note"]) + "\n" + separator.join(["1", f'"a{separator}b"'])
    assert csv_columns(text, ("id", "note")) == expected
    assert csv_columns(text, ("nothing",)) == text


def test_text_parts_work_together_and_never_grow() -> None:
    """The text options of one shape run in order, and each only where it makes the text shorter."""
    log = "start\n" + "retry the call in a moment\n" * 50 + "ERROR no route\n" + "x\n" * 9
    shaped = Shape(keep_lines=["error", "retry"], dedupe=True, max_chars=300).apply(log, handle="k3f9a1")
    assert "retry the call in a moment [x50]" in shaped.text
    assert "ERROR no route" in shaped.text
    assert len(shaped.text) < 300
    assert "k3f9a1" in shaped.text
