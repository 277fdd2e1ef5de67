"""A night's letters, sorted at batch price over one shared prefix; killed or not, each is paid for once.

Runs offline: the emulator plays the API, and its clock the night. With a key, `python examples/batches.py --live` asks
Claude, keeps what it knows in letters.db, and may be stopped and started again.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel

from contextkit.batch import Batch
from contextkit.emulator import Emulator, Options

if TYPE_CHECKING:
    from collections.abc import Mapping

RULES = "Sort the letter. A refund is asked for in words; a question ends in one; everything else is praise. " * 60
LETTERS = {
    f"letter-{at}": text
    for at, text in enumerate(
        ("My parcel came broken, I want my money back.", "Do you ship to Malta?", "Fine service, as always.") * 20
    )
}


class Label(BaseModel):
    """What a letter is."""

    label: Literal["refund", "question", "praise"]


def script(body: Mapping[str, Any]) -> str:
    """The model's part, offline."""
    letter = str(body["messages"][-1]["content"][-1]["text"])
    return json.dumps({"label": "refund" if "money" in letter else "question" if "?" in letter else "praise"})


def main(client: Any, **settings: Any) -> None:
    """Quote, run, and print what it came to."""
    batch = Batch({"system": RULES}, LETTERS.items(), output=Label, model="haiku", max_tokens=200, **settings)
    quote = batch.dry_run(output_tokens=10)
    print(f"{quote.requests} letters, {quote.chunks} batch: about {quote.usd or 0:.4f} USD,")
    print(f"  {quote.usd_without_batch or 0:.4f} without batch price, {quote.usd_without_prefix or 0:.4f} unshared")
    done = batch.run(client)
    print(f"{done.succeeded} sorted for {done.cost or 0:.4f} USD; one by one {done.alone or 0:.4f} USD.")
    print(f"{done.hit_rate:.0%} of the prompt tokens were read from the cache.")
    for result in list(batch.results())[:3]:
        print(f"  {result.id:<10}{result.value.label if result.ok else result.error or result.fault}")
    batch.close()


if __name__ == "__main__":
    if "--live" in sys.argv:
        import anthropic

        main(anthropic.Anthropic(), state="letters.db")
    else:
        night = Emulator(script, options=Options(batch_seconds=1_800))
        main(night.client(), clock=lambda: night.clock.now, sleep=night.clock.advance)
