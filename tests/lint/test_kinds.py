from __future__ import annotations

import pytest

from contextkit.lint.kinds import kind_of, known

BODY = b'{"model": "claude-opus-5-5", "messages": [{"role": "user", "content": "hi"}]}'


@pytest.mark.parametrize(
    ("path", "head", "kind"),
    [
        ("app/main.py", b"", "source"),
        ("prompts/agent.md", b"Be kind.", "prompt"),
        ("app/system_prompt.txt", b"Be kind.", "prompt"),
        ("app/SystemPrompt.md", b"Be kind.", "prompt"),
        ("app/agent.prompt", b"", "prompt"),
        ("app/agent.md", b"# Agent\n\nYou are an engineer.", "prompt"),
        ("app/agent.j2", b"You are {{ name }}", "prompt"),
        ("app/agent.md", b"---\ncontextkit:\n  session-constant: [a]\n---\nHello.", "prompt"),
        ("prompts/all.yaml", b"system: Be kind.\n", "prompt"),
        ("log.jsonl", BODY, "requests"),
        ("body.json", BODY, "requests"),
        ("README.md", b"You are a reader of this README. It is {{ now }}.", None),
        ("prompts/README.md", b"These are prompts.", None),
        ("docs/prompt-cache.md", b"# The prompt cache\n\nMeasured on 2026-03-02.", None),
        ("docs/prompts/agent.md", b"Be kind.", "prompt"),
        ("prompt-toolkit/news.txt", b"Released 2026-03-02.", None),
        ("docs/guide.md", b"# Guide\n\nWrite `{{ now }}`.", None),
        ("app/page.j2", b"<html>{{ now }}</html>", None),
        ("ci.yml", b"prompt: Be kind.\n", None),
        ("prompts/settings.yaml", b"level: 3\n", None),
        ("requirements.txt", b"anthropic\n", None),
        ("data.json", b'{"a": 1}', None),
        ("package.json", b'{"system": 1, "messages": []}', None),
        ("picture.png", b"", None),
        ("notes.txt", b"\x00\x01You are", None),
    ],
)
def test_a_file_that_is_met_must_look_like_it(path: str, head: bytes, kind: str | None) -> None:
    """In a folder, documents and settings are none of the linter's business."""
    assert kind_of(path, head, named=False) == kind


@pytest.mark.parametrize(
    ("path", "head", "kind"),
    [
        ("agent.md", b"Be kind.", "prompt"),
        ("notes.txt", b"Be kind.", "prompt"),
        ("x.yaml", b"system: Be kind.\n", "prompt"),
        ("x.yaml", b"on: push\n", None),
        ("data.json", b'{"a": 1}', "requests"),
        ("body", b' {"model": 1}', "requests"),
        ("trace.log", BODY, "requests"),
        ("trace.log", b"12:01 started\n", None),
        ("tool", b"#!/usr/bin/env python3\n", "source"),
        ("README.md", b"# Readme\n{{ now }}", None),
        ("Makefile", b"all:\n", None),
    ],
)
def test_a_file_that_is_named_is_taken_at_its_word(path: str, head: bytes, kind: str | None) -> None:
    """The user's choice counts, except for documents that are never prompts."""
    assert kind_of(path, head, named=True) == kind


def test_known_asks_the_name_only() -> None:
    """What no suffix speaks for is not even opened."""
    assert known("a.JINJA2")
    assert known("a.py")
    assert not known("a.png")
