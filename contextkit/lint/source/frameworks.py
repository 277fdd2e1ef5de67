"""Claude through other libraries: contextkit, LangChain, pydantic-ai.

Law: what they put into the prefix is the same three parts; what they evaluate at every run counts as
made at every call.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from contextkit.lint.source.sinks import answer, note
from contextkit.lint.source.values import Heap, Value, deep, merge

if TYPE_CHECKING:
    import ast

    from contextkit.lint.source.follow import Run
    from contextkit.lint.source.scope import Function, Scope
    from contextkit.lint.source.standard import Given

__all__ = ["decorated", "piped", "request"]

_CONVERSATION: Final = re.compile(r"^contextkit\.(?:conversation\.)?Conversation(?:\.from_messages)?$")
_CHAT: Final = re.compile(r"\bChatAnthropic\w*$|^langchain[\w.]*\.init_chat_model$")
_MESSAGE: Final = re.compile(r"^langchain[\w.]*\.(System|Human|AI)Message$")
_PROMPT: Final = re.compile(r"^langchain[\w.]*\.ChatPromptTemplate\.from_messages$|\.ChatPromptTemplate$")
_AGENT: Final = re.compile(r"^pydantic_ai\.(?:agent\.)?Agent$")
_GRAPH: Final = re.compile(r"^lang(?:graph|chain)[\w.]*\.create_(?:react_)?agent$")
_INVOKES: Final = frozenset({"invoke", "ainvoke", "stream", "astream", "generate", "agenerate", "batch", "abatch"})
_PASSES: Final = frozenset(
    {"bind_tools", "bind", "with_structured_output", "with_retry", "with_config", "with_fallbacks"}
)
_CLAUDE: Final = re.compile(r"claude|anthropic", re.IGNORECASE)


def request(run: Run, target: Value, given: Given, receiver: Value | None) -> Value | None:
    """What a call of one of these libraries gives; None when it is none of them."""
    name = target.name
    if _CONVERSATION.match(name):
        return _conversation(run, given)
    if _CHAT.search(name) and not name.endswith("?"):
        return _chat(given, name)
    if _MESSAGE.match(name):
        return _message(run, name, given)
    if _PROMPT.search(name):
        return _prompt(given)
    if _AGENT.match(name) or _GRAPH.match(name):
        return _agent(run, given, name)
    return _invoked(run, name, given, receiver) if receiver is not None else None


def _conversation(run: Run, given: Given) -> Value:
    params: dict[str, Value] = {
        name: given.keywords[name] for name in ("system", "tools", "model") if name in given.keywords
    }
    note(run, given, "Conversation", params, loose=bool(given.rest), once=True)
    return Value(name="contextkit.Conversation()", open=True)


def _chat(given: Given, name: str) -> Value | None:
    model = given.get(0, "model")
    text = model.text if model is not None else None
    if name.endswith("init_chat_model") and (text is None or not _CLAUDE.search(text)):
        return None
    return Value(name="langchain_anthropic.ChatAnthropic()", open=True, heap=Heap("open", keys=dict(given.keywords)))


def _message(run: Run, name: str, given: Given) -> Value:
    role = {"System": "system", "Human": "user", "AI": "assistant"}[name.removesuffix("Message").rsplit(".", 1)[-1]]
    content = given.get(0, "content") or Value(open=True)
    keys = {"role": Value(const=role), "content": content}
    return Value(heap=run.heap("dict", keys=keys), at=run.spot(given.node, given.scope))


def _prompt(given: Given) -> Value:
    messages = given.get(0, "messages") or Value(open=True)
    return Value(name="?prompt", open=True, heap=Heap("open", keys={"prompt": messages}))


def piped(left: Value, right: Value) -> Value | None:
    """`prompt | model | parser`: a chain, which is invoked as its model is."""
    if right.name.startswith("langchain_anthropic.ChatAnthropic()"):
        keys = dict(right.heap.keys) if right.heap is not None else {}
        for heap in left.heaps():
            keys |= {name: value for name, value in heap.keys.items() if name == "prompt"}
        return Value(name=right.name, open=True, heap=Heap("open", keys=keys))
    return left if left.name.startswith("langchain_anthropic.ChatAnthropic()") else None


def _invoked(run: Run, name: str, given: Given, receiver: Value) -> Value | None:
    if not name.startswith("langchain_anthropic.ChatAnthropic()"):
        return None
    last = name.rsplit(".", 1)[-1]
    heap = next(receiver.heaps(), None)
    keys = dict(heap.keys) if heap is not None else {}
    if last in _PASSES:
        tools = given.get(0, "tools") if last == "bind_tools" else given.keywords.get("tools")
        keys |= {"tools": tools} if tools is not None else {}
        keys |= {key: one for key, one in given.keywords.items() if key in {"tool_choice", "thinking"}}
        return Value(name="langchain_anthropic.ChatAnthropic()", open=True, heap=Heap("open", keys=keys))
    if last not in _INVOKES:
        return None
    params: dict[str, Value] = {key: keys[key] for key in ("tools", "tool_choice", "thinking", "model") if key in keys}
    messages = given.get(0, "input")
    if "prompt" in keys:
        params["messages"] = _filled(keys["prompt"], messages)
    elif messages is not None:
        params["messages"] = messages
    note(run, given, "ChatAnthropic", params, loose=True)
    return answer(run, given)


def _filled(prompt: Value, variables: Value | None) -> Value:
    """A template's messages, each with the taints of the variables that it names."""
    values = {k: one for heap in (variables.heaps() if variables is not None else ()) for k, one in heap.keys.items()}
    made = Heap("list")
    for item in (one for heap in prompt.heaps() for one in heap.items):
        taints: frozenset[Any] = frozenset()
        for heap in item.heaps():
            for part in (*heap.items, *heap.keys.values()):
                named = re.findall(r"\{(\w+)\}", part.text or "")
                taints = taints.union(*(deep(values[name]) for name in named if name in values))
        made.items.append(item.with_(taints))
    return Value(heap=made)


