"""What the Claude Messages API is: dated tables, each fact once, each with its source.

Nothing here is guessed. A fact that no first-party text states is marked ``doubt`` with the reason; a model that
is not in the table is unknown, and whoever asks gets None and decides.

Sources, all as of 2026-11-22: the prompt-caching, pricing, preserved-thinking, vision and models pages of the
platform documentation (state of about 2026-10-08), the release notes, and the types of the anthropic SDK 2.12.0.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

__all__ = [
    "ALIASES",
    "LOOKBACK",
    "MAX_MARKS",
    "MODELS",
    "TTL_SECONDS",
    "Effect",
    "Family",
    "Model",
    "Ttl",
    "invalidation",
    "may_think",
    "model",
    "reads_thinking",
    "resolve",
]

AS_OF: Final = "2026-11-22"

Ttl = Literal["5m", "1h"]
Family = Literal["classic", "2026"]

MAX_MARKS: Final = 4
"""At most four `cache_control` marks in a request, the automatic one included (prompt-caching page)."""

LOOKBACK: Final = 20
"""Positions tried per mark, the mark itself counted as the first (prompt-caching page)."""

TTL_SECONDS: Final[dict[Ttl, int]] = {"5m": 300, "1h": 3600}
"""Minimum lifetimes, counted from the start of the request that wrote or read (prompt-caching page)."""

WRITE_MULTIPLIER: Final[dict[Ttl, float]] = {"5m": 1.25, "1h": 2.0}
"""Price of a cache write in units of the base input price, every model (pricing page)."""

MAX_REQUEST_BYTES: Final = 32_000_000
"""Messages and count_tokens bodies; 20 MB on Bedrock, 30 MB on Google Cloud (errors page)."""

MAX_MESSAGES: Final = 100_000
"""SDK docstring of `messages`."""

TOOL_ID: Final = re.compile(r"[a-zA-Z0-9_-]+")
"""Ids of tool calls; the pattern stands in the API's own error texts."""

UNMARKABLE: Final = frozenset({"thinking", "redacted_thinking", "fallback", "mcp_tool_listing"})
"""Blocks that cannot carry `cache_control` (prompt-caching page; no field in the SDK types)."""

CREATE_PARAMS: Final = frozenset(
    {
        "cache_control",
        "container",
        "diagnostics",
        "inference_geo",
        "metadata",
        "output_config",
        "service_tier",
        "speed",
        "stop_sequences",
        "thinking",
        "tool_choice",
        "user_profile_id",
        "workspace_id",
        # Not part of the body: the SDK takes them beside it.
        "extra_headers",
        "extra_query",
        "extra_body",
        "timeout",
        # Beta resources (client.beta.messages) take these too.
        "betas",
        "context_management",
        "mcp_servers",
    }
)
"""Further keyword arguments of `messages.create` (SDK 2.12.0) that a Conversation passes through."""

TRANSPORT_PARAMS: Final = frozenset({"extra_headers", "extra_query", "extra_body", "timeout", "betas"})
"""Arguments of `messages.create` that are not part of the request body."""


@dataclass(frozen=True, slots=True)
class Model:
    """What is known of one model.

    Attributes:
        id: the id without a date suffix.
        window: context window in tokens.
        max_output: largest `max_tokens`.
        min_prefix: smallest cacheable prefix in tokens; a shorter one is neither written nor read.
        tokenizer: "classic" up to the 4.6 generation and Haiku 4.5; "2026" from Opus 4.7 on (about 30 % more tokens).
        binds_thinking: a thinking signature is bound to everything before it (preserved-thinking page).
        keeps_thinking: earlier turns' thinking stays in the prompt; False: the API drops it at a new user turn.
        tool_prompt: tokens of the built-in tool-use prompt with tool_choice auto or none; None: not published.
        tool_prompt_forced: the same with any or tool; None: not allowed or not published.
        high_res: images keep up to 4,784 tokens instead of 1,568 (vision page).
        prefill: the last message may be the assistant's.
        forced_tools: tool_choice any or tool is allowed.
        mid_system: `role: "system"` is allowed inside messages, without a header.
        effort: the default of `output_config.effort`; sending it is the same prompt as leaving it out.
        doubt: what in this row no first-party text states.
    """

    id: str
    window: int
    max_output: int
    min_prefix: int
    tokenizer: Family
    binds_thinking: bool = False
    keeps_thinking: bool = True
    tool_prompt: int | None = None
    tool_prompt_forced: int | None = None
    high_res: bool = True
    prefill: bool = False
    forced_tools: bool = True
    mid_system: bool = False
    effort: str = "high"
    doubt: str = ""


_BIG: Final = (1_000_000, 128_000)
_OLD: Final = (200_000, 64_000)

