from __future__ import annotations

from pathlib import Path

import pytest

from contextkit.errors import ConfigError
from contextkit.lint.config import Config, load, nearest

GOOD = """
[tool.contextkit.lint]
select = ["CK1", "CK2"]
ignore = ["CK204"]
exclude = ["vendor/"]
baseline = "known.json"
model = "claude-opus-5-5"

[tool.contextkit.lint.per-file-ignores]
"tests/**" = ["CK2"]
"""


def settings(folder: Path, text: str) -> Path:
    """A pyproject.toml with a text."""
    file = folder / "pyproject.toml"
    file.write_text(text)
    return file


def test_all_keys_are_read(tmp_path: Path) -> None:
    """Every key has its place; the baseline is relative to the file."""
    assert load(settings(tmp_path, GOOD)) == Config(
        root=tmp_path.resolve(),
        select=("CK1", "CK2"),
        ignore=("CK204",),
        per_file_ignores=(("tests/**", ("CK2",)),),
        exclude=("vendor/",),
        baseline=tmp_path / "known.json",
        model="claude-opus-5-5",
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("selekt = ['CK1']", "'selekt'.*Did you mean 'select'"),
        ("colour = 1", "'colour'.*Known are: select"),
        ("select = 'CK1'", "'select' must be a list"),
        ("select = ['CK999']", "'CK999'.*select"),
        ("ignore = ['']", "''"),
        ("baseline = 3", "'baseline' must be a text"),
        ("per-file-ignores = ['a']", "'per-file-ignores' must be a table"),
        ("[tool.contextkit.lint.per-file-ignores]\n'a' = ['CKX']", "'CKX'.*per-file-ignores, a"),
    ],
)
def test_what_is_not_understood_is_refused(tmp_path: Path, text: str, said: str) -> None:
    """The error names the key, and what was perhaps meant."""
    file = settings(tmp_path, f"[tool.contextkit.lint]\n{text}\n")
    with pytest.raises(ConfigError, match=said):
        load(file)


@pytest.mark.parametrize("text", ["not = [toml", "[tool.contextkit]\nlint = 3\n", "a = 1\n"])
def test_a_file_that_is_no_settings_is_refused(tmp_path: Path, text: str) -> None:
    """Broken TOML, a key in the place of the table, no table at all."""
    with pytest.raises(ConfigError):
        load(settings(tmp_path, text))


def test_the_nearest_settings_above_all_paths_count(tmp_path: Path) -> None:
    """A pyproject.toml without the table is passed by."""
    outer = settings(tmp_path, GOOD)
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    settings(inner, "[project]\nname = 'x'\n")
    (inner / "x.py").write_text("")
    assert nearest([str(inner / "x.py"), str(inner)]) == outer
    assert load(None) == Config(Path.cwd())


@pytest.mark.parametrize(
    ("select", "ignore", "code", "wanted"),
    [
        ((), (), "CK101", True),
        (("CK1",), (), "CK201", False),
        (("CK1",), ("CK101",), "CK101", False),
        (("CK101",), ("CK1",), "CK101", True),
        (("CK1",), ("CK1",), "CK101", False),
        ((), ("CK",), "CK101", False),
    ],
)
def test_the_longest_beginning_decides(
    select: tuple[str, ...], ignore: tuple[str, ...], code: str, wanted: bool
) -> None:
    """A rule that is named is on though its family is off, and the other way round."""
    assert Config(select=select, ignore=ignore).wants(code) is wanted


@pytest.mark.parametrize(
    ("select", "ignore", "wanted"),
    [
        ((), (), "123"),
        (("CK1",), (), "1"),
        (("CK",), ("CK3",), "12"),
        (("CK205",), (), "2"),
        (("CK205",), ("CK2",), "2"),
        ((), ("CK",), ""),
        ((), ("CK101",), "123"),
    ],
)
def test_families_without_rules_are_not_wanted(select: tuple[str, ...], ignore: tuple[str, ...], wanted: str) -> None:
    """A family is read when one of its rules may be on."""
    config = Config(select=select, ignore=ignore)
    assert "".join(digit for digit in "123" if config.wants_any(f"CK{digit}")) == wanted
