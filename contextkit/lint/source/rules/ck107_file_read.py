"""CK107: a file read at every call for the cached part."""

from __future__ import annotations

from contextkit.lint.rule import Severity
from contextkit.lint.source.files import FIXED
from contextkit.lint.source.reach import Reach, TaintRule
from contextkit.lint.source.values import Kind

__all__ = ["FileRead"]


class FileRead(TaintRule):
    """A file read at every call for the cached part.

    What it does:
        Reports the content, size or state of a file that is read at each request and reaches the cached part. A
        file with a fixed path that the program itself never writes is only worth a look (info).

    Why is this bad:
        Whoever edits the file between two calls rewrites the prefix of all running conversations.

    Example:
        def system() -> str:
            return Path("notes.md").read_text()

    Use instead:
        NOTES = Path("notes.md").read_text()
    """

    code = "CK107"
    name = "file-read-per-call"
    severity = Severity.WARNING
    advice = "Read it once, when the module is imported or the conversation begins."
    kind = Kind.FILE
    because = "it is read again at every call, and may have changed"

    @classmethod
    def weight(cls, reach: Reach) -> Severity:
        """A fixed file that the program does not write is most likely its own."""
        return Severity.INFO if reach.taint.fix.startswith(FIXED) else cls.severity
