"""Templates: what of the values reaches the text."""

from __future__ import annotations

import ast
from string import Template

from hypothesis import given
from hypothesis import strategies as st

from contextkit.lint.source.follow import Run
from contextkit.lint.source.given import Given
from contextkit.lint.source.project import Project
from contextkit.lint.source.scope import Scope
from contextkit.lint.source.templates import METHODS, percent, template
from contextkit.lint.source.values import Heap, Kind, Spot, Taint, Value

NAMES = ("at", "rules", "team", "tone")
SPOT = Spot("a.py", 1, 0, 1, 4)
SCOPE = Scope("a.py")
FIELDS = {"percent": ("%({})s", "%%({})s"), "format": ("{{{}!s:>3}}", "{{{{{}}}}}"), "dollar": ("${{{}}}", "$${}")}
PARTS = st.lists(st.tuples(st.sampled_from(NAMES), st.booleans()), max_size=6)


def a_run() -> Run:
    """A run over a project of no files."""
    return Run(Project({}, source=lambda _: ""))


def values() -> dict[str, Value]:
    """A value for each name, told apart by its taint."""
    return {name: Value(taints=frozenset({Taint(Kind.CLOCK, SPOT, name)}), open=True) for name in NAMES}


def mapping() -> Value:
    """The values as a dict."""
    return Value(heap=Heap("dict", keys=values()))


def written_as(spelling: str, parts: list[tuple[str, bool]]) -> str:
    """A template with a field for each part, or the same field escaped."""
    return " ".join(FIELDS[spelling][escaped].format(name) for name, escaped in parts)


def reached(value: Value | None) -> set[str]:
    """The names whose values are in a text."""
    assert value is not None
    return {taint.what for taint in value.taints}


@given(PARTS)
def test_the_fields_of_a_percent_template_are_what_python_fills(parts: list[tuple[str, bool]]) -> None:
    """Of `text % values` exactly those values reach the text that Python puts there."""
    text = written_as("percent", parts)
    node = ast.parse("head % values", mode="eval").body
    assert isinstance(node, ast.BinOp)
    filled = percent(a_run(), Value(const=text), mapping(), node, SCOPE)
    marked = text % {name: f"<{name}>" for name in NAMES}
    expected = {name for name in NAMES if f"<{name}>" in marked}
    assert (reached(filled) if filled is not None else set()) == expected


@given(PARTS, st.booleans())
def test_the_fields_of_a_format_are_what_python_fills(parts: list[tuple[str, bool]], mapped: bool) -> None:
    """Of `format` and `format_map` exactly those values reach the text that Python puts there."""
    text = written_as("format", parts)
    node = ast.parse("head.format_map(values)" if mapped else "head.format(**values)", mode="eval").body
    asked = Given(a_run(), node, SCOPE, [mapping()] if mapped else [], {} if mapped else values(), [])
    marked = text.format(**{name: f"<{name}>" for name in NAMES})
    assert reached(METHODS["format"](Value(const=text), asked)) == {n for n in NAMES if f"<{n}>" in marked}


@given(PARTS)
def test_the_names_of_a_template_are_what_python_fills(parts: list[tuple[str, bool]]) -> None:
    """Of `Template(text).substitute(values)` exactly those values reach the text that Python puts there."""
    text = written_as("dollar", parts)
    node = ast.parse("t.substitute(values)", mode="eval").body
    made = template(Given(a_run(), node, SCOPE, [Value(const=text)], {}, []), "string")
    filled = METHODS["substitute"](made, Given(a_run(), node, SCOPE, [mapping()], {}, []))
    marked = Template(text).substitute({name: f"<{name}>" for name in NAMES})
    assert reached(filled) == {name for name in NAMES if f"<{name}>" in marked}


def test_a_broken_template_may_hold_all() -> None:
    """A text that Python would not fill says nothing of what reaches it."""
    node = ast.parse("head.format(**values)", mode="eval").body
    asked = Given(a_run(), node, SCOPE, [], values(), [])
    assert reached(METHODS["format"](Value(const="{at"), asked)) == set(NAMES)
    assert reached(METHODS["format"](Value(open=True), asked)) == set(NAMES)


def test_a_jinja_template_that_includes_another_may_hold_all() -> None:
    """What an included file names is not known; what the tags of this one name is."""
    node = ast.parse("t.render(**values)", mode="eval").body
    for text, expected in (
        ("{% include 'head.j2' %}", set(NAMES)),
        ("tone {{ team }}", {"team"}),
        ("{% if at %}{{ at | upper }}{% endif %}", {"at"}),
        ("<< tone >>", {"tone"}),
    ):
        made = template(Given(a_run(), node, SCOPE, [Value(const=text)], {}, []), "jinja2")
        filled = METHODS["render"](made, Given(a_run(), node, SCOPE, [], values(), []))
        assert reached(filled) == expected
    assert METHODS["render"](Value(name="?page", open=True), Given(a_run(), node, SCOPE, [], values(), [])) is None
