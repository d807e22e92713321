"""Values from a file, checked against the names and types of a dataclass before they are used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, Field, fields
from functools import cache
from typing import Any, TypeVar, get_type_hints

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from barenet.messages import describe

__all__ = ["SchemaError", "make_checked"]

T = TypeVar("T")


class SchemaError(ValueError):
    """A value is missing, unknown, or of another type than the dataclass says."""


def make_checked(kind: type[T], values: Mapping[str, Any]) -> T:
    """Return a dataclass of these values; nothing is converted: a text is no number, and true is not 1.

    Raises:
        SchemaError: says which name, and what its value is.
    """
    try:
        schema_of(kind).model_validate(values)  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join(map(str, first["loc"]))
        if first["type"] == "missing":
            raise SchemaError(f"{name} is missing") from None
        if first["type"] == "extra_forbidden":
            raise SchemaError(f"{describe(name)} is unknown") from None
        raise SchemaError(f"{name} is {describe(first['input'])}: {first['msg'].lower()}") from None
    return kind(**values)


@cache
def schema_of(kind: type[Any]) -> type[BaseModel]:
    """Return the names, types and defaults of a dataclass as a strict schema; made once, since that takes long."""
    hints, config = get_type_hints(kind), ConfigDict(strict=True, extra="forbid", arbitrary_types_allowed=True)
    members: dict[str, Any] = {field.name: (hints[field.name], default_of(field)) for field in fields(kind)}
    return create_model(kind.__name__, __config__=config, **members)


def default_of(field: Field[Any]) -> Any:
    """Return the default of a field, `...` where it has none."""
    if field.default_factory is not MISSING:
        return field.default_factory()
    return ... if field.default is MISSING else field.default
