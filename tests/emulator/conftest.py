"""Builders: request bodies, and one call of an emulator without any HTTP."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Protocol

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from contextkit.emulator import Emulator

LONG = "The quick brown fox jumps over the lazy dog. " * 400


class Post(Protocol):
    """Sends a body; gives the status and the parsed answer."""

    def __call__(
        self, emulator: Emulator, body: Mapping[str, Any] | bytes, *betas: str, path: str = ..., **headers: str
    ) -> tuple[int, dict[str, Any]]:
        """Send."""


@pytest.fixture
def a_body() -> Callable[..., dict[str, Any]]:
    """A valid request with a cached system prompt of some thousand tokens; keywords replace or add fields."""

    def build(*messages: dict[str, Any] | str, **fields: Any) -> dict[str, Any]:
        given = [{"role": "user", "content": item} if isinstance(item, str) else item for item in messages]
        body = {
            "model": "claude-opus-5-5",
            "max_tokens": 1000,
            "system": [{"type": "text", "text": LONG, "cache_control": {"type": "ephemeral"}}],
            "messages": given or [{"role": "user", "content": "Hello."}],
            **fields,
        }
        return {name: value for name, value in body.items() if value is not None}

    return build


@pytest.fixture
def post() -> Post:
    """One call of the API, as the transport makes it."""

    def send(
        emulator: Emulator,
        body: Mapping[str, Any] | bytes,
        *betas: str,
        path: str = "/v1/messages",
        **headers: str,
    ) -> tuple[int, dict[str, Any]]:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {"x-api-key": "k", "anthropic-version": "2026-10-21", "anthropic-beta": ",".join(betas), **named}
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        answer = emulator.handle("POST", path, sent, data)
        return answer.status, json.loads(answer.body) if answer.body else {}

    return send
