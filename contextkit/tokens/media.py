"""Images and PDFs as tokens, from the bytes of their headers.

The law: bounded work on hostile bytes (headers of images, one scan of a PDF), never an error; what cannot be read
costs what the largest image, or one page, would cost.

Sources: the vision page for the newer generation, ceil(w/28) * ceil(h/28) after the downscale; for the generations
up to 4.6 the billed images in `../shared/data`, w*h/750 after the downscale (measured 2026-11-22).
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["dimensions", "image_tokens", "pages"]

EDGE: Final = {False: 1568, True: 2576}
"""Longest edge in pixels that is not downscaled, by high resolution (vision page)."""

CEILING: Final = {False: 1568, True: 4784}
"""Most tokens an image costs, by high resolution (vision page)."""

MAX_PAGES: Final = 600
"""Most pages of a PDF in one request (pdf-support page)."""

HEADER: Final = 262_144
"""Base64 characters of an image that are looked at; a JPEG keeps its size behind its metadata."""

MAX_PDF: Final = 44_000_000
"""Base64 characters of a PDF that are looked at: a request holds 32 MB."""

_PNG: Final = b"\x89PNG\r\n\x1a\n"
_PNG_HEAD: Final = 24
"""Bytes up to the end of width and height."""

_SIZED: Final = 10
"""Bytes of a GIF, or of the body of a WebP, that hold width and height."""

_MARKER: Final = 0xFF
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_BARE = frozenset({0x01, *range(0xD0, 0xDA)})
_PAGE = re.compile(rb"/Type\s{0,4}/Page(?![a-zA-Z])")
_COUNT = re.compile(rb"/Count\s{1,4}(\d{1,6})")


def _decoded(data: Any, limit: int) -> bytes:
    """The first `limit` base64 characters as bytes; empty for what is not base64."""
    if isinstance(data, bytes):
        return data[:limit]
    if not isinstance(data, str):
        return b""
    head = data[:limit].encode("ascii", "ignore")
    try:
        return base64.b64decode(head[: len(head) // 4 * 4])
    except (binascii.Error, ValueError):
        return b""


def _jpeg(raw: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 9 <= len(raw) and raw[at] == _MARKER:
        marker = raw[at + 1]
        if marker in _JPEG_FRAMES:
            return int.from_bytes(raw[at + 7 : at + 9], "big"), int.from_bytes(raw[at + 5 : at + 7], "big")
        bare = marker in _JPEG_BARE or marker == _MARKER
        at += (1 if marker == _MARKER else 2) if bare else 2 + max(2, int.from_bytes(raw[at + 2 : at + 4], "big"))
    return None


def _webp(raw: bytes) -> tuple[int, int] | None:
    kind, body = raw[12:16], raw[20:30]
    if len(body) < _SIZED:
        return None
    if kind == b"VP8X":
        return int.from_bytes(body[4:7], "little") + 1, int.from_bytes(body[7:10], "little") + 1
    if kind == b"VP8L":
        bits = int.from_bytes(body[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 ":
        return int.from_bytes(body[6:8], "little") & 0x3FFF, int.from_bytes(body[8:10], "little") & 0x3FFF
    return None


def dimensions(data: Any) -> tuple[int, int] | None:
    """Width and height in pixels from a PNG, JPEG, GIF or WebP header (base64 text or bytes); None if unreadable."""
    raw = _decoded(data, HEADER)
    size: tuple[int, int] | None = None
    if raw[:8] == _PNG and len(raw) >= _PNG_HEAD:
        size = int.from_bytes(raw[16:20], "big"), int.from_bytes(raw[20:24], "big")
    elif raw[:4] == b"GIF8" and len(raw) >= _SIZED:
        size = int.from_bytes(raw[6:8], "little"), int.from_bytes(raw[8:10], "little")
    elif raw[:2] == b"\xff\xd8":
        size = _jpeg(raw)
    elif raw[:4] == b"RIFF" and raw[8:12] == b"WEBP":
        size = _webp(raw)
    return size if size and min(size) > 0 else None


def _fits(width: float, height: float, *, high_res: bool) -> bool:
    cells = math.ceil(width / 28) * math.ceil(height / 28)
    return max(width, height) <= EDGE[high_res] and cells <= CEILING[high_res]


def image_tokens(size: tuple[int, int] | None, *, high_res: bool, cells: bool) -> float:
    """Tokens of one image.

    Args:
        size: width and height in pixels; None counts as the largest image.
        high_res: up to 2,576 px and 4,784 tokens instead of 1,568 and 1,568.
        cells: the 28-pixel rule of the newer generation instead of w*h/750.
    """
    if size is None:
        return float(CEILING[high_res])
    width, height = float(min(size[0], 100_000)), float(min(size[1], 100_000))
    if not _fits(width, height, high_res=high_res):
        # The largest size of the same aspect within both limits: halving the interval to under a pixel.
        low, high = 0.0, min(1.0, EDGE[high_res] / max(width, height))
        for _ in range(20):
            middle = (low + high) / 2
            low, high = (middle, high) if _fits(width * middle, height * middle, high_res=high_res) else (low, middle)
        width, height = max(1.0, width * low), max(1.0, height * low)
    if cells:
        return float(math.ceil(width / 28) * math.ceil(height / 28))
    return min(width * height / 750, float(CEILING[high_res]))


def pages(source: Mapping[str, Any]) -> int:
    """Pages of a base64 PDF source, read from its page objects; a compressed file is judged by its size."""
    raw = _decoded(source.get("data"), MAX_PDF)
    found = sum(1 for _ in _PAGE.finditer(raw))
    if not found:
        found = max((int(match[1]) for match in _COUNT.finditer(raw)), default=0)
    if not found:
        found = max(1, len(raw) // 60_000)  # a page of a compressed PDF is some tens of kilobytes
    return min(found, MAX_PAGES)
