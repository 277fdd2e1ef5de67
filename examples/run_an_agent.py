"""An agent in one call: tools run side by side, an early exit when the answer stands, and what it cost.

Runs offline: the emulator plays the API. With a key, `python examples/run_an_agent.py --live` asks Claude.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import contextkit
from contextkit import Conversation
from contextkit.emulator import Emulator, reply, text, tool_use
from contextkit.loop import Event, run
from contextkit.when import answer_stable, confidence, spent, steps

PRICES = {"Oslo": 212, "Porto": 148, "Turin": 167}


@contextkit.tool
def hotel_price(city: str) -> dict[str, Any]:
    """The price of a night in a city, in EUR.

    Args:
        city: name of the city.
    """
    time.sleep(0.2)  # a slow service: three calls of one answer take as long as one
    if city not in PRICES:
        raise LookupError(f"no prices for {city}; known: {', '.join(PRICES)}")
    return {"city": city, "eur": PRICES[city]}


def script(body: dict[str, Any]) -> Any:
    """The model's part, offline: three look-ups at once, one that fails, then it goes on checking what it knows."""
    answers = sum(message["role"] == "assistant" for message in body["messages"])
    if "final answer" in str(body["messages"][-1]["content"]):
        return reply("Porto is cheapest, at 148 EUR a night.")
    if answers == 0:
        return reply(text("I compare three."), *(tool_use("hotel_price", {"city": city}) for city in PRICES))
    if answers == 1:
        said = "Answer: Porto. Confidence: 0.8. I look at Lima, too."
        return reply(text(said), tool_use("hotel_price", {"city": "Lima"}))
    return reply(text("Answer: Porto. Confidence: 0.95. Once more."), tool_use("hotel_price", {"city": "Porto"}))


def show(event: Event) -> None:
    """Print what happens, as it happens."""
    if event.kind == "call" and event.call:
        print(f"  {event.step}: {event.call.name}({event.call.input})")
    elif event.kind == "result" and event.outcome:
        failed = " failed:" if event.outcome.is_error else ""
        print(f"  {event.step}:{failed} {event.outcome.output}")
    elif event.kind == "concluding":
        print(f"  {event.step}: {event.text} holds, the conclusion is asked for")


def main(client: Any) -> None:
    """Ask, let the agent work, and print how it ended."""
    conv = Conversation(
        model="sonnet",
        system="You compare hotel prices. State each time 'Answer: <city>. Confidence: <0 to 1>.'",
    )
    conv.user("Which of Oslo, Porto and Turin is cheapest for a night?")
    result = run(
        conv,
        client,
        [hotel_price],
        stop_when=confidence(0.9) | answer_stable(3) | steps(10) | spent(0.05),
        on_event=show,
        timeout=10,
    )
    print(result.text)
    cost = "unknown" if result.cost is None else f"{result.cost:.4f} USD"
    print(f"stopped by {result.stopped_by} after {result.steps} answers, {result.tokens:,} tokens, {cost}")


if __name__ == "__main__":
    if "--live" in sys.argv:
        import anthropic

        main(anthropic.Anthropic())
    else:
        main(Emulator(script).client())
