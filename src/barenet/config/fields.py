"""How the value of one setting is read: from a number, or from text as flags give it.

Which settings there are is left to `tables`.
"""

from __future__ import annotations

import math
import numbers
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator

from barenet.errors import ConfigError, nearest
from barenet.nn import ACTIVATIONS, ALIASES, CUSTOM
from barenet.nn.hyperparameters import HyperParameter
from barenet.reading.borders import check_text

__all__ = [
    "ActivationName",
    "Fraction",
    "Mixup",
    "NonNegative",
    "Positive",
    "Share",
    "Side",
    "Table",
    "declared",
    "one_of",
    "read_activation",
    "read_class_weight",
    "read_column",
    "read_columns",
    "read_image_size",
    "read_n_valid",
    "read_normalization",
    "read_path",
    "split_sizes",
]


class Table(BaseModel):
    """A table of settings: unknown names are errors, and nothing changes after it is made."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @field_validator("*", mode="before")
    @classmethod
    def refuse_bool(cls, value: Any, info: ValidationInfo) -> Any:
        """Refuse true and false for anything but a switch: pydantic would read them as 1 and 0."""
        if isinstance(value, bool) and "bool" not in str(cls.model_fields[info.field_name or ""].annotation):
            raise ValueError("must not be true or false")
        return value

    @field_validator("*", mode="before")
    @classmethod
    def refuse_unwritable(cls, value: Any) -> Any:
        """Refuse what a run's config.toml cannot hold: numbers of more than 64 bits, and text that is not UTF-8."""
        if isinstance(value, int) and value.bit_length() > 63:
            raise ValueError(f"a whole number of {value.bit_length()} bits is too large: 63 are the most")
        for text in (value,) if isinstance(value, str) else value if isinstance(value, list | tuple) else ():
            if isinstance(text, str):
                check_text(text, "the text", ConfigError)
        return value


def declared(hyper: HyperParameter) -> Any:
    """Return the field of a setting that a learning rule or a schedule declares: default, limits and description."""
    limits: dict[str, Any] = {}
    if not isinstance(hyper.default, bool):
        limits = {"gt" if hyper.is_above else "ge": hyper.least}
        if math.isfinite(hyper.below):
            limits["lt"] = hyper.below
        if not isinstance(hyper.default, int):
            limits["allow_inf_nan"] = False
    return Field(hyper.default, description=hyper.description, **limits)


def one_of(known: Mapping[str, Any], what: str, aliases: Mapping[str, str] | None = None) -> BeforeValidator:
    """Return a validator for a name out of a table, which names the nearest when it is unknown."""
    return BeforeValidator(lambda value: known_name(value, known, what, aliases))


def known_name(value: Any, known: Mapping[str, Any], what: str, aliases: Mapping[str, str] | None = None) -> str:
    """Return a name out of a table, or that of a person's own function; raise ValueError for another."""
    name = (aliases or {}).get(value, value) if isinstance(value, str) else value
    if isinstance(name, str) and name.startswith(CUSTOM):
        return name
    if not isinstance(name, str) or name not in known:
        raise ValueError(f"unknown {what} {value!r}; {nearest(str(value), known)}")
    return name


def read_name(value: Any) -> str:
    """Return the name of an activation; raise ValueError for an unknown one."""
    return known_name(value, ACTIVATIONS, "activation", ALIASES)


def split_sizes(value: Any) -> Any:
    """Read `128,32`, `128-32` or a single number as a list of sizes; an empty string means no hidden layer."""
    if isinstance(value, str):
        # A minus sign that no digit goes before is a sign: -5 must not become 5.
        return [part.strip() for part in re.sub(r"(?<=\d)-(?=\d)", ",", value).split(",") if part.strip()]
    return [value] if isinstance(value, numbers.Integral) else value


def read_normalization(value: object) -> object:
    """Return "none" for None, which a search's space reads from that word."""
    return "none" if value is None else value


def check_mixup(value: float) -> float:
    """Refuse an alpha so small that images would never be mixed, and shares could not be drawn."""
    if value and not 0.01 <= value <= 1:
        raise ValueError("must be 0 for none, or from 0.01 to 1")
    return value


