"""The per-file pass: what it says of a file, and what it refuses."""

from __future__ import annotations

import json

import pytest

from contextkit.errors import FormatError
from contextkit.lint.source import Module, summarise
from contextkit.lint.source.module import LARGEST


def test_a_module_survives_json() -> None:
    """What was summarised comes back the same from JSON, so that it can be kept between runs."""
    module = summarise("pkg/a.py", "import anthropic\nfrom . import b\nfrom ..c import d as e\nimport x.y\n")
    assert Module.from_json(json.loads(json.dumps(module.to_json()))) == module


def test_imports_are_seen_wherever_they_stand() -> None:
    """Imports inside functions, branches and handlers count; relative ones keep their dots."""
    text = (
        "def f():\n    from .a import b\n\ntry:\n    import c\nexcept ImportError:\n    import d\n\n"
        "if True:\n    from .. import e\n"
    )
    assert set(summarise("m.py", text).imports) == {".a", ".a.b", "c", "d", "..", "..e"}


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("def f(:\n    pass\n", "does not parse"),
        ("x = 1\n\0\n", "does not parse"),
        ("match x:\n  case {**rest, 1: 2}: pass\n", "does not parse"),
        ("x = " + "(" * 5_000 + ")" * 5_000, "parse"),
        ("x = " + "+".join(["1"] * 60_000), "too deep"),
        ("#" * (LARGEST + 1), "is not read"),
    ],
)
def test_what_cannot_be_read_is_one_clear_error(text: str, what: str) -> None:
    """Broken, hostile and oversized files raise a FormatError that names the file, never anything else."""
    with pytest.raises(FormatError) as caught:
        summarise("bad.py", text)
    assert what in str(caught.value) or "too deep" in str(caught.value)
    assert "bad.py" in caught.value.where


def test_the_line_of_a_syntax_error_is_told() -> None:
    """The place of a syntax error is the file and the line."""
    with pytest.raises(FormatError) as caught:
        summarise("bad.py", "x = 1\ny = = 2\n")
    assert caught.value.where == "bad.py:2"


@pytest.mark.parametrize(
    ("text", "sends"),
    [
        ("client.messages.create(model='claude-opus-4-6')", True),
        ("with client.beta.messages.stream(**body) as s: pass", True),
        ("from langchain_anthropic import ChatAnthropic\nChatAnthropic().invoke('x')", True),
        ("import litellm\nlitellm.completion()", True),
        ("import json\njson.dumps({})", False),
        ("def f(messages): return len(messages)", False),
    ],
)
def test_only_files_that_may_hold_a_request_are_followed(text: str, sends: bool) -> None:
    """The cheap test on the text lets through every way of sending and leaves the rest."""
    assert summarise("m.py", text).sends is sends
