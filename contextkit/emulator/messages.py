"""`POST /v1/messages` and `count_tokens`: from a body to a message, billed by the cache's model.

Law: the order is the API's. Parameters, then validity, then thinking's binding, then the window; only a request
that passes reaches the script; only a response that begins is billed and leaves something in the cache.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from contextkit.api import facts
from contextkit.api.validity import faults
from contextkit.cache.prefix import prefix
from contextkit.emulator import binding, diagnose
from contextkit.emulator.answer import Refusal
from contextkit.emulator.message import said, usage_json
from contextkit.emulator.parameters import BINDING_CONTROLS, Headers, check_parameters, validated
from contextkit.emulator.script import Failure, Reply

if TYPE_CHECKING:
    from contextkit.api.usage import Usage
    from contextkit.cache.prefix import Prefix
    from contextkit.cache.simulator import Bill
    from contextkit.emulator.message import Said
    from contextkit.emulator.world import World

__all__ = ["Outcome", "count_tokens", "respond"]

Tier = Literal["standard", "batch"]

_NO_WINDOW = 1_000_000  # for models that are not in the table: the window of the newer ones


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a valid request.

    Attributes:
        message: the response; None when a failure came first.
        failure: what goes wrong, and after what.
        bill: the prompt; None when nothing was billed.
        usage: with the output; None when nothing was billed.
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
class _Prompt:
    """A request as the model sees it, after what the server does to it."""

    body: Mapping[str, Any]
    chain: Prefix
    extra: dict[str, Any] = field(default_factory=dict)


def count_tokens(world: World, body: dict[str, Any], headers: Headers) -> dict[str, Any]:
    """The answer of `count_tokens`.

    Raises:
        Refusal: the body is refused.
    """
    check_parameters(body, headers, server_tools=world.options.server_tools == "offer", counting=True)
    prompt = _prompt(world, {**body, "max_tokens": 1}, headers)
    return {"input_tokens": prompt.chain.total}


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
    prompt = _prompt(world, body, headers)
    line = _line(world, body)
    if isinstance(line, Failure) and _before_begin(line, stream=bool(body.get("stream"))):
        return Outcome(failure=line, began=at, ended=at)
    reply = line.reply if isinstance(line, Failure) else line
    began, ended = _times(world, reply, at)
    bill = world.cache.bill_prefix(prompt.chain, at, began=began, workspace=headers.workspace)
    row = facts.model(str(body["model"]))
    room = max(0, (row.window if row else _NO_WINDOW) - prompt.chain.total)
    spoken = said(reply, body, world.counts(body), room)
    message = _message(world, body, spoken, reply, headers)
    message["usage"] = usage_json(
        bill, spoken.output, thinking=spoken.thinking, tier=tier, speed=body.get("speed"), geo=body.get("inference_geo")
    )
    message["diagnostics"] = _diagnosed(world, body, prompt.chain, headers, message["id"])
    message.update(prompt.extra)
    failure = line if isinstance(line, Failure) else None
    return Outcome(message, failure, bill, bill.usage(spoken.output), began, ended)


def _prompt(world: World, body: dict[str, Any], headers: Headers) -> _Prompt:
    """The request as the model sees it.

    Raises:
        Refusal: it is invalid, its thinking belongs elsewhere, or it is longer than the window.
    """
    for found in faults(validated(body, headers)):
        raise Refusal(found.message, status=found.status, type=found.type)
    row = facts.model(str(body["model"]))
    if row is None and world.options.unknown_models == "refuse":
        raise Refusal(f"model: {body['model']}", status=404)
    shown, dropped = binding.check(body, world.options)
    extra: dict[str, Any] = {"input_transformations": dropped} if BINDING_CONTROLS in headers.betas else {}
    chain = prefix(shown, world.counts(shown), world.cache.rules)
    if row is not None and chain.total > row.window:
        raise Refusal(f"prompt is too long: {chain.total} tokens > {row.window} maximum")
    return _Prompt(shown, chain, extra)


def _line(world: World, body: dict[str, Any]) -> Reply | Failure:
    """The script's line. A list keeps its replies for calls that generate something."""
    return world.script.next(body, samples=body["max_tokens"] != 0)


def _before_begin(failure: Failure, *, stream: bool) -> bool:
    return failure.kind in {"status", "timeout", "connection"} or failure.after == 0 or (
        failure.kind == "error" and not stream
    )


def _times(world: World, reply: Reply, at: float) -> tuple[float, float]:
    options = world.options
    first = options.first_token_seconds if reply.first_token_seconds is None else reply.first_token_seconds
    whole = options.seconds if reply.seconds is None else reply.seconds
    return at + first, at + max(first, whole)


def _message(world: World, body: dict[str, Any], spoken: Said, reply: Reply, headers: Headers) -> dict[str, Any]:
    named = [
        {**block, "id": block.get("id") or world.new_id("toolu")} if block["type"] == "tool_use" else block
        for block in spoken.content
    ]
    return {
        "id": world.new_id("msg"),
        "type": "message",
        "role": "assistant",
        "model": reply.model or body["model"],
        "content": binding.sign(named, body, world.options),
        "stop_reason": spoken.stop_reason,
        "stop_sequence": spoken.stop_sequence,
        "stop_details": None,
        "container": None,
    }


def _diagnosed(world: World, body: dict[str, Any], chain: Prefix, headers: Headers, name: str) -> dict[str, Any] | None:
    asked = body.get("diagnostics")
    if not isinstance(asked, Mapping):
        return None
    now = diagnose.fingerprint(body, chain, headers.betas)
    found = diagnose.reason(asked, world.fingerprints, now)
    world.fingerprints[name] = now
    return found
