from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from contextkit.lint.fix import fix
from contextkit.lint.rule import Edit, Finding, Severity

if TYPE_CHECKING:
    from pathlib import Path


def a_finding(path: str, *edits: tuple[int, int, str], line: int = 1) -> Finding:
    """A finding with edits of its own file."""
    made = [Edit(path, *edit) for edit in edits]
    return Finding("CK108", "n", Severity.ERROR, path, line, 1, "m", edits=made)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A Python file with a name that occurs twice, with CR LF and its own mode."""
    found = tmp_path / "x.py"
    found.write_bytes("é = dumps(a)\r\nb = 2\r\n".encode())
    found.chmod(0o640)
    return found


def run(file: Path, *findings: Finding) -> list[str]:
    """What became of each: "" or why not."""
    return [why for _, why in fix(findings, {str(file): file.read_bytes()})]


def test_edits_are_made_at_their_places(file: Path) -> None:
    """Offsets count characters; line ends, mode and the rest of the text stay."""
    path = str(file)
    assert run(file, a_finding(path, (11, 11, ", sort_keys=True")), a_finding(path, (18, 19, "3"), line=2)) == ["", ""]
    assert file.read_bytes() == "é = dumps(a, sort_keys=True)\r\nb = 3\r\n".encode()
    assert file.stat().st_mode & 0o777 == 0o640


def test_edits_that_overlap_are_not_both_made(file: Path) -> None:
    """The first one is made, the second is left for the next run; the same edit twice is one."""
    path = str(file)
    one, two, same = (
        a_finding(path, (4, 12, "sorted(a)")),
        a_finding(path, (10, 11, "b")),
        a_finding(path, (4, 12, "sorted(a)")),
    )
    assert sorted(run(file, one, two, same)) == ["", "", "another fix changes the same text; run again"]
    assert file.read_bytes().startswith("é = sorted(a)\r\n".encode())


def test_a_result_that_does_not_parse_is_not_written(file: Path) -> None:
    """The file stays as it was, to the byte."""
    before = file.read_bytes()
    assert run(file, a_finding(str(file), (11, 12, ""))) == ["the result would not parse"]
    assert file.read_bytes() == before


@pytest.mark.parametrize("edit", [(-1, 2, "x"), (5, 3, "x"), (0, 999, "x")])
def test_an_edit_outside_of_the_file_is_refused(file: Path, edit: tuple[int, int, str]) -> None:
    """Whatever a rule may have said."""
    before = file.read_bytes()
    assert run(file, a_finding(str(file), edit)) == ["the edit is not inside the file"]
    assert file.read_bytes() == before


def test_a_file_that_changed_is_left_alone(file: Path) -> None:
    """What was analysed is what is changed, or nothing."""
    finding = a_finding(str(file), (11, 11, ", sort_keys=True"))
    done = fix([finding], {str(file): b"other"})
    assert done == [(finding, "the file changed meanwhile")]


def test_another_file_is_not_changed(file: Path, tmp_path: Path) -> None:
    """A finding changes its own file only, and one without edits changes nothing."""
    other = Finding("CK108", "n", Severity.ERROR, str(file), 1, 1, "m", edits=[Edit(str(tmp_path / "y.py"), 0, 0, "x")])
    plain = Finding("CK108", "n", Severity.ERROR, str(file), 1, 1, "m")
    assert run(file, other, plain) == ["its edits are in another file"]


def test_a_link_stays_a_link(file: Path, tmp_path: Path) -> None:
    """The file it leads to is changed."""
    link = tmp_path / "link.py"
    link.symlink_to(file)
    assert run(link, a_finding(str(link), (18, 19, "3"))) == [""]
    assert link.is_symlink()
    assert b"b = 3" in file.read_bytes()


def test_the_encoding_and_the_mark_stay(tmp_path: Path) -> None:
    """A declared encoding and a byte order mark survive."""
    latin = tmp_path / "l.py"
    latin.write_bytes("# coding: latin-1\né = 1\n".encode("latin-1"))
    assert run(latin, a_finding(str(latin), (22, 23, "2"))) == [""]
    assert latin.read_bytes() == "# coding: latin-1\né = 2\n".encode("latin-1")
    marked = tmp_path / "m.py"
    marked.write_bytes(b"\xef\xbb\xbfa = 1\n")
    assert run(marked, a_finding(str(marked), (4, 5, "2"))) == [""]
    assert marked.read_bytes() == b"\xef\xbb\xbfa = 2\n"
