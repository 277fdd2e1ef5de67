"""`--fix`: the edits that are safe, made.

Law: a finding's edits are made together or not at all; edits never overlap; a file is written whole, only when it is
still what was analysed, and only when the result parses. What was not made is reported as it was.
"""

from __future__ import annotations

import ast
import warnings
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from contextkit.errors import ContextKitError
from contextkit.lint.text import encoding_of, source_text
from contextkit.lint.whole import write_whole

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from contextkit.lint.rule import Edit, Finding

__all__ = ["Fixed", "fix"]

Fixed = tuple["Finding", "str"]
"""A finding, and "" where it was fixed or else why not."""


def fix(findings: Sequence[Finding], seen: Mapping[str, bytes]) -> list[Fixed]:
    """Make the edits of findings.

    Args:
        findings: those that count; the ones without edits are left alone.
        seen: the bytes of each file when it was analysed.
    """
    chosen: dict[str, list[tuple[Finding, tuple[Edit, ...]]]] = defaultdict(list)
    done: list[Fixed] = []
    for finding in findings:
        if not finding.edits:
            continue
        edits = tuple(dict.fromkeys(finding.edits))
        if {edit.path for edit in edits} != {finding.path} or finding.path not in seen:
            done.append((finding, "its edits are in another file"))
        elif any(_overlap(edit, other) for edit in edits for _, taken in chosen[finding.path] for other in taken):
            done.append((finding, "another fix changes the same text; run again"))
        else:
            chosen[finding.path].append((finding, edits))
    for path, pairs in chosen.items():
        if pairs:
            why = _write(path, [edit for _, edits in pairs for edit in edits], seen[path])
            done += [(finding, why) for finding, _ in pairs]
    return sorted(done, key=lambda pair: (pair[0].path, pair[0].line, pair[0].column))


def _overlap(one: Edit, other: Edit) -> bool:
    """Whether two edits touch the same text; two insertions at one place do, the same edit twice does not."""
    if one == other:
        return False
    return one.start == other.start or (one.start < other.end and other.start < one.end)


def _write(path: str, edits: Sequence[Edit], raw: bytes) -> str:
    """Change one file; "" or why not."""
    file = Path(path)
    try:
        if file.read_bytes() != raw:
            return "the file changed meanwhile"
        before = source_text(raw, path)
        after = before
        for edit in sorted(dict.fromkeys(edits), key=lambda edit: -edit.start):
            if not 0 <= edit.start <= edit.end <= len(before):
                return "the edit is not inside the file"
            after = after[: edit.start] + edit.text + after[edit.end :]
        encoded = after.encode(encoding_of(raw, path))
        with warnings.catch_warnings(action="ignore"):
            ast.parse(source_text(encoded, path))
        write_whole(file, encoded)
    except (SyntaxError, RecursionError, MemoryError):
        return "the result would not parse"
    except ContextKitError as error:
        return error.what
    except (OSError, ValueError) as error:
        return f"the file cannot be changed: {error}"
    return ""
