"""From a request to the prompt that the model sees: what is refused, dropped, folded and cleared on the way.

Law: the order is the API's. Validity, then thinking's binding on what was sent, then compaction blocks, then the
edits, then the window; nothing here bills or remembers anything.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from contextkit.api import facts
from contextkit.api.validity import faults
from contextkit.cache.prefix import prefix
from contextkit.emulator import binding
from contextkit.emulator.answer import Refusal
from contextkit.emulator.compaction import check_demand, closed, folded, triggered
from contextkit.emulator.editing import apply_edits, edits_of
from contextkit.emulator.parameters import BINDING_CONTROLS, Headers, modern, validated

if TYPE_CHECKING:
    from collections.abc import Mapping

    from contextkit.cache.prefix import Prefix
    from contextkit.emulator.world import World

__all__ = ["Prompt", "read_prompt", "window"]

_WINDOW: Final = 1_000_000  # of models that are not in the table: that of the newer ones


@dataclass(frozen=True, slots=True)
class Prompt:
    """A request as the model sees it.

    Attributes:
        body: after everything that the server does to it.
        chain: the same as hashed and counted positions.
        unedited: prompt tokens before context editing.
        compact: the compaction edit whose threshold is reached; None for none.
        extra: what the response says about it.
    """

    body: Mapping[str, Any]
    chain: Prefix
    unedited: int
    compact: Mapping[str, Any] | None = None
    extra: dict[str, Any] = field(default_factory=dict)


def read_prompt(world: World, body: dict[str, Any], headers: Headers, *, batch: bool = False) -> Prompt:
    """The prompt of a request.

    Raises:
        Refusal: it is invalid, its thinking belongs elsewhere, or it is longer than the window.
    """
    options = world.options
    body = modern(body)
    judged = closed(body) if "compaction" in body else body
    for found in faults(validated(judged, headers)):
        raise Refusal(found.message, status=found.status, type=found.type)
    row = facts.model(str(body["model"]))
    if row is None and options.unknown_models == "refuse":
        raise Refusal(f"model: {body['model']}", status=404)
    if "compaction" in body:
        check_demand(body)
    edits = edits_of(body, headers.betas)
    checked = binding.check(body, options, drop=batch)
    shown = folded(checked.body, headers.betas, options.secret)
    whole = prefix(shown, world.counts(shown), world.cache.rules)
    edited = apply_edits(shown, edits, world.counts)
    chain = prefix(edited.body, world.counts(edited.body), world.cache.rules) if edited.applied else whole
    compact = triggered(edited.body, edits, chain.total)
    if chain.total > window(row):
        raise Refusal(f"prompt is too long: {chain.total} tokens > {window(row)} maximum")
    extra: dict[str, Any] = {}
    if BINDING_CONTROLS in headers.betas:
        extra["input_transformations"] = checked.transformations
    if body.get("context_management") is not None:
        extra["context_management"] = {"applied_edits": edited.applied}
    return Prompt(edited.body, chain, whole.total, compact, extra)


def window(row: facts.Model | None) -> int:
    """Context window in tokens."""
    return row.window if row else _WINDOW
