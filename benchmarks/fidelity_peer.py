"""The same cases through litellm's prompt cache prediction, in an interpreter of its own.

Law: litellm gets exactly what our model gets: bodies, marks, sizes, times. Its own code does the rest. This file is
both sides: imported, it prepares `.peers/litellm` and sends the cases; run by that interpreter, it answers them.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.fidelity_cases import Case
    from contextkit.transcripts import Session

__all__ = ["HEAD", "Answer", "litellm_answers"]

_ROOT: Final = Path(__file__).parents[1]
_VENV: Final = _ROOT / ".peers" / "litellm"
_VERSION: Final = "1.106.2"
HEAD: Final = 5000
"""Tokens of the stand-in for system and tools: an answer of no more than these is "nothing of the conversation"."""
_EARLIER: Final = 7200.0  # its history begins so many seconds before the session: two of the longest lifetimes


@dataclass(frozen=True, slots=True)
class Answer:
    """Tokens that litellm says are read; None with its reason where it does not say."""

    read: int | None
    reason: str


def litellm_answers(sessions: Sequence[Session]) -> dict[tuple[str, int], Answer]:
    """Its answer for every call with a bill, by file and index."""
    _install()
    environment = {**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    lines = "\n".join(json.dumps(_packed(session)) for session in sessions)
    command = [str(_VENV / "bin" / "python"), __file__]
    done = subprocess.run(command, input=lines, capture_output=True, text=True, env=environment, check=True)
    rows = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("[")]
    return {(file, index): Answer(read, reason) for file, index, read, reason in rows}


def _install() -> None:
    """Make the environment once."""
    if (_VENV / ".ready").exists():
        return
    python = _VENV / "bin" / "python"
    wanted = f"litellm=={_VERSION}"
    if uv := shutil.which("uv"):
        subprocess.run([uv, "venv", "--quiet", "--allow-existing", str(_VENV)], check=True)
        subprocess.run([uv, "pip", "install", "--quiet", "--python", str(python), wanted], check=True)
    else:
        subprocess.run([sys.executable, "-m", "venv", str(_VENV)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", wanted], check=True)
    (_VENV / ".ready").touch()


def _packed(session: Session) -> dict[str, Any]:
    """A session with each message once; the last message of a call carries its mark."""
    from benchmarks.fidelity_cases import cases  # noqa: PLC0415  (the peer's interpreter has no contextkit)

    table: dict[int, int] = {}
    messages: list[Any] = []
    packed = []
    for case in cases(session):
        for message in case.messages:
            if id(message) not in table:
                table[id(message)] = len(messages)
                messages.append(message)
        packed.append(_packed_case(case, [table[id(message)] for message in case.messages]))
    return {"file": session.file, "messages": messages, "cases": packed}


def _packed_case(case: Case, seen: list[int]) -> dict[str, Any]:
    frame = {key: value for key, value in case.body.items() if key != "messages"}
    sizes = {str(place): size for place, size in case.ends.items()}
    mark = case.body["system"][0]["cache_control"]
    return {"index": case.index, "at": case.at, "frame": frame, "seen": seen, "sizes": sizes, "mark": mark}


def _answers(session: dict[str, Any]) -> Iterator[list[Any]]:
    """In the peer's interpreter: one row a call."""
    prediction = import_module("litellm.llms.anthropic.prompt_cache_prediction")
    accounting = import_module("litellm.proxy.spend_tracking.baseline_accounting")
    start = session["cases"][0]["at"] - _EARLIER
    history = accounting.BaselineHistory(first_at=start, last_at=start, equivalent=False, uncertain_before=start)
    last = start
    for case in session["cases"]:
        plan = prediction.parse_cache_plan(_body(session["messages"], case))
        if not isinstance(plan, prediction.UnsupportedCachePlan):
            plan = asyncio.run(_counted(prediction, plan, case))
        if isinstance(plan, prediction.UnsupportedCachePlan):
            yield [session["file"], case["index"], None, plan.reason]
            continue
        last = max(case["at"], last + 0.001)  # it refuses two calls at one time
        history, estimates = accounting.advance_baseline_history(history, [_observation(accounting, case, plan, last)])
        usage = estimates[0].usage
        read = usage.prompt_tokens_details.cached_tokens if usage is not None else None
        yield [session["file"], case["index"], read, estimates[0].reason]


def _body(messages: list[Any], case: dict[str, Any]) -> dict[str, Any]:
    seen = [messages[at] for at in case["seen"]]
    last = seen[-1]
    marked = {**last, "content": [*last["content"][:-1], {**last["content"][-1], "cache_control": case["mark"]}]}
    return {**case["frame"], "messages": [*seen[:-1], marked]}


async def _counted(prediction: Any, plan: Any, case: dict[str, Any]) -> Any:
    """Its own count of a plan, the given sizes in the place of the API's token counter."""
    size = max(case["sizes"].values())

    async def counter(_model: str, _key: str, body: Any) -> int:
        return int(size if body.get("messages") else min(HEAD, size))

    counted = prediction.count_cache_plan(case["frame"]["model"], "none", plan, token_counter=counter)
    return await counted


def _observation(accounting: Any, case: dict[str, Any], plan: Any, at: float) -> Any:
    """A call of the baseline whose own bill is not shown: empty usage."""
    split = {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0}
    details = {
        "text_tokens": 0,
        "cached_tokens": 0,
        "cache_creation_tokens": 0,
        "cache_creation_token_details": split,
    }
    usage = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0, "prompt_tokens_details": details}
    return accounting.BaselineObservation(
        request_id=str(case["index"]),
        started_at=at,
        available_at=at,
        outcome="complete",
        baseline_equivalent=False,
        usage=accounting.Usage.model_validate(usage),
        plan=plan,
        minimum_cache_tokens=0,
    )


def _serve() -> None:
    for line in sys.stdin:
        for row in _answers(json.loads(line)):
            print(json.dumps(row))


if __name__ == "__main__":
    _serve()
