"""From the bytes of a file to its text and its lines.

Law: one text, one way to count its lines: they end at LF, CR LF or CR, as Python's own parser counts them, and at
nothing else. Bytes that are no text are an error with the line where that shows, never replaced in silence.
"""

from __future__ import annotations

import codecs
import io
import re
import tokenize
from typing import Final

from contextkit.errors import FormatError

__all__ = ["encoding_of", "line_of", "lines_of", "prompt_text", "source_text", "words"]

_END: Final = re.compile(r"\r\n|\r|\n")
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_UTF8: Final = "Save the file as UTF-8."


def encoding_of(raw: bytes, path: str) -> str:
    """The encoding that Python source declares (PEP 263), "utf-8" where it declares none."""
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise FormatError("Python source cannot be UTF-16", where=f"{path}:1", fix=_UTF8)
    try:
        return tokenize.detect_encoding(io.BytesIO(raw).readline)[0]
    except (SyntaxError, ValueError) as error:
        raise FormatError(f"the encoding is not known: {str(error)[:80]}", where=f"{path}:1", fix=_UTF8) from None


def source_text(raw: bytes, path: str) -> str:
    """The text of a Python file, line ends as they are."""
    if b"\0" in raw:
        line = line_of(raw, raw.index(b"\0"))
        raise FormatError("the file is binary, not Python source", where=f"{path}:{line}", fix="Exclude it.")
    return _decoded(raw, encoding_of(raw, path), path)


def prompt_text(raw: bytes, path: str) -> str:
    """The text of a prompt file: UTF-8, or what its byte order mark says."""
    encoding = next((name for mark, name in _MARKS if raw.startswith(mark)), "utf-8")
    text = _decoded(raw, encoding, path)
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise FormatError("the file is binary, not a text", where=f"{path}:{line}", fix="Exclude it.")
    return text


def _decoded(raw: bytes, encoding: str, path: str) -> str:
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError as error:
        line = line_of(raw, error.start)
        raise FormatError(f"the text is not {encoding}", where=f"{path}:{line}", fix=_UTF8) from None
    except (LookupError, UnicodeError):
        raise FormatError(f"the text is not {encoding[:40]}", where=f"{path}:1", fix=_UTF8) from None


def line_of(raw: bytes, offset: int) -> int:
    """The line, from 1, of a byte."""
    return raw.count(b"\n", 0, offset) + 1


def lines_of(text: str) -> list[str]:
    """The lines without their ends."""
    return _END.split(text)


def words(text: str) -> frozenset[str]:
    """The words of a text, as tables of words are written down."""
    return frozenset(text.split())
