"""Bytes to a request body, with the API's errors for what is not one."""

from __future__ import annotations

import json
from typing import Any, Final, NoReturn

from contextkit.api.facts import MAX_REQUEST_BYTES
from contextkit.emulator.answer import Refusal

__all__ = ["BATCH_BYTES", "parse_body"]

BATCH_BYTES: Final = 256_000_000  # errors page


def parse_body(data: bytes, *, limit: int = MAX_REQUEST_BYTES) -> dict[str, Any]:
    """The JSON object in a request.

    Raises:
        Refusal: over the limit (413), not JSON, not UTF-8, nested too deeply, or not an object (400).
    """
    if len(data) > limit:
        raise Refusal("Request exceeds the maximum size", status=413)
    try:
        body = json.loads(data, parse_constant=_no_constant)
        if b"\\ud" in data.lower():
            json.dumps(body, ensure_ascii=False).encode()  # half a surrogate pair has no UTF-8
    except UnicodeEncodeError:
        raise Refusal("The request body is not valid JSON: no low surrogate in string") from None
    except RecursionError:
        raise Refusal("The request body is not valid JSON: recursion limit exceeded") from None
    except ValueError as error:
        raise Refusal(f"The request body is not valid JSON: {error}") from None
    if not isinstance(body, dict):
        raise Refusal("Input should be a valid dictionary")
    return body


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"unexpected character: {name}")
