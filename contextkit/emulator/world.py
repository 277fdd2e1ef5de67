"""What one emulator remembers and how it is set: the only place with state.

Law: everything is deterministic. Ids count up, time is the clock's, and the same requests at the same times give
the same answers byte for byte.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import blake2s
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from contextkit.cache.prefix import CountsFor
    from contextkit.cache.simulator import PromptCache
    from contextkit.emulator.clock import Ticking
    from contextkit.emulator.diagnose import Fingerprint
    from contextkit.emulator.script import Script

__all__ = ["Options", "World"]


@dataclass(frozen=True, slots=True)
class Options:
    """How the emulator behaves where the API differs by account, or where a test wants it otherwise.

    Attributes:
        first_token_seconds: from a request to the begin of its response, unless the reply says otherwise. Above 0,
            requests that start together do not read what the others write, as on the real server.
        seconds: from a request to the end of its response, unless the reply says otherwise.
        unknown_models: "accept" models that are not in the facts table, or "refuse" them with 404.
        binding: "enforce" that thinking stays with its conversation on the models that bind it, or "allow" a mismatch
            as for accounts made before 2026-08-31 (preserved-thinking page).
        foreign_signatures: what to do with thinking that this emulator did not sign: "accept" or "refuse".
        server_tools: "refuse" server tools, or "offer" them: they count in the prompt and are never called.
        batch_seconds: from the making of a batch to the answer of its last item; the items are spread evenly.
        keep: how many exchanges the log keeps; None keeps all.
        summarize: writes the summary of a server-side compaction from the request's body; None for a plain one.
        secret: what signatures are made with; emulators with the same secret accept each other's.
        name: any word. The ids of two emulators with different names differ, so that one conversation may go on from
            one to the other; without a name all begin at the same ids.
    """

    first_token_seconds: float = 0.0
    seconds: float = 0.0
    unknown_models: Literal["accept", "refuse"] = "accept"
    binding: Literal["enforce", "allow"] = "enforce"
    foreign_signatures: Literal["accept", "refuse"] = "accept"
    server_tools: Literal["refuse", "offer"] = "refuse"
    batch_seconds: float = 0.0
    keep: int | None = None
    summarize: Callable[[Mapping[str, Any]], str] | None = None
    secret: bytes = b"contextkit emulator"
    name: str = ""


@dataclass(slots=True)
class World:
    """The state of one emulator."""

    script: Script
    clock: Ticking
    cache: PromptCache
    counts: CountsFor
    options: Options
    fingerprints: dict[str, Fingerprint] = field(default_factory=dict)
    _ids: dict[str, int] = field(default_factory=dict)

    def new_id(self, kind: str) -> str:
        """The next id of a kind, in the API's look: `msg_01...`; the emulator's name is in it as eight digits."""
        self._ids[kind] = number = self._ids.get(kind, 0) + 1
        name = self.options.name.encode("utf-8", "surrogatepass")
        mark = blake2s(name, digest_size=4).hexdigest() if name else ""
        return f"{kind}_01{mark}{number:0{22 - len(mark)}d}"
