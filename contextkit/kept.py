"""A conversation in a store: one stream of events, written before anything is acknowledged.

Law: what `save` returned from is on the disk. A second writer is found before a call is paid for; what comes back from
a paid call is never lost to a store that fails: it stays in memory and is written with the next event.
"""

from __future__ import annotations

import json
import warnings
from contextlib import suppress
from dataclasses import fields
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, Self
from uuid import uuid4

from contextkit.api.facts import CREATE_PARAMS
from contextkit.api.messages import dumps
from contextkit.api.request import Ask, Reply
from contextkit.compact.policies import Compaction
from contextkit.errors import ConfigError, ConflictError, ContextKitError, StoreError
from contextkit.journal import SCHEMA, Journal, migrated, played
from contextkit.store.base import streams_of
from contextkit.turn import BookkeepingWarning

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

    from contextkit.state import State
    from contextkit.store.base import Store
    from contextkit.store.streams import Streams

__all__ = ["SPACE", "Kept", "named"]

SPACE: Final = "conversation:"
"""What the names of conversations begin with among a store's streams."""

_LONGEST: Final = 500
_CODE: Final = ("when", "pins")  # settings of a Compaction that are functions


def named(given: str | None) -> str:
    """An id: the one that is given, or a new one.

    Raises:
        ConfigError: it is empty, or longer than 500 characters.
    """
    if given is None:
        return uuid4().hex
    if not isinstance(given, str) or not given or len(given) > _LONGEST:
        raise ConfigError("the id is empty or too long", where="Conversation(id=)", fix="Give 1 to 500 characters.")
    with suppress(UnicodeEncodeError):
        given.encode()
        return given
    raise ConfigError("the id holds a lone surrogate", where="Conversation(id=)", fix="Give text that is Unicode.")


