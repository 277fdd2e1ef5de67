"""What a text is made of, counted in one pass: words by length, capitals, digits, punctuation, space, other scripts.

The law: linear time and memory, any string, no vocabulary, never an error. Each character class becomes one big
integer with a bit a byte of the UTF-8 text, so that "a capital after a small letter" is a shift and an AND, and
counting it is one population count: a few tenths of a nanosecond a byte, in plain Python.
"""

from __future__ import annotations

from typing import Final

__all__ = ["CHUNK", "NAMES", "counts"]

CHUNK: Final = 65_536
"""Bytes worked on at a time: the integers stay in the processor's cache and memory stays bounded."""


def _plane(members: bytes) -> bytes:
    """A translation table: b"1" for the members of a class, b"0" for every other byte."""
    return bytes(49 if value in members else 48 for value in range(256))


_LOWER = _plane(b"abcdefghijklmnopqrstuvwxyz")
_UPPER = _plane(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ")
_DIGIT = _plane(b"0123456789")
_SPACE = _plane(b" ")
_LINE = _plane(b"\n\r\t\v\f")
_VOWEL = _plane(b"aeiouy")
_RULE = _plane(b"-=_*#.~")
_CODED = _plane(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")  # base64
_HIGH = _plane(bytes(range(128, 256)))

_TWO = bytes(range(0xC2, 0xD0))  # Latin with accents, Greek
_CYRILLIC = bytes(range(0xD0, 0xE0))  # Cyrillic, Hebrew, Arabic
_INDIC = b"\xe0\xe1"  # Indic scripts, Thai, Georgian and their neighbours
_SIGNS = b"\xe2"  # arrows, box drawing, dashes and typographic quotes
_KANA = b"\xe3"
_HAN = bytes(range(0xE4, 0xEA))
_HANGUL = bytes(range(0xEA, 0xEE))
_FORMS = b"\xee\xef"
_ASTRAL = bytes(range(0xF0, 0xF8))
_SCRIPTS: Final = (_TWO, _CYRILLIC, _INDIC, _SIGNS, _KANA, _HAN, _HANGUL, _FORMS, _ASTRAL)

NAMES: Final = (
    "word_spaced",  # a run of letters after a space: the space is part of the token
    "word",  # a run of letters after anything else
    "word_5",  # runs of at least 5, 7, 9, ... letters
    "word_7",
    "word_9",
    "word_11",
    "word_13",
    "letters_16",  # letters beyond the 16th of a run
    "hump",  # a capital after a small letter
    "capital",  # a capital that starts a run
    "caps",  # a capital after a capital
    "cluster",  # three consonants in a row
    "digit_run",
    "digits",  # a digit after three digits
    "mixed",  # digit next to letter
    "space_run",  # a run of two spaces or more
    "spaces",  # its further spaces
    "line_run",  # a run of newlines, returns, tabs
    "lines",  # further ones
    "punct_spaced",  # punctuation after a space
    "punct",  # after anything else that is not punctuation
    "puncts",  # after punctuation
    "rules",  # ---- ==== ....: after its like
    "coded",  # a hump or a mixed beyond the 64th byte of a run of base64's characters
    "two_byte",
    "cyrillic",
    "indic",
    "signs",
    "kana",
    "han",
    "hangul",
    "forms",
    "astral",
)
"""The features, in the order `counts` returns them."""


def _chunk(data: bytes, ascii_only: bool) -> list[int]:
    def plane(table: bytes) -> int:
        return int(data.translate(table), 2)

    size = len(data)
    full = (1 << size) - 1
    lower, upper, digit, space, line = plane(_LOWER), plane(_UPPER), plane(_DIGIT), plane(_SPACE), plane(_LINE)
    vowel, rule = plane(_VOWEL), plane(_RULE)
    high = 0 if ascii_only else plane(_HIGH)
    letter = lower | upper
    punct = full ^ (letter | digit | space | line | high)

    # The first byte is the highest bit: `x >> 1` stands where the byte before is an x, `x << 1` where the next is.
    start = letter & ~(letter >> 1)
    after_space = space >> 1
    spaced = start & after_space
    two = letter & (letter << 1)
    four = two & (two << 2)
    eight = four & (four << 4)
    five = start & four & (letter << 4)
    seven = five & (two << 5)
    nine = start & eight & (letter << 8)
    eleven = nine & (two << 9)
    thirteen = eleven & (two << 11)
    beyond = eight & (eight >> 8) & (letter >> 9)  # seventeen letters end here or later
    consonant = lower & ~vowel
    digit_start = digit & ~(digit >> 1)
    space_start = space & ~(space >> 1) & (space << 1)
    line_start = line & ~(line >> 1)
    punct_start = punct & ~(punct >> 1)
    rules = rule & (rule >> 1)
    hump = upper & (lower >> 1)
    mixed = (digit & (letter >> 1)) | (letter & (digit >> 1))
    run = plane(_CODED)
    for width in (1, 2, 4, 8, 16, 32):
        run &= run >> width  # as long as twice the width, so far
    found = [
        spaced, start & ~spaced, five, seven, nine, eleven, thirteen, beyond,
        hump, upper & start, upper & (upper >> 1),
        consonant & (consonant >> 1) & (consonant >> 2),
        digit_start, digit & (digit >> 1) & (digit >> 2) & (digit >> 3),
        mixed,
        space_start, space & (space >> 1), line_start, line & ~line_start,
        punct_start & after_space, punct_start & ~after_space, punct & (punct >> 1) & ~rules, rules & punct,
        (hump | mixed) & run,
    ]  # fmt: skip
    return [bits.bit_count() for bits in found]


def counts(text: str) -> list[int]:
    """How often each feature of `NAMES` occurs in `text`; any string, lone surrogates and NUL included."""
    data = text.encode("utf-8", "surrogatepass")
    ascii_only = len(data) == len(text)
    total = [0] * len(NAMES)
    shapes = len(NAMES) - len(_SCRIPTS)
    for begin in range(0, len(data), CHUNK):
        for place, value in enumerate(_chunk(data[begin : begin + CHUNK], ascii_only)):
            total[place] += value
    if not ascii_only:
        size = len(data)
        for place, members in enumerate(_SCRIPTS):
            total[shapes + place] = size - len(data.translate(None, members))
    return total
