"""What the words around a literal say: whether it is of this moment, a fact, or a sample.

Law: a date that is written into a prompt changes only when somebody, or some program, writes another one. Words such
as "today" say that it will; words such as "released" say that it will not; "for example" says that it is a sample.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Literal

from contextkit.lint.prompt.document import inside

if TYPE_CHECKING:
    from contextkit.lint.prompt.document import Prompt

__all__ = ["Cue", "cue_of"]

Cue = Literal["now", "fact", "sample", "none"]

_NOW: Final = re.compile(
    r"(?i)\b(?:today|now|current(?:ly)?|it is|it's|time is|date is|this (?:session|conversation|request|run)|session"
    r"|request|right now|local time|timestamp|as of|generated|rendered|cwd|working dir(?:ectory)?|workspace|hostname"
    r"|your id|user[ _-]?id|run[ _-]?id|trace)\b|^[ \t*#-]*(?:date|time)\b[*]*[ \t]*[:=]"
)
_FACT: Final = re.compile(
    r"(?i)\b(?:cut-?off|knowledge|trained|training|version|since|released?|effective|copyright|founded|born|published"
    r"|introduced|deprecated|until|before|after|adopted|signed|dated|started|between|launched|retired|rfc|anthropic-version"
    r"|enacted|in force|history|established|last updated|updated|revised|revision|changelog|v\d)\b|\xa9|\(c\)"
)
_SAMPLE: Final = re.compile(
    r"(?i)\b(?:e\.g|i\.e|for example|for instance|examples?|such as|samples?|looks? like|like|formats?|formatted"
    r"|placeholder|iso ?8601|yyyy)\b"
)


def cue_of(prompt: Prompt, start: int, end: int) -> Cue:
    """What the line around a literal says about it, the words before it first."""
    line, first = prompt.line_around(start)
    if inside(prompt.fences, start):
        return "sample"
    before, after = line[: start - first], line[end - first :]
    if _SAMPLE.search(before) or _SAMPLE.search(after[:30]):
        return "sample"
    now, fact = _last(_NOW, before), _last(_FACT, before)
    if now >= 0 or fact >= 0:
        return "now" if now > fact else "fact"
    if _FACT.search(after):
        return "fact"
    return "sample" if inside(prompt.ticks, start) else "none"


def _last(words: re.Pattern[str], text: str) -> int:
    """Where the last of the words stands; -1 where there is none."""
    return max((found.start() for found in words.finditer(text)), default=-1)
