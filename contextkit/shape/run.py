"""One output through one shape. The law: nothing raises; what cannot be shaped enters as it came, capped and noted."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from contextkit.shape.document import (
    MAX_MARKS,
    MISSING,
    check_depth,
    check_marks,
    check_width,
    check_written_depth,
    clean_text,
    read,
    write,
)
from contextkit.shape.fit import limit_items, with_note, without_note
from contextkit.shape.pause import paused
from contextkit.shape.shaped import BoundError, Shaped, is_cut, note_of

if TYPE_CHECKING:
    from contextkit.shape.caps import Caps
    from contextkit.shape.declare import Plan
    from contextkit.shape.shaped import Drift

__all__ = ["fallback", "run", "text_of"]


def run(plan: Plan, output: Any, caps: Caps) -> Shaped:
    """Shape one output; never raises."""
    # The document must be gone again before collection goes on, which would look through all of it: a call of its own.
    with paused(len(output) if isinstance(output, str) else 0):
        return _run(plan, output, caps)


def _run(plan: Plan, output: Any, caps: Caps) -> Shaped:
    # The document is handed on and not kept here: what is left of it needs its room.
    held: list[Any] = []
    try:
        value = _document(output, plan, caps)
        if value is MISSING:
            return _text(plan, text_of(output), caps)
        original = output if isinstance(output, str) else write(value)
        if value is output:  # what was read here is within the bounds
            check_marks(original, plan.marks)
            check_width(value, original)
        held.append(value)
        del value
        return _json(plan, held, original, caps)
    except BoundError as error:
        reason = str(error)
    except Exception as error:  # noqa: BLE001  (the tool loop goes on, whatever the output was)
        reason = f"shaping failed: {type(error).__name__}"
    return fallback(output, reason, caps)


def _document(output: Any, plan: Plan, caps: Caps) -> Any:
    """The document that an output is or holds, when it is needed as one; else MISSING."""
    if isinstance(output, (dict, list)):
        return output
    if isinstance(output, str) and (plan.json or caps.over(output)):
        return _read(output, plan.marks)
    return MISSING


def _read(text: str, most: int = MAX_MARKS) -> Any:
    """`read`, of a text that can be a document at all and is not too dense for it.

    Raises:
        BoundError: it would be too many values.
    """
    if text.lstrip()[:1] in ("{", "["):
        check_marks(text, most)
    return read(text)


def _json(plan: Plan, held: list[Any], original: str, caps: Caps) -> Shaped:
    body, earlier = without_note(held.pop())
    if earlier and is_cut(earlier) and not caps.over(original):
        return Shaped(original, changed=False, original_chars=len(original), note=earlier)
    kept, drift, reason = plan.document(body)
    if reason:
        return _unshaped(body, original, reason, drift, caps.or_fallback())
    removed = kept != body
    del body
    kept, rewritten = _rewritten(plan, kept)
    removed = removed or rewritten
    text = write(kept, len(original))
    check_written_depth(kept, text)
    left_out = max(len(original) - len(text), 0)
    note = earlier
    if removed:
        note = note_of(f"{left_out:,} of {len(original):,} characters left out", caps.handle) if caps.handle else ""
    if note:
        text = write(with_note(kept, note), len(original))
    if not removed and len(original) <= len(text):
        text = clean_text(original)
    if caps.over(text):
        text, note = caps.document(kept, len(original))
        removed = True
    return Shaped(text, removed, len(original), note, drift)


def _rewritten(plan: Plan, kept: Any) -> tuple[Any, bool]:
    """What stays with its values, arrays and tables as declared, and whether that changed it."""
    links = [plan.values] if plan.values is not None else []
    if plan.rewrites:
        check_depth(kept)
        links += [partial(limit_items, most=plan.max_items)] if plan.max_items is not None else []
        links.append(plan.table)
    changed = False
    for link in links:
        made = link(kept)
        changed = changed or made != kept
        kept = made
    return kept, changed


def _unshaped(body: Any, original: str, reason: str, drift: tuple[Drift, ...], caps: Caps) -> Shaped:
    """The document as it came, capped, with a note that says why it was not shaped."""
    check_depth(body)
    note = note_of(reason, caps.handle)
    text = write(with_note(body, note), len(original))
    over = caps.over(text)
    if over:
        text, note = caps.document(body, len(original), reason)
    return Shaped(text, over, len(original), note, drift)


def _text(plan: Plan, text: str, caps: Caps) -> Shaped:
    whole = clean_text(text)
    short, note = plan.text(whole, caps)
    if short != whole and caps.handle and not note:
        note = note_of(f"{max(len(whole) - len(short), 0):,} of {len(whole):,} characters left out", caps.handle)
        short, note = (f"{short}\n{note}", note) if not caps.over(f"{short}\n{note}") else (short, "")
    return Shaped(short, short != whole, len(text), note if note in short else "")


def text_of(output: Any) -> str:
    """An output as text: text as it is, bytes decoded, JSON values as compact JSON, anything else by its `str`."""
    if isinstance(output, str):
        return output
    if isinstance(output, (bytes, bytearray)):
        return bytes(output).decode("utf-8", "replace")
    try:
        return write(output)
    except Exception as error:  # noqa: BLE001  (a __str__ may do anything, a circle has no end)
        return f"[{type(output).__name__} that cannot be written: {type(error).__name__}]"


def fallback(output: Any, reason: str, caps: Caps) -> Shaped:
    """The output as text, capped: what is left when shaping met a bound or a shaper raised."""
    caps = caps.or_fallback()
    text = clean_text(text_of(output))
    try:
        value = output if isinstance(output, (dict, list)) else _read(text)
    except BoundError:
        return _fallback_json(text, reason, caps)
    if value is not MISSING:
        return _fallback_document(value, text, reason, caps)
    note = note_of(reason, caps.handle)
    with_reason = f"{text}\n{note}"
    if not caps.over(with_reason):
        return Shaped(with_reason, changed=False, original_chars=len(text), note=note)
    short, note = caps.text(text)
    return Shaped(short, short != text, len(text), note)


def _fallback_document(value: Any, text: str, reason: str, caps: Caps) -> Shaped:
    try:
        check_marks(text)
        check_width(value, text)
        return _unshaped(without_note(value)[0], text, reason, (), caps)
    except Exception:  # noqa: BLE001  (too deep, a circle, a member that raises: its text is what there is)
        return _fallback_json(text, reason, caps)


def _fallback_json(text: str, reason: str, caps: Caps) -> Shaped:
    """A document that cannot be opened, as the text of a small document, so that JSON stays JSON."""
    whole = {"text": text}
    note = note_of(reason, caps.handle)
    written = write(with_note(whole, note))
    if not caps.over(written):
        return Shaped(written, changed=False, original_chars=len(text), note=note)
    written, note = caps.document(whole, len(text), reason)
    return Shaped(written, changed=True, original_chars=len(text), note=note)
