"""What a turn works on: the settings, the log and its view, and what billing has taught so far.

Law: one mutable object, changed by turn.py and by the conversation that holds it; it does no I/O and reads no clock.
"""

from __future__ import annotations

from collections import deque
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from contextkit.api import facts
from contextkit.api.usage import Usage, price
from contextkit.cache.lifetime import SHORT, Advice, advise
from contextkit.cache.own import Own
from contextkit.compact.extract import quoted_list
from contextkit.compact.mentions import Mentions
from contextkit.compact.plan import Plan, Since
from contextkit.compact.server import edited
from contextkit.errors import ContentError
from contextkit.history.archive import Archive
from contextkit.history.loan import Slip, lend
from contextkit.history.log import Log
from contextkit.history.view import Summary, View
from contextkit.ledger import Ledger, Row
from contextkit.tokens.calibrate import Calibration
from contextkit.tokens.estimate import Estimate, family_of, prompt_tokens, text_tokens
from contextkit.tokens.parts import counts_for

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import ExitStack

    from contextkit.api.facts import Family, Ttl
    from contextkit.api.messages import Block
    from contextkit.api.request import Later, Request
    from contextkit.cache.breakpoints import Spot
    from contextkit.compact.job import Job
    from contextkit.compact.policies import Compaction
    from contextkit.journal import Journal
    from contextkit.settings import Summarizer

__all__ = ["Sent", "State"]

_GAPS: Final = 64  # calls whose gaps the choice of a lifetime rests on
_SUMMARY_TOKENS: Final = 1_000


class Sent(NamedTuple):
    """The request under way.

    Attributes:
        last: its last block that belongs to the history.
        raw: its running sum of estimates, tokens.
        estimate: what its prompt should be billed, tokens.
        volatile: it ended with volatile text.
        request: itself.
    """

    last: Spot
    raw: float
    estimate: int
    volatile: bool
    request: Request | None = None


