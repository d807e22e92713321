"""Good pickles are read exactly; hundreds of malicious and damaged ones are refused, and nothing in them runs."""

from __future__ import annotations

import collections
import contextlib
import datetime
import decimal
import fractions
import pathlib
import pickle
import pickletools
import random
import struct
import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest
from families import case, slow, slow_except

from barenet.errors import CheckpointError, MachineError
from barenet.messages import describe, one_line
from barenet.pickles.reader import read_pickle

PROTOCOLS = range(6)
MODEL = {
    "layer_0_W": np.linspace(-1, 1, 12).reshape(4, 3),
    "layer_0_b": np.array([[0.5, -0.0, 1e-300]]),
}
PLAIN = {
    "float32": np.arange(6, dtype="f4").reshape(2, 3),
    "float16": np.arange(6, dtype="f2"),
    "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "big endian": np.arange(6.0).reshape(2, 3).astype(">f8"),
    "big endian fortran": np.asfortranarray(np.arange(6).reshape(2, 3).astype(">i4")),
    "strided": np.arange(12.0).reshape(3, 4)[:, ::2],
    "axes moved": np.arange(24.0).reshape(2, 3, 4).transpose(1, 0, 2),
    "no elements": np.zeros((0, 3)),
    "no axes": np.array(2.5),
    "bytes": np.arange(256, dtype="u1"),
    "scalar": np.float64(1 / 3),
    "text": "é\n\\\0\u4e00\U0001f600'",
    "raw": b"\x00\xff\n",
    "raw empty": b"",
    "numbers": [0, 1, -1, 255, 65535, 2**31, -(2**40), 2**200, 0.1, float("inf")],
    "others": (None, True, False, (), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4), [], {}),
    "ordered": collections.OrderedDict(a=1, b=[2]),
    "array bytes": bytearray(b"\xfe\x01"),
}


def saved(folder: pathlib.Path, raw: bytes) -> pathlib.Path:
    path = folder / "model_epoch_1.pkl"
    path.write_bytes(raw)
    return path


def same(left: object, right: object) -> bool:
    if isinstance(left, np.ndarray):
        fits = isinstance(right, np.ndarray) and left.dtype == right.dtype and left.shape == right.shape
        return fits and left.tobytes() == right.tobytes()
    return left == right


def as_numpy_1(raw: bytes) -> bytes:
    """Return the pickle as NumPy 1 writes it: other module names, and so other lengths."""
    framed = raw[2:3] == b"\x95"
    for new in (b"numpy._core.multiarray", b"numpy._core.numeric"):
        old = new.replace(b"_core", b"core")
        raw = raw.replace(b"\x8c" + bytes([len(new)]) + new, b"\x8c" + bytes([len(old)]) + old)
        raw = raw.replace(b"c" + new, b"c" + old)
    return raw[:3] + struct.pack("<Q", len(raw) - 11) + raw[11:] if framed else raw


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_what_pickle_writes_is_read_back_exactly(tmp_path, protocol):
    for key, value in PLAIN.items():
        with case(key):
            found = read_pickle(saved(tmp_path, pickle.dumps({"x": value}, protocol)))
            assert isinstance(found, dict)
            assert same(value, found["x"])


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("numpy_1", [False, True])
def test_models_of_both_numpy_generations_are_read_back_exactly(tmp_path, protocol, numpy_1):
    raw = pickle.dumps(MODEL, protocol)
    assert b"numpy._core" in raw
    if numpy_1:
        raw = as_numpy_1(raw)
        assert b"_core" not in raw
    found = read_pickle(saved(tmp_path, raw))
    assert isinstance(found, dict)
    assert list(found) == list(MODEL)
    assert all(same(MODEL[key], found[key]) for key in MODEL)


# -- an assembler for files that no pickler writes

N, STOP, MARK, REDUCE, BUILD = b"N", b".", b"(", b"R", b"b"


