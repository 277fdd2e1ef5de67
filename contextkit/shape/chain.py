"""A shape, and chains of them. The law: built once with every doubt refused, applied often and never raising.

A shape is a value: two shapes with the same declaration are equal. Applying one is a function of the output alone, so
that the same output gives the same bytes at every replay. Where an output cannot be shaped as declared (not JSON, too
deep, nothing matched) it still goes in, capped, with a note that says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from contextkit.shape.caps import FALLBACK_CHARS, Caps
from contextkit.shape.declare import Plan, plan
from contextkit.shape.document import clean_text
from contextkit.shape.run import fallback, run, text_of
from contextkit.shape.shaped import Drift, Shaped

if TYPE_CHECKING:
    from contextkit.api.facts import Family

__all__ = ["FALLBACK_CHARS", "Shape", "Shaper", "apply"]

Shaper = Callable[[Any], Any]

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
        max_chars: characters of the result, the note included; at least 2, which is `{}`.
        max_tokens: tokens of the result by the estimator of the model family.
        max_items: elements of every array.
        max_lines: lines of a text.
        max_string: characters of every text in a document, or JSONPath -> characters of the texts that stand there.
        round_to: decimals of every number that is not whole.
        dates: ISO times shortened to "day", "minute" or "second".
        drop_null: leave out members that are null.
        drop_empty: leave out members that are null, "", [] or {}.
        elide_binary: data URLs and long base64 become their type, size and hash.
        html: HTML becomes "text" or "markdown" (needs the extra `claude-contextkit[html]`).
        diff: of a unified diff keep headers and changed lines.
        keep_lines: words, what matters more first; of a text keep the lines with one of them (any case), with
            `context_lines` around each. Where a cap cuts those, errors stay first, then the lines of earlier words,
            then those of later ones, then what is only near; all in the order of the text.
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
    max_string: int | Mapping[str, int] | Sequence[tuple[str, int]] | None = None
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
        if isinstance(self.max_string, (Mapping, list)):
            object.__setattr__(self, "max_string", tuple(dict(self.max_string).items()))
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
        shaped = run(self._plan, output, Caps(self.max_chars, self.max_tokens, self.head, handle, family))
        if shaped.drift and self.on_drift is not None:
            with suppress(Exception):  # a finding must not break the tool loop; it is in the result too
                self.on_drift(shaped.drift)
        return shaped


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
    first = clean_text(text_of(output))
    current, note, changed = output, "", False
    drift: tuple[Drift, ...] = ()
    for link in links:
        if isinstance(link, Shape):
            shaped = link.apply(current, handle=handle, family=family)
            current, note, changed = shaped.text, shaped.note or note, changed or shaped.changed
            drift += shaped.drift
            continue
        try:
            current = link(current)
        except Exception as error:  # noqa: BLE001  (the tool loop goes on)
            return fallback(output, f"a shaper raised {type(error).__name__}", Caps(handle=handle, family=family))
    text = clean_text(text_of(current))
    callables = any(not isinstance(link, Shape) for link in links)
    return Shaped(text, changed or (callables and text != first), len(first), note if note in text else "", drift)
