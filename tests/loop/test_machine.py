"""Whatever the model does and whenever it is interrupted: the run ends, the history is valid and only grows."""

from __future__ import annotations

from itertools import chain, pairwise, repeat
from typing import TYPE_CHECKING, Any

import anthropic
from hypothesis import given, settings
from hypothesis import strategies as st

from contextkit.emulator import Emulator, fault, reply, text, tool_use
from contextkit.loop import Event, run
from contextkit.when import Condition, answer_stable, confidence, spent, steps
from tests.loop.agents import a_conversation, assert_valid, broken, look_up

if TYPE_CHECKING:
    from contextkit import Conversation

CALLS = st.lists(st.sampled_from(["look_up", "broken", "nothing"]), max_size=3)
STOPS = st.sampled_from([None, None, None, None, "max_tokens", "refusal"])
ANSWERS = st.one_of(
    st.builds(
        lambda said, calls, stop: reply(
            *([text(said)] if said or not calls else []),
            *(tool_use(name, {"word": "w"}) for name in calls),
            stop_reason=stop,
        ),
        st.sampled_from(["", "Answer: 1", "Answer: 2. Confidence: 0.9", "Hm."]),
        CALLS,
        STOPS,
    ),
    st.just(fault(529)),
)
CONDITIONS = st.sampled_from(
    [None, steps(1), steps(3), confidence(0.8), answer_stable(2), spent(0.001), ~steps(2) & answer_stable(2) | steps(5)]
)


class Leave(Exception):  # noqa: N818  (a listener's way out)
    """What a listener raises."""


def sent_before(emulator: Emulator) -> list[list[Any]]:
    """The messages of every request that was answered, without marks."""
    return [
        [
            {**message, "content": [_unmarked(block) for block in message["content"]]}
            for message in each.body["messages"]
        ]
        for each in emulator.requests
    ]


def _unmarked(block: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in block.items() if key != "cache_control"}


def attempt(conv: Conversation, client: Any, condition: Condition | None, leave_at: int) -> None:
    """Run until an end of any kind, left by its listener at some event."""
    left = leave_at

    def tell(_: Event) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise Leave

    try:
        result = run(conv, client, [look_up, broken], stop_when=condition, max_steps=6, on_event=tell)
    except (Leave, anthropic.APIStatusError):
        return
    assert result.steps <= 6 + 3
    assert result.cost is not None


@given(st.lists(ANSWERS, max_size=12), CONDITIONS, st.lists(st.integers(0, 20), min_size=1, max_size=3))
@settings(max_examples=40)
def test_any_run_leaves_a_valid_history(answers: list[Any], condition: Condition | None, leaves: list[int]) -> None:
    """Runs are left at random events and gone on with; what was sent stays the beginning of what is sent next."""
    emulator = Emulator(chain(answers, repeat("Done.")))
    client = emulator.client(max_retries=0)
    conv = a_conversation()
    for leave_at in leaves:
        if conv.messages[-1]["role"] == "assistant":
            conv.user("Go on.")
        attempt(conv, client, condition, leave_at)
        assert_valid(conv)
    sent = sent_before(emulator)
    for before, after in pairwise(sent):
        assert after[: len(before) - 1] == before[:-1]
        assert after[len(before) - 1]["content"][: len(before[-1]["content"])] == before[-1]["content"]
    assert not conv.violations
