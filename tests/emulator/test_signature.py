"""Signatures that the emulator makes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from contextkit.emulator.signature import claims_of, covers, seal

CLAIMS = st.dictionaries(st.text(max_size=5).filter(lambda key: key != "text"), st.text(max_size=10), max_size=3)


@given(CLAIMS, st.text(max_size=50), st.binary(min_size=1, max_size=80))
def test_what_was_sealed_is_read_back(claims: dict[str, str], text: str, secret: bytes) -> None:
    """The claims come back, and the text is covered."""
    found = claims_of(seal(claims, text, secret), secret)
    assert found is not None
    assert {key: found[key] for key in claims} == claims
    assert covers(found, text)
    assert not covers(found, text + "x")


@given(CLAIMS, st.integers(0, 200), st.characters(codec="ascii"))
def test_a_changed_signature_is_foreign(claims: dict[str, str], at: int, letter: str) -> None:
    """Any other character makes it a signature that was not made here; none is an error."""
    made = seal(claims, "text", b"secret")
    at %= len(made)
    changed = made[:at] + letter + made[at + 1 :]
    found = claims_of(changed, b"secret")
    assert found is None or found == claims_of(made, b"secret")


@given(st.text() | st.none() | st.integers() | st.lists(st.text()))
def test_anything_else_is_foreign(value: object) -> None:
    """Other signatures, and what is none, are told apart without an error."""
    assert claims_of(value, b"secret") is None
    assert claims_of(seal({}, "t", b"other"), b"secret") is None
