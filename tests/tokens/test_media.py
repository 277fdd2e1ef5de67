from __future__ import annotations

import base64
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contextkit.tokens.media import CEILING, MAX_PAGES, dimensions, image_tokens, pages


def a_png(width: int, height: int) -> bytes:
    """The head of a PNG."""
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", width, height)


def a_jpeg(width: int, height: int) -> bytes:
    """A JPEG head with metadata before its frame."""
    return (
        b"\xff\xd8\xff\xe1"
        + struct.pack(">H", 402)
        + b"\0" * 400
        + b"\xff\xff\xc2"
        + struct.pack(">HBHH", 11, 8, height, width)
    )


def a_webp(width: int, height: int) -> bytes:
    """An extended WebP head."""
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0" + size


def text(raw: bytes) -> str:
    """Bytes as a request carries them."""
    return base64.b64encode(raw).decode()


@pytest.mark.parametrize(
    "raw",
    [
        a_png(640, 480),
        a_jpeg(640, 480),
        a_webp(640, 480),
        b"GIF89a" + struct.pack("<HH", 640, 480),
        b"RIFF\0\0\0\0WEBPVP8 \0\0\0\0\0\0\0\x9d\x01\x2a" + struct.pack("<HH", 640, 480),
        b"RIFF\0\0\0\0WEBPVP8L\0\0\0\0\x2f" + (639 | 479 << 14).to_bytes(4, "little") + b"\0" * 5,
    ],
    ids=["png", "jpeg", "webp", "gif", "webp-lossy", "webp-lossless"],
)
def test_the_header_tells_the_size(raw: bytes) -> None:
    """Width and height are read from each format's header."""
    assert dimensions(text(raw)) == (640, 480)


@given(st.one_of(st.binary(max_size=400).map(text), st.text(max_size=100), st.none(), st.integers()))
def test_hostile_images_are_no_error(data: object) -> None:
    """Whatever stands in the place of an image, its size is read or it is None."""
    size = dimensions(data)
    assert size is None or min(size) > 0


@pytest.mark.parametrize(
    ("size", "standard", "high"),
    [((200, 200), 64, 64), ((1000, 1000), 1296, 1296), ((1092, 1092), 1521, 1521), ((1920, 1080), 1560, 2691)],
)
def test_the_samples_of_the_vision_page(size: tuple[int, int], standard: int, high: int) -> None:
    """The page's own examples come out as the page says."""
    assert image_tokens(size, high_res=False, cells=True) == standard
    assert image_tokens(size, high_res=True, cells=True) == high


@given(st.integers(1, 10**9), st.integers(1, 10**9), st.booleans(), st.booleans())
def test_no_image_costs_more_than_the_ceiling(width: int, height: int, high_res: bool, cells: bool) -> None:
    """However large, an image stays within its tier."""
    assert 0 < image_tokens((width, height), high_res=high_res, cells=cells) <= CEILING[high_res]


def test_an_unreadable_image_costs_the_most() -> None:
    """An image whose size is not in the request is planned for as the largest."""
    assert image_tokens(None, high_res=True, cells=True) == 4784


def test_pages_of_a_pdf_are_counted() -> None:
    """Page objects are counted, the page tree is not."""
    body = b"%PDF-1.4 <</Type /Pages /Count 2>> <</Type /Page>> <</Type/Page >>"
    assert pages({"data": text(body)}) == 2


@pytest.mark.parametrize("data", ["", "%%%", None, 7, text(b"/Type/Page " * 5000), text(b"/Count 999999")])
def test_hostile_pdfs_stay_within_bounds(data: object) -> None:
    """Anything has at least one page and no more than a request may hold."""
    assert 1 <= pages({"data": data}) <= MAX_PAGES
