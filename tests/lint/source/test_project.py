"""How imports resolve, and which files belong together."""

from __future__ import annotations

import pytest

from contextkit.lint.source import groups, summarise
from contextkit.lint.source.project import Project


def a_project(*paths: str) -> Project:
    """Empty modules under these paths."""
    return Project({path: summarise(path, "") for path in paths}, source=lambda _: "")


@pytest.mark.parametrize(
    ("name", "near", "level", "path"),
    [
        ("prompts", "app/bot.py", 1, "app/prompts.py"),
        ("", "app/sub/x.py", 2, "app/__init__.py"),
        ("app.prompts", "main.py", 0, "app/prompts.py"),
        ("prompts", "app/bot.py", 0, "app/prompts.py"),
        ("lib.core", "tests/test_core.py", 0, "src/lib/core.py"),
        ("json", "main.py", 0, None),
        ("anthropic", "main.py", 0, None),
        ("deep", "main.py", 0, None),
    ],
)
def test_an_import_leads_where_python_would_find_it(name: str, near: str, level: int, path: str | None) -> None:
    """Relative, absolute and src layouts resolve; the standard library and known libraries are not the project's."""
    project = a_project(
        "app/__init__.py", "app/bot.py", "app/prompts.py", "app/sub/__init__.py", "app/sub/x.py", "app/deep.py",
        "main.py", "src/lib/__init__.py", "src/lib/core.py", "tests/test_core.py", "app/json.py",
    )  # fmt: skip
    assert project.find(name, near, level) == path


def test_files_that_no_request_leads_to_are_in_no_group() -> None:
    """A group is what sends, what imports it and what those import; two programs are two groups."""
    send = "import anthropic\nanthropic.Anthropic().messages.create(model='claude-opus-4-6', messages=[])\n"
    texts = {
        "one/llm.py": send,
        "one/app.py": "from llm import x\nimport words\n",
        "one/words.py": "",
        "one/alone.py": "",
        "two/llm2.py": send,
    }
    modules = [summarise(path, text) for path, text in texts.items()]
    assert sorted(groups(modules)) == [("one/app.py", "one/llm.py", "one/words.py"), ("two/llm2.py",)]
