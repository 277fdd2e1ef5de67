"""The same four selections by the other engines, in an interpreter of its own (`.peers/shaping`).

Law: every engine gets the parsed document and must give the same pruned document, else its time is not counted. This
file is both sides: imported, it prepares the environment and asks; run by that interpreter, it answers.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["PATHS", "peers", "timed"]

ROOT: Final = Path(__file__).resolve().parents[1]
VENV: Final = ROOT / ".peers" / "shaping"
WANTED: Final = ("jmespath==1.1.0", "jsonpath-ng==1.16.0", "python-jsonpath==2.2.2", "jq==1.13.0")

PATHS: Final = (
    "$.data[*].id",
    "$.data[*].status",
    "$.data[*].line_items[*].sku",
    "$.data[*].line_items[*].amount.value",
)
JMESPATH: Final = (
    "{data: data[*].{id: id, status: status, line_items: line_items[*].{sku: sku, amount: {value: amount.value}}}}"
)
JQ: Final = "{data: [.data[] | {id, status, line_items: [.line_items[] | {sku, amount: {value: .amount.value}}]}]}"


def peers(document: Path, repeats: int) -> dict[str, float | str]:
    """Least milliseconds of each engine on the document in a file, or why there are none."""
    _install()
    command = [str(VENV / "bin" / "python"), __file__, str(document), str(repeats)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    answers: dict[str, float | str] = json.loads(done.stdout.splitlines()[-1])
    return answers


def _install() -> None:
    """Make the environment once, with uv when it is there, else with venv and pip."""
    ready = VENV / ".ready"
    if ready.exists() and ready.read_text() == " ".join(WANTED):
        return
    python = VENV / "bin" / "python"
    if shutil.which("uv"):
        subprocess.run(["uv", "venv", "--quiet", "--clear", "--python", sys.executable, str(VENV)], check=True)
        subprocess.run(["uv", "pip", "install", "--quiet", "--python", str(python), *WANTED], check=True)
    else:
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(VENV)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *WANTED], check=True)
    ready.write_text(" ".join(WANTED))


def timed(work: Callable[[], Any], repeats: int, clock: Callable[[], float] = time.perf_counter) -> tuple[float, Any]:
    """The least milliseconds of some runs (noise of a shared machine only adds), and the result."""
    best, result = float("inf"), None
    for _ in range(repeats):
        start = clock()
        result = work()
        best = min(best, clock() - start)
    return best * 1e3, result


def _pruned(document: Any, places: list[tuple[str | int, ...]]) -> Any:
    """The document with only the given places: what a user of a finding engine has to write."""
    tree: dict[Any, Any] = {}
    for place in places:
        node = tree
        for step in place[:-1]:
            node = node.setdefault(step, {})
        node[place[-1]] = None
    return _taken(document, tree)


def _taken(value: Any, tree: dict[Any, Any] | None) -> Any:
    if tree is None:
        return value
    if isinstance(value, dict):
        return {key: _taken(one, tree[key]) for key, one in value.items() if key in tree}
    return [_taken(one, tree[at]) for at, one in enumerate(value) if at in tree]


def _jsonpath_ng(document: Any) -> Callable[[], Any]:
    parse = import_module("jsonpath_ng.ext").parse
    ready = [parse(path) for path in PATHS]

    def place(match: Any) -> tuple[str | int, ...]:
        steps: list[str | int] = []
        while match.context is not None:
            steps.append(match.path.fields[0] if hasattr(match.path, "fields") else match.path.indices[0])
            match = match.context
        return tuple(reversed(steps))

    return lambda: _pruned(document, [place(match) for path in ready for match in path.find(document)])


def _python_jsonpath(document: Any) -> Callable[[], Any]:
    environment = import_module("jsonpath").JSONPathEnvironment(strict=True)
    ready = [environment.compile(path) for path in PATHS]
    return lambda: _pruned(document, [match.parts for path in ready for match in path.finditer(document)])


def _jmespath(document: Any) -> Callable[[], Any]:
    ready = import_module("jmespath").compile(JMESPATH)
    return lambda: ready.search(document)


def _jq(document: Any) -> Callable[[], Any]:
    ready = import_module("jq").compile(JQ)
    return lambda: ready.input_value(document).first()


def main(path: str, repeats: int) -> None:
    """Time every engine on the document of a file; prints one JSON object."""
    document = json.loads(Path(path).read_text("utf-8"))
    engines = {
        "jsonpath-ng find + prune": _jsonpath_ng,
        "python-jsonpath find + prune": _python_jsonpath,
        "jmespath (one expression)": _jmespath,
        "jq (its Python binding)": _jq,
    }
    answers: dict[str, float | str] = {}
    expected = None
    for name, prepare in engines.items():
        try:
            best, result = timed(prepare(document), repeats)
        except Exception as error:  # noqa: BLE001  (an engine that fails is a line of the table)
            answers[name] = type(error).__name__
            continue
        expected = result if expected is None else expected
        answers[name] = best if result == expected else "another result"
    binary = shutil.which("jq")
    if binary:
        best, done = timed(
            lambda: subprocess.run([binary, "-c", JQ, path], capture_output=True, check=True).stdout, min(repeats, 5)
        )
        answers["jq (program, text to text)"] = best if json.loads(done) == expected else "another result"
    else:
        answers["jq (program, text to text)"] = "not installed"
    print(json.dumps(answers))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
