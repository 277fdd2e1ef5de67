"""A budget that stops an agent before the call that would pass it, never after one that was paid for.

python examples/budget.py                # offline, on the emulator
"""

from __future__ import annotations

from contextkit import Conversation
from contextkit.emulator import Emulator
from contextkit.ledger import Budget, SpendingError, Verdict, step


def warned(found: Verdict) -> None:
    """Called once a limit, when 80 % of it is spent."""
    print(f"careful: {found.reason}")


def main() -> Conversation:
    """One budget for the conversation, a tighter one for a step inside of it."""
    emulator = Emulator(lambda _: "It depends. " * 150)
    client = emulator.client()
    conv = Conversation(
        model="opus",
        system="You answer at length. " * 100,
        max_tokens=1_000,
        budget=Budget(usd=0.12, on_warn=warned),
        clock=lambda: emulator.clock.now,
    )

    with step("small talk", budget=Budget(calls=2, on_warn=warned)):
        for question in ("How are you?", "And you?", "And now?"):
            conv.user(question)
            try:
                conv.send(client)
            except SpendingError as error:
                print(f"not asked: {error}")

    while True:  # the question that was refused is still there to be answered
        try:
            conv.send(client)
        except SpendingError as error:
            print(f"not asked: {error}")
            break
        conv.user("What is it worth?")

    total = conv.ledger.totals()
    print(f"{total.calls} calls, {total.cost or 0:.4f} of 0.12 USD; {len(emulator.requests)} were sent")
    return conv


if __name__ == "__main__":
    main()
