"""Tables. The law: a table says the same as the rows it came from, with the names written once.

In JSON a table is `{"columns": [names], "rows": [[values]]}`; a member that a row did not have is null.
"""

from __future__ import annotations

import csv
import io
from typing import Any, Final

from contextkit.shape.document import shared, write
from contextkit.shape.shaped import is_note

__all__ = ["csv_columns", "tables"]

_LEAST_ROWS: Final = 2
_MAX_COLUMNS: Final = 200
_ROW: Final = 200  # about the characters of a row, for `write`: a guess changes its memory and nothing else
_LEVELS: Final = 16  # each level weighs its rows once, so the work is bounded by levels times size


def tables(value: Any, level: int = 0) -> Any:
    """The document with every array of like objects as a table, where that is shorter."""
    if level > _LEVELS:
        return value
    if isinstance(value, dict):
        members = {key: tables(one, level + 1) if isinstance(one, (dict, list)) else one for key, one in value.items()}
        return shared(members, value)
    if not isinstance(value, list):
        return value
    inner = shared([tables(one, level + 1) if isinstance(one, (dict, list)) else one for one in value], value)
    table = _table(inner)
    size = len(inner) * _ROW
    if table is None or len(write(table, size)) >= len(write(inner, size)):
        return inner
    return table


def _table(rows: list[Any]) -> dict[str, Any] | None:
    """The table of an array, or None when its elements are not like objects."""
    noted = rows[-1:] if rows and is_note(rows[-1]) else []
    objects = rows[: len(rows) - len(noted)]
    if len(objects) < _LEAST_ROWS or not all(isinstance(row, dict) for row in objects):
        return None
    columns = list(dict.fromkeys(name for row in objects for name in row))
    if not columns or len(columns) > _MAX_COLUMNS:
        return None
    filled: list[Any] = [[row.get(name) for name in columns] for row in objects]
    return {"columns": columns, "rows": filled + noted}


def csv_columns(text: str, columns: tuple[str, ...]) -> str:
    """CSV with only the named columns, in the order of the file; as it came when it has none of them.

    The separator is the one of comma, semicolon, tab and bar that stands most often in the first line.
    """
    first = text.split("\n", 1)[0]
    separator = max(",;\t|", key=first.count)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))
    except csv.Error:
        return text
    places = [place for place, name in enumerate(rows[0] if rows else []) if name.strip() in columns]
    if not places:
        return text
    out = io.StringIO()
    writer = csv.writer(out, delimiter=separator, lineterminator="\n")
    writer.writerows([row[place] for place in places if place < len(row)] for row in rows if row)
    return out.getvalue().rstrip("\n")
