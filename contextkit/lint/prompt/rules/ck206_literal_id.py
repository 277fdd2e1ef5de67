"""CK206: an id, an address or a hash is written into a prompt."""

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

__all__ = ["LiteralId"]

_SHAPES: Final = {
    "a UUID": re.compile(
        r"(?<![\w-])[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}(?![\w-])"
    ),
    "a memory address": re.compile(r"(?<!\w)(?:at )?0x[0-9a-fA-F]{8,16}(?!\w)"),
    "an id": re.compile(
        r"(?<![\w-])(?:req|request|msg|sess|session|run|trace|toolu|usr|user|cus|conv|thread|job|task|order|evt)"
        r"[_-](?=[A-Za-z0-9]{0,39}\d)[A-Za-z0-9]{8,40}(?![\w-])"
    ),
    "a ULID": re.compile(r"(?<!\w)0[0-9A-HJKMNP-TV-Z]{25}(?!\w)"),
}
_HASH: Final = re.compile(
    r"(?<![\w-])(?=[0-9a-f]{0,63}\d)(?=[0-9a-f]{0,63}[a-f])(?:[0-9a-f]{64}|[0-9a-f]{40}|[0-9a-f]{32})(?![\w-])"
)


class LiteralId(PromptRule):
    """An id, an address in memory or a hash is written into the stable part of a prompt.

    What it does:
        Reports UUIDs, ULIDs, ids with a prefix (`req_...`, `sess-...`), `0x7f...` addresses, and, as an info, hashes
        without a word that says they belong to this moment. Samples are left alone.

    Why is this bad:
        Such values are made anew at every start, deploy or session. In a prompt they are what a program left there,
        and each new one makes all that follows a write.

    Example:
        Session: 6f1c0c0e-8a7b-4c5e-9d43-2f1b7a90c111

    Use instead:
        The session's id goes into the request's metadata.
    """

    code = "CK206"
    name = "literal-id"
    severity = Severity.WARNING
    advice = "Leave it out of the prompt; `metadata` and log lines do not count for the cache."

    @classmethod
    def check(cls, prompt: Prompt) -> Iterator[Finding]:
        """Every id in the stable part."""
        for kind, shape in _SHAPES.items():
            for found in shape.finditer(prompt.text):
                if prompt.is_stable(found.start()) and cue_of(prompt, *found.span()) != "sample":
                    message = f"The stable part of the prompt has {kind}, {found[0][:48]!r}"
                    yield cls.between(prompt, *found.span(), message)
        for found in _HASH.finditer(prompt.text):
            cue = cue_of(prompt, *found.span())
            if prompt.is_stable(found.start()) and cue in {"now", "none"}:
                message = f"The stable part of the prompt has a hash, {found[0][:12]!r}...: does it change?"
                severity = Severity.WARNING if cue == "now" else Severity.INFO
                yield cls.between(prompt, *found.span(), message, severity=severity)