def put(value: object) -> bytes:
    """Return opcodes that push a plain value, with neither memo nor frame."""
    match value:
        case Raw():
            code = value.code
        case None | True | False:
            code = {None: N, True: b"\x88", False: b"\x89"}[value]
        case tuple() | list():
            code = MARK + b"".join(map(put, value)) + (b"t" if isinstance(value, tuple) else b"l")
        case dict():
            code = MARK + b"".join(put(k) + put(v) for k, v in value.items()) + b"d"
        case str():
            raw = value.encode("utf-8", "surrogatepass")
            code = b"X" + struct.pack("<I", len(raw)) + raw
        case bytes():
            code = b"B" + struct.pack("<I", len(value)) + value
        case int():
            code = b"L%dL\n" % value
        case float():
            code = b"G" + struct.pack(">d", value)
        case _:
            raise TypeError(value)
    return code


class Raw:
    """Opcodes where `put` expects a value."""

    def __init__(self, code: bytes) -> None:
        self.code = code


def name(module: str, attribute: str) -> bytes:
    return f"c{module}\n{attribute}\n".encode()


def call(module: str, attribute: str, *args: object) -> bytes:
    return name(module, attribute) + put(args) + REDUCE


NDARRAY = Raw(name("numpy", "ndarray"))
EMPTY_ARRAY = call("numpy._core.multiarray", "_reconstruct", NDARRAY, (0,), b"b")
DTYPE_STATE = (3, "<", None, None, None, -1, -1, 0)


def dtype(code: object = "f8", state: object = DTYPE_STATE) -> Raw:
    return Raw(call("numpy", "dtype", code, False, True) + put(state) + BUILD)


def array(version=1, shape=(2,), kind=None, fortran=False, raw=bytes(16)) -> bytes:
    return EMPTY_ARRAY + put((version, shape, kind or dtype(), fortran, raw)) + BUILD


def buffered(raw=bytes(16), kind=None, shape=(2,), order="C", *more) -> bytes:
    return call("numpy._core.numeric", "_frombuffer", raw, kind or dtype(), shape, order, *more)


def in_model(value: bytes) -> bytes:
    return MARK + put("layer_0_W") + value + b"d."


def test_the_assembled_parts_are_good_by_themselves(tmp_path):
    for value in (array(), buffered(), array(shape=(2, 1), fortran=True)):
        found = read_pickle(saved(tmp_path, in_model(value)))
        assert isinstance(found, dict)
        assert found["layer_0_W"].tolist() in ([0, 0], [[0], [0]])


Case = bytes | Callable[[], bytes]
CASES: dict[str, Case] = {}

CALLS: dict[str, tuple[str, str, tuple[object, ...]]] = {
    "system": ("os", "system", ("echo > ran",)),
    "posix": ("posix", "system", ("echo > ran",)),
    "nt": ("nt", "system", ("echo > ran",)),
    "popen": ("os", "popen", ("echo > ran",)),
    "subprocess": ("subprocess", "getoutput", ("echo > ran",)),
    "exec": ("builtins", "exec", ("open('ran', 'wb').close()",)),
    "exec of Python 2": ("__builtin__", "exec", ("open('ran', 'wb').close()",)),
    "eval": ("builtins", "eval", ("open('ran', 'wb').close()",)),
    "open": ("io", "open", ("ran", "w")),
    "mkdir": ("os", "mkdir", ("ran",)),
    "copy": ("shutil", "copyfile", ("model_epoch_1.pkl", "ran")),
    "save": ("numpy", "save", ("ran.npy", 1)),
    "touch": ("pathlib", "Path.touch", (Raw(call("pathlib", "Path", "ran")),)),
}


def stack_name(module: str, attribute: str) -> bytes:
    return put(module) + put(attribute) + b"\x93"


def carriers(module: str, attribute: str, args: tuple[object, ...]) -> dict[str, bytes]:
    """Return all known ways to make a pickle call something, as values inside a model."""
    plain = call(module, attribute, *args)
    stacked = b"\x80\x04" + stack_name(module, attribute)
    pushed = b"".join(map(put, args))
    return {
        "GLOBAL REDUCE": plain,
        "STACK_GLOBAL REDUCE": stacked + put(args) + REDUCE,
        "INST": MARK + pushed + f"i{module}\n{attribute}\n".encode(),
        "OBJ": MARK + stacked + pushed + b"o",
        "NEWOBJ": stacked + put(args) + b"\x81",
        "NEWOBJ_EX": stacked + put(args) + put({}) + b"\x92",
        "BUILD on the name": stacked + put(args) + BUILD,
        "setstate": EMPTY_ARRAY + put({"__setstate__": Raw(name(module, attribute))}) + BUILD + put(args) + BUILD,
        "in the class": call("numpy._core.multiarray", "_reconstruct", Raw(name(module, attribute)), (0,), b"b"),
        "in the shape": array(shape=(Raw(plain),)),
        "in the dtype": array(kind=Raw(plain)),
        "in the bytes": array(raw=Raw(plain)),
        "from the memo": name(module, attribute) + b"q\x07" + N + b"h\x07" + put(args) + REDUCE,
        "dropped": plain + b"0" + N,
    }


