"""Builders that every room's tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "ci", max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
settings.register_profile("long", max_examples=2_000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


@pytest.fixture(scope="session")
def data() -> Path:
    """Recorded third-party data beside the checkout, or $CONTEXTKIT_DATA; the test is skipped where it is absent."""
    place = Path(os.environ.get("CONTEXTKIT_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")
    if not place.is_dir():
        pytest.skip("the recorded data is not beside the checkout (../shared/data) and $CONTEXTKIT_DATA is not set")
    return place
