"""What was left out is read again: by the tool, by the method, and never more than was asked for."""

from __future__ import annotations

import json
import re
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contextkit import Conversation, Shape
from contextkit.emulator import Emulator, reply, text, tool_use
from contextkit.errors import ConfigError, FrozenError
from contextkit.history.archive import Archive, handle_of
from contextkit.recall import DEFAULT_CHARS, MAX_CHARS, TOOL, answer, recall
from contextkit.store.sqlite import SQLiteStore
from tests.builders import SMALL, a_conversation, an_audit

if TYPE_CHECKING:
    from pathlib import Path

ORDER = {"id": "ord_7", "items": [{"sku": f"s{number}", "note": "x" * 30} for number in range(200)]}
SHAPE = Shape(select=["$.id"])
ORDERS = {"name": "orders", "input_schema": {"type": "object"}}


def an_archive(*texts: str) -> tuple[Archive, list[str]]:
    """An archive with some texts, and their handles."""
    archive = Archive()
    return archive, [archive.put(text) for text in texts]


def _one(whole: str) -> tuple[Archive, str]:
    archive, (handle,) = an_archive(whole)
    return archive, handle


def handle_in(said: str) -> str:
    """The handle that a note or a summary names."""
    found = re.search(r"handle[ =]\"?(k[0-9a-f]+)", said)
    assert found
    return found[1]


def a_run(outputs: list[Any], uses: list[Any], **settings: Any) -> tuple[Conversation, Emulator]:
    """A conversation that has made these calls of tools, one a turn, with these outputs."""
    emulator = Emulator([*(reply(text("I look."), use) for use in uses), "Done."])
    settings = {"tools": [ORDERS], "model": "sonnet", "system": "Look. " * 400, **settings}
    conv = Conversation(**settings).user("Go")
    for use, output in zip(uses, outputs, strict=True):
        message = conv.send(emulator.client())
        assert message.content[1].name == use["name"]
        conv.tool_result(message.content[1].id, output)
    return conv, emulator


def results(conv: Conversation) -> list[dict[str, Any]]:
    """All tool results of a conversation."""
    return [block for message in conv.messages for block in message["content"] if block["type"] == "tool_result"]


def test_a_path_keeps_the_structure() -> None:
    """Of JSON a path gives what it matches, as a shape would."""
    archive, (handle,) = an_archive(json.dumps(ORDER))
    assert recall(archive, handle, path="$.items[1].sku") == '{"items":[{"sku":"s1"}]}'
    assert recall(archive, handle, path="$.items[?(@.sku == 's9')].sku") == '{"items":[{"sku":"s9"}]}'
    capped = recall(archive, handle, path="$.items[*]", max_chars=500)
    assert len(capped) <= 500
    assert "cut" in json.loads(capped)["_note"]


def test_a_path_that_matches_nothing_shows_what_is_there() -> None:
    """The model sees the beginning of the document and that nothing matched."""
    archive, (handle,) = an_archive(json.dumps(ORDER))
    said = recall(archive, handle, path="$.lines[*]")
    assert json.loads(said)["id"] == "ord_7"
    assert "no selection matched" in said
    assert len(said) <= DEFAULT_CHARS


def test_lines_are_counted_from_one() -> None:
    """A range, a single line, an open end; a range outside says how many lines there are."""
    archive, (handle,) = an_archive("\n".join(f"line {number}" for number in range(1, 1001)))
    assert recall(archive, handle, lines="3-5") == "line 3\nline 4\nline 5"
    assert recall(archive, handle, lines="1000") == "line 1000"
    assert recall(archive, handle, lines="999-") == "line 999\nline 1000"
    assert recall(archive, handle, lines="999-2000") == "line 999\nline 1000"
    assert answer(archive, {"handle": handle, "lines": 7}) == ("line 7", False)
    assert answer(archive, {"handle": handle, "lines": "1001"}) == ("It has the lines 1-1000.", True)
    assert answer(archive, {"handle": handle, "lines": "all"}).is_error


def test_a_search_gives_lines_with_their_numbers() -> None:
    """Plain text in any case, not a pattern; of many places the first and a count of the rest."""
    archive, (handle, many) = an_archive("one\nERROR a.b\nthree\nerror axb\n", "hit\n" * 1_000)
    assert recall(archive, handle, search="Error") == "2: ERROR a.b\n4: error axb"
    assert recall(archive, handle, search="a.b") == "2: ERROR a.b"
    assert recall(archive, handle, lines="2-3", search="error") == "1: ERROR a.b"
    assert recall(archive, many, search="hit").endswith("[... 50 of 1,000 places shown ...]")
    assert answer(archive, {"handle": handle, "search": "nowhere"}).is_error
    assert "more than 10,000" in recall(*_one("hit\n" * 20_000), search="hit")


