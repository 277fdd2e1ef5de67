"""Tool outputs at the door: text, JSON or blocks in; bounded, clean and sendable out; the original kept."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from anthropic.types import TextBlock
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from contextkit import Conversation
from contextkit.api.messages import dumps
from contextkit.api.validity import faults
from contextkit.errors import ConfigError, ContentError, ShapeError
from contextkit.history.archive import Archive, handle_of
from contextkit.outputs import Outputs, declared
from contextkit.shape.chain import Shape

if TYPE_CHECKING:
    from pathlib import Path

IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}
TOOL = {"name": "look", "input_schema": {"type": "object"}}


def a_door(max_chars: int = 1_000, **shapes: Any) -> Outputs:
    """A door with an archive of its own."""
    return Outputs(shapes, Archive(), max_chars, "2026")


def sendable(content: Any, *, is_error: bool = False) -> bool:
    """Whether a request with this tool result is valid."""
    result = {"type": "tool_result", "tool_use_id": "a"} | ({"content": content} if content else {})
    messages = [
        {"role": "user", "content": "x"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "look", "input": {}}]},
        {"role": "user", "content": [{**result, "is_error": is_error}]},
    ]
    body = {"model": "claude-opus-5", "max_tokens": 9, "messages": messages, "tools": [TOOL]}
    dumps(body).encode()
    return not list(faults(body))


TEXT = st.text(st.characters(), max_size=600)
LEAVES = st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="utf-8"), max_size=30)
TYPES = st.sampled_from(["text", "image", "document", "search_result", "tool_reference", "row", 7, None, ["x"]])
JSON = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(st.sampled_from(["type", "text", "source", "id"]), inner, max_size=3)
        | st.fixed_dictionaries({"type": TYPES}, optional={"text": inner, "source": inner, "content": inner})
    ),
    max_leaves=15,
)


@given(TEXT | JSON, st.booleans())
def test_whatever_a_tool_gives_can_be_sent(output: Any, is_error: bool) -> None:
    """Any text or JSON, rows of data that look like blocks included: what enters is valid and within the cap."""
    before = copy.deepcopy(output)
    entered = a_door(300).enter("look", output, is_error=is_error)
    assert output == before
    assert sendable(entered, is_error=is_error)
    assert not is_error or entered
    texts = [entered] if isinstance(entered, str) else [block["text"] for block in entered if "text" in block]
    assert all(len(text) <= 300 for text in texts if isinstance(text, str))


@given(TEXT | JSON)
def test_the_same_output_enters_as_the_same_bytes(output: Any) -> None:
    """Deterministic: two doors let in the same."""
    assert dumps(a_door(300).enter("look", output)) == dumps(a_door(300).enter("look", output))


def test_what_is_cut_is_in_the_archive() -> None:
    """The note names the handle, and the handle gives the whole text."""
    door = a_door(300)
    whole = "line\n" * 1_000
    entered = door.enter("look", whole)
    handle = handle_of(whole)
    assert isinstance(entered, str)
    assert len(entered) <= 300
    assert handle in entered
    assert door.archive.get(handle) == whole


def test_what_is_not_cut_leaves_no_copy() -> None:
    """Short outputs enter as they are, and the archive stays empty."""
    door = a_door()
    assert door.enter("look", "short") == "short"
    assert door.enter("look", {"b": 1, "a": None}) == '{"b":1,"a":null}'
    assert len(door.archive) == 0


def test_nothing_is_empty_and_a_silent_error_has_words() -> None:
    """An empty output enters as nothing; an error without a message gets one, because the API refuses it empty."""
    door = a_door()
    blank = [{"type": "text", "text": " "}]
    for nothing in ("", " \n", None, blank):
        assert door.enter("look", nothing) == ""
        assert door.enter("look", nothing, is_error=True) == "(the tool failed without a message)"
    assert door.enter("look", [], is_error=True) == "[]"


def test_lone_surrogates_are_replaced_in_text() -> None:
    """Bytes that a tool decoded loosely enter with a replacement character, so that the request can be sent."""
    assert a_door().enter("look", "a\ud800b") == "a\ufffdb"
    assert a_door().enter("look", "a\ud83d\ude00b") == "a😀b"


@pytest.mark.parametrize("output", [b"bytes", {1, 2}, object(), {"a": float("nan")}, {1: "key"}])
def test_what_is_not_json_is_refused_with_the_tools_name(output: Any) -> None:
    """The error names the tool whose output it was."""
    with pytest.raises(ContentError) as caught:
        a_door().enter("look", output)
    assert caught.value.where.startswith("output of look")


def test_blocks_enter_as_blocks() -> None:
    """Images and texts, dicts or SDK objects, keep their form; blank ones and marks are left out."""
    marked = {**IMAGE, "cache_control": {"type": "ephemeral"}}
    entered = a_door().enter("look", [marked, TextBlock(type="text", text="seen"), {"type": "text", "text": " "}])
    assert entered == [IMAGE, {"type": "text", "text": "seen"}]
    assert marked["cache_control"]


@pytest.mark.parametrize(
    "rows",
    [
        [{"type": "text", "body": "x"}],
        [{"type": "image", "url": "https://example.org"}],
        [{"type": ["text"], "text": "x"}],
        [{"type": "document", "source": "scan"}],
        [IMAGE, {"type": "row"}],
    ],
)
def test_data_with_a_type_of_its_own_is_data(rows: list[Any]) -> None:
    """Rows that only look like content blocks enter as JSON."""
    assert a_door().enter("look", rows) == dumps(rows)


def test_long_text_blocks_are_cut_too() -> None:
    """The cap holds for each text block, and the original is kept."""
    door = a_door(300)
    entered = door.enter("look", [{"type": "text", "text": "word " * 500}])
    assert isinstance(entered, list)
    (block,) = entered
    assert len(block["text"]) <= 300
    assert door.archive.get(handle_of("word " * 500)) == "word " * 500


def test_shapes_by_name_and_for_all_others() -> None:
    """A tool's own shape, else that of "*"; an error is never shaped; what a shape cuts is kept."""
    door = a_door(10_000, look=Shape(keep_lines=["error"]), **{"*": Shape(keep_lines=["warn"])})
    output = "ERROR one\n" + "noise\n" * 50 + "WARN two\n" + "noise\n" * 50
    own, other = door.enter("look", output), door.enter("read", output)
    assert "ERROR one" in own
    assert "WARN two" not in own
    assert "WARN two" in other
    assert "ERROR one" not in other
    assert door.enter("look", output, is_error=True) == output
    assert door.archive.get(handle_of(output)) == output


