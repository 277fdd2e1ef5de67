"""What is found in source, case by case; the cases are those of benchmarks/lint_cases."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.lint_corpus import Case, cases
from contextkit.lint.rule import Severity
from contextkit.lint.source import findings, summarise

if TYPE_CHECKING:
    from collections.abc import Mapping

    from contextkit.lint.rule import Finding


def found_in(files: Mapping[str, str]) -> list[Finding]:
    """The findings in a few files taken together."""
    return findings([summarise(path, text) for path, text in files.items()], source=files.__getitem__)


@pytest.mark.parametrize("case", cases(), ids=lambda case: f"{case.group}/{case.name}")
def test_each_case_is_found_on_its_line_and_nothing_else(case: Case) -> None:
    """Every expectation is met on the offending line, and harmless twins are silent."""
    expected = case.expected
    codes = {code for _path, _line, code in expected}
    found = {
        (one.path, one.line, one.code)
        for one in found_in(case.files)
        if one.severity is not Severity.INFO or one.code in codes
    }
    assert found == expected


def test_a_finding_tells_the_way_of_the_value() -> None:
    """The flow begins where the value is made and ends where it is sent, over two files."""
    files = {
        "clock.py": "from datetime import datetime\n\ndef line():\n    return str(datetime.now())\n",
        "app.py": (
            "import anthropic\nfrom clock import line\nclient = anthropic.Anthropic()\n\ndef ask(messages):\n"
            "    system = f'Now {line()}'\n"
            "    return client.messages.create(model='claude-opus-4-6', system=system, messages=messages)\n"
        ),
    }
    (one,) = found_in(files)
    assert (one.path, one.line, one.code) == ("clock.py", 4, "CK101")
    places = [(place.path, place.line, place.note) for place in one.flow]
    assert places == [("clock.py", 4, "made here"), ("app.py", 6, "passed here"), ("app.py", 7, "sent here")]


def test_columns_count_characters() -> None:
    """A column is the character where the value is made, from 1, also after letters of several bytes."""
    source = (
        "import anthropic, time\nclient = anthropic.Anthropic()\n\ndef ask(messages):\n"
        "    größe = 'ä'; now = time.time()\n"
        "    return client.messages.create(model='claude-opus-4-6', system=f'{größe} {now}', messages=messages)\n"
    )
    (one,) = found_in({"app.py": source})
    line = source.splitlines()[4]
    assert line[one.column - 1 : one.end_column - 1] == "time.time()"


def test_the_same_cause_is_reported_once() -> None:
    """A clock that reaches three requests is one finding."""
    call = "client.messages.create(model='claude-opus-4-6', system=system(), messages=messages)"
    source = (
        "import anthropic, time\nclient = anthropic.Anthropic()\n\ndef system():\n    return str(time.time())\n\n"
        f"def one(messages):\n    return {call}\n\ndef two(messages):\n    {call}\n    return {call}\n"
    )
    assert [one.line for one in found_in({"app.py": source})] == [5]


def test_findings_do_not_depend_on_the_order_of_files() -> None:
    """The same files in another order give the same findings."""
    for case in cases():
        if len(case.files) > 1:
            backwards = dict(reversed(list(case.files.items())))
            assert found_in(case.files) == found_in(backwards)


def test_a_program_that_never_ends_is_followed_in_bounded_time() -> None:
    """Mutual recursion, deep calls and wide branches end, and what is plain is still found."""
    wide = "\n".join(f"    if flags[{n}]:\n        parts.append(step(flags, {n}))" for n in range(60))
    source = (
        "import anthropic, time\nclient = anthropic.Anthropic()\n\n"
        f"def step(flags, n):\n    parts = []\n{wide}\n    return ' '.join(parts) + build(flags)\n\n"
        "def build(flags):\n    return step(flags, 0)\n\n"
        "def ask(flags, messages):\n"
        "    system = [{'type': 'text', 'text': str(time.time())}, {'type': 'text', 'text': build(flags)}]\n"
        "    return client.messages.create(model='claude-opus-4-6', system=system, messages=messages)\n"
    )
    assert "CK101" in {one.code for one in found_in({"app.py": source})}


def test_one_cause_on_one_line_is_one_finding() -> None:
    """Two sources of a kind on a line are one finding, the leftmost, with the edits of both."""
    source = (
        "import os\nimport anthropic\nclient = anthropic.Anthropic()\n\ndef ask(messages):\n"
        "    system = ' '.join(os.listdir('a')) + ' '.join(os.listdir('b'))\n"
        "    return client.messages.create(model='claude-opus-4-8', system=system, messages=messages)\n"
    )
    (one,) = found_in({"app.py": source})
    assert (one.code, one.line, one.column) == ("CK108", 6, source.splitlines()[5].index("os.listdir") + 1)
    assert sum(edit.text.startswith("sorted(") for edit in one.edits) == 2


def test_a_set_that_grows_from_itself_is_followed_in_bounded_steps() -> None:
    """Sets that are united in a loop again and again keep a bounded number of elements."""
    lines = "".join(f"        a.update(b | {{text + '{n}'}})\n        b.update(a | {{text}})\n" for n in range(60))
    source = (
        "import anthropic\nclient = anthropic.Anthropic()\n\ndef ask(texts, messages):\n    a, b = set(), set()\n"
        f"    for text in texts:\n{lines}"
        "    return client.messages.create(model='claude-opus-4-8', system=' '.join(sorted(a)), messages=messages)\n"
    )
    assert [one for one in found_in({"app.py": source}) if one.code != "CK113"] == []


def test_an_id_of_the_process_is_worth_a_look() -> None:
    """A fresh id made when a module is imported gives each process a prefix of its own; a date is none of that."""
    for made, expected in (("uuid.uuid4()", [("CK103", Severity.INFO)]), ("time.time()", [])):
        source = (
            f"import time, uuid\nimport anthropic\nclient = anthropic.Anthropic()\nRUN = {made}\n\n"
            "def ask(messages):\n"
            "    return client.messages.create(model='claude-opus-4-8', system=f'Run {RUN}', messages=messages)\n"
        )
        assert [(one.code, one.severity) for one in found_in({"app.py": source})] == expected
