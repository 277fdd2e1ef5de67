"""The model's part in the demo: a fixed list of tool calls over what is installed here, played by the emulator.

Law: the same calls in the same order whatever history it is shown, so that the runs differ only in how the history
is held. Summaries are written by the extractive summariser from the very text that the summary call got.
"""

from __future__ import annotations

from importlib import metadata
from itertools import cycle
from typing import TYPE_CHECKING, Any, Final

from contextkit.compact.extract import extractive
from contextkit.compact.summary import INSTRUCTIONS
from contextkit.demo.tools import distributions
from contextkit.emulator import reply, text, tool_use
from contextkit.history.log import Entry

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["SYSTEM", "TASK", "Turn", "script", "turns"]

TASK: Final = (
    "Audit this Python environment for me: which distributions are installed, what each one is for and under which"
    " licence, what they require, where they open files or network connections, and how their errors are handled."
    " Never change or delete anything. Report at the end, distribution by distribution."
)

SYSTEM: Final = """\
You audit Python environments for a platform team. Work through the installed distributions one by one.

For each distribution: read its metadata, list its files, search its source for what opens files or sockets and for \
how exceptions are handled, and read the main module. Note the name, version, licence, summary, requirements and \
anything unusual, with file and line. Work with one tool call at a time where the next depends on the last, and with \
several where they do not depend on each other.

Rules:
- Read only. Never suggest a command that changes the environment while the audit runs.
- Quote paths, versions and line numbers exactly as the tools give them; never from memory.
- When a tool fails, say so, and go on with the next distribution.
- Do not judge a licence; name it as the metadata names it, with the field that it stands in.
- Where metadata and source disagree (a requirement that is imported nowhere, a module that no file provides), say both.
- Keep what you say between two calls to one or two sentences; the report comes at the end.

The report has one paragraph a distribution and ends with a table: name, version, licence, number of requirements, \
files opened (yes or no), network (yes or no), broad exception handlers (count)."""

Turn = tuple[str, list[tuple[str, dict[str, Any]]]]
"""What the model says, and the tools it calls."""

_PATTERNS: Final = (
    r"\bopen\(|\bPath\(|read_text|write_text",
    r"\bsocket\b|urlopen|httpx|requests\.",
    r"except Exception|except BaseException|except:",
)


def turns(calls: int) -> list[Turn]:
    """The model's answers, `calls` of them; the last is the report, without a tool call."""
    made: list[Turn] = [("I begin with the list of what is installed.", [("list_distributions", {})])]
    patterns = cycle(_PATTERNS)
    for name in cycle(distributions()):
        made.append((f"Now {name}: its metadata and its files.", [_on("metadata", name), _on("list_files", name)]))
        pattern = next(patterns)
        made.append((f"Where does {name} match {pattern}?", [_on("search_source", name, pattern=pattern)]))
        module = _module(name)
        if module:
            made.append((f"The main module of {name}.", [_on("read_file", name, path=module)]))
        if len(made) >= calls - 1:
            break
    report = "The audit is done. " + " ".join(f"{name} {metadata.version(name)}." for name in distributions())
    return [*made[: calls - 1], (report, [])]


def _on(tool: str, name: str, **more: str) -> tuple[str, dict[str, Any]]:
    return tool, {"name": name, **more}


def _module(name: str) -> str:
    """The largest of a distribution's own modules, as a stand-in for its main one."""
    files = [path for path in metadata.distribution(name).files or () if path.suffix == ".py"]
    return str(max(files, key=lambda path: (path.size or 0, str(path)), default=""))


def script(calls: int) -> Callable[[Mapping[str, Any]], Any]:
    """A script for the emulator: the turns for the main thread, summaries for the summary calls."""
    remaining = iter(turns(calls))
    numbers = iter(range(1, 1_000_000))

    def answer(body: Mapping[str, Any]) -> Any:
        if str(body.get("system") or "").startswith(INSTRUCTIONS[:40]):
            return reply(text(_summary(body)))
        said, wanted = next(remaining)
        uses = [tool_use(tool, given, id=f"toolu_{next(numbers):06d}") for tool, given in wanted]
        return reply(text(said), *uses)

    return answer


def _summary(body: Mapping[str, Any]) -> str:
    """What a summary call gets, condensed to the length it allows."""
    content = body["messages"][0]["content"]
    whole = content if isinstance(content, str) else "\n\n".join(block["text"] for block in content)
    pieces = [{"type": "text", "text": piece} for piece in whole.split("\n\n") if piece.strip()]
    return extractive([Entry("assistant", pieces)], max_tokens=int(body["max_tokens"]) * 3 // 4)
