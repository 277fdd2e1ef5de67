"""Reference recall: what later tool calls needed of what a policy had taken out of the window.

Law: a reference is an identifier in a tool call's input that was named before; it counts once a policy has folded
the entry that named it first. It is in the window when it can be read there verbatim: in an entry that is sent, or
in the list beside the summaries (a path's end counts as read off the path). What a summary's prose would keep is not
known here and counts as nothing.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING

from contextkit.compact.identifiers import found as named
from contextkit.compact.identifiers import said

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from contextkit.replay.bill import Move
    from contextkit.replay.trace import Trace

__all__ = ["Recall", "Reference", "References", "recall", "references"]


@dataclass(frozen=True, slots=True)
class Reference:
    """An identifier that the tool calls of one answer used.

    Attributes:
        call: index of the call whose answer used it.
        entry: index of that answer in the log.
        name: the identifier.
    """

    call: int
    entry: int
    name: str


@dataclass(frozen=True, slots=True)
class References:
    """All references of a trace, and the entries that name each identifier, oldest first."""

    found: tuple[Reference, ...]
    mentions: Mapping[str, Sequence[int]]


@dataclass(frozen=True, slots=True)
class Recall:
    """Counts of references.

    Attributes:
        folded: references whose first mention had been folded.
        window: of these, how many stood in the window.
        lost: of `folded`, how many stood in no entry that was sent: only in what was folded.
        listed: of `lost`, how many stood in the list beside the summaries.
    """

    folded: int = 0
    window: int = 0
    lost: int = 0
    listed: int = 0

    @property
    def share(self) -> float:
        """Of references into folded ranges, the share that stood in the window; 1 where there were none."""
        return self.window / self.folded if self.folded else 1.0

    @property
    def share_listed(self) -> float:
        """Of references that stood only in folded ranges, the share in the list; 1 where there were none."""
        return self.listed / self.lost if self.lost else 1.0

    def __add__(self, other: Recall) -> Recall:
        return Recall(
            self.folded + other.folded,
            self.window + other.window,
            self.lost + other.lost,
            self.listed + other.listed,
        )


def references(found: Trace) -> References:
    """What the tool calls of a trace refer to; work in proportion to its text."""
    mentions: dict[str, list[int]] = {}
    used: list[Reference] = []
    calls = {step.end: at for at, step in enumerate(found.steps)}  # an answer stands right behind its prompt
    for index, entry in enumerate(found.log.entries):
        names: dict[str, None] = {}
        for block in entry.blocks:
            here = named(said(block))
            if block["type"] == "tool_use" and index in calls:
                used += [Reference(calls[index], index, name) for name in here if name in mentions]
            names.update(dict.fromkeys(here))
        for name in names:
            mentions.setdefault(name, []).append(index)
    return References(tuple(dict.fromkeys(used)), mentions)


def recall(found: Trace, all_of: References, moves: Sequence[Move]) -> Recall:
    """The counts for what a policy sent."""
    folded = window = lost = listed = 0
    shown: tuple[object, frozenset[str]] = (None, frozenset())
    for reference in all_of.found:
        move = moves[reference.call]
        places = all_of.mentions[reference.name]
        if places[0] == 0 or not _gone(found, places[0], move):
            continue
        folded += 1
        if any(not _gone(found, place, move) for place in _before(places, reference.entry)):
            window += 1
            continue
        lost += 1
        if shown[0] is not move.listed:
            shown = (move.listed, frozenset(_read_off(move.listed)))
        if reference.name in shown[1]:
            window, listed = window + 1, listed + 1
    return Recall(folded, window, lost, listed)


def _before(places: Sequence[int], entry: int) -> Iterator[int]:
    """Mentions before an entry, newest first."""
    return (places[at] for at in range(bisect_left(places, entry) - 1, -1, -1))


def _gone(found: Trace, entry: int, move: Move) -> bool:
    """Whether an entry is not sent as it was said; the head always is."""
    return 0 < entry < move.start or (entry in move.cleared and found.log.entries[entry].role == "user")


def _read_off(names: Iterable[str]) -> Iterator[str]:
    """The names, and what can be read at the end of their paths."""
    for name in names:
        yield name
        if "://" not in name:
            parts = name.split("/")
            yield from ("/".join(parts[at:]) for at in range(1, len(parts)))
