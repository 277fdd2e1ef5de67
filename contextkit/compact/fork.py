"""A summary by the conversation's own model: a fork on its warm prefix, one instruction longer than the last request.

Law: nothing that the cache's key holds is changed (tools, system, messages, tool_choice, thinking, effort, format), no
mark is added, so that the fork reads what the last request left, writes nothing, and leaves it for the main thread.
What the API or the cache would not allow is a SummaryError before anything is sent. Pure: prices it, does not send it.

Sources: prompt-caching page (prefix, invalidation, marks), thinking page, structured outputs, message threads.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from contextkit.api import facts
from contextkit.api.request import Request
from contextkit.api.usage import Usage, cost
from contextkit.compact.summary import INSTRUCTIONS, THINKING_ROOM
from contextkit.errors import SummaryError
from contextkit.tokens.estimate import message_tokens, prompt_tokens, text_tokens

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from contextkit.api.messages import Block, Message

__all__ = ["INSTRUCTION", "Choice", "Fork", "cheaper", "fork", "fresh"]

INSTRUCTION: Final = """\
This is a request by the program that runs this conversation, not a new task. Call no tool and do not go on with the \
work: answer with text only. {covered}

{form} Use at most {words} words."""

_FORM: Final = INSTRUCTIONS[INSTRUCTIONS.index("Write, under") :]
_ALL: Final = "Condense the conversation up to here, so that you can go on from your text alone."
_BUT: Final = (
    "Condense the conversation, so that you can go on from your text and the last {kept} messages alone: these stay as"
    " they are, leave out what they say themselves."
)
_WORDS_PER_TOKEN: Final = 0.5

_DROPPED: Final = frozenset({"stop_sequences", "diagnostics", "stream", "cache_control"})
"""Parameters that the fork leaves out; none is part of the cache's key. `cache_control` becomes an explicit mark."""

_THINKING: Final = frozenset({"thinking", "redacted_thinking"})


@dataclass(frozen=True, slots=True)
class Fork:
    """A summary call on the conversation's own prefix.

    Attributes:
        request: what to send.
        usage: what it is expected to be billed, tokens by class.
    """

    request: Request
    usage: Usage


def fork(
    last: Request,
    billed: Usage,
    *,
    summary_tokens: int,
    warm: bool,
    added: Sequence[Message] = (),
    kept: int = 0,
    fixed_tokens: int = 0,
    thinking_tokens: int = 0,
) -> Fork:
    """The fork of the last request of the main thread.

    Args:
        last: that request, exactly as it was sent.
        billed: what it was billed.
        summary_tokens: the bound of the summary.
        warm: whether its cache entry still lives. Cold, the marks in messages are dropped: what they would write is
            folded at once, so plain input is cheaper; those of tools and system stay.
        added: messages that came after it, closed: the reply, and the results of its calls. They are plain input.
        kept: how many of the newest messages stay verbatim after the fold.
        fixed_tokens: tokens of tools and system, written when cold.
        thinking_tokens: what the model spends on thinking before such an answer, from the ledger; billed as output.

    Raises:
        SummaryError: the fork cannot be a summary here, and why. Take a fresh call.
    """
    params = last.params
    _check(params, added)
    words = int(summary_tokens * _WORDS_PER_TOKEN)
    covered = _BUT.format(kept=kept) if kept else _ALL
    instruction = INSTRUCTION.format(covered=covered, form=_FORM, words=words)
    messages = [*params["messages"], *added]
    if not warm:
        messages = [_unmarked(message) for message in messages]
    elif mark := params.get("cache_control"):
        spot = len(params["messages"]) - 1
        messages[spot] = _marked(messages[spot], mark)
    messages = _asked(messages, instruction)
    room = _room(params, summary_tokens)
    body = {key: value for key, value in params.items() if key not in _DROPPED}
    family = _family(last.model)
    new = sum(message_tokens(message, family) for message in added) + text_tokens(instruction, family)
    usage = _expected(params, billed, new=int(new), fixed=fixed_tokens if _fixed_mark(params) else 0, warm=warm)
    output = summary_tokens + (thinking_tokens if room > summary_tokens else 0)
    return Fork(Request({**body, "max_tokens": room, "messages": messages}), usage + Usage(output=output))


def _check(params: Mapping[str, Any], added: Sequence[Message]) -> None:
    """Refuse what cannot be answered with a text, or not from the cache."""
    reason = _hindrance(params, added)
    if reason:
        raise SummaryError(reason, where="fork()", fix="Take a fresh call.")


def _hindrance(params: Mapping[str, Any], added: Sequence[Message]) -> str:
    messages = [*params["messages"], *added]
    config = params.get("output_config") or {}
    if (params.get("tool_choice") or {}).get("type") in {"any", "tool"}:
        return "tool_choice forces a tool call, and another one would lose the cached messages"
    if config.get("format") or params.get("output_format"):
        return "the answer has to follow a schema, and dropping it would lose the cache"
    if "thread" in params or "thread" in (params.get("extra_body") or {}):
        return "a message thread can be continued only once"
    if messages[-1]["role"] == "assistant" and any(
        block.get("type") in {"tool_use", "server_tool_use"} for block in _content(messages[-1])
    ):
        return "a tool call is open"
    row = facts.model(str(params["model"]))
    if row is not None and not row.keeps_thinking and _loop_thinks(messages):
        return "a new user text would drop the thinking of the running tool calls, and the cache from there on"
    return ""


