"""`@contextkit.tool`: a plain function as a tool, with the shape of what it gives.

Law: the function stays what it was to whoever calls it. Its definition is derived once, from signature, type hints and
docstring, and has the same bytes in every process; what cannot be derived is refused when it is asked for.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from functools import cached_property, update_wrapper
from typing import TYPE_CHECKING, Any, Final, Generic, ParamSpec, TypeVar, cast, overload

from contextkit.api.messages import dumps, plain
from contextkit.errors import ConfigError, ContentError
from contextkit.tools.docstring import parse

if TYPE_CHECKING:
    from collections.abc import Iterable

    from contextkit.history.archive import Archive

__all__ = ["Tool", "definition_of", "functions_among", "shapes_of", "tool"]

P = ParamSpec("P")
R = TypeVar("R")

_NAME: Final = re.compile(r"[a-zA-Z0-9_-]{1,128}")
_VARIADIC: Final = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD, inspect.Parameter.POSITIONAL_ONLY)


class Tool(Generic[P, R]):
    """A function that the model can call.

    Attributes:
        name: as the model sees it.
        shape: what enters of its output: a shape, a chain of them, or a callable; None for all of it.
        is_async: made of an `async def`.
        cache: what remembers its answers, with `stats`, `invalidate` and `clear`; None when nothing does.
    """

    def __init__(
        self, function: Callable[P, R], *, name: str | None = None, shape: Any = None, cache: Any = None
    ) -> None:
        self._function = function
        self.name = name or str(getattr(function, "__name__", ""))
        self.shape = shape
        self.is_async = inspect.iscoroutinefunction(function)
        _check(function, self.name)
        update_wrapper(self, function)  # for readers and inspect: name, docstring, signature
        if cache is not None:
            self._function = _cached(function, cache)
        self.cache: Any = getattr(self._function, "cache", None)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the function as it was; nothing is checked or shaped."""
        return self._function(*args, **kwargs)

    @cached_property
    def definition(self) -> dict[str, Any]:
        """The tool definition as the API takes it: name, description, input_schema.

        Raises:
            ConfigError: a type hint has no JSON schema, or cannot be resolved.
        """
        description, parameters = parse(self._function.__doc__)
        schema = _schema(self._arguments, self.name)
        for name, said in parameters.items():
            if isinstance(found := schema["properties"].get(name), dict) and said:
                found.setdefault("description", said)
        made = {"name": self.name, "description": description, "input_schema": schema}
        return {key: value for key, value in made.items() if value}

    def to_dict(self) -> dict[str, Any]:
        """The definition; by this name the SDK and Conversation ask for it."""
        return dict(self.definition)

    def call(self, given: Mapping[str, Any]) -> R:
        """Call the function with a tool call's input, checked and converted by its type hints.

        Returns:
            What the function gives; a coroutine for an `async def`.

        Raises:
            ContentError: the input does not fit; the text is meant for the model. What the function raises.
        """
        args, kwargs = self._fitting(given)
        return self._function(*args, **kwargs)

    def answer(self, given: Mapping[str, Any]) -> Any:
        """As `call`, but gives an `Answer` of `contextkit.toolcache`: the value, where it came from, its shaped form.

        Returns:
            An Answer; for an `async def` a coroutine that gives one.

        Raises:
            ConfigError: the tool has no cache. ContentError: the input does not fit. What the function raises.
        """
        if self.cache is None:
            raise ConfigError("the tool has no cache", where=f"tool {self.name}", fix="Give @tool(cache=60).")
        args, kwargs = self._fitting(given)
        return self.cache.answer(*args, **kwargs)

    def to_sdk(self, archive: Archive | None = None) -> Any:
        """The tool for the SDK's own runner: `client.beta.messages.tool_runner(tools=[my_tool.to_sdk()])`.

        Args:
            archive: where originals of what the shape cut are kept; its handle is then in the note. Without one,
                what is cut is gone.
        """
        from contextkit.tools.sdk import runnable  # noqa: PLC0415  (the SDK takes a second to import)

        return runnable(self, archive)

    def __repr__(self) -> str:
        return f"<Tool {self.name}>"

    def _fitting(self, given: Mapping[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """A tool call's input as arguments, checked and converted."""
        from pydantic import ValidationError  # noqa: PLC0415  (heavy, and only for those who call tools)

        try:
            return self._arguments(**dict(given))
        except (ValidationError, TypeError) as error:
            raise ContentError(_misfit(error), where=f"input of {self.name}") from None

    @cached_property
    def _arguments(self) -> Callable[..., tuple[tuple[Any, ...], dict[str, Any]]]:
        """The function's parameters, checked and converted; apart from its call, whose errors are its own."""
        from pydantic import validate_call  # noqa: PLC0415  (heavy, and only for those who call tools)

        def arguments(*args: Any, **kwargs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
            return args, kwargs

        update_wrapper(arguments, self._function)
        try:
            return validate_call(arguments)
        except Exception as error:
            raise _no_schema(self.name, error) from error


def _cached(function: Callable[..., Any], cache: Any) -> Callable[..., Any]:
    """The function with its answers remembered: a decorator of `contextkit.toolcache`, or the seconds of one."""
    from contextkit.toolcache import cached  # noqa: PLC0415  (only for those who cache)

    if isinstance(cache, (int, float)) and not isinstance(cache, bool):
        return cached(ttl=cache)(function)
    made: Any = cache(function) if callable(cache) else None
    if not hasattr(made, "cache"):
        raise ConfigError(
            f"cache is a {type(cache).__name__}", where="@contextkit.tool", fix="Give seconds, or cached(ttl=..., ...)."
        )
    return cast("Callable[..., Any]", made)


def _misfit(error: Exception) -> str:
    """What is wrong with an input, one line a field; no values are repeated."""
    found = getattr(error, "errors", None)
    if found is None:
        return str(error)
    return "; ".join(
        f"{'.'.join(str(step) for step in one['loc']) or 'input'}: {one['msg']}"
        for one in found(include_url=False, include_input=False, include_context=False)[:10]
    )


def _schema(function: Callable[..., Any], name: str) -> dict[str, Any]:
    from pydantic import TypeAdapter  # noqa: PLC0415  (heavy, and only for those who define tools)

    try:
        made = plain(TypeAdapter(cast("Any", function)).json_schema(), where=f"tool {name}")
    except Exception as error:
        raise _no_schema(name, error) from error
    made = _untitled(made)
    schema = {"type": "object", "properties": made.pop("properties", {})}
    made.pop("type", None)
    return {**schema, **made}


def _no_schema(name: str, error: Exception) -> ConfigError:
    said = " ".join(str(error).split())[:300]
    return ConfigError(
        f"the type hints of {name} give no JSON schema: {said}",
        where=f"tool {name}",
        fix="Use str, int, float, bool, list, dict, Literal, Optional, enums, dataclasses or pydantic models.",
    )


def _untitled(schema: Any, *, names: bool = False) -> Any:
    """The schema without the titles that pydantic makes of names; `names`: this dict's keys are names, not keywords."""
    if isinstance(schema, list):
        return [_untitled(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: value if key in {"default", "const", "enum", "examples"} and not names
        else _untitled(value, names=not names and key in {"properties", "$defs"})
        for key, value in schema.items()
        if names or key != "title"
    }  # fmt: skip


def _check(function: Callable[..., Any], name: str) -> None:
    """Refuse at the decoration what can be seen there; hints may name what is defined later.

    Raises:
        ConfigError: not a function, a name that the API refuses, or a parameter that no object of JSON can give.
    """
    if not callable(function):
        raise ConfigError(f"a {type(function).__name__} is no function", where="@contextkit.tool")
    if not _NAME.fullmatch(name):
        raise ConfigError(
            f"the API takes no tool named {name!r}", where="@contextkit.tool", fix='Give name="letters_digits_-".'
        )
    for parameter in inspect.signature(function).parameters.values():
        where = f"tool {name}, parameter {parameter.name}"
        if parameter.kind in _VARIADIC:
            raise ConfigError(
                "the model can only give arguments by name", where=where, fix="Name each; no *args, **kwargs or /."
            )
        if parameter.annotation is parameter.empty:
            raise ConfigError(
                "a parameter has no type hint",
                where=where,
                fix="Give one, as in `city: str`; wrap a method when it is bound: tool(obj.method).",
            )


@overload
def tool(function: Callable[P, R], /) -> Tool[P, R]: ...


@overload
def tool(
    *, name: str | None = None, shape: Any = None, cache: Any = None
) -> Callable[[Callable[P, R]], Tool[P, R]]: ...


def tool(function: Any = None, /, *, name: str | None = None, shape: Any = None, cache: Any = None) -> Any:
    """Make a tool of a function (`def` or `async def`), bare or with settings.

    The definition comes from the signature (parameters with a default may be left out), the type hints
    (`Annotated[int, Field(description=..., ge=1)]` included) and the docstring: what stands before its first section,
    and the `Args:` section in google style.

    Args:
        function: the function.
        name: as the model sees it; None for the function's own.
        shape: what enters of its output: a Shape, a chain, or a callable.
        cache: remember its answers: seconds for which they are fresh, in this process; or `cached(...)` of
            `contextkit.toolcache` with its settings.

    Raises:
        ConfigError: the name or a parameter is nothing that the API or the model can use.

    Example:
        >>> @tool
        ... def weather(city: str, days: int = 3) -> dict:
        ...     '''The weather of the next days.
        ...
        ...     Args:
        ...         city: name of the city.
        ...     '''
        ...     return {"city": city, "days": days}
        >>> weather.definition["input_schema"]["required"]
        ['city']
        >>> weather("Ulm")
        {'city': 'Ulm', 'days': 3}
    """

    def made(each: Callable[P, R]) -> Tool[P, R]:
        return Tool(each, name=name, shape=shape, cache=cache)

    return made if function is None else made(function)


def definition_of(given: Any, where: str) -> dict[str, Any]:
    """A tool definition as plain JSON, from a dict, an SDK object, or anything with `to_dict()`, without its mark.

    Raises:
        ConfigError: it has no name.
    """
    if not isinstance(given, Mapping) and not hasattr(given, "model_dump") and hasattr(given, "to_dict"):
        given = given.to_dict()
    made = plain(given, where=where)
    if not isinstance(made, dict) or not (made.get("name") or made.get("type")):
        raise ConfigError(
            "a tool has no name", where=where, fix='Give {"name", "input_schema", ...}, or a @contextkit.tool.'
        )
    made.pop("cache_control", None)
    return made


def shapes_of(tools: Iterable[Any]) -> dict[str, Any]:
    """The shapes that tools declare for themselves, by tool name."""
    return {one.name: one.shape for one in tools if isinstance(one, Tool) and one.shape is not None}


def functions_among(tools: Iterable[Any]) -> tuple[Any, ...]:
    """Those tools that can be run, not only described: of `@contextkit.tool`, or of the SDK's runner."""
    return tuple(one for one in tools if callable(getattr(one, "call", None)))


def as_text(output: Any) -> str:
    """What a function gave, as text: JSON where it is not text; dataclasses and models as objects."""
    if isinstance(output, str):
        return output
    from pydantic_core import to_jsonable_python  # noqa: PLC0415  (with pydantic, for those who call tools)

    return "" if output is None else dumps(to_jsonable_python(output, fallback=str))
