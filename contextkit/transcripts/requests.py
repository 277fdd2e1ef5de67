"""Logs of raw requests: JSON lines that are Messages bodies, or objects that hold one beside its answer.

Law: what a body says is what was sent. Bodies of one conversation find each other by the longest shared head, so
several conversations may stand interleaved in one log; each is one session. Lines in LiteLLM's style (OpenAI
messages) are converted. A spelling (`"text"` for `[{"type": "text"}]`, a moved mark) is no difference.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from contextkit.api.marks import Path as Place
from contextkit.api.marks import mark_of
from contextkit.api.messages import canonical, digest, dumps
from contextkit.api.usage import Usage
from contextkit.errors import FormatError
from contextkit.transcripts.common import Call, Session
from contextkit.transcripts.lines import Lines, document, mapping, safe_blocks, seconds, string
from contextkit.transcripts.openai import append, message, system_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from contextkit.api.facts import Ttl
    from contextkit.api.messages import Message

__all__ = ["looks_like", "read"]

_TIPS: Final = 64  # histories that can stand interleaved before the oldest is forgotten
_BODIES: Final = ("request", "body", "kwargs", "params", "request_body", "proxy_server_request", "json")
_ANSWERS: Final = ("response", "response_body", "completion", "output", "result")
_STARTS: Final = ("at", "timestamp", "start_time", "startTime", "time", "created_at", "date")
_ENDS: Final = ("ended", "end_time", "endTime", "completed_at")
_LEFT_OUT: Final = frozenset({"messages", "model"})


def looks_like(first: Mapping[str, Any]) -> bool:
    """Whether an object is a request body or holds one."""
    return _body(first) is not None


def _body(line: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The body in a line: itself, or one level down."""
    if isinstance(line.get("messages"), list) and ("model" in line or "max_tokens" in line):
        return line
    for name in _BODIES:
        inner = mapping(line.get(name))
        inner = mapping(inner.get("body")) if name == "proxy_server_request" else inner
        if isinstance(inner.get("messages"), list):
            return inner
    return None


def read(path: Path) -> list[Session]:
    """The conversations in one log."""
    lines = Lines(path)
    log = _Log()
    for number, line in lines:
        log.line(line, number)
    if not log.chains:
        whole = document(path)
        for entry in whole if isinstance(whole, list) else [whole]:
            log.line(mapping(entry), 0)
    if not log.chains:
        raise FormatError("no request body", where=f"{path}, {lines.first_bad or 'line 1'}", fix="Log request bodies.")
    skipped = {**log.skipped, **lines.skipped}
    return [chain.session(path, skipped if at == 0 else {}) for at, chain in enumerate(log.chains)]


@dataclass(slots=True, eq=False)
class _Chain:
    """One conversation: its calls."""

    calls: list[Call] = field(default_factory=list)

    def session(self, path: Path, skipped: Mapping[str, int]) -> Session:
        """As a session; what no call has is missing."""
        missing: set[Any] = set()
        missing |= {"times"} if all(call.at is None for call in self.calls) else set()
        missing |= {"usage", "output_tokens"} if all(call.usage is None for call in self.calls) else set()
        missing |= {"replies"} if all(call.reply is None for call in self.calls) else set()
        return Session(str(path), "requests", tuple(self.calls), "", frozenset(missing), skipped)


@dataclass(frozen=True, slots=True, eq=False)
class _Tip:
    """A history that a later body may go on from.

    Attributes:
        chain: the conversation.
        index: its call.
        head: digest of that call's model, system and tools.
        names: digests of its messages, the reply included.
    """

    chain: _Chain
    index: int
    head: bytes
    names: list[bytes]


@dataclass(slots=True)
class _Log:
    chains: list[_Chain] = field(default_factory=list)
    skipped: dict[str, int] = field(default_factory=dict)
    _tips: list[_Tip] = field(default_factory=list)
    _seen: dict[bytes, dict[str, Any]] = field(default_factory=dict)

    def line(self, line: Mapping[str, Any], number: int) -> None:
        """Enter a line, or count why not."""
        try:
            body = _body(line)
            why = "no request body" if body is None else self._enter(line, body, number)
        except RecursionError:
            why = "nested too deep"
        if why:
            self.skipped[why] = self.skipped.get(why, 0) + 1

    def _enter(self, line: Mapping[str, Any], body: Mapping[str, Any], number: int) -> str:
        """Add the call to its conversation; the reason where it cannot be one."""
        messages, settings, marks = _read_body(body)
        if not any(found["content"] for found in messages):
            return "not in the Messages format"
        names = [_digest(found) for found in messages]
        head = _head(body)
        tip, shared = self._longest(names, head)
        reply, usage = _answer(line)
        call = Call(
            added=tuple(messages[shared:]),
            follows=tip.index if tip else None,
            shared=shared,
            reply=reply,
            at=_first_time(line, _STARTS),
            ended=_first_time(line, _ENDS),
            model=string(body.get("model")),
            usage=usage,
            settings=self._same(settings),
            marks=marks,
            line=number,
        )
        self._keep(call, tip, head, [*names, *([_digest(reply)] if reply is not None else [])])
        return ""

    def _keep(self, call: Call, tip: _Tip | None, head: bytes, names: list[bytes]) -> None:
        """Append the call; its history takes the place of the tip that it grew out of, or stands beside it."""
        chain = tip.chain if tip else _Chain()
        if tip is None:
            self.chains.append(chain)
        elif call.shared == len(tip.names):
            self._tips.remove(tip)
        chain.calls.append(call)
        self._tips = [*self._tips[1 - _TIPS :], _Tip(chain, len(chain.calls) - 1, head, names)]

    def _longest(self, names: list[bytes], head: bytes) -> tuple[_Tip | None, int]:
        """The latest history with the longest shared head; None when nothing is shared.

        One equal message alone is no sign ("continue", a test's question): model, system and tools must be equal too.
        """
        best: _Tip | None = None
        shared = 0
        for tip in self._tips:
            common = _common(tip.names, names)
            if common >= max(shared, 1) and (common > 1 or tip.head == head):
                best, shared = tip, common
        return best, shared

    def _same(self, settings: dict[str, Any]) -> dict[str, Any]:
        """One object for equal settings, so that tools are not held once a call."""
        return self._seen.setdefault(digest(dumps(settings).encode("utf-8", "surrogatepass")), settings)


