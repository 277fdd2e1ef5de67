"""Tasks become rungs; what names no model is refused; account errors are not worth a climb."""

from __future__ import annotations

from typing import Any

import anthropic
import httpx2
import pytest

from contextkit.errors import ConfigError
from contextkit.route import Rung, climbs, rungs_of

LADDER = rungs_of(["haiku", "sonnet", "opus"])


def models(*given: Any) -> list[str]:
    """The ids of a task's rungs."""
    return [rung.model for rung in rungs_of(*given)]


def test_aliases_are_resolved_by_the_dated_table() -> None:
    """Short names and ids, of any platform, become what is sent."""
    assert models("haiku") == ["claude-haiku-5-5"]
    assert models(["us.anthropic.claude-sonnet-5-5", "opus"]) == ["us.anthropic.claude-sonnet-5-5", "claude-opus-5-5"]
    assert models("my-own-model") == ["my-own-model"]


def test_a_name_climbs_from_its_place() -> None:
    """A model of the common ladder goes on with those above it; another stays alone; a sequence is its own ladder."""
    assert models("sonnet", LADDER) == ["claude-sonnet-5-5", "claude-opus-5-5"]
    assert models("fable", LADDER) == ["claude-fable-5-2"]
    assert models(["haiku", "opus"], LADDER) == ["claude-haiku-5-5", "claude-opus-5-5"]
    own = Rung("haiku", max_tokens=50)
    assert rungs_of(own, LADDER) == (own, *LADDER[1:])


@pytest.mark.parametrize("given", ["hiaku", "", [], None, {"haiku": 1}, 7, ["haiku", "claude-haiku-5-5"]])
def test_what_names_no_model(given: Any) -> None:
    """A typo in a short name is found where it is written, not by a bill."""
    with pytest.raises(ConfigError):
        rungs_of(given)


def an_error(status: int) -> anthropic.APIStatusError:
    """The SDK's own error of a status."""
    response = httpx2.Response(status, request=httpx2.Request("POST", "https://api.anthropic.com"))
    return anthropic.APIStatusError("no", response=response, body=None)


def test_which_errors_are_worth_a_climb() -> None:
    """All of the API's but key and billing, and connections; not errors of the program."""
    assert all(climbs(an_error(status)) for status in (400, 403, 404, 413, 429, 500, 529))
    assert not any(climbs(an_error(status)) for status in (401, 402))
    request = httpx2.Request("POST", "https://api.anthropic.com")
    assert climbs(anthropic.APIConnectionError(request=request))
    assert climbs(anthropic.APITimeoutError(request=request))
    assert not climbs(ConfigError("wrong"))
    assert not climbs(TypeError("wrong"))
