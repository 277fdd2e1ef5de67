"""Whether a call is a source of something that changes, and the taint it gives.

Law: the tables say what a name means; the arguments may say that it is none: a given time, a seeded generator.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from contextkit.lint.source import files
from contextkit.lint.source.places import METHODS, RETRIEVES, SEARCHED, source_of
from contextkit.lint.source.values import Kind, Taint, Value, deep

if TYPE_CHECKING:
    from contextkit.lint.source.follow import Run
    from contextkit.lint.source.given import Given

__all__ = ["kind_of", "made"]


def kind_of(name: str, given: Given, receiver: Value | None) -> Kind | None:
    """The kind of source that is called; None for none."""
    kind = source_of(name)
    last = name.rsplit(".", 1)[-1].lstrip("?")
    if kind is None and "." in name:
        kind = METHODS.get(last)
    if kind is None and not name.startswith("builtins."):
        kind = _retrieval(last, name)
    if kind is Kind.RANDOM and (given.scope.top.seeded or "seeded()" in name):
        return None
    if (
        kind is Kind.CLOCK
        and name.startswith("time.")
        and given.args
        and last in {"strftime", "localtime", "gmtime", "ctime", "asctime"}
    ):
        return Kind.CLOCK if last == "strftime" and len(given.args) < 2 else None  # noqa: PLR2004  (a given time)
    if kind is Kind.CLOCK and name in {"calendar.timegm", "arrow.get"} and given.args:
        return None
    if kind is Kind.FILE and receiver is not None and any(t.kind is Kind.FILE for t in receiver.taints):
        return None
    return kind


def _retrieval(last: str, name: str) -> Kind | None:
    if RETRIEVES.match(last):
        return Kind.RETRIEVAL
    owner = name.rsplit(".", 1)[0] if "." in name else ""
    django = owner.endswith(".objects") and last in {
        "filter",
        "all",
        "get",
        "exclude",
        "values",
        "values_list",
        "first",
    }
    return Kind.RETRIEVAL if django or (last in _ASKS and SEARCHED.search(owner)) else None


_ASKS: Final = frozenset({
    "query", "search", "invoke", "ainvoke", "get_nodes", "find", "find_one", "aquery", "asearch", "lookup", "execute",
    "fetch", "aggregate",
})  # fmt: skip
"""What is asked of a store, by methods that ask other things of other objects."""


def made(run: Run, kind: Kind, given: Given, receiver: Value | None) -> Taint:
    """The taint that a source gives; of a file that is read, with the file's key where it is fixed."""
    fix = "sorted" if kind is Kind.LISTING else ""
    fixed = kind is Kind.FILE and (receiver is None or not deep(receiver)) and all(not deep(one) for one in given.all())
    node = given.node
    constant = fixed and all(one.known or not one.open for one in given.args) and not given.rest
    return (
        run.taint(kind, node, given.scope, fix=fix, control=False, bound=False)
        if not constant
        else run.taint(kind, node, given.scope, fix=f"{files.FIXED}{files.read_key(given, receiver)}")
    )
