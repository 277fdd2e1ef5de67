"""What a request may carry beside what `api.validity` judges: the version, the parameters, the beta headers.

Law: a parameter is known and honoured, or the request is refused; nothing is silently ignored. What the real API
has and the emulator has not is refused with a text that says so.

Sources: parameters of `messages.create` and `beta.messages.create` in SDK 2.12.0; context-editing, compaction and
on-demand compaction pages (their beta headers); versioning page (2026-10-21).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from contextkit.api.facts import FAST_MODE, model
from contextkit.emulator.answer import Refusal

__all__ = [
    "BINDING_CONTROLS",
    "COMPACT",
    "COMPACT_NOW",
    "EDITING",
    "Headers",
    "check_parameters",
    "headers_of",
    "validated",
]

EDITING: Final = "context-management-2025-06-27"
COMPACT: Final = "compact-2026-01-12"
COMPACT_NOW: Final = "compact-2026-09-04"
STRUCTURED: Final = "structured-outputs-2025-11-13"
BINDING_CONTROLS: Final = "thinking-binding-controls-2026-08-01"

LATEST: Final = "2026-10-21"
_VERSIONS: Final = frozenset({"2023-06-01", LATEST})

_KNOWN: Final = frozenset(
    {
        "model", "messages", "max_tokens", "system", "tools", "tool_choice", "thinking", "output_config",
        "cache_control", "diagnostics", "metadata", "service_tier", "speed", "stop_sequences", "stream",
        "inference_geo",
    }
)  # fmt: skip
_SAMPLING: Final = frozenset({"temperature", "top_p", "top_k"})  # before version 2026-10-21 only
_NEEDS: Final[dict[str, frozenset[str]]] = {
    # Any of these beta headers makes the parameter known.
    "context_management": frozenset({EDITING, COMPACT}),
    "compaction": frozenset({COMPACT_NOW}),
    "output_format": frozenset({STRUCTURED}),  # the older spelling of output_config.format
}
_IN_SYSTEM: Final = {
    "clear_at": "mid-conversation-system-clear-at-2026-08-21",
    "output_config": "mid-conversation-output-config-2026-07-01",
}
_TOOL_CHANGES: Final = frozenset({"mid-conversation-tool-changes-2026-07-01", "inline-tools-2026-09-15"})
_NOT_HERE: Final = frozenset(
    {
        "billing_policy", "container", "fallback_credit_token", "fallbacks", "mcp_servers", "thread",
        "user_profile_id",
    }
)  # fmt: skip
_NOT_COUNTED: Final = frozenset({"max_tokens", "stream", "stop_sequences", "metadata", "service_tier", "diagnostics"})
_SERVER_TOOLS: Final = ("web_search", "web_fetch", "code_execution", "tool_search", "mcp_toolset", "advisor")
_SERVER_BLOCKS: Final = ("server_tool_use", "mcp_tool", "web_search_tool", "web_fetch_tool", "code_execution_tool",
                         "bash_code_execution_tool", "text_editor_code_execution_tool", "tool_search_tool",
                         "container_upload")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Headers:
    """What the emulator reads from a request's headers.

    Attributes:
        version: API version.
        betas: names in `anthropic-beta`.
        workspace: cache entries are not shared between workspaces.
    """

    version: str
    betas: frozenset[str]
    workspace: str


def headers_of(headers: Mapping[str, str]) -> Headers:
    """Read the headers (lower-case names).

    Raises:
        Refusal: no key (401), no version or an unknown one (400).
    """
    if not (headers.get("x-api-key") or headers.get("authorization")):
        raise Refusal("x-api-key header is required", status=401)
    version = headers.get("anthropic-version", "")
    if not version:
        raise Refusal("anthropic-version: header is required")
    if version not in _VERSIONS:
        raise Refusal(f'anthropic-version: "{version}" is not a valid version for this endpoint')  # (unverified)
    betas = frozenset(name.strip() for name in headers.get("anthropic-beta", "").split(",") if name.strip())
    return Headers(version, betas, headers.get("anthropic-workspace-id", "default"))


def modern(body: dict[str, Any]) -> dict[str, Any]:
    """The body as it would be spelled today, and as it is run.

    `output_format` stands where it belongs, and Opus 4.6 runs fast requests at standard speed (fast-mode page).

    Raises:
        Refusal: a format is there twice.
    """
    row = model(body["model"]) if isinstance(body.get("model"), str) else None
    if row is not None and row.id == "claude-opus-4-6" and body.get("speed") == "fast":
        body = {**body, "speed": "standard"}
    if "output_format" not in body:
        return body
    output = body.get("output_config")
    if output is not None and (not isinstance(output, Mapping) or output.get("format") is not None):
        raise Refusal("output_format: cannot be combined with output_config.format")  # (unverified)
    rest = {name: value for name, value in body.items() if name != "output_format"}
    return {**rest, "output_config": {**(output or {}), "format": body["output_format"]}}


def validated(body: Mapping[str, Any], headers: Headers) -> Mapping[str, Any]:
    """The part of a body that `api.validity` judges: it knows the newest version, which has no sampling parameters."""
    if headers.version == LATEST or not _SAMPLING & body.keys():
        return body
    return {name: value for name, value in body.items() if name not in _SAMPLING}


def check_parameters(
    body: Mapping[str, Any], headers: Headers, *, server_tools: bool = False, counting: bool = False
) -> None:
    """Refuse what the API, or the emulator, does not take.

    Args:
        body: the request.
        headers: its headers.
        server_tools: let server tools and their blocks pass; the emulator never calls them itself.
        counting: a count_tokens body.

    Raises:
        Refusal: the first fault found.
    """
    for message in _refused(body, headers, server_tools=server_tools, counting=counting):
        raise Refusal(message)
    _check_references(body)


def _check_references(body: Mapping[str, Any]) -> None:
    """Every tool that a message adds or removes by name is declared in `tools` or defined before (SDK types)."""
    tools = body.get("tools")
    known = {str(tool.get("name")) for tool in tools if isinstance(tool, Mapping)} if isinstance(tools, list) else set()
    for where, block in _blocks(body):
        tool = block.get("tool")
        if block.get("type") not in ("tool_addition", "tool_removal") or not isinstance(tool, Mapping):
            continue
        definition = tool.get("definition")
        if isinstance(definition, Mapping):
            known.add(str(definition.get("name")))
        elif tool.get("type") == "tool_reference" and str(tool.get("name")) not in known:
            raise Refusal(f"{where}: no tool is named '{tool.get('name')}'", code="tool_reference_unresolved")


def _blocks(body: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The blocks of a body that nobody has checked yet, each with its path."""
    messages = body.get("messages")
    for index, message in enumerate(messages if isinstance(messages, list) else ()):
        content = message.get("content") if isinstance(message, Mapping) else None
        for at, block in enumerate(content if isinstance(content, list) else ()):
            if isinstance(block, Mapping):
                yield f"messages.{index}.content.{at}", block


