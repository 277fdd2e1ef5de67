"""What an answer is declared to be: a pydantic model or type, a JSON Schema, a function, or text.

Law: reading an answer never raises; it gives a value or says in words why there is none.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from contextkit.errors import ConfigError
from contextkit.route.schema import check_schema, fault_in
from contextkit.said import json_in, unfenced

__all__ = ["Output", "Read", "output_of"]

_NO_JSON: Final = object()
_MAX_FAULT: Final = 300


class Read(NamedTuple):
    """An answer, read.

    Attributes:
        value: what it says; None when there is a fault.
        fault: why it is not what was declared; "" when it is.
    """

    value: Any = None
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Output:
    """A declared output.

    Attributes:
        schema: the JSON Schema that the API is asked to keep to (`output_config.format`); None where there is none.
        read: gives the value of an answer's text, or its fault.
    """

    schema: dict[str, Any] | None
    read: Callable[[str], Read]


def output_of(given: Any) -> Output:
    """A declared output.

    Args:
        given: None for text; a pydantic model or any type that pydantic knows; a JSON Schema; or a function of the
            text, which gives the value, or raises, or returns False, when the answer will not do (True: the text is
            the value).

    Raises:
        ConfigError: none of these, or a schema that cannot be checked in full.
    """
    if given is None:
        return Output(None, Read)
    if isinstance(given, Mapping):
        schema = dict(given)
        check_schema(schema)
        return Output(schema, lambda text: _by_schema(text, schema))
    if isinstance(given, (type, types.UnionType, types.GenericAlias)) or typing.get_origin(given) is not None:
        return _typed(given)
    if callable(given):
        return Output(None, lambda text: _by_function(text, given))
    raise ConfigError(
        f"a {type(given).__name__} declares no output",
        where="ask(output=)",
        fix="Give a pydantic model, a type, a JSON Schema, or a function of the text.",
    )


def _by_schema(text: str, schema: Mapping[str, Any]) -> Read:
    value = json_in(text, _NO_JSON)
    if value is _NO_JSON:
        return Read(fault="not JSON")
    fault = fault_in(value, schema)
    return Read(fault=fault[:_MAX_FAULT]) if fault else Read(value)


def _typed(given: Any) -> Output:
    from pydantic import TypeAdapter  # noqa: PLC0415  (heavy, and only for those who declare outputs)

    try:
        adapter: TypeAdapter[Any] = TypeAdapter(given)
        schema = adapter.json_schema()
    except Exception as error:
        raise ConfigError(
            f"pydantic makes no JSON Schema of {given!r}: {str(error)[:200]}", where="ask(output=)"
        ) from error
    return Output(schema, lambda text: _by_type(text, adapter))


def _by_type(text: str, adapter: Any) -> Read:
    from pydantic import ValidationError  # noqa: PLC0415  (as above)

    try:
        return Read(adapter.validate_json(unfenced(text)))
    except ValidationError as error:
        return Read(fault=_misfit(error))
    except Exception as error:  # noqa: BLE001  (a validator of the user's; the answer is paid for)
        return Read(fault=f"{type(error).__name__}: {error}"[:_MAX_FAULT])


def _misfit(error: Any) -> str:
    """What is wrong, one part a field; no values are repeated."""
    parts = (
        f"{'.'.join(str(step) for step in one['loc']) or 'answer'}: {one['msg']}"
        for one in error.errors(include_url=False, include_input=False, include_context=False)[:10]
    )
    return "; ".join(parts)[:_MAX_FAULT]


def _by_function(text: str, function: Callable[[str], Any]) -> Read:
    try:
        value = function(text)
    except Exception as error:  # noqa: BLE001  (that is how it says no)
        return Read(fault=f"{type(error).__name__}: {error}"[:_MAX_FAULT])
    if value is False:
        return Read(fault=f"{getattr(function, '__name__', 'the check')} said no")
    return Read(text if value is True else value)
