"""`GET /v1/models`: the facts table in the API's form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from contextkit.api.facts import MODELS, Model, model
from contextkit.emulator.answer import Refusal
from contextkit.emulator.paging import page

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["list_models", "one_model"]


def list_models(query: Mapping[str, str]) -> dict[str, Any]:
    """One page of the list, newest first as in the table."""
    return page([_info(row, row.id) for row in MODELS.values()], query)


def one_model(name: str) -> dict[str, Any]:
    """One model.

    Raises:
        Refusal: it is not in the table (404).
    """
    row = model(name)
    if row is None:
        raise Refusal(f"model: {name}", status=404)
    return _info(row, name)


def _info(row: Model, name: str) -> dict[str, Any]:
    line = row.id.split("-")[1]
    words = row.id.removeprefix(f"claude-{line}-").replace("-", ".")
    return {
        "type": "model",
        "id": name,
        "display_name": f"Claude {line.title()} {words}",
        "created_at": "1970-01-01T00:00:00Z",  # "an epoch value if the release date is unknown" (SDK docstring)
        "lifecycle": "active",
        "line": line,
        "max_input_tokens": row.window,
        "max_tokens": row.max_output,
        "capabilities": None,
        "deprecated_at": None,
        "retires_at": None,
    }
