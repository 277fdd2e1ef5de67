"""All rules on Python source, in the order of their codes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from contextkit.lint.source.rules.ck101_clock import Clock
from contextkit.lint.source.rules.ck102_random import Random
from contextkit.lint.source.rules.ck103_fresh_id import FreshId
from contextkit.lint.source.rules.ck104_object_identity import ObjectIdentity
from contextkit.lint.source.rules.ck105_counter import Counter
from contextkit.lint.source.rules.ck106_environment import Environment
from contextkit.lint.source.rules.ck107_file_read import FileRead
from contextkit.lint.source.rules.ck108_unordered_listing import UnorderedListing
from contextkit.lint.source.rules.ck109_unordered_set import UnorderedSet
from contextkit.lint.source.rules.ck110_unstable_json import UnstableJson
from contextkit.lint.source.rules.ck111_request_scoped import RequestScoped
from contextkit.lint.source.rules.ck112_retrieval import Retrieval
from contextkit.lint.source.rules.ck113_loop_value import LoopValue
from contextkit.lint.source.rules.ck120_sliding_window import SlidingWindow
from contextkit.lint.source.rules.ck121_dropped_front import DroppedFront
from contextkit.lint.source.rules.ck122_bounded_deque import BoundedDeque
from contextkit.lint.source.rules.ck123_summary_each_turn import SummaryEachTurn
from contextkit.lint.source.rules.ck124_edited_history import EditedHistory
from contextkit.lint.source.rules.ck125_budget_trim import BudgetTrim
from contextkit.lint.source.rules.ck130_model_varies import ModelVaries
from contextkit.lint.source.rules.ck131_tools_vary import ToolsVary
from contextkit.lint.source.rules.ck132_tool_choice_varies import ToolChoiceVaries
from contextkit.lint.source.rules.ck133_thinking_varies import ThinkingVaries
from contextkit.lint.source.rules.ck134_effort_varies import EffortVaries
from contextkit.lint.source.rules.ck135_system_varies import SystemVaries
from contextkit.lint.source.rules.ck140_mark_after_volatile import MarkAfterVolatile
from contextkit.lint.source.rules.ck141_too_many_marks import TooManyMarks
from contextkit.lint.source.rules.ck142_mark_order import MarkOrder
from contextkit.lint.source.rules.ck143_mark_on_empty import MarkOnEmpty
from contextkit.lint.source.rules.ck144_below_minimum import BelowMinimum
from contextkit.lint.source.rules.ck145_no_mark_in_loop import NoMarkInLoop
from contextkit.lint.source.rules.ck150_usage import UsageIgnoresCache

if TYPE_CHECKING:
    from contextkit.lint.source.reach import SourceRule

__all__ = ["RULES"]

RULES: Final[tuple[type[SourceRule], ...]] = (
    Clock,
    Random,
    FreshId,
    ObjectIdentity,
    Counter,
    Environment,
    FileRead,
    UnorderedListing,
    UnorderedSet,
    UnstableJson,
    RequestScoped,
    Retrieval,
    LoopValue,
    SlidingWindow,
    DroppedFront,
    BoundedDeque,
    SummaryEachTurn,
    EditedHistory,
    BudgetTrim,
    ModelVaries,
    ToolsVary,
    ToolChoiceVaries,
    ThinkingVaries,
    EffortVaries,
    SystemVaries,
    MarkAfterVolatile,
    TooManyMarks,
    MarkOrder,
    MarkOnEmpty,
    BelowMinimum,
    NoMarkInLoop,
    UsageIgnoresCache,
)
