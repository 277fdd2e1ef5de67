"""Side calls to the cheapest model that will do, and up the ladder when it will not.

Runs offline: the emulator plays the API. With a key, `python examples/escalate.py --live` asks Claude.
"""

from __future__ import annotations

import json
import sys
from typing import Any, Literal

from pydantic import BaseModel, Field

from contextkit.emulator import Emulator
from contextkit.escalate import Route

LETTERS = (
    "My parcel came broken, I want my money back.",
    "Do you ship to Malta?",
    "Fine service, as always. Fine. Really fine.",
)
SYSTEM = "Sort the letter. Say how sure you are, 0 to 1; irony is hard, be honest about it."


class Label(BaseModel):
    """What a letter is."""

    label: Literal["refund", "question", "praise", "complaint"]
    confidence: float = Field(ge=0, le=1)


def script(body: dict[str, Any]) -> str:
    """The models' part, offline: the small one is sure of the plain letters only."""
    letter = body["messages"][0]["content"][0]["text"]
    if "Fine" in letter:
        small = body["model"] == "claude-haiku-5-5"
        return json.dumps({"label": "praise" if small else "complaint", "confidence": 0.55 if small else 0.9})
    return json.dumps({"label": "refund" if "money" in letter else "question", "confidence": 0.97})


def main(client: Any) -> None:
    """Sort the letters, and print who said what, and what it cost."""
    route = Route({"sort": "haiku"}, ladder=("haiku", "sonnet", "opus"), confidence=0.8, max_tokens=200)
    for letter in LETTERS:
        found = route.ask(client, "sort", letter, system=SYSTEM, output=Label)
        sure = "" if found.accepted else f" (not sure: {found.reason})"
        print(f"{found.value.label if found.value else '?':<10}{found.model:<20}{letter}{sure}")
    for row in route.ledger:
        print(f"{row.model:<20}{row.note:<38}{row.cost or 0:.6f} USD")


if __name__ == "__main__":
    if "--live" in sys.argv:
        import anthropic

        main(anthropic.Anthropic())
    else:
        main(Emulator(script).client())