def _loop_thinks(messages: Sequence[Mapping[str, Any]]) -> bool:
    """Whether thinking stands after the last user text: models that keep only the last turn's drop it at the next."""
    for message in reversed(messages):
        blocks = _content(message)
        if message["role"] == "assistant" and any(block.get("type") in _THINKING for block in blocks):
            return True
        if message["role"] == "user" and any(block.get("type") != "tool_result" for block in blocks):
            return False
    return False


def _content(message: Mapping[str, Any]) -> Sequence[Block]:
    content = message["content"]
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _asked(messages: list[Any], instruction: str) -> list[Any]:
    """The messages with the instruction at the end of the user's turn: results first, other content after."""
    block = {"type": "text", "text": instruction}
    final = messages[-1]
    if final["role"] != "user":
        return [*messages, {"role": "user", "content": [block]}]
    return [*messages[:-1], {"role": "user", "content": [*_content(final), block]}]


def _unmarked(message: Mapping[str, Any]) -> Mapping[str, Any]:
    blocks = _content(message)
    if not any("cache_control" in block for block in blocks):
        return message
    plain = [{key: value for key, value in block.items() if key != "cache_control"} for block in blocks]
    return {**message, "content": plain}


def _marked(message: Mapping[str, Any], mark: Any) -> Mapping[str, Any]:
    """The automatic mark, where it stood: on the last block that can carry one."""
    blocks = list(_content(message))
    spots = [at for at, block in enumerate(blocks) if block.get("type") not in facts.UNMARKABLE]
    if spots:
        blocks[spots[-1]] = {**blocks[spots[-1]], "cache_control": dict(mark)}
    return {**message, "content": blocks}


def _room(params: Mapping[str, Any], summary_tokens: int) -> int:
    """max_tokens: the summary, and thinking before it where that cannot be ruled out. It is not in the cache's key."""
    thinking = params.get("thinking") or {}
    kind = thinking.get("type")
    wanted = summary_tokens
    if kind == "enabled":
        wanted += int(thinking.get("budget_tokens") or 0)  # has to be above the budget
    elif facts.may_think(str(params["model"]), kind):
        wanted += THINKING_ROOM
    row = facts.model(str(params["model"]))
    return min(wanted, row.max_output) if row else wanted


def _fixed_mark(params: Mapping[str, Any]) -> Literal["5m", "1h"] | None:
    """The lifetime of the mark on tools or system; None without one."""
    system = params.get("system")
    blocks = [*(params.get("tools") or ()), *(system if isinstance(system, (list, tuple)) else ())]
    marks = [block["cache_control"] for block in blocks if block.get("cache_control")]
    if not marks:
        return None
    return "1h" if marks[-1].get("ttl") == "1h" else "5m"


def _expected(params: Mapping[str, Any], billed: Usage, *, new: int, fixed: int, warm: bool) -> Usage:
    """Anchored at the bill of the last request: what it read and wrote is read, the rest is plain input."""
    cached = billed.read + billed.write_5m + billed.write_1h
    if warm:
        return Usage(input=billed.input + new, read=cached)
    kept = min(fixed, billed.prompt)
    rest = billed.prompt - kept + new
    return Usage(input=rest, write_1h=kept) if _fixed_mark(params) == "1h" else Usage(input=rest, write_5m=kept)


def _family(model: str) -> facts.Family:
    row = facts.model(model)
    return row.tokenizer if row else "2026"


def fresh(request: Request, *, summary_tokens: int) -> Usage:
    """What a fresh call (`summary.request`) is expected to be billed: its prompt as input, by its own tokenizer."""
    return Usage(input=round(prompt_tokens(request.body())), output=summary_tokens)


@dataclass(frozen=True, slots=True)
class Choice:
    """Who makes the summary.

    Attributes:
        maker: "own", or the model of the fresh call.
        own: USD of the fork; None where its price is not known or it cannot be made.
        fresh: USD of the fresh call; None where its price is not known.
    """

    maker: str
    own: float | None
    fresh: float | None


def cheaper(own: Usage | None, fresh: Usage, *, model: str, maker: str = "haiku", at: float | None = None) -> Choice:
    """Who makes the summary for less, by today's prices; price steps count by each call's whole prompt.

    Args:
        own: the fork's expected usage, warm or cold; None where it cannot be made.
        fresh: the fresh call's expected usage.
        model: the conversation's model.
        maker: the model of the fresh call.
        at: Unix seconds, for prices that changed; None takes the newest.

    Returns:
        The fresh call where the fork is not cheaper, or where it cannot be priced.
    """
    other = facts.resolve(maker)
    asked = None if own is None else cost(model, own, at=at)
    answered = cost(other, fresh, at=at)
    wins = asked is not None and (answered is None or asked < answered)
    return Choice("own" if wins else other, asked, answered)