def _refused(body: Mapping[str, Any], headers: Headers, *, server_tools: bool, counting: bool) -> Iterator[str]:
    known = _KNOWN - _NOT_COUNTED if counting else _KNOWN
    for name in body:
        if name in _NOT_HERE:
            yield f"{name}: not supported by the contextkit emulator"
        elif name in _NEEDS:
            if not _NEEDS[name] & headers.betas:
                yield f"{name}: Extra inputs are not permitted"
        elif name not in known and not (name in _SAMPLING and headers.version != LATEST):
            yield f"{name}: Extra inputs are not permitted"
    yield from _speed(body, headers.betas)
    yield from _system_parts(body, headers.betas)
    if not server_tools:
        yield from _server_parts(body)
    binding = (body.get("thinking") or {}) if isinstance(body.get("thinking"), Mapping) else {}
    if "block_binding" in binding:
        if BINDING_CONTROLS not in headers.betas:
            yield "thinking.block_binding: Extra inputs are not permitted"
        if binding.get("type") != "adaptive":
            yield "thinking.block_binding: only supported with adaptive thinking"  # (unverified)


def _speed(body: Mapping[str, Any], betas: frozenset[str]) -> Iterator[str]:
    row = model(body["model"]) if isinstance(body.get("model"), str) else None
    if row is None or body.get("speed") != "fast":
        return
    beta = FAST_MODE.get(row.id)
    if beta is None:
        yield "speed: fast mode is not supported on this model"  # (unverified)
    elif beta and beta not in betas:
        yield f"speed: fast mode on this model needs the beta header {beta}"  # (unverified)


def _system_parts(body: Mapping[str, Any], betas: frozenset[str]) -> Iterator[str]:
    """What a system message inside `messages` may carry, each by its own beta header."""
    messages = body.get("messages")
    for index, message in enumerate(messages if isinstance(messages, list) else ()):
        if not isinstance(message, Mapping):
            continue
        where = f"messages.{index}"
        for name, beta in _IN_SYSTEM.items():
            if name in message and (message.get("role") != "system" or beta not in betas):
                yield f"{where}.{name}: Extra inputs are not permitted"
        content = message.get("content")
        for at, block in enumerate(content if isinstance(content, list) else ()):
            if isinstance(block, Mapping) and block.get("type") in ("tool_addition", "tool_removal"):
                if not _TOOL_CHANGES & betas:
                    yield f"{where}.content.{at}: Input tag '{block['type']}' does not match any of the expected tags"
                elif message.get("clear_at") == "next_user_message":
                    yield f"{where}.content.{at}: turn-scoped system messages hold text only"  # (unverified)


def _server_parts(body: Mapping[str, Any]) -> Iterator[str]:
    tools = body.get("tools")
    for at, tool in enumerate(tools if isinstance(tools, list) else ()):
        kind = str(tool.get("type") or "") if isinstance(tool, Mapping) else ""
        if kind.startswith(_SERVER_TOOLS):
            yield f"tools.{at}: server tool '{kind}' is not supported by the contextkit emulator"
    for where, block in _blocks(body):
        kind = str(block.get("type") or "")
        if kind.startswith(_SERVER_BLOCKS):
            yield f"{where}: '{kind}' blocks are not supported by the contextkit emulator"
