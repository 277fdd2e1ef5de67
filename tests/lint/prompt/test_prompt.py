from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contextkit.lint.prompt import check
from contextkit.lint.rule import Severity

if TYPE_CHECKING:
    from contextkit.lint.rule import Finding


def codes(text: str, path: str = "prompts/agent.md") -> list[str]:
    """The codes found in a prompt."""
    return [finding.code for finding in check(path, text)]


BAD = [
    ("You are kind.\nThe time is {{ now }}.\n", "CK201", 2, 16),
    ("Today is {current_date}.\n", "CK201", 1, 11),
    ("Today: ${TODAY}\n", "CK201", 1, 10),
    ("Now: {{ datetime.now().isoformat() }}\n", "CK201", 1, 9),
    ("{% now 'Y-m-d' %}\n", "CK201", 1, 4),
    ("It is <current time>.\n", "CK201", 1, 7),
    ("As of [CURRENT_DATE] you know this.\n", "CK201", 1, 7),
    ("The year: {{ current_year }}\n", "CK201", 1, 14),
    ("{% set today = strftime_now('%d') %}\nIt is {{ today }}.\n", "CK201", 1, 16),
    ("Id {{ uuid4() }}.\n", "CK202", 1, 7),
    ("Tip: {{ ['a', 'b'] | random }}\n", "CK202", 1, 22),
    ("{nonce}\n", "CK202", 1, 2),
    ("You help {user_name}.\n", "CK203", 1, 11),
    ("You help {{ user.name | title }}.\n", "CK203", 1, 13),
    ("{{#each documents}}- {{this.title}}\n{{/each}}\n", "CK203", 1, 9),
    ("{% for chunk in retrieved_chunks %}{{ chunk }}{% endfor %}\n", "CK203", 1, 17),
    ("{% if user.premium %}Be brief.{% endif %}\n", "CK203", 1, 7),
    ("Where: %(cwd)s\n", "CK203", 1, 10),
    ("Session <session_id>.\n", "CK203", 1, 9),
    ("Turn {{ turn_count }} of ten.\n", "CK203", 1, 9),
    ("You work for {{ company }}.\n", "CK204", 1, 17),
    ("Say %s twice.\n", "CK204", 1, 5),
    ("Read this:\n```\n{code}\n```\n", "CK204", 3, 2),
    ("Today is 2026-03-02.\n", "CK205", 1, 10),
    ("Current time: 2026-03-02T10:11:12Z\n", "CK205", 1, 15),
    ("It is Monday, March 2, 2026.\n", "CK205", 1, 15),
    ("The current time is 14:05.\n", "CK205", 1, 21),
    ("timestamp: 1767225600\n", "CK205", 1, 12),
    ("Session 6f1c0c0e-8a7b-4c5e-9d43-2f1b7a90c111\n", "CK206", 1, 9),
    ("Tool <app.Tool object at 0x7f3a1c2b4d90>\n", "CK206", 1, 23),
    ("Run req_01HF7YAT31JZECHSBG is yours.\n", "CK206", 1, 5),
    ("Your working directory is `/home/ann/shop`.\n", "CK207", 1, 28),
    ("Logs go to /var/folders/x1/run-8812/out.log\n", "CK207", 1, 12),
    ("Root: C:\\Users\\ann\\shop\n", "CK207", 1, 7),
]


@pytest.mark.parametrize(("text", "code", "line", "column"), BAD, ids=[text.strip()[:30] for text, *_ in BAD])
def test_what_changes_is_found_at_its_place(text: str, code: str, line: int, column: int) -> None:
    """A changing value in the stable part gives one finding, with the right rule, line and column."""
    found = check("prompts/agent.md", text)
    assert [(one.code, one.line, one.column) for one in found if one.code != "CK204" or code == "CK204"] == [
        (code, line, column)
    ]


