"""Counters by choice: the API's own count, tiktoken when its vocabulary is on disk, ctok when it is installed.

The law: a counter answers or falls back to the estimate, it never stops a turn; the network is used by the API
counter alone, never by tiktoken; time comes in from outside. Heavy libraries are imported where they are used.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Final, Protocol

from contextkit.api import facts
from contextkit.errors import ConfigError
from contextkit.tokens.content import as_json
from contextkit.tokens.estimate import Estimate, estimate_request, request_tokens
from contextkit.tokens.rates import RATES, Rates, family_of

__all__ = ["ApiCounter", "EstimateCounter", "TextCounter", "TokenCounter", "ctok", "named", "tiktoken", "vocabulary"]

PIECE: Final = 100_000
"""Characters given to a tokenizer at a time: long inputs make tiktoken slow and, past a limit, panic."""

_COUNTED: Final = ("messages", "system", "tools", "tool_choice", "thinking", "output_config", "output_format")
"""Fields of a request body that `count_tokens` takes beside the model (SDK 2.12.0)."""

_ENCODINGS: Final = "https://openaipublic.blob.core.windows.net/encodings/"
_VOCABULARIES: Final = {
    "cl100k_base": "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
    "o200k_base": "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
}
"""SHA-256 of each vocabulary file (tiktoken_ext/openai_public.py 0.14). tiktoken keeps a file under the SHA-1 of its
address and, when the content is not the expected one, deletes it and fetches it: so the content is checked first."""

_TIKTOKEN_RATIO: Final = {"classic": 1.15, "2026": 1.5}
"""Claude's tokens against cl100k (measured.md: cl100k x 1.15 plus structure, 6.4 %; newer tokenizer 1.3 times more)."""

_TIKTOKEN_BAND: Final = 0.15
_CTOK_BAND: Final = 0.05
_CTOK_VERSIONS: Final[dict[facts.Family, str]] = {"classic": "3.0", "2026": "4.8"}
"""ctok's families (its README, 1.3.0); it counts the frame of one message too, which is taken off again."""


class TokenCounter(Protocol):
    """Counts a request body."""

    def count(self, body: Mapping[str, Any], model: str | None = None) -> Estimate:
        """Tokens of the body's prompt; never raises for the sake of the content."""
        ...


class EstimateCounter:
    """The default counter: `contextkit.tokens.estimate`."""

    def count(self, body: Mapping[str, Any], model: str | None = None) -> Estimate:
        """The estimate with its band."""
        return estimate_request(body, model)


class ApiCounter:
    """`messages.count_tokens` of any SDK client; each body is asked for once.

    Args:
        client: an `anthropic.Anthropic` or anything with `messages.count_tokens(**body)`.
        clock: seconds, monotonic, from outside (`time.monotonic`); without it no pause is kept after a refusal.
        keep: how many answers are remembered.

    After a 429 nothing is asked until its `retry-after` (else a doubling pause from one second to a minute) is over;
    until then, and on any other error of the client, the estimate answers.
    """

    def __init__(self, client: Any, *, clock: Callable[[], float] | None = None, keep: int = 4096) -> None:
        options = getattr(client, "with_options", None)
        # The SDK would sleep through its own retries; here the estimate answers at once.
        self._client = options(max_retries=0) if callable(options) else client
        self._clock = clock
        self._keep = keep
        self._known: OrderedDict[bytes, int] = OrderedDict()
        self._until = 0.0
        self._pause = 1.0

    def count(self, body: Mapping[str, Any], model: str | None = None) -> Estimate:
        """The API's count, from memory if it was asked before; the estimate where it cannot be had."""
        asked = _question(body, model)
        key = _key(asked)
        tokens = self._known.get(key)
        if tokens is None and self._may_ask():
            try:
                tokens = _answered(self._client.messages.count_tokens(**asked))
            except Exception as error:  # noqa: BLE001  (whatever the client raises, a count is not worth a turn)
                self._refused(error)
        return self._estimate(key, tokens, body, model)

    async def acount(self, body: Mapping[str, Any], model: str | None = None) -> Estimate:
        """`count` for an async client."""
        asked = _question(body, model)
        key = _key(asked)
        tokens = self._known.get(key)
        if tokens is None and self._may_ask():
            try:
                tokens = _answered(await self._client.messages.count_tokens(**asked))
            except Exception as error:  # noqa: BLE001  (as in `count`)
                self._refused(error)
        return self._estimate(key, tokens, body, model)

    def _may_ask(self) -> bool:
        return self._clock is None or self._clock() >= self._until

    def _refused(self, error: Exception) -> None:
        if getattr(error, "status_code", None) == 429:  # noqa: PLR2004  (HTTP: too many requests)
            now = self._clock() if self._clock else 0.0
            self._until = now + _retry_after(error, self._pause)
            self._pause = min(self._pause * 2, 60.0)

    def _estimate(self, key: bytes, tokens: int | None, body: Mapping[str, Any], model: str | None) -> Estimate:
        if tokens is None:
            return estimate_request(body, model)
        if key not in self._known:
            self._pause = 1.0
        self._known[key] = tokens
        self._known.move_to_end(key)
        if len(self._known) > self._keep:
            self._known.popitem(last=False)
        return Estimate(tokens, tokens, tokens, "count_tokens")


def _question(body: Mapping[str, Any], model: str | None) -> dict[str, Any]:
    """What `count_tokens` is called with: the fields it takes, the model's full name."""
    name = model or body.get("model")
    asked = {key: body[key] for key in _COUNTED if key in body}
    return asked | {"model": facts.resolve(name) if isinstance(name, str) else name}


