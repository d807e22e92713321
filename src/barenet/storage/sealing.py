"""JSON with a checksum: an object whose last member, `checksum`, covers all text before it.

    {"epoch": 1, "train_loss": 0.52, "checksum": "0f3c..."}

The file stays JSON that any program reads. Every byte counts: a file in which only a space has changed is damaged too.
Files of earlier versions have no checksum; `unseal` returns their members, and the caller checks names and types.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

__all__ = ["MEMBER", "SealError", "seal", "unseal"]

MEMBER = "checksum"
DIGITS = 32  # hexadecimal, of 16 bytes: no two texts will meet by chance
# A checksum is recognised by its name or by its digits, so that damage to one of them does not hide it.
LOOKS_SEALED = re.compile(rb'"checksum":[^:]*$|: *"[0-9a-f]{32}"\s*\}$')


class SealError(ValueError):
    """A text is not what was written: its checksum does not fit, or it is no JSON object."""


def seal(values: Mapping[str, Any], *, indent: int | None = None) -> str:
    """Return an object as JSON with its checksum, on one line or indented; no line end follows.

    Raises:
        ValueError: a number is NaN or infinite, or an object has no members or one named `checksum`.
    """
    if not values or MEMBER in values:
        raise ValueError(f"a sealed object needs members, and none named {MEMBER!r}")
    body = json.dumps(values, indent=indent, allow_nan=False)[:-1].rstrip()
    return body + ending_of(body.encode(), indent)


def ending_of(body: bytes, indent: int | None) -> str:
    """Return what follows the other members: the checksum and the closing brace."""
    digest = hashlib.blake2b(body, digest_size=DIGITS // 2).hexdigest()
    before, after = (" ", "") if indent is None else ("\n" + " " * indent, "\n")
    return f',{before}"{MEMBER}": "{digest}"{after}}}'


def unseal(data: bytes) -> dict[str, Any]:
    """Return the members of a sealed object, without its checksum; one line end may follow it.

    Raises:
        SealError: the checksum does not fit, or this is no JSON object.
    """
    data = data.removesuffix(b"\n")
    if LOOKS_SEALED.search(data):
        body, _, ending = data.rpartition(b",")
        whitespace = ending.partition(b'"')[0]
        indent = len(whitespace) - 1 if whitespace.startswith(b"\n") else None
        if body + ending_of(body, indent).encode() != data:
            raise SealError("its checksum does not fit")
        data = body + b"}"
    try:
        values = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError):
        raise SealError("it is cut short or damaged") from None
    if not isinstance(values, dict) or MEMBER in values:
        raise SealError("it is cut short or damaged")
    return values