@dataclass(slots=True)
class State:
    """One conversation's state; see `Conversation` for the settings.

    Attributes:
        row: what is known of the model; None when it is not in the table.
        family: the model's tokenizer.
        ceiling: the budget in tokens; 0 without compaction.
        own: what this conversation expects of the cache, and what was lost.
        diagnostics: ask the API for the reason of every miss.
        paused: the last answer was a pause_turn: the next call may follow it directly.
        frozen: a request has been made, so tools and system stand.
        written: the highest place that a sent request has written to the cache and that still stands.
        sent: of the request under way; None when none is.
        last: the last request of the main thread that was answered, and what it was billed, while the history goes on
            from it: what a summary by the conversation's own model forks.
        life: the lifetime in use where `ttl` is "auto".
        gaps: seconds between the starts of the last calls.
        called_at: when the last call was made.
        answered: entries of the log that the last answered request held.
        since: what has happened since the last fold, for the next plan.
        plan: the last plan, while it was not carried out.
        planned_at: calls in all when it was made.
        plan_at: calls in all at which the next is due.
        plan_from: prompt tokens from which it is due at once.
        retry_at: after a failed summary, prompt tokens from which a new one is tried.
        failed_in_a_row: summaries that failed since the last fold.
        recall: the model can read the archive, so a summary names the handle of what it stands for.
        mentions: the identifiers so far.
        fork_thinking: tokens that the model thought before its last summary as a fork.
        pending: the summary that is being written in the background, where it will be, and what budgets hold for it.
        id: the conversation's, for its rows in the ledger.
        shared: the ledger was given, and may hold other conversations' rows.
        booked: a subtask's own rows; None elsewhere.
        journal: takes note of everything that happens, where it is to be kept; None where it is not.
        server: the edit that the API makes instead of folds of our own; "" for none.
    """

    model: str
    max_tokens: int
    system: list[Block]
    tools: list[dict[str, Any]]
    params: dict[str, Any]
    ttl: Ttl | Literal["auto"]
    policy: Compaction | None
    summarizer: Summarizer
    log: Log = field(default_factory=Log)
    row: facts.Model | None = field(init=False)
    family: Family = field(init=False)
    ceiling: int = field(init=False)
    view: View = field(init=False)
    ledger: Ledger = field(default_factory=Ledger)
    archive: Archive = field(default_factory=Archive)
    calibration: Calibration = field(init=False)
    own: Own = field(init=False)
    volatile: dict[str, Callable[[], str] | str] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    fixed_tokens: float = field(init=False)
    diagnostics: bool = False
    paused: bool = False
    frozen: bool = False
    written: Spot | None = None
    sent: Sent | None = None
    last: tuple[Request, Usage] | None = None
    life: Ttl = "5m"
    gaps: deque[float] = field(default_factory=lambda: deque(maxlen=_GAPS))
    called_at: float | None = None
    answered: int = 0
    since: Since = field(default_factory=Since)
    plan: Plan | None = None
    planned_at: int = 0
    plan_at: int = 0
    plan_from: int = 0
    retry_at: int = 0
    failed_in_a_row: int = 0
    recall: bool = False
    mentions: Mentions = field(default_factory=Mentions)
    fork_thinking: int = 0
    pending: tuple[Job, Later, ExitStack] | None = None
    server: Literal["", "clear", "compact"] = ""
    journal: Journal | None = None
    id: str = ""
    booked: list[Row] | None = None
    shared: bool = False
    _before_thinking: Spot | None = None
    _fixed: dict[tuple[bool, Ttl, str], dict[str, Any]] = field(default_factory=dict)
    _touched: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        row = self.row = facts.model(self.model)
        self.family = family_of(self.model)
        self.ceiling = self.policy.ceiling(row) if self.policy else 0
        self.view = View(self.log, binds_thinking=row.binds_thinking if row else True)
        self.calibration = Calibration(self.family)
        self.own = Own(self.model)
        self.measure_fixed()

    @property
    def mark(self) -> dict[str, str]:
        """The mark that is put on blocks."""
        life = self.lifetime
        return {"type": "ephemeral"} if life == "5m" else {"type": "ephemeral", "ttl": life}

    @property
    def lifetime(self) -> Ttl:
        """Of the cache entries that are written now."""
        return self.life if self.ttl == "auto" else self.ttl

    @property
    def summary_tokens(self) -> int:
        """Upper bound of one summary."""
        return self.policy.summary_tokens if self.policy else _SUMMARY_TOKENS

    def unshare(self) -> None:
        """Begin loans of one's own, after a shallow copy."""
        self._fixed, self._touched = {}, set()

    def measure_fixed(self) -> None:
        """Count tools and system, once."""
        body = {"model": self.model, "tools": self.tools, "system": self.system, "messages": (), **self.params}
        self.fixed_tokens = prompt_tokens(body, self.model)

    def fixed(self, *, mark: bool) -> dict[str, Any]:
        """The arguments that are the same in every request, serialised the same way; the lists are loans."""
        if self._touched:
            self._fixed.clear()
            self._touched.clear()
        key = mark, self.life, self.server
        if key not in self._fixed:
            self._fixed[key] = self._make_fixed(mark=mark)
        return dict(self._fixed[key])

    def _make_fixed(self, *, mark: bool) -> dict[str, Any]:
        system, tools = list(self.system), list(self.tools)
        if mark and (system or tools):
            part = system or tools
            part[-1] = {**part[-1], "cache_control": dict(self.mark)}
        lists = {"system": system, "tools": tools}
        slip = Slip(0, self._touched)
        shown = {name: lend(value, slip) for name, value in lists.items() if value}
        gain = self.policy.gain(self.row) if self.policy else 0
        given = edited(self.params, self.server, budget=self.ceiling, gain=gain)
        params = {name: lend(value, slip) for name, value in given.items()}
        return {"model": self.model, "max_tokens": self.max_tokens, **params, **shown}

    def volatile_blocks(self) -> list[Block]:
        """The volatile text of now, as blocks; never kept.

        Raises:
            ContentError: a function gave something that is not text.
        """
        blocks = []
        for name, source in self.volatile.items():
            text = source() if callable(source) else source
            if not isinstance(text, str):
                raise ContentError(
                    f"volatile {name!r} gave a {type(text).__name__}", where="volatile()", fix="Give text."
                )
            if text.strip():
                blocks.append({"type": "text", "text": f"<{name}>{text}</{name}>"})
        return blocks

    def raw_tokens(self) -> float:
        """The running sum of estimates for the next prompt, not corrected by billing."""
        return self.fixed_tokens + self.view.tokens()

    def total(self) -> Estimate:
        """The next prompt's tokens: last billed total and an estimate of what is new."""
        return self.calibration.total(self._looked_at())

    def tokens(self, raw: float | None = None) -> int:
        """The best guess of `total`, alone; `raw` where the running sum is at hand."""
        return self.calibration.best(self._looked_at(raw))

    def _looked_at(self, raw: float | None = None) -> float:
        raw = self.raw_tokens() if raw is None else raw
        careful = self.calibration.anchor is None and raw > self._looks_from()
        return max(raw, self._counted()) if careful else raw

    def _looks_from(self) -> float:
        """Before anything was billed, a prompt near the ceiling is counted with care."""
        return 0.5 * (self.ceiling or (self.row.window if self.row else 200_000))

    def _counted(self) -> float:
        counts = counts_for({"model": self.model})
        return self.fixed_tokens + sum(
            counts.message(message) + sum(counts.block(block) for block in message["content"])
            for message in self.view.messages()
        )

    @property
    def listed(self) -> int:
        """Upper bound of the list of identifiers, tokens."""
        return self.policy.listed(self.row, own=callable(self.summarizer)) if self.policy else 0

    @property
    def clears(self) -> bool:
        """Whether old results may give way to handles."""
        wanted = self.policy.clear if self.policy else False
        return self.recall if wanted is None else wanted

    def clear(self, instead: Mapping[int, Sequence[Block]], end: int) -> None:
        """Send other blocks in the place of old ones; what was written up to the summaries stands."""
        kept = self.view.summary_end()
        self.view.clear(instead, end)
        if self.journal is not None:
            self.journal.note("clear", instead={str(at): list(blocks) for at, blocks in instead.items()}, end=end)
        self._rewritten(kept)

    def _rewritten(self, kept: Spot | None) -> None:
        """What was sent changed behind `kept`, on purpose."""
        self.own.expect("compaction", "planned")
        self.written = kept
        self.sent = self.last = None
        self._before_thinking = None

    def fold(self, made: Summary, *, rewritten: bool = False) -> None:
        """Take a summary into the view; what was written up to the older ones stands, unless they are `rewritten`."""
        kept = self.view.summary_end()
        names = quoted_list(self.mentions, self.log.entries, self.listed, end=made.end, family=self.family)
        size = text_tokens(names, self.family)
        self.view.fold(made, names=names, name_tokens=size)
        if self.journal is not None:
            self.journal.note("fold", summary=asdict(made), names=names, name_tokens=size)
        self._rewritten(None if rewritten else kept)
        self.retry_at = self.failed_in_a_row = 0

    @property
    def diagnosed(self) -> dict[str, Any]:
        """The argument that asks the API why it missed, where that is wanted."""
        return {"diagnostics": {"previous_message_id": self.own.message_id}} if self.diagnostics else {}

    @property
    def seconds(self) -> int:
        """As `lifetime`, in seconds."""
        return facts.TTL_SECONDS[self.lifetime]

    def begin(self, now: float) -> None:
        """A call starts: note the gap, and where the lifetime is "auto", choose it anew after a long one."""
        if self.called_at is not None and now >= self.called_at:
            self.gaps.append(now - self.called_at)
            if self.ttl == "auto" and self.gaps[-1] >= SHORT:
                advice = self.advice()
                self.life = advice.ttl if advice else "5m"
        self.called_at = now

    def advice(self) -> Advice | None:
        """What each lifetime would cost a call, by the gaps so far; None when the model's price is not known."""
        found = price(self.model, prompt=self.tokens())
        if found is None:
            return None
        calls = max(self.calibration.seen + 1, 1)
        prefix = self.tokens()
        growth = max(prefix - self.fixed_tokens, 0.0) / calls
        return advise(tuple(self.gaps), prefix=prefix, growth=growth, price=found)

    def called(self, entries: int) -> None:
        """A call over so many entries was answered, under the plan that stood."""
        self.answered = entries
        self.since = self.since.called(self.plan)

    def learn(self, spot: Spot, raw: float, billed: int, *, thinking: bool) -> None:
        """After a call: what it wrote stands, and what it was billed corrects the estimate."""
        if thinking and self.row is not None and not self.row.keeps_thinking and self._before_thinking is None:
            self._before_thinking = spot
        self.written = spot
        if billed:
            self.calibration.observe(raw, billed)

    def new_turn(self) -> None:
        """A user's text begins a turn: models that drop older thinking lose the cache from its first block on."""
        if self._before_thinking is not None:
            self.written, self._before_thinking = self._before_thinking, None
            self.own.expect("thinking_stripped", "expected")

    def note_failure(self, error: Exception) -> None:
        """Remember why a summary was not made."""
        self.failures.append(f"{type(error).__name__}: {error}"[:500])
