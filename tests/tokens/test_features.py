from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from contextkit.tokens.features import CHUNK, NAMES, counts


def found(text: str) -> dict[str, int]:
    """The features that occur."""
    return {name: value for name, value in zip(NAMES, counts(text), strict=True) if value}


def test_words_are_told_apart_by_what_stands_before_them() -> None:
    """A word after a space and a word after anything else are two features."""
    assert found("ab cd(ef") == {"word": 2, "word_spaced": 1, "punct": 1}


def test_long_words_count_in_every_length_they_reach() -> None:
    """A word of eleven letters is a word of five, seven, nine and eleven."""
    reached = found("aeiouaeioua")
    assert {name for name in reached if name.startswith("word_")} == {"word_5", "word_7", "word_9", "word_11"}


def test_letters_beyond_the_sixteenth_are_counted_one_by_one() -> None:
    """A run of a hundred letters has 84 letters beyond its sixteenth."""
    assert found("a" * 100)["letters_16"] == 84


def test_capitals_digits_and_runs() -> None:
    """Humps, capitals in a row, digit runs and their neighbours are each their own feature."""
    assert found("fooBar") == {"word": 1, "word_5": 1, "hump": 1}
    assert found("HTTP") == {"word": 1, "capital": 1, "caps": 3}
    assert found("12345 6") == {"digit_run": 2, "digits": 2}
    assert found("a1")["mixed"] == 1
    assert found("   \n\n") == {"space_run": 1, "spaces": 2, "line_run": 1, "lines": 1}
    assert found("----") == {"punct": 1, "rules": 3}
    assert found(" )];") == {"punct_spaced": 1, "puncts": 2}


def test_coded_bytes_are_told_from_long_words_and_paths() -> None:
    """What is mixed far inside a run of base64's characters counts once more; a long word or a path does not."""
    assert found("aB" * 40)["coded"] == 9
    assert found("a1" * 32).get("coded") == 1
    assert "coded" not in found("a" * 500)
    assert "coded" not in found("src/lib/" * 20)
    assert "coded" not in found("aB1 " * 100)


def test_scripts_are_counted_by_character() -> None:
    """Each non-ASCII character counts once, in the group of its first byte."""
    assert found("é\u0434\u0928→\u3042\u4e2d\ud55c\U0001f600") == {
        "two_byte": 1, "cyrillic": 1, "indic": 1, "signs": 1, "kana": 1, "han": 1, "hangul": 1, "astral": 1,
    }  # fmt: skip


@given(st.text(st.characters(codec=None), max_size=300))
def test_any_string_is_counted(text: str) -> None:
    """No string raises, and every feature is between zero and the bytes of the text."""
    size = len(text.encode("utf-8", "surrogatepass"))
    assert all(0 <= value <= size for value in counts(text))


@given(st.text(max_size=200), st.text(max_size=200))
def test_a_newline_and_a_letter_apart_texts_hardly_interact(first: str, second: str) -> None:
    """Joining two texts changes each feature by no more than what can straddle the joint: 16 bytes, 64 of a code."""
    parts = [a + b for a, b in zip(counts(first), counts(second), strict=True)]
    changes = [abs(whole - sum_) for whole, sum_ in zip(counts(first + second), parts, strict=True)]
    assert all(change <= (65 if name == "coded" else 16) for name, change in zip(NAMES, changes, strict=True))


def test_chunks_leave_no_more_than_a_joint() -> None:
    """A text of many chunks counts like one, but for what straddles each of the joints."""
    text = "word " * CHUNK
    assert abs(counts(text)[NAMES.index("word_spaced")] - CHUNK) <= 6
