"""Content blocks, judged alone and at the door."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contextkit.api.blocks import KINDS, check_blocks, malformed_block, refused_block
from contextkit.errors import ContentError

if TYPE_CHECKING:
    from collections.abc import Sequence

PNG = {"type": "base64", "media_type": "image/png", "data": "aGk="}
URL = {"type": "url", "url": "https://example.com/a"}
FILE = {"type": "file", "file_id": "file_1"}
PDF = {"type": "base64", "media_type": "application/pdf", "data": "aGk="}
PLAIN = {"type": "text", "media_type": "text/plain", "data": "Hi."}
TEXT = {"type": "text", "text": "Hi."}
CALL = {"type": "tool_use", "id": "a1", "name": "t", "input": {"a": 1}}
FOUND = {"type": "search_result", "source": "s", "title": "t", "content": [TEXT]}


def image(source: Any) -> dict[str, Any]:
    """An image block."""
    return {"type": "image", "source": source}


def document(source: Any) -> dict[str, Any]:
    """A document block."""
    return {"type": "document", "source": source}


def result(content: Any) -> dict[str, Any]:
    """A tool result."""
    return {"type": "tool_result", "tool_use_id": "a1", "content": content}


GOOD = [
    *(image(source) for source in (PNG, URL, FILE)),
    *(document(source) for source in (PDF, PLAIN, URL, FILE)),
    document({"type": "content", "content": "Hi."}),
    document({"type": "content", "content": [TEXT, image(PNG)]}),
    FOUND,
    {"type": "container_upload", "file_id": "file_1"},
    TEXT,
]


@pytest.mark.parametrize("block", GOOD, ids=lambda block: f"{block['type']}-{block.get('source', '')}"[:40])
def test_what_the_sdk_has_a_type_for_is_taken(block: dict[str, Any]) -> None:
    """Every source of an image and a document, search results and uploads, from the user; most in results too."""
    check_blocks([block], "user", where="user()")
    if block["type"] != "container_upload":
        check_blocks([block], "tool_result", where="output")
        check_blocks([result([block])], "user", where="tool_result()")


BAD_SOURCES: Sequence[Any] = (
    *(None, 5, "url", {}, {"type": 5}, {"type": ["url"]}, {"type": "path", "path": "a.png"}),
    *({"type": "url"}, {"type": "url", "url": 5}, {"type": "file"}, {"type": "file", "file_id": None}),
    *({"type": "base64"}, {"type": "base64", "data": "aGk="}, {"type": "base64", "media_type": "image/png"}),
    {"type": "base64", "media_type": "image/bmp", "data": "aGk="},
    {"type": "base64", "media_type": ["image/png"], "data": "aGk="},
)


@pytest.mark.parametrize("source", BAD_SOURCES, ids=repr)
@pytest.mark.parametrize("place", ["user", "tool_result"])
def test_a_source_that_no_type_allows_is_refused(source: Any, place: str) -> None:
    """The error names the block, and what a source is."""
    for block in (image(source), document(source)):
        with pytest.raises(ContentError, match=r"door\[1\]\.(image|document)\.source") as caught:
            check_blocks([TEXT, block], place, where="door")
        assert "base64" in caught.value.fix


@pytest.mark.parametrize(
    "block",
    [
        image(PDF),
        image(PLAIN),
        document(PNG),
        document({**PLAIN, "media_type": "text/html"}),
        document({"type": "content"}),
        document({"type": "content", "content": 5}),
        document({"type": "content", "content": [document(PDF)]}),
        {**FOUND, "title": None},
        {**FOUND, "content": "Hi."},
        {**FOUND, "content": [image(PNG)]},
        {"type": "container_upload"},
        result(5),
        result([5]),
        result([{"type": "nonsense"}]),
        result([CALL]),
        result([{"type": "text"}]),
        {**result("x"), "tool_use_id": 5},
        *(CALL, {"type": "thinking", "thinking": "t", "signature": "s"}, {"type": "tool_addition"}),
        {**TEXT, "citations": [{"type": "char_location"}]},
        {"type": "bogus"},
    ],
    ids=repr,
)
def test_what_a_user_cannot_say_is_refused(block: dict[str, Any]) -> None:
    """A block of another kind of source, another place, or no kind at all."""
    with pytest.raises(ContentError) as caught:
        check_blocks([block], "user", where="user()")
    assert caught.value.where.startswith("user()[0]")
    assert caught.value.fix


@pytest.mark.parametrize(
    "block",
    [
        {**CALL, "name": None},
        {**CALL, "name": ""},
        {**CALL, "id": 5},
        {**CALL, "input": "str"},
        {**CALL, "input": None},
        {"type": "tool_use", "id": "a1", "name": "t"},
        {"type": "thinking", "thinking": "t"},
        {"type": "redacted_thinking"},
        *(image(URL), document(URL), FOUND, result("x"), {"type": "tool_removal"}, {"type": "tool_reference"}),
    ],
    ids=repr,
)
def test_what_cannot_be_sent_back_is_refused(block: dict[str, Any]) -> None:
    """An answer holds no results and images, and calls and thinking have all of their fields."""
    with pytest.raises(ContentError) as caught:
        check_blocks([TEXT, block], "assistant", where="record()")
    assert caught.value.where.startswith("record()[1]")
    assert caught.value.fix


@pytest.mark.parametrize(
    "block",
    [
        {"type": "quantum_result", "state": [5]},
        {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}},
        {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []},
        {"type": "container_upload", "file_id": "file_1"},
        {"type": "compaction", "content": "s"},
        {"type": "thinking", "thinking": "", "signature": "s"},
        {**TEXT, "citations": [{"type": "char_location"}]},
        {**CALL, "caller": {"type": "direct"}},
    ],
    ids=repr,
)
def test_what_a_paid_answer_holds_is_taken(block: dict[str, Any]) -> None:
    """Server tools, uploads, citations, and kinds that a newer API has."""
    check_blocks([TEXT, block], "assistant", where="record()")


def test_every_kind_of_answer_in_the_sdk_is_taken() -> None:
    """No type of a response's content is refused by its kind."""
    from anthropic.types import ContentBlock  # noqa: PLC0415  (heavy, and only for this test)

    union = get_args(ContentBlock)[0]
    kinds = [get_args(each.model_fields["type"].annotation)[0] for each in get_args(union)]
    assert len(kinds) > 5
    for kind in kinds:
        assert not any("nothing that" in text for text in refused_block({"type": kind}, "assistant", "record()"))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.sampled_from(["text", "source", "content", "input", "id", "name", "signature", "title", "citations"])


@given(
    st.one_of(
        JSON,
        st.builds(
            lambda kind, fields: {"type": kind, **fields},
            st.sampled_from(sorted(KINDS)) | JSON,
            st.dictionaries(FIELDS, JSON, max_size=4),
        ),
    ),
    st.sampled_from(["user", "assistant", "tool_result"]),
)
def test_any_block_is_taken_or_refused_with_a_reason(block: Any, place: str) -> None:
    """Nothing makes the check itself fail, and what the user's door lets in is well formed."""
    if place != "tool_result" and not (isinstance(block, dict) and isinstance(block.get("type"), str)):
        return  # `blocks_of` has refused it before
    try:
        check_blocks([block], place, where="door")
    except ContentError as refused:
        error: ContentError | None = refused
    else:
        error = None
    if error is not None:
        assert error.where.startswith("door[0]")
        assert error.what
        assert error.fix
    else:
        assert place == "assistant" or not list(malformed_block(block, "", KINDS | {"tool_reference"}))
