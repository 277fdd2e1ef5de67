"""Who was named, by whom and when: counts kept as blocks come, and the names most likely needed again.

Law: `add` works in proportion to its block and `best` to the distinct names: no fold reads the history again.
Deterministic; no name is made up; what stands in the window anyway is not listed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from contextkit.compact.identifiers import found, said, written
from contextkit.tokens.estimate import text_tokens

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from contextkit.api.facts import Family
    from contextkit.compact.identifiers import Kind
    from contextkit.history.log import Entry

__all__ = ["FEATURES", "WEIGHTS", "Mentions", "Name", "features"]

_NEVER_CALLED: Final = 1.5
_MISFITS: Final = 64  # names in a row that are too long for what is left, before the list is taken as full
_LEAST: Final = 3.0  # tokens; no name takes less
_PATHS: Final = frozenset({"path", "pair", "file"})
_CODE: Final = frozenset({"snake", "camel", "code"})
_DENSE: Final = frozenset({"hash", "number", "mixed"})

FEATURES: Final = ("one", "calls", "age", "age_of_call", "company", "path", "code")
WEIGHTS: Final = (-0.7, 0.3, -0.6, -1.6, -0.4, 1.8, 2.2)
"""Log odds that a name is used by a call before the next fold, fitted by benchmarks/reference_recall.py on one half of
the recorded sessions and reported on the other. How often a name was mentioned adds nothing beside these."""


@dataclass(slots=True)
class Name:
    """What is known of one identifier; positions are those that `Mentions.add` was given.

    Attributes:
        kind: what it is.
        first: its first mention.
        last: its latest mention.
        blocks: blocks that mention it.
        calls: tool calls among them.
        last_call: the latest of these; -1 without.
        company: identifiers in the block that names fewest: one of three is meant, one of three hundred is listed.
        stays: named where nothing is ever folded.
    """

    kind: Kind
    first: int
    last: int
    blocks: int = 0
    calls: int = 0
    last_call: int = -1
    company: int = 1 << 30
    stays: bool = False


def features(name: Name, now: int) -> tuple[float, ...]:
    """What the weights are multiplied with, in the order of `FEATURES`; `now` is the position of the last block."""
    return (
        1.0,
        math.log1p(name.calls),
        math.log1p(max(now - name.last, 0)),
        math.log1p(max(now - name.last_call, 0)) / 4 if name.calls else _NEVER_CALLED,
        math.log(name.company),
        float(name.kind in _PATHS),
        float(name.kind in _CODE),
    )


@dataclass(slots=True)
class Mentions:
    """The identifiers of a conversation.

    Attributes:
        names: what is known, by identifier, in the order of their first mention.
        now: the last position seen.
    """

    names: dict[str, Name] = field(default_factory=dict)
    now: int = 0
    _counted: tuple[int, int] = (0, 0)

    def follow(self, entries: Sequence[Entry]) -> None:
        """Count what is new in a log since the last time, each block once; positions are the entries' indexes.

        The first task message and pinned entries stay in the window. Work is put off until it is asked for: a
        conversation that is never folded pays nothing.
        """
        at, done = self._counted
        for entry in entries[at:]:
            stays = entry.pinned or (at == 0 and entry.role == "user")
            for block in entry.blocks[done:]:
                self.add(block, at, stays=stays)
            self._counted = (at, len(entry.blocks))  # the last one may still grow
            at, done = at + 1, 0

    def add(self, block: Mapping[str, Any], at: int, *, stays: bool = False) -> None:
        """Count what a block names.

        Args:
            block: a content block as the API takes it; thinking and images name nothing.
            at: its position, not below that of the block before: the index of its log entry.
            stays: the block is never folded (the first task message, a pin).
        """
        self.now = max(self.now, at)
        named = found(said(block))
        called = block["type"] == "tool_use"
        for text, kind in named.items():
            name = self.names.get(text)
            if name is None:
                name = self.names[text] = Name(kind, at, at)
            name.last = at
            name.blocks += 1
            name.stays = name.stays or stays
            name.company = min(name.company, len(named))
            if called:
                name.calls += 1
                name.last_call = at

    def best(self, limit: float, *, first: int = 0, end: int | None = None, family: Family = "2026") -> list[str]:
        """The names most likely needed again, likeliest for its length first.

        Args:
            limit: tokens of the list as `written` gives it.
            first: names that were last mentioned before this position are left out.
            end: the first position that stays in the window; names mentioned from there on are left out, because
                they stand there until the next fold, which makes a new list. None: nothing stays.
            family: the tokenizer; the default counts more for any text.
        """
        stop = self.now + 1 if end is None else end
        wanted = {text: name for text, name in self.names.items() if first <= name.last < stop and not name.stays}
        return _fitting(_greedy(_ranked(wanted, self.now), limit, family), limit, family)

    def prune(self, most: int) -> None:
        """Forget the names least likely needed again once there are more than twice `most`: bounds every later fold.

        A name that is forgotten and mentioned again is counted anew.
        """
        if len(self.names) > 2 * most:
            kept = set(_ranked(self.names, self.now)[:most])
            self.names = {text: name for text, name in self.names.items() if text in kept}


def _ranked(names: Mapping[str, Name], now: int) -> list[str]:
    """By the chance of being needed a token of length."""
    children: dict[str, int] = {}
    for text in names:
        if _is_path(text):
            folder = text.rpartition("/")[0]
            children[folder] = children.get(folder, 0) + 1

    def worth(text: str, name: Name) -> float:
        chance = sum(weight * value for weight, value in zip(WEIGHTS, features(name, now), strict=True))
        return chance - math.log(_length(text, name, children))

    scored = [(-worth(text, name), text) for text, name in names.items()]
    scored.sort()
    return [text for _, text in scored]


def _length(text: str, name: Name, children: Mapping[str, int]) -> float:
    """About how many tokens a name takes, directories shared; a guess that ranks, cheaper than counting."""
    if _is_path(text):
        folder, _, base = text.rpartition("/")
        return 1 + len(base) / 3 + len(folder) / 10 / math.sqrt(children[folder])
    return 1 + len(text) / (1.7 if name.kind in _DENSE else 3)


def _is_path(text: str) -> bool:
    return "/" in text and "://" not in text


def _greedy(ranked: list[str], limit: float, family: Family) -> list[str]:
    """Names in order while there is room, each at what it adds: a directory that is there already costs nothing."""
    folders: set[str] = set()
    covered: set[str] = set()
    chosen: list[str] = []
    misfits = 0
    for text in ranked:
        if text in covered or text in folders:
            continue
        size = text_tokens(" " + _beyond(text, folders), family) + _is_path(text)
        if size > limit:
            misfits += 1
            if limit < _LEAST or misfits > _MISFITS:
                break
            continue
        limit -= size
        misfits = 0
        chosen.append(text)
        if _is_path(text):
            folders.update(_heads(text))
            covered.update(_tails(text))
    return chosen


def _beyond(text: str, folders: set[str]) -> str:
    """What of a path is not yet written as somebody's directory."""
    if not _is_path(text):
        return text
    cut = len(text)
    while (cut := text.rfind("/", 0, cut)) > 0:
        if text[:cut] in folders:
            return text[cut + 1 :]
    return text


def _heads(path: str) -> Iterator[str]:
    cut = len(path)
    while (cut := path.rfind("/", 0, cut)) > 0:
        yield path[:cut]


def _tails(path: str) -> Iterator[str]:
    """What can be read at the end of a path: its relative forms, the file, the file without its ending."""
    cut = -1
    while (cut := path.find("/", cut + 1)) >= 0:
        yield path[cut + 1 :]
    yield path.rpartition("/")[2].rpartition(".")[0]


def _fitting(names: list[str], limit: float, family: Family) -> list[str]:
    """The names whose written form keeps to the limit: sizes of parts do not add up exactly."""
    while names and (size := text_tokens(written(names), family)) > limit:
        names = names[: min(len(names) - 1, int(len(names) * limit / size))]
    return names
