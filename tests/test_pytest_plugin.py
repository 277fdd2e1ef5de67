"""The pytest plugin, in test runs of its own: it fails for the right reason, and only then."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points
from typing import Final

import pytest

from contextkit.lint.requests.guard import Guard, assert_append_only
from contextkit.lint.requests.rendered import rendered

pytest_plugins = ["pytester"]

APP: Final = """
import itertools, os
SYSTEM = "You are a careful engineer. Read before you write. " * 80
COUNT = itertools.count()

def ask(client, history, words, *, clock=False, mark=True, **more):
    history.append({"role": "user", "content": words})
    system = (f"Tick {next(COUNT)}. " if clock else "") + SYSTEM
    marks = {"cache_control": {"type": "ephemeral"}} if mark else {}
    kwargs = dict(model="claude-opus-5-5", max_tokens=50, system=system, messages=list(history), **marks) | more
    return kwargs if client is None else client.messages.create(**kwargs)

def told(history, message):
    history.append({"role": "assistant", "content": message.content[0].text})

def talk(client, turns=3, **more):
    history = []
    for n in range(turns):
        told(history, ask(client, history, f"Question {n}.", **more))
"""


@pytest.fixture
def run(pytester: pytest.Pytester) -> pytest.Pytester:
    """A project with a small application and the plugin."""
    pytester.makepyfile(app=APP)
    wired = any(point.name == "contextkit" for point in entry_points(group="pytest11"))
    plugin = "" if wired else "addopts = -p contextkit.pytest_plugin\n"
    pytester.makeini(f"[pytest]\n{plugin}asyncio_mode = auto\nasyncio_default_fixture_loop_scope = function\n")
    return pytester


def outcomes(run: pytest.Pytester, source: str, *options: str, **expected: int) -> str:
    """Run a test file; its output up to the closing summary, after its outcomes were compared.

    The summary repeats whole messages where `CI` is set and cuts them where it is not.
    """
    run.makepyfile(test_it=source)
    result = run.runpytest_subprocess("-p", "no:cacheprovider", *options)
    result.assert_outcomes(**expected)
    return result.stdout.str().partition("short test summary info")[0]


def test_a_stable_conversation_passes(run: pytest.Pytester) -> None:
    """Code that appends, through the sync and the async client, passes guard and marker."""
    outcomes(
        run,
        """
        import pytest
        from app import SYSTEM, ask, talk, told

        @pytest.mark.cache_stable(min_read=0.9)
        def test_sync(claude_client):
            talk(claude_client)

        def test_guarded(cache_guard, claude_emulator):
            claude_emulator.say("One.", "Two.")
            talk(claude_emulator.client(), turns=2)
            assert len(claude_emulator.requests) == 2

        @pytest.mark.cache_stable
        async def test_async(claude_async_client):
            history = []
            for n in range(3):
                history.append({"role": "user", "content": f"Question {n}."})
                answer = await claude_async_client.messages.create(
                    model="claude-opus-5-5", max_tokens=9, system=SYSTEM, messages=history,
                    cache_control={"type": "ephemeral"})
                told(history, answer)
        """,
        passed=3,
    )


def test_a_clock_in_the_system_prompt_fails(run: pytest.Pytester) -> None:
    """The guard fails the test itself, and shows place, byte and window of what changed."""
    said = outcomes(
        run,
        """
        from app import talk

        def test_clock(cache_guard, claude_client):
            talk(claude_client, clock=True)
        """,
        failed=1,
    )
    assert "request 1 at /system, byte 5 of the block: system-changed (CK310)" in said
    assert "was: Tick 0. You are" in said
    assert "now: Tick 1. You are" in said


def test_code_that_makes_its_own_client(run: pytest.Pytester) -> None:
    """Plain SDK code that reads ANTHROPIC_BASE_URL is watched over HTTP, in this process and in another."""
    said = outcomes(
        run,
        """
        import subprocess, sys
        from app import talk

        def test_own_client(cache_guard, claude_server):
            import anthropic
            talk(anthropic.Anthropic(), clock=True)

        def test_other_process(cache_guard, claude_server):
            code = "import anthropic, app; app.talk(anthropic.Anthropic(), clock=True)"
            subprocess.run([sys.executable, "-c", code], check=True)

        def test_healthy(cache_guard, claude_server):
            import anthropic
            talk(anthropic.Anthropic())
        """,
        passed=1,
        failed=2,
    )
    assert said.count("request 1 at /system, byte 5") == 2


def test_the_marker_asks_for_reads(run: pytest.Pytester) -> None:
    """Too little read, nothing marked, and nothing watched fail with their reason; time fails only the marker."""
    said = outcomes(
        run,
        """
        import pytest
        from app import ask, talk, told

        @pytest.mark.cache_stable
        def test_unmarked(claude_client):
            talk(claude_client, mark=False)

        @pytest.mark.cache_stable
        def test_silent():
            pass

        @pytest.mark.cache_stable(min_read=0.5)
        def test_one_request(claude_client):
            ask(claude_client, [], "Hello.")

        def late(client, emulator):
            history = []
            told(history, ask(client, history, "Question."))
            emulator.advance(400)
            ask(client, history, "Another one.")

        @pytest.mark.cache_stable(min_read=0.5)
        def test_expired(claude_client, claude_emulator):
            late(claude_client, claude_emulator)

        def test_expired_is_no_break(cache_guard, claude_client, claude_emulator):
            late(claude_client, claude_emulator)
        """,
        passed=1,
        failed=4,
    )
    for reason in (
        "nothing was cached: no request has a mark",
        "no request was watched",
        "none goes on from another",
        "0.0% of what could be read from the cache was read; at least 50% is asked for",
    ):
        assert reason in said


def test_small_prompts_are_judged_too(run: pytest.Pytester) -> None:
    """A prompt below the cacheable minimum breaks by the same rules, so that tests may be small."""
    said = outcomes(
        run,
        """
        from app import ask, told

        def test_small(cache_guard, claude_client):
            history = []
            told(history, ask(claude_client, history, "Hi.", system="At 1.", mark=False))
            ask(claude_client, history, "Again.", system="At 2.", mark=False)
        """,
        failed=1,
    )
    assert "request 1 at /system, byte 3" in said


def test_planned_rewrites(run: pytest.Pytester) -> None:
    """A rewrite inside `planned()` is a compaction; outside it fails."""
    source = """
        import contextlib
        import pytest
        from app import ask, told

        @pytest.mark.parametrize("planned", [True, False])
        def test_edit(cache_guard, claude_emulator, claude_client, planned):
            claude_emulator.say("One.", "Two.")
            history = []
            told(history, ask(claude_client, history, "Question."))
            told(history, ask(claude_client, history, "Another."))
            history[1] = {"role": "assistant", "content": "Changed."}
            with cache_guard.planned() if planned else contextlib.nullcontext():
                ask(claude_client, history, "A third.")
    """
    said = outcomes(run, source, passed=1, failed=1)
    assert "message-changed (CK315)" in said


def test_a_client_of_ones_own(run: pytest.Pytester) -> None:
    """The guard's middleware watches a client that talks to something else, sync and async."""
    said = outcomes(
        run,
        """
        import anthropic
        from contextkit.emulator import Emulator
        from app import SYSTEM, talk

        def test_sync(cache_guard):
            talk(Emulator(lambda _: "Fine.").client(middleware=[cache_guard.middleware]), clock=True)

        async def test_async(cache_guard):
            client = Emulator(lambda _: "Fine.").async_client(middleware=[cache_guard.middleware])
            for n in range(2):
                await client.messages.create(model="claude-opus-5-5", max_tokens=9, system=f"{n}" + SYSTEM,
                                             messages=[{"role": "user", "content": "Hi."}])

        def test_healthy(cache_guard):
            talk(Emulator(lambda _: "Fine.").client(middleware=[cache_guard.middleware]))
            assert cache_guard.share_read() > 0.9
        """,
        passed=1,
        failed=2,
    )
    assert said.count("system-changed (CK310)") >= 2


