"""Damage files of each kind in many ways that fit their formats.

A damaged file depends only on the generator of random numbers, so that it can be made again.
"""

from __future__ import annotations

import gzip
import io
import json
import pickle
import struct
import warnings
import zipfile
from collections.abc import Callable

import numpy as np

SIZES = (0, 1, 127, 128, 255, 256, 2**15, 2**16 - 1, 2**24, 2**31 - 1, 2**31, 2**32 - 1, 2**40, 2**63 - 1, 2**64 - 1)
# Difficult words for a text parser: many digits, deep brackets, invalid numbers, other scripts, half a letter.
WORDS = (
    *(b"9" * 5000, b"[" * 5000, b"{" * 3000, b'{"a":' * 2000, b"9223372036854775807", b"-1", b"0", b"1e400", b"nan"),
    *(b"NaN", b"-inf", b"Infinity", b"1_5", "٣".encode(), b"0x10", b"\xff\xfe", b"\xed\xb2\x80", b"\0", b"'", b'"'),
    *(b"'''", b",", b";", b"\t", b"\n", b"\r", b"#", b"=", b"1979-05-27", b"true", b"null", b"[]", b"{}"),
    *(b"\xef\xbb\xbf", b'"\\ud800"', b"\x1b[31m", "\u202e".encode(), b"a" * 200_000, b"'''\n" * 500),
)
VALUES = (None, True, -1, 0, 2.5, np.nan, np.inf, 10**30, "", "x", "\udc80", [], [1, "a"], [[]], {}, {"a": 1}, [None])


def damage_bytes(content: bytes, rng: np.random.Generator) -> bytes:  # noqa: PLR0911 (one for each kind of damage)
    """Return a file with a flipped bit, cut, longer, or with another number in a field, for any format."""
    at, n = int(rng.integers(len(content) + 1)), int(rng.integers(1, 9))
    kind = int(rng.integers(8))
    if kind == 0:
        own = bytearray(content or b"\0")
        for _ in range(n):
            own[int(rng.integers(len(own)))] ^= 1 << int(rng.integers(8))
        return bytes(own)
    if kind == 1:
        return content[:at]
    if kind == 2:
        return content + rng.bytes(n * 10)
    if kind == 3:  # a field of a header, which is near the beginning
        at = min(at, int(rng.integers(1, 64)))
        size, order = int(rng.choice([1, 2, 4, 8])), str(rng.choice(["little", "big"]))
        value = int(SIZES[rng.integers(len(SIZES))]) % 256**size
        return content[:at] + value.to_bytes(size, "little" if order == "little" else "big") + content[at + size :]
    if kind == 4:
        a, b = sorted((at, int(rng.integers(len(content) + 1))))
        first, second = content[a : a + n * 4], content[b : b + n * 4]
        return content[:a] + second + content[a + n * 4 : b] + first + content[b + n * 4 :]
    if kind == 5:
        return content[:at] + content[at + n :]
    if kind == 6:
        return content[:at] + content[at : at + n * 8] * 3 + content[at + n * 8 :]
    return damage_text(content, rng)


def damage_text(content: bytes, rng: np.random.Generator) -> bytes:
    """Return a text with a word that is difficult for a parser, in place of a piece of it or between two pieces."""
    at, n = int(rng.integers(len(content) + 1)), int(rng.integers(0, 12))
    return content[:at] + WORDS[rng.integers(len(WORDS))] + content[at + n :]


