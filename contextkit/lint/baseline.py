"""The baseline: findings that are known and accepted, so that only new ones count.

Law: an entry is the rule, the file and the text of the line (for a request: the pointer), not the line's number, so
that it survives lines that come and go above it. Each entry takes back as many findings as it counted, no more.
"""

from __future__ import annotations

import json
from collections import Counter
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

from contextkit.errors import ConfigError
from contextkit.lint.files import relative
from contextkit.lint.whole import write_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from contextkit.lint.rule import Finding

__all__ = ["Entry", "apply", "entry_of", "read", "write"]

_VERSION: Final = 1
_FIX: Final = "Make it again with --write-baseline."

Entry = tuple[str, str, str]
"""Code, path relative to the baseline's folder, fingerprint."""


def entry_of(finding: Finding, line: str, root: Path) -> Entry:
    """What of a finding survives a change of other lines.

    Args:
        finding: where it is.
        line: the text of its line; "" for a request, which is a line as a whole.
        root: what the path is told relative to.
    """
    seen = finding.pointer if finding.request is not None else " ".join(line.split())
    seal = blake2b(f"{seen}\n{finding.conversation}".encode("utf-8", "replace"), digest_size=8).hexdigest()
    return (finding.code, relative(finding.path, root), seal)


def read(file: Path) -> Counter[Entry]:
    """The entries of a baseline file.

    Raises:
        ConfigError: it cannot be read, or is none.
    """
    try:
        data: Any = json.loads(file.read_bytes())
    except OSError as error:
        raise ConfigError(f"the baseline cannot be read: {error.strerror}", where=str(file), fix=_FIX) from None
    except (ValueError, RecursionError):
        raise ConfigError("the baseline is not JSON", where=str(file), fix=_FIX) from None
    try:
        if data["version"] != _VERSION:
            raise ConfigError(f"the baseline is of version {data['version']!r}", where=str(file), fix=_FIX)
        return Counter(
            {
                (str(row["code"]), str(row["path"]), str(row["fingerprint"])): int(row["count"])
                for row in data["findings"]
            }
        )
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, ConfigError):
            raise
        raise ConfigError("the baseline has not the form of one", where=str(file), fix=_FIX) from None


def write(file: Path, entries: Counter[Entry]) -> None:
    """Write a baseline, sorted, so that its own diff is short."""
    rows = [
        {"code": code, "path": path, "fingerprint": seal, "count": count}
        for (code, path, seal), count in sorted(entries.items())
    ]
    write_whole(file, json.dumps({"version": _VERSION, "findings": rows}, indent=1) + "\n")


def apply(
    findings: Sequence[Finding], entries: Counter[Entry], entry: Callable[[Finding], Entry]
) -> tuple[list[Finding], int, int]:
    """The findings that are not known; how many were; how many entries found nothing any more."""
    left = Counter(entries)
    kept: list[Finding] = []
    for finding in findings:
        name = entry(finding)
        if left[name] > 0:
            left[name] -= 1
        else:
            kept.append(finding)
    return kept, len(findings) - len(kept), sum(left.values())
