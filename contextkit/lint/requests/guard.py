"""Requests that a test makes, judged: whether each goes on from the one before, and how much of it was read.

Law: a guard judges what was sent, by the rules of the cache, whether or not the prompts of a test are long enough to
be cached at all. Only what the caller did fails a test; time, the API's own rules and planned rewrites do not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Protocol

from contextkit.lint.requests import finding
from contextkit.lint.requests.record import Record
from contextkit.lint.requests.sequence import Sequence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contextkit.api.usage import Usage
    from contextkit.lint.requests.breaks import Break
    from contextkit.lint.requests.sequence import Seen

__all__ = ["Guard", "Passed", "assert_append_only"]

_MARK: Final = {"type": "ephemeral"}
_PATH: Final = "/v1/messages"
_OK: Final = range(200, 300)


class _Log(Protocol):
    """What keeps exchanges: an emulator."""

    @property
    def requests(self) -> Iterable[Any]:
        """Exchanges, oldest first."""


@dataclass(slots=True)
class Passed:
    """A request that was made.

    Attributes:
        body: the request body.
        at: Unix seconds; None where nobody knows.
        usage: what was billed; None where that is not known.
        planned: its history was changed on purpose.
        failed: it was refused, or not answered.
        betas: the values of its anthropic-beta header.
    """

    body: Mapping[str, Any]
    at: float | None = None
    usage: Usage | None = None
    planned: str = ""
    failed: bool = False
    betas: tuple[str, ...] = ()


class Guard:
    """Collects requests and judges them.

    Attributes:
        own: the requests that were handed to it; those of emulators it watches come to them.
    """

    def __init__(self) -> None:
        self.own: list[Passed] = []
        self._logs: list[_Log] = []
        self._spans: list[tuple[_Log | None, int, int]] = []

    def watch(self, log: _Log) -> None:
        """Judge everything that an emulator answers, too."""
        self._logs.append(log)

    def saw(self, body: Mapping[str, Any], **known: Any) -> Passed:
        """A request is made; `known` are further fields of `Passed`."""
        self.own.append(Passed(body, **known))
        return self.own[-1]

    @contextmanager
    def planned(self) -> Iterator[None]:
        """Requests that are made inside may change their history: a compaction."""
        begin = [(log, len(list(log.requests))) for log in self._logs]
        first = len(self.own)
        try:
            yield
        finally:
            self._spans += [(log, at, len(list(log.requests))) for log, at in begin]
            self._spans.append((None, first, len(self.own)))

    def passed(self) -> list[Passed]:
        """All requests, those of one emulator in their order, then those that were handed over."""
        made = [one for log in self._logs for one in self._of(log)]
        own = [replace(one, planned=self._plan(None, at) or one.planned) for at, one in enumerate(self.own)]
        return [*made, *own]

    def _of(self, log: _Log) -> Iterator[Passed]:
        for at, exchange in enumerate(log.requests):
            if exchange.path == _PATH and exchange.body:
                named = str(exchange.headers.get("anthropic-beta", ""))
                yield Passed(
                    exchange.body,
                    exchange.at,
                    exchange.usage,
                    self._plan(log, at),
                    exchange.status not in _OK,
                    tuple(item.strip() for item in named.split(",") if item.strip()),
                )

    def _plan(self, log: _Log | None, at: int) -> str:
        inside = any(owner is log and begin <= at < end for owner, begin, end in self._spans)
        return "compaction" if inside else ""

    def breaks(self) -> list[Break]:
        """What the caller broke, in order."""
        return [one for seen in self._seen() for one in seen.breaks if one.violation.blame == "caller"]

    def _seen(self) -> list[Seen]:
        return _judged(self.passed())

    def share_read(self) -> float | None:
        """Share of what could have been read that was read: of every request that goes on from an earlier one, the
        part that both have in common. None where no request goes on, or nothing was billed.
        """  # noqa: D205  (one sentence)
        could = was = 0
        passed = self.passed()
        for one, seen in zip(passed, _judged(passed), strict=True):
            before = None if seen.before is None else passed[seen.before].usage
            if one.usage is not None and before is not None and not one.planned:
                could += min(before.prompt, one.usage.prompt)
                was += min(one.usage.read, before.prompt)
        return was / could if could else None

    def report(self, *, min_read: float | None = None) -> str:
        """Why a test fails; "" when nothing is wrong.

        Args:
            min_read: the least share that has to be read, 0 to 1; None asks for none.
        """
        passed = self.passed()
        found = self.breaks()
        if found:
            return _told(found, len(passed))
        if min_read is None:
            return ""
        if not passed:
            return (
                "no request was watched: give the code under test claude_emulator.client(), the claude_server"
                " fixture, or a client with middleware=[cache_guard.middleware]"
            )
        share = self.share_read()
        if share is None:
            return f"{len(passed)} requests, and none goes on from another: there is nothing that could be read"
        return "" if share >= min_read else _short(passed, share, min_read)

    @property
    def middleware(self) -> Any:
        """For a client of one's own: `Anthropic(middleware=[guard.middleware])`; sees what it sends."""
        from contextkit.lint.requests.listen import listener  # noqa: PLC0415  (the SDK takes a second to import)

        return listener(self)