def _agent(run: Run, given: Given, name: str) -> Value:
    model = given.get(0, "model")
    if not _claude(run, model, given):
        return Value(name=f"{name}()", open=True)
    params: dict[str, Value] = {key: given.keywords[key] for key in ("tools",) if key in given.keywords}
    parts = [given.keywords[key] for key in ("instructions", "system_prompt", "prompt") if key in given.keywords]
    texts = [_called(run, one, given) for part in parts for one in _each(part)]
    if texts:
        params["system"] = Value(heap=run.heap("list", items=texts))
    note(run, given, "Agent", params, loose=True, once=True, stage="call")
    return Value(name=f"{name}()" if _AGENT.match(name) else "?agent", open=True)


def _each(part: Value) -> list[Value]:
    lists = [heap for heap in part.heaps() if heap.kind in {"list", "tuple"}]
    return [item for heap in lists for item in heap.items] if lists else list(part.each())


def _called(run: Run, value: Value, given: Given) -> Value:
    """Instructions may be functions, called at every run."""
    if value.func is None:
        return value
    from contextkit.lint.source.calls import call_value  # noqa: PLC0415  (calls note requests)

    before, run.stage = run.stage, "call"
    try:
        return call_value(run, value, [_context()], {}, given.node, given.scope)
    finally:
        run.stage = before


def _context() -> Value:
    return Value(open=True, name="?ctx", heap=Heap("open", whole=False, stage="init"))


def _claude(run: Run, model: Value | None, given: Given) -> bool:
    texts = [one.text for one in model.each() if one.text is not None] if model is not None else []
    if texts:
        return any(_CLAUDE.search(text) for text in texts)
    if model is not None and _CLAUDE.search(model.name):
        return True
    module = run.project.modules.get(given.scope.path)
    return module is not None and module.claude


def decorated(run: Run, made: Value, function: Function, node: ast.expr, scope: Scope) -> bool:
    """`@agent.system_prompt`, `@agent.instructions`: the function's text is part of the prefix of every run."""
    name = made.name.removesuffix("()")
    if not name.startswith("pydantic_ai.") or name.rsplit(".", 1)[-1] not in {"system_prompt", "instructions"}:
        return False
    from contextkit.lint.source.standard import Given  # noqa: PLC0415

    given = Given(run, node, scope, [], {}, [])
    text = _called(run, Value(func=replace(function)), given)
    before, run.stage = run.stage, "call"
    note(run, given, "Agent", {"system": merge([text])}, loose=True, once=True)
    run.stage = before
    return True