HARMLESS = [
    "You are kind. Answer briefly.\n",
    "- <file.md> (rollout_id=<id>, updated_at=<timestamp>)\n",
    "Name it <date>-<id>-<title>.md.\n",
    "The knowledge cutoff is 2025-01-31.\n",
    "The treaty was signed on 12 December 2015.\n",
    "Version 2026-03-02 of the API was released after 2025-11-01.\n",
    "Write dates like 2026-03-02, for example 2026-03-02T10:00:00Z.\n",
    '```json\n{"date": "2026-03-02", "id": "6f1c0c0e-8a7b-4c5e-9d43-2f1b7a90c111"}\n```\n',
    "<example>\nToday is 2026-03-02, in /home/ann/x.\n</example>\n",
    "We are open 9:00-17:00.\n",
    "Answer in <answer> tags. <date>the date of the letter</date>\n",
    "Put the result into `{name}` or `<session_id>`.\n",
    "Call `/users/{id}/orders/{order_id}`.\n",
    "GET https://api.shop.example/v1/users/{id}\n",
    "The formula is \\frac{a}{b} and x_{i}.\n",
    'Reply as JSON: {{"a": 1, "id": 2}}\n',
    "It costs $100, or 20% sure.\n",
    "Use `echo $HOME` and `%s`.\n",
    '```python\nprint(f"{now} and %s" % x, $y)\n```\n',
    "Paths look like /home/user/project.\n",
    "The binary is /usr/bin/env, settings are in /etc/hosts.\n",
    "{# the {{ now }} is set elsewhere #}\nYou are kind.\n",
    "{% set tone = 'kind' %}Be {{ tone }}. {% for x in [1, 2] %}{{ x }} {{ loop.index }}{% endfor %}\n",
    "{{! {{ now }} comment }}You are kind.\n",
    "You are kind.\n<!-- contextkit: volatile -->\nIt is {{ now }}, {{ user_name }}.\n",
    "You are kind.\n<!-- cache breakpoint -->\nIt is 2026-03-02 10:00.\n",
    "You are kind.\n__SYSTEM_PROMPT_DYNAMIC_BOUNDARY__\nToday is {{ date }}.\n",
    "---\ncontextkit:\n  session-constant: [company, user_name]\n---\nYou help {{ user_name }} of {{ company }}.\n",
    "---\nsession-constant:\n  - user\n---\nYou help {{ user.name }}.\n",
    "---\nvolatile-from: '## Right now'\n---\nYou are kind.\n\n## Right now\n{{ now }}\n",
    "{# contextkit: session-constant company, cwd #}\nYou work for {{ company }} in {{ cwd }}.\n",
    "system:\nYou are kind.\n\nuser:\n{{ question }} at {{ now }}\n",
    "<|im_start|>system\nYou are kind.<|im_end|>\n<|im_start|>user\n{{ question }}\n",
    "Dates have the format {{ date_format }}.\n---\n{# contextkit: session-constant date_format #}\n",
]


@pytest.mark.parametrize("text", HARMLESS, ids=[text.strip()[:30] for text in HARMLESS])
def test_what_does_not_change_is_left_alone(text: str) -> None:
    """Facts, samples, code, declared constants, the volatile part and the last message of the user are silent."""
    assert codes(text) == []


def test_the_users_message_is_not_stable() -> None:
    """A file that is the user's message as a whole may hold anything that is new."""
    assert codes("{{ question }} at {{ now }}\n", "prompts/user_prompt.j2") == []
    assert codes("{{ question }} at {{ now }}\n", "prompts/system_prompt.j2") == ["CK203", "CK201"]


def test_an_earlier_message_of_the_user_is_stable() -> None:
    """Only the last message is new: a few-shot question before an answer is sent again with every request."""
    text = "system:\nBe kind.\nuser:\nIt is {{ now }}\nassistant:\nFine.\nuser:\n{{ question }}\n"
    assert [(one.code, one.line) for one in check("p.prompt", text)] == [("CK201", 4)]


YAML = """\
name: agent
created: 2026-03-02
env:
  HOME: /home/ann/shop
system: |
  You are {persona}.
  It is {current_time}.
messages:
  - role: user
    content: "Hello {user_name}"
  - role: assistant
    content: Hello.
  - role: user
    content: "{question} at {now}"
"""


def test_only_prompts_of_yaml_are_read() -> None:
    """Other keys are settings, and the last message of the user is new."""
    found = [(one.code, one.line, one.column) for one in check("prompts/agent.yaml", YAML)]
    assert found == [("CK204", 6, 12), ("CK201", 7, 10), ("CK203", 10, 22)]