def _head(body: Mapping[str, Any]) -> bytes:
    parts = [body.get("model"), body.get("system"), body.get("tools")]
    return digest(dumps(parts).encode("utf-8", "surrogatepass"))


def _common(one: list[bytes], other: list[bytes]) -> int:
    length = min(len(one), len(other))
    return next((i for i in range(length) if one[i] != other[i]), length)


def _digest(found: Message) -> bytes:
    return digest(found["role"].encode(), *(canonical(block) for block in found["content"]))


def _read_body(body: Mapping[str, Any]) -> tuple[list[Message], dict[str, Any], tuple[tuple[Place, Ttl], ...]]:
    """Messages without marks, everything else, and where the marks stood."""
    settings = {key: value for key, value in body.items() if key not in _LEFT_OUT}
    messages: list[Message] = []
    marks = [(("system", i, 0), ttl) for i, ttl in _marks(body.get("system"))]
    marks = [*((("tools", i, 0), ttl) for i, ttl in _marks(body.get("tools"))), *marks]
    for entry in body["messages"]:
        given = mapping(entry)
        role = string(given.get("role"))
        if role in {"system", "developer"} and not messages and "system" not in settings:
            settings["system"] = system_text(given)
        elif "tool_calls" in given or role in {"tool", "function"}:
            found = message(given)
            if found is not None:
                append(messages, found)
        elif role in {"user", "assistant", "system"}:
            marks += [(("messages", len(messages), i), ttl) for i, ttl in _marks(given.get("content"))]
            messages.append({"role": role, "content": safe_blocks(given.get("content"))})
    return messages, settings, tuple(marks)


def _marks(blocks: Any) -> list[tuple[int, Ttl]]:
    found = [mapping(block) for block in blocks] if isinstance(blocks, list) else []
    return [
        (i, ttl) for i, block in enumerate(found) if mapping(block.get("cache_control")) and (ttl := mark_of(block))
    ]


def _answer(line: Mapping[str, Any]) -> tuple[Message | None, Usage | None]:
    """The reply and the bill in a line, in the API's form or in LiteLLM's."""
    answer = next((mapping(line[name]) for name in _ANSWERS if mapping(line.get(name))), mapping(None))
    billed = mapping(answer.get("usage")) or mapping(line.get("usage"))
    usage = _usage(billed) if billed else None
    choices = answer.get("choices")
    if isinstance(choices, list) and choices:
        return message(mapping(mapping(choices[0]).get("message"))), usage
    blocks = safe_blocks(answer.get("content") if answer else line.get("response_content"))
    return ({"role": "assistant", "content": blocks} if blocks else None), usage


def _usage(billed: Mapping[str, Any]) -> Usage:
    """A bill; in LiteLLM's form `prompt_tokens` counts cached tokens too, and its details split them."""
    if "prompt_tokens" not in billed:
        return Usage.of(billed)
    details = mapping(billed.get("prompt_tokens_details"))
    read = _count(billed.get("cache_read_input_tokens")) or _count(details.get("cached_tokens"))
    written = _count(billed.get("cache_creation_input_tokens")) or _count(details.get("cache_creation_tokens"))
    split = mapping(details.get("cache_creation_token_details"))
    hour = min(written, _count(split.get("ephemeral_1h_input_tokens")))
    rest = max(0, _count(billed["prompt_tokens"]) - read - written)
    return Usage(rest, read, written - hour, hour, _count(billed.get("completion_tokens")))


def _count(value: Any) -> int:
    return value if isinstance(value, int) and value > 0 else 0


def _first_time(line: Mapping[str, Any], names: tuple[str, ...]) -> float | None:
    return next((found for name in names if (found := seconds(line.get(name))) is not None), None)