def test_append_only(run: pytest.Pytester) -> None:
    """The assertion takes bodies, keyword arguments and exchanges, as a function and as a fixture."""
    said = outcomes(
        run,
        """
        from contextkit.pytest_plugin import assert_append_only
        from app import ask, talk

        def bodies(**more):
            history, found = [], []
            for n in range(3):
                found.append(ask(None, history, f"Question {n}.", **more))
                history.append({"role": "assistant", "content": "Fine."})
            return found

        def test_bodies():
            assert_append_only(bodies())

        def test_without_marks(assert_append_only):
            assert_append_only(bodies(mark=False))

        def test_exchanges(claude_emulator):
            talk(claude_emulator.client())
            assert_append_only(claude_emulator.requests)

        def test_fails():
            assert_append_only(bodies(clock=True, mark=False))
        """,
        passed=3,
        failed=1,
    )
    assert "AssertionError: the prompt cache was broken (2 of 3 requests)" in said


SNAPSHOT: Final = """
    from app import SYSTEM, ask

    def test_prefix(prefix_snapshot):
        prefix_snapshot(ask(None, [], "Hello.", system=SYSTEM{more}))
"""


def test_prefix_snapshots(run: pytest.Pytester) -> None:
    """A snapshot is written, met again, and fails with the changed text, count and hash when the prompt changes."""
    outcomes(run, SNAPSHOT.format(more=""), "--snapshot-update", passed=1)
    stored = (run.path / "__snapshots__" / "test_it.ambr").read_text()
    assert "tokens (estimated)" in stored
    assert "price: write 5m $" in stored
    outcomes(run, SNAPSHOT.format(more=""), passed=1)
    said = outcomes(run, SNAPSHOT.format(more=' + "Be brief."'), failed=1)
    assert "Be brief." in said
    assert said.count("hash ") >= 2


