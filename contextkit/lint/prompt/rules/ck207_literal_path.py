"""CK207: a path of one machine is written into a prompt."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from contextkit.lint.prompt.cues import cue_of
from contextkit.lint.prompt.rule import PromptRule
from contextkit.lint.rule import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contextkit.lint.prompt.document import Prompt
    from contextkit.lint.rule import Finding

__all__ = ["LiteralPath"]

_OWN: Final = re.compile(
    r"(?<![\w./~:-])/(?:Users|home|private/var|var/folders|tmp|root)/[\w.@+-]{1,80}(?:/[\w.@+-]{1,80}){0,20}/?"
    r"|(?<!\w)[A-Za-z]:\\(?:Users|Temp|tmp)\\[\w.@+ -]{1,80}(?:\\[\w.@+ -]{1,80}){0,20}"
)
_OTHER: Final = re.compile(
    r"(?<![\w./~:-])/(?:opt|mnt|srv|data|var|workspaces?|app|usr/local)/[\w.@+-]{1,80}(?:/[\w.@+-]{1,80}){0,20}/?"
)
_NOBODY: Final = re.compile(r"(?i)(?:/home/|/Users/|:\\Users\\)(?:user|username|you|me|name|your[_-]?name)(?:[/\\]|\Z)")


class LiteralPath(PromptRule):
    """A path that exists on one machine only is written into the stable part of a prompt.

    What it does:
        Reports paths in the folders of a user and in temporary folders; other absolute paths as an info, and only
        beside words such as "working directory". Samples, and users that are called "user" or "you", are left alone.

    Why is this bad:
        Another developer, container or run has another path: their requests share no prefix with yours, and a
        temporary folder has a new name every time.

    Example:
        Your working directory is /home/ann/projects/shop.

    Use instead:
        Your working directory is the root of the repository; its path stands in the first message of the user.
    """

    code = "CK207"
    name = "literal-path"
    severity = Severity.WARNING
    advice = "Name the folder by its role, and send its path in the user message."

    @classmethod
    def check(cls, prompt: Prompt) -> Iterator[Finding]:
        """Every path of one machine in the stable part."""
        for shape, severity in ((_OWN, Severity.WARNING), (_OTHER, Severity.INFO)):
            for found in shape.finditer(prompt.text):
                start, end = found.span()
                cue = cue_of(prompt, start, end)
                wanted = {"now", "none", "fact"} if severity is Severity.WARNING else {"now"}
                if not prompt.is_stable(start) or cue not in wanted or _NOBODY.search(found[0]):
                    continue
                shown = found[0].rstrip(".")
                message = f"The stable part of the prompt has a path of one machine, {shown[:60]!r}"
                yield cls.between(prompt, start, start + len(shown), message, severity=severity)
