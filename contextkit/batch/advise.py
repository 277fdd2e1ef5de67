"""Whether turns of one conversation are independent items that belong in a batch: the judgement of transcripts.

Law: nothing is decided here; `contextkit replay` says the same of recorded sessions.
"""

from __future__ import annotations

from contextkit.transcripts.independent import Advice, advise

__all__ = ["Advice", "advise"]
