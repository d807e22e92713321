"""Read a pickle of plain values and NumPy arrays without running anything that it says.

A pickle is a program: its opcodes push values on a stack, and some import and call whatever the file names.
`pickle.load` obeys. Here a small interpreter of our own knows the opcodes that only build values, and the few
exact names that NumPy writes, as shapes to recognise: it never imports, looks up or calls what a file names.
What no good model file holds is refused: other names, objects, sets, Python 2 text, out-of-band buffers.

Memory stays under the file's size + 64 MB. That is why operations and text are limited, and why arguments are
read here and not by `pickletools.genops`, which copies a byte array twice. Which values belong in a model is
decided in `course_checkpoint`.
"""

from __future__ import annotations

import math
import os
import pickletools
import re
import stat
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np

from barenet.errors import CheckpointError, MachineError

__all__ = ["describe", "one_line", "open_model_file", "read_pickle"]

_MAX_FILE = 2**30
_MAX_OPERATIONS = 50_000  # an array takes about 30; an operation of one byte can cost 200 bytes of memory
_MAX_TEXT = 2**23  # bytes of text in a file: with one wide character, a string takes up to six times its bytes
_MAX_NUMBER = 1_000  # bytes of a number, name or index; Python prints no int of more than 4,300 digits
_MAX_DEPTH = 20  # deeper nesting would make repr() and == of the result recurse until they fail


class _Refused(ValueError):
    """What is wrong; `read_pickle` adds the file, the byte and the opcode."""


def read_pickle(path: str | Path) -> object:
    """Return what a pickle holds: dicts with text keys, lists, tuples, text, numbers, bytes, NumPy arrays.

    A bytearray comes back as bytes, an OrderedDict as dict, arrays as read-only views of the bytes read.
    Raises CheckpointError for anything else and for damaged files, MachineError if a file cannot be read.
    """
    with open_model_file(path) as (file, size):
        interpreter = _Interpreter(file, size)
        try:
            return interpreter.run()
        except _Refused as error:
            raise CheckpointError(
                f"{one_line(path)}: {error} (byte {interpreter.at}, {interpreter.opcode}); nothing in the file "
                "was run; use an undamaged file that holds a plain dictionary of NumPy arrays"
            ) from None


@contextmanager
def open_model_file(path: str | Path, max_size: int = _MAX_FILE) -> Iterator[tuple[IO[bytes], int]]:
    """Open a regular file of 1 to `max_size` bytes; yield it and its size."""
    name = one_line(path)
    try:
        # Before opening: open() would wait forever for a pipe that nobody writes to.
        if not stat.S_ISREG(Path(path).stat().st_mode):
            raise CheckpointError(f"{name} is not a file; name a model_epoch_N.pkl with its .json beside it")
        with Path(path).open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if not 0 < size <= max_size:
                raise CheckpointError(f"{name} has {size:,} bytes, expected 1 to {max_size:,}; is it the right file?")
            yield file, size
    except (CheckpointError, MachineError):
        raise
    except (FileNotFoundError, NotADirectoryError):
        raise CheckpointError(f"{name} does not exist; a model is a .pkl and the .json beside it") from None
    except (OSError, MemoryError) as error:
        reason = getattr(error, "strerror", None) or "not enough memory"
        raise MachineError(f"{name} cannot be read: {reason}; check permissions, disk and memory") from None
    except ValueError as error:  # a NUL character in the path
        raise CheckpointError(f"{name} is not a path: {error}; check its characters") from None


def one_line(text: object, limit: int = 1_000) -> str:
    """Return `text` with line breaks and control characters escaped, cut after `limit` characters."""
    shown = str(text)
    line = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in shown[:limit])
    return line + "..." * (len(shown) > limit)


def describe(value: object) -> str:
    """Return a short name of any value for a message; never prints what a container holds."""
    if isinstance(value, str):
        return one_line(repr(value[:200]), 80)
    if value is None or isinstance(value, float) or (isinstance(value, int) and value.bit_length() < 128):
        return repr(value)
    return f"a value of type {type(value).__name__.lstrip('_').lower()}"


# -- what NumPy writes, recognised by exact names, types and values ----------------------------------------


@dataclass(eq=False)
class _Global:
    """A name that NumPy writes; it stands for itself and leads nowhere."""

    module: str
    name: str