@pytest.mark.parametrize("cap", [0, -1, 199])
def test_a_cap_without_room_is_refused(cap: int) -> None:
    """Under two hundred characters there is no room for a note and anything beside it."""
    with pytest.raises(ConfigError, match="max_output_chars"):
        a_door(cap)


def test_a_declared_selection_names_its_handle_only_where_it_can_be_read() -> None:
    """Without `recall` the note would cost its tokens for nothing; the original is kept either way."""
    shape = Shape(select=["$.id"])
    silent = a_door(look=shape)
    named = replace(a_door(look=shape), recall=True)
    output = {"id": 1, "rest": [1, 2]}
    assert silent.enter("look", output) == '{"id":1}'
    entered = named.enter("look", output)
    (handle,) = named.archive
    assert handle in entered
    assert named.archive.get(handle) == silent.archive.get(handle) == '{"id":1,"rest":[1,2]}'
    assert named.enter("look", {"id": 1}) == '{"id":1}'
    assert len(named.archive) == 1


def test_what_was_recalled_is_not_shaped_again() -> None:
    """The shape for all other tools is not for the answers of `recall`; a tool of that name without it is shaped."""
    door = replace(a_door(), shapes={"*": Shape(max_chars=20)})
    assert len(door.enter("recall", "x" * 100)) == 20
    assert replace(door, recall=True).enter("recall", "x" * 100) == "x" * 100
    long = "word " * 500
    said = door.recalled({"handle": door.archive.put(long), "max_chars": 5_000})
    assert len(said.text) <= 1_000


