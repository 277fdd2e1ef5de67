"""Names of conversations: the same for the same beginning, and opaque."""

from __future__ import annotations

import re
import subprocess
import sys

from contextkit.cache.name import name_of
from tests.cache.clients import MARK, Body, Client, a_body, turn


def test_the_name_is_of_the_beginning_alone() -> None:
    """Later messages, marks, limits and spellings of one text do not change it; another beginning does."""
    body = a_body("Hello. ")
    name = name_of(body)
    block = {"type": "text", "text": "Hello. " * 30, "cache_control": MARK}
    again: Body = {**turn(body), "messages": [{"role": "user", "content": [block]}], "max_tokens": 7}
    assert re.fullmatch("c-[0-9a-f]{12}", name)
    assert name_of(turn(body)) == name_of(again) == name
    others = (
        a_body("Bye. "),
        {**body, "system": "Else."},
        {**body, "model": "claude-opus-5"},
        {**body, "tools": [{"name": "a"}]},
    )
    assert len({name, *map(name_of, others)}) == 5


def test_the_name_is_the_same_in_every_process() -> None:
    """Python's hashes differ from process to process; names do not, unless they are to be private."""
    body = a_body("Hello. ")
    code = (
        "from contextkit.cache.name import name_of; from tests.cache.clients import a_body;"
        "print(name_of(a_body('Hello. ')), name_of(a_body('Hello. '), private=True))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout.split()[0] == name_of(body)
    assert done.stdout.split()[1] != name_of(body, private=True)
    assert re.fullmatch("c-[0-9a-f]{12}", name_of(body, private=True))


def test_a_conversation_keeps_its_name() -> None:
    """Turns, branches and changes of the past stay in their conversation; two over one client have two names."""
    client = Client()
    one, two = a_body("Find the bug."), a_body("Write a poem.")
    names = []
    for _ in range(3):
        for body in (one, two):
            ticket = client.watch.sent(body, client.now)
            client.watch.answered(ticket, None)
            names.append(ticket.conversation if ticket else "")
        one, two = turn(one), turn(two)
    changed = client.watch.sent({**one, "system": "Changed. " * 300}, client.now)
    assert names == names[:2] * 3
    assert changed is not None
    assert changed.conversation == names[0] != names[1]
