"""Results as flat rows, and into files: JSON lines, or what a data frame and Parquet take.

Law: one item is one row, every row has the same columns, and a file is whole or not there.
"""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Any

from contextkit.api.messages import dumps

if TYPE_CHECKING:
    from collections.abc import Iterable

    from contextkit.batch.values import Result

__all__ = ["flat", "write"]


def flat(result: Result) -> dict[str, Any]:
    """A result as texts and numbers: the value as JSON text, tokens and USD beside it."""
    usage = result.usage
    return {
        "id": result.id,
        "state": result.state,
        "ok": result.ok,
        "text": result.text,
        "value": dumps(_jsonable(result.value)),
        "fault": result.fault,
        "error": result.error,
        "input": usage.input,
        "read": usage.read,
        "write_5m": usage.write_5m,
        "write_1h": usage.write_1h,
        "output": usage.output,
        "cost": result.cost,
        "tries": result.tries,
    }


def _jsonable(value: Any) -> Any:
    """JSON of a value: models and dataclasses as objects, what has no form there as its text."""
    from pydantic_core import to_jsonable_python  # noqa: PLC0415  (heavy, and only for those who write rows)

    return to_jsonable_python(value, fallback=str, bytes_mode="base64", inf_nan_mode="null")


def write(results: Iterable[Result], path: str | Path) -> int:
    """Write results as JSON lines; how many. The value stands as JSON, not as text of JSON.

    The file is written beside its place and moved there when it is whole.
    """
    target = Path(path)
    count = 0
    with NamedTemporaryFile("w", encoding="utf-8", dir=target.parent, suffix=".part", delete=False) as file:
        try:
            for result in results:
                file.write(dumps({**flat(result), "value": _jsonable(result.value)}) + "\n")
                count += 1
        except BaseException:
            file.close()
            os.unlink(file.name)  # noqa: PTH108  (the name that the temporary file has)
            raise
    Path(file.name).replace(target)
    return count
