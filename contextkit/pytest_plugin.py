"""Fixtures for tests of code that calls Claude: an emulated API, a guard of the prompt cache, prefix snapshots.

Law: fixtures only, no logic. pytest loads this module in every run of every project it is installed in, so it imports
nothing; what a test uses is imported when it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator

    from anthropic import Anthropic, AsyncAnthropic

    from contextkit.emulator.server import Served
    from contextkit.emulator.stage import Stage
    from contextkit.lint.requests.guard import Guard

__all__ = ["assert_append_only"]

_MARKER = "cache_stable"


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker."""
    config.addinivalue_line(
        "markers",
        f"{_MARKER}(min_read=0.9): fail when the test's Claude requests break the prompt cache, or when less than"
        " this share of what could be read from it was read",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A marked test uses the guard."""
    for item in items:
        names = getattr(item, "fixturenames", None)
        if names is not None and item.get_closest_marker(_MARKER) and "cache_guard" not in names:
            names.append("cache_guard")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """After the test, the guard says what is wrong: it is the test that fails, not its teardown."""
    done = yield
    guard = getattr(item, "funcargs", {}).get("cache_guard")
    if guard is not None:
        marker = item.get_closest_marker(_MARKER)
        least = None if marker is None else marker.kwargs.get("min_read", marker.args[0] if marker.args else 0.9)
        report = guard.report(min_read=least)
        if report:
            pytest.fail(report, pytrace=False)
    return done


@pytest.fixture
def claude_emulator() -> Stage:
    """A Messages API in this process that bills like the real prompt cache.

    `say(...)` queues what the model answers, `client()` and `async_client()` give real SDK clients, `advance(seconds)`
    moves the clock, `requests` holds everything that arrived.
    """
    from contextkit.emulator.stage import Stage  # noqa: PLC0415

    return Stage()


@pytest.fixture
def claude_client(claude_emulator: Stage) -> Anthropic:
    """A real SDK client that talks to `claude_emulator`; it does not retry."""
    return claude_emulator.client(max_retries=0)


@pytest.fixture
def claude_async_client(claude_emulator: Stage) -> AsyncAnthropic:
    """A real async SDK client that talks to `claude_emulator`; it does not retry."""
    return claude_emulator.async_client(max_retries=0)


@pytest.fixture
def claude_server(claude_emulator: Stage, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """`claude_emulator` on a loopback port; ANTHROPIC_BASE_URL and a key are set for code that makes its own client."""
    with claude_emulator.serve() as served:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", served.url)
        monkeypatch.setenv("ANTHROPIC_API_KEY", "emulated")
        monkeypatch.delenv("ANTHROPIC_AUTH_TOKEN", raising=False)
        yield served


@pytest.fixture
def cache_guard(claude_emulator: Stage) -> Guard:
    """Fails the test when its requests break the prompt cache, with cause, byte offset and window.

    It sees everything that reaches `claude_emulator`, over HTTP too; give other clients its `middleware`. With
    `planned()` around a call, a rewritten history is a compaction and no failure.
    """
    from contextkit.lint.requests.guard import Guard  # noqa: PLC0415

    guard = Guard()
    guard.watch(claude_emulator)
    return guard


@pytest.fixture
def prefix_snapshot(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Compares a request's cacheable prefix with its stored snapshot (syrupy): text, token count, hash and price."""
    try:
        snapshot = request.getfixturevalue("snapshot")
    except pytest.FixtureLookupError:
        raise pytest.UsageError("prefix_snapshot needs syrupy: install the extra `pytest`, or syrupy") from None

    def check(body: Any, name: str | None = None) -> None:
        """Fail unless the prefix of `body` is what the snapshot says; `name` tells several in one test apart."""
        from contextkit.lint.requests.rendered import rendered  # noqa: PLC0415

        assert rendered(body) == (snapshot if name is None else snapshot(name=name))  # noqa: S101  (a pytest plugin)

    return check


def assert_append_only(requests: Iterable[Any]) -> None:
    """Fail unless every request only appends to the one it goes on from.

    Args:
        requests: bodies or keyword arguments of `messages.create`, or `claude_emulator.requests`, oldest first.

    Raises:
        AssertionError: what changed, with place, byte and window.
    """
    from contextkit.lint.requests.guard import assert_append_only as check  # noqa: PLC0415

    __tracebackhide__ = True
    check(requests)


@pytest.fixture(name="assert_append_only")
def _assert_append_only() -> Callable[[Iterable[Any]], None]:
    """The function of this name."""
    return assert_append_only