def _judged(passed: list[Passed]) -> list[Seen]:
    """The requests, compared as if each were cached up to its end, at least."""
    sequence = Sequence("requests")
    return [
        sequence.see(
            Record(
                number,
                number + 1,
                _marked(one.body),
                one.at,
                betas=one.betas,
                planned=one.planned,
                failed=one.failed,
            )
        )
        for number, one in enumerate(passed)
    ]


def _marked(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """The body; where it has no mark, with the automatic one, so that there is a prefix that can break."""
    if body.get("cache_control") or _has_mark(body.get("tools")) or _has_mark(body.get("system")):
        return body
    messages = body.get("messages")
    listed = messages if isinstance(messages, list) else []
    if any(isinstance(one, Mapping) and _has_mark(one.get("content")) for one in listed):
        return body
    return {**body, "cache_control": _MARK}


def _has_mark(blocks: Any) -> bool:
    return isinstance(blocks, list) and any(isinstance(one, Mapping) and one.get("cache_control") for one in blocks)


def _told(found: list[Break], count: int) -> str:
    lines = [f"the prompt cache was broken ({len({one.request for one in found})} of {count} requests)"]
    for one in found:
        rule, violation = finding(one), one.violation
        place = one.pointer or violation.where
        byte = f", byte {violation.offset:,} of the block" if violation.offset is not None else ""
        lines += ["", f"request {one.request} at {place or 'its settings'}{byte}: {rule.name} ({rule.code})"]
        if violation.before or violation.after:
            lines += [f"  was: {violation.before}", f"  now: {violation.after}"]
        usd = "" if violation.usd is None else f", ${violation.usd:.4f}"
        lines.append(
            f"  about {violation.tokens:,} tokens of prefix are paid for again{usd}; request {one.before} sent it"
        )
        lines.append(f"  {rule.help}")
    return "\n".join(lines)


def _short(passed: list[Passed], share: float, min_read: float) -> str:
    lines = [f"{share:.1%} of what could be read from the cache was read; at least {min_read:.0%} is asked for"]
    for number, one in enumerate(passed):
        if one.usage is not None:
            usage = one.usage
            lines.append(
                f"  request {number}: {usage.prompt:,} prompt tokens, {usage.read:,} read,"
                f" {usage.write_5m + usage.write_1h:,} written, {usage.input:,} neither"
            )
    if all(one.usage is None or one.usage.prompt == one.usage.input for one in passed):
        unmarked = all(_marked(one.body) is not one.body for one in passed)
        lines.append("  nothing was cached: " + ("no request has a mark" if unmarked else "too short for the model"))
    return "\n".join(lines)


def assert_append_only(requests: Iterable[Any]) -> None:
    """Fail unless every request only appends to the one it goes on from.

    Marks, spelling (`"text"` or a list of blocks) and what is no part of the prompt (`max_tokens`) are no difference.

    Args:
        requests: bodies or keyword arguments of `messages.create`, or exchanges of the emulator, oldest first.

    Raises:
        AssertionError: the first changes, each with its place, byte and window.
    """
    bodies = [_bare(getattr(one, "body", one)) for one in requests if getattr(one, "path", _PATH) == _PATH]
    found = [
        one for seen in _judged([Passed(body) for body in bodies]) for one in seen.breaks if one.violation.tokens >= 0
    ]
    if found:
        raise AssertionError(_told(found, len(bodies)))


def _bare(body: Any) -> Any:
    """A request without its marks, so that only content is compared."""
    if isinstance(body, Mapping):
        return {key: _bare(value) if key in _INSIDE else value for key, value in body.items() if key != "cache_control"}
    return [_bare(item) for item in body] if isinstance(body, list | tuple) else body


_INSIDE: Final = frozenset({"messages", "content", "tools", "system"})
