"""Processes that die, and answers that are lost: nothing is paid for twice."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from contextkit.batch import Batch, UndecidedError, drivers
from contextkit.emulator import Emulator, Options
from contextkit.errors import ConfigError, ConflictError, ContentError

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[2]
SYSTEM = "You sort letters by these rules, and you are never in a hurry to do so. " * 80

CHILD = """
import os, signal, sys
sys.path.insert(0, sys.argv[1])
from anthropic import Anthropic
from contextkit.batch import Batch, drivers

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

address, state, moment = sys.argv[2:5]
made = drivers._created
if moment == "before":
    drivers._created = die
if moment == "after":
    drivers._created = lambda *given: (made(*given), die())
client = Anthropic(api_key="x", base_url=address)
items = [f"letter {at}" for at in range(6)]
settings = {"chunk": (4, 256_000_000), "sleep": die, "clock": lambda: float(sys.argv[6])}
batch = Batch({"system": sys.argv[5]}, items, model="haiku", state=state, **settings)
batch.run(client)
"""


def an_emulator(seconds: float = 60.0) -> Emulator:
    """An emulator whose batches take a minute."""
    return Emulator(lambda body: f"answer to {body['messages'][-1]['content'][-1]['text']}", options=Options(
        batch_seconds=seconds))  # fmt: skip


def a_batch(emulator: Emulator, state: Path, **settings: Any) -> Batch:
    """Six letters in chunks of four, kept in a file."""
    given: dict[str, Any] = {
        "prefix": {"system": SYSTEM},
        "items": [f"letter {at}" for at in range(6)],
        "model": "haiku",
        "state": state,
        "chunk": (4, 256_000_000),
        "clock": lambda: emulator.clock.now,
        "sleep": emulator.clock.advance,
    }
    return Batch(**{**given, **settings})


def sizes(emulator: Emulator) -> list[int]:
    """Requests of every batch that reached the API."""
    posts = [each for each in emulator.requests if each.method == "POST" and each.path == "/v1/messages/batches"]
    return [len(each.body["requests"]) for each in posts if each.status == 200]


def killed(emulator: Emulator, state: Path, moment: str) -> None:
    """Run the batch in a process that kills itself at a moment."""
    with emulator.serve() as served:
        command = [sys.executable, "-c", CHILD, str(ROOT), served.url, str(state), moment, SYSTEM]
        done = subprocess.run([*command, str(emulator.clock.now)], check=False, capture_output=True, timeout=60)  # noqa: S603
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()


@pytest.mark.parametrize(("moment", "sent"), [("poll", [4, 2]), ("after", [4]), ("before", [])])
def test_a_killed_process_resumes_without_paying_twice(moment: str, sent: list[int], tmp_path: Path) -> None:
    """Killed before sending, between the API's taking and our knowing, or before the first poll: each item once."""
    emulator = an_emulator()
    state = tmp_path / "batch.db"
    killed(emulator, state, moment)
    assert sizes(emulator) == sent
    batch = a_batch(emulator, state)
    done = batch.run(emulator.client())
    assert (done.succeeded, done.open) == (6, 0)
    assert sorted(sizes(emulator)) == [2, 4]
    assert [result.text for result in batch.results()] == [f"answer to letter {at}" for at in range(6)]
    answered = [each for each in emulator.requests if each.tier == "batch" and each.status == 200]
    assert len(answered) == 6


def test_what_a_stranger_sends_at_the_same_time_is_not_taken_for_ours(tmp_path: Path) -> None:
    """A batch of the same size in the same workspace is waited for, found to be another's, and ours is sent."""
    emulator = an_emulator()
    state = tmp_path / "batch.db"
    killed(emulator, state, "before")
    client = emulator.client()
    request: Any = {
        "model": "claude-haiku-5-5",
        "max_tokens": 10,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "x"}]}],
    }
    client.messages.batches.create(requests=[{"custom_id": f"other-{at}", "params": request} for at in range(4)])
    done = a_batch(emulator, state).run(client)
    assert done.succeeded == 6
    assert sizes(emulator) == [4, 4, 2] or sorted(sizes(emulator)) == [2, 4, 4]
    assert len(done.batches) == 2


def test_an_answer_that_is_lost_is_looked_for_before_sending_again(tmp_path: Path) -> None:
    """A timeout after the API took the chunk: it is found by its ids, and not sent a second time."""
    emulator = an_emulator()
    client = emulator.client()
    _losing(emulator, lambda count: count == 1)
    done = a_batch(emulator, tmp_path / "b.db").run(client)
    assert done.succeeded == 6
    assert sizes(emulator) == [4, 2]


async def test_a_lost_answer_is_looked_for_asynchronously_too(tmp_path: Path) -> None:
    """The same flow, the same promise."""
    emulator = an_emulator()
    _losing(emulator, lambda count: count == 2)
    done = await a_batch(emulator, tmp_path / "b.db").arun(emulator.async_client())
    assert done.succeeded == 6
    assert sizes(emulator) == [4, 2]


def _losing(emulator: Emulator, when: Callable[[int], bool]) -> None:
    """Let the API take a batch, and lose its answer on the way."""
    handle, count = emulator.handle, 0

    def losing(method: str, target: str, headers: Any, data: bytes) -> Any:
        nonlocal count
        answer = handle(method, target, headers, data)
        if method == "POST" and target.startswith("/v1/messages/batches") and "cancel" not in target:
            count += 1
            if when(count):
                from dataclasses import replace  # noqa: PLC0415  (only here)

                return replace(answer, lost="timeout")
        return answer

    emulator.handle = losing  # type: ignore[method-assign]


class _Death(BaseException):
    """The process dies here."""


