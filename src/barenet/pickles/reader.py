"""Read a pickle of plain values and NumPy arrays without running anything that it says.

A pickle is a program: its opcodes push values on a stack, and some import and call whatever the file names.
`pickle.load` does what they say. Here a small interpreter knows only the opcodes that build values. It refuses what no
valid file holds: other names, objects, sets, out-of-band buffers. Memory stays under the file's
size + 64 MB, which is why operations and text are limited. Data sets, which are larger and often older, have higher
limits, and may hold Python 2's text and dictionaries whose keys are bytes.

`arguments` reads the bytes, `arrays` makes arrays, and `barenet.course_files` checks which values belong in a model.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from barenet.errors import CheckpointError
from barenet.messages import describe, one_line
from barenet.pickles.arguments import MAX_TEXT, ArgumentReader
from barenet.pickles.arrays import Array, DType, Global, fill, recognise_call, recognise_name
from barenet.pickles.opening import open_data_file, open_model_file

__all__ = ["read_pickle"]

MAX_OPERATIONS = 50_000  # an array takes about 30; an operation of one byte can cost 200 bytes of memory
# For data: CIFAR-100 lists two labels and a name for each of 50,000 images; protocols 0 to 2 write arrays as text.
MAX_DATA_OPERATIONS = 500_000
MAX_DATA_TEXT = 2**28
MAX_DEPTH = 20  # deeper nesting would make repr() and == of the result recurse until they fail


def read_pickle(path: str | Path, *, of_data: bool = False) -> object:
    """Return what a pickle holds: dicts with text keys, lists, tuples, text, numbers, bytes, NumPy arrays.

    A bytearray is returned as bytes, an OrderedDict as dict, arrays as read-only views of the bytes read. A file
    `of_data` may be packed with gzip and from Python 2, whose text is returned as bytes, and as text in keys.
    Raises CheckpointError for anything else and for damaged files, MachineError if a file cannot be read.
    """
    with (open_data_file if of_data else open_model_file)(path) as (file, size):
        reader = ArgumentReader(file, size, MAX_DATA_TEXT if of_data else MAX_TEXT)
        try:
            return (_DataInterpreter if of_data else _Interpreter)(reader).run()
        except CheckpointError as error:
            expected = "the data set as it was published" if of_data else "a plain dictionary of NumPy arrays"
            raise CheckpointError(
                f"{one_line(path)}: {error} (byte {reader.at}, {reader.opcode}); nothing in the file "
                f"was run; use an undamaged file that holds {expected}"
            ) from None


class _Interpreter:
    """The stack machine of a pickle, without the opcodes that run code."""

    max_operations, max_text = MAX_OPERATIONS, MAX_TEXT
    max_uses = 1  # how often arrays may use the bytes of a file

    def __init__(self, reader: ArgumentReader) -> None:
        self.reader = reader
        self.stack: list[object] = []
        self.below: list[list[object]] = []  # the stack set aside by each open MARK
        self.memo: dict[int, object] = {}
        self.encoded_left = self.max_text
        self.nodes_left, self.array_bytes_left = self.max_operations, self.max_uses * reader.size
        self.actions = ACTIONS

    def run(self) -> object:
        for _ in range(self.max_operations):
            opcode = self.reader.read_opcode()
            if opcode.name == "STOP":
                return self.stop()
            if opcode.name not in self.actions:
                raise CheckpointError(f"opcode {opcode.name} is not used in model files")
            self.actions[opcode.name](self, self.reader.read_argument(opcode.arg))
        raise CheckpointError(f"more than {self.max_operations:,} operations")

    # Stack and memo.

    def push(self, value: object) -> None:
        self.stack.append(value)

    def top(self, n: int = 1) -> list[Any]:
        if len(self.stack) < n:
            raise CheckpointError("a value is needed and the stack is empty")
        return self.stack[-n:]

    def pop(self, n: int = 1) -> list[Any]:
        items = self.top(n)
        del self.stack[-n:]
        return items

    def mark(self) -> None:
        self.below.append(self.stack)
        self.stack = []

    def pop_to_mark(self) -> list[Any]:
        if not self.below:
            raise CheckpointError("a MARK is needed and there is none")
        items, self.stack = self.stack, self.below.pop()
        return items

    def put(self, index: int) -> None:
        [self.memo[index]] = self.top()

    def get(self, index: int) -> None:
        if index not in self.memo:
            raise CheckpointError(f"memo entry {describe(index)} was never stored")
        self.push(self.memo[index])

    # Containers.

    def extend(self, items: list[object]) -> None:
        [target] = self.top()
        if not isinstance(target, list):
            raise CheckpointError(f"a list is needed, not {describe(target)}")
        target.extend(items)

    def push_dict(self, items: list[object]) -> None:
        self.push({})
        self.set_items(items)

    def set_items(self, items: list[object]) -> None:
        [target] = self.top()
        if not isinstance(target, dict) or len(items) % 2:
            raise CheckpointError(f"{describe(target)} given {len(items)} keys and values, a dict and pairs are needed")
        for key, value in zip(items[::2], items[1::2], strict=True):
            # Only text: hashing nested tuples can take forever, and numbers can be chosen to collide.
            if not isinstance(key, str):
                raise CheckpointError(f"a dict key is {describe(key)}, expected text")
            target[key] = value

    # Calls and states, which are recognised and never run; protocol and end.

    def reduce(self, function: Any, args: object) -> None:
        value = recognise_call(function, args)
        if function.name == "encode":
            self.encoded_left -= len(value)
            if self.encoded_left < 0:
                raise CheckpointError(f"over {self.max_text:,} bytes kept as text; write it with pickle protocol 4")
        self.push(value)

    def build(self, state: object) -> None:
        [target] = self.top()
        fill(target, state)

    def check_protocol(self, version: int) -> None:
        if version > 5:
            raise CheckpointError(f"pickle protocol {version}, expected 0 to 5")

    def stop(self) -> object:
        if len(self.stack) != 1 or self.below:
            raise CheckpointError(f"{len(self.stack)} values, {len(self.below)} open marks at the end, expected 1, 0")
        if n_left := self.reader.size - self.reader.position:
            raise CheckpointError(f"{n_left:,} bytes follow the end of the pickle")
        return self.finished(self.stack[0], 0)

    def finished(self, value: object, depth: int) -> object:
        """Copy a value without our symbols; a shared value counts each time that it is used."""
        self.nodes_left -= 1
        if self.nodes_left < 0 or depth > MAX_DEPTH:
            raise CheckpointError(f"values nested over {MAX_DEPTH} deep, or used over {self.max_operations:,} times")
        if isinstance(value, dict):
            return {key: self.finished(item, depth + 1) for key, item in value.items()}
        if isinstance(value, list | tuple):
            items = [self.finished(item, depth + 1) for item in value]
            return items if isinstance(value, list) else tuple(items)
        if isinstance(value, Array) and value.value is not None:
            self.array_bytes_left -= value.value.nbytes
            if self.array_bytes_left < 0:
                raise CheckpointError("arrays that together are larger than the file")
            return value.value
        if isinstance(value, Global | DType | Array):
            raise CheckpointError(f"{describe(value)} that is not an array yet")
        return value


class _DataInterpreter(_Interpreter):
    """The stack machine of a pickled data set: Python 2's text is bytes, except in keys and dtypes."""

    max_operations, max_text = MAX_DATA_OPERATIONS, MAX_DATA_TEXT
    max_uses = 3  # one array to train on, to validate and to test on

    def __init__(self, reader: ArgumentReader) -> None:
        super().__init__(reader)
        self.actions = DATA_ACTIONS

    def set_items(self, items: list[object]) -> None:
        super().set_items([_as_text(item) if i % 2 == 0 else item for i, item in enumerate(items)])

    def reduce(self, function: Any, args: object) -> None:
        is_dtype = isinstance(function, Global) and function.name == "dtype"
        super().reduce(function, _as_texts(args) if is_dtype else args)

    def build(self, state: object) -> None:
        super().build(_as_texts(state) if isinstance(self.top()[0], DType) else state)