_ROWS: Final = (
    Model("claude-fable-5-2", *_BIG, 512, "2026", binds_thinking=True, forced_tools=False, mid_system=True,
          doubt="minimum prefix assumed equal to 5.1; mid-conversation system assumed as on 5.1"),
    Model("claude-mythos-5-2", *_BIG, 512, "2026", binds_thinking=True, forced_tools=False, mid_system=True,
          doubt="minimum prefix assumed equal to 5.1; mid-conversation system assumed as on 5.1"),
    Model("claude-fable-5-1", *_BIG, 512, "2026", binds_thinking=True, forced_tools=False, mid_system=True),
    Model("claude-mythos-5-1", *_BIG, 512, "2026", binds_thinking=True, forced_tools=False, mid_system=True,
          doubt="binding is documented as partial; treated as full"),
    Model("claude-fable-5", *_BIG, 512, "2026", mid_system=True),
    Model("claude-mythos-5", *_BIG, 512, "2026", mid_system=True),
    Model("claude-opus-5-5", *_BIG, 512, "2026", binds_thinking=True, tool_prompt=286, forced_tools=False,
          mid_system=True, effort="medium"),
    Model("claude-opus-5", *_BIG, 512, "2026", tool_prompt=286, tool_prompt_forced=406, mid_system=True),
    Model("claude-opus-4-8", *_BIG, 1024, "2026", tool_prompt=290, tool_prompt_forced=410, mid_system=True),
    Model("claude-opus-4-7", *_BIG, 2048, "2026", tool_prompt=675, tool_prompt_forced=804),
    Model("claude-opus-4-6", *_BIG, 4096, "classic", tool_prompt=497, tool_prompt_forced=589, high_res=False),
    Model("claude-opus-4-5", *_OLD, 4096, "classic", tool_prompt=496, tool_prompt_forced=588, high_res=False,
          prefill=True),
    Model("claude-sonnet-5-5", *_BIG, 512, "2026", binds_thinking=True, tool_prompt=286, forced_tools=False,
          mid_system=True),
    Model("claude-sonnet-5", *_BIG, 1024, "2026", tool_prompt=354, tool_prompt_forced=474,
          doubt="mid-conversation system: the page says no, third-party flags say yes"),
    Model("claude-sonnet-4-6", *_BIG, 1024, "classic", tool_prompt=497, tool_prompt_forced=589, high_res=False),
    Model("claude-sonnet-4-5", *_OLD, 1024, "classic", tool_prompt=496, tool_prompt_forced=588, high_res=False,
          keeps_thinking=False, prefill=True),
    Model("claude-haiku-5-5", *_BIG, 512, "2026", binds_thinking=True, tool_prompt=286, tool_prompt_forced=406,
          mid_system=True, effort="medium"),
    Model("claude-haiku-4-5", *_OLD, 4096, "classic", tool_prompt=496, tool_prompt_forced=588, high_res=False,
          keeps_thinking=False, prefill=True),
)  # fmt: skip

MODELS: Final[dict[str, Model]] = {row.id: row for row in _ROWS}
"""Every current model: windows, minimums and tool prompts from the models, prompt-caching and pricing pages."""

ALIASES: Final[dict[str, str]] = {
    "haiku": "claude-haiku-5-5",
    "sonnet": "claude-sonnet-5-5",
    "opus": "claude-opus-5-5",
    "fable": "claude-fable-5-2",
    "mythos": "claude-mythos-5-2",
}
"""Short names, resolved to the newest of each family on the date in `AS_OF`."""

# What platforms put around a model id: "us.anthropic.", "anthropic/", "-20250929", "@20250929", "-v1:0", "[1m]".
_PREFIX = re.compile(r"^(?:[a-z]+[./])*(?=claude-)")
_SUFFIX = re.compile(r"(?:[-@]\d{8})?(?:-v\d+)?(?::\d+)?(?:\[\w+\])?$")


def resolve(name: str) -> str:
    """The id to send for a short name such as "haiku"; any other name is returned as it is."""
    return ALIASES.get(name, name)


@lru_cache(maxsize=256)
def model(name: str) -> Model | None:
    """The row for a model id, in the spelling of any platform; None when the model is not in the table."""
    base = _SUFFIX.sub("", _PREFIX.sub("", resolve(name).lower()))
    return MODELS.get(base.replace(".", "-"))


Thinking = Literal["adaptive", "between_tools", "disabled", "enabled"]

THINKING_REFUSED: Final[dict[str, tuple[str, ...]]] = {
    **dict.fromkeys(
        ("claude-fable-5", "claude-fable-5-1", "claude-fable-5-2", "claude-mythos-5", "claude-mythos-5-1",
         "claude-mythos-5-2", "claude-opus-5-5", "claude-sonnet-5-5"),
        ("enabled", "disabled"),
    ),
    **dict.fromkeys(("claude-opus-4-8", "claude-opus-4-7"), ("enabled",)),
    **dict.fromkeys(("claude-opus-4-5", "claude-sonnet-4-5", "claude-haiku-4-5"), ("adaptive",)),
}  # fmt: skip
"""What `thinking.type` a model refuses (models overview and thinking pages, 2026-10)."""