@dataclass(eq=False)
class _DType:
    """`numpy.dtype("f8", False, True)`; BUILD adds the byte order."""

    code: str
    order: str | None = None


@dataclass(eq=False)
class _Array:
    """`_reconstruct(ndarray, (0,), b"b")` waits empty for BUILD; `_frombuffer(...)` comes filled."""

    value: np.ndarray | None = None


def _are(values: object, *kinds: type) -> bool:
    return type(values) is tuple and [type(value) for value in values] == list(kinds)


def _array(raw: bytes, dtype: _DType, shape: tuple[Any, ...], order: Literal["C", "F"]) -> np.ndarray:
    """View `raw` as an array, without a copy."""
    if dtype.order is None:
        raise _Refused("a NumPy dtype without its byte order")
    if not _are(shape, *[int] * len(shape)) or len(shape) > 32 or any(not 0 <= n < 2**40 for n in shape):
        raise _Refused("an array shape that isn't at most 32 whole numbers from 0 to 2**40")
    flat = np.dtype(dtype.order + dtype.code)
    if math.prod(shape) * flat.itemsize != len(raw):
        raise _Refused(f"an array of shape {one_line(shape, 80)}, dtype {flat} in {len(raw):,} bytes")
    try:
        return np.frombuffer(raw, flat).reshape(shape, order=order)
    except ValueError:  # one axis is 0, and the others are beyond what NumPy can index
        raise _Refused(f"an array of shape {one_line(shape, 80)}") from None


# The calls. Each returns None for arguments that NumPy does not write.


def _call_bytes(args: Any) -> object:
    """`bytes()`, `bytearray()` and `bytearray(b"...")`, as protocols 0 to 4 write them."""
    return b"" if _are(args) else args[0] if _are(args, bytes) else None


def _call_encode(args: Any) -> object:
    """`_codecs.encode(text, "latin1")`: how protocols 0 to 2 carry bytes."""
    if not _are(args, str, str) or args[1] != "latin1":
        return None
    try:
        return args[0].encode("latin-1")
    except UnicodeEncodeError:
        raise _Refused("text that stands for bytes holds wider characters") from None


def _call_dtype(args: Any) -> object:
    if not (_are(args, str, bool, bool) or _are(args, str, int, int)) or args[1:] != (False, True):
        return None
    if not re.fullmatch("f[248]|[iu][1248]", args[0]):
        raise _Refused(f"an array of dtype {describe(args[0])}, expected numbers such as 'f8'")
    return _DType(args[0])


def _call_reconstruct(args: Any) -> object:
    known = _are(args, _Global, tuple, bytes) and _are(args[1], int) and args[0].name == "ndarray"
    return _Array() if known and args[1:] == ((0,), b"b") else None


def _call_scalar(args: Any) -> object:
    return _array(args[1], args[0], (), "C")[()] if _are(args, _DType, bytes) else None


def _call_frombuffer(args: Any) -> object:
    if _are(args, bytes, _DType, tuple, str) and args[3] in {"C", "F"}:
        return _Array(_array(args[0], args[1], args[2], args[3]))
    if _are(args, bytes, _DType, tuple, str, tuple) and args[3] == "K":
        array, axes = _array(args[0], args[1], args[2], "C"), args[4]
        if _are(axes, *[int] * array.ndim) and sorted(axes) == list(range(array.ndim)):
            return _Array(array.transpose(axes))
    return None


_GLOBALS: dict[tuple[str, str], Callable[[Any], object]] = {
    ("_codecs", "encode"): _call_encode,
    ("collections", "OrderedDict"): lambda args: {} if _are(args) else None,
    ("numpy", "dtype"): _call_dtype,
    ("numpy", "ndarray"): lambda args: None,  # only ever an argument of _reconstruct
}
for _module in ("__builtin__", "builtins"):  # protocols 0 to 2 keep Python 2's name
    _GLOBALS |= {(_module, "bytes"): _call_bytes, (_module, "bytearray"): _call_bytes}
for _module in ("numpy.core", "numpy._core"):  # NumPy 1 and 2
    _GLOBALS[f"{_module}.multiarray", "_reconstruct"] = _call_reconstruct
    _GLOBALS[f"{_module}.multiarray", "scalar"] = _call_scalar
    _GLOBALS[f"{_module}.numeric", "_frombuffer"] = _call_frombuffer


