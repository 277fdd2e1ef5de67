"""What goes into a batch, what came of each item, of all, and what it will cost.

Law: values only.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from contextkit.api.usage import Usage
from contextkit.errors import ContextKitError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Done", "Item", "ItemState", "ItemStates", "Progress", "Quote", "Result", "UndecidedError"]

ItemState = Literal["waiting", "sent", "succeeded", "errored", "expired", "canceled", "lost"]
"""waiting: not sent yet. sent: under way. lost: the API gave no result for it. The others are the API's words."""

ItemStates: Final = ("waiting", "sent", "succeeded", "errored", "expired", "canceled", "lost")


class UndecidedError(ContextKitError):
    """Whether a chunk was taken by the API cannot be found out; nothing was sent again."""


@dataclass(frozen=True, slots=True)
class Item:
    """One piece of independent work.

    Attributes:
        content: what the user says: a text, content blocks, or messages (dicts with a role), the last of the user.
        id: its name, any text, once in a batch; "" for "item-N", by its place (the first is item-0).
        max_tokens: upper bound of this answer, tokens; None for the batch's.
        params: `metadata` and `stop_sequences` of its own. Whatever else differs would not share the prefix.
    """

    content: Any
    id: str = ""
    max_tokens: int | None = None
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one item.

    Attributes:
        id: its name.
        state: see `ItemState`.
        value: the answer as it was declared; the text where nothing was; None where there is none.
        text: what the model said.
        fault: why the answer is not what was declared; "" when it is.
        error: the API's error, or why there is no answer; "" for none.
        message: the API's message as plain JSON; None for none.
        usage: billed tokens.
        cost: USD; None when the price is not known.
        tries: how often it was sent.
    """

    id: str
    state: ItemState
    value: Any = None
    text: str = ""
    fault: str = ""
    error: str = ""
    message: dict[str, Any] | None = None
    usage: Usage = field(default_factory=Usage)
    cost: float | None = None
    tries: int = 0

    @property
    def ok(self) -> bool:
        """There is an answer, and it is what was declared."""
        return self.state == "succeeded" and not self.fault

    def record(self) -> dict[str, Any]:
        """As one flat dict of texts, numbers and JSON text: a row for JSONL, Parquet or a data frame."""
        from contextkit.batch.rows import flat  # noqa: PLC0415  (a value does not need to know how to be written)

        return flat(self)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a batch is.

    Attributes:
        doing: "reading", "submitted", "waiting", "collecting", "looking" (for a chunk that may have been sent).
        known: items read so far.
        done: items with a result that stands.
        under_way: batches at the API that have not ended.
        cost: USD so far; None where a price is not known.
    """

    doing: str
    known: int
    done: int
    under_way: int
    cost: float | None


@dataclass(frozen=True, slots=True)
class Quote:
    """What the items that are still to be sent will cost, before they are: tokens are estimates.

    Attributes:
        requests: how many.
        chunks: batches they are split into.
        bytes: of all requests as they travel.
        model: who is asked.
        prefix: tokens of the shared prefix.
        prompt: tokens of all prompts, the prefix counted in each.
        output: tokens of all answers as they are reckoned: `max_tokens`, the most, unless told otherwise.
        usd: with the prefix read from the cache at `hits`; None where the price is not known, as the others.
        usd_without_batch: the same at the standard price.
        usd_without_prefix: at batch price, with nothing marked or read.
        usd_worst: at batch price, if three of ten items read the prefix; the least that was seen (batch-processing
            page: 30 to 98 %).
        hits: share of the items that is reckoned to read the prefix.
        pays_from: share of the items that has to read the prefix before a mark is cheaper than none.
    """

    requests: int
    chunks: int
    bytes: int
    model: str
    prefix: int
    prompt: int
    output: int
    usd: float | None
    usd_without_batch: float | None
    usd_without_prefix: float | None
    usd_worst: float | None
    hits: float
    pays_from: float | None

    @property
    def saved(self) -> float | None:
        """USD less than the same requests at the standard price without a shared prefix."""
        if self.usd is None or self.usd_without_prefix is None:
            return None
        return self.usd_without_prefix * 2 - self.usd


@dataclass(frozen=True, slots=True)
class Done:
    """What a batch came to.

    Attributes:
        id: its name.
        requests: items in all.
        succeeded: with an answer.
        errored: refused or failed, for good.
        expired: not answered within a day, as often as they were sent.
        canceled: not answered because the batch was cancelled.
        lost: without a result of the API.
        open: still to be sent, or under way.
        faults: answers that are not what was declared.
        usage: billed tokens of the items.
        cost: USD, warm-ups included; None where a price is not known.
        standard: USD for the same tokens at the standard price.
        alone: USD if the items had been sent one by one: standard price, every prompt token at the base price.
        batches: ids of the batches at the API.
    """

    id: str
    requests: int
    succeeded: int
    errored: int
    expired: int
    canceled: int
    lost: int
    open: int
    faults: int
    usage: Usage
    cost: float | None
    standard: float | None
    alone: float | None
    batches: tuple[str, ...]

    @property
    def hit_rate(self) -> float:
        """Share of all prompt tokens that were read from the cache."""
        return self.usage.read / self.usage.prompt if self.usage.prompt else 0.0

    @property
    def saved(self) -> float | None:
        """USD less than one by one, `alone`; None where a price is not known."""
        return None if self.cost is None or self.alone is None else self.alone - self.cost
