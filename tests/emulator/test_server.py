"""The emulator over HTTP, with the SDK and with bare sockets."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Callable, Iterator
from typing import Any

import anthropic
import httpx2
import pytest

from contextkit.emulator import Emulator, broken, connection_error, fault, reply, timeout
from contextkit.emulator.server import RealClock, Served
from contextkit.errors import ConfigError

Body = Callable[..., dict[str, Any]]
Serve = Callable[..., Served]

HEADERS = {"x-api-key": "k", "anthropic-version": "2026-10-21", "content-type": "application/json"}


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Serves a script on a free port until the test ends."""
    running: list[Served] = []

    def start(script: Any = None, **options: Any) -> Served:
        running.append(Emulator(script, **options).serve())
        return running[-1]

    yield start
    for served in running:
        served.close()


def sdk(served: Served, **options: Any) -> anthropic.Anthropic:
    """The SDK as any program would make it."""
    return anthropic.Anthropic(api_key="any", base_url=served.url, **options)


def ask(served: Served, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
    """One request without the SDK."""
    link = http.client.HTTPConnection("127.0.0.1", served.port, timeout=10)
    try:
        link.request(method, path, None if body is None else json.dumps(body), {**HEADERS, **headers})
        answer = link.getresponse()
        return answer.status, json.loads(answer.read() or b"null")
    finally:
        link.close()


def test_the_sdk_talks_to_it(serve: Serve, a_body: Body) -> None:
    """Plain and streamed calls, with the cache at work, and batches through their results' address."""
    served = serve(lambda _: "a reply that is long enough for several deltas")
    with sdk(served) as client:
        first = client.messages.create(**a_body())
        with client.messages.stream(**a_body()) as stream:
            pieces = list(stream.text_stream)
            final = stream.get_final_message()
        assert len(pieces) > 1
        assert final.usage.cache_read_input_tokens == first.usage.cache_creation_input_tokens
        item: Any = {"custom_id": "a", "params": a_body()}
        batch = client.messages.batches.create(requests=[item])
        client.messages.batches.retrieve(batch.id)
        assert [line.result.type for line in client.messages.batches.results(batch.id)] == ["succeeded"]


def test_events_arrive_one_by_one(serve: Serve, a_body: Body) -> None:
    """A stream is sent in chunks as it goes, over one connection that stays usable."""
    served = serve(lambda _: "text of some length, in pieces")
    link = http.client.HTTPConnection("127.0.0.1", served.port, timeout=10)
    for _ in range(2):
        link.request("POST", "/v1/messages", json.dumps(a_body(stream=True)), HEADERS)
        answer = link.getresponse()
        assert answer.getheader("transfer-encoding") == "chunked"
        assert answer.getheader("request-id")
        names = [line.split(b": ")[1].strip() for line in answer.read().splitlines() if line.startswith(b"event:")]
        assert names[0] == b"message_start"
        assert names[-1] == b"message_stop"
    link.close()


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (fault(529), anthropic.InternalServerError),
        (connection_error(), anthropic.APIConnectionError),
        (broken("text", after=2), anthropic.APIConnectionError),
        (timeout(), anthropic.APITimeoutError),
    ],
)
def test_failures_reach_the_client(serve: Serve, a_body: Body, failure: Any, kind: type[Exception]) -> None:
    """Over a real socket the SDK raises the same errors as in the process."""
    served = serve([failure, "fine"])
    with sdk(served, max_retries=0, timeout=httpx2.Timeout(5, read=0.3)) as client:
        with pytest.raises(kind):
            client.messages.create(**a_body())
        assert client.messages.create(**a_body()).content


def test_a_broken_stream_is_cut(serve: Serve, a_body: Body) -> None:
    """The events before the break arrive, then the connection ends without the last chunk."""
    served = serve([broken("text of some length", after=4)])
    with sdk(served, max_retries=0) as client:
        stream = client.messages.create(**a_body(stream=True))
        with pytest.raises(httpx2.RemoteProtocolError):
            list(stream)


def test_the_clock_can_be_seen_and_moved(serve: Serve, a_body: Body) -> None:
    """A POST to `/_emulator/clock` moves a virtual clock; the cache follows."""
    served = serve(lambda _: "ok")
    ask(served, "POST", "/v1/messages", a_body())
    before = ask(served, "GET", "/_emulator/clock")[1]["now"]
    assert ask(served, "POST", "/_emulator/clock", {"advance": 301}) == (200, {"now": before + 301})
    usage = ask(served, "POST", "/v1/messages", a_body())[1]["usage"]
    assert usage["cache_read_input_tokens"] == 0
    assert ask(served, "POST", "/_emulator/clock", {"advance": -1})[0] == 400
    assert ask(served, "POST", "/_emulator/clock", {"advance": "1"})[0] == 400
    assert ask(served, "GET", "/_emulator/nothing")[0] == 404


def test_a_real_clock_cannot_be_moved(serve: Serve) -> None:
    """It is the machine's, and says so."""
    status, answer = ask(serve(clock=RealClock()), "POST", "/_emulator/clock", {"advance": 1})
    assert status == 400
    assert "machine's own" in answer["error"]["message"]


def test_the_log_can_be_read(serve: Serve, a_body: Body) -> None:
    """`/_emulator/requests` shows what arrived with its bill, and no key."""
    served = serve([reply("ok")])
    ask(served, "POST", "/v1/messages", a_body())
    status, (seen,) = ask(served, "GET", "/_emulator/requests")
    assert status == 200
    assert seen["bill"]["write_5m"] > 0
    assert seen["headers"]["x-api-key"] == "***"


def test_only_this_machine_is_served(serve: Serve) -> None:
    """It listens on loopback, and a web page under another name is refused."""
    served = serve(["ok"])
    assert served.url.startswith("http://127.0.0.1:")
    assert ask(served, "GET", "/v1/models", host="evil.example")[0] == 403
    assert ask(served, "POST", "/_emulator/clock", {"advance": 1}, origin="https://evil.example")[0] == 403
    for name in ("localhost", "127.0.0.1", "[::1]"):
        assert ask(served, "GET", "/v1/models", host=f"{name}:{served.port}", origin=f"http://{name}:3000")[0] == 200


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"content-length: 99999999999", b"413"),
        (b"content-length: minus", b"400"),
        (b"content-length: -5", b"400"),
        (b"transfer-encoding: chunked\r\n\r\nZZZ", b"400"),
    ],
)
def test_a_body_is_not_read_without_limit(serve: Serve, head: bytes, status: bytes) -> None:
    """A length that is too large or no number is answered before anything is read."""
    with socket.create_connection(("127.0.0.1", serve().port), timeout=5) as link:
        link.sendall(b"POST /v1/messages HTTP/1.1\r\nhost: localhost\r\nx-api-key: k\r\n" + head + b"\r\n\r\n")
        assert link.recv(4096).split()[1] == status


def test_a_chunked_request_is_read(serve: Serve, a_body: Body) -> None:
    """Clients that send their body in chunks are understood."""
    served = serve(["ok"])
    data = json.dumps(a_body()).encode()
    link = http.client.HTTPConnection("127.0.0.1", served.port, timeout=5)
    link.request("POST", "/v1/messages", iter([data[:100], data[100:]]), HEADERS, encode_chunked=True)
    assert link.getresponse().status == 200
    link.close()


def test_a_taken_port_is_a_clear_error(serve: Serve) -> None:
    """The error names the port and the way out."""
    with pytest.raises(ConfigError, match="cannot be had"):
        Emulator().serve(serve().port)
    with pytest.raises(ConfigError):
        Emulator().serve(70_000)
