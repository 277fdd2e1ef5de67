"""Rules about one request: marks, minimum, and what looks as if it changed."""

from __future__ import annotations

from typing import Any

import pytest

from contextkit.lint.requests import RULES
from tests.lint.requests.logs import HOUR, MARK, SYSTEM, TOOLS, Body, a_body, a_log, found, told

SHORT = {"type": "text", "text": "Be brief.", "cache_control": MARK}


def said(*blocks: Body) -> list[Body]:
    """One user message of these blocks."""
    return [{"role": "user", "content": list(blocks)}]


def text(words: str = "Something to say.", mark: Any = None) -> Body:
    """A text block, marked or not."""
    return {"type": "text", "text": words, **({"cache_control": mark} if mark else {})}


THOUGHT = {"type": "thinking", "thinking": "Hm.", "signature": "c2ln", "cache_control": MARK}
BAD: dict[str, tuple[Body, tuple[str, str]]] = {
    "five marks": (
        a_body(0, messages=said(*(text(mark=MARK) for _ in range(5))), cache_control=None),
        ("CK301", "/messages/0/content/4/cache_control"),
    ),
    "four marks and the automatic one": (
        a_body(0, messages=said(*(text(mark=MARK) for _ in range(4)), text())),
        ("CK301", "/cache_control"),
    ),
    "an hour after five minutes": (
        a_body(0, system=[text(SYSTEM, MARK)], messages=said(text(mark=HOUR)), cache_control=None),
        ("CK302", "/messages/0/content/0/cache_control"),
    ),
    "an automatic hour after five minutes": (
        a_body(0, system=[text(SYSTEM, MARK)], cache_control=HOUR),
        ("CK302", "/cache_control"),
    ),
    "on an empty text": (
        a_body(0, messages=said(text(), text(" \n", MARK)), cache_control=None),
        ("CK303", "/messages/0/content/1/cache_control"),
    ),
    "on thinking": (
        a_body(0, messages=[*said(text()), {"role": "assistant", "content": [THOUGHT, text()]}, *said(text())]),
        ("CK304", "/messages/1/content/0/cache_control"),
    ),
    "with a lifetime that does not exist": (
        a_body(0, cache_control={"type": "ephemeral", "ttl": "2h"}),
        ("CK304", "/cache_control"),
    ),
    "on a deferred tool": (
        a_body(0, tools=[*TOOLS, {**TOOLS[0], "name": "rare", "defer_loading": True, "cache_control": MARK}]),
        ("CK304", "/tools/3/cache_control"),
    ),
    "below the minimum": (
        {"model": "claude-haiku-4-5", "max_tokens": 5, "system": [SHORT], "messages": said(text())},
        ("CK305", "/system/0/cache_control"),
    ),
    "an address in the system prompt": (
        a_body(0, system=SYSTEM + "Use <tools.Search object at 0x7f3a2c1b9d60>."),
        ("CK307", "/system"),
    ),
    "an address in a schema": (
        a_body(0, tools=[{**TOOLS[0], "description": "Default: <function run at 0x10f3a2c1b>."}, *TOOLS[1:]]),
        ("CK307", "/tools/0/description"),
    ),
}
GOOD: dict[str, Body] = {
    "four marks": a_body(0, messages=said(*(text(mark=MARK) for _ in range(4))), cache_control=None),
    "the automatic mark on a marked block": a_body(0, messages=said(*(text(mark=MARK) for _ in range(4)))),
    "five minutes after an hour": a_body(0, system=[text(SYSTEM, HOUR)]),
    "an empty text without a mark": a_body(0, messages=said(text(""), text(mark=MARK)), cache_control=None),
    "over the minimum": a_body(0, model="claude-opus-5-5"),
    "an address that a tool gave": a_body(
        0,
        messages=[
            *said(text()),
            {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "bash", "input": {}}]},
            *said({"type": "tool_result", "tool_use_id": "t", "content": "<Item object at 0x7f3a2c1b9d60>"}),
        ],
    ),
    "hexadecimal that is no address": a_body(0, system=SYSTEM + "Registers start at 0x40021000; see object 7."),
    "a version and a year": a_body(0, system=SYSTEM + "API version 2023-06-01, since 2019."),
}


@pytest.mark.parametrize(("body", "expected"), BAD.values(), ids=BAD)
def test_what_is_wrong_with_one_request(body: Body, expected: tuple[str, str]) -> None:
    """Each fault of a request is found once, at the mark or text that has it."""
    assert told([body]) == [(expected[0], 0, expected[1])]


@pytest.mark.parametrize("body", GOOD.values(), ids=GOOD)
def test_its_harmless_twin(body: Body) -> None:
    """The same without the fault is silent."""
    assert found([body]) == []


@pytest.mark.parametrize(
    "words",
    [
        "Current time: 2026-11-22T12:01:07Z.",
        "Today is November 22, 2026.",
        "Session 3f2b8a5c-1111-4222-8333-444455556666.",
        "Started at 1795348867.",
        "Work in /tmp/tmpa8s7d6f5.",
        "request_id: req_011CXxACFW",
    ],
)
def test_what_looks_volatile_is_a_hint(words: str) -> None:
    """Of one request nobody knows what changes: it is a hint; where it stays the same, it is nothing."""
    body = a_body(1, system=SYSTEM + words)
    assert [(one.code, one.severity, one.pointer) for one in found([body])] == [("CK308", "info", "/system")]
    assert found([body, a_body(2, system=SYSTEM + words)]) == []


def test_a_conversation_that_outgrows_the_minimum_is_healthy() -> None:
    """A prompt that begins below the minimum is no finding when later requests are above it."""
    small = [a_body(n, system="Be brief.", tools=None) for n in (0, 1, 2, 3)]
    assert found(a_log(small, billed=True)) == []


def test_one_that_never_does_is_told_once() -> None:
    """A conversation whose marks never do anything is one finding, sure where the bill says so."""
    small = [a_body(0, system="Be brief.", tools=None, messages=said(*[text()] * n)) for n in (1, 2, 3)]
    assert [(one.code, one.severity) for one in found(a_log(small, billed=True))] == [("CK305", "warning")]
    assert [(one.code, one.severity) for one in found(a_log(small))] == [("CK305", "info")]


def test_every_rule_documents_itself() -> None:
    """Each rule has a code of its own and the four sections, the last two with code."""
    assert len({rule.code for rule in RULES}) == len({rule.name for rule in RULES}) == len(RULES)
    for rule in RULES:
        doc = (rule.__doc__ or "").splitlines()
        sections = ["What it does:", "Why is this bad:", "Example:", "Use instead:"]
        places = [next(at for at, line in enumerate(doc) if line.strip() == title) for title in sections]
        assert places == sorted(places), rule
        assert all(doc[at + 1].startswith("        ") for at in places), rule
        assert rule.code.startswith("CK3")
        assert rule.advice.endswith(".")