def test_a_search_in_one_long_line_shows_what_is_around() -> None:
    """Compact JSON has one line; each place comes with its surroundings."""
    archive, (handle,) = an_archive(json.dumps(ORDER))
    said = recall(archive, handle, search='"S77"')
    assert said.startswith("1: ")
    assert '"sku": "s77"' in said
    assert len(said) < 300


def test_without_a_part_the_beginning_and_the_end_come_back() -> None:
    """The default is bounded, and what is short comes whole."""
    archive, (handle, short) = an_archive("begin\n" + "x\n" * 10_000 + "end", "short")
    said = recall(archive, handle)
    assert said.startswith("begin")
    assert said.endswith("end")
    assert len(said) <= DEFAULT_CHARS
    assert recall(archive, short) == "short"


JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=20), lambda inner: (
    st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
), max_leaves=10)  # fmt: skip
PATHS = st.sampled_from(["$", "$..a", "$.*", "$[0]", "$[?(@.a > 1)]", "$..*..*", "`this`", "$.a.`len`", "$[::0]", "$["])
GIVEN = st.dictionaries(st.sampled_from([*TOOL["input_schema"]["properties"], "other"]), JSON, max_size=5)


@given(st.text(max_size=300) | JSON.map(json.dumps), GIVEN, PATHS | JSON, st.text(max_size=4) | JSON, st.booleans())
def test_nothing_raises_and_every_answer_is_bounded(
    whole: str, asked: dict[str, Any], path: Any, search: Any, known: bool
) -> None:
    """Whatever the model gives as input, for whatever was archived: text within its bound."""
    archive, (handle,) = an_archive(whole)
    asked |= {"handle": handle, "search": search} if known else {"path": path, "handle": handle}
    said = answer(archive, asked, limit=1_000)
    assert 0 < len(said.text) <= 1_000
    assert answer(archive, {"handle": handle, "path": path}, limit=500) == answer(
        archive, {"handle": handle, "path": path}, limit=500
    )


@pytest.mark.parametrize(
    "asked",
    [
        {"search": "a" * 199 + "b"},
        {"search": "\u0130"},
        {"path": "$..*"},
        {"lines": "5000-900000"},
        {"max_chars": 10**9},
        {},
    ],
)
def test_a_large_original_is_read_in_bounded_memory(asked: dict[str, Any]) -> None:
    """Of megabytes the answer is small, and on the way no more than a few copies are made."""
    for whole in ("a" * 8_000_000, "a\n" * 4_000_000, json.dumps(["aaaa"] * 240_000)):
        archive, (handle,) = an_archive(whole)
        tracemalloc.start()
        try:
            said = answer(archive, {"handle": handle, **asked})
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert len(said.text) <= MAX_CHARS
        assert peak < 16 * len(whole)  # most of it is the parsed document


def test_notes_name_the_handle_and_the_tool_answers() -> None:
    """With recall on: the output names its handle, the model calls, and `tool_result(id)` answers by itself."""
    handle = handle_of('{"id":"ord_7","items":[1,2]}')
    uses = [tool_use("orders", {}), tool_use("recall", {"handle": handle, "path": "$.items"})]
    conv, emulator = a_run(
        [{"id": "ord_7", "items": [1, 2]}, ""], uses, shapes={"orders": SHAPE, "*": Shape(max_chars=20)}, recall=True
    )
    first, second = results(conv)
    assert handle_in(first["content"]) == handle
    assert second["content"] == '{"items":[1,2]}'
    assert conv.send(emulator.client()).content[0].text == "Done."
    assert conv.recall(handle, path="$.items") == '{"items":[1,2]}'
    assert [tool["name"] for tool in conv.tools] == ["orders", "recall"]


def test_the_dispatch_of_a_users_own_loop_may_call_the_method() -> None:
    """`{"recall": conv.recall}[name](**input)` gives what the tool gives, also for input that makes no sense."""
    conv, _ = a_run([ORDER], [tool_use("orders", {})], shapes={"orders": SHAPE}, recall=True)
    handle = handle_in(results(conv)[0]["content"])
    asked = {"handle": handle, "path": "$.items[0].sku"}
    assert conv.recall(**asked) == '{"items":[{"sku":"s0"}]}'
    assert "nothing under the handle" in conv.recall("k000000000000")
    assert "no argument" in conv.recall(handle, colour="red")


def test_a_call_that_cannot_be_answered_is_an_error_result() -> None:
    """The model is told so, and the request stays valid."""
    uses = [tool_use("recall", {"handle": "k000000000000"})]
    conv, emulator = a_run([""], uses, recall=True)
    (result,) = results(conv)
    assert result["is_error"]
    assert "nothing under the handle" in result["content"]
    conv.send(emulator.client())


def test_auto_leaves_the_tool_out_until_somebody_answers_it() -> None:
    """A loop of the user's own never meets a tool it does not know, and no output pays for a note that is no use."""
    conv, _ = a_run([ORDER], [tool_use("orders", {})], shapes={"orders": SHAPE})
    assert [tool["name"] for tool in conv.tools] == ["orders"]
    assert results(conv)[0]["content"] == '{"id":"ord_7"}'
    with pytest.raises(FrozenError):
        conv._offer_recall()


