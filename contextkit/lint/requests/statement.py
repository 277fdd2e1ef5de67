"""An account as text: money first, then what lost it, when and where, what would have helped, and the worst breaks.

Law: what comes from a file is escaped: no control character and no markup of a recording reaches the terminal or the
page. Sums of unpriced losses are shown in tokens, with their number.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import PurePath
from typing import TYPE_CHECKING, Final

from contextkit.lint.requests import finding
from contextkit.lint.requests.account import kind_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contextkit.lint.requests.account import Account, Kind, Loss
    from contextkit.lint.requests.breaks import Break

__all__ = ["statement"]

_DAYS: Final = 31
_CONVERSATIONS: Final = 10
_ADVICE: Final = 8
_BROKEN: Final = 5
_LABEL: Final = 60
_UNREADABLE: Final = "CK300"
_MARKUP: Final = str.maketrans({one: f"\\{one}" for one in "\\`*_{}[]<>|"})

Table = list[list[str]]


def statement(account: Account, top: int, *, markdown: bool = False, failed: dict[str, str] | None = None) -> str:
    """The whole statement.

    Args:
        account: the sums.
        top: how many breaks are shown.
        markdown: tables and lists as Markdown instead of aligned columns.
        failed: files that could not be opened, with the reason.
    """
    page = _Page(markdown)
    if not account.calls:
        page.line("Nothing to evaluate: no answered call was found." + _from(account))
    else:
        _summary(page, account)
        _tables(page, account)
        _worst(page, account, top)
    _problems(page, account, failed or {})
    return "\n".join(page.lines).rstrip()


class _Page:
    """Collects lines in one of the two forms."""

    def __init__(self, markdown: bool) -> None:
        self.markdown = markdown
        self.lines: list[str] = []

    def line(self, text: str = "") -> None:
        self.lines.append(text)

    def title(self, text: str) -> None:
        self.lines += ["", f"## {text}", ""] if self.markdown else ["", text]

    def said(self, text: str, limit: int = 200) -> str:
        """Text of a recording, made harmless."""
        clean = "".join(char if char.isprintable() else "?" for char in text[:limit])
        return clean.translate(_MARKUP) if self.markdown else clean

    def table(self, head: list[str], rows: Table) -> None:
        if self.markdown:
            self.lines += [f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *rows]]
            return
        widths = [max(len(row[at]) for row in [head, *rows]) for at in range(len(head))]
        for row in [head, *rows]:
            numbers = [cell.rjust(width) for cell, width in zip(row[1:-1], widths[1:-1], strict=True)]
            self.lines.append("  " + "  ".join([row[0].ljust(widths[0]), *numbers, row[-1]]).rstrip())


def _from(account: Account) -> str:
    return "" if account.since is None else f" Counted from {_when(account.since)} on."


def _summary(page: _Page, account: Account) -> None:
    sums = account.by_kind()
    said: list[tuple[Kind, str]] = [
        ("avoidable", "Lost and avoidable"),
        ("unexplained", "Lost and not explained by the recording"),
        ("planned", "Paid for planned rewrites and the API's own rules"),
    ]
    span = "" if account.first is None else f", {_when(account.first)[:10]} to {_when(account.last)[:10]}"
    head = f"{len(account.files)} files, {len(account.conversations)} conversations, {account.calls:,} calls{span}."
    page.line(f"# Prompt cache audit\n\n{head}" if page.markdown else head)
    page.line()
    if account.billed:
        share = account.usage.read / account.usage.prompt if account.usage.prompt else 0.0
        page.line(
            f"Spent: ${_usd(account.spent)} on {account.usage.prompt:,} prompt tokens ({share:.0%} read from the cache)"
            f" and {account.usage.output:,} output tokens."
        )
    else:
        page.line("The files hold no bills: tokens and USD below are estimates.")
    if account.unpriced:
        page.line(f"{account.unpriced} calls are of models whose price is not known; they are not in the USD.")
    for name, text in said:
        page.line(f"{'- ' * page.markdown}{text}: {_money(sums[name], account.spent)}")
    if account.copies:
        page.line(f"{account.copies} calls stand in more than one file and count once.")


def _money(loss: Loss, spent: float) -> str:
    if not loss.breaks:
        return "nothing."
    share = f" ({loss.usd / spent:.0%} of what was spent)" if spent > 0 else ""
    unpriced = f", {loss.unpriced} of them without a known price" if loss.unpriced else ""
    return f"${_usd(loss.usd)}{share}, {loss.tokens:,} tokens in {loss.breaks} breaks{unpriced}."


def _usd(value: float) -> str:
    """Two decimals for dollars, four for parts of one."""
    return f"{value:,.2f}" if value >= 1 else f"{value:,.4f}"


def _tables(page: _Page, account: Account) -> None:
    causes = account.by_cause()
    if not causes:
        return
    page.title("By cause")
    page.table(
        ["cause", "breaks", "tokens", "USD", "what avoids it"],
        [
            [cause.replace("_", " "), *_cells(loss), finding(one).help if kind_of(one) != "planned" else "planned"]
            for cause, loss, one in causes
        ],
    )
    advice = account.advice()
    if advice:
        page.title("What would have saved most, its own cost taken off")
        for one in advice[:_ADVICE]:
            where = f" [{page.said(one.conversation, _LABEL)}]" if one.conversation else ""
            page.line(f"{'-' if page.markdown else ' '} ${_usd(one.usd)}: {one.text}{where}")
    days = account.by_day()
    if len(days) > 1:
        page.title(f"By day{f' (the last {_DAYS})' if len(days) > _DAYS else ''}")
        page.table(
            ["day (UTC)", "breaks", "tokens", "USD", ""], [[day, *_cells(loss), ""] for day, loss, _ in days[-_DAYS:]]
        )
    talks = account.by_conversation()
    if len(talks) > 1:
        page.title(f"By conversation{f' (the dearest {_CONVERSATIONS})' if len(talks) > _CONVERSATIONS else ''}")
        page.table(
            ["conversation", "breaks", "tokens", "USD", "file"],
            [
                [page.said(one.conversation, _LABEL), *_cells(loss), page.said(PurePath(one.path).name)]
                for _, loss, one in talks[:_CONVERSATIONS]
            ],
        )


def _cells(loss: Loss) -> list[str]:
    usd = "unknown" if loss.unpriced == loss.breaks else _usd(loss.usd)
    return [f"{loss.breaks:,}", f"{loss.tokens:,}", usd]


def _worst(page: _Page, account: Account, top: int) -> None:
    worst = account.worst(top)
    if not worst:
        return
    page.title(f"The worst {len(worst)} breaks" if len(worst) > 1 else "The break")
    for rank, one in enumerate(worst, 1):
        for at, line in enumerate(_described(page, one)):
            page.line((f"{rank}. " if at == 0 else "   ") + line)


def _described(page: _Page, one: Break) -> Iterator[str]:
    violation = one.violation
    usd = "price unknown" if violation.usd is None else f"${violation.usd:,.4f}"
    about = "" if violation.confirmed else "about "
    when = f", {_when(one.at)}" if one.at is not None else ""
    yield f"{usd}, {about}{violation.tokens:,} tokens: {violation.cause.replace('_', ' ')}{when}"
    pointer = f" at {page.said(one.pointer)}" if one.pointer else ""
    byte = f", byte {violation.offset:,} of the block" if violation.offset is not None else ""
    yield f"{page.said(one.path, 400)}:{one.line}, request {one.request}{pointer}{byte}"
    if violation.before or violation.after:
        yield f"was: {page.said(violation.before)}"
        yield f"now: {page.said(violation.after)}"
    if one.hint:
        yield page.said(one.hint)


def _problems(page: _Page, account: Account, failed: dict[str, str]) -> None:
    broken = [one for one in account.findings if one.code == _UNREADABLE]
    if not broken and not failed:
        return
    page.title("Not read")
    for path, why in failed.items():
        page.line(f"{'-' if page.markdown else ' '} {page.said(path, 400)}: {why}")
    for one in broken[:_BROKEN]:
        page.line(f"{'-' if page.markdown else ' '} {page.said(one.path, 400)}:{one.line}: {page.said(one.message)}")
    if len(broken) > _BROKEN:
        page.line(f"{'-' if page.markdown else ' '} and {len(broken) - _BROKEN} further lines")


def _when(at: float | None) -> str:
    try:
        return datetime.fromtimestamp(at or 0.0, UTC).strftime("%Y-%m-%d %H:%M")
    except (OverflowError, OSError, ValueError):
        return "an unknown time"
