"""`POST /v1/messages` and `count_tokens`: from a request to a message, billed by the cache's model.

Law: only a request that passes reaches the script; only a response that begins is billed and leaves something in
the cache. What a sampling pass costs is one bill; a compaction is a pass of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from contextkit.api import facts
from contextkit.api.usage import Usage
from contextkit.cache.prefix import prefix
from contextkit.cache.simulator import Bill
from contextkit.emulator import binding, diagnose
from contextkit.emulator.compaction import plain_summary
from contextkit.emulator.message import Said, class_json, said, usage_json
from contextkit.emulator.parameters import COMPACT, Headers, check_parameters
from contextkit.emulator.prompt import Prompt, read_prompt, window
from contextkit.emulator.script import Failure, Reply

if TYPE_CHECKING:
    from contextkit.api.messages import Block
    from contextkit.emulator.world import World

__all__ = ["Outcome", "Tier", "count_tokens", "respond"]

Tier = Literal["standard", "batch"]

_MOST: Final = 128_000  # output tokens of models that are not in the table
_NOTHING: Final = Bill(0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a valid request.

    Attributes:
        message: the response; None when a failure came first.
        failure: what goes wrong, and after what.
        bill: the prompt of the last sampling pass; None when nothing was billed.
        usage: everything that was billed, output and compaction too; None when nothing was.
        began: Unix seconds at which the response begins.
        ended: Unix seconds at which it ends.
    """

    message: dict[str, Any] | None = None
    failure: Failure | None = None
    bill: Bill | None = None
    usage: Usage | None = None
    began: float = 0.0
    ended: float = 0.0


@dataclass(frozen=True, slots=True)
class _Sampled:
    """What the passes of one request gave: the content, the last pass, and the compaction before it."""

    said: Said
    bill: Bill
    content: list[Block]
    compaction: Usage | None = None


def count_tokens(world: World, body: dict[str, Any], headers: Headers) -> dict[str, Any]:
    """The answer of `count_tokens`.

    Raises:
        Refusal: the body is refused.
    """
    check_parameters(body, headers, server_tools=world.options.server_tools == "offer", counting=True)
    asked = {name: value for name, value in body.items() if name != "compaction"}  # accepted and ignored (SDK)
    row = facts.model(str(body.get("model")))
    most = row.max_output if row else _MOST
    prompt = read_prompt(world, {**asked, "max_tokens": most}, headers)
    counted: dict[str, Any] = {"input_tokens": prompt.chain.total}
    if body.get("context_management") is not None:
        counted["context_management"] = {"original_input_tokens": prompt.unedited}
    return counted


def respond(world: World, body: dict[str, Any], headers: Headers, at: float, tier: Tier = "standard") -> Outcome:
    """The answer of the Messages API.

    Args:
        world: the emulator's state.
        body: the parsed request.
        headers: what its headers say.
        at: Unix seconds at which it arrived.
        tier: "batch" for an item of a batch.

    Raises:
        Refusal: the body is refused.
        ConfigError: the script has no answer.
    """
    check_parameters(body, headers, server_tools=world.options.server_tools == "offer")
    prompt = read_prompt(world, body, headers, batch=tier == "batch")
    paused = prompt.compact is not None and bool(prompt.compact.get("pause_after_compaction"))
    line = world.script.next(body, samples=body["max_tokens"] != 0 and not paused)
    if isinstance(line, Failure) and _before_begin(line, stream=bool(body.get("stream"))):
        return Outcome(failure=line, began=at, ended=at)
    reply = line.reply if isinstance(line, Failure) else line
    began, ended = _times(world, reply, at)
    sampled = _sample(world, body, prompt, reply, headers, (at, began), paused=paused)
    message = _message(world, body, sampled, reply)
    message["usage"] = _usage(prompt.body, sampled, headers, tier)
    message["diagnostics"] = _diagnosed(world, body, prompt, headers, message["id"])
    message.update(prompt.extra)
    failure = line if isinstance(line, Failure) else None
    return Outcome(message, failure, sampled.bill, Usage.of(message["usage"]), began, ended)


def _before_begin(failure: Failure, *, stream: bool) -> bool:
    early = failure.kind in {"status", "timeout", "connection"} or failure.after == 0
    return early or (failure.kind == "error" and not stream)


