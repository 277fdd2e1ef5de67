"""A request is a value: the same value, the same bytes."""

from __future__ import annotations

import json
from typing import Any

from contextkit.api.facts import TRANSPORT_PARAMS
from contextkit.api.request import Abandoned, Ask, Reply, Request

PARAMS: dict[str, Any] = {"model": "claude-opus-5", "max_tokens": 5, "messages": [{"role": "user", "content": "é"}]}


def test_bytes_are_the_body_without_transport_options() -> None:
    """What steers the SDK is not part of what is sent, and the same value has the same bytes."""
    steering = dict.fromkeys(TRANSPORT_PARAMS, 1)
    request = Request({**PARAMS, **steering})
    assert request.model == "claude-opus-5"
    assert json.loads(bytes(request)) == request.body() == PARAMS
    assert bytes(request) == bytes(Request(dict(PARAMS)))
    assert "é".encode() in bytes(request)


def test_asks_and_replies_are_values() -> None:
    """An Ask compares by what is asked; the callable that would do it is not part of that."""
    request = Request(PARAMS)
    assert Ask("summary", request) == Ask("summary", request, call=str.upper)
    assert Ask("summary", request) != Ask("turn", request)
    assert Reply(text="x") == Reply(text="x")


def test_abandoned_carries_what_had_arrived() -> None:
    """A driver's word to the flow that its answer will not be whole."""
    assert Abandoned("part").message == "part"
    assert Abandoned(None).message is None
