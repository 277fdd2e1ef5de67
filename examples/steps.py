"""Where the money goes: name the steps of a program, keep its ledger in a file, and ask which step costs most.

python examples/steps.py                 # offline, on the emulator
contextkit ledger calls.jsonl --by step  # the same tables, of a file that a program kept
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

from contextkit import Conversation, Ledger
from contextkit.emulator import Emulator
from contextkit.ledger import step
from contextkit.report import report

HANDBOOK = "Every claim is checked by a second person before it is paid; sums over 500 need a third. " * 60


def script(body: dict[str, Any]) -> str:
    """The model's part, offline."""
    return "claim" if body["max_tokens"] < 50 else "A second person checks it, and a third one above 500. " * 6


@step("classify")
def classify(client: Any, question: str, book: Ledger) -> str:
    """A small side call; as a decorated function every call of it is booked as "classify"."""
    conv = Conversation(model="haiku", system="Name the intent in one word.", max_tokens=20, ledger=book)
    return str(conv.user(question).send(client).content[0].text)


async def main() -> Ledger:
    """Three customers at the same time, each with a short chat; one ledger for all of it."""
    emulator = Emulator(script)
    client, aclient = emulator.client(), emulator.async_client()
    with tempfile.TemporaryDirectory() as folder:
        book = Ledger().keep(Path(folder) / "calls.jsonl")

        async def serve(customer: int) -> None:
            mine = book.child(f"customer {customer}")  # rows of its own, which stand in the book too
            with step("serve"):
                # A synchronous call in a thread keeps the step: `to_thread` copies the context.
                await asyncio.to_thread(classify, client, f"Customer {customer}: where is my money?", mine)
                conv = Conversation(model="sonnet", system=HANDBOOK, ledger=mine)
                for turn in range(4):
                    conv.user(f"Question {turn} of customer {customer}.")
                    await conv.asend(aclient, step="answer")
                    emulator.clock.advance(20)

        await asyncio.gather(*(serve(customer) for customer in range(3)))
        again = Ledger.read(Path(folder) / "calls.jsonl")

    print(report(again))
    print()
    for name, found in again.by("conversation").items():
        print(f"{name}: {found.calls} calls, {found.cost or 0:.6f} USD, {found.hit_rate:.0%} of the prompt read")
    return again


if __name__ == "__main__":
    asyncio.run(main())
