"""The linter's own cases: files of source with the expectation on the offending line.

The law: a case is told in full here. `=== kind: name` begins a case, `--- path` a file of it, and `#! CK101` at the end
of a line says what is found there; a case without such a line is a harmless twin, where nothing may be found.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parent / "lint_cases"
_EXPECTED = re.compile(r"#! (CK\d{3}(?: CK\d{3})*)$")


@dataclass(frozen=True, slots=True)
class Case:
    """Files that are linted together, and what has to be found in them."""

    group: str
    name: str
    files: dict[str, str]

    @property
    def kind(self) -> str:
        """What the case is about."""
        return self.name.partition(":")[0]

    @property
    def expected(self) -> set[tuple[str, int, str]]:
        """Path, line and code of each finding."""
        found = set()
        for path, text in self.files.items():
            for number, line in enumerate(text.splitlines(), 1):
                match = _EXPECTED.search(line)
                found |= {(path, number, code) for code in match.group(1).split()} if match else set()
        return found


def cases() -> list[Case]:
    """All cases, in the order of their files."""
    found = []
    for path in sorted(FOLDER.glob("*.txt")):
        for chunk in re.split(r"^=== ", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
            name, _, body = chunk.partition("\n")
            parts = re.split(r"^--- (\S+)\n", body, flags=re.MULTILINE)
            files = dict(zip(parts[1::2], parts[2::2], strict=True)) if len(parts) > 1 else {"app.py": body}
            found.append(Case(path.stem, name, files))
    return found
