"""Old keywords of Python functions: earlier versions had them, and calls with them still work."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from barenet.errors import ConfigError

__all__ = ["check_same", "takes_old"]

Function = TypeVar("Function", bound=Callable[..., Any])


def takes_old(**new_of: str) -> Callable[[Function], Function]:
    """Let a function take keywords by their old names too; its signature shows the new ones.

    >>> @takes_old(page="output")
    ... def write(*, output: str | None = None) -> str | None:
    ...     return output
    >>> write(page="a.html"), write(output="a.html", page=None)
    ('a.html', 'a.html')
    """

    def decorate(function: Function) -> Function:
        @wraps(function)
        def call(*positional: Any, **keywords: Any) -> Any:
            for old, new in new_of.items():
                value = keywords.pop(old, None)
                if value is not None:
                    check_same(new, keywords.get(new), old, value)
                    keywords[new] = value
            return function(*positional, **keywords)

        return cast(Function, call)

    return decorate


def check_same(new: str, value: object, old: str, old_value: object) -> None:
    """Raise ConfigError if the new and the old word for one thing were both given, with different values."""
    if value is not None and str(value) != str(old_value):
        raise ConfigError(f"{new} and {old} mean the same, and got {value} and {old_value}: give {new} alone")
