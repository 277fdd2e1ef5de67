"""The bill decides: which predicted breaks happened, what they cost, and which losses nobody foresaw.

Law: billed `cache_read` is the truth; a predicted loss that the bill does not show stays in the report as such, and
so does an API diagnosis that names another cause. Prices that are not known give None.

Sources: prompt-caching page (usage fields), cache-diagnostics page (`cache_miss_reason`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from contextkit.api.facts import TTL_SECONDS
from contextkit.api.usage import UnknownPriceWarning, Usage, price
from contextkit.cache.violations import SLACK_TOKENS, Violation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from contextkit.cache.sent import Entry
    from contextkit.cache.spell import Spelled
    from contextkit.cache.violations import Finding

__all__ = ["billed_of", "lost_usd", "settle", "too_small"]

_SLACK: Final = 0.01
"""Share of the expected read below which a difference is not a loss: marks inside a prompt are estimated."""
_NEAR_END: Final = 0.8
"""Share of a lifetime after which a missing entry counts as expired: 3 of 13 reads at 240 to 300 s were lost."""

_DIAGNOSED: Final = {
    "model_changed": frozenset({"model_changed", "speed_changed"}),
    "system_changed": frozenset({"system_changed"}),
    "tools_changed": frozenset({"tools_changed", "tools_reordered", "web_tools_changed"}),
    "messages_changed": frozenset(
        {"message_changed", "message_removed", "message_inserted", "compaction", "thinking_stripped", "images_changed",
         "citations_changed"}
    ),
    "unavailable": frozenset(
        {"tool_choice_changed", "thinking_changed", "effort_changed", "format_changed", "task_budget_changed",
         "context_management_changed", "betas_changed"}
    ),
}  # fmt: skip
"""Which local causes each `cache_miss_reason.type` of the API stands for (cache-diagnostics page)."""


def settle(
    finding: Finding,
    usage: Usage | None,
    *,
    now: Spelled,
    at: float,
    reason: str = "",
    request: str = "",
    edited: bool = False,
    speed: str | None = None,
) -> list[Violation]:
    """The findings after the bill: confirmed or not, and what the bill alone shows.

    Args:
        finding: what `check` gave.
        usage: the billed tokens of the answer; None when they are not known.
        now: the request.
        at: Unix seconds when it was sent.
        reason: the `type` of the answer's `cache_miss_reason`.
        request: the message id, or a number.
        edited: the answer says that context editing was applied: it clears on the server, as was asked.
        speed: "fast" in fast mode, for the price.
    """
    found = finding.violations
    if usage is not None and finding.full is not None:
        lost = finding.full.tokens - usage.read
        if lost <= max(SLACK_TOKENS, _SLACK * finding.full.tokens):
            found = [replace(v, tokens=0, usd=0.0, confirmed=False) for v in found if v.cause != "expired"]
        else:
            if not found and finding.otherwise is not None:
                found = [finding.otherwise]
            found = found or [_unforeseen(finding.full, now, at, usage, reason, edited=edited)]
            usd = lost_usd(now.model, usage, lost, at, speed)
            found = [
                replace(found[0], tokens=round(lost), usd=usd, confirmed=True),
                *(replace(v, usd=0.0) for v in found[1:]),
            ]
    return [_diagnosed(replace(v, request=request), reason, found) for v in found]


def _unforeseen(full: Entry, now: Spelled, at: float, usage: Usage, reason: str, *, edited: bool) -> Violation:
    """A loss that the two requests do not explain."""
    life = TTL_SECONDS[full.ttl]
    made = Violation("evicted", "provider", at=at, model=now.model)
    if edited:
        return replace(made, cause="context_edited", blame="planned", where="context_management")
    if at >= full.expires - (1 - _NEAR_END) * life:
        return replace(made, cause="expired", blame="expected")
    if reason in _DIAGNOSED or 0 < usage.read < full.tokens / 10:
        return replace(made, cause="unknown", blame="unknown")
    return made


def lost_usd(model: str, usage: Usage, lost: float, at: float, speed: str | None) -> float | None:
    """What the lost tokens cost more than a read: they were written again, or paid as plain input."""
    try:
        found = price(model, prompt=usage.prompt, at=at, speed=speed)
    except UnknownPriceWarning:  # where warnings are errors
        found = None
    if found is None:
        return None
    paid, left = 0.0, lost
    for tokens, rate in ((usage.write_1h, found.write_1h), (usage.write_5m, found.write_5m)):
        taken = min(left, tokens)
        paid += taken * (rate - found.read)
        left -= taken
    return paid + left * (found.input - found.read)


def _diagnosed(violation: Violation, reason: str, found: Sequence[Violation]) -> Violation:
    if not reason:
        return violation
    known = _DIAGNOSED.get(reason)
    if known is None:  # not found, or a reason that came later than this table
        return replace(violation, diagnosis=reason)
    agrees = any(other.cause in known for other in found)
    return replace(violation, diagnosis=reason, agrees=agrees if violation is found[0] else violation.cause in known)


def billed_of(usage: Any) -> Usage | None:
    """The usage of the sampling itself; compaction passes read another prompt (SDK docstring of `iterations`)."""
    if usage is None or type(usage) is Usage:
        return usage
    source = usage if isinstance(usage, Mapping) else getattr(usage, "__dict__", {})
    if not source.get("iterations"):
        return Usage.of(source)
    return Usage.of({**source, "iterations": None})


def too_small(now: Spelled, billed: Usage | None, *, at: float, request: str) -> Violation | None:
    """Marks that do nothing, because the prompt is below the model's minimum; None when they do something."""
    row = now.top.row
    if billed is None or row is None or not now.marks:
        return None
    if billed.prompt == 0 or billed.prompt != billed.input or billed.prompt >= row.min_prefix:
        return None
    where = f"{billed.prompt:,} of {row.min_prefix:,} tokens"
    return Violation(
        "below_minimum", "expected", where, confirmed=True, usd=0.0, at=at, request=request, model=now.model
    )
