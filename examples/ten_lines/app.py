"""Ten lines that pay for their whole prompt at every turn: the clock in front of the rules changes it."""

from datetime import UTC, datetime

from anthropic import Anthropic
from anthropic.types import MessageParam

RULES = "Answer from the handbook, name the page, and say so when the handbook is silent. " * 40


def ask(client: Anthropic, history: list[MessageParam], question: str) -> None:
    """Ask a question and keep the answer."""
    history.append({"role": "user", "content": question})
    answer = client.messages.create(
        model="claude-opus-5-5",
        max_tokens=500,
        system=f"It is {datetime.now(UTC):%H:%M:%S.%f}. {RULES}",
        messages=history,
        cache_control={"type": "ephemeral"},
    )
    history.append({"role": "assistant", "content": answer.content})
