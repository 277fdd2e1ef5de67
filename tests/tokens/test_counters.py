from __future__ import annotations

from typing import Any

import pytest

from contextkit.errors import ConfigError
from contextkit.tokens import count
from contextkit.tokens.counters import PIECE, ApiCounter, EstimateCounter, TextCounter, named, vocabulary

BODY: dict[str, Any] = {
    "model": "claude-sonnet-4-5",
    "messages": [{"role": "user", "content": "hello"}],
    "max_tokens": 9,
}


class RefusedError(Exception):
    """What an SDK raises on a status."""

    def __init__(self, status: int, headers: dict[str, str] | None = None) -> None:
        super().__init__(status)
        self.status_code = status
        self.response = type("Response", (), {"headers": headers or {}})()


class Client:
    """A client whose count_tokens follows a script: a number is an answer, an exception is raised."""

    def __init__(self, *script: int | Exception) -> None:
        self.script = list(script)
        self.asked: list[dict[str, Any]] = []
        self.messages = self

    def count_tokens(self, **body: Any) -> dict[str, int]:
        """The next step of the script."""
        self.asked.append(body)
        step = self.script.pop(0)
        if isinstance(step, Exception):
            raise step
        return {"input_tokens": step}


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """The time it was set to."""
        return self.now


def test_the_api_is_asked_once_for_a_body() -> None:
    """The same body, in any order of keys the API does not see, is counted from memory."""
    client = Client(42)
    counter = ApiCounter(client)
    first = counter.count(BODY)
    again = counter.count({**BODY, "max_tokens": 1})
    assert (first.tokens, first.low, first.high, first.counter) == (42, 42, 42, "count_tokens")
    assert again == first
    assert client.asked == [{"model": "claude-sonnet-4-5", "messages": BODY["messages"]}]


def test_after_a_429_the_estimate_answers_until_the_pause_is_over() -> None:
    """retry-after is kept by the clock that came in; nothing is asked meanwhile."""
    client, clock = Client(RefusedError(429, {"retry-after": "7"}), 42), Clock()
    counter = ApiCounter(client, clock=clock)
    assert counter.count(BODY).counter == "estimate"
    clock.now = 6.9
    assert counter.count(BODY).counter == "estimate"
    assert len(client.asked) == 1
    clock.now = 7.0
    assert counter.count(BODY).tokens == 42


def test_without_retry_after_the_pause_doubles() -> None:
    """Two refusals in a row pause for one second, then for two."""
    client, clock = Client(RefusedError(429), RefusedError(429), 42), Clock()
    counter = ApiCounter(client, clock=clock)
    asked = []
    for clock.now in (0.0, 0.9, 1.0, 2.9, 3.0):
        counter.count(BODY)
        asked.append(len(client.asked))
    assert asked == [1, 1, 2, 2, 3]


def test_any_other_error_falls_back_to_the_estimate() -> None:
    """A count is never worth a turn: errors of the client give the estimate, and the next call asks again."""
    counter = ApiCounter(Client(RefusedError(500), OSError("down"), 42))
    assert [counter.count(BODY).counter for _ in range(3)] == ["estimate", "estimate", "count_tokens"]


async def test_an_async_client_is_asked_the_same_way() -> None:
    """`acount` awaits the client, remembers the answer and falls back like `count`."""

    class Async(Client):
        async def count_tokens(self, **body: Any) -> dict[str, int]:  # type: ignore[override]
            """The next step of the script, awaited."""
            return super().count_tokens(**body)

    counter = ApiCounter(Async(RefusedError(500), 42))
    found = [(await counter.acount(BODY)).counter for _ in range(3)]
    assert found == ["estimate", "count_tokens", "count_tokens"]


def test_the_sdk_does_not_sleep_and_sees_a_full_name() -> None:
    """The real SDK's call takes what is sent, without its own retries, and aliases are resolved."""

    class Options(Client):
        retries: int | None = None

        def with_options(self, *, max_retries: int) -> Options:
            """As the SDK's client."""
            self.retries = max_retries
            return self

    client = Options(42)
    assert ApiCounter(client).count(BODY, "haiku").tokens == 42
    assert client.asked[0]["model"] == "claude-haiku-5-5"
    assert client.retries == 0


def test_memory_is_bounded() -> None:
    """The oldest answers are forgotten first."""
    client = Client(1, 2, 3)
    counter = ApiCounter(client, keep=1)
    other = {**BODY, "system": "s"}
    assert [counter.count(body).tokens for body in (BODY, other, other, BODY)] == [1, 2, 2, 3]


def test_a_tokenizer_is_given_pieces() -> None:
    """No piece is longer than `PIECE`, and the pieces add up to the text."""
    seen: list[int] = []

    def length(text: str, _: str) -> int:
        seen.append(len(text))
        return len(text)

    body = {"model": "claude-opus-4-5", "messages": [{"role": "user", "content": "x" * (2 * PIECE + 1)}]}
    found = TextCounter("letters", length, band=0.1).count(body)
    assert seen == [PIECE, PIECE, 1]
    assert found.counter == "letters"
    assert found.low < 2 * PIECE + 1 < found.tokens < found.high


class Panic(BaseException):
    """Like pyo3's PanicException: no Exception."""


def test_a_panic_falls_back_to_our_own_count() -> None:
    """A tokenizer that panics costs precision, not the turn."""

    def panic(text: str, _: str) -> int:
        raise Panic

    assert TextCounter("bad", panic, band=0.1).count(BODY).tokens == count(BODY).tokens


def test_a_keyboard_interrupt_is_not_swallowed() -> None:
    """Ctrl-C inside a tokenizer still stops the program."""

    def interrupted(text: str, _: str) -> int:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        TextCounter("slow", interrupted, band=0.1).count(BODY)


def test_tiktoken_never_goes_to_the_network(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a vocabulary on disk, or with a torn one, there is no counter and nothing is fetched."""
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    assert vocabulary() is None
    for name in ("9b5ad71b2ce5302211f9c61530b329a4922fc6a4", "torn"):
        (tmp_path / name).write_bytes(b"torn")
    assert vocabulary() is None
    assert (tmp_path / "9b5ad71b2ce5302211f9c61530b329a4922fc6a4").read_bytes() == b"torn"
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", "")
    assert vocabulary() is None
    with pytest.raises(ConfigError, match="not on disk"):
        named("tiktoken")


def test_counters_are_chosen_by_name() -> None:
    """The default is the estimate; an unknown name says which there are."""
    assert isinstance(named("estimate"), EstimateCounter)
    assert count(BODY, counter=named("estimate")) == count(BODY)
    with pytest.raises(ConfigError, match="unknown counter"):
        named("guess")
