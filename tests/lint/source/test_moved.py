"""A clock in a contextkit conversation's system prompt is moved to the volatile tail, where that is plain."""

from __future__ import annotations

import ast

import pytest

from contextkit.lint.source import findings, summarise

_HEAD = "from datetime import datetime\nfrom anthropic import Anthropic\nfrom contextkit import Conversation\n\n"
_SEND = "\n    for line in lines:\n        conv.user(line)\n        conv.send(client)\n"


def program(made: str) -> str:
    """A function that makes a conversation so and sends in a loop."""
    return f"{_HEAD}def talk(client: Anthropic, lines, who):\n    {made}{_SEND}"


def applied(text: str) -> str:
    """The text after all safe edits; it still parses."""
    found = findings([summarise("a.py", text)], source=lambda _: text)
    assert [one.code for one in found] == ["CK101"]
    for edit in sorted(found[0].edits, key=lambda one: one.start, reverse=True):
        text = text[: edit.start] + edit.text + text[edit.end :]
    ast.parse(text)
    return text


def test_the_clock_s_sentence_becomes_the_volatile_tail() -> None:
    """What stays is a literal, what goes is asked for at each call, and nothing is found any more."""
    before = program('conv = Conversation(model="claude-opus-5", system=f"Höflich. Now: {datetime.now():%H:%M}.")  # ä')
    after = applied(before)
    assert after == program(
        "conv = Conversation(model=\"claude-opus-5\", system='Höflich.')  # ä\n"
        "    conv.volatile(\"now\", lambda: f'Now: {datetime.now():%H:%M}')"
    )
    assert not findings([summarise("a.py", after)], source=lambda _: after)


@pytest.mark.parametrize(
    "made",
    [
        'conv = Conversation(model="claude-opus-5", system=f"It is {datetime.now()}.")',
        'conv = Conversation(model="claude-opus-5", system=f"Help. It is {datetime.now()}. Be kind.")',
        'conv = Conversation(model="claude-opus-5", system=f"Help {who.title}. It is {datetime.now()}.")',
        'conv = Conversation(model="claude-opus-5", system=f"Help. It is {datetime.now()}."); conv.user("hi")',
        'conv = Conversation(model="claude-opus-5", system="Help. It is " + str(datetime.now()))',
    ],
)
def test_what_is_not_plain_is_left(made: str) -> None:
    """A text without a stable sentence, with more after the clock, with other values, or on a shared line stays."""
    assert applied(program(made)) == program(made)