for _what, _call in CALLS.items():
    CASES |= {f"{_what} by {how}": in_model(value) for how, value in carriers(*_call).items()}

UNUSED = (
    *("EXT1", "EXT2", "EXT4", "PERSID", "BINPERSID", "INST", "OBJ", "NEWOBJ", "NEWOBJ_EX"),
    *("NEXT_BUFFER", "READONLY_BUFFER", "EMPTY_SET", "ADDITEMS", "FROZENSET"),
    *("STRING", "BINSTRING", "SHORT_BINSTRING", "POP", "DUP", "POP_MARK"),
)
CASES |= {
    f"unused opcode {op.name}": in_model(op.code.encode("latin-1") + b"\x00\n" * 8)
    for op in pickletools.opcodes
    if op.name in UNUSED
}
CASES |= {f"byte {code:#x}": bytes([code]) + STOP for code in (0, 1, 10, 13, 32, 38, 91, 123, 127, 151, 200, 255)}

for _module, _attribute in (
    ("numpy", "load"),
    ("numpy", "fromfile"),
    ("numpy", "memmap"),
    ("numpy", "ndarray.tofile"),
    ("numpy", "core.multiarray.scalar"),
    ("numpy.core", "multiarray._reconstruct"),
    ("numpy._core.multiarray", "fromfile"),
    ("numpy._core.multiarray", "scalar.__class__"),
    ("numpy.core.multiarray ", "_reconstruct"),
    ("Numpy", "ndarray"),
    ("numpy", "ndarray\r"),
    ("numpy", ""),
    ("", "numpy.ndarray"),
    ("os", "path.join"),
    ("numpy\x1b[2J", "\u2028"),
    ("_codecs", "decode"),
    ("collections", "deque"),
    ("builtins", "bytes.fromhex"),
    ("x" * 900, "y" * 900),
    ("x" * 5000, "y"),
):
    _label = ascii(f"{_module[:20]} {_attribute[:20]}")
    CASES[f"name {_label}"] = in_model(call(_module, _attribute))
    CASES[f"stacked name {_label}"] = in_model(stack_name(_module, _attribute) + b")R")

CASES |= {
    f"call {label}": in_model(value)
    for label, value in {
        "of a number": put(1) + b")R",
        "of an array": array() + b")R",
        "of ndarray": call("numpy", "ndarray", (2,)),
        "with a list": name("collections", "OrderedDict") + b"]R",
        "of OrderedDict with pairs": call("collections", "OrderedDict", [("a", 1)]),
        "of encode with rot13": call("_codecs", "encode", "abc", "rot13"),
        "of encode with bytes": call("_codecs", "encode", b"abc", "latin1"),
        "of encode with wide text": call("_codecs", "encode", "\u4e00", "latin1"),
        "of encode without codec": call("_codecs", "encode", "abc"),
        "of bytes with a size": call("builtins", "bytes", 2**40),
        "of bytearray with a size": call("builtins", "bytearray", 2**40),
        "of bytes with text": call("builtins", "bytes", "abc", "utf-8"),
        "of reconstruct without class": call("numpy._core.multiarray", "_reconstruct", None, (0,), b"b"),
        "of reconstruct of dtype": call(
            "numpy._core.multiarray", "_reconstruct", Raw(name("numpy", "dtype")), (0,), b"b"
        ),
        "of reconstruct with a shape": call("numpy._core.multiarray", "_reconstruct", NDARRAY, (2**40,), b"b"),
        "of reconstruct with False": call("numpy._core.multiarray", "_reconstruct", NDARRAY, (False,), b"b"),
        "of reconstruct with a code": call("numpy._core.multiarray", "_reconstruct", NDARRAY, (0,), b"O"),
        "of scalar with a long value": call("numpy._core.multiarray", "scalar", dtype(), bytes(9)),
        "of scalar without value": call("numpy._core.multiarray", "scalar", dtype()),
        "of scalar of text": call("numpy._core.multiarray", "scalar", "f8", bytes(8)),
        "of dtype to copy": call("numpy", "dtype", "f8", False, False),
        "of dtype of a list": call("numpy", "dtype", ["f8"], False, True),
        "of dtype alone": call("numpy", "dtype", "f8"),
        "never filled": EMPTY_ARRAY,
        "never ordered": array(kind=Raw(call("numpy", "dtype", "f8", False, True))),
        "that is a name": name("numpy", "ndarray"),
        "that is a dtype": dtype().code,
    }.items()
}

