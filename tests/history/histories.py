"""Histories for tests: turns drawn by hypothesis, played into a log one entry at a time."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from contextkit.history.log import Log
from contextkit.tokens.quick import quick_tokens

if TYPE_CHECKING:
    from collections.abc import Iterator

Block = dict[str, Any]


def said(words: str) -> Block:
    """A text block."""
    return {"type": "text", "text": words}


def call(name: str, **given: Any) -> Block:
    """A tool call."""
    return {"type": "tool_use", "id": name, "name": "look", "input": given}


def result(name: str, content: Any = "found", **more: Any) -> Block:
    """A tool result."""
    return {"type": "tool_result", "tool_use_id": name, "content": content, **more}


def thought(words: str = "hm") -> Block:
    """A thinking block."""
    return {"type": "thinking", "thinking": words, "signature": "sig"}


@dataclass(frozen=True)
class Answer:
    """What the model says in one message: thinking, texts, calls with text between every `apart` of them."""

    thinks: bool = False
    texts: int = 1
    calls: int = 0
    apart: int = 0

    def blocks(self, names: Iterator[int]) -> list[Block]:
        """The answer's content; each call with an id of its own."""
        made = [thought()] * self.thinks + [said(f"I say {at}.") for at in range(self.texts)]
        for at in range(self.calls):
            if self.apart and at % self.apart == 0:
                made.append(said(f"Next I look at {at}."))
            made.append(call(f"t{next(names)}", page=at))
        return made


@dataclass(frozen=True)
class Turn:
    """What the user says, in so many blocks, and what the model answers, message by message."""

    blocks: int = 1
    pinned: bool = False
    answers: tuple[Answer, ...] = (Answer(),)
    late: int = 0


def answers(calls: int = 40, texts: int = 20) -> st.SearchStrategy[Answer]:
    """Answers with up to so many parallel calls."""
    counts = st.integers(0, 3) | st.integers(0, calls)
    return st.builds(Answer, st.booleans(), st.integers(0, 3) | st.integers(0, texts), counts, st.integers(0, 3))


def turns(blocks: int = 60, calls: int = 40, size: int = 6) -> st.SearchStrategy[list[Turn]]:
    """Histories: some turns of up to so many user blocks and parallel calls; some with user text after results."""
    one = st.builds(
        Turn,
        st.integers(1, 3) | st.integers(1, blocks),
        st.booleans(),
        st.lists(answers(calls), min_size=1, max_size=4).map(tuple),
        st.integers(0, 2),
    )
    return st.lists(one, min_size=1, max_size=size)


@dataclass(slots=True)
class Player:
    """Plays turns into a log; its generator stops wherever a request may be made and wherever an answer has come."""

    log: Log
    names: Iterator[int]

    @classmethod
    def new(cls) -> Player:
        """A player with an empty log."""
        return cls(Log(), count())

    def play(self, turn: Turn) -> Iterator[str]:
        """Each step's name: "ask" where a request can be made, "said" after the answer."""
        blocks = [said(f"Question {next(self.names)}, part {at}: " + "word " * 40) for at in range(turn.blocks)]
        self.log.user(blocks, quick_tokens(blocks, "2026"), pinned=turn.pinned)
        yield "ask"
        for answer in turn.answers:
            made = answer.blocks(self.names) or [said("Yes.")]
            self.log.assistant(made, quick_tokens(made, "2026"))
            yield "said"
            for name in list(self.log.open_calls):
                block = result(name, f"output of {name}: " + "row " * 30)
                self.log.result(name, block, quick_tokens([block], "2026"))
            if self.log.entries[-1].role == "assistant":
                return
            if turn.late:
                late = [said(f"And note {at}.") for at in range(turn.late)]
                self.log.user(late, quick_tokens(late, "2026"))
            yield "ask"


def a_log(*turns_: Turn) -> Log:
    """The log after these turns."""
    player = Player.new()
    for turn in turns_:
        if turn and player.log.entries and player.log.entries[-1].role == "user":
            player.log.assistant([said("Done.")], 5.0)
        for _ in player.play(turn):
            pass
    return player.log


def a_long_log(pages: int = 30, *, thinks: bool = False) -> Log:
    """A task, then so many calls with their results."""
    return a_log(Turn(answers=tuple(Answer(thinks=thinks, calls=1) for _ in range(pages))))