def test_the_tool_stays_when_tools_are_set_anew() -> None:
    """Before the first request tools can be replaced; the offer stands."""
    conv = a_conversation(recall=True)
    conv.tools = [ORDERS]
    assert [tool["name"] for tool in conv.tools] == ["orders", "recall"]


@pytest.mark.parametrize("settings", [{"recall": "yes"}, {"recall": True, "tools": [{**ORDERS, "name": "recall"}]}])
def test_a_recall_that_cannot_be_is_refused(settings: dict[str, Any]) -> None:
    """Another value, or a tool of the user's with the same name."""
    with pytest.raises(ConfigError, match="recall"):
        a_conversation(**settings)


def test_a_folded_range_is_recallable_under_the_handle_beside_its_summary() -> None:
    """The summary names the handle; the transcript of the range is under it; a replay gives the same bytes."""
    conv, _ = an_audit(30, compaction=SMALL, recall=True)
    lead = conv.user("And?").request()["messages"][0]
    summaries = [block["text"] for block in lead["content"] if "<conversation_summary" in block["text"]]
    assert summaries
    for said in summaries:
        assert "rec_" in conv.recall(handle_in(said.split("\n")[0]), search="rec_")
    again, _ = an_audit(30, compaction=SMALL, recall=True)
    assert again.user("And?").request() == conv.request()


def test_a_handle_of_another_conversation_is_not_found(tmp_path: Path) -> None:
    """Two conversations share a file and see only their own; one that is named can be opened again."""
    path = tmp_path / "kept.db"
    one, _ = a_run([ORDER], [tool_use("orders", {})], shapes={"orders": SHAPE}, recall=True, archive=path)
    two, _ = a_run([{"id": 1}], [tool_use("orders", {})], recall=True, archive=str(path))
    handle = handle_in(results(one)[0]["content"])
    assert "s0" in one.recall(handle, search="s0")
    assert "nothing under the handle" in two.recall(handle)
    later = Conversation(model="sonnet", archive=Archive(SQLiteStore(path), one.archive.space))
    assert "s0" in later.recall(handle, search="s0")


OUTPUTS = st.lists(JSON.filter(lambda value: value is not None), min_size=1, max_size=4)


@given(OUTPUTS)
def test_replays_give_the_same_bytes(outputs: list[Any]) -> None:
    """The same outputs in the same order: the same handles, and the same requests byte for byte."""

    def replayed() -> list[Any]:
        uses = [tool_use("orders", {}, id=f"toolu_{number}") for number in range(len(outputs))]
        conv, _ = a_run(outputs, uses, shapes={"*": Shape(select=["$.a", "$[0]"], max_chars=300)}, recall=True)
        return [conv.messages, list(conv.archive)]

    assert json.dumps(replayed()) == json.dumps(replayed())


@given(OUTPUTS, OUTPUTS)
def test_a_changed_shape_applies_to_new_outputs_only(before: list[Any], after: list[Any]) -> None:
    """What was sent stays what it was: a shape put in later changes no earlier byte."""
    from dataclasses import replace  # noqa: PLC0415  (the only test that changes shapes)

    uses = [tool_use("orders", {}, id=f"toolu_{number}") for number in range(len(before) + len(after))]
    emulator = Emulator([*(reply(text("I look."), use) for use in uses), "Done."])
    conv = Conversation(model="sonnet", tools=[ORDERS], recall=True).user("Go")
    sent: list[str] = []
    for use, output in zip(uses, before + after, strict=True):
        if use is uses[len(before)]:
            conv._outputs = replace(conv._outputs, shapes={"*": Shape(max_chars=2)})
        conv.send(emulator.client())
        conv.tool_result(use["id"], output)
        now = [json.dumps(message) for message in conv.messages]
        assert now[: len(sent)] == sent
        sent = now
    assert all(len(str(block.get("content", ""))) <= 2 for block in results(conv)[len(before) :])


def test_a_path_into_a_huge_original_is_refused() -> None:
    """Parsing is bounded; the model is told what else it can ask."""
    archive, handle = _one(json.dumps(["x" * 100] * 100_000))
    said = answer(archive, {"handle": handle, "path": "$[0]"})
    assert said.is_error
    assert "use lines or search" in said.text


@given(st.lists(st.text("ab", max_size=3), max_size=12), st.integers(1, 14), st.integers(1, 14))
def test_lines_are_those_of_a_split(lines: list[str], first: int, last: int) -> None:
    """Any range gives the same as the list of lines would."""
    whole = "\n".join(lines)
    wanted = whole.split("\n")[first - 1 : last]
    said = answer(_one(whole)[0], {"handle": handle_of(whole), "lines": f"{first}-{last}"})
    assert said.is_error == (not wanted)
    if wanted:
        assert said.text == ("\n".join(wanted) or "(empty)")
