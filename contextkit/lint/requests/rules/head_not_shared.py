"""CK309: conversations that could share tools and system prompt, and do not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from contextkit.api.facts import TTL_SECONDS
from contextkit.cache.window import between, kept
from contextkit.lint.requests.alike import alike
from contextkit.lint.requests.kinds import BodyRule
from contextkit.lint.requests.memory import Start
from contextkit.lint.requests.place import resolved, tool_pointer
from contextkit.lint.requests.priced import priced
from contextkit.lint.rule import Severity
from contextkit.tokens.estimate import prompt_tokens

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from contextkit.api.facts import Ttl
    from contextkit.cache.spell import Spelled
    from contextkit.lint.requests.memory import Memory
    from contextkit.lint.requests.sequence import Seen
    from contextkit.lint.rule import Finding

__all__ = ["HeadNotShared"]

_READ: Final = 0.8
"""Share of the head that a bill shows as read when it was shared after all."""
_STARTS: Final = 16


class HeadNotShared(BodyRule):
    """Conversations that could share tools and system prompt, and do not.

    What it does:
        Compares the marked tools and system prompt of a new conversation with those of the conversations before, and
        finds those that are nearly the same: a date, a name or an id in between, or the tools in another order.

    Why is this bad:
        Every conversation writes a prefix that an earlier one had written already.

    Example:
        {"system": [{"type": "text", "text": "You help Ada. <4,000 tokens of rules>", "cache_control": "..."}]}
        {"system": [{"type": "text", "text": "You help Bob. <4,000 tokens of rules>", "cache_control": "..."}]}

    Use instead:
        {"system": [{"type": "text", "text": "<4,000 tokens of rules>", "cache_control": "..."},
                    {"type": "text", "text": "You help Ada."}]}
    """

    code = "CK309"
    name = "head-not-shared"
    severity = Severity.WARNING
    advice = "Put what is the same for all conversations first, mark its end, and let what differs follow."

    @classmethod
    def look(cls, seen: Seen, memory: Memory) -> Iterator[Finding]:
        """The first conversation with each variant of a head."""
        ticket, record = seen.ticket, seen.record
        if ticket is None or not seen.first or ticket.before is not None:
            return
        now, body = ticket.now, record.body
        mark = next((one for one in reversed(now.marks) if one.pos < now.head), None)
        if mark is None:
            return
        tools, system = now.tools[: mark.pos + 1], now.system[: max(0, mark.pos + 1 - len(now.tools))]
        if any(one.tools[: len(tools)] == tools and one.system[: len(system)] == system for one in memory.starts):
            return
        texts = _texts(body)
        one = next((old for old in reversed(memory.starts) if _could_share(old, now, texts, mark.ttl, record.at)), None)
        memory.starts.append(Start(now.model, tools, system, texts, record.number, record.at, seen.conversation.label))
        del memory.starts[:-_STARTS]
        if one is None:
            return
        place, window = _departure(one, now, body, texts)
        tokens = prompt_tokens({"model": now.model, "messages": [], **_head(body)}, now.model)
        if record.usage is not None and record.usage.read >= _READ * tokens:
            return
        listed = priced(now.model, int(tokens))
        rate = None if listed is None else (listed.write_1h if mark.ttl == "1h" else listed.write_5m) - listed.read
        said = f"tools and system are nearly those of request {one.number}, but not the same{window}"
        yield cls.on(
            memory,
            record,
            place,
            f"{said}; about {tokens:,.0f} tokens written again",
            tokens=round(tokens),
            usd=None if rate is None else tokens * rate,
            conversation=seen.conversation.label,
        )


def _head(body: Mapping[str, Any]) -> dict[str, Any]:
    return {name: body[name] for name in ("tools", "system") if body.get(name)}


def _texts(body: Mapping[str, Any]) -> list[str]:
    system = body.get("system") or ()
    blocks = [{"text": system}] if isinstance(system, str) else list(system)
    return [str(block.get("text")) for block in blocks]


def _could_share(old: Start, now: Spelled, texts: list[str], ttl: Ttl, at: float | None) -> bool:
    if old.model != now.model or len(old.texts) != len(texts):
        return False
    if {name for name, _ in old.tools} != {name for name, _ in now.tools[: len(old.tools)]}:
        return False
    if at is not None and old.at is not None and at - old.at >= TTL_SECONDS[ttl]:
        return False
    return alike("\n".join(old.texts), "\n".join(texts))


def _departure(old: Start, now: Spelled, body: Mapping[str, Any], texts: list[str]) -> tuple[str, str]:
    """Where the heads begin to differ, and a look at it."""
    tools = now.tools[: len(old.tools)]
    if old.tools != tools:
        index = next((at for at, (a, b) in enumerate(zip(old.tools, tools, strict=True)) if a != b), 0)
        order = " (the same tools in another order)" if sorted(old.tools) == sorted(tools) else ""
        return resolved(body, tool_pointer(body, index)), order
    index = next((at for at, (a, b) in enumerate(zip(old.texts, texts, strict=True)) if a != b), 0)
    window, _ = between(kept({"type": "text", "text": old.texts[index]}), {"type": "text", "text": texts[index]},
                        redact=False)  # fmt: skip
    shown = f" from byte {window.offset:,} of the system prompt on: {window.before!r} became {window.after!r}"
    return resolved(body, f"/system/{index}/text"), shown
