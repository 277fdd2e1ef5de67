"""Whether a request that departs from an earlier one is a branch of its conversation, or a change of its past.

Law: a branch begins where an observed request ended: with another answer to it, or after its answer with other words
of the user. Nothing of what the old line said after that place stands in it, and it is one turn long; so it can need
no more of the cache than that request had left. An edited message is followed by what had followed it before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from contextkit.cache.sent import Entry, Sent
    from contextkit.cache.spell import Spelled

__all__ = ["fork"]


def fork(before: Sent, now: Spelled, same: int) -> Entry | None:
    """What the earlier request left in the cache from which this one branches off; None where it is no branch.

    Args:
        before: the request that shares most with this one.
        now: the request.
        same: positions that both have in common.
    """
    entry = next((one for one in reversed(before.ends) if one.pos < same), None)
    head = now.head
    if entry is None or entry.pos < head:
        return None
    old, new = before.spelled.blocks, now.blocks
    at, ended = new.message_of(same - head)[0], new.message_of(entry.pos - head)[0]
    one_turn = "assistant" not in new.roles[at + 1 :] and "user" not in new.roles[ended + 1 : at]
    if not one_turn or not set(old.owns[same - head :]).isdisjoint(new.owns[same - head :]):
        return None
    return next((one for one in before.entries if one.pos == entry.pos), entry)