def damage_npy(content: bytes, rng: np.random.Generator) -> bytes:
    """Return an .npy file whose header says something else, or whose bytes are damaged."""
    if rng.random() < 0.5:
        return damage_bytes(content, rng)
    (n_header,) = struct.unpack("<H", content[8:10])
    text, body = content[10 : 10 + n_header], content[10 + n_header :]
    dtypes = (b"'<f8'", b"'|O'", b"'<U9999999'", b"'|V0'", b"'<M8[ns]'", b"[('a', '<f8')]", b"('<f8', (3,))", b"'z'")
    shapes = (b"(-1,)", b"()", b"(0, 99999999999)", b"(1" + b"0" * 5000 + b",)", b"(True, 4)", b"(4.0, 2)", b"(" * 400)
    kind = int(rng.integers(4))
    if kind == 0:
        start = text.index(b"'descr': ") + 9
        text = text[:start] + dtypes[rng.integers(len(dtypes))] + text[text.index(b",", start) :]
    elif kind == 1:
        start = text.index(b"'shape': ") + 9
        text = text[:start] + shapes[rng.integers(len(shapes))] + b", }\n"
    elif kind == 2:
        text = damage_text(text, rng)
    else:
        body = damage_bytes(body, rng)
    return content[:8] + struct.pack("<H", len(text) % 2**16) + text + body


def damage_npz(content: bytes, rng: np.random.Generator) -> bytes:
    """Return an .npz file with a damaged member, a member twice or by another name, or damage anywhere."""
    if rng.random() < 0.4:
        return damage_bytes(content, rng)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = [(name, archive.read(name)) for name in archive.namelist()]
    which, kind = int(rng.integers(len(members))), int(rng.integers(4))
    name, own = members[which]
    if kind <= 1:
        members[which] = (name, damage_npy(own, rng))
    elif kind == 2:
        members.append((name, own))
    else:
        names = ("../x.npy", "/x.npy", "C:\\x.npy", "x\0.npy", "y_train", "x_train.npy/", "\ufeffx.npy", "_")
        members[which] = (names[rng.integers(len(names))], own)
    packing = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)[rng.integers(4)]
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", packing) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Python warns of a name that comes twice, which is wanted here
        for name, own in members:
            info = zipfile.ZipInfo(name)
            info.compress_type = packing
            with archive.open(info, "w") as member:
                member.write(own)
    return file.getvalue()


def damage_packed(content: bytes, rng: np.random.Generator) -> bytes:
    """Return a gzip file that is damaged, or holds something damaged, or another gzip file."""
    if rng.random() < 0.5:
        return damage_bytes(content, rng)
    inside = gzip.decompress(content)
    return gzip.compress(content if rng.random() < 0.05 else damage_bytes(inside, rng), 1, mtime=0)


def damage_values(values: object, rng: np.random.Generator) -> object:
    """Return nested dictionaries and lists in which one value, one entry or one name was changed."""
    if isinstance(values, dict) and values:
        key, kind = list(values)[rng.integers(len(values))], int(rng.integers(10))
        if kind == 0:
            return {name: value for name, value in values.items() if name != key}
        if kind == 1:
            return {**values, "another": VALUES[rng.integers(len(VALUES))]}
        return {**values, key: damage_values(values[key], rng)}
    if isinstance(values, list) and values and rng.random() < 0.7:
        at = int(rng.integers(len(values)))
        return [*values[:at], damage_values(values[at], rng), *values[at + int(rng.integers(0, 2)) :]]
    return VALUES[rng.integers(len(VALUES))]


def damage_json(content: bytes, rng: np.random.Generator) -> bytes:
    """Return a JSON text with another value in it, or damaged."""
    if rng.random() < 0.5:
        return damage_bytes(content, rng)
    return json.dumps(damage_values(json.loads(content), rng)).encode()


def damage_pickle(content: bytes, rng: np.random.Generator) -> bytes:
    """Return a pickle of other values, or a damaged one."""
    if rng.random() < 0.6:
        return damage_bytes(content, rng)
    values = pickle.loads(content)  # made by the test itself
    return pickle.dumps(damage_values(values, rng), protocol=int(rng.integers(6)))


DAMAGES: dict[str, Callable[[bytes, np.random.Generator], bytes]] = {
    "bytes": damage_bytes,
    "text": lambda content, rng: (damage_text if rng.random() < 0.6 else damage_bytes)(content, rng),
    "npy": damage_npy,
    "npz": damage_npz,
    "gz": damage_packed,
    "json": damage_json,
    "pkl": damage_pickle,
}