class Kept:
    """One conversation's stream."""

    def __init__(self, streams: Streams, id: str, version: int, begin: Mapping[str, Any]) -> None:  # noqa: A002
        self._streams = streams
        self._key = SPACE + id
        self._version = version
        self._begin = begin
        self._journal = Journal()
        self._lock = Lock()  # a cancelled task's save may still be under way in its thread

    @classmethod
    def begun(
        cls,
        state: State,
        store: Store,
        settings: Mapping[str, Any],
        *,
        shapes: bool,
        budget: bool,
    ) -> Self:
        """A new stream for a new conversation.

        Raises:
            ConflictError: there is one of this id. StoreError: the store fails.
        """
        begin = {
            "kind": "begin",
            "schema": SCHEMA,
            "id": state.id,
            "settings": {**settings, **_declared(state)},
            "code": [*(["shapes"] if shapes else []), *(["budget"] if budget else []), *_coded(state)],
        }
        made = cls(streams_of(store), state.id, 0, begin)
        try:
            made._version = made._streams.append(made._key, [dumps(begin).encode()], 0)
        except ConflictError as error:
            raise ConflictError(
                f"there is a conversation {state.id!r} already",
                where="Conversation(id=)",
                fix="Go on with it by Conversation.open(store, id), or give another id.",
            ) from error
        state.journal = made._journal
        made._journal.settle(state)
        made._journal.events.clear()
        return made

    @classmethod
    def found(cls, store: Store, id: str) -> tuple[Self, list[dict[str, Any]]]:  # noqa: A002
        """The stream of a conversation, and its events after the first.

        Raises:
            ConfigError: there is none. StoreError: it is damaged, or not a conversation.
        """
        streams = streams_of(store)
        lines = streams.read(SPACE + named(id))
        if not lines:
            raise ConfigError(
                f"there is no conversation {id!r}",
                where="Conversation.open()",
                fix="List them: `contextkit conversations`.",
            )
        try:
            events = [json.loads(line) for line in lines]
        except ValueError as error:
            raise StoreError("an event is not JSON", where="Conversation.open()", fix="Restore a copy.") from error
        return cls(streams, id, len(lines), migrated(events[0])), events[1:]

    @property
    def model(self) -> str:
        """The model id that is sent."""
        return str(self._begin["settings"]["model"])

    def settings(self, code: Mapping[str, Any]) -> dict[str, Any]:
        """Arguments for a Conversation like the one that was kept.

        Raises:
            ConfigError: code is missing that it was begun with, or something is given that is kept.
        """
        kept = dict(self._begin["settings"])
        missing = [name for name in self._begin["code"] if name not in code and name not in _CODE]
        if set(_CODE) & set(self._begin["code"]) and "compaction" not in code:
            missing.append("compaction")
        if missing:
            raise ConfigError(
                f"the conversation was begun with {', '.join(missing)} that held functions, which are not kept",
                where="Conversation.open()",
                fix=f"Give {missing[0]}= again.",
            )
        fixed = sorted(set(code) & {"model", "system", "max_tokens", "ttl", "store", "recall", *CREATE_PARAMS})
        if fixed:
            raise ConfigError(
                f"{fixed[0]} is kept with the conversation and cannot change",
                where="Conversation.open()",
                fix="Leave it out, or begin a new conversation.",
            )
        params, policy = kept.pop("params"), kept.pop("compaction")
        for name in ("system", "tools", "recall", "offer"):  # the first event that is played
            kept.pop(name, None)
        kept["compaction"] = None if policy is None else Compaction(**policy)
        return {"recall": False, **kept, **params, **code}

    def resumed(self, state: State, events: Sequence[Mapping[str, Any]]) -> None:
        """Let everything happen again to the state of a Conversation that was just made.

        Raises:
            ConfigError: tools are given that are not those it was begun with. StoreError: an event is unknown.
        """
        begin, tools = self._begin["settings"], state.tools
        for event in ({"kind": "fixed", **{name: begin[name] for name in ("system", "tools", "recall")}}, *events):
            played(state, event)
        _check_places(state)
        for purse in state.ledger.purses:
            for row in state.ledger.rows:
                if row.conversation == (state.ledger.conversation or state.id):
                    purse.charge(row)
        given = [tool for tool in tools if tool not in state.tools]
        if given:
            raise ConfigError(
                f"the tool {given[0].get('name')!r} is not defined as it was when the conversation began",
                where="Conversation.open(tools=)",
                fix="Tools are the start of the cached prefix: give the same definitions, or begin a new conversation.",
            )
        state.journal = self._journal
        self._journal.settle(state)
        self._journal.events.clear()

    @property
    def offer(self) -> Any:
        """Whether the `recall` tool is offered, as it was declared."""
        return self._begin["settings"].get("offer", False)

    def save(self, state: State) -> None:
        """Write what happened; when this returns, it is durable.

        Raises:
            ConflictError: somebody else has written to the conversation. StoreError: the store fails; what happened
                stays in memory and is written at the next save that works.
        """
        with self._lock:
            self._journal.settle(state)
            events = list(self._journal.events)
            if events:
                lines = [dumps(event).encode("utf-8", "surrogatepass") for event in events]
                self._version = self._streams.append(self._key, lines, self._version)
                del self._journal.events[: len(events)]

    def around(self, state: State, flow: Generator[Ask, Reply, Any], *, now: float) -> Generator[Ask, Reply, Any]:
        """A flow with its saves: before it, so that nothing is paid for in vain, and after it."""
        self._journal.note("asked", at=now)

        def save(_: str) -> str:
            self.save(state)
            return ""

        yield Ask("save", call=save)
        try:
            result = yield from flow
        except BaseException:
            self.anyhow(state)
            raise
        try:
            yield Ask("save", call=save)
        except ContextKitError as error:
            _warn(error)
        return result

    def anyhow(self, state: State) -> None:
        """Save on the way out of a failure, which is what the caller has to see."""
        try:
            self.save(state)
        except ContextKitError as error:
            _warn(error)


def _check_places(state: State) -> None:
    """Refuse figures that point outside the log: the stream was not written by one conversation."""
    size = len(state.view.messages())
    if (state.written is not None and state.written.message >= size) or state.answered > len(state.log.entries):
        raise StoreError(
            "the kept figures do not belong to the kept messages",
            where="Conversation.open()",
            fix="Restore a copy, or begin anew with Conversation.from_messages.",
        )


def _warn(error: ContextKitError) -> None:
    warnings.warn(f"what happened is in memory but not in the store yet: {error}", BookkeepingWarning, stacklevel=3)


def _declared(state: State) -> dict[str, Any]:
    """The settings of a state as JSON."""
    policy = state.policy
    return {
        "model": state.model,
        "max_tokens": state.max_tokens,
        "ttl": state.ttl,
        "system": state.system,
        "tools": state.tools,
        "params": state.params,
        "summarizer": state.summarizer if isinstance(state.summarizer, str) else "haiku",
        "compaction": None if policy is None else {k: v for k, v in _plain(policy).items() if k not in _CODE},
    }


def _plain(policy: Compaction) -> dict[str, Any]:
    found = {each.name: getattr(policy, each.name) for each in fields(policy)}
    return {name: value if value != float("inf") else 1e308 for name, value in found.items()}


def _coded(state: State) -> list[str]:
    """Which settings hold functions."""
    policy = state.policy
    coded = [name for name in _CODE if policy is not None and getattr(policy, name) is not None]
    return [*coded, *(["summarizer"] if callable(state.summarizer) else [])]