def _dying(monkeypatch: pytest.MonkeyPatch, at: int, *, after: bool) -> list[int]:
    """Die at the so-many-th thing that the driver does, before it is done or after; how many were begun."""
    do, count = drivers._do, [0]

    def dying(*given: Any) -> Any:
        count[0] += 1
        if count[0] == at and not after:
            raise _Death
        got = do(*given)
        if count[0] == at:
            raise _Death
        return got

    monkeypatch.setattr(drivers, "_do", dying)
    return count


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_death_at_every_single_step_pays_for_no_item_twice(
    after: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever was being done when the process ended, before or after it was done: the next run ends it, paid once."""
    for at in range(1, 40):
        emulator, state = an_emulator(), tmp_path / f"{at}.db"
        client = emulator.client()
        with monkeypatch.context() as patch:
            _dying(patch, at, after=after)
            try:
                a_batch(emulator, state).run(client)
            except _Death:
                died = True
            else:
                died = False
        done = a_batch(emulator, state).run(client)
        assert (done.succeeded, done.open) == (6, 0)
        assert sum(each.tier == "batch" and each.status == 200 for each in emulator.requests) == 6, f"step {at}"
        if not died:
            assert at > 6
            return
    pytest.fail("the run never ended")


def test_a_chunk_is_found_pages_behind_other_batches(tmp_path: Path) -> None:
    """A busy workspace has more batches than one page; ours is looked for to the time of its intent."""
    emulator = an_emulator()
    state = tmp_path / "batch.db"
    killed(emulator, state, "after")
    client = emulator.client()
    request: Any = {"model": "claude-haiku-5-5", "max_tokens": 10, "messages": [{"role": "user", "content": "x"}]}
    for at in range(105):
        client.messages.batches.create(requests=[{"custom_id": f"other-{at}", "params": request}])
    done = a_batch(emulator, state).run(client)
    assert done.succeeded == 6
    assert sizes(emulator).count(4) == 1


def test_results_that_are_gone_are_not_paid_for_again_unasked(tmp_path: Path) -> None:
    """A batch that was deleted may have been paid for: said plainly, and sent again only where that is wanted."""
    emulator = an_emulator()
    state = tmp_path / "b.db"
    killed(emulator, state, "poll")
    client = emulator.client()
    emulator.clock.advance(1_000)
    for batch in client.messages.batches.list().data:
        client.messages.batches.delete(batch.id)
    with pytest.raises(UndecidedError, match="gone"):
        a_batch(emulator, state).run(client)
    assert sizes(emulator) == [4, 2]
    assert a_batch(emulator, state, undecided="resend").run(client).succeeded == 6


def test_a_finished_batch_is_read_again_without_a_request(tmp_path: Path) -> None:
    """Run again with the same items, or none, it gives what was kept and asks nobody."""
    emulator = an_emulator()
    state = tmp_path / "b.db"
    a_batch(emulator, state).run(emulator.client())
    asked = len(emulator.requests)
    again = a_batch(emulator, state)
    assert again.run(emulator.client()).succeeded == 6
    kept = a_batch(emulator, state, items=None)
    assert [result.text for result in kept.results()] == [result.text for result in again.results()]
    assert len(emulator.requests) == asked


def test_new_items_of_a_finished_batch_are_sent_and_no_others(tmp_path: Path) -> None:
    """Items are known by their ids: what is new is sent."""
    emulator = an_emulator()
    state = tmp_path / "b.db"
    a_batch(emulator, state).run(emulator.client())
    done = a_batch(emulator, state, items=[f"letter {at}" for at in range(8)]).run(emulator.client())
    assert done.succeeded == 8
    assert sizes(emulator) == [4, 2, 2]


def test_another_prefix_or_content_under_the_same_name_is_refused(tmp_path: Path) -> None:
    """A state goes on with what it was begun with, or says so."""
    emulator = an_emulator()
    state = tmp_path / "b.db"
    a_batch(emulator, state).run(emulator.client())
    with pytest.raises(ConfigError, match="another prefix"):
        a_batch(emulator, state, prefix={"system": "other"}).run(emulator.client())
    with pytest.raises(ContentError, match="another content"):
        a_batch(emulator, state, items=["something else"]).run(emulator.client())
    assert a_batch(emulator, state, id="other", prefix={"system": "x"}).run(emulator.client()).succeeded == 6


def test_items_that_were_not_read_to_the_end_are_asked_for(tmp_path: Path) -> None:
    """A process that died while it read says so when it is resumed without items."""
    emulator = an_emulator()
    with pytest.raises(ConfigError, match="not read to their end"):
        a_batch(emulator, tmp_path / "b.db", items=None).run(emulator.client())


def test_one_process_at_a_time_runs_a_batch(tmp_path: Path) -> None:
    """A second run of the same batch at the same time is refused; it would send the items again."""
    emulator = an_emulator()
    state = tmp_path / "b.db"

    def again(seconds: float) -> None:
        emulator.clock.advance(seconds)
        with pytest.raises(ConflictError, match="being run already"):
            a_batch(emulator, state).run(emulator.client())

    assert a_batch(emulator, state, sleep=again).run(emulator.client()).succeeded == 6
    assert sizes(emulator) == [4, 2]


def test_the_state_is_private_and_may_stand_beside_conversations(tmp_path: Path) -> None:
    """The file has mode 0600, and is the file of a store too."""
    from contextkit import Conversation  # noqa: PLC0415  (only here)

    emulator = an_emulator()
    path = tmp_path / "agents.db"
    Conversation(model="haiku", store=path, id="talk").user("hello")
    assert a_batch(emulator, path).run(emulator.client()).succeeded == 6
    assert Conversation.open(path, "talk").messages[0]["role"] == "user"
    assert path.stat().st_mode & 0o077 == 0
