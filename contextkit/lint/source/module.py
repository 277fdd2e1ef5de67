"""One file of Python source: what it imports, and whether it has anything to do with a request to Claude.

Law: cheap, and said once a file; everything else is found by following the program, from files that have requests.
"""

from __future__ import annotations

import ast
import re
from dataclasses import asdict, dataclass
from typing import Any, Final, Self

from contextkit.errors import FormatError

__all__ = ["Module", "parse", "summarise"]

LARGEST: Final = 4_000_000
"""Characters of a source file; what is larger is data."""

_SINK: Final = re.compile(
    r"\.\s*messages\b[\s\S]{0,60}?\.\s*(?:create|stream|parse|count_tokens|batches|tool_runner)\b"
    r"|\bmessages\.(?:create|stream|count_tokens)\b|[\"']messages[\"']\s*\)\s*\.\s*create"
    r"|(?:import|from)\s+anthropic\b"
)
_LIBRARY: Final = re.compile(
    r"\b(litellm|pydantic_ai|contextkit|langchain_anthropic)\b|\b(?:ChatAnthropic\w*|init_chat_model|create_agent)\b"
)
_SENDS: Final = re.compile(
    r"\bcreate\b|\bstream\b|\bcount_tokens\b|\bbatches\b|\bparse\b|\btool_runner\b|\binvoke\b|\bainvoke\b|\bastream\b"
    r"|completion\b|\bAgent\b|\bConversation\b|\bcreate_agent\b|\bcreate_react_agent\b|\bbatch\b"
)
_CLAUDE: Final = re.compile(r"claude[-_ ]|(?:import|from)\s+anthropic\b|[\"']anthropic[\"'/:.]", re.IGNORECASE)
_USAGE: Final = re.compile(r"\binput_tokens\b")


@dataclass(frozen=True, slots=True)
class Module:
    """What is known of a file without following it.

    Attributes:
        path: as it was given.
        imports: dotted names it imports, relative ones with their dots; of `from a import b`, both a and a.b.
        sends: it may hold a request.
        claude: it speaks of Claude or Anthropic.
        counts: it reads input tokens.
        lines: how many.
    """

    path: str
    imports: tuple[str, ...] = ()
    sends: bool = False
    claude: bool = False
    counts: bool = False
    lines: int = 0

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """Back from plain data."""
        return cls(**{**data, "imports": tuple(data["imports"])})


def parse(path: str, text: str) -> ast.Module:
    """The tree of a file.

    Raises:
        FormatError: it does not parse, is nested too deep, or is too large.
    """
    if len(text) > LARGEST:
        raise FormatError(f"a file of {len(text):,} characters is not read", where=path, fix="Exclude it.")
    try:
        return ast.parse(text)
    except SyntaxError as error:
        where = f"{path}:{error.lineno or 1}"
        raise FormatError(f"does not parse: {error.msg}", where=where, fix="Correct it, or exclude it.") from None
    except (RecursionError, MemoryError):
        raise FormatError("is nested too deep to be read", where=path, fix="Exclude it.") from None
    except ValueError as error:
        raise FormatError(f"is not Python source: {error}", where=path, fix="Exclude it.") from None


def summarise(path: str, text: str) -> Module:
    """The per-file pass.

    Args:
        path: of the file, for the report.
        text: its source.

    Raises:
        FormatError: it does not parse, is nested too deep, or is too large.
    """
    tree = parse(path, text)
    sends = bool(_SENDS.search(text)) and (bool(_SINK.search(text)) or _uses_library(path, text))
    return Module(
        path=path,
        imports=tuple(sorted(_imports(tree.body))),
        sends=sends,
        claude=bool(_CLAUDE.search(text)),
        counts=bool(_USAGE.search(text)),
        lines=text.count("\n") + 1,
    )


def _uses_library(path: str, text: str) -> bool:
    """Calls of a library count, inside of it they do not."""
    folders = set(path.split("/"))
    return any(not match.group(1) or match.group(1) not in folders for match in _LIBRARY.finditer(text))


def _imports(body: list[ast.stmt]) -> set[str]:
    """Imports of all statements, those inside functions and branches too."""
    found: set[str] = set()
    waiting: list[Any] = list(body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            joint = "" if base.endswith(".") or not base else "."
            found.add(base)
            found.update(f"{base}{joint}{alias.name}" for alias in node.names if alias.name != "*")
        else:
            for field in ("body", "orelse", "finalbody", "handlers", "cases"):
                waiting += getattr(node, field, None) or []
    return found
