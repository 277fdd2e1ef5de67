"""One conversation, watched with work proportional to what is new: it finds what a full look finds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from contextkit.cache.blocks import Blocks
from contextkit.cache.trail import Trail

if TYPE_CHECKING:
    import pytest

MARK = {"type": "ephemeral"}
SYSTEM = "You are a careful engineer. " * 120


class Talk:
    """A history whose unchanged messages stay the same objects, as the Conversation's view hands them out."""

    def __init__(self, **options: Any) -> None:
        self.trail = Trail(**options)
        self.history: list[dict[str, Any]] = [self.message("user", "Find the bug. " * 50)]
        self.cached = 0
        self.now = 0.0

    @staticmethod
    def message(role: str, text: str) -> dict[str, Any]:
        """One message."""
        return {"role": role, "content": [{"type": "text", "text": text}]}

    def ask(self, *, read: int | None = None, volatile: str = "", **changes: Any) -> list[str]:
        """Send what is there, marked at its end, have it billed, and answer; gives the causes."""
        self.now += 10
        messages = list(self.history)
        last = messages[-1]["content"][-1]
        tail = [{"type": "text", "text": volatile}] if volatile else []
        messages[-1] = {"role": "user", "content": [{**last, "cache_control": MARK}, *tail]}
        body = {"model": "claude-opus-5-5", "system": SYSTEM, "messages": messages, **changes}
        self.trail.sent(body, self.now, history=list(self.history), marked=[(len(messages) - 1, 0)])
        read = self.cached if read is None else read
        self.cached = 1000 + 50 * len(messages)
        usage = {"input_tokens": 3, "cache_read_input_tokens": read, "cache_creation_input_tokens": self.cached - read}
        found = self.trail.answered(usage, message_id=f"msg_{self.now:.0f}")
        self.history += [self.message("assistant", "Fine."), self.message("user", f"Next {self.now}.")]
        return [violation.cause for violation in found]


def test_a_growing_conversation_is_silent() -> None:
    """Marks that move and volatile text at the end are no changes."""
    talk = Talk()
    for n in range(30):
        assert talk.ask(volatile=f"It is {n} o'clock.") == []


def test_what_stands_is_not_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A turn looks at the blocks of new messages and of the last one, however long the history is."""
    looked: list[int] = []
    original = Blocks.extend

    def counting(self: Blocks, messages: Any, last_user: int = -1) -> None:
        looked.append(len(messages))
        original(self, messages, last_user)

    monkeypatch.setattr(Blocks, "extend", counting)
    talk = Talk()
    for _ in range(50):
        talk.ask()
    assert looked[0] == 1
    assert set(looked[1:]) == {3}


def test_a_rewritten_message_is_found() -> None:
    """A message that is another object now is read again, and its change is reported."""
    talk = Talk()
    for _ in range(3):
        talk.ask()
    talk.history[2] = talk.message("user", "Something else.")
    assert talk.ask(read=0) == ["message_changed"]
    assert talk.trail.violations[-1].where == "/messages/2/content/0/text"
    assert talk.ask() == []


def test_a_fold_is_reported_as_planned() -> None:
    """After `plan` the change of the history carries no blame, once."""
    talk = Talk()
    for _ in range(4):
        talk.ask()
    talk.history[:5] = [talk.message("user", "Summary of all that.")]
    talk.trail.plan("compaction")
    assert talk.ask(read=0) == ["compaction"]
    assert talk.trail.violations[-1].blame == "planned"
    talk.history[0] = talk.message("user", "Another summary.")
    assert talk.ask(read=0) == ["message_changed"]


def test_settings_and_time_are_seen() -> None:
    """What is not in the messages breaks the cache as well, and so does a long pause."""
    talk = Talk()
    talk.ask()
    assert talk.ask(read=0, output_config={"effort": "low"}) == ["effort_changed"]
    assert talk.ask(read=0) == ["effort_changed"]
    talk.now += 400
    assert talk.ask(read=0) == ["expired"]


def test_a_failed_request_is_replaced_by_its_retry() -> None:
    """A request that was never answered leaves nothing behind."""
    talk = Talk()
    talk.ask()
    talk.trail.sent({"model": "m", "messages": []}, talk.now, history=[], marked=[])
    assert talk.ask() == []


def test_what_cannot_be_read_is_not_watched() -> None:
    """A body that is none raises nothing, and the next one is read in full."""
    talk = Talk()
    talk.ask()
    talk.trail.sent({}, talk.now, history=[], marked=[])
    assert talk.trail.answered({"input_tokens": 1}) == ()
    assert talk.ask() == []
