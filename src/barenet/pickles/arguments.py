"""Read the opcodes of a pickle and their arguments, each within a limit.

A length in the file never reserves more memory than the file holds. `pickletools` says which argument an opcode has;
its `genops` is not used, because it has no limits and copies a byte array twice. `reader` knows what an opcode means,
and adds file and byte to the errors.
"""

from __future__ import annotations

import codecs
import pickletools
import re
import struct
from collections.abc import Callable
from typing import IO, Any

from barenet.errors import CheckpointError
from barenet.messages import describe

__all__ = ["MAX_TEXT", "ArgumentReader"]

MAX_TEXT = 2**23  # bytes of text in a file: with one wide character, a string takes up to six times its bytes
MAX_NUMBER = 1_000  # bytes of a number, name or index; Python prints no int of more than 4,300 digits

OPCODES = {opcode.code.encode("latin-1"): opcode for opcode in pickletools.opcodes}
LENGTH_BYTES = {
    pickletools.TAKEN_FROM_ARGUMENT1: 1,
    pickletools.TAKEN_FROM_ARGUMENT4: 4,
    pickletools.TAKEN_FROM_ARGUMENT4U: 4,
    pickletools.TAKEN_FROM_ARGUMENT8U: 8,
}


class ArgumentReader:
    """The bytes of a pickle, read from first to last; `at` and `opcode` tell where the current operation is."""

    def __init__(self, file: IO[bytes], size: int, max_text: int = MAX_TEXT) -> None:
        self.file, self.size, self.position = file, size, 0
        self.at, self.opcode = 0, "no opcode"
        self.text_left = max_text

    def read_opcode(self) -> pickletools.OpcodeInfo:
        """Read one byte and look it up."""
        self.at, self.opcode = self.position, "no opcode"
        code = self._take(1)
        if code not in OPCODES:
            raise CheckpointError(f"{code!r} is not a pickle opcode")
        self.opcode = OPCODES[code].name
        return OPCODES[code]

    def read_argument(self, kind: pickletools.ArgumentDescriptor | None) -> Any:
        """Return what follows an opcode: a number, text, bytes, the two names of GLOBAL; None for no argument."""
        if kind is None:
            return None
        if kind.name == "stringnl_noescape_pair":
            return tuple(self._raw(pickletools.UP_TO_NEWLINE).decode("utf-8", "replace") for _ in range(2))
        if kind.name.startswith("byte") or kind.name in {"string1", "string4"}:
            return self._raw(kind.n, self.size)
        if kind.name == "stringnl":
            return self._quoted()
        if kind.name.startswith("unicode"):
            return self._text(kind)
        return NUMBERS[kind.name](self._raw(kind.n))

    def check_left(self, n: int) -> None:
        """Refuse a file that ends before n more bytes."""
        if n > (left := self.size - self.position):
            raise CheckpointError(f"the file is cut off, {n:,} more bytes expected and {left:,} left")

    def _quoted(self) -> bytes:
        """Read the text of Python 2's protocol 0: in quotes, with escapes."""
        line = self._raw(pickletools.UP_TO_NEWLINE, self.size)
        if len(line) < 2 or line[:1] not in {b"'", b'"'} or line[:1] != line[-1:]:
            raise CheckpointError("a text that is not in quotes")
        try:
            return codecs.escape_decode(line[1:-1])[0]
        except ValueError:
            raise CheckpointError("text that cannot be decoded") from None

    def _text(self, kind: pickletools.ArgumentDescriptor) -> str:
        # Protocols 0 to 2 keep arrays as text, so a large valid model may exceed the limit.
        raw = self._raw(kind.n, self.text_left, ", write the file with pickle protocol 4")
        self.text_left -= len(raw)
        try:
            if kind.n == pickletools.UP_TO_NEWLINE:
                return raw.decode("raw-unicode-escape")
            return raw.decode("utf-8", "surrogatepass")
        except UnicodeDecodeError:
            raise CheckpointError("text that cannot be decoded") from None

    def _raw(self, n: int, limit: int = MAX_NUMBER, advice: str = "") -> bytes:
        """Read the bytes of an argument: n of them; a negative n is a code of `pickletools` for where they end."""
        if n == pickletools.UP_TO_NEWLINE:
            line = self.file.readline(limit + 1)
            self.position += len(line)
            if not line.endswith(b"\n"):
                raise CheckpointError(f"the file is cut off, or a line is longer than {limit:,} bytes{advice}")
            return line[:-1]
        if n < 0:
            n = int.from_bytes(self._take(LENGTH_BYTES[n]), "little")
        self.check_left(n)
        if n > limit:
            raise CheckpointError(f"{n:,} bytes where at most {limit:,} are read{advice}")
        return self._take(n)

    def _take(self, n: int) -> bytes:
        self.check_left(n)
        raw = self.file.read(n)
        self.position += n
        if len(raw) != n:  # another program shortened the file since it was opened
            raise CheckpointError("the file is cut off")
        return raw


def _unsigned(raw: bytes) -> int:
    return int.from_bytes(raw, "little")


def _signed(raw: bytes) -> int:
    return int.from_bytes(raw, "little", signed=True)


def _whole(raw: bytes) -> int:
    if not re.fullmatch(rb"[+-]?[0-9]+", raw):  # int() takes 1_0 and blanks too
        raise CheckpointError(f"{describe(raw.decode('latin-1'))} is not a whole number")
    return int(raw)


def _fraction(raw: bytes) -> float:
    try:
        return float(raw)
    except ValueError:
        raise CheckpointError(f"{describe(raw.decode('latin-1'))} is not a number") from None


NUMBERS: dict[str, Callable[[bytes], object]] = {
    **dict.fromkeys(("uint1", "uint2", "uint4", "uint8"), _unsigned),
    **dict.fromkeys(("int4", "long1", "long4"), _signed),
    # Protocols 0 and 1 write False and True as 00 and 01.
    "decimalnl_short": lambda raw: raw == b"01" if raw in {b"00", b"01"} else _whole(raw),
    "decimalnl_long": lambda raw: _whole(raw.removesuffix(b"L")),
    "float8": lambda raw: struct.unpack(">d", raw)[0],
    "floatnl": _fraction,
}
