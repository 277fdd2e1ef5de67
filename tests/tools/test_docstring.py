"""A docstring is read as it is usually written, and never breaks a tool."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from contextkit.tools.docstring import parse


def test_google_style_gives_summary_and_parameters() -> None:
    """What stands before the first section, and each parameter with its later lines."""
    said, parameters = parse(
        """Find a flight.

        Direct ones first.

        Args:
            origin: three letters: the code.
            date (str, optional): the day,
                as YYYY-MM-DD
            **rest: others

        Raises:
            ValueError: origin: unknown.
        """
    )
    assert said == "Find a flight.\n\nDirect ones first."
    assert parameters == {
        "origin": "three letters: the code.",
        "date": "the day, as YYYY-MM-DD",
        "rest": "others",
    }


def test_plain_text_is_the_description() -> None:
    """Also with a colon in it; and no docstring is no description."""
    assert parse("Note well: it is slow.\nVery slow.") == ("Note well: it is slow.\nVery slow.", {})
    assert parse(None) == ("", {})
    assert parse("Args:\n    x: only this") == ("", {"x": "only this"})


@given(
    st.lists(
        st.sampled_from(["Args:", "Returns:", "x", ": ", "\n", "    ", "\t", "(", "é"]) | st.characters(), max_size=40
    ).map("".join)
)
def test_any_text_can_be_read(text: str) -> None:
    """Nothing raises."""
    said, parameters = parse(text)
    assert said == said.strip()
    assert all(name.isidentifier() or name[0].isdigit() for name in parameters)
