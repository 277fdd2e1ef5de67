from __future__ import annotations

import pytest

from contextkit.lint.rule import Finding, Place, Severity
from contextkit.lint.suppress import apply, comments


def a_finding(line: int, code: str = "CK201", **more: object) -> Finding:
    """A finding in a file called x."""
    fields = {"path": "x", "column": 1, "message": "m", **more}
    return Finding(code=code, name="n", severity=Severity.ERROR, line=line, **fields)  # type: ignore[arg-type]


def left(text: str, *findings: Finding, kind: str = "source") -> list[tuple[int, str]]:
    """Lines and codes of what is left."""
    kept, _ = apply(findings, {"x": comments(text, kind)}, lambda _: True)  # type: ignore[arg-type]
    return [(one.line, one.code) for one in kept]


def test_a_comment_takes_back_what_it_names_on_its_line() -> None:
    """Only its line, only its codes; several codes and beginnings of codes may stand in it."""
    text = "a = 1  # contextkit: ignore[CK201, CK1] it is a test\nb = 2\n"
    assert left(text, a_finding(1), a_finding(1, "CK101"), a_finding(1, "CK305"), a_finding(2)) == [
        (1, "CK305"),
        (2, "CK201"),
    ]


def test_alone_on_a_line_it_speaks_of_the_next() -> None:
    """Also over several comments in a row, in source and in prompts."""
    text = "# contextkit: ignore[CK201] one\n# contextkit: ignore[CK202] two\na = 1\n"
    assert left(text, a_finding(3), a_finding(3, "CK202")) == []
    prompt = "<!-- contextkit: ignore[CK201] why -->\n{{ now }}\nx {{ now }} {# contextkit: ignore[CK201] #}\n"
    assert left(prompt, a_finding(2), a_finding(3), kind="prompt") == []


def test_a_string_is_no_comment() -> None:
    """In Python only comments count."""
    assert left('a = "# contextkit: ignore[CK201]"\n', a_finding(1)) == [(1, "CK201")]


def test_any_line_of_the_text_and_any_place_of_the_flow_will_do() -> None:
    """A comment behind the last line of a call, or where the value is sent, counts."""
    text = "a = (\n 1)  # contextkit: ignore[CK201] ok\nsend(a)  # contextkit: ignore[CK101] ok\n"
    flow = [Place("x", 1, 1), Place("x", 3, 1)]
    assert left(text, a_finding(1, end_line=2), a_finding(1, "CK101", flow=flow)) == []


@pytest.mark.parametrize(
    ("comment", "code"),
    [
        ("ignore[CK201] why", "CK001"),
        ("ignore", "CK002"),
        ("ignore[]", "CK002"),
        ("ignore[CK999]", "CK002"),
        ("ignore[clock]", "CK002"),
    ],
)
def test_a_comment_that_does_nothing_is_a_finding(comment: str, code: str) -> None:
    """Unused, without codes, or with codes that no rule has."""
    assert left(f"a = 1  # contextkit: {comment}\n") == [(1, code)]


def test_a_rule_that_is_off_leaves_no_unused_comment() -> None:
    """A comment is not called unused by a run that did not look."""
    found = comments("a = 1  # contextkit: ignore[CK201] why\n", "source")
    assert apply([], {"x": found}, lambda code: code != "CK201") == ([], 0)


def test_source_that_does_not_parse_has_no_comments() -> None:
    """The tokenizer's refusal is no error here."""
    assert comments("contextkit: ( '''\n", "source") == []
