"""The object people hold: a Claude conversation with a stable, cached prefix.

Law: what the user says is checked before anything changes; what is sent is decided in turn.py and sent by drive.py.
A Conversation belongs to one thread or task at a time.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Literal, Self

from contextkit import settings, turn
from contextkit.api import facts
from contextkit.api.answer import Answer
from contextkit.api.blocks import check_blocks
from contextkit.api.messages import Block, blocks_of
from contextkit.errors import ContentError, HistoryError
from contextkit.history.archive import Archive
from contextkit.history.loan import returned
from contextkit.kept import Kept, named
from contextkit.outputs import Outputs, declared
from contextkit.reading import Reading
from contextkit.recall import TOOL, archive_of, offered
from contextkit.sending import Sending
from contextkit.spending import book_row
from contextkit.state import State
from contextkit.store.base import opened
from contextkit.tokens.quick import quick_tokens
from contextkit.tools.function import functions_among, shapes_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from contextkit.cache.violations import Violation
    from contextkit.compact.policies import Compaction
    from contextkit.ledger import Budget, Ledger
    from contextkit.outputs import Shapes
    from contextkit.settings import Summarizer
    from contextkit.store.base import Store

__all__ = ["Conversation"]

_MAX_TOKENS: Final = 4_096
_Default = Literal["default"]


class Conversation(Reading, Sending):
    """A conversation whose requests stay cacheable.

    Args:
        model: model id or short name ("haiku", "sonnet", "opus", "fable").
        system: system prompt, text or blocks; frozen at the first request.
        tools: definitions (dicts, SDK objects, `@contextkit.tool`) in the order they are sent; frozen at the first
            request.
        max_tokens: upper bound of one answer, tokens.
        shapes: what enters of each tool's output: shape (or chain, or callable) by tool name; "*" for all others;
            or the path of a JSON file or pyproject.toml that declares them.
        compaction: when old turns become summaries; None for never.
        summarizer: who writes them: a model or its short name in a fresh call, "own" (the conversation's model, which
            reads its own warm prefix), "auto" (the cheaper of "own" and Haiku at the time), "extractive" (no model), or
            a callable that gets the transcript and gives the summary (`def` or `async def`).
        ttl: lifetime of cache entries, "5m", "1h", or "auto": by the gaps between the calls (see `ttl_advice`).
        repair: close open tool calls with an error result, where `user()` would otherwise refuse.
        max_output_chars: cap of any one tool output; the original stays in the archive.
        archive: where originals of what is cut are kept: an Archive, a store, or the path of a SQLite file; None for
            memory, 256 MB compressed at most.
        recall: offer the model the `recall` tool, which reads the archive (150 to 200 tokens, once), and name handles
            where something is left out; `tool_result(id)` answers it. "auto" leaves it to a loop that runs tools.
        on_violation: called with every `Violation` when its bill is in.
        diagnostics: ask the API for the reason of every miss: "auto" does where the client is the Claude API's own
            (`send` and its kin), True does always, False never.
        ledger: where calls are booked, for several conversations that share one (`Ledger.child`); None for its own.
        budget: what this conversation may spend; a call that could pass it is refused before it is made.
        store: where everything that happens is kept, so that `Conversation.open` goes on from it: "sqlite:///file.db",
            "redis://host", a path or a store; None for memory alone.
        id: its name there, any text; None for a new one.
        clock: gives Unix seconds, for the ledger.
        **params: further arguments of `client.messages.create`, the same in every call (thinking, tool_choice,
            output_config, metadata, betas, ...).

    Raises:
        ConfigError: a setting is wrong. ContentError: system or tools are not what the API takes.
    """

    def __init__(
        self,
        *,
        model: str,
        system: str | Sequence[Any] = (),
        tools: Iterable[Any] | None = (),
        max_tokens: int = _MAX_TOKENS,
        shapes: Shapes | str | Path | None = None,
        compaction: Compaction | _Default | None = "default",
        summarizer: Summarizer = "haiku",
        ttl: facts.Ttl | Literal["auto"] = "5m",
        repair: bool = False,
        max_output_chars: int = 200_000,
        archive: Archive | Store | str | Path | None = None,
        recall: bool | Literal["auto"] = "auto",
        on_violation: Callable[[Violation], object] | None = None,
        diagnostics: bool | Literal["auto"] = "auto",
        ledger: Ledger | None = None,
        budget: Budget | None = None,
        store: Store | str | Path | None = None,
        id: str | None = None,  # noqa: A002  (the field's word)
        clock: Callable[[], float] = time.time,
        **params: Any,
    ) -> None:
        if compaction == "default":
            from contextkit.compact.policies import Compaction as Policy  # noqa: PLC0415  (name taken above)

            compaction = Policy()
        settings.check_kinds(compaction=compaction, budget=budget, ledger=ledger, clock=clock, tools=tools)
        settings.check_kinds(repair=repair, diagnostics=diagnostics)
        settings.check_kinds(max_tokens=max_tokens, max_output_chars=max_output_chars, on_violation=on_violation)
        settings.check_settings(model=model, max_tokens=max_tokens, ttl=ttl, summarizer=summarizer, params=params)
        tools, declares = list(tools or ()), bool(shapes)
        self.id = named(id)
        if store is not None:
            store = opened(store)
            archive = Archive(store, f"archive:{self.id}") if archive is None else archive
        self._state = State(
            model=facts.resolve(model),
            max_tokens=max_tokens,
            system=settings.system_of(system),
            tools=settings.tools_of(tools),
            params=settings.params_of(params),
            ttl=ttl,
            policy=compaction,
            summarizer=summarizer,
            archive=archive_of(archive),
        )
        self.functions = functions_among(tools)
        shapes = settings.checked_shapes(declared(shapes, shapes_of(tools)))
        self._outputs = Outputs(shapes, self._state.archive, max_output_chars, self._state.family)
        self._recall = recall
        if offered(recall, self._state.tools):
            self._offer_recall()
        self._state.own.on_violation = on_violation
        self._diagnostics = diagnostics
        self._state.diagnostics = diagnostics is True
        self._repair, self._clock = repair, clock
        if ledger is not None:
            self._state.ledger, self._state.shared = ledger, True
        self._state.id = self.id
        if budget is not None:
            own = (self._state.ledger.conversation or self.id) if self._state.shared else None
            self._state.ledger.limit(budget, "Conversation(budget=)", conversation=own)
        self._kept = None if store is None else self._begun(store, shapes=declares, budget=budget is not None)

    def _begun(self, store: Store, *, shapes: bool, budget: bool) -> Kept:
        kept: dict[str, Any] = {"max_output_chars": self._outputs.max_chars, "repair": self._repair}
        kept |= {"diagnostics": self._diagnostics, "recall": self._state.recall, "offer": self._recall}
        return Kept.begun(self._state, store, kept, shapes=shapes, budget=budget)

    @classmethod
    def open(cls, store: Store | str | Path, id: str, **code: Any) -> Self:  # noqa: A002  (the field's word)
        """A conversation that was kept, as it was: its next request is the same to the byte.

        Args:
            store: as for the class.
            id: its name there.
            **code: settings that cannot be kept, as for the class: shapes, summarizer, compaction (where they held
                functions), tools (the functions of the same definitions), on_violation, ledger, budget, archive, clock.
                Volatile texts are declared again with `volatile()`.

        Raises:
            ConfigError: there is no such conversation, or code is missing that it was begun with. StoreError: the
                store fails, or an event is damaged.
        """
        store = opened(store)
        kept, events = Kept.found(store, id)
        made = cls(**{"archive": Archive(store, f"archive:{id}"), **kept.settings(code), "id": id})
        made._kept, made._recall = kept, kept.offer
        kept.resumed(made._state, events)
        made._outputs = replace(made._outputs, recall=made._state.recall)
        return made

    @classmethod
    def from_messages(cls, messages: Iterable[Any], **given: Any) -> Self:
        """A conversation around an existing history (dicts or SDK objects); the settings are given as for the class.

        Tool outputs are taken as they are: they were sent before, so shaping them now would change the prefix.

        Raises:
            HistoryError, ContentError: which message is wrong, and why.
        """
        made = cls(**given)
        for at, message in enumerate(settings.history_of(messages)):
            try:
                made._load(Answer.of(message))
            except (HistoryError, ContentError) as error:
                inside = error.where.partition("()")[2]
                raise type(error)(error.what, where=f"messages[{at}]{inside}", fix=error.fix) from error
        made._save()
        return made

    def _load(self, message: Answer) -> None:
        if message.role == "assistant":
            check_blocks(message.blocks, "assistant", where="record()")
            turn.record(self._state, message)
            return
        results = [block for block in message.blocks if block["type"] == "tool_result"]
        for block in results:
            self._add_result(str(block.get("tool_use_id")), block)
        others = [block for block in message.blocks if block["type"] != "tool_result"]
        if others or not results:
            self._add_user(others)

    def user(self, content: str | Iterable[Any], *, pin: bool = False) -> Self:
        """Say something as the user: text, or content blocks (images, documents).

        Args:
            content: what is said.
            pin: keep it verbatim in the window when its range is folded.

        Raises:
            HistoryError: tool calls are open. ContentError: nothing to say, or not JSON.
        """
        blocks = blocks_of(content, where="user()")
        if (policy := self._state.policy) is not None and policy.pins is not None and not pin:
            pin = policy.pins({"role": "user", "content": blocks})
        self._add_user(blocks, pin=pin)
        self._save()
        return self

    def _add_user(self, blocks: list[Block], *, pin: bool = False) -> None:
        state = self._state
        check_blocks(blocks, "user", where="user()")
        tokens = quick_tokens(blocks, state.family)
        state.log.user(blocks, tokens, pinned=pin, repair=self._repair)
        if state.journal is not None:
            state.journal.note("user", blocks=blocks, tokens=tokens, pinned=pin, repair=self._repair)
        state.new_turn()

    def _save(self) -> None:
        """Everything that happened so far is on the disk when this returns."""
        if self._kept is not None:
            self._kept.save(self._state)

    def tool_result(self, tool_use_id: str, output: Any = "", *, is_error: bool = False) -> Self:
        """Answer a tool call; the output is shaped as declared for its tool, once, before it is first sent.

        Args:
            tool_use_id: the call's id.
            output: text, any JSON value, or content blocks. A call of `recall` is answered from the archive,
                whatever is given here.
            is_error: the tool failed.

        Raises:
            HistoryError: the id is unknown or answered. ContentError: the output is not JSON.
        """
        tool = self._state.log.tool_of(tool_use_id)
        block: Block = {"type": "tool_result", "tool_use_id": tool_use_id}
        if tool == TOOL["name"] and self._state.recall:
            output, is_error = self._outputs.recalled(self._state.log.input_of(tool_use_id))
        if tool:  # an unknown id is refused below, before its output is looked at
            content = self._outputs.enter(tool, output, is_error=is_error)
            block |= {"content": content} if content else {}
            block |= {"is_error": True} if is_error else {}
        self._add_result(tool_use_id, block)
        self._save()
        return self

    def _add_result(self, tool_use_id: str, block: Block) -> None:
        if type(block.get("content", "")) is not str:
            check_blocks([block], "user", where="tool_result()")
        tokens = quick_tokens([block], self._state.family)
        self._state.log.result(tool_use_id, block, tokens)
        if self._state.journal is not None:
            self._state.journal.note("result", id=tool_use_id, block=block, tokens=tokens)

    def record(self, message: Any) -> Self:
        """Append the model's answer (the SDK's Message, or a dict), as `send` does by itself.

        Raises:
            HistoryError: calls are open, or the message was recorded before; nothing was changed.
        """
        answer = Answer.of(message)
        check_blocks(answer.blocks, answer.role, where="record()")
        estimate = self._state.sent.estimate if self._state.sent else 0
        turn.record(self._state, answer)
        if answer.usage is not None:
            book_row(self._state, answer, now=self._clock(), step="", purpose="turn", estimate=estimate)
        if self._kept is not None:
            self._kept.anyhow(self._state)  # the answer is paid for: a store that fails is a warning
        return self

    def volatile(self, name: str, source: Callable[[], str] | str | None) -> Self:
        """Text that changes from call to call (the time, live state): sent after the last mark, never kept.

        Args:
            name: what it is; the text is sent as `<name>text</name>`.
            source: the text, or a function that gives it at each request; None takes it away.

        Raises:
            ConfigError: the name cannot stand in a tag. ContentError: the text has no form in JSON.
        """
        if source is None:
            self._state.volatile.pop(str(name), None)
        else:
            self._state.volatile[name] = settings.volatile_of(name, source)
        return self

    @property
    def system(self) -> list[Block]:
        """The system prompt's blocks; a copy."""
        return list(returned(self._state.system))

    @system.setter
    def system(self, value: str | Sequence[Any]) -> None:
        self._thaw("system")
        self._state.system = settings.system_of(value)
        self._changed()

    @property
    def tools(self) -> list[dict[str, Any]]:
        """The tool definitions; a copy."""
        return list(returned(self._state.tools))

    @tools.setter
    def tools(self, value: Iterable[Any] | None) -> None:
        self._thaw("tools")
        settings.check_kinds(tools=value)
        value, own = list(value or ()), [TOOL] if self._state.recall else []
        made, shapes = settings.tools_of(value) + own, settings.checked_shapes(shapes_of(value))
        self._state.tools, self.functions = made, functions_among(value)
        self._outputs = replace(self._outputs, shapes={**self._outputs.shapes, **shapes})
        self._changed()

    def _offer_recall(self) -> None:
        """Offer the tool from the first request on; for loops that answer it by themselves."""
        self._thaw("tools")
        self._state.recall = True
        self._outputs = replace(self._outputs, recall=True)
        self._state.tools.append(TOOL)
        self._changed()

    def _changed(self) -> None:
        state = self._state
        state.measure_fixed()
        if state.journal is not None:
            state.journal.note("fixed", system=state.system, tools=state.tools, recall=state.recall)

    def _thaw(self, what: str) -> None:
        if self._state.frozen:
            raise settings.frozen(what)
