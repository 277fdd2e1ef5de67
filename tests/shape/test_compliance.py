"""The official JSONPath compliance suite: how much each dialect passes is pinned, and nothing is read wrongly."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path

import pytest

from benchmarks.jsonpath_compliance import outcomes

DATA = Path(os.environ.get("CONTEXTKIT_DATA") or Path(__file__).parents[2].parent / "shared" / "data")
SUITE = DATA / "jsonpath_compliance" / "cts.json"

PINNED = {
    "jsonpath": {"as the RFC says": 316, "refused": 102, "fields lists otherwise": 24, "read, though invalid": 70},
    "rfc9535": {"as the RFC says": 432, "refused": 10},
}
"""Of the 687 cases that the npm package jsonpath-rfc9535 1.3.0 ships."""


@pytest.mark.parametrize("dialect", PINNED)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_suite_gives_the_pinned_results(dialect: str) -> None:
    """Every path that is read selects what RFC 9535 says; what is refused, or listed otherwise, is counted."""
    if not SUITE.exists():
        pytest.skip("the JSONPath compliance suite is absent (../shared/data/jsonpath_compliance/cts.json)")
    cases = json.loads(SUITE.read_text("utf-8"))["tests"]
    counts = Counter(outcome for _, outcome in outcomes(cases, dialect))
    assert counts["selects otherwise"] == 0
    if len(cases) == 687:
        assert {name: counts[name] for name in PINNED[dialect]} == PINNED[dialect]
        assert counts["read, though invalid"] == PINNED[dialect].get("read, though invalid", 0)
