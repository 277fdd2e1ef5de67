"""What the name of a placeholder says about its value.

Law: a name is taken apart into words and each word is looked up; a name without a telling word is "unknown", which is
a question to the author, not an accusation.
"""

from __future__ import annotations

import re
from typing import Final, Literal

from contextkit.lint.text import words

__all__ = ["Change", "change_of"]

Change = Literal["clock", "random", "request", "unknown"]
"""Why a value changes: with the time, by chance, with the request or its user; or nobody can tell."""

_PARTS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")

_CLOCK: Final = words(
    "date time datetime now today timestamp clock weekday hour minute tomorrow yesterday epoch utcnow strftime "
    "datestamp currentdate currenttime todaysdate unixtime"
)
_CLOCK_WITH_CURRENT: Final = words("day month year week season")
_NO_CLOCK: Final = words(
    "format zone limit limits out frame horizon unit units style fmt pattern locale cutoff birth release delta"
)
_RANDOM: Final = words("random uuid uuid4 guid nonce rand randint shuffle ulid salt")
_REQUEST: Final = words(
    "id ids session request req user username usr email query question input inputs context contexts document "
    "documents docs doc chunk chunks passage passages result results retrieved retrieval search memory memories "
    "history conversation chat transcript summary cwd pwd workdir hostname host pid ip environment env git branch "
    "commit diff status turn step counter count iteration attempt remaining budget weather location cart order "
    "ticket cursor selection clipboard recent latest current last live hash trace run message messages msg task "
    "file files path directory dir state prompt todo todos scratchpad observation observations page url price "
    "score balance progress uptime elapsed customer account tenant member profile preferences alert alerts "
    "notification notifications feedback answer text content topic"
)

_STATIC: Final = words(
    "root section instruction instructions template schema rules guidelines tag marker delimiter prefix suffix "
    "separator placeholder definitions spec policy type label max min limit size style format language"
)
"""Last words that name a thing of the program, whatever it is about: `memory_instructions`, `query_language`."""
_OWNED: Final = words("user username session current latest recent last")


def change_of(name: str) -> Change:
    """Why the value of a placeholder of this name changes, as far as the name tells."""
    parts = [word.lower() for word in _PARTS.findall(name)]
    found = set(parts)
    if found & _RANDOM:
        return "random"
    if found & _CLOCK and not found & _NO_CLOCK:
        return "clock"
    if found & _CLOCK_WITH_CURRENT and (found & {"current", "this"} or len(parts) == 1):
        return "clock"
    if parts and parts[-1] in _STATIC and not found & _OWNED:
        return "unknown"
    if found & _REQUEST:
        return "request"
    return "unknown"