def _as_texts(values: object) -> object:
    return tuple(_as_text(value) for value in values) if isinstance(values, tuple) else values


def _as_text(value: object) -> object:
    return value.decode("latin-1") if isinstance(value, bytes) else value


# What each opcode does to the machine `m`, given its argument `a`.
# POP, DUP and POP_MARK are left out: the pickler needs them only for values that contain themselves.
ACTIONS: dict[str, Callable[[_Interpreter, Any], None]] = {
    "PROTO": lambda m, a: m.check_protocol(a),
    "FRAME": lambda m, a: m.reader.check_left(a),
    "NONE": lambda m, _: m.push(None),
    "NEWTRUE": lambda m, _: m.push(True),
    "NEWFALSE": lambda m, _: m.push(False),
    "EMPTY_DICT": lambda m, _: m.push({}),
    "EMPTY_LIST": lambda m, _: m.push([]),
    "EMPTY_TUPLE": lambda m, _: m.push(()),
    "MARK": lambda m, _: m.mark(),
    "DICT": lambda m, _: m.push_dict(m.pop_to_mark()),
    "LIST": lambda m, _: m.push(m.pop_to_mark()),
    "TUPLE": lambda m, _: m.push(tuple(m.pop_to_mark())),
    "TUPLE1": lambda m, _: m.push(tuple(m.pop(1))),
    "TUPLE2": lambda m, _: m.push(tuple(m.pop(2))),
    "TUPLE3": lambda m, _: m.push(tuple(m.pop(3))),
    "APPEND": lambda m, _: m.extend(m.pop()),
    "APPENDS": lambda m, _: m.extend(m.pop_to_mark()),
    "SETITEM": lambda m, _: m.set_items(m.pop(2)),
    "SETITEMS": lambda m, _: m.set_items(m.pop_to_mark()),
    "MEMOIZE": lambda m, _: m.put(len(m.memo)),
    "GLOBAL": lambda m, a: m.push(recognise_name(*a)),
    "STACK_GLOBAL": lambda m, _: m.push(recognise_name(*m.pop(2))),
    "REDUCE": lambda m, _: m.reduce(*m.pop(2)),
    "BUILD": lambda m, _: m.build(*m.pop()),
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT"), _Interpreter.put),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), _Interpreter.get),
    **dict.fromkeys(("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4"), _Interpreter.push),
    **dict.fromkeys(("FLOAT", "BINFLOAT", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"), _Interpreter.push),
    **dict.fromkeys(("UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"), _Interpreter.push),
}
DATA_ACTIONS = ACTIONS | dict.fromkeys(("STRING", "BINSTRING", "SHORT_BINSTRING"), _Interpreter.push)
