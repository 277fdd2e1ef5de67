"""CK1xx: what breaks the prompt cache, found in Python source before it ships.

Law: no I/O; text comes in, findings go out. A file is summarised alone, cheaply; from files that make requests the
program is followed through functions, classes and modules, and what changes between two requests is seen to reach, or
not to reach, their cached part.
"""

from __future__ import annotations

from contextkit.lint.source.catalogue import RULES
from contextkit.lint.source.findings import findings
from contextkit.lint.source.module import Module, summarise
from contextkit.lint.source.project import groups

__all__ = ["RULES", "Module", "findings", "groups", "summarise"]
