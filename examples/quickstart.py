"""The smallest agent with contextkit: run it offline on the emulator, or with a real client.

python examples/quickstart.py            # offline: the emulator plays the model and bills like the real cache
python examples/quickstart.py --live     # the real API; needs ANTHROPIC_API_KEY
"""

from __future__ import annotations

import json
import sys
from typing import Any

from contextkit import Compaction, Conversation, Shape
from contextkit.emulator import Emulator, reply, text, tool_use

TOOLS = [
    {
        "name": "get_orders",
        "description": "Orders of a customer, with everything the shop knows about each.",
        "input_schema": {
            "type": "object",
            "properties": {"customer": {"type": "string"}},
            "required": ["customer"],
        },
    }
]


def get_orders(customer: str) -> dict[str, Any]:
    """A tool that answers as real ones do: thirty fields where three are needed."""
    orders = [
        {
            "id": f"ord_{k}",
            "sku": f"sku_{k % 7}",
            "eta": f"2026-12-{k % 28 + 1:02d}",
            "audit": {"trail": ["x" * 40] * 20},
        }
        for k in range(40)
    ]
    return {"customer": customer, "orders": orders, "debug": {"trace": "y" * 2_000}}


def script(body: dict[str, Any]) -> Any:
    """The model's part, offline: look at five customers, then report."""
    asked = sum(message["role"] == "assistant" for message in body["messages"])
    if asked == 5:
        return reply("All five customers have orders under way.")
    return reply(text(f"Customer {asked}."), tool_use("get_orders", {"customer": f"cus_{asked}"}))


def main(client: Any) -> Conversation:
    """Drive the agent until it calls no tool, and print what it cost."""
    conv = Conversation(
        model="sonnet",
        system="You answer questions about orders. Quote ids and dates exactly as the tools give them.",
        tools=TOOLS,
        shapes={"get_orders": Shape(select=["$.orders[*].id", "$.orders[*].sku", "$.orders[*].eta"], as_table=True)},
        compaction=Compaction(budget=60_000),
    )
    conv.user("When do the orders of customers 0 to 4 arrive?")
    while True:
        message = conv.send(client)
        calls = [block for block in message.content if block.type == "tool_use"]
        if not calls:
            break
        for call in calls:
            conv.tool_result(call.id, get_orders(**call.input))

    print(message.content[0].text)
    for row in conv.ledger:
        print(json.dumps({"read": row.usage.read, "written": row.usage.write_5m, "usd": round(row.cost or 0, 6)}))
    totals = conv.ledger.totals()
    print(f"{totals.calls} calls, {totals.hit_rate:.0%} of the prompt read from the cache, {totals.cost:.4f} USD")
    print(f"without a cache the same calls cost {totals.uncached:.4f} USD")
    return conv


if __name__ == "__main__":
    if "--live" in sys.argv:
        import anthropic

        main(anthropic.Anthropic())
    else:
        main(Emulator(script).client())