def test_keys_of_a_table_of_prompts_are_prompts() -> None:
    """Under `prompts:` each value is one, save those of the user."""
    text = (
        "prompts:\n  greet: It is {now}.\n  user: '{question}'\n  deep:\n    - text: |\n        {today}\nother: {now}\n"
    )
    assert [(one.code, one.line) for one in check("prompts/all.yml", text)] == [("CK201", 2), ("CK201", 6)]


@pytest.mark.parametrize(
    ("head", "line", "said"),
    [
        ("contextkit:\n  session-constant: [nobody]\n", 3, "'nobody'"),
        ("contextkit:\n  constants-typo: [a]\n", 3, "constants-typo"),
        ("contextkit:\n  volatile-from: '# Nowhere'\n", 3, "# Nowhere"),
    ],
)
def test_a_declaration_without_effect_is_a_finding(head: str, line: int, said: str) -> None:
    """A name that no placeholder has, an unknown key and a heading that is not there are reported at their line."""
    found = check("p.md", f"---\n{head}---\nYou are kind.\n")
    assert [(one.code, one.line) for one in found] == [("CK208", line)]
    assert said in found[0].message


def test_other_front_matter_is_nobodys_business() -> None:
    """Keys of other tools are no mistakes, and no prompt."""
    assert codes("---\nmodel: claude\nupdated: 2026-03-02\ninput: {user_id}\n---\nYou are kind.\n") == []


def test_severities_say_how_sure() -> None:
    """A clock is an error, a value of the request a warning, an open question an info."""
    found: list[Finding] = check("p.md", "{{ now }} {{ user_id }} {{ company }}\nPublic holiday 2026-05-01\n")
    assert [one.severity for one in found] == [Severity.ERROR, Severity.WARNING, Severity.INFO, Severity.INFO]


def test_a_name_is_reported_where_it_stands_first() -> None:
    """A value of the request costs from its first place on; a clock is reported wherever it stands."""
    found = check(
        "p.md", "{{ user_id }} {{ user_id }}\n{{ user_id }} {{ now }} {{ now }} {{ company }} {{ company }}\n"
    )
    assert [(one.code, one.line) for one in found] == [("CK203", 1), ("CK201", 2), ("CK201", 2), ("CK204", 2)]


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("memory_instructions", "CK204"), ("query_language", "CK204"), ("user_language", "CK203"),
        ("currentDateTime", "CK201"), ("time_limit", "CK204"), ("date_format", "CK204"), ("timezone", "CK204"),
        ("RequestID", "CK203"), ("candidate", "CK204"), ("idea", "CK204"), ("todays_date", "CK201"),
    ],
)  # fmt: skip
def test_names_are_read_word_by_word(name: str, code: str) -> None:
    """A word inside another word says nothing; the last word may say that it is a thing of the program."""
    assert codes(f"For {{{{ {name} }}}}.\n") == [code]


def test_a_flood_is_cut_and_says_so() -> None:
    """A rule reports at most a hundred places of one file; the last one says that there are more."""
    found = check("p.md", "{{ now }}\n" * 500)
    assert len(found) == 100
    assert "more" in found[-1].message


def test_lines_end_where_they_end() -> None:
    """LF, CR LF and CR count as ends of lines; characters that only look like it do not."""
    found = check("p.md", "a\r\nb\rc\u2028d\x0ce\n{{ now }}")
    assert [(one.line, one.column) for one in found] == [(4, 4)]


@given(st.text(alphabet="{}%$<>[]`#|-_ \nabnow:'\"0129/\\~", max_size=300), st.sampled_from(["p.md", "p.j2", "p.yaml"]))
def test_any_text_is_read(text: str, path: str) -> None:
    """Nothing in a text stops the rules, and every finding lies inside it."""
    lines = text.replace("\r\n", "\n").split("\n")
    for finding in check(path, text):
        assert 1 <= finding.line <= len(lines)
        assert 1 <= finding.column <= len(lines[finding.line - 1]) + 1


@pytest.mark.parametrize(
    "piece",
    ["{{ ", "{% ", "```\n", "<example>", "{#", "a: |\n", "$", "<a ", " " * 50, "2026-", "- ", "contextkit: ", "`"],
)
@pytest.mark.timeout(20)
def test_hostile_texts_take_no_longer_than_long_ones(piece: str) -> None:
    """A text of openings that nothing closes is read in bounded time."""
    check("p.md", piece * (200_000 // len(piece)))
    check("p.yaml", "system: |\n  " + piece * (50_000 // len(piece)))