def _times(world: World, reply: Reply, at: float) -> tuple[float, float]:
    options = world.options
    first = options.first_token_seconds if reply.first_token_seconds is None else reply.first_token_seconds
    whole = options.seconds if reply.seconds is None else reply.seconds
    return at + first, at + max(first, whole)


def _sample(
    world: World,
    body: dict[str, Any],
    prompt: Prompt,
    reply: Reply,
    headers: Headers,
    times: tuple[float, float],
    *,
    paused: bool,
) -> _Sampled:
    """Bill the passes and let the model speak."""
    counts = world.counts(prompt.body)
    room = max(0, window(facts.model(str(body["model"]))) - prompt.chain.total)
    bill = world.cache.bill_prefix(prompt.chain, times[0], began=times[1], workspace=headers.workspace)
    if "compaction" in body:
        return _on_demand(world, body, bill, said(reply, body, counts, room))
    if prompt.compact is None:
        spoken = said(reply, body, counts, room)
        return _Sampled(spoken, bill, _named(world, spoken.content))
    summary = (world.options.summarize or plain_summary)(prompt.body)
    seal = binding.sign_summary(summary, body, world.options)
    block: Block = {"type": "compaction", "content": summary, "encrypted_content": seal}
    passed = bill.usage(max(1, round(counts.block({"type": "text", "text": summary}))))
    if paused:
        return _Sampled(Said((), "compaction", None, 0), _NOTHING, [block], passed)
    shorter = {**prompt.body, "messages": [{"role": "assistant", "content": [block]}]}
    chain = prefix(shorter, world.counts(shorter), world.cache.rules)
    bill = world.cache.bill_prefix(chain, times[0], began=times[1], workspace=headers.workspace)
    spoken = said(reply, body, counts, room)
    return _Sampled(spoken, bill, [block, *_named(world, spoken.content)], passed)


def _on_demand(world: World, body: dict[str, Any], bill: Bill, spoken: Said) -> _Sampled:
    """The reply's text becomes the summary; one that did not fit is a soft failure: no content, still billed."""
    summary = "".join(str(block.get("text") or "") for block in spoken.content)
    whole = spoken.stop_reason not in {"max_tokens", "model_context_window_exceeded", "refusal"} and summary.strip()
    content: list[Block] = []
    if whole:
        seal = binding.sign_summary(summary, body, world.options)
        content = [{"type": "compaction", "content": summary, "signature": seal, "tool_changes": []}]
    reason = "compaction" if whole else spoken.stop_reason
    return _Sampled(Said((), reason, None, 0), _NOTHING, content, bill.usage(spoken.output))


def _named(world: World, content: tuple[Block, ...]) -> list[Block]:
    """The blocks, every call with an id."""
    return [
        {**block, "id": block.get("id") or world.new_id("toolu")} if block["type"] == "tool_use" else block
        for block in content
    ]


def _message(world: World, body: dict[str, Any], sampled: _Sampled, reply: Reply) -> dict[str, Any]:
    return {
        "id": world.new_id("msg"),
        "type": "message",
        "role": "assistant",
        "model": reply.model or body["model"],
        "content": binding.sign(sampled.content, body, world.options),
        "stop_reason": sampled.said.stop_reason,
        "stop_sequence": sampled.said.stop_sequence,
        "stop_details": None,
        "container": None,
    }


def _usage(body: Mapping[str, Any], sampled: _Sampled, headers: Headers, tier: Tier) -> dict[str, Any]:
    spoken, bill = sampled.said, sampled.bill
    usage = usage_json(
        bill, spoken.output, thinking=spoken.thinking, tier=tier, speed=body.get("speed"), geo=body.get("inference_geo")
    )
    compaction = [] if sampled.compaction is None else [{"type": "compaction", **class_json(sampled.compaction)}]
    own = [] if bill is _NOTHING else [{"type": "message", **class_json(bill.usage(spoken.output))}]
    if compaction or COMPACT in headers.betas:
        usage["iterations"] = compaction + own
    return usage


def _diagnosed(
    world: World, body: Mapping[str, Any], prompt: Prompt, headers: Headers, name: str
) -> dict[str, Any] | None:
    asked = body.get("diagnostics")
    if not isinstance(asked, Mapping):
        return None
    now = diagnose.fingerprint(body, prompt.chain, headers.betas)
    found = diagnose.reason(asked, world.fingerprints, now)
    world.fingerprints[name] = now
    return found
