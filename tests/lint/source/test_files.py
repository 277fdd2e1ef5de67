"""Which files the program writes, and how much a read of them weighs."""

from __future__ import annotations

import pytest

from contextkit.lint.rule import Severity
from contextkit.lint.source import findings, summarise

_HEAD = (
    "import json\nfrom pathlib import Path\nimport anthropic\nclient = anthropic.Anthropic()\nFOLDER = Path('notes')\n"
)
_SEND = (
    "def ask(messages):\n    return client.messages.create(model='claude-opus-4-8', max_tokens=9, messages=messages,\n"
    "        cache_control={'type': 'ephemeral'}, system=read())\n"
)


def weight(*parts: str) -> list[tuple[str, Severity]]:
    """The findings in a file made of these parts."""
    text = "\n".join((_HEAD, *parts, _SEND))
    return [(one.code, one.severity) for one in findings([summarise("a.py", text)], source=lambda _: text)]


@pytest.mark.parametrize(
    ("read", "write"),
    [
        ("(FOLDER / 'a.md').read_text()", "(FOLDER / 'a.md').write_text(text)"),
        ("Path('notes/a.md').read_text()", "open('notes/a.md', 'w').write(text)"),
        ("Path('notes', 'a.md').read_text()", "path = FOLDER / 'a.md'\n    path.write_text(text)"),
        ("open('notes/a.md').read()", "with open('./notes/a.md', mode='a') as out:\n        out.write(text)"),
        ("json.loads(Path('a.json').read_bytes())", "Path('a.json').open('w+').write(text)"),
    ],
)
def test_a_file_that_the_program_writes_is_more_than_worth_a_look(read: str, write: str) -> None:
    """The same file under any spelling: read at each call, and written in a function that no request leads to."""
    reading = f"def read():\n    return f'{{{read}}}'\n".replace("'", '"').replace('f"', "f'").replace('}"', "}'")
    assert weight(reading, f"def keep(text):\n    {write}\n") == [("CK107", Severity.WARNING)]


@pytest.mark.parametrize(
    "write",
    [
        "(FOLDER / 'b.md').write_text(text)",
        "open('notes/a.md').read()",
        "open('notes/a.md', 'rb').read()",
        "print('notes/a.md', 'w')",
        "open(text, 'w').write('notes/a.md')",
        "FOLDER.write_text(text)",
    ],
)
def test_other_files_and_other_uses_do_not_count(write: str) -> None:
    """A file that the program never writes is its own text: worth a look, no more."""
    reading = "def read():\n    return (FOLDER / 'a.md').read_text()\n"
    assert weight(reading, f"def keep(text):\n    {write}\n") == [("CK107", Severity.INFO)]


def test_a_path_of_the_object_is_one_path() -> None:
    """What one method writes another reads; another attribute is another file."""
    text = _HEAD + (
        "class Desk:\n    def __init__(self, folder):\n        self.notes = Path(folder) / 'a.md'\n"
        "        self.log = Path(folder) / 'b.md'\n"
        "    def keep(self, text):\n        self.{}.write_text(text)\n"
        "    def ask(self, messages):\n        return client.messages.create(model='claude-opus-4-8', max_tokens=9,\n"
        "            messages=messages, cache_control={{'type': 'ephemeral'}}, system=self.notes.read_text())\n"
    )
    found = {}
    for name in ("notes", "log"):
        source = text.format(name)
        found[name] = [one.severity for one in findings([summarise("a.py", source)], source=lambda _: source)]  # noqa: B023  (called at once)
    assert found == {"notes": [Severity.WARNING], "log": [Severity.INFO]}
