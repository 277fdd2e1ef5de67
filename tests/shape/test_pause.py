"""The pause of garbage collection: given back as it was taken."""

from __future__ import annotations

import gc

from contextkit.shape.pause import LARGE, paused


def test_the_last_pause_gives_back_what_the_first_took() -> None:
    """Pauses overlap, short texts take none, and collection that was off stays off."""
    assert gc.isenabled()
    with paused(LARGE):
        with paused(LARGE):
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()
    with paused(LARGE - 1):
        assert gc.isenabled()
    gc.disable()
    try:
        with paused(LARGE):
            assert not gc.isenabled()
        assert not gc.isenabled()
    finally:
        gc.enable()
