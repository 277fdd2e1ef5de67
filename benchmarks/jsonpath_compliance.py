"""How much of the official JSONPath compliance suite (RFC 9535) each dialect passes, and what it does otherwise.

Run: `python benchmarks/jsonpath_compliance.py PATH/TO/cts.json`. The suite is no part of this project; the npm package
`jsonpath-rfc9535` ships it (`npm pack jsonpath-rfc9535@1.3.0`, in `src/__tests__`). The table of docs/shaping.md is
what this prints.

A case passes as `select` when the pruned document is the one that the places of the suite leave, and as `fields` when
the listed values are those of the suite, in one of its orders. A path that RFC 9535 calls invalid passes when a shape
with it cannot be built.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from contextkit.errors import ShapeError
from contextkit.shape.declare import finder, paths
from contextkit.shape.paths import segments
from contextkit.shape.select import prune
from contextkit.shape.shaped import BoundError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from contextkit.shape.select import Location

__all__ = ["DIALECTS", "outcomes", "places"]

DIALECTS: Final = ("jsonpath", "rfc9535")
VALID: Final = ("as the RFC says", "refused", "fields lists otherwise", "selects otherwise")
INVALID: Final = ("refused, as the RFC says", "read, though invalid")


def places(normalized: list[str]) -> list[Location]:
    """Normalized paths of the suite as places."""
    return [tuple(segment.steps[0] for segment in segments(path) or ()) for path in normalized]


def outcomes(cases: list[Mapping[str, Any]], dialect: str) -> Iterator[tuple[Mapping[str, Any], str]]:
    """Every case of the suite with what a dialect does with it: one of VALID or INVALID."""
    for case in cases:
        try:
            shape = paths([case["selector"]], dialect, allow_regex=True)
            listed = finder(case["selector"], dialect, allow_regex=True)
        except ShapeError:
            yield case, INVALID[0] if case.get("invalid_selector") else "refused"
            continue
        if case.get("invalid_selector"):
            yield case, INVALID[1]
            continue
        try:
            yield case, _compared(case, shape.keep(case["document"]), listed.values(case["document"]))
        except BoundError:  # a pattern that is refused when it is met
            yield case, "refused"


def _compared(case: Mapping[str, Any], kept: Any, listed: list[Any]) -> str:
    where = case["result_paths"] if "result_paths" in case else case["results_paths"][0]
    if repr(kept) != repr(prune(case["document"], places(where))):
        return "selects otherwise"
    if listed not in ([case["result"]] if "result" in case else case["results"]):
        return "fields lists otherwise"
    return "as the RFC says"


def main() -> int:
    """Print the table, and with --list every case that is not as the RFC says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("suite", type=Path, help="cts.json of the suite")
    parser.add_argument("--list", action="store_true", help="name every case that is not as the RFC says")
    chosen = parser.parse_args()
    cases = json.loads(chosen.suite.read_text("utf-8"))["tests"]
    bad = sum(bool(case.get("invalid_selector")) for case in cases)
    print(f"{len(cases)} cases: {len(cases) - bad} valid paths, {bad} invalid ones\n")
    print("| dialect | " + " | ".join((*VALID, *INVALID)) + " |")
    print("| --- |" + " --- |" * (len(VALID) + len(INVALID)))
    for dialect in DIALECTS:
        done = list(outcomes(cases, dialect))
        counts = Counter(outcome for _, outcome in done)
        print(f"| `{dialect}` | " + " | ".join(str(counts[name]) for name in (*VALID, *INVALID)) + " |")
        if chosen.list:
            for case, outcome in done:
                if outcome not in (VALID[0], INVALID[0]):
                    print(f"    {outcome}: {case['selector']!r} ({case['name']})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
