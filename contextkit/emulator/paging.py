"""Lists in pages, as every list of the API (`limit`, `after_id`, `before_id`; SDK types)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from contextkit.emulator.answer import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["page"]

_LIMIT: Final = 20
_MOST: Final = 1000


def page(items: Sequence[Mapping[str, Any]], query: Mapping[str, str]) -> dict[str, Any]:
    """The page that a query asks for.

    Raises:
        Refusal: the limit is not between 1 and 1000, or an id is not in the list.
    """
    wanted = query.get("limit", str(_LIMIT))
    if not wanted.isdecimal() or not 1 <= int(wanted) <= _MOST:
        raise Refusal("limit: Input should be between 1 and 1000")
    limit, ids = int(wanted), [str(item["id"]) for item in items]
    first, more = 0, False
    if "before_id" in query:
        end = _index(ids, query["before_id"])
        first = max(0, end - limit)
        shown, more = items[first:end], first > 0
    else:
        first = _index(ids, query["after_id"]) + 1 if "after_id" in query else 0
        shown, more = items[first : first + limit], first + limit < len(items)
    return {
        "data": list(shown),
        "has_more": more,
        "first_id": shown[0]["id"] if shown else None,
        "last_id": shown[-1]["id"] if shown else None,
    }


def _index(ids: Sequence[str], name: str) -> int:
    if name not in ids:
        raise Refusal(f"no object with id {name}", status=404)
    return ids.index(name)
