"""`contextkit conversations`: what a store keeps: list, show, export, delete."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from contextkit.api.messages import dumps
from contextkit.errors import ConfigError, ContextKitError
from contextkit.history.log import Log
from contextkit.kept import SPACE, Kept
from contextkit.store.base import kind_of, opened, path_of, streams_of

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator, Sequence

    from contextkit.store.base import Store

__all__ = ["arguments", "run"]

_SHOWN = 500  # characters of a block


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("what", choices=("list", "show", "export", "delete"), help="what to do")
    parser.add_argument("ids", nargs="*", metavar="ID", help="conversations; for list, what their ids begin with")
    parser.add_argument("--store", required=True, help='"sqlite:///file.db", "redis://host:port/0" or a path')
    parser.add_argument("--json", action="store_true", help="list: one JSON array instead of a table")


def run(args: argparse.Namespace) -> int:
    """Do it; 0 when there was something, 1 when there was nothing."""
    if kind_of(args.store) == "sqlite" and not Path(path_of(args.store)).exists():
        raise ConfigError(
            "there is no such file", where=str(args.store), fix="Give the address of a store that is there."
        )
    store = opened(args.store)
    if args.what == "list":
        return _list(store, args.ids[0] if args.ids else "", as_json=args.json)
    if not args.ids:
        raise ConfigError("no conversation is named", where=f"conversations {args.what}", fix="Give its id.")
    done = [_DO[args.what](store, name) for name in args.ids]
    return 0 if all(done) else 1


def _list(store: Store, prefix: str, *, as_json: bool) -> int:
    found = [_summary(store, name.removeprefix(SPACE)) for name in streams_of(store).keys(SPACE + prefix)]
    if as_json:
        _print(json.dumps(found, indent=2))
        return 0 if found else 1
    for row in found:
        cost = "-" if row["cost_usd"] is None else f"{row['cost_usd']:.4f}"
        counts = f"{row['messages']:6,} messages  {row['calls']:6,} calls"
        _print(f"{_safe(row['id']):40}  {counts}  {cost:>10} USD  {row['last']}")
    return 0 if found else 1


def _summary(store: Store, name: str) -> dict[str, Any]:
    kept, events = Kept.found(store, name)
    rows = [event["row"] for event in events if event["kind"] == "row"]
    costs = [row["cost"] for row in rows if row["cost"] is not None]
    last = max((row["at"] for row in rows), default=None)
    return {
        "id": name,
        "model": kept.model,
        "messages": len(_messages(events)),
        "calls": len(rows),
        "cost_usd": sum(costs) if costs else None,
        "last": "" if last is None else datetime.fromtimestamp(last, UTC).isoformat(timespec="seconds"),
    }


def _messages(events: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The log as messages; what a user says after results stands in one message with them."""
    made: list[dict[str, Any]] = []
    for event in _whole(events):
        if event["kind"] == "answer" and event["blocks"]:
            made.append({"role": "assistant", "content": list(event["blocks"])})
        elif event["kind"] in {"user", "result"}:
            blocks = event["blocks"] if event["kind"] == "user" else [event["block"]]
            if made and made[-1]["role"] == "user":
                made[-1]["content"].extend(blocks)
            else:
                made.append({"role": "user", "content": list(blocks)})
    return made


def _whole(events: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The events with the results that `repair` gave to open calls, which are kept as a flag of what followed them."""
    log = Log()
    for event in events:
        kind = event["kind"]
        if kind == "answer":
            log.assistant(event["blocks"], event["tokens"], message_id=event["id"])
        elif kind == "result":
            log.result(event["id"], event["block"], event["tokens"])
        elif kind == "user":
            left = set(log.open_calls)
            log.user(event["blocks"], event["tokens"], repair=event["repair"])
            for block in log.entries[-1].blocks if left else ():
                if block.get("tool_use_id") in left:
                    yield {"kind": "result", "id": block["tool_use_id"], "block": block, "tokens": 0, "repair": True}
        yield event


def _show(store: Store, name: str) -> bool:
    _, events = Kept.found(store, name)
    for message in _messages(events):
        for block in message["content"]:
            said = block.get("text") or block.get("content") or block.get("input") or ""
            text = said if isinstance(said, str) else json.dumps(said)
            cut = f" ... ({len(text):,} characters)" if len(text) > _SHOWN else ""
            _print(f"[{message['role']} {block['type']}] {_safe(text[:_SHOWN])}{cut}")
    return True


def _export(store: Store, name: str) -> bool:
    """One JSON object a line: the events as they are kept, the first with the settings.

    Results that `repair` gave stand among them, marked as such. Of a stream that is damaged, the lines as they are.
    """
    lines = streams_of(store).read(SPACE + name)
    with suppress(ValueError, LookupError, TypeError, ContextKitError):
        lines = [
            dumps(event).encode("utf-8", "surrogatepass") for event in _whole([json.loads(line) for line in lines])
        ]
    for line in lines:
        _print(line.decode("utf-8", "backslashreplace"))
    if not lines:
        sys.stderr.write(f"contextkit conversations: there is no conversation {_safe(name)!r}\n")
    return bool(lines)


def _delete(store: Store, name: str) -> bool:
    """The events and the archive."""
    space = f"archive:{name}"
    for handle in list(store.keys(space)):
        store.delete(space, handle)
    gone = streams_of(store).delete(SPACE + name)
    if not gone:
        sys.stderr.write(f"contextkit conversations: there is no conversation {_safe(name)!r}\n")
    return gone


_DO = {"show": _show, "export": _export, "delete": _delete}


def _safe(text: str) -> str:
    """Text that cannot steer a terminal: what is kept came from tools and models."""
    return "".join(char if char.isprintable() or char == "\n" else repr(char)[1:-1] for char in text)


def _print(text: str) -> None:
    sys.stdout.write(text + "\n")
