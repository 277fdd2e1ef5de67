"""What people declare of a conversation, checked before anything is made of it.

Law: a wrong setting says its name, what is wrong with it, and what to give.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from contextkit.api import facts
from contextkit.api.messages import blocks_of, cleaned, plain
from contextkit.api.wellformed import malformed_parameters, malformed_tools
from contextkit.errors import ConfigError, ContentError, FrozenError, HistoryError
from contextkit.tools.function import definition_of

if TYPE_CHECKING:
    from contextkit.api.messages import Block

__all__ = [
    "Summarizer",
    "check_kinds",
    "check_settings",
    "check_shape",
    "checked_shapes",
    "first_party",
    "frozen",
    "history_of",
    "params_of",
    "system_of",
    "tools_of",
    "volatile_of",
]

Summarizer = str | Callable[[str], str | Awaitable[str]]
"""A model or its short name, "own" (the conversation's), "auto" (the cheaper of "own" and Haiku), "extractive", or a
callable that makes a summary of a transcript."""

_TAG: Final = re.compile(r"[^\W\d][\w.:-]{0,63}")
"""A name that can stand in `<name>`."""


def check_settings(*, model: str, max_tokens: int, ttl: str, summarizer: Summarizer, params: Mapping[str, Any]) -> None:
    """Refuse settings of a conversation that cannot work.

    Raises:
        ConfigError: which one, and what to give.
    """
    if not isinstance(model, str) or not model or not _encodes(model):
        what = f"model is {model!r:.100}" if model else "no model is named"
        raise ConfigError(what, where="Conversation(model=)", fix='Give an id, or "sonnet".')
    if max_tokens < 1:
        raise ConfigError(f"max_tokens is {max_tokens}", where="Conversation(max_tokens=)", fix="Give 1 or more.")
    row = facts.model(facts.resolve(model))
    if row is not None and max_tokens > row.max_output:
        raise ConfigError(
            f"max_tokens is {max_tokens:,}, more than {row.id} may answer",
            where="Conversation(max_tokens=)",
            fix=f"Give {row.max_output:,} or less.",
        )
    if not isinstance(ttl, str) or ttl not in {*facts.TTL_SECONDS, "auto"}:
        raise ConfigError(f"ttl is {ttl!r:.100}", where="Conversation(ttl=)", fix='Give "5m", "1h" or "auto".')
    if not callable(summarizer) and not (isinstance(summarizer, str) and summarizer and _encodes(summarizer)):
        raise ConfigError(
            "the summarizer is neither a name nor callable",
            where="Conversation(summarizer=)",
            fix='Give "haiku", "extractive", a model id or a function of the transcript.',
        )
    unknown = sorted(set(params) - facts.CREATE_PARAMS)
    if unknown:
        raise ConfigError(
            f"messages.create takes no {', '.join(unknown)}",
            where="Conversation(**params)",
            fix=f"Known: {', '.join(sorted(facts.CREATE_PARAMS))}.",
        )


def check_kinds(**given: Any) -> None:
    """Refuse settings of another type than the one that is declared.

    Args:
        **given: settings by name, of those in the table below.

    Raises:
        ConfigError: which one, and what to give.
    """
    for name, value in given.items():
        right, what = _KINDS[name]
        if not right(value):
            raise ConfigError(
                f"{name} is of the wrong type: {type(value).__name__}",
                where=f"Conversation({name}=)",
                fix=f"Give {what}.",
            )


def _is_whole(value: Any) -> bool:
    return type(value) is int


def _is_iterable(value: Any) -> bool:
    return value is None or (isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping))


_KINDS: Final[dict[str, tuple[Callable[[Any], bool], str]]] = {
    "compaction": (lambda value: value is None or hasattr(value, "keep_recent"), "a Compaction, or None"),
    "budget": (lambda value: value is None or hasattr(value, "check"), "a Budget, or None"),
    "ledger": (lambda value: value is None or hasattr(value, "hot_spots"), "a Ledger, or None"),
    "max_tokens": (_is_whole, "a whole number"),
    "max_output_chars": (_is_whole, "a whole number"),
    "tools": (_is_iterable, "a list of tools"),
    "clock": (callable, "a function that gives Unix seconds"),
    "repair": (lambda value: isinstance(value, bool), "True or False"),
    "diagnostics": (lambda value: isinstance(value, bool) or value == "auto", 'True, False or "auto"'),
    "on_violation": (lambda value: value is None or callable(value), "a function of a Violation, or None"),
}


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def system_of(given: Any) -> list[Block]:
    """The system prompt's blocks.

    Raises:
        ContentError: it is not text, or blocks of text.
    """
    blocks = blocks_of(given, where="system")
    for at, block in enumerate(blocks):
        if block["type"] != "text":
            raise ContentError(
                f"`{block['type']}` blocks are nothing that a system prompt holds",
                where=f"system[{at}]",
                fix="Give text or text blocks; show images and documents to the model with user().",
            )
    return blocks


def params_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """Further arguments of `messages.create` as plain JSON, without those that are None.

    Raises:
        ConfigError, ContentError: which one, and what is wrong with it.
    """
    made = {name: plain(value, where=name) for name, value in given.items() if value is not None}
    for text in malformed_parameters(made):
        path, _, what = text.partition(": ")
        raise ConfigError(
            f"a parameter is not what the API takes: {what}",
            where=f"Conversation({path}=)",
            fix="Give it as client.messages.create takes it.",
        )
    return made


def tools_of(given: Iterable[Any]) -> list[dict[str, Any]]:
    """The definitions of tools as plain JSON.

    Raises:
        ConfigError, ContentError: which tool, and what is wrong with it.
    """
    made = [definition_of(tool, f"tools[{at}]") for at, tool in enumerate(given)]
    for text in malformed_tools(made):
        path, _, what = text.partition(": ")
        raise ConfigError(
            f"tools are not what the API takes: {what}",
            where=path,
            fix='Give each {"name", "input_schema"}, or the "type" of a server tool, and a name of its own.',
        )
    return made


def check_shape(tool: Any, shape: Any) -> Any:
    """What is applied to a tool's outputs: `shape`, with a shape in the place of a pydantic model class.

    Args:
        tool: the name that the shape was given for; "*" for all others.
        shape: a Shape, an output model, a function, a list of such, or None.

    Raises:
        ConfigError: it is nothing that can shape an output. ShapeError: the model declares nothing.
    """
    if not isinstance(tool, str):
        raise ConfigError(
            f"a shape is given for {tool!r:.100}", where="Conversation(shapes=)", fix='Give {"tool name": Shape(...)}.'
        )
    if isinstance(shape, (list, tuple)):
        return [_link(tool, each) for each in shape]
    return None if shape is None else _link(tool, shape)


def _link(tool: str, shape: Any) -> Any:
    if isinstance(shape, type) and hasattr(shape, "model_validate"):
        from contextkit.shape.chain import Shape  # noqa: PLC0415  (shapes are imported by those who use them)

        return Shape(model=shape)
    if callable(shape) and not isinstance(shape, type):
        return shape
    what = f"the class {shape.__name__}" if isinstance(shape, type) else f"a {type(shape).__name__}"
    raise ConfigError(
        f"the shape of {tool!r} is {what}",
        where="Conversation(shapes=)",
        fix='Give Shape(select=["$.id"]), a pydantic model class, a function of the output, or a list of these.',
    )


def checked_shapes(shapes: Mapping[str, Any]) -> dict[str, Any]:
    """Shapes by tool name, each by `check_shape`."""
    return {tool: check_shape(tool, shape) for tool, shape in shapes.items()}


def volatile_of(name: Any, source: Any) -> Callable[[], str] | str:
    """The source of a volatile text, which cannot give what JSON cannot carry.

    Raises:
        ConfigError: the name cannot stand in a tag. ContentError: the text is none, or holds lone surrogates.
    """
    where = f"volatile({name!r:.100})"
    if not isinstance(name, str) or not _TAG.fullmatch(name):
        raise ConfigError(
            "the name cannot stand in <name>text</name>",
            where=where,
            fix='Give a letter, then letters, digits, "_", "-", "." or ":"; 64 characters at most.',
        )
    if isinstance(source, str):
        return str(plain(source, where=where))
    if not callable(source):
        raise ContentError(
            f"the source is a {type(source).__name__}", where=where, fix="Give text, a function that gives it, or None."
        )

    def text() -> str:
        given = source()  # what is no text is refused when it is sent, with its type
        return cleaned(given) if isinstance(given, str) else given

    return text


def history_of(messages: Any) -> Iterable[Any]:
    """An existing history.

    Raises:
        HistoryError: it is not a list of messages.
    """
    if not isinstance(messages, Iterable) or isinstance(messages, str | bytes | Mapping):
        raise HistoryError(
            f"the history is a {type(messages).__name__}",
            where="from_messages()",
            fix='Give a list of {"role", "content"}, or of the SDK\'s messages.',
        )
    return messages


def frozen(what: str) -> FrozenError:
    """The error for a change of tools or system after the first request."""
    return FrozenError(
        f"{what} cannot change after the first request: it is the start of the cached prefix",
        where=f"Conversation.{what}",
        fix="Start a new Conversation, or say what changed in a user message.",
    )


def first_party(client: Any) -> bool:
    """Whether a client talks to the Claude API itself, which is known to have diagnostics and edits of its own.

    Raises:
        ConfigError: it is no client.
    """
    if not hasattr(client, "messages"):
        raise ConfigError(
            f"the client is a {type(client).__name__}", where="send(client)", fix="Give anthropic.Anthropic()."
        )
    host = str(getattr(client, "base_url", "")).split("//")[-1].split("/")[0]
    return type(client).__name__ in {"Anthropic", "AsyncAnthropic"} and host == "api.anthropic.com"
