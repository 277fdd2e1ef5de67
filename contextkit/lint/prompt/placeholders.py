"""The placeholders of a prompt: what a template engine, or a program, puts other text for.

Law: of each the names of its values are told, with their places. Names that the template itself makes (loop variables,
`set` to a literal, macro arguments) are none. Braces, dollars and tags that are plainly not meant (in code, in URLs,
in LaTeX, XML that is closed) are none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from contextkit.lint.prompt.document import inside
from contextkit.lint.prompt.names import Change, change_of
from contextkit.lint.text import words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from contextkit.lint.prompt.document import Prompt

__all__ = ["Placeholder", "first_of_each", "placeholders"]

_DOUBLE: Final = re.compile(r"\{\{\{?[-~]?[ \t\r\n]*([^{}]{1,400})[-~]?\}\}\}?")
_STATEMENT: Final = re.compile(r"\{%[-+]?[ \t\r\n]*((?:[^{}%]|%(?!\})){1,400}?)[-+]?%\}")
_SINGLE: Final = re.compile(
    r"(?<![\w${\\/}\"')\]])\{([A-Za-z_]\w{0,60}(?:\.\w{1,60}|\[\w{1,60}\]){0,4})(?:![rsa])?(?::[^{}\n]{0,40})?\}(?!\})"
)
_DOLLAR: Final = re.compile(
    r"(?<![\w\\\"'$/])\$(?:\{([A-Za-z_]\w{1,60})(?::?[-=?+][^}\n]{0,60})?\}|([A-Za-z_]\w{1,60}))"
)
_PERCENT: Final = re.compile(r"(?<![\w%])%(?:\(([A-Za-z_]\w{0,60})\))?[sdrif](?![\w%])")
_ANGLE: Final = re.compile(
    r"<([A-Za-z][A-Za-z_ -]{1,40})>|\[([A-Z][A-Z_ ]{2,40})\]|(?<!\w)__([A-Z][A-Z_]{1,40})__(?!\w)"
)
_NOTATION: Final = 3
"""So many tags on a line are a notation, not placeholders."""
_CLOSED: Final = re.compile(r"</([a-z][a-z_ -]{1,40})>")

_STRING: Final = re.compile(r"\"[^\"\n]{0,300}\"|'[^'\n]{0,300}'")
_NAME: Final = re.compile(r"(?<![\w.|])[A-Za-z_]\w{0,60}(?:\.\w{1,60}){0,6}")
_FILTER: Final = re.compile(r"\|[ \t]*([A-Za-z_]\w{0,60})")
_KEYWORDS: Final = words(
    "if else elif for in is not and or true false none True False None set with block extends include import from as "
    "macro call filter endif endfor endset endblock endmacro endwith endcall endfilter raw endraw loop recursive "
    "ignore missing without context range defined undefined namespace super self caller else: each unless lookup this "
    "scoped required autoescape endautoescape trans endtrans pluralize dict"
)
_FOR: Final = re.compile(r"for[ \t]+([\w, \t()]{1,100}?)[ \t]+in\b")
_SET: Final = re.compile(r"set[ \t]+([\w.]{1,60})[ \t]*=?")
_BLOCK_NAMES: Final = re.compile(r"(?:block|extends|include|import|from|end\w+|macro|raw|verbatim|filter)\b")
_RANDOM_FILTERS: Final = frozenset({"random", "shuffle"})
_CODE_FILE: Final = (".j2", ".jinja", ".jinja2")


@dataclass(frozen=True, slots=True)
class Placeholder:
    """One value that is put in.

    Attributes:
        start: where its name begins.
        end: behind its name.
        name: as written; "%s" for one without a name.
        change: why it changes.
    """

    start: int
    end: int
    name: str
    change: Change


@lru_cache(maxsize=1)
def placeholders(prompt: Prompt) -> tuple[Placeholder, ...]:
    """The placeholders in the stable part that are not said to be constant, in the order of their places."""
    text = prompt.text
    engine = prompt.path.lower().endswith(_CODE_FILE) or "{%" in text
    found = list(_expressions(prompt))
    if not engine:
        found += _of(prompt, _SINGLE, alone=True)
        found += _of(prompt, _DOLLAR, alone=False)
        found += _of(prompt, _PERCENT, alone=False)
    found += _tags(prompt)
    constants = prompt.front.constants
    kept = {
        (one.start, one.end): one
        for one in found
        if prompt.is_stable(one.start)
        and not inside(prompt.raw, one.start)
        and one.name not in constants
        and one.name.split(".")[0] not in constants
    }
    return tuple(kept[key] for key in sorted(kept))


def first_of_each(found: Iterable[Placeholder], change: Change) -> Iterator[Placeholder]:
    """The placeholders of one kind, each name once: the first place is the one that costs."""
    seen: set[str] = set()
    for one in found:
        if one.change == change and one.name not in seen:
            seen.add(one.name)
            yield one


def _expressions(prompt: Prompt) -> Iterator[Placeholder]:
    """Jinja's and Mustache's: names in {{ }} and {% %}, without those the template makes itself."""
    text = prompt.text
    statements = [
        (found.start(1), found[1]) for found in _STATEMENT.finditer(text) if not inside(prompt.raw, found.start())
    ]
    local = {name for _, body in statements for name in _made(body)}
    for start, body in statements:
        if body.startswith("now "):  # Django's and jinja2-time's tag
            yield Placeholder(start, start + 3, "now", "clock")
        elif not _BLOCK_NAMES.match(body):
            yield from _names(start, body, local)
    for found in _DOUBLE.finditer(text):
        body = found[1]
        if not body.startswith(("!", ">", "/", '"', "'")) and not body.lstrip("#^").startswith(("role", "history ")):
            yield from _names(found.start(1), body, local)


def _made(body: str) -> set[str]:
    """The names that a statement makes."""
    loop = _FOR.match(body)
    if loop:
        return set(re.findall(r"\w+", loop[1]))
    made = _SET.match(body)
    if made:
        return {made[1]}
    return set(re.findall(r"\w+", body)) if body.startswith("macro") else set()


def _names(start: int, body: str, local: set[str]) -> Iterator[Placeholder]:
    blank = _STRING.sub(lambda found: " " * len(found[0]), body)
    seen: set[str] = set()
    for found in _NAME.finditer(blank):
        name = found[0]
        root = name.split(".")[0]
        before = blank[: found.start()].rstrip()
        after = blank[found.end() :].lstrip()
        if root in _KEYWORDS or root in local or name in seen or before.endswith(("|", " is", "is not")):
            continue
        if after.startswith("=") and not after.startswith("=="):
            continue  # a keyword argument, or the name of a set
        seen.add(name)
        yield Placeholder(start + found.start(), start + found.end(), name, change_of(name))
    for found in _FILTER.finditer(blank):
        if found[1] in _RANDOM_FILTERS:
            yield Placeholder(start + found.start(1), start + found.end(1), found[1], "random")


def _of(prompt: Prompt, shape: re.Pattern[str], *, alone: bool) -> Iterator[Placeholder]:
    """Placeholders of plain formatting; in code they count only where they stand alone on their line, if at all."""
    for found in shape.finditer(prompt.text):
        if inside(prompt.fences, found.start()) or inside(prompt.ticks, found.start()):
            line, _ = prompt.line_around(found.start())
            if not alone or line.strip() != found[0]:
                continue
        name = next((group for group in found.groups() if group), None) or found[0]
        start = found.start() + max(found[0].find(name), 0)
        yield Placeholder(start, start + len(name), name, change_of(name))


def _tags(prompt: Prompt) -> Iterator[Placeholder]:
    """`<current date>`, `[DATE]`: only where the name says clock, chance or an id, and the tag is never closed."""
    closed = set(_CLOSED.findall(prompt.text.lower()))
    for found in _ANGLE.finditer(prompt.text):
        name = found[1] or found[2] or found[3]
        if found[1] and name.lower() in closed:
            continue
        if inside(prompt.ticks, found.start()) or inside(prompt.fences, found.start()):
            continue
        line, first = prompt.line_around(found.start())
        if line[: found.start() - first].endswith(("=", "/")) or len(_ANGLE.findall(line)) >= _NOTATION:
            continue  # a form that is described: updated_at=<timestamp>, <id>/<date>-<name>
        change = change_of(name)
        if change in {"clock", "random"} or (change == "request" and re.search(r"(?i)(?:^|[_ -])id$|session", name)):
            yield Placeholder(found.start(), found.end(), name, change)
