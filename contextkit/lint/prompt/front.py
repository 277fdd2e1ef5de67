"""What a prompt file says about itself: front matter, and comments addressed to contextkit.

    ---
    contextkit:
      session-constant: [company, tools]    # the same in every request of a conversation
      volatile-from: "## Right now"         # the first line of the part that changes
    ---

The two keys may also stand at the top level. In a template without front matter the same is said by comments:
`{# contextkit: session-constant company, tools #}` and `<!-- contextkit: volatile -->`.

Law: only this much of YAML is read: keys, texts, lists in brackets or on lines. Everything else is left alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

__all__ = ["Front", "Mistake", "front_of"]

_BLOCK: Final = re.compile(
    r"\A\ufeff?---[ \t]*\r?\n(.*?)(?:^(?:---|\.\.\.)[ \t]*(?:\r?\n|\Z))", re.DOTALL | re.MULTILINE
)
_KEY: Final = re.compile(r"^([ \t]*)([A-Za-z][\w-]*)[ \t]*:(?:[ \t]+(.*))?$")
_ITEM: Final = re.compile(r"^[ \t]*-[ \t]+(.*)$")
_SAID: Final = re.compile(r"contextkit:[ \t]*session[-_]constants?[ \t:=]+([\w.,\- \t]{1,400})")
_VOLATILE: Final = re.compile(
    r"^[ \t]*(?:<!--|\{#-?|#|//)[^\n]{0,80}?(?:contextkit:[ \t]*volatile|cache[ _-]?(?:breakpoint|boundary))\b[^\n]*$"
    r"|^[ \t]*(?:<!--|\{#-?)[^\n]{0,80}?(?:cache[ _-]?control|end of (?:the )?(?:cached|stable|static)"
    r"|(?:dynamic|volatile)(?: part| section| content)? (?:below|begins|starts))\b[^\n]*$"
    r"|^[^\n]{0,20}SYSTEM_PROMPT_DYNAMIC_BOUNDARY[^\n]*$",
    re.MULTILINE | re.IGNORECASE,
)
_CONSTANT: Final = frozenset({"session-constant", "session-constants", "constant", "constants"})
_OURS: Final = frozenset({*_CONSTANT, "volatile-from"})
_ALWAYS: Final = frozenset({"session-constant", "session-constants", "volatile-from"})


@dataclass(frozen=True, slots=True)
class Mistake:
    """Something in the front matter that is not understood: where, and what."""

    start: int
    end: int
    message: str


@dataclass(slots=True)
class Front:
    """What the file says about itself.

    Attributes:
        end: where the text after the front matter begins.
        constants: names that are the same in every request of a conversation, with where each was said.
        volatile: where the part begins that changes; the text's length where nothing is said.
        mistakes: what is not understood.
    """

    end: int
    constants: dict[str, int] = field(default_factory=dict)
    volatile: int = 0
    mistakes: list[Mistake] = field(default_factory=list)


def front_of(text: str, *, yaml: bool = False) -> Front:
    """Read what a prompt says about itself.

    Args:
        text: of the file.
        yaml: the file is YAML as a whole, so its own keys are the front matter.
    """
    block = _BLOCK.match(text)
    front = Front(0 if yaml or not block else block.end())
    heading = ""
    if yaml or block:
        start, stop = (0, len(text)) if yaml or not block else block.span(1)
        heading = _keys(text, start, stop, front)
    for said in _SAID.finditer(text, front.end):
        front.constants.update((name, said.start()) for name in re.split(r"[,\s]+", said[1].strip(" -")) if name)
    front.volatile = _volatile(text, heading, front)
    return front


def _keys(text: str, start: int, stop: int, front: Front) -> str:
    """Our keys between two places; returns what `volatile-from` says."""
    heading, inside, listing = "", -1, False
    at = start
    for line in text[start:stop].splitlines(keepends=True):
        here, at = at, at + len(line)
        item = _ITEM.match(line.rstrip())
        key = _KEY.match(line.rstrip())
        if listing and item and not key:
            front.constants.update((name, here + line.index(name)) for name in _names(item[1]))
            continue
        listing = False
        if not key:
            continue
        indent, name = len(key[1]), key[2].lower().replace("_", "-")
        if name == "contextkit" and not key[3]:
            inside = indent
        elif (inside >= 0 and indent > inside and name in _OURS) or (indent == 0 and name in _ALWAYS):
            value = (key[3] or "").split(" #")[0].strip()
            if name == "volatile-from":
                heading = value.strip("\"'")
            else:
                front.constants.update((word, here + line.index(word, key.end(2))) for word in _names(value))
                listing = not value
        elif inside >= 0 and indent > inside:
            first = here + key.start(2)
            message = f"The front matter has an unknown key {key[2][:40]!r} under contextkit"
            front.mistakes.append(Mistake(first, first + len(key[2]), message))
        else:
            inside = -1
    return heading


def _names(value: str) -> list[str]:
    return [name for part in value.strip("[] \t").split(",") if (name := part.strip(" \t\"'"))]


def _volatile(text: str, heading: str, front: Front) -> int:
    found = _VOLATILE.search(text, front.end)
    places = [found.start()] if found else []
    if heading:
        line = re.compile(rf"^[ \t]*{re.escape(heading)}", re.MULTILINE).search(text, front.end)
        if line:
            places.append(line.start())
        else:
            at = text.find(heading)
            message = f"No line begins with {heading[:60]!r}, so nothing of the prompt counts as volatile"
            front.mistakes.append(Mistake(max(at, 0), max(at, 0) + len(heading), message))
    return min(places, default=len(text))
