"""What a condition says about the branch it guards."""

from __future__ import annotations

import pytest

from contextkit.lint.source import findings, summarise

_HEAD = "import time\nimport anthropic\nclient = anthropic.Anthropic()\n\n"
_SEND = (
    "    return client.messages.create(model='claude-opus-4-8', max_tokens=9, messages=messages, system=system,\n"
    "        cache_control={'type': 'ephemeral'})\n"
)


def codes(helper: str, system: str) -> list[str]:
    """What is found where `system` is made by a helper."""
    text = f"{_HEAD}{helper}\ndef ask(messages):\n    system = {system}\n{_SEND}"
    return [one.code for one in findings([summarise("a.py", text)], source=lambda _: text)]


_STAMPED = (
    "def text(stamped=False, kind='plain', extra=None):\n    made = 'Rules.'\n"
    "    if {}:\n        made += time.ctime()\n    return made\n"
)


@pytest.mark.parametrize(
    ("test", "call"),
    [
        ("stamped", "text()"),
        ("stamped", "text(False)"),
        ("not stamped", "text(stamped=True)"),
        ("kind == 'dated'", "text()"),
        ("kind != 'plain'", "text()"),
        ("extra is not None", "text()"),
        ("extra is None", "text(extra='x')"),
    ],
)
def test_a_branch_that_the_call_rules_out_is_not_followed(test: str, call: str) -> None:
    """A parameter that is a literal, or was left at its default, decides its own test."""
    assert codes(_STAMPED.format(test), call) == []


@pytest.mark.parametrize(
    ("test", "call"),
    [
        ("stamped", "text(True)"),
        ("stamped", "text(stamped=len(messages) > 3)"),
        ("not stamped", "text()"),
        ("kind == 'dated'", "text(kind='dated')"),
        ("kind == 'dated'", "text(kind=messages[0]['kind'])"),
        ("extra is None", "text()"),
        ("kind in ('plain', 'dated')", "text()"),
    ],
)
def test_a_branch_that_may_be_taken_is_followed(test: str, call: str) -> None:
    """What the call says nothing of, and tests that are more than a look at a parameter, stay open."""
    assert "CK101" in codes(_STAMPED.format(test), call)


def test_a_parameter_that_was_bound_anew_is_open() -> None:
    """A flag that a branch sets is not what the caller gave any more."""
    helper = (
        "def text(stamped=False):\n    if time.tzname:\n        stamped = True\n    made = 'Rules.'\n"
        "    if stamped:\n        made += time.ctime()\n    return made\n"
    )
    assert codes(helper, "text()") == ["CK101"]


@pytest.mark.parametrize(("flag", "expected"), [("first", ["CK132"]), ("done", [])])
def test_a_flag_that_a_round_flips_tells_rounds_apart(flag: str, expected: list[str]) -> None:
    """A choice by a flag that was set before the loop and is changed in it varies; one that stays does not."""
    text = _HEAD + (
        "def run(goal, tools):\n    messages = [{'role': 'user', 'content': goal}]\n    first = True\n"
        "    while True:\n"
        "        choice = {'type': 'any'} if first else {'type': 'auto'}\n"
        f"        {flag} = False\n"
        "        answer = client.messages.create(model='claude-opus-4-8', max_tokens=9, messages=messages,\n"
        "            tools=tools, tool_choice=choice, cache_control={'type': 'ephemeral'})\n"
        "        messages.append({'role': 'assistant', 'content': answer.content})\n"
    )
    assert [one.code for one in findings([summarise("a.py", text)], source=lambda _: text)] == expected