for _code in (
    *("O", "V8", "U4", "S3", "M8", "m8", "b1", "?", "c8", "c16", "f16", "g", "d", "f1", "i3", "i16"),
    *("f8,f8", "(2,)f8", "<f8", "f", "-8", "F8", "", "f8\n", "f\u0668"),
):
    CASES[f"dtype {_code!a}"] = in_model(array(kind=dtype(_code)))
for _state in (
    (),
    None,
    (3,),
    (4, *DTYPE_STATE[1:], {}),
    (2, *DTYPE_STATE[1:]),
    (True, *DTYPE_STATE[1:]),
    (3, "^", *DTYPE_STATE[2:]),
    (3, "<i8,", *DTYPE_STATE[2:]),
    (3, "", *DTYPE_STATE[2:]),
    (3, "<", ("f8", (2**40,)), None, None, -1, -1, 0),
    (3, "<", None, ("a",), {"a": 1}, -1, -1, 0),
    (3, "<", None, None, None, 2**40, -1, 0),
    (3, "<", None, None, None, -1, -1, 63),
):
    CASES[f"dtype state {_state!a}"] = in_model(array(kind=dtype(state=_state)))

SHAPES: dict[str, object] = {
    "negative": (-2,),
    "two negative": (-1, -2),
    "unknown": (-1,),
    "too large": (3,),
    "too small": (1,),
    "huge": (2**40,),
    "huge product": (2**62, 2**62),
    "zero by overflow": (2**32, 2**32),
    "huge without elements": (0, 2**39, 2**39),
    "beyond any index": (2**3000, 2),
    "of bool": (True, 2),
    "of float": (2.0,),
    "of text": ("2",),
    "of None": (None,),
    "of tuples": ((2,),),
    "of arrays": (Raw(array()),),
    "list": [2],
    "number": 2,
    "missing": None,
    "of 33 axes": (1,) * 32 + (2,),
    "of many axes": (1,) * 9_000 + (2,),
}
for _label, _shape in SHAPES.items():
    CASES[f"shape {_label}"] = in_model(array(shape=_shape))
    CASES[f"shape {_label} of a buffer"] = in_model(buffered(shape=_shape))

CASES |= {
    f"no elements in {label}": in_model(value)
    for label, value in {
        "far axes": array(shape=(0, 2**39, 2**39), raw=b""),
        "far axes of a buffer": buffered(shape=(0, 2**39, 2**39), raw=b""),
        "an axis beyond any index": array(shape=(0, 2**64), raw=b""),
        "negative axes": array(shape=(0, -1), raw=b""),
    }.items()
}
CASES |= {
    f"array {label}": in_model(value)
    for label, value in {
        "of version 0": array(version=0),
        "of version True": array(version=True),
        "with a number for the order": array(fortran=1),
        "with text for bytes": array(raw="\0" * 16),
        "with a list for bytes": array(raw=[0.0, 0.0]),
        "with text for the dtype": array(kind="f8"),
        "filled twice": array() + put((1, (2,), dtype(), False, bytes(16))) + BUILD,
        "filled with nothing": EMPTY_ARRAY + N + BUILD,
        "filled with four": EMPTY_ARRAY + put((1, (2,), dtype(), False)) + BUILD,
        "filled with a dict": EMPTY_ARRAY + put({"shape": (2,)}) + BUILD,
        "buffer of order A": buffered(order="A"),
        "buffer of order K without axes": buffered(order="K"),
        "buffer with axes twice": buffered(bytes(16), None, (2, 1), "K", (0, 0)),
        "buffer with axes of bool": buffered(bytes(16), None, (2, 1), "K", (False, True)),
        "buffer with far axes": buffered(bytes(16), None, (2, 1), "K", (0, 7)),
        "buffer of text": buffered(raw="x" * 16),
        "dtype ordered twice": array(kind=Raw(dtype().code + put(DTYPE_STATE) + BUILD)),
    }.items()
}

