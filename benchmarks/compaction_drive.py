"""Real packages fed a recorded session, turn by turn; run by an interpreter in which they are installed.

The law: nothing of contextkit is imported here and nothing is modelled. Before every call the package gets the
history as it holds it itself, with the usage that its own window would have been billed, and does what it does;
what it would send is noted as numbers of recorded pieces, and lengths of texts that were not recorded. A stub writes
all summaries, each of the same length.

    python compaction_drive.py JOB.json    (made and read by compaction_driven.py)
"""

from __future__ import annotations

import json
import logging
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.compaction_drive_langchain import LangChain
from benchmarks.compaction_drive_pydantic import Pydantic
from benchmarks.compaction_drive_strands import Strands

if TYPE_CHECKING:
    from benchmarks.compaction_drive_peer import Peer, Shown


def driven(peer: Peer, session: dict[str, Any]) -> list[Any]:
    """What a package would send at each call of a session, and what its summary calls were given."""
    sizes: dict[int, float] = {}
    told: list[Any] = []
    usage: tuple[int, int] | None = None
    for call in session["calls"]:
        for entry in call["entries"]:
            sizes.update((piece["id"], piece["tokens"]) for piece in entry)
            answer = entry[0]["role"] == "assistant"
            billed = None
            if answer and usage is not None:
                billed = usage[0], max(usage[1], round(sum(piece["tokens"] for piece in entry)))
            peer.add(entry, billed)
        peer.asked.clear()
        seen = peer.shown()
        own = (sizes[one] if isinstance(one, int) else one[0] * peer.per_character for one in seen)
        prompt = peer.fixed + sum(own)
        usage = round(prompt), call["output"]
        told.append([_runs(seen), list(peer.asked)])
    return told


def _runs(seen: Shown) -> list[Any]:
    """Neighbouring numbers as [first, last, 0]."""
    made: list[Any] = []
    for one in seen:
        if isinstance(one, int) and made and len(made[-1]) == 3 and made[-1][1] == one - 1:
            made[-1][1] = one
        else:
            made.append([one, one, 0] if isinstance(one, int) else one)
    return made


PEERS: dict[str, type[Peer]] = {"langchain": LangChain, "strands": Strands, "pydantic": Pydantic}


def main(job: str) -> None:
    """Drive one package over the sessions of a job; prints one line of JSON a run."""
    warnings.filterwarnings("ignore")
    logging.disable(logging.ERROR)
    given = json.loads(Path(job).read_text("utf-8"))
    sessions = json.loads(Path(given["sessions"]).read_text("utf-8"))
    for run in given["runs"]:
        session = sessions[run["session"]]
        rate = session["per_character"]
        peer = PEERS[given["peer"]](run["settings"], "s" * round(run["summary"] / rate), session["fixed"], rate)
        told = driven(peer, session)
        print(json.dumps({"run": run["name"], "calls": told}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
