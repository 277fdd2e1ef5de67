"""One section of docs/benchmarks.md a benchmark, between markers, each with the command that made it."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

PAGE = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"
INTRO = "# Benchmarks\n\nEach table is written by the command above it; run it again to check it on your machine.\n"


def replace_section(name: str, title: str, command: str, lines: Sequence[str]) -> None:
    """Write a benchmark's section anew, at its place or at the end."""
    day = datetime.now(UTC).date().isoformat()
    body = "\n".join(["", f"## {title}", "", f"`{command}`, {day}.", "", *lines, ""])
    section = f"<!-- {name}:start -->{body}<!-- {name}:end -->"
    page = PAGE.read_text(encoding="utf-8") if PAGE.exists() else INTRO
    pattern = re.compile(rf"<!-- {name}:start -->.*?<!-- {name}:end -->", re.DOTALL)
    found = pattern.search(page)
    page = page[: found.start()] + section + page[found.end() :] if found else f"{page.rstrip()}\n\n{section}\n"
    PAGE.write_text(page, encoding="utf-8")
