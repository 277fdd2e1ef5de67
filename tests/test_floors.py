"""The floors and the laws that a program can see."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1] / "contextkit"

FLOORS = {
    "errors": 0, "said": 0,
    "api": 1, "when": 1,
    "tokens": 2, "store": 2,
    "history": 3, "cache": 3, "shape": 3, "route": 3, "ledger": 3, "toolcache": 3,
    "compact": 4, "drive": 4, "recall": 4, "tools": 4, "transcripts": 4,
    "state": 5, "turn": 5, "folding": 5, "outputs": 5, "context": 5, "emulator": 5, "lint": 5,
    "middleware": 5, "reading": 5, "report": 5, "settings": 5, "escalate": 5, "summarising": 5, "forking": 5,
    "journal": 5, "kept": 5, "sending": 5, "spending": 5,
    "conversation": 6, "subtask": 6,
    "loop": 7, "replay": 7, "batch": 7, "demo": 7,
    "cli": 8, "commands": 8, "pytest_plugin": 8,
}  # fmt: skip

# Siblings that may look at each other: who, and why.
SIBLINGS = {
    ("turn", "state"),  # a turn works on the state; the state is a room only because of its size
    ("turn", "folding"),  # folding is the part of a turn that is large enough for a room
    ("folding", "state"),
    ("folding", "summarising"),  # who writes a summary, and what becomes of it
    ("summarising", "state"),
    ("forking", "state"),
    ("turn", "spending"),
    ("spending", "state"),
    ("summarising", "spending"),
    ("journal", "state"),
    ("state", "journal"),
    ("kept", "journal"),
    ("kept", "state"),
    ("kept", "turn"),
    ("sending", "turn"),  # the part of a Conversation that asks
    ("sending", "folding"),
    ("sending", "settings"),
    ("sending", "kept"),
    ("sending", "state"),
    ("sending", "subtask"),
    ("state", "settings"),
    ("subtask", "conversation"),  # a subtask is a Conversation, begun by one
    ("conversation", "subtask"),
    ("reading", "context"),  # the read-only side of a conversation
    ("reading", "state"),
    ("reading", "outputs"),
    ("context", "state"),  # the report of a state
    ("outputs", "state"),
    ("history", "cache"),  # the view names the places (Spot) that breakpoints.py plans marks for
    ("cli", "commands"),
    ("middleware", "cache"),
}

DECIDING = ("api", "tokens", "shape", "cache", "history", "compact", "route", "ledger", "turn", "state", "outputs")
DOING_MODULES = {"socket", "subprocess", "http", "urllib", "requests", "httpx", "httpx2", "sqlite3", "redis", "random"}
CLOCKS = {"time.time", "datetime.now", "time.monotonic", "datetime.utcnow", "date.today", "perf_counter"}
# The two counters that read what is on this machine or ask the API say so in their own heads.
ALLOWED_DOING = {
    *("tokens/counters.py", "shape/load.py"),
    *("ledger/files.py", "ledger/sqlite.py", "ledger/telemetry.py"),  # sinks and readers of ledger files
}


def modules() -> Iterator[tuple[str, str, ast.Module]]:
    """Every module: its path, its room, its tree."""
    for path in sorted(ROOT.rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        room = name.split("/")[0].removesuffix(".py")
        if room not in {"__init__", "__main__"}:
            yield name, room, ast.parse(path.read_text(encoding="utf-8"))


def imported(tree: ast.Module) -> Iterator[str]:
    """Names of all modules that a tree imports, wherever in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            if node.module == "contextkit":
                yield from (f"contextkit.{alias.name}" for alias in node.names)
            else:
                yield node.module


MODULES = list(modules())


def test_every_room_stands_on_a_floor() -> None:
    """No room is added without a place in the house."""
    assert {room for _, room, _ in MODULES} <= set(FLOORS)


@pytest.mark.parametrize(("name", "room", "tree"), MODULES, ids=[name for name, _, _ in MODULES])
def test_imports_point_down(name: str, room: str, tree: ast.Module) -> None:
    """A module imports only rooms below its own, its own, and the siblings that the list names."""
    for module in imported(tree):
        if not module.startswith("contextkit."):
            continue
        other = module.split(".")[1]
        assert other in FLOORS, f"{name} imports the front door by {module}"
        allowed = other == room or FLOORS[other] < FLOORS[room] or (room, other) in SIBLINGS
        assert allowed, f"{name} (floor {FLOORS[room]}) imports {module} (floor {FLOORS[other]})"


@pytest.mark.parametrize(
    ("name", "tree"),
    [(name, tree) for name, room, tree in MODULES if room in DECIDING and name not in ALLOWED_DOING],
    ids=[name for name, room, _ in MODULES if room in DECIDING and name not in ALLOWED_DOING],
)
def test_deciding_rooms_do_nothing(name: str, tree: ast.Module) -> None:
    """A deciding room imports no SDK and no I/O, reads no clock and opens no file."""
    roots = {module.split(".")[0] for module in imported(tree)}
    assert "anthropic" not in roots
    assert not roots & DOING_MODULES
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            assert called != "open", f"{name}:{node.lineno} opens a file"
            assert not any(called.endswith(clock) for clock in CLOCKS), f"{name}:{node.lineno} reads a clock"


def test_importing_contextkit_is_light() -> None:
    """`import contextkit`, and what the front door resolves, pulls in no SDK and no heavy library."""
    code = (
        "import sys, contextkit; contextkit.Conversation, contextkit.Compaction, contextkit.ContextKitError;"
        "print(sorted({'anthropic', 'pydantic', 'tiktoken', 'rich', 'genai_prices', 'jsonpath_ng'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout.strip() == "[]"


def test_a_file_fits_on_a_few_screens() -> None:
    """No source file is far over 300 lines: one that grows is a missing room."""
    long = {
        path.name: count
        for path in ROOT.rglob("*.py")
        if (count := len(path.read_text(encoding="utf-8").splitlines())) > 350
    }
    assert not long
