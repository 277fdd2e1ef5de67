"""Answers that live for a time, and leases on making them.

The law: of all that ask at once one holds the lease, and only who still holds it writes.

A lease is held under a token that its holder made up; it runs out unless it is renewed, so that a dead holder
keeps nobody waiting for longer. An answer is written and its lease given back in one step, and only while the lease is
held (the token is the fence): a holder that slept through its lease writes nothing, nor does one whose key was dropped
meanwhile. A backend may be bounded; then those whose time ends soonest go first and are counted.
"""

from __future__ import annotations

from typing import Final, NamedTuple, Protocol, runtime_checkable

__all__ = ["PART", "Claim", "Entries", "Match"]

PART: Final = 16
"""Characters of the first and of the second part of a key: its space, and its group within it."""


class Claim(NamedTuple):
    """The answer to a claim.

    Attributes:
        granted: the lease is held by the token that asked.
        value: what is kept under the key now, whoever holds the lease.
    """

    granted: bool
    value: bytes | None


class Match(NamedTuple):
    """Which keys: "" stands for any.

    Attributes:
        space: the first part of the key.
        group: the second part.
        key: one whole key; then the others are not looked at.
    """

    space: str = ""
    group: str = ""
    key: str = ""

    def __call__(self, key: str) -> bool:
        """Whether a key is one of these."""
        if self.key:
            return key == self.key
        return self.space in {"", key[:PART]} and self.group in {"", key[PART : 2 * PART]}


@runtime_checkable
class Entries(Protocol):
    """What every backend does. All methods raise StoreError when the backend fails.

    A key is ASCII: its space (16 characters), its group (16), and what tells it from the others of the group.
    """

    @property
    def quick(self) -> bool:
        """Never waits for a disk or a network: may be called where an event loop runs."""

    def get(self, key: str) -> bytes | None:
        """The answer under a key; None when there is none, or its time is over."""

    def claim(self, key: str, token: str, lease: float) -> Claim:
        """Ask for the lease on a key, for so many seconds; the same token may ask again."""

    def renew(self, key: str, token: str, lease: float) -> bool:
        """Hold the lease for so many seconds from now; False when it is no longer held."""

    def settle(self, key: str, token: str, value: bytes, seconds: float) -> bool:
        """Keep an answer for so many seconds and give the lease back; False (nothing kept) when it is not held."""

    def release(self, key: str, token: str) -> None:
        """Give the lease back without an answer."""

    def amend(self, key: str, old: bytes, new: bytes) -> bool:
        """Put another value in the place of one that is still the same, for the rest of its time; whether it was."""

    def drop(self, match: Match) -> int:
        """Forget answers, and take away the leases on making them; how many answers there were."""

    def size(self) -> int:
        """Bytes of the answers; those whose time is over may still count for a while."""

    @property
    def dropped(self) -> int:
        """Answers that this object gave up for want of room."""