class Row(BaseModel):
    """What a tool is said to give."""

    id: int
    name: str


def test_drift_is_kept_with_the_tools_name() -> None:
    """An output that is not what its model says enters, and the finding has tool, path and sample."""
    door = a_door(look=Shape(Row))
    assert door.enter("look", {"id": 1, "name": "a"}) == '{"id":1,"name":"a"}'
    assert not door.drift
    entered = door.enter("look", {"id": "one", "name": "a"})
    assert '"one"' in entered
    (found,) = door.drift
    assert (found.tool, found.found, found.sample) == ("look", "string", '"one"')
    assert "id" in found.path
    for _ in range(1_200):
        door.enter("look", {"id": "one", "name": "a"})
    assert len(door.drift) == 1_000


def test_shapes_come_from_a_mapping_a_file_or_the_tools(tmp_path: Path) -> None:
    """A path is loaded; what tools declare for themselves stands behind; anything else is refused."""
    file = tmp_path / "shapes.json"
    file.write_text('{"look": {"select": ["$.id"]}}')
    own = {"look": Shape(max_chars=9), "read": Shape(max_chars=8)}
    assert declared(file, own) == {"look": Shape(select=["$.id"]), "read": Shape(max_chars=8)}
    assert declared(str(file), {}) == {"look": Shape(select=["$.id"])}
    assert declared(None, own) == own
    with pytest.raises(ConfigError, match="list"):
        declared([], {})  # type: ignore[arg-type]
    with pytest.raises(ShapeError, match="cannot be read"):
        declared(tmp_path / "missing.json", {})


def test_a_conversation_takes_shapes_from_a_file_and_shows_drift(tmp_path: Path) -> None:
    """`Conversation(shapes=path)` and `conv.drift`, end to end."""
    file = tmp_path / "pyproject.toml"
    file.write_text('[tool.contextkit.shapes.look]\nselect = ["$.id"]\n')
    call = {"type": "tool_use", "id": "a", "name": "look", "input": {}}
    for shapes, shown, drifts in ((file, '{"id":"x"}', 0), ({"look": Shape(Row)}, None, 1)):
        conv = Conversation(model="sonnet", tools=[TOOL], shapes=shapes).user("Go")
        conv.record({"role": "assistant", "content": [call]}).tool_result("a", {"id": "x", "name": "n"})
        assert shown is None or conv.messages[-1]["content"][0]["content"] == shown
        assert [found.tool for found in conv.drift] == ["look"] * drifts


def test_a_huge_output_of_blocks_is_capped_as_a_whole() -> None:
    """Fifty thousand blocks enter as one text under the cap, and the whole of them is in the archive."""
    door = a_door(1_000)
    entered = door.enter("look", [{"type": "text", "text": "word " * 20}] * 50_000)
    assert isinstance(entered, list)
    assert sum(len(block["text"]) for block in entered) <= 1_000
    assert sendable(entered)
    assert len(door.archive) == 1


def test_a_text_document_keeps_to_the_cap() -> None:
    """A document block of plain text is cut like any text."""
    source = {"type": "text", "media_type": "text/plain", "data": "word " * 2_000}
    entered = a_door(1_000).enter("look", [{"type": "document", "source": source}])
    assert isinstance(entered, list)
    assert len(entered[0]["source"]["data"]) <= 1_000


def test_a_shape_reaches_the_texts_of_blocks() -> None:
    """What an MCP tool gives, JSON in a text block, is shaped as declared; images beside it stay."""
    door = a_door(look=Shape(select=["$.a"]))
    entered = door.enter("look", [{"type": "text", "text": '{"a": 1, "b": "xxxxxxxx"}'}, IMAGE])
    assert entered == [{"type": "text", "text": '{"a":1}'}, IMAGE]


@pytest.mark.parametrize("output", [[{"type": "text", "text": "a\ud800"}], {"a": "a\ud800"}, ["a\ud800"]])
def test_lone_surrogates_enter_as_the_replacement_character(output: Any) -> None:
    """In blocks and in values as in text."""
    assert "a\ufffd" in str(a_door().enter("look", output))