THINKING_OFF_UP_TO: Final[dict[str, tuple[str, ...]]] = {
    "claude-opus-5": ("low", "medium", "high"),
    "claude-haiku-5-5": ("low", "medium", "high"),
}
"""Models that take `thinking.type: disabled` up to these efforts only (models overview, 2026-10)."""

THINKING_RESTS: Final[dict[str, Thinking]] = {
    "claude-haiku-5-5": "disabled",
    "claude-opus-5": "disabled",
    "claude-sonnet-5": "disabled",
    "claude-sonnet-5-5": "between_tools",
}
"""Models that think unless told otherwise, and the `thinking.type` that tells them (thinking page, 2026-10)."""

THINKS_ALWAYS: Final = frozenset(
    {"claude-fable-5", "claude-fable-5-1", "claude-fable-5-2", "claude-mythos-5", "claude-mythos-5-1",
     "claude-mythos-5-2", "claude-opus-5-5"}
)  # fmt: skip
"""Models that cannot be told not to think (thinking page, 2026-10)."""

READS_THINKING: Final[dict[str, tuple[str, ...]]] = {
    "claude-opus-5-5": ("claude-opus-", "claude-sonnet-", "claude-haiku-"),
    "claude-sonnet-5-5": ("claude-sonnet-", "claude-opus-4-8", "claude-haiku-"),
    "claude-fable-5-1": ("claude-opus-",),
    "claude-mythos-5-1": ("claude-opus-",),
}
"""Beginnings of the ids whose thinking a model reads beside its own (preserved-thinking page, 2026-10). Of models
that are not here the page says nothing: they are taken to read everybody's but that of `THINKING_OWN_ONLY`."""

THINKING_OWN_ONLY: Final = frozenset({"claude-fable-5-2", "claude-mythos-5-2"})
"""Models whose thinking only these two read (preserved-thinking page, 2026-10)."""

FAST_MODE: Final[dict[str, str]] = {
    "claude-fable-5-2": "",
    "claude-mythos-5-2": "",
    "claude-opus-5-5": "",
    "claude-opus-5": "fast-mode-2026-02-01",
    "claude-opus-4-8": "fast-mode-2026-02-01",
    "claude-opus-4-6": "",  # takes it and runs at standard speed
}
"""Models with `speed: fast`, and the beta header that they need, "" for none (fast-mode page, 2026-10)."""

NO_COMPACTION: Final = frozenset({"claude-opus-4-5", "claude-sonnet-4-5", "claude-haiku-4-5"})
"""Models without server-side compaction; those of 4.6 and later have it (compaction page, 2026-10)."""


def may_think(name: str, kind: str | None) -> bool:
    """Whether an answer may begin with thinking.

    Args:
        name: the model, in any platform's spelling; one that is not known may think unless it is told.
        kind: the request's `thinking.type`; None where it says nothing.
    """
    if kind == "disabled":
        return False
    row = model(name)
    if kind not in {None, "between_tools"}:
        return True
    return row.id in THINKS_ALWAYS or row.id in THINKING_RESTS if row else kind is None


def reads_thinking(name: str, maker: str) -> bool:
    """Whether a model can read another's thinking blocks; True where one of them is not known."""
    row, made = model(name), model(maker)
    if row is None or made is None or made.id == row.id:
        return True
    if made.id in THINKING_OWN_ONLY:
        return row.id in THINKING_OWN_ONLY
    return row.id not in READS_THINKING or made.id.startswith(READS_THINKING[row.id])


# What a change between two requests costs the cache. Order of levels: tools, system, messages.
Effect = Literal["all", "system", "messages", "none"]

_INVALIDATION: Final[dict[str, Effect]] = {
    "model": "all",
    "tools": "all",
    "speed": "all",  # doubt: one page keeps tools, another says the two speeds share no prefixes
    "thinking": "all",  # doubt: model-dependent; the page's own advice is to count it as a restart
    "effort": "all",  # doubt: as thinking
    "format": "all",  # doubt: "any prompt cache for that thread"
    "task_budget": "all",  # doubt: messages are lost for certain, the rest is not stated
    "system": "system",
    "web_tools": "system",
    "citations": "system",
    "tool_choice": "messages",
    "parallel": "messages",
    "images": "messages",
    "max_tokens": "none",
    "stop_sequences": "none",
    "metadata": "none",
    "stream": "none",
    "service_tier": "none",
}


def invalidation(what: str) -> Effect:
    """From which level on a change of `what` loses the cache; "all" for what the table does not know."""
    return _INVALIDATION.get(what, "all")
