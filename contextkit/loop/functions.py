"""Which function a tool call runs: of `@contextkit.tool`, the SDK's runner tools, plain callables and mappings.

Law: whatever cannot be run, or could be meant twice, is refused before anything is paid for.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from contextkit.errors import ConfigError
from contextkit.loop.values import Function
from contextkit.tools.function import Tool

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Tools", "check_offered", "functions_of"]

Tools = Mapping[str, Any] | Iterable[Any]
"""Tools of a run: each a `@contextkit.tool`, a tool of the SDK's runner, or a callable; or callables by name."""


def functions_of(tools: Tools | None) -> dict[str, Function]:
    """The functions of a run's tools, by the name that the model calls them by.

    Raises:
        ConfigError: something that cannot be called, that has no name, or a name given twice.
    """
    named = tools.items() if isinstance(tools, Mapping) else ((None, tool) for tool in tools or ())
    found: dict[str, Function] = {}
    for name, tool in named:
        function = _function(name, tool)
        if function.name in found:
            raise ConfigError(
                f"two tools are named {function.name}", where="run(tools=)", fix="Give one of them another name."
            )
        found[function.name] = function
    return found


def _function(name: str | None, tool: Any) -> Function:
    if isinstance(tool, Tool):
        return Function(name or tool.name, tool.call, tool.is_async, tool)
    if callable(getattr(tool, "call", None)) and hasattr(tool, "to_dict"):  # the SDK's runner tools, by their form
        return Function(name or str(tool.name), tool.call, inspect.iscoroutinefunction(tool.call), tool)
    name = name or getattr(tool, "__name__", "")
    if not callable(tool) or not name or name == "<lambda>":
        raise ConfigError(
            f"a {type(tool).__name__} is no tool that can be run",
            where="run(tools=)",
            fix="Give @contextkit.tool functions, tools of the SDK's runner, or callables by name: {'search': search}.",
        )
    return Function(name, _by_name(tool), _is_async(tool))


def _is_async(function: Any) -> bool:
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(getattr(function, "__call__", None))  # noqa: B004


def _by_name(function: Callable[..., Any]) -> Callable[[dict[str, Any]], Any]:
    return lambda given: function(**given)


def check_offered(definitions: Sequence[Mapping[str, Any]], functions: Mapping[str, Function]) -> None:
    """Refuse a run whose model could call what nothing runs, or would never learn of a tool.

    Definitions without an input schema are the API's own kinds: many of those run on the server. Callables without a
    definition may be more than a conversation offers: one registry for many agents.

    Raises:
        ConfigError: which names.
    """
    if not definitions and functions:
        raise ConfigError(
            f"the model is offered no tools, and {', '.join(sorted(functions))} would never be called",
            where="run(tools=)",
            fix="Make them @contextkit.tool functions, or give their definitions to Conversation(tools=).",
        )
    offered = {str(one.get("name")) for one in definitions}
    needed = {str(one.get("name")) for one in definitions if "input_schema" in one}
    if missing := sorted(needed - set(functions)):
        raise ConfigError(
            f"the model is offered {', '.join(missing)}, and nothing runs it",
            where="run(tools=)",
            fix="Give its function too: run(conv, client, [...]) or {'name': function}.",
        )
    if unknown := sorted(name for name, one in functions.items() if one.definition is not None and name not in offered):
        raise ConfigError(
            f"the conversation does not offer {', '.join(unknown)} to the model",
            where="run(tools=)",
            fix="Give it to Conversation(tools=) too; tools cannot change after the first request.",
        )
