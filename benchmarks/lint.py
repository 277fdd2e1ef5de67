"""The linter: speed and memory on 200,000 lines of real Python, and recall on its own cases, beside pcdlint.

The law: the same files for both tools, in the same run, each in processes of its own; the second run finds the cache
of the first. The cases are those of `lint_cases/`; a case counts as found when any finding is reported in its files,
as located when it stands on the line that the case names. For pcdlint any finding of any rule counts.

    python benchmarks/lint.py [--lines 200000] [--write]

pcdlint is looked for in `.peers/pcdlint/venv` (`uv venv .peers/pcdlint/venv`, then pcdlint==0.3.0 into it).
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.lint_corpus import Case, cases
from benchmarks.sections import replace_section
from contextkit.lint.source import findings, summarise

ROOT = Path(__file__).resolve().parents[1]
PEER = ROOT / ".peers" / "pcdlint" / "venv" / "bin" / "pcdlint"
COMMAND = "import sys; from contextkit.cli import main; sys.exit(main(sys.argv[1:]))"
MEASURE = """
import resource, subprocess, sys, time
began = time.perf_counter()
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(time.perf_counter() - began, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)
"""


@dataclass(slots=True)
class Score:
    """What a tool makes of the cases."""

    bad: int = 0
    found: int = 0
    located: int = 0
    harmless: int = 0
    flagged: int = 0
    missed: list[str] = field(default_factory=list)

    def count(self, case: Case, lines: set[tuple[str, int]]) -> None:
        """Add one case, given the lines of all findings above info."""
        wanted = {(path, line) for path, line, _code in case.expected}
        if not wanted:
            self.harmless += 1
            self.flagged += bool(lines)
            return
        self.bad += 1
        self.found += bool(lines)
        located = bool(wanted & lines)
        self.located += located
        self.missed += [] if located else [case.name]

    def cells(self) -> str:
        """A row of the table."""
        return f"{self.bad} | {self.found} | {self.located} | {self.harmless} | {self.flagged}"


def own(case: Case) -> set[tuple[str, int]]:
    """Lines of our findings: all where the case expects an info, else those above it."""
    codes = {code for _path, _line, code in case.expected}
    modules = [summarise(path, text) for path, text in case.files.items()]
    found = findings(modules, source=case.files.__getitem__)
    return {(one.path, one.line) for one in found if one.severity != "info" or one.code in codes}


def peer(case: Case, folder: Path) -> set[tuple[str, int]]:
    """Lines of pcdlint's findings."""
    shutil.rmtree(folder, ignore_errors=True)
    for path, text in case.files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    done = subprocess.run(
        [PEER, "--format", "json", "."], cwd=folder, capture_output=True, text=True, check=False, timeout=60
    )
    try:
        data = json.loads(done.stdout)
    except ValueError:
        return set()
    return {(str(row["file_path"]).removeprefix("./"), int(row["lineno"])) for row in data}


def corpus(lines: int, target: Path) -> int:
    """The environment's own packages, copied until there are so many lines."""
    source = Path(sysconfig.get_paths()["purelib"])
    total = 0
    for path in sorted(source.rglob("*.py")):
        text = path.read_bytes()
        copy = target / path.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(text)
        total += text.count(b"\n")
        if total >= lines:
            break
    return total


def measured(command: list[str | Path], folder: Path) -> tuple[float, float, float]:
    """Wall seconds, processor seconds, and the largest process in MB."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, *map(str, command)], cwd=folder, capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    wall, processor, memory = map(float, done.stdout.split())
    return wall, processor, memory


def speed(lines: int) -> list[str]:
    """The table of times."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        total = corpus(lines, folder)
        (folder / "pyproject.toml").write_text("[project]\nname = 'corpus'\nversion = '0'\n", encoding="utf-8")
        ours: list[str | Path] = [sys.executable, "-c", COMMAND, "lint", "--select", "CK1", "."]
        rows = [
            ("contextkit lint, first run", measured(ours, folder)),
            ("contextkit lint, again", measured(ours, folder)),
        ]
        changed = next(path for path in sorted(folder.rglob("*.py")) if path.stat().st_size)
        changed.write_bytes(changed.read_bytes() + b"\n# changed\n")
        rows.append(("contextkit lint, one file changed", measured(ours, folder)))
        if PEER.exists():
            rows.append(("pcdlint 0.3.0", measured([PEER, "."], folder)))
        head = [f"{total:,} lines of the environment's site-packages, {os.cpu_count()} cores.", ""]
        table = ["| run | wall s | CPU s | largest process MB |", "| --- | --- | --- | --- |"]
        return [*head, *table, *(f"| {name} | {w:.2f} | {c:.2f} | {m:.0f} |" for name, (w, c, m) in rows)]


def recall() -> list[str]:
    """The table of cases, by tool, and by group for ours."""
    all_cases, groups = cases(), Counter(case.group for case in cases())
    total, parts = Score(), {group: Score() for group in groups}
    for case in all_cases:
        lines = own(case)
        total.count(case, lines)
        parts[case.group].count(case, lines)
    rows = [f"| contextkit, {group} | {score.cells()} |" for group, score in parts.items()]
    rows.append(f"| **contextkit, all** | {total.cells()} |")
    if PEER.exists():
        rival = Score()
        with tempfile.TemporaryDirectory() as name:
            for case in all_cases:
                rival.count(case, peer(case, Path(name) / "case"))
        rows.append(f"| pcdlint 0.3.0, all | {rival.cells()} |")
    else:
        rows.append("| pcdlint 0.3.0 | not installed, see the head of this benchmark | | | | |")
    head = ["| tool | bad cases | found | on the line | harmless twins | flagged |", "| --- " * 6 + "|"]
    return [*head, *rows, "", *(f"Not on the line: {name}." for name in total.missed)]


def main() -> int:
    """Print the tables; with --write, put them into docs/benchmarks.md."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=200_000)
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    began = time.perf_counter()
    lines = [*speed(args.lines), "", *recall()]
    print("\n".join(lines))
    print(f"({time.perf_counter() - began:.0f} s)")
    if args.write:
        replace_section("lint", "The linter on Python source", "make benchmark-lint", lines)
    return 0


if __name__ == "__main__":
    sys.exit(main())
