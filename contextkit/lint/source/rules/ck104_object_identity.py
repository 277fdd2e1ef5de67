"""CK104: hash(), id() or an object's default repr in the cached part."""

from __future__ import annotations

from contextkit.lint.rule import Severity
from contextkit.lint.source.reach import TaintRule
from contextkit.lint.source.values import Kind

__all__ = ["ObjectIdentity"]


class ObjectIdentity(TaintRule):
    """Hash(), id() or an object's default repr in the cached part.

    What it does:
        Reports `id(x)`, `hash(text)`, and objects, functions or generators turned into text by the default `repr`,
        which holds a memory address.

    Why is this bad:
        Addresses and the seed of `hash` change with every process, so no two workers share a prefix.

    Example:
        system = f"Tools available: {[tool for tool in tools]}"  # <Tool object at 0x7f...>

    Use instead:
        system = f"Tools available: {[tool.name for tool in tools]}"
    """

    code = "CK104"
    name = "object-identity-in-prefix"
    severity = Severity.ERROR
    advice = "Give the class a `__repr__` of its own, or use a digest from hashlib."
    kind = Kind.IDENTITY
    because = "it differs from process to process"
