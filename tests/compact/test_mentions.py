"""Counts kept as blocks come: the same as a scan of everything, bounded, and without what stands in the window."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from contextkit.compact.extract import identifiers
from contextkit.compact.identifiers import spelled, written
from contextkit.compact.mentions import FEATURES, WEIGHTS, Mentions, features
from contextkit.history.log import Entry
from contextkit.tokens.estimate import text_tokens
from tests.history.histories import call, result, said

NAMES = st.sampled_from(
    ["/srv/app/a.py", "/srv/app/b.py", "app/a.py", "rec_1", "rec_2", "loadOrder", "E1042", "4711", "/srv"]
)
TEXTS = st.lists(NAMES, max_size=5).map(" and ".join)
ENTRIES = st.lists(
    st.builds(lambda text: Entry("user", [said(text), result("a", text)]), TEXTS)
    | st.builds(lambda text: Entry("assistant", [call("a", path=text)]), TEXTS),
    max_size=12,
)


def counted(entries: list[Entry], start: int = 0) -> Mentions:
    """The entries' mentions, at their indexes."""
    mentions = Mentions()
    for at, entry in enumerate(entries):
        for block in entry.blocks:
            mentions.add(block, at + start)
    return mentions


@given(ENTRIES, st.integers(0, 100), st.integers(0, 12))
def test_a_fold_needs_no_second_look(entries: list[Entry], limit: int, end: int) -> None:
    """Kept as blocks come, the list is bounded, the same every time, and holds nothing that the tail still says."""
    mentions = counted(entries)
    best = mentions.best(limit, end=end)
    assert best == counted(entries).best(limit, end=end)
    assert text_tokens(written(best), "2026") <= limit
    tail = " ".join(str(block) for entry in entries[end:] for block in entry.blocks)
    assert all(name not in tail.split(" and ") for name in best)
    assert all(mentions.names[name].last < end for name in best)


@given(ENTRIES, st.lists(st.integers(0, 12), max_size=4).map(sorted))
def test_a_log_is_followed_block_by_block(entries: list[Entry], stops: list[int]) -> None:
    """Asked at any times, also while the last entry grows, every block is counted once; head and pins stay."""
    for entry in entries[5:6]:
        entry.pinned = True
    once, often = Mentions(), Mentions()
    once.follow(entries)
    for stop in stops:
        half = [Entry(entry.role, entry.blocks[:1], pinned=entry.pinned) for entry in entries[stop - 1 : stop]]
        often.follow([*entries[: max(stop - 1, 0)], *half])
        often.follow(entries[:stop])
    often.follow(entries)
    often.follow(entries)
    assert once == often
    fixed = [entry for at, entry in enumerate(entries) if entry.pinned or (at == 0 and entry.role == "user")]
    assert {text for text, name in once.names.items() if name.stays} == set(counted(fixed).names)


@given(ENTRIES)
def test_one_scan_or_many_steps(entries: list[Entry]) -> None:
    """`identifiers` over a range is what the counts of that range give."""
    assert identifiers(entries, 60) == counted(entries).best(60)


def test_what_is_never_folded_is_not_listed() -> None:
    """What the first task or a pin says stands in the window for ever."""
    mentions = Mentions()
    mentions.add(said("Look at rec_1."), 0, stays=True)
    mentions.add(said("rec_1 and rec_2"), 1)
    assert mentions.best(100) == ["rec_2"]


def test_the_range_can_begin_later() -> None:
    """Names that were last mentioned before the range are another list's."""
    mentions = counted([Entry("user", [said("rec_1")]), Entry("user", [said("rec_2")]), Entry("user", [said("rec_3")])])
    assert mentions.best(100, first=1, end=2) == ["rec_2"]


def test_who_comes_first() -> None:
    """Called before listed, recent before old, one of few before one of many."""
    many = " ".join(f"item_{at:04d}" for at in range(300))
    entries = [
        Entry("user", [result("a", many + " fileFound")]),
        Entry("user", [result("a", "fileMeant")]),
        Entry("assistant", [call("a", path="fileOpened")]),
        *[Entry("user", [said("fine")])] * 3,
        Entry("user", [result("a", "fileLately")]),
    ]
    best = counted(entries).best(100_000)
    wanted = ["fileOpened", "fileLately", "fileMeant", "fileFound"]
    assert [name for name in best if name in wanted] == wanted
    assert len(best) == 304


def test_what_a_path_says_is_not_said_twice() -> None:
    """The relative form, the file and its name without ending can be read at the end of a whole path that is listed."""
    called = call("a", path="/srv/app/src/view_list.py")
    mentions = counted([Entry("assistant", [called]), Entry("user", [said("src/view_list.py view_list.py view_list")])])
    assert mentions.best(200) in (["/srv/app/src/view_list.py"], ["src/view_list.py", "/srv/app/src/view_list.py"])


def test_a_name_that_does_not_fit_is_passed_over() -> None:
    """A long URL does not end the list; the short names after it still come."""
    url = "https://a.example/" + "x1y2" * 60
    entries = [Entry("assistant", [call("a", url=url)]), Entry("user", [said("rec_1 rec_2")])]
    best = counted(entries).best(20)
    assert set(best) == {"rec_1", "rec_2"}
    assert set(spelled(written(best))) == set(best)


def test_a_weight_for_every_feature() -> None:
    """The table and the figures have one order."""
    mentions = counted([Entry("assistant", [call("a", path="/srv/app")])])
    assert len(features(mentions.names["/srv/app"], 3)) == len(FEATURES) == len(WEIGHTS)


def test_a_flood_of_names_does_not_push_out_those_that_were_used() -> None:
    """An output of ten thousand invented names, however late, stands behind the few that calls were made with."""
    used = ["/srv/app/orders.py", "loadOrder", "rec_81b2"]
    entries = [
        Entry("user", [result("a", "orders are in /srv/app/orders.py: loadOrder, rec_81b2")]),
        *[Entry("assistant", [call("a", path=name)]) for name in used],
        Entry("user", [result("a", "\n".join(f"/srv/app/orders_{at}.py loadOrder{at}X" for at in range(5_000)))]),
    ]
    assert set(used) <= set(counted(entries).best(300))
