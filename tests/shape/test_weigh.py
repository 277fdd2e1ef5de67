"""Kept lines under a cap: errors first, then the words in their order, in the order of the text."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contextkit.shape.chain import Shape
from contextkit.shape.lines import keep_lines
from contextkit.shape.shaped import is_note
from contextkit.shape.weigh import ERRORS, ranked
from contextkit.tokens.estimate import text_tokens

WORDS = ("error", "warning", "retry")


def a_log(steps: int = 400) -> str:
    """A long log with a warning in every tenth line, a retry in every fifth, and two errors far inside."""
    lines = [f"INFO step {at} went well" for at in range(steps)]
    for at in range(0, steps, 5):
        lines[at] = f"retry of step {at}"
    for at in range(3, steps, 10):
        lines[at] = f"WARNING step {at} is slow"
    lines[steps // 2] = "ERROR no route to host"
    lines[steps // 2 + 7] = "ValueError: error in the body"
    return "\n".join(lines)


def test_errors_survive_a_cap_before_everything() -> None:
    """Two errors in the middle of hundreds of kept lines stay, where first and last lines alone would lose them."""
    shaped = Shape(keep_lines=["retry", "warning", "error"], max_chars=250).apply(a_log(), handle="k3f9a1")
    lines = shaped.text.split("\n")
    assert "ERROR no route to host" in lines
    assert "ValueError: error in the body" in lines
    assert lines[-1] == shaped.note
    assert shaped.note.endswith("chosen lines cut; handle k3f9a1 ...]")
    assert len(shaped.text) <= 250


def test_what_stays_stands_in_the_order_of_the_text() -> None:
    """Importance decides what stays and nothing about the order."""
    lines = Shape(keep_lines=WORDS, max_lines=12).apply(a_log()).text.split("\n")
    assert len(lines) == 12
    places = [a_log().split("\n").index(line) for line in lines[:-1]]
    assert places == sorted(places)


def test_the_words_are_in_order_of_importance() -> None:
    """Lines of an earlier word stay before lines of a later one; the other way round with the other order."""
    log = a_log()
    one = Shape(keep_lines=["warning", "retry"], max_lines=11).apply(log).text
    other = Shape(keep_lines=["retry", "warning"], max_lines=11).apply(log).text
    assert (one.count("WARNING"), one.count("retry")) == (10, 0)
    assert (other.count("WARNING"), other.count("retry")) == (0, 10)


def test_of_lines_that_matter_alike_both_ends_stay() -> None:
    """`head` says which share of them is from the beginning."""
    log = "\n".join(f"warning {at:03d}" for at in range(300))
    shaped = Shape(keep_lines=["warning"], max_lines=11).apply(log).text.split("\n")
    assert shaped[0] == "warning 000"
    assert shaped[-2] == "warning 299"
    assert shaped[-1] == "[... 290 of 300 chosen lines cut ...]"
    first = Shape(keep_lines=["warning"], max_lines=4, head=1.0).apply(log).text
    assert first.startswith("warning 000\nwarning 001\nwarning 002\n[")
    last = Shape(keep_lines=["warning"], max_lines=4, head=0.0).apply(log).text
    assert last.startswith("warning 297\nwarning 298\nwarning 299\n[")


def test_lines_near_a_match_go_before_any_match() -> None:
    """Context is for lines that have room to spare."""
    log = "\n".join(f"{'retry' if at % 10 == 0 else 'step'} {at:03d}" for at in range(200))
    text = Shape(keep_lines=["retry"], context_lines=2, max_lines=21).apply(log).text
    assert text.count("retry") == 20
    assert "step" not in text


def test_a_cap_in_tokens_keeps_errors_too() -> None:
    """`max_tokens` chooses by the same importance."""
    text = Shape(keep_lines=["retry", "error"], max_tokens=60).apply(a_log()).text
    assert "ERROR no route to host" in text
    assert text_tokens(text, "classic") <= 60


def test_a_line_that_is_longer_than_the_cap_is_shown_around_its_match() -> None:
    """An error line of thousands of characters is not lost for its length."""
    log = "x" * 3_000 + " the error is here " + "y" * 3_000
    text = Shape(keep_lines=["error"], max_chars=60).apply(log).text
    assert len(text) <= 60
    assert "error is here" in text


def test_a_text_without_a_match_is_cut_as_any_other() -> None:
    """First and last lines stay where no line matters more than another."""
    log = "\n".join(f"step {at}" for at in range(300))
    assert Shape(keep_lines=["error"], max_lines=5).apply(log) == Shape(max_lines=5).apply(log)
    assert Shape(keep_lines=["error"], max_chars=200).apply(log) == Shape(max_chars=200).apply(log)


@pytest.mark.parametrize(
    ("line", "is_error"),
    [
        ("ERROR no route", True),
        ("ValueError: bad", True),
        ("npm ERR! code 1", True),
        ("3 errors, 2 warnings", True),
        ("FAILED tests/test_a.py", True),
        ("Traceback (most recent call last):", True),
        ("error_code=0", False),
        ("all went well", False),
        ("mirror synced", False),
    ],
)
def test_what_an_error_looks_like(line: str, is_error: bool) -> None:
    """The words of logs and shells for what went wrong, also inside a longer name."""
    assert bool(ERRORS.search(line)) is is_error


LINES = st.lists(
    st.sampled_from(
        [
            "ERROR no",
            "an error of some length in a line",
            "retry",
            "warning: x",
            "ok",
            "",
            "...",
            "[... a ...]",
            "é" * 30,
        ]
    )
    | st.text(st.characters(codec="utf-8", exclude_characters="\n"), max_size=20),
    max_size=40,
)


@settings(max_examples=400, deadline=None)
@given(
    LINES,
    st.one_of(st.none(), st.integers(2, 300)),
    st.one_of(st.none(), st.integers(1, 20)),
    st.integers(0, 2),
    st.sampled_from([0.0, 0.5, 0.7, 1.0]),
    st.booleans(),
    st.booleans(),
)
def test_a_cap_on_kept_lines_holds_keeps_order_and_is_idempotent(
    lines: list[str],
    chars: int | None,
    most: int | None,
    context: int,
    head: float,
    dedupe: bool,
    named: bool,
) -> None:
    """Within both caps, no longer than it came beyond its note, the same at a second pass, and the same every time."""
    text = "\n".join(["x", *lines])  # not JSON
    shape = Shape(keep_lines=WORDS, context_lines=context, max_chars=chars, max_lines=most, head=head, dedupe=dedupe)
    shaped = shape.apply(text, handle="k3f9a1" if named else None)
    assert chars is None or len(shaped.text) <= chars
    assert most is None or shaped.text.count("\n") < most + 1
    assert len(shaped.text) <= len(text) + len(shaped.note) + 1
    assert shape.apply(text, handle="k3f9a1" if named else None) == shaped
    if "chosen lines cut" in shaped.note:
        assert shape.apply(shaped.text).text == shaped.text
        if not dedupe:
            stays = iter(text.split("\n"))
            assert all(is_note(line) or line in stays for line in shaped.text.split("\n"))


@settings(max_examples=300, deadline=None)
@given(LINES, st.integers(60, 300))
def test_nothing_stays_in_place_of_something_that_matters_more(lines: list[str], chars: int) -> None:
    """A line that was cut is no shorter than every line that stayed and matters less."""
    text = "\n".join(["x", *lines])
    shaped = Shape(keep_lines=WORDS, context_lines=1, max_chars=chars).apply(text)
    if "chosen lines cut" not in shaped.note:
        return
    chosen = keep_lines(text, WORDS, context=1).split("\n")
    left = shaped.text.split("\n")[:-1]
    ranks = [rank if rank is not None else 99 for rank in ranked(left, WORDS)]
    for line, rank in zip(chosen, ranked(chosen, WORDS), strict=True):
        if rank is not None and line in left:
            left.remove(line)
        elif rank is not None and ranks and rank < max(ranks):
            assert len(line) > min(
                len(one) for one, other in zip(shaped.text.split("\n"), ranks, strict=False) if other > rank
            )
