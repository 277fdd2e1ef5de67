"""A shape, and chains of them. The law: built once with every doubt refused, applied often and never raising.

A shape is a value: two shapes with the same declaration are equal. Applying one is a function of the output alone, so
that the same output gives the same bytes at every replay. Where an output cannot be shaped as declared (not JSON, too
deep, nothing matched) it still goes in, capped, with a note that says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from contextkit.errors import ShapeError
from contextkit.shape.declare import Plan, plan
from contextkit.shape.document import MISSING, check_depth, clean_text, plain, read, write
from contextkit.shape.fit import fit, limit_items, with_note, without_note
from contextkit.shape.shaped import BoundError, Drift, Shaped, note_of
from contextkit.shape.text import cut

if TYPE_CHECKING:
    from contextkit.api.facts import Family

__all__ = ["FALLBACK_CHARS", "Link", "Shape", "Shaper", "apply"]

FALLBACK_CHARS: Final = 8_000
"""Characters of an output that could not be shaped as declared, when the shape has no cap of its own."""

Shaper = Callable[[Any], Any]
Link = "Shape | Shaper | Sequence[Shape | Shaper]"

Dialect = Literal["jsonpath", "rfc9535"]


@dataclass(frozen=True)
class Shape:
    """What of a tool's output enters the conversation. Everything is optional; nothing declared, nothing removed.

    JSON parts work in this order: select or fields or model, drop, values, max_items, as_table, then the caps. Text
    parts work on outputs that are not JSON: html, diff, keep_lines, dedupe, max_lines, then the caps.

    Attributes:
        model: a pydantic model class with `Annotated[..., At(path)]` fields; its fields are what enters.
        select: JSONPaths of what stays; the document keeps its structure.
        drop: JSONPaths of what goes, looked for in what was selected.
        fields: new name -> JSONPath: a flat object. A path that can match many gives a list.
        as_table: arrays of like objects become `{"columns": [...], "rows": [...]}` where that is shorter.
        max_chars: characters of the result, the note included.
        max_tokens: tokens of the result by the estimator of the model family.
        max_items: elements of every array.
        max_lines: lines of a text.
        max_string: characters of every text in a document.
        round_to: decimals of every number that is not whole.
        dates: ISO times shortened to "day", "minute" or "second".
        drop_null: leave out members that are null.
        drop_empty: leave out members that are null, "", [] or {}.
        elide_binary: data URLs and long base64 become their type, size and hash.
        html: HTML becomes "text" or "markdown" (needs the extra `claude-contextkit[html]`).
        diff: of a unified diff keep headers and changed lines.
        keep_lines: words; of a text keep the lines with one of them (any case), with `context_lines` around each.
        context_lines: lines kept around a line that matches.
        dedupe: a line that repeats is written once, with its count.
        columns: of CSV text keep these columns.
        head: share of a cut text that goes to its beginning.
        dialect: "jsonpath" (jsonpath-ng and the room's own walk) or "rfc9535" (needs that extra).
        allow_regex: patterns (`=~`, or `match` and `search` of RFC 9535) are allowed, in a bounded form.
        on_drift: called with the findings when an output is not what the model says.

    Raises:
        ShapeError: a path or an option is wrong or refused; the message says which and why.
    """

    model: Any = None
    select: Sequence[str] = ()
    drop: Sequence[str] = ()
    fields: Mapping[str, str] | Sequence[tuple[str, str]] = ()
    as_table: bool = False
    max_chars: int | None = None
    max_tokens: int | None = None
    max_items: int | None = None
    max_lines: int | None = None
    max_string: int | None = None
    round_to: int | None = None
    dates: Literal["day", "minute", "second"] | None = None
    drop_null: bool = False
    drop_empty: bool = False
    elide_binary: bool = False
    html: Literal["text", "markdown"] | None = None
    diff: bool = False
    keep_lines: Sequence[str] = ()
    context_lines: int = 0
    dedupe: bool = False
    columns: Sequence[str] = ()
    head: float = 0.7
    dialect: Dialect = "jsonpath"
    allow_regex: bool = False
    on_drift: Callable[[tuple[Drift, ...]], object] | None = field(default=None, compare=False, repr=False)
    _plan: Plan = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        for name in ("select", "drop", "keep_lines", "columns"):
            given = getattr(self, name)
            object.__setattr__(self, name, (given,) if isinstance(given, str) else tuple(given))
        pairs = self.fields.items() if isinstance(self.fields, Mapping) else self.fields
        object.__setattr__(self, "fields", tuple((name, path) for name, path in pairs))
        object.__setattr__(self, "_plan", plan(self))

    def __call__(self, output: Any) -> str:
        """The text of `apply`, so that a shape can stand where a callable is wanted."""
        return self.apply(output).text

    def apply(self, output: Any, *, handle: str | None = None, family: Family = "classic") -> Shaped:
        """Shape one output. Never raises, whatever the output is.

        Args:
            output: text (JSON text is read when a JSON part is declared or a cap cuts it) or any JSON value.
            handle: where the whole output is kept; every note names it.
            family: whose tokens `max_tokens` counts.
        """
        try:
            shaped = self._apply(output, handle, family)
        except BoundError as error:
            shaped = _fallback(output, self, str(error), handle)
        except Exception as error:  # noqa: BLE001  (the tool loop goes on, whatever the output was)
            shaped = _fallback(output, self, f"shaping failed: {type(error).__name__}", handle)
        if shaped.drift and self.on_drift is not None:
            try:
                self.on_drift(shaped.drift)
            except Exception:  # noqa: BLE001, S110  (a finding must not break the tool loop; it is in the result too)
                pass
        return shaped

    def _apply(self, output: Any, handle: str | None, family: Family) -> Shaped:
        value = _value(output)
        wanted = self._plan.json or (isinstance(output, str) and self._over(output, family))
        if isinstance(output, str) and wanted:
            value = read(output)
        if value is MISSING:
            return self._text(_text(output), handle, family)
        original = output if isinstance(output, str) else write(value)
        return self._json(value, original, handle, family)

    def _json(self, value: Any, original: str, handle: str | None, family: Family) -> Shaped:
        body, earlier = without_note(value)
        kept, drift, reason = self._plan.document(body)
        if reason:
            return self._unshaped(body, original, reason, handle, family, drift)
        if self.max_items is not None:
            kept = limit_items(kept, self.max_items)
        check_depth(kept)
        kept = self._plan.table(kept)
        text = write(kept)
        removed = kept != body
        if removed and not self.fields and self.model is None and len(text) > len(whole := write(body)):
            text, kept, removed = whole, body, False
        note = note_of(f"{max(len(original) - len(text), 0):,} of {len(original):,} characters left out", handle)
        note = earlier if not removed else (note if handle else "")
        text = write(with_note(kept, note)) if note else text
        if not removed and isinstance(original, str) and len(original) <= len(text):
            text = clean_text(original)
        if self._over(text, family):
            text, note = self._fitted(kept, original, handle, family)
            removed = True
        return Shaped(text, removed, len(original), note, drift)

    def _unshaped(
        self, body: Any, original: str, reason: str, handle: str | None, family: Family, drift: tuple[Drift, ...]
    ) -> Shaped:
        """The document as it came, capped, with a note that says why it was not shaped."""
        check_depth(body)
        note = note_of(reason, handle)
        text = write(with_note(body, note))
        limited = self if self.max_chars or self.max_tokens else _DEFAULT
        if limited._over(text, family):  # noqa: SLF001  (the same class)
            text, note = limited._fitted(body, original, handle, family, reason)  # noqa: SLF001
            return Shaped(text, changed=True, original_chars=len(original), note=note, drift=drift)
        return Shaped(text, changed=False, original_chars=len(original), note=note, drift=drift)

    def _text(self, text: str, handle: str | None, family: Family) -> Shaped:
        whole = clean_text(text)
        short, note = self._plan.text(whole, handle)
        if self._over(short, family):
            short, note = cut(short, self._room(short, family), head=self.head, handle=handle)
            while self.max_tokens is not None and self._over(short, family) and short:
                short, note = cut(whole, int(len(short) * 0.9), head=self.head, handle=handle)
        elif short != whole and handle and not note:
            note = note_of(f"{max(len(whole) - len(short), 0):,} of {len(whole):,} characters left out", handle)
            short = f"{short}\n{note}"
        return Shaped(short, short != whole, len(text), note)

    def _over(self, text: str, family: Family) -> bool:
        if self.max_chars is not None and len(text) > self.max_chars:
            return True
        # A token is at least one byte of UTF-8, so a short text need not be counted.
        return self.max_tokens is not None and len(text) * 4 > self.max_tokens and (
            tokens_of(text, family) > self.max_tokens
        )

    def _room(self, text: str, family: Family) -> int:
        """Characters that may stay of a text that is over a cap."""
        room = len(text) if self.max_chars is None else self.max_chars
        if self.max_tokens is not None:
            share = self.max_tokens / max(tokens_of(text, family), 1.0)
            room = min(room, int(len(text) * share))
        return room

    def _fitted(
        self, value: Any, original: str, handle: str | None, family: Family, reason: str = ""
    ) -> tuple[str, str]:
        """JSON that fits the caps, with its note; valid JSON as long as there is room for any."""
        room = self._room(write(value), family)
        for _ in range(24):
            text, note = _fit_with_note(value, room, len(original), handle, reason)
            if not self._over(text, family):
                return text, note
            room = int(room * 0.85)
        return ("[]", "") if isinstance(value, list) else ("{}", "")


def _fit_with_note(value: Any, room: int, total: int, handle: str | None, reason: str) -> tuple[str, str]:
    head = f"{reason}; " if reason else ""
    longest = note_of(f"{head}{total:,} of {total:,} characters cut", handle)
    kept = fit(value, room - len(longest) - len('"_note":"",'))
    if kept is MISSING:
        kept = [] if isinstance(value, list) else {}
    cut_away = max(total - len(write(kept)), 0)
    note = note_of(f"{head}{cut_away:,} of {total:,} characters cut", handle)
    text = write(with_note(kept, note))
    if len(text) <= room:
        return text, note
    return ("[]" if isinstance(value, list) else "{}"), ""


def _value(output: Any) -> Any:
    """The document that an output is, when it is one and not text."""
    return output if isinstance(output, (dict, list)) else MISSING


def _text(output: Any) -> str:
    if isinstance(output, str):
        return output
    if isinstance(output, (bytes, bytearray)):
        return bytes(output).decode("utf-8", "replace")
    try:
        return write(plain(output)) if isinstance(output, (bool, int, float, type(None), tuple)) else str(output)
    except Exception as error:  # noqa: BLE001  (a __str__ may do anything)
        return f"[{type(output).__name__} that cannot be written: {type(error).__name__}]"


def _fallback(output: Any, shape: Shape, reason: str, handle: str | None) -> Shaped:
    """The output as text, capped: what is left when shaping met a bound."""
    try:
        text = clean_text(output if isinstance(output, str) else write(plain(output)))
    except Exception:  # noqa: BLE001  (not even its text can be had)
        text = f"[{type(output).__name__} that cannot be written as JSON]"
    room = shape.max_chars or FALLBACK_CHARS
    short, note = cut(text, max(room - len(reason) - 20, 0), handle=handle)
    if len(text) + len(reason) + 20 <= room:
        note = note_of(reason, handle)
        return Shaped(f"{text}\n{note}", changed=False, original_chars=len(text), note=note)
    return Shaped(short, changed=True, original_chars=len(text), note=note)


def apply(
    shape: Shape | Shaper | Sequence[Shape | Shaper] | None,
    output: Any,
    *,
    handle: str | None = None,
    family: Family = "classic",
) -> Shaped:
    """Apply a shape, a callable, or a chain of them. Never raises, whatever the output is.

    A link that is a callable gets what the link before it made (the output itself, at first) and gives text or a
    JSON value. A callable that raises leaves the output as it came, capped.

    Args:
        shape: one link or a list of links; None and [] remove nothing.
        output: text or any JSON value.
        handle: where the whole output is kept; every note names it.
        family: whose tokens `max_tokens` counts.
    """
    links: Sequence[Any] = [] if shape is None else shape if isinstance(shape, (list, tuple)) else [shape]
    if len(links) == 1 and isinstance(links[0], Shape):
        return links[0].apply(output, handle=handle, family=family)
    current, total, notes = output, -1, ""
    drift: tuple[Drift, ...] = ()
    changed = False
    for link in links:
        if isinstance(link, Shape):
            shaped = link.apply(current, handle=handle, family=family)
            total = shaped.original_chars if total < 0 else total
            current, changed = shaped.text, changed or shaped.changed
            notes, drift = shaped.note or notes, drift + shaped.drift
            continue
        try:
            current = link(current)
        except Exception as error:  # noqa: BLE001  (the tool loop goes on)
            return _fallback(output, _DEFAULT, f"a shaper raised {type(error).__name__}", handle)
    return _ended(output, current, total, changed=changed, note=notes, drift=drift)


def _ended(
    output: Any, current: Any, total: int, *, changed: bool, note: str, drift: tuple[Drift, ...]
) -> Shaped:
    plainly = _NOTHING.apply(current)
    before = _NOTHING.apply(output) if total < 0 else None
    whole = total if before is None else before.original_chars
    differs = changed or (before is not None and plainly.text != before.text) or (before is None and not changed and (
        plainly.text != _NOTHING.apply(output).text
    ))
    return Shaped(plainly.text, differs, whole, note if note in plainly.text else "", drift)


def tokens_of(text: str, family: Family) -> float:
    """Estimated tokens of a text for a model family."""
    from contextkit.tokens.estimate import text_tokens  # noqa: PLC0415  (its tables are read where a token cap is)

    return text_tokens(text, family)


_NOTHING: Final = Shape()
_DEFAULT: Final = Shape(max_chars=FALLBACK_CHARS)
