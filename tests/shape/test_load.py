"""Shapes in files: validated on load, with file and key in every message."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from contextkit.errors import ShapeError
from contextkit.shape.chain import Shape
from contextkit.shape.load import load_shapes

EXAMPLES = Path(__file__).parents[2] / "examples" / "shapes"

TOML = """
[tool.contextkit.shapes.order]
select = ["$.id", "$.items[*].sku"]
max_chars = 500

[tool.contextkit.shapes.renamed]
fields = { sku = "$.items[0].sku" }

[[tool.contextkit.shapes.log]]
keep_lines = ["error"]

[[tool.contextkit.shapes.log]]
max_tokens = 400
"""


def test_shapes_of_a_pyproject(tmp_path: Path) -> None:
    """A table is a shape, a list of tables is a chain."""
    (tmp_path / "pyproject.toml").write_text(TOML)
    assert load_shapes(tmp_path / "pyproject.toml") == {
        "order": Shape(select=["$.id", "$.items[*].sku"], max_chars=500),
        "renamed": Shape(fields={"sku": "$.items[0].sku"}),
        "log": [Shape(keep_lines=["error"]), Shape(max_tokens=400)],
    }


def test_a_pyproject_without_shapes_has_none(tmp_path: Path) -> None:
    """No table, no shapes, no error."""
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    assert load_shapes(tmp_path / "pyproject.toml") == {}


@pytest.mark.parametrize("name", sorted(path.name for path in EXAMPLES.glob("*.json")))
def test_the_shapes_of_the_examples_load(name: str) -> None:
    """Every example file is a file of shapes that work."""
    assert load_shapes(EXAMPLES / name)


@pytest.mark.parametrize(
    ("declared", "where", "what"),
    [
        ({"a": {"slect": ["$.x"]}}, "a.slect", "Unknown option"),
        ({"a": {"select": ["$.x * 2"]}}, "a, $.x", "arithmetic"),
        ({"a": [{"max_chars": 10}, {"max_chars": 0}]}, "a[1]", "max_chars"),
        ({"a": {"max_chars": "10"}}, "a", "max_chars"),
        ({"a": {"as_table": "yes"}}, "a.as_table", "true or false"),
        ({"a": {"fields": ["$.x"]}}, "a.fields", "object"),
        ({"a": {"drop": [1]}}, "a.drop", "list of texts"),
        ({"a": {"head": "all"}}, "a.head", "between 0 and 1"),
        ({"a": {"model": "Order"}}, "a.model", "Unknown option"),
        ({"a": "$.x"}, "a", "object of options"),
        (["$.x"], "", "object of names"),
    ],
)
def test_a_mistake_names_its_file_and_key(tmp_path: Path, declared: Any, where: str, what: str) -> None:
    """The message says what is wrong, in which file, under which key."""
    path = tmp_path / "shapes.json"
    path.write_text(json.dumps(declared))
    with pytest.raises(ShapeError, match=what) as caught:
        load_shapes(path)
    assert caught.value.where.startswith(f"{path}: {where}")


@pytest.mark.parametrize(("name", "content"), [("a.json", "{"), ("a.toml", "x = "), ("gone.json", None)])
def test_a_file_that_cannot_be_read_is_a_shape_error(tmp_path: Path, name: str, content: str | None) -> None:
    """Absent and broken files are told with their name."""
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(ShapeError) as caught:
        load_shapes(tmp_path / name)
    assert name in caught.value.where
