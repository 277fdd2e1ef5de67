"""Signatures: a few claims and the hash of a text, sealed with the emulator's secret.

Law: only what was sealed here is believed; anything else is foreign, never an error.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import blake2b
from hmac import compare_digest
from typing import TYPE_CHECKING, Any, Final

from contextkit.api.messages import digest, dumps

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["claims_of", "covers", "seal"]

_MARK: Final = "emu1."
_CODE: Final = 16  # bytes of the seal
_KEY: Final = 64  # BLAKE2b's longest key


def seal(claims: Mapping[str, str], text: str, secret: bytes) -> str:
    """A signature over some claims and a text."""
    payload = dumps({**claims, "text": _hash(text)}).encode()
    return _MARK + urlsafe_b64encode(_code(payload, secret) + payload).decode()


def claims_of(signature: Any, secret: bytes) -> dict[str, str] | None:
    """What a signature claims; None when it was not made with this secret."""
    if not isinstance(signature, str) or not signature.startswith(_MARK):
        return None
    try:
        data = urlsafe_b64decode(signature[len(_MARK) :].encode("ascii"))
    except ValueError:
        return None
    payload = data[_CODE:]
    if not compare_digest(_code(payload, secret), data[:_CODE]):
        return None
    claims: dict[str, str] = json.loads(payload)
    return claims


def covers(claims: Mapping[str, str], text: str) -> bool:
    """Whether the text is the one that was signed."""
    return claims["text"] == _hash(text)


def _hash(text: str) -> str:
    return digest(text.encode("utf-8", "surrogatepass")).hex()


def _code(payload: bytes, secret: bytes) -> bytes:
    return blake2b(payload, key=secret[:_KEY], digest_size=_CODE).digest()
