"""`contextkit demo --live`, over HTTP to a local server: what it asks, what it says, and what it never loses."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import pytest

from contextkit.cli import main
from contextkit.demo.runs import NAMES
from contextkit.demo.script import script
from contextkit.emulator import Emulator, fault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

CREDENTIALS = (
    "ANTHROPIC_API_KEY",
    "ANTHROPIC_AUTH_TOKEN",
    "ANTHROPIC_PROFILE",
    "ANTHROPIC_CUSTOM_HEADERS",
    "ANTHROPIC_FEDERATION_RULE_ID",
    "ANTHROPIC_IDENTITY_TOKEN",
)
"""What the SDK looks at for a key (its client's docstring)."""

CALLS = 5


class Terminal(io.StringIO):
    """A stdin that somebody sits at."""

    def isatty(self) -> bool:
        """Somebody is there."""
        return True


def four_runs(wrong: Callable[[int], Any] = lambda _run: None) -> Callable[[Mapping[str, Any]], Any]:
    """The demo's script for every run that begins; from the second call of a run on, what `wrong` says of it."""
    state: dict[str, Any] = {"run": 0}

    def answer(body: Mapping[str, Any]) -> Any:
        if body.get("tools") and len(body["messages"]) == 1:
            state.update(run=state["run"] + 1, play=script(CALLS))
        elif (failure := wrong(state["run"])) is not None:
            return failure
        return state["play"](body)

    return answer


@pytest.fixture(autouse=True)
def no_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """No key but those that a test gives."""
    for name in CREDENTIALS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Emulator]]:
    """Makes the environment one with a key and a server that plays the script."""
    running = []

    def serve(source: Any) -> Emulator:
        emulator = Emulator(source)
        server = emulator.serve()
        running.append(server)
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
        monkeypatch.setenv("ANTHROPIC_API_KEY", "any")
        return emulator

    yield serve
    for server in running:
        server.close()


def live(*more: str) -> list[str]:
    """The words of a short live run."""
    return ["demo", "--live", "--calls", str(CALLS), *more]


def test_without_a_key_it_says_so_and_asks_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """An error with a way out, and exit status 2, before any question about money."""
    assert main(live("--yes")) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "there is no API key" in shown.err
    assert "USD" not in shown.err


def test_credentials_that_cannot_be_read_are_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A profile that the environment names and that is not there: the SDK's own words, and exit status 2."""
    monkeypatch.setenv("ANTHROPIC_PROFILE", "nope")
    assert main(live("--yes")) == 2
    assert "nope" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "value"), [("ANTHROPIC_AUTH_TOKEN", "t"), ("ANTHROPIC_CUSTOM_HEADERS", "X-Api-Key: k")]
)
def test_any_credential_that_the_sdk_sends_will_do(
    name: str, value: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The question comes, whichever way the key is given."""
    monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert main(live()) == 1
    assert "USD" in capsys.readouterr().err


def test_without_a_terminal_it_says_what_is_missing(
    served: Callable[..., Emulator], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bound, then why nothing was sent and how to agree; exit status 1."""
    emulator = served([])
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    assert main(live()) == 1
    err = capsys.readouterr().err
    assert "at most" in err
    assert "--yes" in err
    assert not emulator.requests


@pytest.mark.parametrize("answer", ["n\n", "\n", ""])
def test_anything_but_a_yes_sends_nothing(
    answer: str,
    served: Callable[..., Emulator],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A no, an empty line, the end of input: exit status 1, and it says that nothing was sent."""
    emulator = served([])
    monkeypatch.setattr("sys.stdin", Terminal(answer))
    assert main(live("--json")) == 1
    shown = capsys.readouterr()
    assert "Nothing was sent." in shown.err
    assert shown.out == ""
    assert not emulator.requests


def test_a_yes_runs_all_four(
    served: Callable[..., Emulator], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same form as the emulated comparison, and nothing but JSON on stdout."""
    served(four_runs())
    monkeypatch.setattr("sys.stdin", Terminal("y\n"))
    assert main(live("--json")) == 0
    said = json.loads(capsys.readouterr().out)
    assert list(said) == ["model", "runs"]
    assert [run["name"] for run in said["runs"]] == list(NAMES)
    assert all(run["calls"] == CALLS and run["cost_usd"] for run in said["runs"])


FAULTS = [
    (fault(401, message="invalid x-api-key"), "AuthenticationError"),
    (fault(429, message="slow down", headers={"x-should-retry": "false"}), "RateLimitError"),
    (fault(529, headers={"x-should-retry": "false"}), "OverloadedError"),
]


@pytest.mark.parametrize(("failure", "name"), FAULTS)
def test_an_error_of_the_api_loses_no_finished_run(
    failure: Any, name: str, served: Callable[..., Emulator], capsys: pytest.CaptureFixture[str]
) -> None:
    """In the third run: the two that were paid for are shown, then the error and what its run has cost."""
    served(four_runs(lambda run: failure if run == 3 else None))
    assert main(live("--yes")) == 2
    shown = capsys.readouterr()
    assert "none" in shown.out
    assert "automatic" in shown.out
    assert "Billed by the real API." in shown.out
    assert f"the run 'sliding' ended early: {name}" in shown.err
    assert "Its 1 answered calls cost 0.0" in shown.err
    assert "Traceback" not in shown.err


def test_json_holds_the_finished_runs_and_the_error(
    served: Callable[..., Emulator], capsys: pytest.CaptureFixture[str]
) -> None:
    """A program that reads stdout gets both; with no run finished, an empty list."""
    served(four_runs(lambda run: fault(401) if run == 4 else None))
    assert main(live("--yes", "--json")) == 2
    said = json.loads(capsys.readouterr().out)
    assert [run["name"] for run in said["runs"]] == ["none", "automatic", "sliding"]
    assert "AuthenticationError" in said["error"]
    served(lambda _: fault(401))
    assert main(live("--yes", "--json")) == 2
    said = json.loads(capsys.readouterr().out)
    assert said["runs"] == []
    assert "'none'" in said["error"]


def test_no_network_is_an_error_like_any_other(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody listens: the SDK's connection error, no table, exit status 2."""
    with Emulator([]).serve() as gone:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", gone.url)
    monkeypatch.setenv("ANTHROPIC_API_KEY", "any")
    assert main(live("--yes")) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "APIConnectionError" in shown.err