def test_under_xdist(run: pytest.Pytester) -> None:
    """With two workers every test has an emulator of its own, and the one that breaks fails."""
    outcomes(
        run,
        """
        import pytest
        from app import talk

        @pytest.mark.cache_stable
        @pytest.mark.parametrize("clock", [False, True, False, False])
        def test_talk(claude_client, clock):
            talk(claude_client, clock=clock)
        """,
        "-n",
        "2",
        passed=3,
        failed=1,
    )


def test_a_failing_test_keeps_its_own_reason(run: pytest.Pytester) -> None:
    """Where the test itself fails, the guard adds nothing; unittest classes are guarded too."""
    said = outcomes(
        run,
        """
        import unittest
        import pytest
        from app import talk

        def test_fails(cache_guard, claude_client):
            talk(claude_client, clock=True)
            assert 1 == 2

        @pytest.mark.usefixtures("cache_guard")
        class TestCase(unittest.TestCase):
            @pytest.fixture(autouse=True)
            def _client(self, claude_client):
                self.client = claude_client

            def test_talk(self):
                talk(self.client)
        """,
        passed=1,
        failed=1,
    )
    assert "assert 1 == 2" in said
    assert "was broken" not in said


def test_loading_the_plugin_is_light() -> None:
    """Importing the plugin pulls in neither the SDK nor anything else of contextkit."""
    code = (
        "import sys, contextkit.pytest_plugin;"
        "print(sorted(name for name in sys.modules if name.startswith('contextkit.') or name in"
        " {'anthropic', 'pydantic', 'syrupy', 'httpx2', 'genai_prices'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout.strip() == "['contextkit.pytest_plugin']"


def test_a_guard_without_requests_is_content() -> None:
    """A guard that saw nothing has nothing to say, unless reads are asked for."""
    assert Guard().report() == ""
    assert "no request was watched" in Guard().report(min_read=0.9)
    assert_append_only([])


def test_rendered_hash_follows_the_prefix() -> None:
    """The rendered prefix leaves out what stands behind the last mark, and its hash changes with what is before it."""
    mark = {"type": "ephemeral"}
    system = [{"type": "text", "text": "Rules. " * 500, "cache_control": mark}]

    def body(words: str, **changes: object) -> dict[str, object]:
        messages = [{"role": "user", "content": words}]
        return {"model": "claude-opus-5-5", "max_tokens": 5, "system": system, "messages": messages, **changes}

    assert rendered(body("one")) == rendered(body("two", max_tokens=9))
    assert "one" not in rendered(body("one")).split("---")[1]
    other = rendered(body("one", thinking={"type": "adaptive"}))
    assert rendered(body("one")).splitlines()[1] != other.splitlines()[1]
    assert 'settings: {"thinking": {"type": "adaptive"}}' in other
    assert "price: not known" in rendered({**body("one"), "model": "claude-nova-9"})