# -- the stack machine -------------------------------------------------------------------------------------

_NAMES = {opcode.code.encode("latin-1"): opcode.name for opcode in pickletools.opcodes}
_ARGUMENTS = {opcode.name: opcode.arg.n for opcode in pickletools.opcodes if opcode.arg}
_LENGTH_BYTES = {
    pickletools.TAKEN_FROM_ARGUMENT1: 1,
    pickletools.TAKEN_FROM_ARGUMENT4: 4,
    pickletools.TAKEN_FROM_ARGUMENT4U: 4,
    pickletools.TAKEN_FROM_ARGUMENT8U: 8,
}


class _Interpreter:
    """The stack machine of a pickle, without the opcodes that act on the world."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self.file, self.size, self.position = file, size, 0
        self.at, self.opcode = 0, "no opcode"  # where the current operation starts, and its name
        self.stack: list[object] = []
        self.below: list[list[object]] = []  # the stack set aside by each open MARK
        self.memo: dict[int, object] = {}
        self.text_left = self.encoded_left = _MAX_TEXT
        self.nodes_left, self.array_bytes_left = _MAX_OPERATIONS, size

    def run(self) -> object:
        for _ in range(_MAX_OPERATIONS):
            self.at, self.opcode = self.position, "no opcode"
            code = self._take(1)
            if code not in _NAMES:
                raise _Refused(f"{code!r} is not a pickle opcode")
            self.opcode = _NAMES[code]
            if self.opcode == "STOP":
                return self._stop()
            if self.opcode not in _ACTIONS:
                raise _Refused(f"opcode {self.opcode} has no place in a model file")
            _ACTIONS[self.opcode](self)
        raise _Refused(f"more than {_MAX_OPERATIONS:,} operations")

    # Reading: a length in the file never reserves more than the file holds.

    def _check_left(self, n: int) -> None:
        if n > (left := self.size - self.position):
            raise _Refused(f"the file is cut off, {n:,} more bytes expected and {left:,} left")

    def _take(self, n: int) -> bytes:
        self._check_left(n)
        raw = self.file.read(n)
        self.position += n
        if len(raw) != n:  # another program shortened the file since it was opened
            raise _Refused("the file is cut off")
        return raw

    def _take_line(self, limit: int) -> bytes:
        raw = self.file.readline(limit + 1)
        self.position += len(raw)
        if not raw.endswith(b"\n"):
            raise _Refused(f"the file is cut off, or a line is longer than {limit:,} bytes{self._advice()}")
        return raw[:-1]

    def _argument(self, limit: int = _MAX_NUMBER) -> bytes:
        kind = _ARGUMENTS[self.opcode]
        if kind == pickletools.UP_TO_NEWLINE:
            return self._take_line(limit)
        n = kind if kind > 0 else int.from_bytes(self._take(_LENGTH_BYTES[kind]), "little")
        self._check_left(n)
        if n > limit:
            raise _Refused(f"{n:,} bytes where at most {limit:,} are read{self._advice()}")
        return self._take(n)

    def _advice(self) -> str:
        """Protocols 0 to 2 keep arrays as text, so a large good model may meet the limit."""
        return ", write the file with pickle protocol 4" if "UNICODE" in self.opcode else ""

    # Values.

    def _signed(self) -> None:
        self.stack.append(int.from_bytes(self._argument(), "little", signed=True))

    def _unsigned(self) -> None:
        self.stack.append(int.from_bytes(self._argument(), "little"))

    def _decimal(self) -> None:
        raw = self._argument()
        if self.opcode == "INT" and raw in {b"00", b"01"}:  # how protocols 0 and 1 write False and True
            self.stack.append(raw == b"01")
        else:
            self.stack.append(_digits(raw.removesuffix(b"L") if self.opcode == "LONG" else raw))

    def _float(self) -> None:
        raw = self._argument()
        try:
            self.stack.append(struct.unpack(">d", raw)[0] if self.opcode == "BINFLOAT" else float(raw))
        except ValueError:
            raise _Refused(f"{describe(raw.decode('latin-1'))} is not a number") from None

    def _bytes(self) -> None:
        self.stack.append(self._argument(self.size))

    def _text(self) -> None:
        raw = self._argument(self.text_left)
        self.text_left -= len(raw)
        coding = ("raw-unicode-escape", "strict") if self.opcode == "UNICODE" else ("utf-8", "surrogatepass")
        try:
            self.stack.append(raw.decode(*coding))
        except UnicodeDecodeError:
            raise _Refused("text that cannot be decoded") from None

    # Stack, memo and containers.

    def _pop(self) -> Any:
        if not self.stack:
            raise _Refused("a value is needed and the stack is empty")
        return self.stack.pop()

    def _pop_to_mark(self) -> list[object]:
        if not self.below:
            raise _Refused("a MARK is needed and there is none")
        items, self.stack = self.stack, self.below.pop()
        return items

    def _pop_pair(self) -> tuple[Any, Any]:
        second, first = self._pop(), self._pop()
        return first, second

    def _top(self) -> object:
        value = self._pop()
        self.stack.append(value)
        return value

    def _mark(self) -> None:
        self.below.append(self.stack)
        self.stack = []

    def _index(self) -> int:
        raw = self._argument()
        return _digits(raw) if self.opcode in {"GET", "PUT"} else int.from_bytes(raw, "little")

    def _put(self) -> None:
        index = len(self.memo) if self.opcode == "MEMOIZE" else self._index()
        self.memo[index] = self._top()

    def _get(self) -> None:
        index = self._index()
        if index not in self.memo:
            raise _Refused(f"memo entry {describe(index)} was never stored")
        self.stack.append(self.memo[index])

    def _list(self) -> None:
        items = self._pop_to_mark()
        self.stack.append(items)

    def _tuple(self) -> None:
        n = 0 if self.opcode == "TUPLE" else int(self.opcode[-1])
        items = [self._pop() for _ in range(n)][::-1] if n else self._pop_to_mark()
        self.stack.append(tuple(items))

    def _dict(self) -> None:
        items = self._pop_to_mark()
        self.stack.append({})
        self._fill(items)

    def _append(self) -> None:
        items = self._pop_to_mark() if self.opcode == "APPENDS" else [self._pop()]
        target = self._top()
        if not isinstance(target, list):
            raise _Refused(f"a list is needed, not {describe(target)}")
        target.extend(items)

    def _set_items(self) -> None:
        self._fill(list(self._pop_pair()) if self.opcode == "SETITEM" else self._pop_to_mark())

    def _fill(self, items: list[object]) -> None:
        target = self._top()
        if not isinstance(target, dict) or len(items) % 2:
            raise _Refused(f"{describe(target)} given {len(items)} keys and values, a dict and pairs are needed")
        for key, value in zip(items[::2], items[1::2], strict=True):
            # Text alone: hashing nested tuples can take forever, and numbers can be chosen to collide.
            if not isinstance(key, str):
                raise _Refused(f"a dict key is {describe(key)}, expected text")
            target[key] = value

    # Names, calls and states: recognised, never followed.

    def _global(self) -> None:
        if self.opcode == "GLOBAL":
            names: Any = tuple(self._take_line(_MAX_NUMBER).decode("utf-8", "replace") for _ in range(2))
        else:
            names = self._pop_pair()
        if not _are(names, str, str):
            raise _Refused("a global whose name is not text")
        if names not in _GLOBALS:
            raise _Refused(f"global {describe('.'.join(names))} is not one that NumPy writes for arrays")
        self.stack.append(_Global(*names))

    def _reduce(self) -> None:
        function, args = self._pop_pair()
        if not isinstance(function, _Global):
            raise _Refused(f"a call of {describe(function)}")
        value = _GLOBALS[function.module, function.name](args)
        if value is None:
            raise _Refused(f"global {function.module}.{function.name} called in another way than NumPy does")
        if isinstance(value, bytes) and function.name == "encode":
            self.encoded_left -= len(value)
            if self.encoded_left < 0:
                raise _Refused(f"over {_MAX_TEXT:,} bytes kept as text; write it with pickle protocol 4")
        self.stack.append(value)

    def _build(self) -> None:
        state = self._pop()
        target, none = self._top(), type(None)
        if isinstance(target, _Array) and target.value is None:
            if _are(state, int, tuple, _DType, bool, bytes) and state[0] == 1:
                target.value = _array(state[4], state[2], state[1], "F" if state[3] else "C")
                return
        elif isinstance(target, _DType) and target.order is None:
            known = _are(state, int, str, none, none, none, int, int, int) and state[1] in {"<", ">", "|"}
            if known and (state[0], *state[5:]) == (3, -1, -1, 0):
                target.order = state[1]
                return
        raise _Refused(f"a state for {describe(target)} that NumPy doesn't write")

    # Protocol.

    def _protocol(self) -> None:
        if (version := self._argument()[0]) > 5:
            raise _Refused(f"pickle protocol {version}, expected 0 to 5")

    def _frame(self) -> None:
        self._check_left(int.from_bytes(self._argument(), "little"))

    def _stop(self) -> object:
        if len(self.stack) != 1 or self.below:
            raise _Refused(f"{len(self.stack)} values, {len(self.below)} open marks at the end, expected 1, 0")
        if self.position != self.size:
            raise _Refused(f"{self.size - self.position:,} bytes follow the end of the pickle")
        return self._finished(self.stack[0], 0)

    def _finished(self, value: object, depth: int) -> object:
        """Copy a value without our symbols, counting what is shared as often as it is used."""
        self.nodes_left -= 1
        if self.nodes_left < 0 or depth > _MAX_DEPTH:
            raise _Refused(f"values nested over {_MAX_DEPTH} deep, or used over {_MAX_OPERATIONS:,} times")
        if isinstance(value, dict):
            return {key: self._finished(item, depth + 1) for key, item in value.items()}
        if isinstance(value, list | tuple):
            items = [self._finished(item, depth + 1) for item in value]
            return items if isinstance(value, list) else tuple(items)
        if isinstance(value, _Array) and value.value is not None:
            self.array_bytes_left -= value.value.nbytes
            if self.array_bytes_left < 0:
                raise _Refused("arrays that together are larger than the file")
            return value.value
        if isinstance(value, _Global | _DType | _Array):
            raise _Refused(f"{describe(value)} that is not an array yet")
        return value


def _digits(raw: bytes) -> int:
    if not re.fullmatch(rb"[+-]?[0-9]+", raw):
        raise _Refused(f"{describe(raw.decode('latin-1'))} is not a whole number")
    return int(raw)


# POP, DUP and POP_MARK are left out: the pickler needs them only for values that contain themselves.
_ACTIONS: dict[str, Callable[[_Interpreter], None]] = {
    "NONE": lambda self: self.stack.append(None),
    "NEWTRUE": lambda self: self.stack.append(True),
    "NEWFALSE": lambda self: self.stack.append(False),
    "EMPTY_DICT": lambda self: self.stack.append({}),
    "EMPTY_LIST": lambda self: self.stack.append([]),
    "EMPTY_TUPLE": lambda self: self.stack.append(()),
}
for _opcodes, _action in (
    ("BININT LONG1 LONG4", _Interpreter._signed),
    ("BININT1 BININT2", _Interpreter._unsigned),
    ("INT LONG", _Interpreter._decimal),
    ("FLOAT BINFLOAT", _Interpreter._float),
    ("BINBYTES SHORT_BINBYTES BINBYTES8 BYTEARRAY8", _Interpreter._bytes),
    ("UNICODE BINUNICODE SHORT_BINUNICODE BINUNICODE8", _Interpreter._text),
    ("MARK", _Interpreter._mark),
    ("PUT BINPUT LONG_BINPUT MEMOIZE", _Interpreter._put),
    ("GET BINGET LONG_BINGET", _Interpreter._get),
    ("LIST", _Interpreter._list),
    ("TUPLE TUPLE1 TUPLE2 TUPLE3", _Interpreter._tuple),
    ("DICT", _Interpreter._dict),
    ("APPEND APPENDS", _Interpreter._append),
    ("SETITEM SETITEMS", _Interpreter._set_items),
    ("GLOBAL STACK_GLOBAL", _Interpreter._global),
    ("REDUCE", _Interpreter._reduce),
    ("BUILD", _Interpreter._build),
    ("PROTO", _Interpreter._protocol),
    ("FRAME", _Interpreter._frame),
):
    _ACTIONS |= dict.fromkeys(_opcodes.split(), _action)