OBJECTS: dict[str, object] = {
    "object array": np.array([None, {}], dtype=object),
    "structured array": np.zeros(2, dtype=[("a", "f8")]),
    "text array": np.array(["a"]),
    "bytes array": np.array([b"a"]),
    "dates": np.array(["2020-01-01"], dtype="M8[D]"),
    "complex array": np.array([1j]),
    "bool array": np.array([True]),
    "masked array": np.ma.masked_array([1.0], [True]),
    "record array": np.zeros(2, dtype=[("a", "f8")]).view(np.recarray),
    "random generator": np.random.default_rng(0),
    "dtype": np.dtype("f8"),
    "float type": np.float64,
    "set": {1},
    "frozen set": frozenset({1}),
    "complex": 1j,
    "range": range(3),
    "slice": slice(3),
    "date": datetime.date(2020, 1, 1),
    "decimal": decimal.Decimal(1),
    "fraction": fractions.Fraction(1, 2),
    "path": pathlib.PurePosixPath("a"),
    "function": len,
    "class": dict,
    "exception": ValueError("a"),
    "ellipsis": ...,
    "default dict": collections.defaultdict(list),
    "deque": collections.deque([1]),
}
CASES |= {
    f"{label} in protocol {protocol}": pickle.dumps({"layer_0_W": value}, protocol)
    for label, value in OBJECTS.items()
    for protocol in (0, 2, 4, 5)
}

