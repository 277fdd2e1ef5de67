"""What happens to a conversation, as events that can be kept and played again.

Law: playing the events of a journal gives the state that wrote it, so that its next request is the same to the byte.
An event is plain JSON and is never changed; code (functions, shapes) is not kept and has to be given again.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from contextkit.cache.breakpoints import Spot
from contextkit.compact.plan import Since
from contextkit.errors import StoreError
from contextkit.history.view import Summary
from contextkit.ledger.files import from_dict, tool_from_dict
from contextkit.tokens.calibrate import Calibration

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from contextkit.state import State

__all__ = ["SCHEMA", "Journal", "changes", "migrated", "played"]

SCHEMA: Final = 1

_SCALARS: Final = (
    *("paused", "frozen", "life", "called_at", "answered", "retry_at", "failed_in_a_row", "fork_thinking"),
    *("planned_at", "plan_from", "diagnostics", "server"),
)
_SPOTS: Final = ("written", "_before_thinking")


@dataclass(slots=True)
class Journal:
    """Events that are not kept yet, oldest first.

    Attributes:
        events: since the last time they were taken.
        only: the kinds that are noted; None for all.
    """

    events: list[dict[str, Any]] = field(default_factory=list)
    only: frozenset[str] | None = None
    _known: dict[str, Any] = field(default_factory=dict)

    def note(self, kind: str, **said: Any) -> None:
        """Something happened."""
        if self.only is None or kind in self.only:
            self.events.append({"kind": kind, **said})

    def rows(self) -> Journal:
        """A journal of the same events that notes ledger rows alone: a subtask's spending is its parent's."""
        return Journal(self.events, frozenset({"row", "tool"}))

    def settle(self, state: State) -> None:
        """Note what is different in the state's figures since the last time, if anything."""
        now = changes(state)
        news = {name: value for name, value in now.items() if self._known.get(name, _NOTHING) != value}
        if news:
            self.note("state", **news)
            self._known = now


_NOTHING: Final = object()


def changes(state: State) -> dict[str, Any]:
    """Every figure of a state that no other event tells, as JSON."""
    found: dict[str, Any] = {name: getattr(state, name) for name in _SCALARS}
    found |= {name: None if (spot := getattr(state, name)) is None else list(spot) for name in _SPOTS}
    found["gaps"] = list(state.gaps)
    found["since"] = state.since._asdict()
    found["calibration"] = state.calibration.to_json()
    found["own"] = state.own.to_json()
    return found


def played(state: State, event: Mapping[str, Any]) -> None:
    """Let an event happen to a state.

    Raises:
        StoreError: nothing of this kind is known.
    """
    player = _PLAYERS.get(str(event.get("kind")))
    if player is None:
        raise StoreError(
            f"an event of the unknown kind {event.get('kind')!r}",
            where="Conversation.open()",
            fix="It was written by a newer contextkit: install that version.",
        )
    player(state, {name: value for name, value in event.items() if name != "kind"})


def migrated(begin: Mapping[str, Any]) -> dict[str, Any]:
    """The first event in the schema of today.

    Raises:
        StoreError: it is no first event, or one of a later schema.
    """
    schema = begin.get("schema")
    if begin.get("kind") != "begin" or not isinstance(schema, int):
        raise StoreError("the stream is no conversation", where="Conversation.open()", fix="Give another id.")
    if schema > SCHEMA:
        raise StoreError(
            f"the conversation has schema {schema}, this contextkit knows {SCHEMA}",
            where="Conversation.open()",
            fix="Install the contextkit that wrote it, or a newer one.",
        )
    return dict(begin)


def _user(state: State, said: dict[str, Any]) -> None:
    state.log.user(said["blocks"], said["tokens"], pinned=said["pinned"], repair=said["repair"])


def _result(state: State, said: dict[str, Any]) -> None:
    state.log.result(said["id"], said["block"], said["tokens"])


def _answer(state: State, said: dict[str, Any]) -> None:
    state.log.assistant(
        said["blocks"], said["tokens"], message_id=said["id"], unbound=said["unbound"], spare=said["spare"]
    )


def _fold(state: State, said: dict[str, Any]) -> None:
    state.view.fold(Summary(**said["summary"]), names=said["names"], name_tokens=said["name_tokens"])


def _merge(state: State, said: dict[str, Any]) -> None:
    state.view.merge(said["first"], said["end"], Summary(**said["summary"]))


def _clear(state: State, said: dict[str, Any]) -> None:
    state.view.clear({int(at): blocks for at, blocks in said["instead"].items()}, said["end"])


def _fixed(state: State, said: dict[str, Any]) -> None:
    state.system, state.tools, state.recall = said["system"], said["tools"], said["recall"]
    state.measure_fixed()


def _row(state: State, said: dict[str, Any]) -> None:
    row = from_dict(said["row"])
    if not state.shared or row not in state.ledger.rows:  # a ledger that is given may hold them already
        state.ledger.rows.append(row)


def _tool(state: State, said: dict[str, Any]) -> None:
    row = tool_from_dict(said["row"])
    if not state.shared or row not in state.ledger.tools.rows:  # as above
        state.ledger.tools.add(row)


def _state(state: State, said: dict[str, Any]) -> None:
    for name in _SCALARS:
        if name in said:
            setattr(state, name, said[name])
    for name in _SPOTS:
        if name in said:
            setattr(state, name, None if said[name] is None else Spot(*said[name]))
    if "gaps" in said:
        state.gaps = deque(said["gaps"], maxlen=state.gaps.maxlen)
    if "since" in said:
        state.since = Since(**{name: value for name, value in said["since"].items() if name in Since._fields})
    if "calibration" in said:
        state.calibration = Calibration.from_json(said["calibration"])
    if "own" in said:
        state.own.restore(said["own"])


def _asked(_state: State, _said: dict[str, Any]) -> None:
    """A call was about to be made: nothing is known of it but that this writer made it."""


_PLAYERS: Final[dict[str, Callable[[State, dict[str, Any]], None]]] = {
    "asked": _asked,
    "user": _user,
    "result": _result,
    "answer": _answer,
    "fold": _fold,
    "merge": _merge,
    "clear": _clear,
    "fixed": _fixed,
    "row": _row,
    "tool": _tool,
    "state": _state,
}
