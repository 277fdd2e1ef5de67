"""Which calls are requests to Claude, and what of their arguments is what part of the request.

Law: a call is a request when its name is one of the SDK's, whatever the client is called; a client of another service
is told apart by its arguments.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from contextkit.lint.source.follow import written
from contextkit.lint.source.sent import Sent, blocks_of
from contextkit.lint.source.values import Kind, Value

if TYPE_CHECKING:
    from contextkit.lint.source.follow import Run
    from contextkit.lint.source.standard import Given

__all__ = ["note", "request"]

_CREATE: Final = re.compile(
    r"\bmessages(?:\.with_(?:raw|streaming)_response)?\.(create|stream|parse|count_tokens|tool_runner)$"
)
_BATCH: Final = re.compile(r"\bmessages\.batches\.create$")
_LITELLM: Final = re.compile(r"^litellm\.(?:main\.)?(?:Router\(\)\.|router\.Router\(\)\.)?a?completion$")
_OTHERS: Final = frozenset({"body", "to", "from_", "thread_id", "room_id", "channel", "userId"})
_CLAUDE: Final = re.compile(r"claude|anthropic", re.IGNORECASE)
_OLD: Final = re.compile(r"threads\.|openai|twilio|\bthreads\b")


def request(run: Run, target: Value, given: Given, receiver: Value | None) -> Value | None:
    """What a call of the SDK, or of a library around it, gives; None when it is no request."""
    from contextkit.lint.source import frameworks  # noqa: PLC0415  (frameworks note requests)

    name = target.name
    if not name:
        return None
    found = _CREATE.search(name)
    if found is not None and _is_ours(name, given):
        return _sdk(run, given, f"messages.{found.group(1)}")
    if _BATCH.search(name):
        return _batch(run, given)
    if _LITELLM.match(name) and _speaks(run, given):
        return _sdk(run, given, "litellm.completion")
    return frameworks.request(run, target, given, receiver)


def _is_ours(name: str, given: Given) -> bool:
    keywords = given.keywords
    if _OLD.search(name) or _OTHERS & keywords.keys():
        return False
    model = keywords.get("model")
    if model is not None and model.text is not None and re.search(r"gpt|gemini|llama|mistral", model.text):
        return False
    if "anthropic" in name.lower():
        return True
    return bool({"messages", "model", "max_tokens", "system"} & keywords.keys()) or bool(given.rest)


def _speaks(run: Run, given: Given) -> bool:
    """LiteLLM speaks to many; to Claude where the model says so, or the file does."""
    model = given.get(0, "model")
    texts = [one.text for one in model.each() if one.text is not None] if model is not None else []
    if texts:
        return any(_CLAUDE.search(text) for text in texts)
    module = run.project.modules.get(given.scope.path)
    return module is not None and module.claude


def _sdk(run: Run, given: Given, api: str) -> Value:
    params = dict(given.keywords)
    for at, name in enumerate(("model", "messages") if api.startswith("litellm") else ()):
        value = given.get(at)
        if value is not None and at < len(given.args):
            params.setdefault(name, value)
    extra = params.get("extra_body")
    for heap in extra.heaps() if extra is not None else ():
        params.update({name: one for name, one in heap.keys.items() if name not in params})
    note(run, given, api, params, loose=bool(given.rest))
    return answer(run, given)


def note(run: Run, given: Given, api: str, params: dict[str, Value], *, loose: bool = False, **more: Any) -> Sent:
    """Remember a request."""
    sent = Sent(
        run.spot(given.node, given.scope), api, more.get("stage", run.stage), more.get("loops", run.loops), params,
        loose, once=more.get("once", False),
    )  # fmt: skip
    sent.blocks = blocks_of(sent)
    for heap in sent.histories:
        heap.sent = True
    run.sent.append(sent)
    return sent


def answer(run: Run, given: Given) -> Value:
    """The model's answer: new every time."""
    taint = run.taint(Kind.SUMMARY, given.node, given.scope, "the model's answer", bound=False)
    if guarded(run):
        taint = replace(taint, fix="guarded")
    return Value(taints=frozenset({taint}), name="?response", open=True)


_MEASURES: Final = re.compile(
    r"len\(|token|size|count|length|budget|limit|max|>|<|should|need|over|exceed", re.IGNORECASE
)


def guarded(run: Run) -> bool:
    """Whether this waits for a threshold."""
    import ast  # noqa: PLC0415

    tests = [test for test in run.tests if not isinstance(test, ast.NamedExpr)]
    return any(_MEASURES.search(written(test)) for test in tests)


def _batch(run: Run, given: Given) -> Value:
    """Each request of a batch is a request."""
    requests = given.keywords.get("requests")
    items = [item for heap in requests.heaps() for item in heap.items] if requests is not None else []
    for item in items[:4]:
        params = next((heap.keys.get("params") for heap in item.heaps() if "params" in heap.keys), None)
        for heap in params.heaps() if params is not None else ():
            note(run, given, "batches.create", dict(heap.keys), loose=not heap.whole, loops=heap.loops)
    return Value(open=True, name="?batch")