def _key(asked: Mapping[str, Any]) -> bytes:
    return hashlib.blake2b(as_json(asked).encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _answered(answer: Any) -> int:
    return int(answer["input_tokens"] if isinstance(answer, Mapping) else answer.input_tokens)


def _retry_after(error: Exception, default: float) -> float:
    """Seconds the server asks for; `default` where it does not say."""
    headers = getattr(getattr(error, "response", None), "headers", None)
    try:
        return max(0.0, float(headers["retry-after"])) if headers else default
    except (KeyError, TypeError, ValueError):
        return default


@dataclass(frozen=True)
class _Counted(Rates):
    """Rates whose text is counted by somebody else's tokenizer; structure stays ours."""

    count_text: Callable[[str], int]
    ratio: float

    def text(self, text: str) -> float:
        """The tokenizer's count by pieces, scaled; our own where it fails."""
        total = 0
        for begin in range(0, len(text), PIECE):
            try:
                total += self.count_text(text[begin : begin + PIECE])
            except (KeyboardInterrupt, SystemExit):
                raise
            except BaseException:  # noqa: BLE001  (pyo3's PanicException is a BaseException)
                return Rates.text(self, text)
        return total * self.ratio


class TextCounter:
    """A counter made of a function from text to tokens; structure and media are estimated as always.

    Args:
        name: what `Estimate.counter` says.
        count_text: tokens of a text by tokenizer family; given pieces of at most `PIECE` characters.
        ratio: Claude's tokens a counted token, by tokenizer family; 1 where it is not named.
        band: relative error of the result.
    """

    def __init__(
        self,
        name: str,
        count_text: Callable[[str, facts.Family], int],
        *,
        ratio: Mapping[str, float] | None = None,
        band: float,
    ) -> None:
        self._name = name
        self._count = count_text
        self._ratio = ratio or {}
        self._band = band

    def count(self, body: Mapping[str, Any], model: str | None = None) -> Estimate:
        """Text by the tokenizer, everything else by the estimator."""
        name = model or (body["model"] if isinstance(body.get("model"), str) else None)
        family = family_of(name)
        own = RATES[family]
        ratio = self._ratio.get(family, 1.0)
        rates = _Counted(own.weights, own.cost, own.cells, lambda text: self._count(text, family), ratio)
        tokens = request_tokens(body, name, rates)
        return Estimate(
            round(tokens), int(tokens * (1 - self._band)), round(tokens * (1 + self._band) + 0.5), self._name
        )


def _on_disk(name: str) -> bool:
    """Whether tiktoken would find the vocabulary without the network."""
    folder = os.environ.get("TIKTOKEN_CACHE_DIR", os.environ.get("DATA_GYM_CACHE_DIR"))
    if folder == "":
        return False  # an empty name switches tiktoken's cache off: it would download every time
    base = Path(folder) if folder else Path(tempfile.gettempdir()) / "data-gym-cache"
    address = f"{_ENCODINGS}{name}.tiktoken"
    try:
        content = (base / hashlib.sha1(address.encode()).hexdigest()).read_bytes()  # noqa: S324  (a file name)
    except OSError:
        return False
    return hashlib.sha256(content).hexdigest() == _VOCABULARIES[name]


def vocabulary(name: str = "cl100k_base") -> Callable[[str], int] | None:
    """Tokens of a text by tiktoken; None when the vocabulary is not on disk or tiktoken is not installed."""
    if name not in _VOCABULARIES or not _on_disk(name):
        return None
    try:
        import tiktoken as library  # noqa: PLC0415  (heavy, and optional)

        encoding = library.get_encoding(name)
    except Exception:  # noqa: BLE001  (a torn vocabulary file raises what it likes)
        return None

    def count_text(text: str) -> int:
        pieces = (text[begin : begin + PIECE] for begin in range(0, len(text), PIECE))
        return sum(len(encoding.encode_ordinary(piece)) for piece in pieces)

    return count_text


def tiktoken(name: str = "cl100k_base") -> TextCounter:
    """A counter by tiktoken, scaled to Claude.

    Raises:
        ConfigError: the vocabulary is not on disk, or tiktoken is not installed.
    """
    count_text = vocabulary(name)
    if count_text is None:
        raise ConfigError(
            f"tiktoken's vocabulary {name!r} is not on disk",
            where="counter",
            fix="Run tiktoken once where the network may be used, or leave the counter out.",
        )
    return TextCounter("tiktoken", lambda text, _: count_text(text), ratio=_TIKTOKEN_RATIO, band=_TIKTOKEN_BAND)


def ctok() -> TextCounter:
    """A counter by the third-party package ctok.

    Raises:
        ConfigError: ctok is not installed, or has no `token_count`.
    """
    try:
        library = import_module("ctok")
    except ImportError:
        raise ConfigError("ctok is not installed", where="counter", fix="Install contextkit[exact].") from None
    token_count = getattr(library, "token_count", None)
    if not callable(token_count):
        raise ConfigError("this version of ctok has no token_count", where="counter", fix="Use ctok 1.3.")
    frames = {family: int(token_count("x", version)) - 1 for family, version in _CTOK_VERSIONS.items()}

    def count_text(text: str, family: facts.Family) -> int:
        return int(token_count(text, _CTOK_VERSIONS[family])) - frames[family]

    return TextCounter("ctok", count_text, band=_CTOK_BAND)


def named(name: str) -> TokenCounter:
    """A counter by its name on the command line: estimate, tiktoken, ctok.

    Raises:
        ConfigError: the name is none of these, or the counter is not available here.
    """
    if name == "estimate":
        return EstimateCounter()
    if name == "tiktoken":
        return tiktoken()
    if name == "ctok":
        return ctok()
    raise ConfigError(f"unknown counter {name!r}", where="counter", fix="Use estimate, tiktoken, ctok or api.")
