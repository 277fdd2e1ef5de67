"""The safe edits: what they change, and that the cause is gone afterwards."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import pytest

from contextkit.lint.source import findings, summarise

if TYPE_CHECKING:
    from contextkit.lint.rule import Edit

_HEAD = "import json, os\nfrom pathlib import Path\nimport anthropic\nclient = anthropic.Anthropic()\n\n"
_SEND = "    return client.messages.create(model='claude-opus-4-6', system=system, messages=messages)\n"


def applied(text: str, edits: list[Edit]) -> str:
    """The text after the edits, last first."""
    for edit in sorted(edits, key=lambda one: one.start, reverse=True):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text


def fixed(body: str) -> str:
    """The body of a function that sends `system`, after all safe edits."""
    text = f"{_HEAD}def ask(messages, settings, names):\n{body}{_SEND}"
    found = findings([summarise("a.py", text)], source=lambda _: text)
    made = applied(text, [edit for one in found for edit in one.edits])
    ast.parse(made)
    again = findings([summarise("a.py", made)], source=lambda _: made)
    assert found
    assert not again
    return made.removeprefix(f"{_HEAD}def ask(messages, settings, names):\n").removesuffix(_SEND).strip()


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("system = 'ü' + json.dumps(settings)", "system = 'ü' + json.dumps(settings, sort_keys=True)"),
        ("system = json.dumps(settings, indent=2,)", "system = json.dumps(settings, indent=2, sort_keys=True)"),
        ("system = ' '.join(os.listdir('x'))", "system = ' '.join(sorted(os.listdir('x')))"),
        ("system = ' '.join({n for n in names})", "system = ' '.join(sorted({n for n in names}))"),
        ("system = ' '.join(set(names))", "system = ' '.join(sorted(set(names)))"),
        (
            "system = ' '.join(p.name for p in Path('x').glob('*.md'))",
            "system = ' '.join(p.name for p in sorted(Path('x').glob('*.md')))",
        ),
    ],
)
def test_a_safe_edit_ends_its_cause(body: str, expected: str) -> None:
    """After the edit the file parses, says what is expected, and nothing is found in it."""
    assert fixed(f"    {body}\n") == expected


def test_marks_in_the_wrong_order_change_places() -> None:
    """The longer lifetime comes first after the edit."""
    text = (
        "import anthropic\nclient = anthropic.Anthropic()\n\ndef ask(messages, a, b):\n    system = [\n"
        "        {'type': 'text', 'text': a, 'cache_control': {'type': 'ephemeral'}},\n"
        "        {'type': 'text', 'text': b, 'cache_control': {'type': 'ephemeral', 'ttl': '1h'}},\n    ]\n"
        f"{_SEND}"
    )
    (one,) = findings([summarise("a.py", text)], source=lambda _: text)
    made = applied(text, list(one.edits))
    assert made.index("1h") < made.index("'text': b")
    assert not findings([summarise("a.py", made)], source=lambda _: made)