GOOD = {protocol: pickle.dumps(MODEL, protocol) for protocol in PROTOCOLS}
for _protocol, _raw in GOOD.items():
    for _tenth in range(1, 10):  # without its STOP no prefix is whole
        CASES[f"protocol {_protocol} cut at {_tenth}/10"] = _raw[: len(_raw) * _tenth // 10]
    CASES[f"protocol {_protocol} without its end"] = _raw[:-1]
    CASES[f"protocol {_protocol} and a byte"] = _raw + b"\0"
    CASES[f"protocol {_protocol} and another"] = _raw + _raw
    for _bit in range(8):
        CASES[f"protocol {_protocol} with bit {_bit} of its end flipped"] = _raw[:-1] + bytes([_raw[-1] ^ 1 << _bit])
    if _protocol in {1, 2, 3}:
        continue
    _start = _raw.index(b"numpy._core")
    for _i in range(_start, _start + 19):  # every letter of the name counts
        CASES[f"protocol {_protocol} with byte {_i} of a name flipped"] = (
            _raw[:_i] + bytes([_raw[_i] ^ 1]) + _raw[_i + 1 :]
        )


def doubled(before: bytes, start: bytes, after: bytes, levels: int = 40) -> bytes:
    """Return a value that holds another twice, which holds another twice, and so on: 2**40 in 40 steps."""
    steps = (b"q%c" % i + after.replace(b"h?", b"h%c" % i) for i in range(levels))
    return before * levels + start + b"".join(steps)


def nested(kind: str, levels: int) -> bytes:
    return {
        "list": MARK * levels + b"]" + b"l" * levels,
        "tuple": b")" + b"\x85" * levels,
        "dict": (MARK + put("k")) * levels + b"}" + b"d" * levels,
    }[kind]


for _kind in ("list", "tuple", "dict"):
    for _levels in (21, 1_000, 10_000, 100_000):
        CASES[f"{_kind} {_levels} deep"] = in_model(nested(_kind, _levels))
CASES |= {
    f"bomb: {label}": in_model(value)
    for label, value in {
        "lists that double": doubled(MARK, b"]", b"h?l"),
        "tuples that double": doubled(b"", b")", b"h?\x86"),
        "tuples that double 18 times": doubled(b"", b")", b"h?\x86", 18),
        "dicts that double": doubled(MARK + put("a"), b"}", put("b") + b"h?d"),
        "dict key that doubles": MARK + doubled(b"", b")", b"h?\x86") + b"Nd",
        "list in itself": b"]q\x00h\x00a",
        "dict in itself": b"}q\x00" + put("a") + b"h\x00s",
        "tuple in itself": b"]q\x00h\x00\x85q\x01a",
        "long list used often": put([1] * 999) + b"q\x00" + b"".join([MARK, b"h\x00" * 999, b"t"]) + b"\x86",
        "array used often": MARK + array(shape=(10_000,), raw=bytes(80_000)) + b"q\x00" + b"h\x00" * 999 + b"l",
        "bytes used often": put(bytes(80_000))
        + b"q\x00"
        + MARK
        + b"".join(array(shape=(10_000,), raw=Raw(b"h\x00")) for _ in range(99))
        + b"t\x86",
    }.items()
}
CASES |= {f"{opcode!r} a million times": (lambda opcode=opcode: opcode * 10**6) for opcode in (b"]", b"}", b"(", b"N")}
CASES |= {
    "a million memo entries": lambda: N + b"\x94" * 10**6,
    "a million texts": lambda: b"\x8c\x04\xf0\x9f\x98\x80" * 10**6,
    "8 MB of text with a wide character": lambda: put("a" * 8_000_000 + "\U0001f600"),
    "8 MB of escaped text with a wide character": lambda: b"V" + b"a" * 8_000_000 + b"\\U0001f600\n",
    "2 MB of wide text, four times": lambda: put(["\U0001f600" * 500_000] * 4),
    "9 MB of text": lambda: put("a" * 9_000_000) + STOP,
    "9 MB in one line": lambda: b"V" + b"a" * 9_000_000 + b"\n.",
    "9 MB in a number": lambda: b"L" + b"9" * 9_000_000 + b"L\n.",
    "9 MB of number": lambda: b"\x8b" + struct.pack("<I", 9_000_000) + bytes(9_000_000) + STOP,
    "9 MB in a name": lambda: b"c" + b"x" * 9_000_000 + b"\ny\n.",
    "4 MB of text, encoded 99 times": lambda: (
        put("\xe9" * 2_000_000) + b"q\x00" + call("_codecs", "encode", Raw(b"h\x00"), "latin1") * 99
    ),
    "80 MB of bytes, cut off": lambda: b"\x96" + struct.pack("<Q", 80_000_001) + bytes(80_000_000),
    "number of 5000 digits": b"L" + b"7" * 5_000 + b"L\n.",
    "index of 5000 digits": b"Np" + b"7" * 5_000 + b"\n.",
    "empty file": b"",
}
for _code, _width in (
    (b"T", 4),
    (b"X", 4),
    (b"B", 4),
    (b"\x8b", 4),
    (b"\x8d", 8),
    (b"\x8e", 8),
    (b"\x96", 8),
    (b"\x95", 8),
):
    for _length in (1_000, 2**31 - 1, 2**31, 2**32 - 1, 2**62, 2**63, 2**64 - 1):
        if _length < 256**_width:
            CASES[f"length {_length} for {_code!r}"] = _code + _length.to_bytes(_width, "little") + b"abc."

CASES |= {
    f"dict key {label}": MARK + key + b"Nd."
    for label, key in {
        "list": b"]",
        "dict": b"}",
        "tuple": b")",
        "tuple of lists": b"]\x85",
        "array": array(),
        "dtype": dtype().code,
        "name": NDARRAY.code,
        "None": N,
        "number": put(1),
        "NaN": put(float("nan")),
        "scalar": call("numpy._core.multiarray", "scalar", dtype(), bytes(8)),
        "bytes": put(b"layer_0_W"),
    }.items()
}
CASES |= {
    "item of a list": b"]" + put("a") + b"Ns.",
    "item of a number": put(1) + put("a") + b"Ns.",
    "items of an array": array() + MARK + put("a") + b"Nu.",
    "items of a tuple": b")" + MARK + put("a") + b"Nu.",
    "items of a name": NDARRAY.code + MARK + put("a") + b"Nu.",
    "odd items": b"}" + MARK + put("a") + b"u.",
    "odd dict": MARK + put("a") + b"d.",
    "append to a dict": b"}Na.",
    "append to a tuple": b")Na.",
    "append to an array": array() + b"Na.",
    "appends to None": b"N(Ne.",
    "state of a dict": b"}" + put({"a": 1}) + b"b.",
    "state of None": b"NNb.",
    "state of a name": NDARRAY.code + put({"__reduce__": 1}) + b"b.",
    "state of a module": b"cbuiltins\n__dict__\n" + put({"open": 1}) + b"b.",
    "name without text": b"NN\x93.",
    "name of bytes": put(b"numpy") + put(b"ndarray") + b"\x93.",
    "memo entry 5 of none": b"h\x05.",
    "memo entry 5 of none, long": b"j\x05\x00\x00\x00.",
    "memo entry 5 of none, text": b"g5\n.",
    "memo entry x": b"gx\n.",
    "number x": b"Ix\n.",
    "number 0x10": b"I0x10\n.",
    "number 1_0": b"I1_0\n.",
    "number in other digits": "I\u0661\n.".encode(),
    "number of nothing": b"L\n.",
    "fraction x": b"Fx\n.",
    "fraction of nothing": b"F\n.",
    "text that is not UTF-8": b"X\x02\x00\x00\x00\xff\xfe.",
    "text with a broken escape": b"V\\u12\n.",
    "text beyond Unicode": b"V\\Uffffffff\n.",
    "nothing": STOP,
    "two values": b"NN.",
    "an open mark": b"(N.",
    "an open mark below": b"N(.",
    "a mark alone": b"(.",
    "only a protocol": b"\x80\x04",
    "protocol 6": b"\x80\x06N.",
    "protocol 255": b"\x80\xffN.",
    "a name alone": NDARRAY.code + STOP,
    "PNG": b"\x89PNG\r\n\x1a\n" + bytes(99),
    "zip": b"PK\x03\x04" + bytes(99),
    "JSON": b'[{"input_dim": 4}]',
    "HTML": b"<!DOCTYPE html>",
    "text": "\u4f60\u597d\n".encode(),
}
CASES |= {f"{code!r} on an empty stack": code + STOP for code in (b"%c" % c for c in b"abdelqRstu\x85\x86\x87\x93\x94")}

_random = random.Random(20240229)
_alphabet = [op.code.encode("latin-1") for op in pickletools.opcodes if op.name != "STOP"]
for _i in range(30):  # with no STOP, and no byte that could be one, it is never valid
    _soup = b"".join(_random.choices([*_alphabet, b"\x00", b"\x01\x00\x00\x00", b"1\n", b"a\n"], k=80))
    CASES[f"soup {_i}"] = b"\x80\x04" + _soup
    CASES[f"soup {_i} in a model"] = MARK + put("layer_0_W") + array() + _soup


def test_there_are_enough_cases():
    assert len(CASES) >= 200
    assert len({case for case in CASES.values() if isinstance(case, bytes)}) >= 200


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("bad")  # one for all: a thousand folders cost more than the tests


@pytest.mark.parametrize("part", ["every seventh", slow("all others")])
def test_a_bad_file_is_refused_and_nothing_in_it_runs(folder, monkeypatch, part):
    monkeypatch.chdir(folder)
    for i, (label, content) in enumerate(CASES.items()):
        if (i % 7 == 0) == (part == "every seventh"):
            with case(label):
                check_refusal(saved(folder, content() if callable(content) else content), folder)


def check_refusal(path: pathlib.Path, folder: pathlib.Path) -> None:
    """Check that a file is refused in one line, in little memory, and that nothing in it runs."""
    size = path.stat().st_size
    tracemalloc.start()
    try:
        with pytest.raises(CheckpointError) as caught:
            read_pickle(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    message = str(caught.value)
    assert message.isprintable()  # so it is one line
    assert len(message) < 1_000
    assert "model_epoch_1.pkl" in message
    assert size == 0 or ("nothing in the file was run" in message and "byte " in message)
    assert [entry.name for entry in folder.iterdir()] == [path.name]
    assert peak < size + 64_000_000
    if size > 2_000_000:
        path.unlink()


@pytest.mark.parametrize("what", ["exec", "eval", "mkdir", "copy", "touch"])
@pytest.mark.parametrize("how", ["GLOBAL REDUCE", "STACK_GLOBAL REDUCE", "OBJ", "from the memo"])
def test_pickle_would_run_the_payloads(tmp_path, monkeypatch, what, how):
    path = saved(tmp_path, CASES[f"{what} by {how}"])
    monkeypatch.chdir(tmp_path)
    raw = path.read_bytes()
    if "STACK" not in how and what == "touch":
        raw = raw.replace(MARK, b"\x80\x04(", 1)  # a name with a dot needs protocol 4
    pickle.loads(raw)
    assert (tmp_path / "ran").exists()


def test_random_changes_give_a_value_or_one_refusal(tmp_path):
    chance = random.Random(7)
    for _ in range(500):
        raw = bytearray(GOOD[chance.choice(PROTOCOLS)])
        for _ in range(chance.randint(1, 4)):
            raw[chance.randrange(len(raw))] = chance.choice([chance.randrange(256), *b"(RbtdN)]}.\x85\x93\x94"])
        with contextlib.suppress(CheckpointError):
            read_pickle(saved(tmp_path, bytes(raw)))


@pytest.mark.parametrize("protocol", slow_except([4, 5], 5))
def test_a_large_model_is_read_without_a_copy(tmp_path, protocol):
    path = saved(tmp_path, pickle.dumps({"layer_0_W": np.zeros((10_000, 900))}, protocol))
    size = path.stat().st_size
    tracemalloc.start()
    try:
        found = read_pickle(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        path.unlink()
    assert isinstance(found, dict)
    assert found["layer_0_W"].shape == (10_000, 900)
    assert peak < size + 1_000_000


@pytest.mark.parametrize("protocol", [0, 2])
def test_a_model_too_large_for_an_old_protocol_is_refused_with_the_advice_to_use_a_new_one(tmp_path, protocol):
    path = saved(tmp_path, pickle.dumps({"layer_0_W": np.zeros(9_000_000, "u1") + 65}, protocol))
    with pytest.raises(CheckpointError, match="pickle protocol 4"):
        read_pickle(path)
    path.unlink()


def test_the_message_names_file_global_and_byte(tmp_path):
    path = saved(tmp_path, in_model(call("os", "system", "echo > ran")))
    with pytest.raises(CheckpointError) as caught:
        read_pickle(path)
    assert str(caught.value) == (
        f"{path}: global 'os.system' is not one that NumPy writes for arrays (byte 15, GLOBAL); nothing in the "
        "file was run; use an undamaged file that holds a plain dictionary of NumPy arrays"
    )


def test_paths_that_are_no_files_give_a_one_line_error(tmp_path):
    (tmp_path / "file").write_bytes(b"N.")
    for path in (tmp_path, tmp_path / "none\n.pkl", tmp_path / "file" / "model.pkl", str(tmp_path / "a\0b"), ""):
        with pytest.raises(CheckpointError) as caught:
            read_pickle(path)
        assert str(caught.value).isprintable()


def test_a_file_over_the_limit_is_refused_unread(tmp_path):
    path = tmp_path / "large.pkl"
    with path.open("wb") as file:
        file.truncate(2**30 + 1)  # sparse: it takes no room on the disk
    with pytest.raises(CheckpointError, match="1,073,741,825 bytes"):
        read_pickle(path)
    path.unlink()


def test_a_file_without_permission_is_a_machine_error(tmp_path, monkeypatch):
    path = saved(tmp_path, N + STOP)

    def refuse(*_args: object, **_keywords: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(pathlib.Path, "open", refuse)
    with pytest.raises(MachineError, match="Permission denied"):
        read_pickle(path)


def test_too_little_memory_is_a_machine_error(tmp_path, monkeypatch):
    def fail(*_args: object, **_keywords: object) -> None:
        raise MemoryError

    monkeypatch.setattr("barenet.pickles.reader._Interpreter.run", fail)
    with pytest.raises(MachineError, match="does not fit into memory"):
        read_pickle(saved(tmp_path, N + STOP))


def test_values_are_described_in_a_few_printable_characters():
    assert describe("a\nb") == r"'a\nb'"
    assert describe([["secret"]]) == "a value of type list"
    assert describe(2**20_000) == "a value of type int"
    assert describe(None) == "None"
    assert one_line("a\r\n\x1b[2J\u2028") == r"a\r\n\x1b[2J\u2028"
    assert one_line("a" * 9, 3) == "aaa..."