def read_activation(value: Any) -> Any:
    """Return one name for all hidden layers, or a tuple of one for each, from text such as relu, relu,tanh, relu-tanh.

    >>> read_activation("relu"), read_activation("relu-tanh"), read_activation(["relu", "leakyrelu"])
    ('relu', ('relu', 'tanh'), ('relu', 'leaky_relu'))
    """
    if not isinstance(value, str):
        return tuple(map(read_name, value)) if isinstance(value, list | tuple) else read_name(value)
    parts = [part.strip() for part in value.split(",") if part.strip()]
    if len(parts) == 1 and "-" in value and not value.startswith(CUSTOM) and value.replace("-", "_") not in ACTIVATIONS:
        parts = [part.strip() for part in value.split("-")]
    return tuple(map(read_name, parts)) if len(parts) > 1 else read_name(*parts or [value])


def read_n_valid(value: Any) -> Any:
    """Return a count of 1 or more or a fraction between 0 and 1, from a number or from text."""
    if isinstance(value, str):
        try:
            value = float(value) if "." in value or "e" in value.lower() else int(value)
        except ValueError:
            value = None
    is_whole, is_real = isinstance(value, numbers.Integral), isinstance(value, numbers.Real)
    if not (value >= 1 if is_whole else is_real and 0 < value < 1):
        raise ValueError("must be a count of images, 1 or more, or a fraction between 0 and 1")
    return value


def read_image_size(value: Any) -> Any:
    """Read `32` or `32x48` as (height, width), from a number or from text."""
    if isinstance(value, str):
        sides = value.lower().replace("×", "x").split("x")
        if len(sides) not in (1, 2) or not all(side.strip().isdecimal() for side in sides):
            raise ValueError("must be a side in pixels, such as 32, or height x width, such as 32x48")
        value = [int(side) for side in sides]
    if isinstance(value, numbers.Integral):
        return [value, value]
    return value * 2 if isinstance(value, list) and len(value) == 1 else value


def read_class_weight(value: Any) -> Any:
    """Return a factor for each class by its name, from a mapping, a series or `cat=2,dog=1`; "balanced" stays."""
    value = value.to_dict() if hasattr(value, "to_dict") else value
    if value is None or (isinstance(value, str) and value == "balanced"):
        return value
    if isinstance(value, str):
        parts = [part.rpartition("=") for part in value.split(",")]
        pairs = [(name.strip(), factor) for name, sign, factor in parts if sign]
        is_read = len(pairs) == len(parts)
    else:
        is_read = isinstance(value, Mapping)
        pairs = [(class_name(label), factor) for label, factor in value.items()] if is_read else []
    factors = {name: read_factor(factor) for name, factor in pairs}
    if not is_read or len(factors) < len(pairs) or None in factors.values():
        raise ValueError("must be balanced, or a factor of 0 or more for each class, once, such as cat=2,dog=1")
    return factors or None


def class_name(label: Any) -> str:
    """Return a label as class names have it: 3 for 3.0 as well."""
    is_whole = isinstance(label, numbers.Real) and not isinstance(label, bool) and label == label // 1
    return str(int(label)) if is_whole else str(label)


def read_factor(value: Any) -> float | None:
    """Return a number of 0 or more, from a number or from text, or None if it is none."""
    try:
        factor = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        return None
    return factor if 0 <= factor < math.inf else None


def read_column(value: Any) -> Any:
    """Read the name or the number of a column: text that is a number may be a name, which decides where it is used."""
    if value is not None and not isinstance(value, str | numbers.Integral):
        raise ValueError("must be a column's name, or its number from 1")
    return int(value) if isinstance(value, numbers.Integral) else value


def read_columns(value: Any) -> Any:
    """Read `id,name`, a name, a number, or a list of these as a list of columns."""
    if isinstance(value, str):
        value = [part.strip() for part in value.split(",") if part.strip()]
    elif isinstance(value, numbers.Integral):
        value = [value]
    if not isinstance(value, list | tuple | set | frozenset) or not all(
        isinstance(own, str | numbers.Integral) for own in value
    ):
        raise ValueError("must be names or numbers of columns, such as id,name")
    return tuple(str(own) for own in value)


def read_path(value: Any) -> Any:
    """Read a `Path` as text; refuse data themselves, whose text would fill the screen."""
    if value is not None and not isinstance(value, str | Path | numbers.Number):
        kind = type(value).__name__
        raise ValueError(f"expected the name of a file or folder, got a {kind}: hand in arrays and data frames as x, y")
    return str(value) if isinstance(value, Path) else value


Positive = Annotated[int, Field(gt=0, lt=2**31)]
Side = Annotated[int, Field(gt=0, le=4096)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Fraction = Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Mixup = Annotated[float, Field(allow_inf_nan=False), AfterValidator(check_mixup)]
ActivationName = Annotated[str, BeforeValidator(read_name)]
